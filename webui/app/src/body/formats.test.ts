import { describe, expect, it } from "vitest";
import { cbor } from "./cbor";
import { imageFacts } from "./exif";
import { views } from "./kind";
import { JsonLines, written } from "./lines";
import { magic } from "./magic";
import { msgpack } from "./msgpack";
import { boundary, multipart } from "./multipart";
import { pdfFacts } from "./pdf";
import { grpc, protobuf } from "./protobuf";

const hex = (text: string) => Uint8Array.from(text.replace(/\s/g, "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const utf8 = (text: string) => new TextEncoder().encode(text);
const ascii = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Random but always the same. */
function noise(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff) >> 16);
}

/** Runs a reader over everything that could come: cut, changed, random. */
function hostile(sample: Uint8Array, read: (bytes: Uint8Array) => unknown): void {
  for (let length = 0; length <= sample.length; length++) read(sample.slice(0, length));
  for (let at = 0; at < sample.length; at++) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const broken = sample.slice();
      broken[at] = (broken[at] as number) ^ flip;
      read(broken);
    }
  }
  for (let seed = 0; seed < 400; seed++) read(noise(seed % 97, seed));
  for (const byte of [0x00, 0x0a, 0x1b, 0x81, 0x91, 0x9f, 0xbf, 0xd8, 0xff]) read(new Uint8Array(5_000).fill(byte));
}

describe("CBOR", () => {
  it("is written in diagnostic notation (RFC 8949 appendix A)", () => {
    const examples: [string, string][] = [
      ["00", "0"], ["1864", "100"], ["1bffffffffffffffff", "18446744073709551615"], ["3bffffffffffffffff", "-18446744073709551616"], ["20", "-1"], ["3903e7", "-1000"],
      ["f93c00", "1.0"], ["f97bff", "65504.0"], ["f90001", "5.960464477539063e-8"], ["fb3ff199999999999a", "1.1"], ["f97c00", "Infinity"], ["f97e00", "NaN"], ["f98000", "-0.0"], ["fa47c35000", "100000.0"],
      ["f4", "false"], ["f6", "null"], ["f7", "undefined"], ["f0", "simple(16)"], ["f8ff", "simple(255)"], ["c11a514b67b0", "1(1363896240)"], ["4401020304", "h'01020304'"],
      ["62c3bc", '"ü"'], ["8301820203820405", "[1,[2,3],[4,5]]"], ["a201020304", "{1:2,3:4}"], ["a26161016162820203", '{"a":1,"b":[2,3]}'], ["5f42010243030405ff", "h'0102030405'"],
      ["7f657374726561646d696e67ff", '"streaming"'], ["9f018202039f0405ffff", "[1,[2,3],[4,5]]"], ["bf6161019f0203ffff", '{"a":1,[2,3]:'],
    ];
    for (const [bytes, text] of examples.slice(0, -1)) expect(cbor(hex(bytes)), bytes).toEqual({ text, error: null });
    expect(cbor(hex("0001")).text).toBe("0\n1");
    expect(cbor(hex("820161")).error).toContain("byte 3");
    expect(cbor(hex("820161")).text).toBe("[1,");
    expect(cbor(hex("1c")).error).toContain("not allowed");
  });

  it("survives everything", () => {
    hostile(hex("bf6161019f0203ff5f42010243030405ff62c3bcf93c00c11a514b67b0ff"), (bytes) => cbor(bytes).text.length);
  });
});

describe("MessagePack", () => {
  it("is written in the same notation", () => {
    const examples: [string, string][] = [
      ["82a7636f6d70616374c3a6736368656d6100", '{"compact":true,"schema":0}'], ["ff", "-1"], ["cd0100", "256"], ["cfffffffffffffffff", "18446744073709551615"], ["d3ffffffffffffffff", "-1"], ["ca3f800000", "1.0"],
      ["cb3ff199999999999a", "1.1"], ["c403010203", "h'010203'"], ["9301c0c2", "[1,null,false]"], ["d6ff00000000", 'time("1970-01-01T00:00:00.000Z")'], ["d40501", "ext(5 h'01')"], ["8101a161", '{1:"a"}'], ["d9026869", '"hi"'], ["dc000201 02", "[1,2]"],
    ];
    for (const [bytes, text] of examples) expect(msgpack(hex(bytes)), bytes).toEqual({ text, error: null });
    expect(msgpack(hex("c1")).error).toContain("not allowed");
    expect(msgpack(hex("92a161")).error).toContain("it ends");
  });

  it("survives everything", () => {
    hostile(hex("85a161cb3ff199999999999aa162c403010203a163d6ff00000000a164dd00000002c0c2a165dbffffffff"), (bytes) => msgpack(bytes).text.length);
  });
});

