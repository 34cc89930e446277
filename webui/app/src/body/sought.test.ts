import { describe, expect, it } from "vitest";
import { JsonLines, PlainLines } from "./lines";
import { lineTerm, textTerm, type Made } from "./sought";
import type { Colours } from "./tokens";

function terms(text: string, colours: Colours = "json", made: Made = "sent"): (string | null)[] {
  const lines = colours === "json" ? new JsonLines() : new PlainLines();
  lines.feed(text);
  lines.end();
  return Array.from({ length: lines.count }, (_, line) => lineTerm(lines, line, colours, made));
}

describe("a line of a body is looked for", () => {
  it("as JSON: its name with its value, whatever is between them", () => {
    expect(terms('{"a/b":"x (y)", "n":4,"t":true,"o":{"e":{}},"l":["s",7,null]}')).toEqual([
      null, 'body:/"a\\/b"\\s*:\\s*"x \\(y\\)"/', 'body:/"n"\\s*:\\s*4\\s*[,}\\]]/', 'body:/"t"\\s*:\\s*true\\s*[,}\\]]/',
      'body:/"o"\\s*:/', 'body:/"e"\\s*:\\s*\\{\\}\\s*[,}\\]]/', null, 'body:/"l"\\s*:/', 'body:"\\"s\\""', "body:/[\\[,]\\s*7\\s*[,}\\]]/", null, null, null,
    ]);
    expect(terms('"only"')).toEqual(['body:"\\"only\\""']);
    expect(terms(`{"long":"${"x".repeat(400)}"}`)[1]).toBeNull();
  });

  it("as it was sent, or with any space where it was formatted", () => {
    expect(terms("  GET /a b\n\nlast", "none")).toEqual(['body:"GET /a b"', null, "body:last"]);
    expect(terms("  if (a === b) {", "js", "formatted")).toEqual(["body:/if\\s*\\(a\\s*===\\s*b\\)\\s*\\{/"]);
    expect(terms('user(id: "7") {', "graphql", "formatted")).toEqual(['body:/user\\(id:\\s*\\\\?"7\\\\?"\\)\\s*\\{/']);
  });

  it("in a binary tree where it is a text", () => {
    expect(terms('{"1": "Ann \\"A\\"", "2": 5, 3: "x"}', "json", "binary")).toEqual([null, 'body:"Ann \\"A\\""', null, "body:x", null]);
  });
});

it("of a message the first line is looked for", () => {
  expect(textTerm("price 7\nmore")).toBe('body:"price 7"');
  expect(textTerm(" \n")).toBeNull();
  expect(textTerm("x".repeat(1000))).toHaveLength(305);
});
