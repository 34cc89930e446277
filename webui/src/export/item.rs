//! The selected flows, oldest first, with what belongs to them.
//!
//! Small flows are read many at once: one by one, each takes half a dozen queries. Large bodies are
//! left in the store and streamed from there.

use super::{Error, Selection};
use crate::decode::{self, ByHand, Decoded};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use overhear_store::{
    Connection, Flow, FlowId, HeadKind, Side, State, Store,
    head::{self, ParsedHead},
    read::{Chunk, FlowQuery, WholeFlow},
};
use std::collections::HashMap;

/// Flows read at once, at most,
const AT_ONCE: u32 = 100;

/// and as many as have this many bytes of heads and small bodies.
const BYTES: u64 = 1 << 20;

/// Bodies of a flow that together have at most this many bytes are read with it.
const SMALL: u64 = 64 << 10;

/// A flow with what belongs to it.
pub(super) struct Item {
    whole: WholeFlow,
    /// The connection it ran on, without its certificates.
    pub(super) connection: Option<Connection>,
    store: Store,
}

/// The selected flows, oldest first. Those that begin after the call are left out.
pub(super) async fn items(
    store: &Store,
    selection: &Selection,
) -> Result<impl Stream<Item = Result<Item, Error>> + Send + Unpin + use<>, Error> {
    let newest = FlowQuery {
        descending: true,
        limit: 1,
        ..FlowQuery::default()
    };
    let newest = store.flows(&newest).await?;
    let newest = newest.flows.first().map_or(FlowId(0), |flow| flow.id);
    let first = FlowQuery {
        filter: selection.filter.clone(),
        ids: selection.ids.clone(),
        session: selection.session,
        limit: AT_ONCE,
        ..FlowQuery::default()
    };
    let store = store.clone();
    let pages = stream::try_unfold(Some(first), move |query| {
        let store = store.clone();
        async move {
            let Some(mut query) = query else {
                return Ok(None);
            };
            let page = store.flows(&query).await?;
            let over = page.flows.last().is_none_or(|last| last.id >= newest);
            query.cursor = page.next;
            let more = (query.cursor.is_some() && !over).then_some(query);
            let flows = page.flows.iter().filter(|flow| flow.id <= newest);
            let groups = groups(flows.map(|flow| (flow.id, cost(flow))));
            let items = stream::iter(groups)
                .then(move |ids| read(store.clone(), ids))
                .map_ok(|items| stream::iter(items.into_iter().map(Ok)))
                .try_flatten();
            Ok::<_, Error>(Some((items, more)))
        }
    });
    Ok(pages.try_flatten().boxed())
}

/// What a flow takes in memory when it is read.
fn cost(flow: &Flow) -> u64 {
    let (request, response) = (&flow.request, &flow.response);
    let heads = request.head_size.saturating_add(response.head_size);
    let bodies = request.body_size.saturating_add(response.body_size);
    heads.saturating_add(if bodies <= SMALL { bodies } else { 0 })
}

/// Those that are read together: as many as fit, at least one.
fn groups(flows: impl Iterator<Item = (FlowId, u64)>) -> Vec<Vec<FlowId>> {
    let (mut groups, mut left) = (Vec::<Vec<FlowId>>::new(), 0);
    for (id, cost) in flows {
        match groups.last_mut() {
            Some(group) if cost <= left => group.push(id),
            _ => {
                groups.push(vec![id]);
                left = BYTES;
            }
        }
        left = left.saturating_sub(cost);
    }
    groups
}

async fn read(store: Store, ids: Vec<FlowId>) -> Result<Vec<Item>, Error> {
    let flows = store.whole_flows(&ids, SMALL).await?;
    let mut connections: Vec<_> = flows.iter().map(|whole| whole.flow.connection).collect();
    connections.sort_unstable();
    connections.dedup();
    let connections = store.connections(&connections).await?;
    let connections: HashMap<_, _> = connections.into_iter().map(|c| (c.id, c)).collect();
    let items = flows.into_iter().map(|whole| Item {
        connection: connections.get(&whole.flow.connection).cloned(),
        whole,
        store: store.clone(),
    });
    Ok(items.collect())
}

impl Item {
    pub(super) fn flow(&self) -> &Flow {
        &self.whole.flow
    }

    /// Its recorded heads.
    pub(super) fn heads(&self) -> &[overhear_store::read::RecordedHead] {
        &self.whole.heads
    }

    /// A head, taken apart; empty when there is none.
    pub(super) fn head(&self, kind: HeadKind) -> ParsedHead {
        let head = self.heads().iter().find(|head| head.kind == kind);
        let parse = |bytes: &[u8]| head::parse(bytes, crate::api::model::has_start_line(bytes));
        head.map(|head| parse(&head.bytes)).unwrap_or_default()
    }

    /// Both sides' pieces in the order of time, after the first `skip`, at most `limit`.
    pub(super) async fn messages(
        &self,
        skip: u64,
        limit: u32,
    ) -> Result<Vec<(Side, Chunk)>, Error> {
        Ok(self.store.messages(self.flow().id, skip, limit).await?)
    }

    /// Messages that a person sent into it.
    pub(super) fn by_hand(&self) -> ByHand<'_> {
        ByHand::of(&self.store, self.flow().id)
    }

    /// A body as it was sent.
    pub(super) fn recorded(&self, side: Side) -> Decoded {
        let Some(pieces) = &self.whole.bodies else {
            return decode::recorded(&self.store, self.flow(), side);
        };
        let pieces = pieces.iter().filter(|(of, _)| *of == side);
        let pieces: Vec<_> = pieces.map(|(_, chunk)| Ok(chunk.data.clone())).collect();
        stream::iter(pieces).boxed()
    }

    /// The response's body without its content codings.
    pub(super) async fn decoded(&self) -> Result<Decoded, decode::Error> {
        let flow = self.flow();
        let complete = flow.state == State::Complete;
        decode::decode(
            &flow.response.content_encoding,
            complete,
            self.recorded(Side::Response),
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_flows_are_read_alone_and_small_ones_together() {
        let costs = [10, BYTES - 10, 1, 3 * BYTES, 5, BYTES, BYTES, 0, 7];
        let flows = (1..).map(FlowId).zip(costs);
        let groups: Vec<Vec<i64>> = groups(flows)
            .into_iter()
            .map(|group| group.into_iter().map(|id| id.0).collect())
            .collect();
        assert_eq!(
            groups,
            [
                vec![1, 2],
                vec![3],
                vec![4],
                vec![5],
                vec![6],
                vec![7, 8],
                vec![9]
            ]
        );
    }
}
