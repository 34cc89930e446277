//! Schemas of the store's words: they are serialized by the store, and listed here.

use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

fn words(words: &[&'static str], description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words.iter().copied()))
        .description(Some(description))
        .build()
}

pub(super) const KINDS: [&str; 7] = ["http", "websocket", "tcp", "tls", "udp", "dns", "icmp"];
pub(super) const STATES: [&str; 4] = ["running", "complete", "failed", "interrupted"];
pub(super) const COLORS: [&str; 7] = ["red", "orange", "yellow", "green", "blue", "purple", "grey"];
pub(super) const PARTIES: [&str; 3] = ["client", "server", "proxy"];
pub(super) const VERSIONS: [&str; 3] = ["HTTP/1.0", "HTTP/1.1", "HTTP/2"];
pub(super) const CAUSES: [&str; 12] = [
    "dns",
    "refused",
    "unreachable",
    "timeout",
    "tls",
    "certificate",
    "protocol",
    "loop",
    "reset",
    "closed",
    "forbidden",
    "other",
];

pub(super) fn kind() -> Object {
    words(
        &KINDS,
        "What sort of conversation: an HTTP exchange, a WebSocket, raw bytes, TLS that was not opened; out of packets also \
         datagrams, a question to a name server with its answer, or an ICMP error.",
    )
}

pub(super) fn state() -> Object {
    words(
        &STATES,
        "How far it has come. `interrupted`: the program ended while the flow was running.",
    )
}

pub(super) fn party() -> Object {
    words(&PARTIES, "One of the parties, as the proxy sees them.")
}

pub(super) fn cause() -> Object {
    words(&CAUSES, "What sort of failure.")
}

pub(crate) fn side() -> Object {
    words(
        &["request", "response"],
        "Client to server, or server to client.",
    )
}

fn or_null(mut object: Object) -> Object {
    use utoipa::openapi::schema::SchemaType;
    object.schema_type = SchemaType::from_iter([Type::String, Type::Null]);
    object.enum_values = object.enum_values.map(|mut values| {
        values.push(serde_json::Value::Null);
        values
    });
    object
}

pub(crate) fn optional_color() -> Object {
    or_null(words(&COLORS, "A color that a person put on a flow."))
}

pub(crate) fn source() -> Object {
    words(
        &["recorded", "imported"],
        "Whether the flows passed through the proxy, or were read from a file.",
    )
}

pub(super) fn optional_party() -> Object {
    or_null(party())
}

pub(super) fn optional_version() -> Object {
    or_null(words(
        &VERSIONS,
        "The HTTP version on the wire; null for what is not HTTP.",
    ))
}
