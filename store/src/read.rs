//! Finding recorded flows again: pages of the list, one flow, its heads and its bodies.

mod annotate;
mod batch;
mod body;
mod compare;
mod cursor;
mod delete;
mod detail;
mod discard;
mod list;
mod packets;
mod pattern;
mod position;
mod related;
mod rules;
mod sessions;
mod skip;
mod timeline;
mod tree;
mod values;

pub use annotate::{Marks, Notes};
pub use batch::WholeFlow;
pub use compare::{Became, CompareOptions, Compared, Comparison, Seen as SeenIn, Set};
#[cfg(any(test, fuzzing))]
pub use cursor::fuzz as fuzz_cursor;
pub use discard::{Discarded, Undone};
pub use packets::{Capture, CaptureSource, Counted, PacketFile, PacketRange, Whole as WholeFile};
pub use pattern::QueryPart;
pub use related::Related;
pub use sessions::{Session, Source};
pub use timeline::{Bucket, Timeline, TimelineQuery};
pub use tree::{Level, Node, Tree};
pub use values::{Value, Valued};

use crate::{
    filter::Filter,
    flow::{Flow, FlowId, HeadKind, SessionId, Timestamp},
    sqlite::functions,
};
use bytes::Bytes;
use sqlx::SqliteConnection;

/// Which flows, in which order.
#[derive(Debug, Clone, Default)]
pub struct FlowQuery {
    /// Only flows that match.
    pub filter: Option<Filter>,
    /// Only these flows (and, if given, matching the filter).
    pub ids: Option<Vec<FlowId>>,
    /// Only flows of this session.
    pub session: Option<SessionId>,
    /// What to sort by.
    pub sort: Sort,
    /// Largest (or newest) first.
    pub descending: bool,
    /// Continue after this page: [`FlowPage::next`] of the page before.
    pub cursor: Option<String>,
    /// Leave out this many flows first (after the cursor, if one is given): a jump into the middle of a
    /// long list, where no cursor is known. Costs a scan of what is left out; 0 for all else.
    pub skip: u64,
    /// How many at most; 0 means 200. At most 10,000.
    pub limit: u32,
}

/// Which flows, when their order does not matter; by default all of them.
#[derive(Debug, Clone, Default)]
pub struct Which {
    /// Only flows that match.
    pub filter: Option<Filter>,
    /// Only these flows (and, if given, matching the filter).
    pub ids: Option<Vec<FlowId>>,
    /// Only flows of this session.
    pub session: Option<SessionId>,
}

impl Which {
    /// Every flow is meant.
    pub(crate) fn is_all(&self) -> bool {
        self.ids.is_none()
            && self.session.is_none()
            && self.filter.as_ref().is_none_or(Filter::is_empty)
    }
}

/// What a list is sorted by; ties by id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// The order in which flows began.
    #[default]
    Id,
    /// Duration.
    Duration,
    /// Size of the response's body.
    Size,
    /// Status code.
    Status,
    /// Host, then path.
    Host,
    /// Method.
    Method,
    /// Path.
    Path,
    /// Media type of the response.
    Type,
    /// The client's address.
    Client,
    /// Size of the request's body.
    Upload,
    /// Kind.
    Kind,
}

impl Sort {
    /// The key is text, not a number.
    pub(crate) fn by_text(self) -> bool {
        matches!(
            self,
            Self::Host | Self::Method | Self::Path | Self::Type | Self::Client
        )
    }
}

/// A page of the list.
#[derive(Debug, Clone)]
pub struct FlowPage {
    /// The flows.
    pub flows: Vec<Flow>,
    /// Opaque; `None` when this was the last page.
    pub next: Option<String>,
}

/// A head as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedHead {
    /// Which head.
    pub kind: HeadKind,
    /// When its first byte passed.
    pub at: Timestamp,
    /// Its bytes, see [`HeadKind`].
    pub bytes: Bytes,
}

/// A piece of a body, with the moment it passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Counts up within the flow and side, from 0.
    pub seq: u32,
    /// When its first byte passed.
    pub at: Timestamp,
    /// Where it begins in the body.
    pub offset: u64,
    /// Bytes that passed before it and were not recorded: packets that a capture does not have. They are no part of the
    /// body, and counted in no offset.
    pub missing: u64,
    /// Its bytes; none where something is missing at the end.
    pub data: Bytes,
}

/// Makes a reader's connection ready: the functions that filters are made of.
pub(crate) async fn prepare(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut locked = connection.lock_handle().await?;
    let registered = functions::register(&mut locked);
    registered.map_err(|failed| sqlx::Error::Protocol(failed.to_string()))
}
