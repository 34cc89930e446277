//! What the status of a gRPC call means, for a person.

import { grpcName } from "../../lib/format";
import type { GrpcStatus } from "../../lib/types";

/** By number; what is not here is OK, or unknown. */
const MEANINGS: Record<number, string> = {
  1: "The call was cancelled, usually by its caller.",
  2: "The server does not say what went wrong: often it is an exception in its own code.",
  3: "The server does not accept what it was sent, whatever state it is in.",
  4: "The deadline of the call passed before it was answered. The server may have done it all the same.",
  5: "What was asked for does not exist.",
  6: "What was to be made exists already.",
  7: "Whoever calls is known, and may not do that.",
  8: "A quota is used up, or the server has no room.",
  9: "The server is not in the state that this call needs; to send it again does not help.",
  10: "The call met another one and was given up. It may go well when it is sent again, from further up.",
  11: "The call goes beyond what there is, as reading past an end.",
  12: "The server does not have this method: is the path right, and is the server the version that it should be?",
  13: "Something is broken in the server, or in a proxy on the way.",
  14: "The server cannot be reached or does not take calls now. It may go well a little later.",
  15: "Data is lost or damaged beyond repair.",
  16: "The call says not, or not validly, who is calling.",
};

export function meaning(status: number): string | null {
  return MEANINGS[status] ?? null;
}

/** `UNAVAILABLE (gRPC status 14): no server left`. */
export function grpcWords(grpc: GrpcStatus): string {
  const name = grpc.name === null ? grpcName(grpc) : `${grpc.name} (gRPC status ${grpc.status})`;
  return grpc.message ? `${name}: ${grpc.message}` : name;
}
