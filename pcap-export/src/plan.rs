//! Which flows of which connections are exported, and when each connection begins.
//!
//! This is the one thing that is held for the whole selection: 16 bytes a flow and 32 a connection. Flows are not
//! recorded in the order of their connections, and a connection begins before its first flow, so the order
//! has to be known before the first packet is written.

use crate::{addresses::Addresses, conversation, source::Source};
use overhear_store::{
    Connection, ConnectionId, Error, FlowId, Timestamp, filter::Filter, read::FlowQuery,
};
use std::collections::HashMap;

/// Flows read at a time.
const PAGE: u32 = 1000;

/// Flows or connections asked for by number at a time.
const IDS: usize = 500;

/// What to write, in the order in which it begins.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Flows, those of a connection side by side and in their order.
    flows: Vec<(ConnectionId, FlowId)>,
    /// Connections by their beginning.
    pub(crate) connections: Vec<Planned>,
    /// Flows of which there is nothing to write: no server's address is known.
    pub(crate) without_packets: u64,
}

/// A connection to write.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Planned {
    /// When its first packet was sent.
    pub(crate) begins: Timestamp,
    /// Its number.
    pub(crate) id: ConnectionId,
    flows: (usize, usize),
}

impl Planned {
    /// How many flows are selected of it.
    pub(crate) fn count(&self) -> u64 {
        let (start, end) = self.flows;
        (end - start) as u64
    }
}

impl Plan {
    /// Reads the selection: these flows, or all, as far as they match.
    pub(crate) async fn of<S: Source>(
        source: &S,
        ids: Option<&[FlowId]>,
        filter: Option<&Filter>,
    ) -> Result<Self, Error> {
        let mut flows = Vec::new();
        match ids {
            None => select(source, None, filter, &mut flows).await?,
            Some(ids) => {
                for some in ids.chunks(IDS) {
                    select(source, Some(some.to_vec()), filter, &mut flows).await?;
                }
            }
        }
        flows.sort_unstable();
        flows.dedup();
        let mut plan = Self {
            flows,
            ..Self::default()
        };
        plan.find_connections(source).await?;
        plan.connections.sort_unstable();
        Ok(plan)
    }

    /// How many flows are selected.
    pub(crate) fn len(&self) -> usize {
        self.flows.len()
    }

    /// The first flow of a connection.
    pub(crate) fn first(&self, planned: &Planned) -> Option<FlowId> {
        self.flows.get(planned.flows.0).map(|(_, flow)| *flow)
    }

    /// The flows of a connection.
    pub(crate) fn flows(&self, planned: &Planned) -> Vec<FlowId> {
        let (start, end) = planned.flows;
        let flows = self.flows.get(start..end).unwrap_or_default();
        flows.iter().map(|(_, flow)| *flow).collect()
    }

    async fn find_connections<S: Source>(&mut self, source: &S) -> Result<(), Error> {
        let groups = self.flows.chunk_by(|a, b| a.0 == b.0);
        let mut start = 0;
        let groups: Vec<Planned> = groups
            .filter_map(|group| {
                let flows = (start, start + group.len());
                start += group.len();
                let (id, _) = group.first()?;
                Some(Planned {
                    begins: Timestamp::default(),
                    id: *id,
                    flows,
                })
            })
            .collect();
        for some in groups.chunks(IDS) {
            let ids: Vec<ConnectionId> = some.iter().map(|planned| planned.id).collect();
            let found = source.connections(&ids).await?;
            let found: HashMap<ConnectionId, Connection> =
                found.into_iter().map(|c| (c.id, c)).collect();
            for planned in some {
                let connection = found.get(&planned.id);
                match connection.filter(|c| Addresses::of(c).is_some()) {
                    Some(connection) => self.connections.push(Planned {
                        begins: conversation::begins(connection),
                        ..planned.clone()
                    }),
                    None => self.without_packets += planned.count(),
                }
            }
        }
        Ok(())
    }
}

async fn select<S: Source>(
    source: &S,
    ids: Option<Vec<FlowId>>,
    filter: Option<&Filter>,
    flows: &mut Vec<(ConnectionId, FlowId)>,
) -> Result<(), Error> {
    let mut query = FlowQuery {
        filter: filter.cloned(),
        ids,
        limit: PAGE,
        ..FlowQuery::default()
    };
    loop {
        let page = source.page(&query).await?;
        flows.extend(page.flows.iter().map(|f| (f.connection, f.id)));
        query.cursor = page.next;
        if query.cursor.is_none() {
            return Ok(());
        }
    }
}
