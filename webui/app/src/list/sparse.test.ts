import { describe, expect, it } from "vitest";
import { SparseRows } from "./sparse";

const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => ({ id: from + i }));
const ids = (list: SparseRows<{ id: number }>, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => list.at(from + i)?.id);

describe("pages", () => {
  it("finds what is missing and joins neighbours", () => {
    const list = new SparseRows();
    list.total = 1000;
    list.put(800, rows(801, 1001), "older", null);
    expect(list.gap(790, 830)).toEqual([790, 800]);
    expect(list.gap(800, 1000)).toBeNull();
    expect(list.startingAt(800)?.before).toBe("older");
    list.put(600, rows(601, 801), "still older");
    expect(list.gap(600, 1000)).toBeNull();
    expect(list.startingAt(600)?.before).toBe("still older");
    expect(list.startingAt(600)?.after).toBeNull();
    expect(list.gap(0, 1000)).toEqual([0, 600]);
  });

  it("fills a hole between two runs", () => {
    const list = new SparseRows();
    list.total = 600;
    list.put(0, rows(1, 201));
    list.put(400, rows(401, 601));
    expect(list.gap(100, 500)).toEqual([200, 400]);
    list.put(200, rows(201, 401));
    expect(list.gap(0, 600)).toBeNull();
    expect(list.indexOf(300)).toBe(299);
  });

  it("overwrites an overlap and drops a run that is out of date", () => {
    const list = new SparseRows();
    list.total = 500;
    list.put(100, rows(101, 201));
    list.put(150, rows(151, 251));
    expect(ids(list, 148, 152)).toEqual([149, 150, 151, 152]);
    expect(list.size).toBe(150);
    list.put(300, rows(121, 131)); // 121 was believed to stand at 120
    expect(list.at(120)).toBeUndefined();
    expect(list.at(300)?.id).toBe(121);
  });

  it("forgets what is far away, except both ends", () => {
    const list = new SparseRows();
    list.put(0, rows(1, 2001), null, null);
    list.trim(1000, 1040, 100, 50);
    expect(list.size).toBe(50 + 240 + 50);
    expect(list.at(0)?.id).toBe(1);
    expect(list.at(1999)?.id).toBe(2000);
    expect(list.at(899)).toBeUndefined();
    expect(list.startingAt(900)?.before).toBeUndefined();
    expect(list.total).toBe(2000);
  });
});

describe("changes in a list by number", () => {
  const tail = () => {
    const list = new SparseRows();
    list.total = 1000;
    list.put(900, rows(901, 1001), "older", null);
    return list;
  };

  it("appends, updates and slips late rows in", () => {
    const list = tail();
    expect(list.place({ id: 1005 }, true)).toBe("inserted");
    expect(list.place({ id: 1003 }, true)).toBe("inserted");
    expect(list.place({ id: 1003 }, true)).toBe("updated");
    expect(ids(list, 999, 1002)).toEqual([1000, 1003, 1005]);
    expect(list.total).toBe(1002);
  });

  it("does not guess about rows that are not at hand", () => {
    const list = tail();
    expect(list.place({ id: 12 }, true)).toBe("beyond");
    expect(list.total).toBe(1000);
  });

  it("takes the first row of an empty list", () => {
    const list = new SparseRows();
    expect(list.place({ id: 7 }, true)).toBe("inserted");
    expect(list.place({ id: 5 }, true)).toBe("inserted");
    expect(ids(list, 0, 2)).toEqual([5, 7]);
  });

  it("removes rows and moves the rest up", () => {
    const list = tail();
    list.put(0, rows(1, 101), null, "on");
    expect(list.remove(50)).toBe(true);
    expect(list.remove(500)).toBe(false);
    expect(list.total).toBe(999);
    expect(list.at(49)?.id).toBe(51);
    expect(list.at(899)?.id).toBe(901);
    expect(list.at(998)?.id).toBe(1000);
  });

  it("puts the newest first when the order is descending", () => {
    const list = new SparseRows();
    list.total = 500;
    list.put(0, [{ id: 500 }, { id: 499 }, { id: 498 }], null, "on");
    list.put(400, [{ id: 100 }, { id: 99 }]);
    expect(list.place({ id: 501 }, false)).toBe("inserted");
    expect(list.at(0)?.id).toBe(501);
    expect(list.at(401)?.id).toBe(100);
    expect(list.place({ id: 3 }, false)).toBe("beyond");
    expect(list.total).toBe(501);
  });
});
