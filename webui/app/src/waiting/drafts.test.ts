import { describe, expect, it } from "vitest";
import type { WaitingMessage } from "../lib/types";
import { answerOf, changed, draft, drafts, editOf } from "./drafts.svelte";
import { stopped } from "./stopped.svelte";
import { left, span } from "./times";
import { title } from "./title";

const message: WaitingMessage = {
  id: 3, flow: 7, rule: "stop", stage: "request", since: "2026-11-22T03:00:00Z", until: null, version: 2, gone: false,
  method: "POST", url: "http://a.test/x", status: null, headers: [["Host", "a.test"], ["X-Odd", " 1"]], body: { text: "a=1" }, body_unseen: null,
};

class Kept {
  all = new Map<string, string>();
  getItem = (key: string) => this.all.get(key) ?? null;
  setItem = (key: string, value: string) => void this.all.set(key, value);
  removeItem = (key: string) => void this.all.delete(key);
}

describe("an edit of what waits", () => {
  it("names only what differs", () => {
    const mine = draft(message);
    expect(editOf(mine, message)).toEqual({ version: 2 });
    expect(changed(editOf(mine, message))).toBe(false);
    mine.method = "PUT ";
    mine.headers = [["host", "a.test"], ["", "nothing yet"]];
    if (mine.body) mine.body.text = "a=2";
    expect(editOf(mine, message)).toEqual({ version: 2, method: "PUT", headers: [["host", "a.test"]], body: { text: "a=2" } });
    expect(changed(editOf(mine, message))).toBe(true);
  });

  it("says what cannot be sent", () => {
    const response: WaitingMessage = { ...message, stage: "response", status: 200 };
    const mine = draft(response);
    mine.status = 404;
    expect(editOf(mine, response)).toEqual({ version: 2, status: 404 });
    mine.status = null;
    expect(editOf(mine, response)).toContain("200 to 599");
    mine.status = 200;
    mine.body = { mode: "hex", text: "", newline: "\n", hex: "4" };
    expect(editOf(mine, response)).toContain("no whole number");
    mine.answer.status = 99;
    expect(answerOf(mine)).toContain("200 to 599");
    mine.answer.status = 503;
    expect(answerOf(mine)).toMatchObject({ status: 503, version: 2, body: { text: "{}" } });
  });

  it("says so where lengths are meant as they are written, but of messages, which have none", () => {
    const mine = { ...draft(message), asWritten: true };
    expect(editOf(mine, message)).toEqual({ version: 2, as_written: true });
    expect(answerOf(mine)).not.toHaveProperty("as_written");
    mine.answer.asWritten = true;
    expect(answerOf(mine)).toMatchObject({ status: 200, as_written: true });
    const data: WaitingMessage = { ...message, stage: "message", headers: [], message: { sender: "client", kind: "text" } };
    expect(editOf({ ...draft(data), asWritten: true }, data)).toEqual({ version: 2 });
  });

  it("leaves a body alone that could not be held", () => {
    const large: WaitingMessage = { ...message, body: null, body_unseen: "it is larger than 8 MiB" };
    expect(draft(large).body).toBeNull();
    expect(editOf(draft(large), large)).toEqual({ version: 2 });
  });

  it("is kept while the page is loaded again, for that message alone", () => {
    const storage = new Kept() as unknown as Storage;
    const mine = { ...draft(message), method: "PATCH" };
    drafts.keep(message, mine);
    drafts.keepAll(storage);
    drafts.forget(message);
    expect(drafts.find(message)).toBeUndefined();
    drafts.takeBack(storage);
    expect(drafts.find(message)?.method).toBe("PATCH");
    expect(drafts.find({ id: 3, since: "2026-11-23T00:00:00Z" })).toBeUndefined();
  });
});

describe("what waits", () => {
  it("is not there again when it was decided here", () => {
    stopped.heard([message, { ...message, id: 4, gone: true }]);
    expect(stopped.now.map((item) => item.id)).toEqual([3]);
    expect(stopped.ofFlow(7)?.id).toBe(3);
    stopped.decided(3);
    // a list that was on its way
    stopped.heard([message, { ...message, id: 4, gone: true }]);
    expect(stopped.now).toEqual([]);
    expect(stopped.gaveUp.map((item) => item.id)).toEqual([4]);
    stopped.putAside([4]);
    expect(stopped.shown).toEqual([]);
  });

  it("is told in the tab and in whole seconds", () => {
    expect(title(0, 0)).toBe("overhear");
    expect(title(1, 0)).toBe("● (1) A message waits · overhear");
    expect(title(2, 1)).toBe("● (2) Messages wait · (1) A device waits · overhear");
    expect([0, -5, 59_999, 65_000, 3_780_000].map(span)).toEqual(["0 s", "0 s", "59 s", "1 min 5 s", "1 h 3 min"]);
    expect(left("2026-11-22T03:00:10Z", Date.parse("2026-11-22T03:00:00.001Z"))).toBe("10 s");
  });
});