describe("Protocol Buffers", () => {
  it("has numbers for names", () => {
    expect(protobuf(hex("089601 120774657374696e67 1a03089601"))).toEqual({ text: '{1:150,2:"testing",3:{1:150}}', error: null });
    expect(protobuf(hex("0dc3f54840 11 1f85eb51b81e0940")).text).toBe("{1:3.140000104904175,2:3.14}");
    expect(protobuf(hex("08ffffffffffffffffff01")).text).toBe("{1:-1}");
    expect(protobuf(hex("0b10011c")).error).toContain("had not begun");
    expect(protobuf(hex("0b1001 0c")).text).toBe("{1:{2:1}}");
    expect(protobuf(hex("1203ff")).error).toContain("cut off");
    expect(protobuf(hex("0a0101")).text).toBe("{1:h'01'}");
    expect(protobuf(hex("0f")).error).toContain("wire type 7");
  });

  it("comes in messages with gRPC", async () => {
    expect(await grpc(hex("0000000003089601 0000000000"), null)).toEqual({ text: "{1:150}\n{}", error: null });
    expect((await grpc(hex("0000000009089601"), null)).error).toContain("9 bytes");
    expect((await grpc(hex("01000000021f8b"), null)).error).toContain("coding is not known");
    expect((await grpc(hex("0100000001ff"), () => Promise.resolve(hex("0801")))).text).toBe("{1:1}");
    expect((await grpc(hex("000000"), null)).error).toContain("ends in the middle");
    expect((await grpc(Uint8Array.of(0x80, 0, 0, 0, 2, 65, 66), null)).text).toBe('"AB"');
  });

  it("survives everything", () => {
    hostile(hex("089601120774657374696e671a030896010dc3f54840111f85eb51b81e09400b10010c"), (bytes) => protobuf(bytes).text.length);
  });
});

it("binary trees are lines as JSON is", () => {
  const lines = new JsonLines();
  lines.feed(cbor(hex("a26161016162820244ffffffff")).text);
  lines.end();
  expect(written(lines)).toEqual(["{", '  "a": 1,', '  "b": [', "    2,", "    h'ffffffff'", "  ]", "}"]);
});

describe("multipart", () => {
  const type = 'multipart/form-data; boundary="--x y"';
  const body = utf8('preamble\r\n----x y\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\nwith -- lines\r\n----x y \r\nContent-Disposition: form-data; name="f"; filename="q\\"uote.txt"; filename*=utf-8\'\'%C3%BC.txt\r\nContent-Type: text/plain\r\n\r\n\r\n----x y--\r\nepilogue');

  it("is told apart by its boundary", () => {
    expect(boundary(type)).toBe("--x y");
    const { parts, error } = multipart(body, type);
    expect(error).toBeNull();
    const text = (i: number) => new TextDecoder().decode(body.subarray(parts[i]?.from, parts[i]?.to));
    expect(parts.map((part) => [part.name, part.filename, part.type])).toEqual([["a", null, null], ["f", "ü.txt", "text/plain"]]);
    expect([text(0), text(1)]).toEqual(["value\r\nwith -- lines", ""]);
  });

  it("says what is wrong", () => {
    expect(multipart(body, "multipart/mixed").error).toContain("no boundary");
    expect(multipart(body, "multipart/mixed; boundary=zzz").error).toContain("does not occur");
    expect(multipart(body.subarray(0, 90), type).error).toContain("does not end");
    for (let length = 0; length < body.length; length++) multipart(body.subarray(0, length), type);
    for (const odd of ["multipart/x; boundary=\"", "multipart/x; boundary=", "", null, "; boundary=\"\\"]) multipart(body, odd);
    multipart(utf8("--a\r\n".repeat(3_000)), "x; boundary=a");
  });
});

describe("images", () => {
  const tiff = hex("4d4d002a00000008 0003 010f000200000005 00000032 0112000300000001 00060000 8769000400000001 00000038 00000000 4163 6d6500 00 0001 829a000500000001 0000004a 00000000 00000001 000000fa");
  const jpeg = new Uint8Array([...hex("ffd8ffe1"), 0, tiff.length + 8, ...ascii("Exif\0\0"), ...tiff, ...hex("ffc0001108 0010 0020 03 012200 021101 031101 ffd9")]);

  it("say their size and what the camera wrote", () => {
    expect(imageFacts(jpeg)).toEqual({ format: "JPEG", width: 32, height: 16, exif: [["Camera maker", "Acme"], ["Orientation", "6"], ["Exposure (s)", "1/250"]] });
    expect(imageFacts(hex("89504e470d0a1a0a0000000d494844520000000a00000014"))).toMatchObject({ format: "PNG", width: 10, height: 20 });
    expect(imageFacts(ascii("GIF89a\x0a\x00\x05\x00"))).toMatchObject({ format: "GIF", width: 10, height: 5 });
    expect(imageFacts(utf8("no image"))).toEqual({ format: null, width: null, height: null, exif: [] });
  });

  it("survive everything", () => {
    hostile(jpeg, (bytes) => imageFacts(bytes).exif.length);
    for (const start of ["89504e470d0a1a0a", "474946383961", "ffd8ff", "524946460000000057454250"]) {
      for (let seed = 0; seed < 200; seed++) imageFacts(new Uint8Array([...hex(start), ...noise(seed, seed)]));
    }
  });
});

