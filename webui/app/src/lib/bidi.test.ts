import { expect, it } from "vitest";
import { isolated } from "./bidi";

it("text that turns nothing around stays as it is", () => {
  for (const text of ["", "example.com:8080", "好 🙂 é", "देवनागरी"]) expect(isolated(text)).toBe(text);
});

it("text from right to left is isolated, and marks in it are told", () => {
  expect(isolated("مرحبا")).toBe("\u2068مرحبا\u2069");
  expect(isolated("שלום")).toBe("\u2068שלום\u2069");
  expect(isolated("a\u202egnp.exe")).toBe("\u2068a[U+202E]gnp.exe\u2069");
  expect(isolated("x\u2069\u061cy"), "it cannot end its isolation").toBe("\u2068x[U+2069][U+061C]y\u2069");
});
