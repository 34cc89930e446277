//! Recorded text among the page's own words: whatever direction it has, and whatever it says about directions, the words
//! after it keep their place (UAX #9). Where text has an element of its own, `bdi` or `unicode-bidi: isolate` does that.

const TURNS = /[\p{Bidi_Control}\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;
const CONTROLS = /\p{Bidi_Control}/gu;
const [FIRST_STRONG_ISOLATE, POP_ISOLATE] = ["\u2068", "\u2069"];

/** Whether it may move what stands beside it. */
export function turns(text: string): boolean {
  return TURNS.test(text);
}

/** As it can stand within a sentence, a tooltip or a label: isolated, with marks that turn text around told by their numbers. */
export function isolated(text: string): string {
  if (!turns(text)) return text;
  const told = text.replace(CONTROLS, (mark) => `[U+${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);
  return `${FIRST_STRONG_ISOLATE}${told}${POP_ISOLATE}`;
}
