//! Where a filter is wrong, as three pieces of its text. Offsets count characters (code points), as the server does.

export interface Marked {
  before: string;
  wrong: string;
  after: string;
}

export function mark(text: string, offset: number, length: number): Marked {
  const characters = Array.from(text);
  const from = Math.min(Math.max(0, offset), characters.length);
  const to = Math.min(from + Math.max(1, length), characters.length);
  return {
    before: characters.slice(0, from).join(""),
    // past the end of the text something is missing: the mark needs a place
    wrong: to > from ? characters.slice(from, to).join("") : " ",
    after: characters.slice(to).join(""),
  };
}
