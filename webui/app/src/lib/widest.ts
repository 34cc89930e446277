//! How wide a text can be, without asking the browser to lay it out.
//!
//! What may be too long for its place is clipped, and every element that clips costs each frame of a scrolling list: so those that
//! surely fit do not.

/** The width of a character in pixels. */
export type Measure = (character: string) => number;

/** Beside the sum of the characters: rounding, letters that are set wider apart, bold ones. */
const SLACK = 1.06;

/** The most pixels a text of printable ASCII can take; nothing is known of others. */
export function widest(widths: readonly number[], text: string): number {
  let sum = 0;
  for (let at = 0; at < text.length; at++) sum += widths[text.charCodeAt(at) - 32] ?? Infinity;
  return sum * SLACK;
}

/** The widths of printable ASCII; a digit is as wide as the widest. */
export function ascii(measure: Measure): number[] {
  const widths = Array.from({ length: 95 }, (_, at) => measure(String.fromCharCode(at + 32)));
  const digit = Math.max(...widths.slice(16, 26));
  return widths.map((width, at) => (at >= 16 && at < 26 ? digit : width));
}

const known = new Map<string, number[]>();

/** As [`ascii`], of a font as CSS writes it, or of a variable of ours as its family: "500 12px --ui". */
export function widthsOf(font: string): number[] {
  let widths = known.get(font);
  if (!widths) {
    const pen = document.createElement("canvas").getContext("2d");
    if (!pen) return [];
    const style = getComputedStyle(document.documentElement);
    pen.font = font.replace(/--\w+$/, (name) => style.getPropertyValue(name).trim());
    widths = ascii((character) => pen.measureText(character).width);
    known.set(font, widths);
  }
  return widths;
}
