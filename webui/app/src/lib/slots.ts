//! Which row stands in which element, where elements are used again.

/**
 * The rows from `first` to before `last`: each that was there stays where it was, each that comes takes the place of one that
 * went. So a list that scrolls changes the text of a few elements, and makes and drops none.
 */
export function taken(before: readonly number[], first: number, last: number): number[] {
  const there = new Set(before);
  const coming: number[] = [];
  for (let index = first; index < last; index++) if (!there.has(index)) coming.push(index);
  let next = 0;
  const after: number[] = [];
  for (const index of before) {
    if (index >= first && index < last) after.push(index);
    else if (next < coming.length) after.push(coming[next++] as number);
  }
  return after.concat(coming.slice(next));
}

/** Whether the elements stand in the order of their rows, as those who read the document expect. */
export function inOrder(rows: readonly number[]): boolean {
  return rows.every((row, at) => at === 0 || row > (rows[at - 1] as number));
}
