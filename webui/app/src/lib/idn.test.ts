import { describe, expect, it } from "vitest";
import { hostWords, readable } from "./idn";

const ascii = (host: string) => new URL(`http://${host}/`).hostname;

describe("names of hosts", () => {
  it("are shown in the letters of their languages", () => {
    for (const host of ["bücher.example", "straße.example", "пример.рф", "παράδειγμα.example", "مثال.example", "例え.example", "カート.example", "한국어.example", "भारत.example", "www.münchen.example"]) {
      expect(readable(ascii(host))).toBe(host);
    }
    expect(readable("example.com")).toBe("example.com");
    expect(readable("127.0.0.1")).toBe("127.0.0.1");
  });

  it("stay ASCII where they could deceive", () => {
    // scripts mixed, Latin imitated, letters easily taken for others, symbols
    for (const host of ["pаypal.example", "αpple.example", "аррӏе.com", "сосо.example", "ɡoogle.example", "pıng.example", "i❤.example", "例аб.example"]) {
      expect(readable(ascii(host)), host).toBe(ascii(host));
    }
    // in a zone of its own script such a word is a word
    expect(readable(ascii("сосо.рф"))).toBe("сосо.рф");
    // label by label
    expect(readable(ascii("bücher.аррӏе.com"))).toBe("bücher.xn--80ak6aa92e.com");
  });

  it("that are no names stay what they are", () => {
    for (const host of ["xn--", "xn--a", "xn--\u0000", "xn--99999999999", "xn--abc-", "XN--", "..xn--zz.."]) expect(readable(host).toLowerCase()).toBe(host.toLowerCase());
  });

  it("do not turn around the labels beside them", () => {
    expect(hostWords(ascii("مثال.example"))).toBe("\u2068مثال\u2069.example");
  });
});
