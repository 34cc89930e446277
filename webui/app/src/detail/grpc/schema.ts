//! Messages read with the schema that a person gave (`--proto`): which message a method takes and gives, and its fields by name.

import { createFileRegistry, fromBinary, toJson, type DescMessage, type FileRegistry, type JsonValue } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { address, request, words } from "../../lib/api";
import type { Side } from "../../lib/types";

export interface Schema {
  /** The message of a side of the method that a path names; null when no file has it. */
  of(path: string, side: Side): DescMessage | null;
  read(type: DescMessage, bytes: Uint8Array): Read;
}

export interface Read {
  json: JsonValue;
  /** Fields that the schema does not have. */
  unknown: number;
}

/** The schema out of a `FileDescriptorSet`; null when it is empty. */
export function schemaOf(bytes: Uint8Array): Schema | null {
  if (bytes.length === 0) return null;
  const set = fromBinary(FileDescriptorSetSchema, bytes);
  // several sets may bring the same file
  set.file = [...new Map(set.file.map((file) => [file.name, file])).values()];
  let registry: FileRegistry;
  try {
    registry = createFileRegistry(set);
  } catch (error) {
    throw new Error(`The descriptors of --proto cannot be used: ${words(error)}. They have to be made by protoc with --include_imports.`);
  }
  return {
    of(path, side) {
      const [service, name] = path.split("?")[0]?.split("/").slice(-2) ?? [];
      const found = registry.getService(service ?? "")?.methods.find((method) => method.name === name);
      return found ? (side === "request" ? found.input : found.output) : null;
    },
    read(type, data) {
      const message = fromBinary(type, data);
      return { json: toJson(type, message, { registry, useProtoFieldName: true }), unknown: message.$unknown?.length ?? 0 };
    },
  };
}

/** The schema as the files of the setting are now. */
export async function schema(signal: AbortSignal): Promise<Schema | null> {
  const response = await request(address("protobuf/descriptors"), { signal });
  return schemaOf(new Uint8Array(await response.arrayBuffer()));
}
