//! Flows in memory, for the tests and the fuzz target. Times are milliseconds.

#![allow(clippy::unwrap_used, reason = "it reads what tests write")]

use super::{Chunks, Source};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use overhear_store::{
    Connection, ConnectionId, Error, Failure, FailureCause, Flow, FlowId, HeadKind, Kind, Party,
    Side, State, Timestamp,
    read::{Chunk, FlowPage, FlowQuery, RecordedHead, WholeFlow},
};
use std::sync::Arc;

/// A list of connections and flows.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Lists>);

#[derive(Clone, Default)]
struct Lists {
    connections: Vec<Connection>,
    flows: Vec<Entry>,
}

/// A flow that a test puts together.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) recorded: WholeFlow,
    bodies: [Vec<Chunk>; 2],
}

pub(crate) fn ms(milliseconds: i64) -> Timestamp {
    Timestamp(milliseconds * 1_000_000)
}

/// Connecting at 0 to 2 ms, ended by the client at 1000 ms.
pub(crate) fn connection(id: i64) -> Connection {
    let mut connection = Connection::accepted(
        "192.0.2.1:50000".parse().unwrap(),
        "192.0.2.2:8080".parse().unwrap(),
    );
    connection.id = ConnectionId(id);
    connection.server = Some("203.0.113.1:80".parse().unwrap());
    connection.accepted = ms(0);
    connection.connect_start = Some(ms(0));
    connection.connected = Some(ms(2));
    connection.closed = Some(ms(1000));
    connection.closed_by = Some(Party::Client);
    connection
}

/// A complete flow without anything in it.
pub(crate) fn flow(id: i64, connection: i64, kind: Kind) -> Entry {
    let client = ([192, 0, 2, 1], 50000).into();
    let flow = Flow {
        connection: ConnectionId(connection),
        kind,
        state: State::Complete,
        server: Some(([203, 0, 113, 1], 80).into()),
        ..Flow::unknown(FlowId(id), client)
    };
    Entry {
        recorded: WholeFlow {
            flow,
            heads: Vec::new(),
            bodies: None,
        },
        bodies: Default::default(),
    }
}

impl Entry {
    pub(crate) fn head(mut self, kind: HeadKind, at: i64, text: &str) -> Self {
        let mut words = text.split([' ', '\r']);
        let first = words.next().unwrap_or_default();
        let method = if first.starts_with(':') {
            words.next()
        } else {
            Some(first)
        };
        if let (HeadKind::Request, Some(method)) = (kind, method) {
            method.clone_into(&mut self.recorded.flow.method);
        }
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let at = ms(at);
        self.recorded.heads.push(RecordedHead { kind, at, bytes });
        self.recorded.heads.sort_by_key(|h| h.kind);
        self
    }

    pub(crate) fn request(self, at: i64, text: &str) -> Self {
        self.head(HeadKind::Request, at, text)
    }

    pub(crate) fn response(self, at: i64, text: &str) -> Self {
        self.head(HeadKind::Response, at, text)
    }

    /// A piece of a body.
    pub(crate) fn body(mut self, side: Side, at: i64, data: &[u8]) -> Self {
        let Flow {
            request,
            response,
            times,
            ..
        } = &mut self.recorded.flow;
        let (info, last) = match side {
            Side::Request => (request, &mut times.request_last),
            Side::Response => (response, &mut times.response_last),
        };
        let chunks = &mut self.bodies[side as usize];
        chunks.push(Chunk {
            seq: chunks.len() as u32,
            at: ms(at),
            offset: info.body_size,
            missing: 0,
            data: Bytes::copy_from_slice(data),
        });
        info.body_size += data.len() as u64;
        *last = Some(ms(at));
        self
    }

    /// What came instead of content.
    pub(crate) fn raw(self, side: Side, at: i64, data: &[u8]) -> Self {
        let mut entry = self.body(side, at, data);
        let flow = &mut entry.recorded.flow;
        let info = match side {
            Side::Request => &mut flow.request,
            Side::Response => &mut flow.response,
        };
        info.raw = Some(info.body_size - data.len() as u64);
        entry
    }

    /// Gives every piece of a body the same bytes.
    pub(crate) fn fill(&mut self, side: Side, data: &Bytes) {
        let mut offset = 0;
        for chunk in &mut self.bodies[side as usize] {
            chunk.data = data.clone();
            chunk.offset = offset;
            offset += data.len() as u64;
        }
        let flow = &mut self.recorded.flow;
        match side {
            Side::Request => flow.request.body_size = offset,
            Side::Response => flow.response.body_size = offset,
        }
    }

    /// The proxy answered it itself.
    pub(crate) fn without_server(mut self) -> Self {
        self.recorded.flow.server = None;
        self
    }

    pub(crate) fn running(mut self) -> Self {
        self.recorded.flow.state = State::Running;
        self
    }

    pub(crate) fn failed(mut self, at: i64, cause: FailureCause, side: Party, text: &str) -> Self {
        let flow = &mut self.recorded.flow;
        flow.state = State::Failed;
        flow.times.ended = Some(ms(at));
        flow.error = Some(Failure {
            cause,
            side,
            text: text.to_owned(),
        });
        self
    }
}

impl Memory {
    pub(crate) fn new(connections: Vec<Connection>, flows: Vec<Entry>) -> Self {
        Self(Arc::new(Lists { connections, flows }))
    }

    fn entry(&self, id: FlowId) -> Option<&Entry> {
        self.0.flows.iter().find(|e| e.recorded.flow.id == id)
    }
}

impl Source for Memory {
    /// A page has two flows, so that every test turns pages.
    async fn page(&self, query: &FlowQuery) -> Result<FlowPage, Error> {
        let start: usize = query.cursor.as_ref().map_or(0, |c| c.parse().unwrap());
        let flows = self.0.flows.iter().map(|e| &e.recorded.flow);
        let selected = flows.filter(|f| query.ids.as_ref().is_none_or(|ids| ids.contains(&f.id)));
        let mut flows: Vec<Flow> = selected.skip(start).take(3).cloned().collect();
        let next = (flows.len() == 3).then(|| (start + 2).to_string());
        flows.truncate(2);
        Ok(FlowPage { flows, next })
    }

    async fn connections(&self, ids: &[ConnectionId]) -> Result<Vec<Connection>, Error> {
        let mut found = self.0.connections.clone();
        found.retain(|c| ids.contains(&c.id));
        found.sort_by_key(|c| c.id);
        Ok(found)
    }

    /// Flows with an even number have their bodies with them.
    async fn whole_flows(&self, ids: &[FlowId]) -> Result<Vec<WholeFlow>, Error> {
        let mut found: Vec<WholeFlow> = Vec::new();
        for entry in &self.0.flows {
            let mut whole = entry.recorded.clone();
            if whole.flow.id.0 % 2 == 0 {
                let bodies = [Side::Request, Side::Response]
                    .into_iter()
                    .zip(&entry.bodies);
                let pieces =
                    bodies.flat_map(|(side, body)| body.iter().map(move |c| (side, c.clone())));
                whole.bodies = Some(pieces.collect());
            }
            if ids.contains(&whole.flow.id) {
                found.push(whole);
            }
        }
        found.sort_by_key(|w| w.flow.id);
        Ok(found)
    }

    fn chunks(&self, id: FlowId, side: Side) -> Chunks {
        let chunks = self.entry(id).map(|e| e.bodies[side as usize].clone());
        stream::iter(chunks.unwrap_or_default().into_iter().map(Ok)).boxed()
    }
}
