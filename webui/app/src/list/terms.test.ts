import { describe, expect, it } from "vitest";
import type { Flow } from "../lib/types";
import { address, alternatives, asked, bare, both, escaped, regexTerm, term, without } from "./terms";

describe("terms of the filter language", () => {
  it("mean the value itself", () => {
    expect(term("host", "a.test")).toBe("host:a.test");
    expect(term("host", "a.test:8080")).toBe("host:a.test:8080");
    expect(term("status", 404)).toBe("status:404");
    expect(term("path", "/api")).toBe('path:"/api"');
    expect(term("path", "/a b\"c\\d")).toBe('path:"/a b\\"c\\\\d"');
    expect(term("tag", "*")).toBe('tag:"*"');
    expect(term("tag", "")).toBe('tag:""');
    expect(term("tag", ">5")).toBe('tag:">5"');
    expect(term("tag", "or")).toBe('tag:"or"');
    expect(term("tag", "1..2")).toBe('tag:"1..2"');
  });

  it("go together", () => {
    expect(both("", "host:a")).toBe("host:a");
    expect(both("status:500", "host:a")).toBe("status:500 host:a");
    expect(both("a or b", "host:a")).toBe("(a or b) host:a");
    expect(both("(a or b)", "c or d")).toBe("(a or b) (c or d)");
    expect(both("x host:a", "host:a")).toBe("x host:a");
    expect(without("a|b", "host:c")).toBe("(a|b) -host:c");
    expect(without("", "host:a path:\"/x y\"")).toBe('-(host:a path:"/x y")');
    expect(without("", 'path:"/x y"')).toBe('-path:"/x y"');
  });

  it("see an or only where it is one", () => {
    expect(['a or b', 'a OR b', "a | b", "a|b", "a || b", "(a)|(b)"].map(alternatives)).toEqual([true, true, true, true, true, true]);
    expect(['"a or b"', "(a or b) c", "order", 'tag:"x|y"', 'x:"\\" or y"'].map(alternatives)).toEqual([false, false, false, false, false]);
  });

  it("take a regular expression for one word", () => {
    const key = regexTerm("body", escaped('"a (b|c) or d/"') + "\\s*:");
    expect(key).toBe('body:/"a \\(b\\|c\\) or d\\/"\\s*:/');
    expect(alternatives(key)).toBe(false);
    expect(both(key, "host:a")).toBe(`${key} host:a`);
    expect(both(key, key)).toBe(key);
    expect(both(`host:a (${key} or b)`, key)).toBe(`host:a (${key} or b) ${key}`);
    expect(without("", key)).toBe(`-${key}`);
    expect(bare(`(${key} or -/x y/i)`)).toBe(`${key} or -/x y/i`);
    // a path is none
    expect(alternatives("path:/a or path:/b")).toBe(true);
    expect(alternatives("/a/b or c/")).toBe(true);
  });

  it("come from a flow", () => {
    const flow = {
      host: "a.test", port: 8443, scheme: "https", path: "/x?q=1", method: "GET", status: 200, error: null, client: "[::1]:5000", server: "10.0.0.1:443",
      kind: "http", tags: ["later"], color: "red", request: { version: "HTTP/1.1" }, response: { content_type: "text/html; charset=x" },
    } as unknown as Flow;
    const filters = Object.fromEntries(Object.entries(asked(flow)).map(([column, one]) => [column, one.filter]));
    expect(filters).toEqual({
      host: "host:a.test:8443", path: 'path:"/x"', method: "method:GET", status: "status:200", type: "type:text/html", client: 'client:::1',
      server: "server:10.0.0.1", protocol: "version:1.1", tags: "tag:later", color: "color:red",
    });
  });

  it("leave the port of an address", () => {
    expect(["1.2.3.4:5", "[::1]:5", "::1", "1.2.3.4"].map(address)).toEqual(["1.2.3.4", "::1", "::1", "1.2.3.4"]);
  });
});
