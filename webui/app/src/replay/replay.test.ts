import { describe, expect, it } from "vitest";
import type { FlowDetail } from "../lib/types";
import { diffFields, diffLines, folded, type DiffRow } from "./diff";
import { draftOf, editableText, followHost, parseRaw, rawOf, requestOf } from "./draft";

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
    const started = performance.now();
    const rows = diffLines(left, right);
    expect(rows).toHaveLength(20_000);
    expect(performance.now() - started).toBeLessThan(3000);
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

describe("the draft", () => {
  const flow = {
    method: "POST", url: "https://a.test/x",
    request: { version: "HTTP/2", headers: [[":method", "POST"], ["host", "a.test"], ["Content-Encoding", "gzip"], ["Proxy-Connection", "x"], ["X-a", "1"], ["x-A", "2"]], body_size: 5 },
  } as unknown as FlowDetail;

  it("keeps the fields in order, without what is not the request's", () => {
    const draft = draftOf(flow);
    expect(rawOf(draft.headers)).toBe("host: a.test\nContent-Encoding: gzip\nX-a: 1\nx-A: 2");
    expect(draft.version).toBe("HTTP/2");
  });

  it("sends recorded bytes while nobody changed the text", () => {
    const draft = { ...draftOf(flow), mode: "text" as const, text: "abc", recorded: "abc" };
    expect(requestOf(draft, 3).body).toEqual({ flow: 3 });
    expect(requestOf(draft, 3).headers).toHaveLength(4);
    const changed = requestOf({ ...draft, text: "abcd" }, 3);
    expect(changed.body).toEqual({ text: "abcd" });
    expect(changed.headers.map(([name]) => name)).toEqual(["host", "X-a", "x-A"]);
    expect(requestOf({ ...draft, text: "a\nb", newline: "\r\n" }, 3).body).toEqual({ text: "a\r\nb" });
    expect(requestOf({ ...draft, mode: "none" }, 3).body).toBeUndefined();
  });

  it("reads a raw head and says which line is wrong", () => {
    expect(parseRaw("Host: a\n\nX:1\n:scheme: https")).toEqual({ headers: [["Host", "a"], ["X", "1"], [":scheme", "https"]], wrong: null });
    expect(parseRaw("Host: a\nnonsense").wrong).toBe(2);
  });

  it("lets Host follow the URL", () => {
    expect(followHost([["HOST", "a.test"]], "https://a.test/x", "http://b.test:81/x")).toEqual([["HOST", "b.test:81"]]);
    expect(followHost([["Host", "other"]], "https://a.test/x", "https://b.test/x")).toEqual([["Host", "other"]]);
    expect(followHost([["Host", "a.test"]], "https://a.test/", "https:/")).toEqual([["Host", "a.test"]]);
  });

  it("edits only what comes back as the same bytes", () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    expect(editableText(bytes("grün"), null)).toEqual({ text: "grün", newline: "\n" });
    expect(editableText(bytes("\ufeffx"), null)).toEqual({ text: "\ufeffx", newline: "\n" });
    expect(editableText(bytes("a\r\nb"), null)).toEqual({ text: "a\nb", newline: "\r\n" });
    expect(editableText(bytes("a\r\nb\nc"), null)).toBeNull();
    expect(editableText(bytes("a\rb"), null)).toBeNull();
    expect(editableText(Uint8Array.of(0xfc, 0x67), "text/plain")).toBeNull();
    expect(editableText(Uint8Array.of(0, 1), "text/plain")).toBeNull();
  });
});
