//! Which row stands in which element, where elements are used again.

/** An element, by a number of its own, and the row that stands in it. */
export interface Slot {
  readonly element: number;
  readonly row: number;
}

/**
 * The rows from `first` to before `last`: each that was there stays where it was, each that comes takes the place of one that
 * went. So a list that scrolls changes the text of a few elements, and makes and drops none.
 */
export function taken(before: readonly Slot[], first: number, last: number): Slot[] {
  const there = new Set(before.map((slot) => slot.row));
  const coming: number[] = [];
  for (let row = first; row < last; row++) if (!there.has(row)) coming.push(row);
  let next = 0;
  const after: Slot[] = [];
  for (const slot of before) {
    if (slot.row >= first && slot.row < last) after.push(slot);
    else if (next < coming.length) after.push({ element: slot.element, row: coming[next++] as number });
  }
  let element = before.reduce((most, slot) => Math.max(most, slot.element), -1);
  return after.concat(coming.slice(next).map((row) => ({ element: ++element, row })));
}

/** The same in the order of the rows, as those who read the document expect: elements move, none gets another row. */
export function sorted(slots: readonly Slot[]): Slot[] {
  return [...slots].sort((a, b) => a.row - b.row);
}

/** Whether they stand in that order. */
export function inOrder(slots: readonly Slot[]): boolean {
  return slots.every((slot, at) => at === 0 || slot.row > (slots[at - 1] as Slot).row);
}
