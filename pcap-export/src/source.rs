//! Where flows come from: the store, or a list in memory in the tests.

#[cfg(any(test, fuzzing))]
#[cfg_attr(
    not(test),
    allow(dead_code, reason = "the fuzz target needs some of it")
)]
pub(crate) mod memory;

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use overhear_store::{
    Connection, ConnectionId, Error, FlowId, Side, Store,
    read::{Chunk, FlowPage, FlowQuery, WholeFlow},
};
use std::{collections::VecDeque, future::Future};

/// Bodies are read together with their flow when both have at most so many bytes.
const SMALL: u64 = 8 * 1024;

/// Flows of one connection that are read at a time, at most. With small bodies that is 64 KiB.
const FLOWS: usize = 8;

/// A body's recorded pieces.
pub(crate) type Chunks = BoxStream<'static, Result<Chunk, Error>>;

/// What the export needs to read.
pub(crate) trait Source: Clone + Send + Sync + 'static {
    /// See [`Store::flows`].
    fn page(&self, query: &FlowQuery) -> impl Future<Output = Result<FlowPage, Error>> + Send;

    /// See [`Store::connections`].
    fn connections(
        &self,
        ids: &[ConnectionId],
    ) -> impl Future<Output = Result<Vec<Connection>, Error>> + Send;

    /// Those of these flows that were not deleted in the meantime, in the order of their numbers, small bodies
    /// included.
    fn whole_flows(
        &self,
        ids: &[FlowId],
    ) -> impl Future<Output = Result<Vec<WholeFlow>, Error>> + Send;

    /// A body from its beginning.
    fn chunks(&self, id: FlowId, side: Side) -> Chunks;
}

impl Source for Store {
    async fn page(&self, query: &FlowQuery) -> Result<FlowPage, Error> {
        self.flows(query).await
    }

    async fn connections(&self, ids: &[ConnectionId]) -> Result<Vec<Connection>, Error> {
        Store::connections(self, ids).await
    }

    async fn whole_flows(&self, ids: &[FlowId]) -> Result<Vec<WholeFlow>, Error> {
        Store::whole_flows(self, ids, SMALL).await
    }

    fn chunks(&self, id: FlowId, side: Side) -> Chunks {
        Store::chunks(self, id, side, 0)
    }
}

/// One side's body of a flow.
pub(crate) fn body<S: Source>(source: &S, flow: &WholeFlow, side: Side) -> Chunks {
    match &flow.bodies {
        Some(bodies) => {
            let own = bodies.iter().filter(|(of, _)| *of == side);
            let own: Vec<_> = own.map(|(_, chunk)| Ok(chunk.clone())).collect();
            stream::iter(own).boxed()
        }
        None => source.chunks(flow.flow.id, side),
    }
}

/// The flows of a connection one after another, read a few at a time.
pub(crate) struct Flows {
    read: VecDeque<WholeFlow>,
    unread: VecDeque<FlowId>,
    /// How many are read next: few at first, most connections have few.
    batch: usize,
}

impl Flows {
    /// `read` is the first flow, when it was read already; `unread` are those after it.
    pub(crate) fn new(read: Option<WholeFlow>, unread: impl IntoIterator<Item = FlowId>) -> Self {
        Self {
            read: read.into_iter().collect(),
            unread: unread.into_iter().collect(),
            batch: 1,
        }
    }

    /// The flow that comes next, without taking it.
    pub(crate) async fn peek<S: Source>(
        &mut self,
        source: &S,
    ) -> Result<Option<&WholeFlow>, Error> {
        self.fill(source).await?;
        Ok(self.read.front())
    }

    /// The next flow; none at the end.
    pub(crate) async fn next<S: Source>(&mut self, source: &S) -> Result<Option<WholeFlow>, Error> {
        self.fill(source).await?;
        Ok(self.read.pop_front())
    }

    async fn fill<S: Source>(&mut self, source: &S) -> Result<(), Error> {
        while self.read.is_empty() && !self.unread.is_empty() {
            let count = self.batch.min(self.unread.len());
            self.batch = (2 * self.batch).min(FLOWS);
            let ids: Vec<FlowId> = self.unread.drain(..count).collect();
            self.read = source.whole_flows(&ids).await?.into();
        }
        Ok(())
    }
}
