//! The messages of a gRPC call as they are shown: inflated, and read with a schema where there is one.

import { inflated } from "../../body/inflate";
import { protobuf } from "../../body/protobuf";
import { aborted, words } from "../../lib/api";
import type { FlowDetail, Side } from "../../lib/types";
import { grpcKind, Unframe, type Frame } from "./frames";
import type { Schema } from "./schema";

export interface GrpcMessage {
  /** What the messages are written in: `proto`, `json`... */
  payload: string;
  flags: number;
  /** What it has on the wire, without its prefix: bytes. */
  wire: number;
  /** How it was compressed. */
  coding: string | null;
  /** Trailers of gRPC-Web. */
  trailers: boolean;
  /** The message's name in the schema, and what it says with it. */
  type: string | null;
  json: string | null;
  /** On one line. */
  line: string;
  /** What a person has to know about it. */
  note: string | null;
}

export interface Taken extends GrpcMessage {
  data: Uint8Array<ArrayBuffer>;
}

/** So much of a message is read for its line: bytes. */
const LINE = 4096;
/** And so many characters of it are kept. */
const LETTERS = 300;

export class GrpcReader {
  readonly #sides: Record<Side, Unframe>;
  readonly #payloads: Record<Side, string>;
  readonly #codings: Record<Side, string | null>;
  #schema: Schema | null = null;
  #asked: Promise<void> | null = null;
  /** Why the schema cannot be used. */
  wrong: string | null = null;

  constructor(
    private readonly path: string,
    of: Pick<FlowDetail, "request" | "response">,
  ) {
    const kind = (side: Side) => grpcKind(of[side]?.content_type) ?? grpcKind(of.request.content_type) ?? { text: false, payload: "proto" };
    const coding = (side: Side) => of[side]?.headers.find(([name]) => name.toLowerCase() === "grpc-encoding")?.[1] ?? null;
    const both = <T>(each: (side: Side) => T): Record<Side, T> => ({ request: each("request"), response: each("response") });
    this.#sides = both((side) => new Unframe(kind(side).text));
    this.#payloads = both((side) => kind(side).payload);
    this.#codings = both(coding);
  }

  /** Asks for the schema, once. */
  async begin(signal: AbortSignal): Promise<void> {
    await (this.#asked ??= this.#ask(signal));
  }

  async #ask(signal: AbortSignal): Promise<void> {
    if (!Object.values(this.#payloads).includes("proto")) return;
    try {
      const { schema } = await import("./schema");
      this.#schema = await schema(signal);
    } catch (error) {
      if (!aborted(error)) this.wrong = words(error);
    }
  }

  /** What ended in the middle, when nothing more comes. */
  get rest(): string | null {
    const { request, response } = this.#sides;
    return request.broken ?? response.broken ?? request.rest ?? response.rest;
  }

  async feed(side: Side, bytes: Uint8Array): Promise<Taken[]> {
    const found: Taken[] = [];
    for (const frame of this.#sides[side].feed(bytes)) found.push(await this.#take(side, frame));
    return found;
  }

  async #take(side: Side, { flags, data }: Frame): Promise<Taken> {
    const one: Taken = { payload: this.#payloads[side], flags, wire: data.length, coding: null, trailers: (flags & 0x80) !== 0, type: null, json: null, line: "", note: null, data };
    if (flags & 1) {
      one.coding = this.#codings[side] ?? "compressed";
      try {
        one.data = await inflated(data);
      } catch {
        one.note = `The message is compressed (${one.coding}) and cannot be inflated: its bytes are shown as they passed.`;
        return one;
      }
    }
    if (one.trailers || one.payload === "json") one.line = new TextDecoder().decode(one.data.subarray(0, LINE)).trim().replace(/\s+/g, " ").slice(0, LETTERS);
    else if (one.payload === "proto") this.#read(side, one);
    return one;
  }

  #read(side: Side, one: Taken): void {
    one.line = protobuf(one.data.subarray(0, LINE)).text.slice(0, LETTERS);
    const type = this.#schema?.of(this.path, side);
    if (!this.#schema || !type) return;
    try {
      const { json, unknown } = this.#schema.read(type, one.data);
      one.type = type.typeName;
      one.json = JSON.stringify(json, null, 2);
      one.line = JSON.stringify(json).slice(0, LETTERS);
      if (unknown > 0) one.note = `${unknown} of its fields ${unknown === 1 ? "is" : "are"} not in the schema: the tree shows all by their numbers.`;
    } catch (error) {
      one.note = `It is no ${type.typeName} as the schema has it: ${words(error)}.`;
    }
  }
}
