//! Finding a command by some of its letters.

/** How well letters fit a text: higher is better, null is not at all. Whole words and beginnings count most. */
export function score(text: string, wanted: string): number | null {
  const [inside, letters] = [text.toLowerCase(), wanted.toLowerCase().trim()];
  if (letters === "") return 0;
  const whole = inside.indexOf(letters);
  if (whole >= 0) return 1000 - whole - inside.length / 100 + (whole === 0 || inside[whole - 1] === " " ? 500 : 0);
  let at = -1;
  let sum = 0;
  for (const letter of letters.replace(/\s+/g, "")) {
    const next = inside.indexOf(letter, at + 1);
    if (next < 0) return null;
    sum += next === at + 1 ? 8 : inside[next - 1] === " " ? 6 : 1;
    at = next;
  }
  return sum - inside.length / 100;
}

/** The fitting ones, best first; equally good ones keep their order. */
export function find<T>(all: readonly T[], wanted: string, text: (one: T) => string): T[] {
  return all
    .flatMap((one) => {
      const fits = score(text(one), wanted);
      return fits === null ? [] : [{ one, fits }];
    })
    .sort((a, b) => b.fits - a.fits)
    .map(({ one }) => one);
}
