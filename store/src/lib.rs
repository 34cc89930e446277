//! What was recorded: flows, their connections and bodies, in SQLite.
//!
//! This crate decides what a flow *is* ([`flow`]), how it gets onto the disk while it happens
//! ([`recorder`]), how it is found again ([`filter`], [`read`]) and who is told that something
//! changed ([`changes`]). It knows no sockets and of protocols only how a gRPC call ended ([`grpc`]): heads arrive as the bytes that
//! were sent, bodies as timed pieces.

pub mod changes;
pub mod error;
pub mod filter;
pub mod flow;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod grpc;
pub mod head;
pub mod read;
pub mod recorder;
pub mod rule;
mod sqlite;
mod store;
mod table;
mod writer;

pub use changes::{Change, Changes};
pub use error::Error;
pub use flow::{
    App, CaptureId, Color, Connection, ConnectionId, Failure, FailureCause, Flow, FlowId, HeadKind,
    Kind, MessageInfo, PacketFileId, Party, SessionId, Side, State, Times, Timestamp, TlsInfo,
    Version,
};
pub use grpc::GrpcStatus;
pub use recorder::{
    ClosingFlow, ConnectionRecorder, FlowRecorder, FlowStart, Recorder, Replayed, Seen,
    apps::{AppQuestion, AskedApp},
    queue::Bulk,
};
pub use store::{Store, StoreOptions};
