//! The JSON form of what was recorded: one model for the API, the event stream, exports and
//! `overhear flows --json`.
//!
//! It decides names and units only; what a flow is stands in `overhear_store::flow`. Rows of a list
//! ([`Flow`]) come from the narrow table alone; [`FlowDetail`] adds heads, times and the connection.

mod certificate;
mod connection;
mod flow;
mod schema;
mod time;

pub use certificate::Certificate;
pub use connection::{App, Connection, ConnectionTimes, Tls};
pub use flow::{
    Failure, Flow, FlowDetail, FlowTimes, Interim, Message, Piece, Related, SentHead, TlsSummary,
};
pub use time::rfc3339;

pub(crate) use certificate::hex;
pub(crate) use flow::has_start_line;
pub(crate) use schema::{
    optional_color as color_schema, side as side_schema, source as source_schema,
};
pub(crate) use time::{moment, seconds};
