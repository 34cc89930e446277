import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema, FieldDescriptorProto_Label, FieldDescriptorProto_Type } from "@bufbuild/protobuf/wkt";
import { deflateSync, gzipSync, strToU8, zlibSync } from "fflate";
import { describe, expect, it } from "vitest";
import type { FlowDetail } from "../../lib/types";
import { stateOf } from "../../lib/format";
import { grpcKind, isGrpc, Unframe } from "./frames";
import { GrpcReader } from "./messages";
import { schemaOf } from "./schema";
import { grpcWords, meaning } from "./status";

const hex = (text: string) => Uint8Array.from(text.replace(/\s/g, "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
const frame = (flags: number, data: Uint8Array) => Uint8Array.of(flags, 0, 0, data.length >> 8, data.length & 255, ...data);
const base64 = (bytes: Uint8Array) => strToU8(btoa(String.fromCharCode(...bytes)));

function flow(type: string, encoding: string | null = null): FlowDetail {
  const headers = encoding ? [["grpc-encoding", encoding]] : [];
  const message = { content_type: type, content_encoding: null, headers };
  return { kind: "http", path: "/shop.v1.Shop/Buy", request: message, response: message } as unknown as FlowDetail;
}

describe("the frames of a body", () => {
  const body = Uint8Array.of(...frame(0, hex("089601")), ...frame(0, hex("")), ...frame(1, hex("ff")), ...frame(0x80, strToU8("grpc-status:0\r\n")));
  const flags = [[0, 3], [0, 0], [1, 1], [0x80, 15]];

  it("are found wherever the pieces are cut", () => {
    const letters = Uint8Array.of(...base64(body.subarray(0, 8)), ...base64(body.subarray(8)));
    for (const [text, bytes] of [[false, body], [true, letters]] as const) {
      for (const size of [1, 2, 3, 4, 5, 7, 1000]) {
        const frames = new Unframe(text);
        const found = [];
        for (let at = 0; at < bytes.length; at += size) found.push(...frames.feed(bytes.subarray(at, at + size)));
        expect(found.map((one) => [one.flags, one.data.length])).toEqual(flags);
        expect([frames.rest, frames.broken]).toEqual([null, null]);
      }
    }
  });

  it("may be cut off, or none", () => {
    const cut = new Unframe(false);
    expect(cut.feed(hex("000000"))).toEqual([]);
    expect(cut.rest).toContain("message's length");
    cut.feed(hex("000908"));
    expect(cut.rest).toContain("of 9 bytes 1 came");
    const none = new Unframe(true);
    none.feed(strToU8("<html>!!"));
    expect(none.broken).toContain("no base64");
    expect(none.feed(base64(body))).toEqual([]);
  });

  it("are known by the media type", () => {
    expect(grpcKind("application/grpc")).toEqual({ text: false, payload: "proto" });
    expect(grpcKind("application/grpc-web-text+proto; x=y")).toEqual({ text: true, payload: "proto" });
    expect(grpcKind("application/grpc+json")).toEqual({ text: false, payload: "json" });
    expect([grpcKind("application/grpcs"), grpcKind("text/html"), grpcKind(null)]).toEqual([null, null, null]);
    expect(isGrpc(flow("application/grpc"))).toBe(true);
    const coded = flow("application/grpc-web");
    expect(isGrpc({ ...coded, response: { content_type: "application/grpc-web", content_encoding: "gzip" } })).toBe(false);
  });
});

describe("messages", () => {
  it("are inflated and written by their numbers", async () => {
    const plain = hex("0801 1203 616263");
    for (const [coding, data] of [["gzip", gzipSync(plain)], ["deflate", zlibSync(plain)]] as const) {
      const [message] = await new GrpcReader("/a.B/C", flow("application/grpc", coding)).feed("response", frame(1, data));
      expect(message).toMatchObject({ line: '{1:1,2:"abc"}', coding, wire: data.length, note: null, flags: 1 });
      expect(message?.data).toEqual(plain);
    }
    const [odd] = await new GrpcReader("/a.B/C", flow("application/grpc", "snappy")).feed("request", frame(1, deflateSync(plain)));
    expect(odd?.note).toContain("(snappy) and cannot be inflated");
  });

  it("and trailers of gRPC-Web are text", async () => {
    const [trailers] = await new GrpcReader("/a.B/C", flow("application/grpc-web")).feed("response", frame(0x80, strToU8("grpc-status: 5\r\ngrpc-message: no\r\n")));
    expect(trailers).toMatchObject({ trailers: true, line: "grpc-status: 5 grpc-message: no" });
  });
});

describe("a schema", () => {
  const { STRING, INT32 } = FieldDescriptorProto_Type;
  const field = (name: string, number: number, type: FieldDescriptorProto_Type) => ({ name, number, type, label: FieldDescriptorProto_Label.OPTIONAL });
  const file = create(FileDescriptorProtoSchema, {
    name: "shop.proto",
    package: "shop.v1",
    syntax: "proto3",
    messageType: [
      { name: "Order", field: [field("item_name", 1, STRING), field("count", 2, INT32)] },
      { name: "Receipt", field: [field("total", 1, INT32)] },
    ],
    service: [{ name: "Shop", method: [{ name: "Buy", inputType: ".shop.v1.Order", outputType: ".shop.v1.Receipt" }] }],
  });
  const set = (...files: (typeof file)[]) => toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: files }));

  it("names what a method takes and gives", () => {
    const schema = schemaOf(Uint8Array.of(...set(file), ...set(file)));
    const order = schema?.of("/shop.v1.Shop/Buy", "request");
    expect([order?.typeName, schema?.of("/prefix/shop.v1.Shop/Buy?x", "response")?.typeName]).toEqual(["shop.v1.Order", "shop.v1.Receipt"]);
    expect([schema?.of("/shop.v1.Shop/Sell", "request"), schema?.of("/", "request")]).toEqual([null, null]);
    if (!order) throw new Error("no type");
    expect(schema?.read(order, hex("0a03 746561 1002"))).toEqual({ json: { item_name: "tea", count: 2 }, unknown: 0 });
    expect(schema?.read(order, hex("0a03 746561 2805"))).toEqual({ json: { item_name: "tea" }, unknown: 1 });
    expect(() => schema?.read(order, hex("0a05 746561"))).toThrow();
  });

  it("says what is wrong with it", () => {
    expect(schemaOf(new Uint8Array())).toBe(null);
    expect(() => schemaOf(set({ ...file, dependency: ["missing.proto"] }))).toThrow(/missing\.proto.*--include_imports/s);
  });
});

describe("a status", () => {
  const http = { kind: "http", state: "complete", status: 200, error: null, response: { version: "HTTP/2" } } as const;

  it("is an error where HTTP has none", () => {
    expect(stateOf({ ...http, grpc: { status: 14, name: "UNAVAILABLE", message: "" } })).toEqual({ word: "UNAVAILABLE", tone: "server" });
    expect(stateOf({ ...http, grpc: { status: 5, name: "NOT_FOUND", message: "" } })).toEqual({ word: "NOT_FOUND", tone: "client" });
    expect(stateOf({ ...http, grpc: { status: 0, name: "OK", message: "" } })).toEqual({ word: "200 OK", tone: "ok" });
    expect(stateOf({ ...http, grpc: { status: 77, name: null, message: "" } }).word).toBe("gRPC 77");
  });

  it("in words", () => {
    expect(grpcWords({ status: 14, name: "UNAVAILABLE", message: "no server" })).toBe("UNAVAILABLE (gRPC status 14): no server");
    expect([meaning(14), meaning(99)]).toEqual([expect.stringContaining("cannot be reached"), null]);
  });
});