describe("PDF", () => {
  it("is summed up", () => {
    const text = "%PDF-1.7\n1 0 obj<</Type/Pages/Kids[2 0 R]/Count 3>>endobj\n5 0 obj<</Title(A \\(good\\) \\144ay)/Author<FEFF00FC>/CreationDate(D:20261121120000Z)>>\n";
    expect(pdfFacts(ascii(text))).toEqual({ version: "1.7", pages: 3, encrypted: false, info: [["Title", "A (good) day"], ["Author", "ü"], ["Created", "2026-11-21 12:00"]] });
    hostile(ascii(text), (bytes) => pdfFacts(bytes).pages);
  });
});

describe("first bytes", () => {
  it("tell formats", () => {
    expect(magic(hex("89504e470d0a1a0a"))?.type).toBe("image/png");
    expect(magic(ascii("RIFF\0\0\0\0WEBP"))?.name).toBe("WebP");
    expect(magic(ascii("XXXX\0\0\0\0WEBP"))).toBeNull();
    expect(magic(ascii("\0\0\0\x20ftypavif"))?.name).toBe("AVIF");
    expect(magic(ascii("\0\0\0\x20ftypisom"))?.type).toBe("video/mp4");
    expect(magic(new Uint8Array())).toBeNull();
  });

  it("and types choose the views", () => {
    const first = (type: string | null, bytes: Uint8Array | string) => views(type, typeof bytes === "string" ? utf8(bytes) : bytes)[0];
    expect(first("application/octet-stream", hex("89504e470d0a1a0a"))).toBe("image");
    expect(first(null, ascii("wOF2\0\0"))).toBe("font");
    expect(first("application/x-protobuf", hex("0896"))).toBe("tree");
    expect(first("application/vnd.api+cbor", hex("a0"))).toBe("tree");
    expect(first("application/msgpack", hex("80"))).toBe("tree");
    expect(first("application/grpc+proto", hex("00"))).toBe("tree");
    expect(first("text/html", "<p>")).toBe("source");
    expect(views("text/html", utf8("<p>"))).toContain("preview");
    expect(first("text/css", "a{}")).toBe("source");
    expect(first("application/json", '{"query":"{ me { id } }","variables":{}}')).toBe("graphql");
    expect(first("application/json", '{"query":"shoes"}')).toBe("json");
    expect(first("multipart/mixed; boundary=x", "--x")).toBe("multipart");
    expect(first("application/pdf", "%PDF-")).toBe("pdf");
    expect(first("video/mp4", hex("00"))).toBe("media");
    expect(first("application/vnd.apple.mpegurl", "#EXTM3U")).toBe("text");
    expect(first("font/woff2", hex("00"))).toBe("font");
    expect(first("", "<?xml version='1.0'?>")).toBe("source");
  });
});

describe("GraphQL", () => {
  it("is formatted, with its variables", async () => {
    const { graphqlRequests, graphqlText } = await import("./graphql");
    const one = graphqlRequests(JSON.stringify({ operationName: "Q", query: "query Q($a:Int){me(a:$a){id name}}", variables: { a: 1 } }), true);
    expect(graphqlText(one)).toBe('# operation Q\nquery Q($a: Int) {\n  me(a: $a) {\n    id\n    name\n  }\n}\n\n# variables\n{\n  "a": 1\n}');
    expect(graphqlRequests(JSON.stringify([{ query: "{a}" }, { query: "{b}" }]), true)).toHaveLength(2);
    expect(graphqlRequests("query { a }", false)[0]?.query).toBe("{\n  a\n}");
  });

  it("is shown as it is when it cannot be read", async () => {
    const { graphqlRequests, graphqlText } = await import("./graphql");
    for (const text of ["", "{", '{"query":"{"}', '{"query":5}', "[1,null,[]]", "null", '{"query":"{a}","variables":"x"}', `{"query":"${"{a".repeat(5_000)}"}`, "\u0000", "{a(b:\"\\"]) {
      for (const json of [true, false]) graphqlText(graphqlRequests(text, json));
    }
    expect(graphqlRequests('{"query":"{ a"}', true)[0]).toMatchObject({ query: "{ a", error: expect.stringContaining("Expected") });
  });
});
