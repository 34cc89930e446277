import { describe, expect, it } from "vitest";
import { diffFields, diffLines, folded, type DiffRow } from "./diff";

const short = (rows: DiffRow[]) => rows.map((row) => `${{ same: "=", changed: "~", removed: "-", added: "+" }[row.kind]}${row.left ?? ""},${row.right ?? ""}`).join(" ");
const lines = (text: string) => text.split("");

/** Both sides can be read off the rows, and equal rows are equal. */
function consistent(left: string[], right: string[]): DiffRow[] {
  const rows = diffLines(left, right);
  expect(rows.filter((row) => row.left !== null).map((row) => row.left)).toEqual(left.map((_, i) => i + 1));
  expect(rows.filter((row) => row.right !== null).map((row) => row.right)).toEqual(right.map((_, i) => i + 1));
  for (const row of rows) {
    if (row.kind === "same") expect(left[(row.left as number) - 1]).toBe(right[(row.right as number) - 1]);
  }
  return rows;
}

describe("lines", () => {
  it("finds what was added, removed and changed", () => {
    expect(short(diffLines(lines("abc"), lines("abc")))).toBe("=1,1 =2,2 =3,3");
    expect(short(diffLines(lines("abc"), lines("axbc")))).toBe("=1,1 +,2 =2,3 =3,4");
    expect(short(diffLines(lines("abcd"), lines("ad")))).toBe("=1,1 -2, -3, =4,2");
    expect(short(diffLines(lines("abc"), lines("xbz")))).toBe("~1,1 =2,2 ~3,3");
    expect(short(diffLines([], ["a"]))).toBe("+,1");
    expect(diffLines([], [])).toEqual([]);
  });

  it("finds the shortest difference", () => {
    const rows = consistent(lines("abcabba"), lines("cbabac"));
    expect(rows.filter((row) => row.kind === "same")).toHaveLength(4);
  });

  it("is right for many pairs of texts", () => {
    let seed = 7;
    const random = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
    for (let round = 0; round < 300; round++) {
      const text = () => Array.from({ length: random(14) }, () => "abc"[random(3)] as string);
      const [left, right] = [text(), text()];
      const rows = consistent(left, right);
      expect(rows.filter((row) => row.kind === "same"), `${left.join("")} ${right.join("")}`).toHaveLength(longestCommon(left, right));
    }
  });

  it("gives up on exactness, not on time, when everything differs", () => {
    const left = Array.from({ length: 20_000 }, (_, i) => `left ${i}`);
    const right = Array.from({ length: 20_000 }, (_, i) => `right ${i}`);
    const rows = diffLines(left, right);
    expect(rows).toHaveLength(20_000);
  });

  it("folds equal stretches", () => {
    const left = Array.from({ length: 40 }, (_, i) => `${i}`);
    const right = left.with(20, "x");
    const rows = folded(diffLines(left, right));
    expect(rows.map((row) => row.hidden ?? row.kind)).toEqual([17, "same", "same", "same", "changed", "same", "same", "same", 16]);
  });
});

function longestCommon(left: string[], right: string[]): number {
  const table = Array.from({ length: left.length + 1 }, () => new Array<number>(right.length + 1).fill(0));
  for (let i = 1; i <= left.length; i++) {
    for (let j = 1; j <= right.length; j++) {
      (table[i] as number[])[j] = left[i - 1] === right[j - 1] ? (table[i - 1]?.[j - 1] ?? 0) + 1 : Math.max(table[i - 1]?.[j] ?? 0, table[i]?.[j - 1] ?? 0);
    }
  }
  return table[left.length]?.[right.length] ?? 0;
}

describe("fields", () => {
  it("pairs by name, duplicates by value first", () => {
    const rows = diffFields([["Set-Cookie", "a"], ["Set-Cookie", "b"], ["Date", "1"], ["Old", "x"]], [["date", "2"], ["set-cookie", "b"], ["set-cookie", "a"], ["New", "y"]]);
    expect(rows.map((row) => [row.name, row.kind])).toEqual([["Set-Cookie", "same"], ["Set-Cookie", "same"], ["Date", "changed"], ["Old", "removed"], ["New", "added"]]);
  });
});
