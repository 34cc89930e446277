import { describe, expect, it } from "vitest";
import { cookies, setCookie } from "../detail/cookies";
import { basic, findJwts, jwt } from "../detail/credentials";
import { directives, members, query } from "../detail/fields";
import { Unframe } from "../detail/grpc/frames";
import { EventParser } from "../detail/sse";
import { deflate, Unframer } from "../detail/websocket";
import { CurlError, parseCurl } from "../replay/curl";
import { parseRequest } from "../replay/raw";
import { ShellError } from "../replay/shell";

/** Random but the same in every run (xorshift). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** What a sample mutates to: bytes changed, cut out, doubled, put in. */
function* mutated(samples: readonly Uint8Array<ArrayBuffer>[], rounds: number): Generator<Uint8Array<ArrayBuffer>> {
  const below = random(0x9e3779b9);
  for (let round = 0; round < rounds; round++) {
    let bytes = [...(samples[round % samples.length] as Uint8Array)];
    for (let changes = below(5); changes >= 0; changes--) {
      const at = below(bytes.length + 1);
      const length = below(8);
      const kind = below(5);
      if (kind === 0) bytes.splice(at, length);
      else if (kind === 1) bytes.splice(at, 0, ...bytes.slice(at, at + length));
      else if (kind === 2) bytes.splice(at, 0, below(256));
      else if (kind === 3) bytes = bytes.slice(0, at);
      else bytes.splice(at, 1, [0, 0x0a, 0x0d, 0x22, 0x25, 0x3d, 0x7e, 0x7f, 0x80, 0xff][below(10)] as number);
    }
    yield Uint8Array.from(bytes);
  }
}

const ascii = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

const ROUNDS = 3_000;

/** Whatever comes, the same is read of it in pieces of every size. */
function alike<T>(samples: readonly Uint8Array<ArrayBuffer>[], read: (feed: (take: (piece: Uint8Array<ArrayBuffer>) => T[]) => T[]) => T[]): void {
  for (const bytes of mutated(samples, ROUNDS)) {
    const inPieces = (size: number) =>
      read((take) => {
        const found: T[] = [];
        for (let at = 0; at < bytes.length; at += size) found.push(...take(bytes.slice(at, at + size)));
        return found;
      });
    const whole = inPieces(Math.max(1, bytes.length));
    for (const size of [1, 3]) expect(inPieces(size), [...bytes].join(" ")).toEqual(whole);
  }
}

const texts = (samples: readonly string[]) => [...mutated(samples.map(ascii), ROUNDS)].map((bytes) => new TextDecoder().decode(bytes));

describe("what comes over the network in pieces", () => {
  it("is the same messages of a WebSocket however it is cut", () => {
    const frames = ascii("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x01\x03Hel\x89\x05Hello\x80\x02lo\x82\x7e\x00\x80" + "x".repeat(128) + "\xc1\x02ab\x88\x02\x03\xe8");
    alike([frames], (feed) => {
      const unframer = new Unframer("response", null);
      return feed((piece) => unframer.feed(piece));
    });
  });

  it("is the same server-sent events however it is cut", () => {
    const events = ascii(": hello\r\nid: 1\nevent: a\rdata: b\ndata:c\n\nretry: 10\r\n\r\ndata\n\n\xef\xbb\xbfdata: \xc3\xa9\n\n");
    alike([events], (feed) => {
      const parser = new EventParser();
      return feed((piece) => parser.feed(piece));
    });
  });

  it("is the same messages of gRPC however it is cut", () => {
    const plain = ascii("\0\0\0\0\x03abc\x01\0\0\0\0\x80\0\0\0\x10grpc-status: 5\r\n");
    const text = ascii("AAAAAANhYmM=gAAAAA9ncnBjLXN0YXR1czogNQ0K");
    for (const [sample, coded] of [[plain, false], [text, true]] as const) {
      alike([sample], (feed) => {
        const unframe = new Unframe(coded);
        return feed((piece) => unframe.feed(piece));
      });
    }
  });
});

describe("what heads say", () => {
  it("is read whatever it is", () => {
    for (const text of texts([
      'sid=31d4d96e407aad42; Path=/; Domain=.a.example; Expires=Wed, 21 Oct 2015 07:28:00 GMT; Max-Age="5"; Secure; SameSite=Lax',
      "Basic dXNlcjpwYXNz=",
      "Bearer eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE1MTYyMzkwMjIsInN1YiI6IsOpIn0.c2ln",
      'no-cache, private="a, b", max-age=5, permessage-deflate; server_max_window_bits=9',
      "/a?b=c%20d&e&=f+g%zz#h",
    ])) {
      for (const cookie of cookies(text)) expect(typeof cookie.name).toBe("string");
      setCookie(text, 0, true);
      expect(basic(text)?.user ?? "").not.toContain(":");
      for (const token of findJwts(text)) jwt(token, 0);
      jwt(text, 0);
      expect(members(text).every((member) => member === member.trim())).toBe(true);
      directives(text);
      expect(["no", "each", "stream"]).toContain(deflate(text).client);
      expect(query(text).every((pair) => pair.length === 2)).toBe(true);
    }
  });
});

describe("what a person pastes", () => {
  it("is read or refused in words", () => {
    for (const text of texts([
      `curl 'https://a.example/b?c=d' -H 'X-A: "1"' --data-raw $'a\\nb\\u00e9' -X POST --compressed -u me:pw`,
      'curl "http://a.example/" ^\r\n  -H "a: b^%^" --form f=@x -b "c=d" -G -d e=f',
    ])) {
      try {
        expect(parseCurl(text).draft.url).not.toBe("");
      } catch (error) {
        expect(error instanceof CurlError || error instanceof ShellError, `${String(error)}: ${text}`).toBe(true);
      }
    }
    for (const text of texts(["POST /a HTTP/1.1\r\nHost: a.example\r\nX-A: b\r\n\r\nhello", "GET https://b.example/ HTTP/2\n:path: /\n\n"])) {
      const { problem, headers } = parseRequest(text, "https://a.example");
      expect(problem === null || problem !== "").toBe(true);
      expect(Array.isArray(headers)).toBe(true);
    }
  });
});
