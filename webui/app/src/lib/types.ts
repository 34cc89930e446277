//! The objects of the REST API, as `/api/openapi.json` describes them, by subject.

export type * from "./types/analysis";
export type * from "./types/connection";
export type * from "./types/filter";
export type * from "./types/flow";
export type * from "./types/packet";
export type * from "./types/replay";
export type * from "./types/rule";
export type * from "./types/script";
export type * from "./types/session";
export type * from "./types/tool";
