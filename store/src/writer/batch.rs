//! What is written in one transaction.

use crate::{
    changes::{Change, Changed},
    flow::{Connection, Failure, FailureCause, Flow, FlowId, HeadKind, Party},
    recorder::{
        live::{FlowState, LiveConnection, LiveFlow, Unwritten},
        pool::Pool,
        queue,
    },
    sqlite::{Database, Failed, Statement, Value},
    table,
    table::{
        chunks,
        connections::ConnectionsTable,
        flows, heads, packets, rules,
        sessions::{Growing, Sums},
    },
};
use std::{fmt::Write as _, mem, net::SocketAddr, sync::Arc};

/// What writes a batch, prepared once.
pub(super) struct Statements<'d> {
    pub(super) begin: Statement<'d>,
    pub(super) commit: Statement<'d>,
    pub(super) connections: ConnectionsTable<'d>,
    insert_flow: Insert<'d>,
    update_flow: Statement<'d>,
    annotate: Statement<'d>,
    insert_head: Insert<'d>,
    insert_interim: Insert<'d>,
    insert_chunk: Insert<'d>,
    add_packets: Statement<'d>,
    insert_change: Insert<'d>,
    insert_message: Insert<'d>,
    growing: Growing<'d>,
    text: AddressText,
}

impl<'d> Statements<'d> {
    pub(super) fn prepare(database: &'d Database<'_>) -> Result<Self, Failed> {
        Ok(Self {
            begin: database.prepare("BEGIN IMMEDIATE")?,
            commit: database.prepare("COMMIT")?,
            connections: ConnectionsTable::prepare(database)?,
            insert_flow: Insert::prepare(database, flows::INSERT)?,
            update_flow: database.prepare(flows::UPDATE)?,
            annotate: database.prepare(flows::ANNOTATE)?,
            insert_head: Insert::prepare(database, heads::INSERT)?,
            insert_interim: Insert::prepare(database, heads::INSERT_INTERIM)?,
            insert_chunk: Insert::prepare(database, chunks::INSERT)?,
            add_packets: database.prepare(packets::ADD)?,
            insert_change: Insert::prepare(database, rules::INSERT_CHANGE)?,
            insert_message: Insert::prepare(database, rules::INSERT_MESSAGE)?,
            growing: Growing::prepare(database)?,
            text: AddressText::default(),
        })
    }
}

/// Inserts a row, or replaces the one that has its key: a head that is recorded twice, for example. Asking
/// for that at once (`INSERT OR REPLACE`) costs a journal for every statement.
struct Insert<'d> {
    insert: Statement<'d>,
    replace: Statement<'d>,
}

impl<'d> Insert<'d> {
    fn prepare(database: &'d Database<'_>, sql: &str) -> Result<Self, Failed> {
        Ok(Self {
            insert: database.prepare(sql)?,
            replace: database.prepare(&sql.replacen("INSERT", "INSERT OR REPLACE", 1))?,
        })
    }

    fn run(&mut self, values: &[Value<'_>]) -> Result<u64, Failed> {
        match self.insert.run(values) {
            Err(failed) if failed.exists() => self.replace.run(values),
            result => result,
        }
    }
}

/// What was taken from the queue for one transaction.
pub(super) struct Batch {
    connections: Vec<Connection>,
    flows: Vec<FlowWork>,
    /// What [`queue::Queue::add_bytes`] was told of it.
    pub(super) cost: u64,
}

struct FlowWork {
    flow: Flow,
    update: bool,
    noted: bool,
    /// Bytes of both bodies that the row had when it was written last.
    counted: u64,
    unwritten: Unwritten,
}

impl Batch {
    /// Takes what is unwritten of everything that changed.
    pub(super) fn collect(changed: queue::Changed) -> Self {
        let mut cost = 0;
        let flows = changed.flows.into_iter().map(|live| {
            let work = take(live);
            cost += work.unwritten.cost;
            work
        });
        let flows: Vec<_> = flows.collect();
        let connections = changed.connections.into_iter().map(take_connection);
        Self {
            connections: connections.collect(),
            flows,
            cost,
        }
    }

    pub(super) fn write(&self, statements: &mut Statements<'_>) -> Result<(), Failed> {
        for connection in &self.connections {
            bearable(statements.connections.write(connection))?;
        }
        let mut sums = Sums::default();
        for work in &self.flows {
            bearable(work.write_row(statements, &mut sums))?;
            bearable(work.write_rest(statements))?;
        }
        sums.grow(&mut statements.growing)
    }

    /// How many flows are written for the first time.
    pub(super) fn new_flows(&self) -> u64 {
        self.flows.iter().filter(|work| !work.update).count() as u64
    }

    /// Tells the subscribers which flows were written.
    pub(super) fn tell(&self, changes: &Changed) {
        if self.flows.is_empty() || !changes.has_subscribers() {
            return;
        }
        let mut ids: Vec<FlowId> = self.flows.iter().map(|work| work.flow.id).collect();
        ids.sort_unstable();
        ids.dedup();
        changes.tell(Change::Flows(ids.into()));
    }

    /// Gives the buffers back.
    pub(super) fn recycle(self, pool: &Pool) {
        for work in self.flows {
            for chunk in work.unwritten.chunks {
                pool.give(chunk.data);
            }
        }
    }
}

impl FlowWork {
    /// Writes the row, and counts it.
    fn write_row(&self, statements: &mut Statements<'_>, sums: &mut Sums) -> Result<(), Failed> {
        let flow = &self.flow;
        let bytes = table::int(size(flow));
        let (client, server) = statements.text.of(flow);
        let values = flows::values(flow, client, server);
        let updated = if self.update {
            let most = values.get(..flows::UPDATED).unwrap_or(&values);
            statements.update_flow.run(most)? > 0
        } else {
            false
        };
        // also a flow that was deleted and goes on
        if !updated {
            statements.insert_flow.run(&values)?;
            sums.add(flow.session, flow.id, bytes);
            return Ok(());
        }
        sums.add_bytes(flow.session, bytes - table::int(self.counted));
        if self.noted {
            let [id, ..] = values;
            let [.., tags, comment, _, color, starred, _] = values;
            statements
                .annotate
                .run(&[id, tags, comment, color, starred])?;
        }
        Ok(())
    }

    fn write_rest(&self, statements: &mut Statements<'_>) -> Result<(), Failed> {
        let flow = &self.flow;
        let mut begin = 0;
        for head in &self.unwritten.heads {
            let range = mem::replace(&mut begin, head.end)..head.end;
            let bytes = self.unwritten.head_bytes.get(range).unwrap_or_default();
            let values = heads::values(flow.id, head, bytes);
            match head.kind {
                HeadKind::Interim => statements.insert_interim.run(&values)?,
                _ => statements.insert_head.run(&values)?,
            };
        }
        for chunk in &self.unwritten.chunks {
            statements
                .insert_chunk
                .run(&chunks::values(flow.id, chunk))?;
        }
        for (kind, data) in &self.unwritten.changes {
            statements
                .insert_change
                .run(&rules::change(flow.id, *kind, data))?;
        }
        for message in &self.unwritten.messages {
            statements.insert_message.run(&message.values(flow.id))?;
        }
        for range in &self.unwritten.packets {
            if let Some(values) = packets::values(flow.id, range) {
                statements.add_packets.run(&values)?;
            }
        }
        Ok(())
    }
}

/// A row that can never be written is left out, so that the rest can be.
fn bearable(result: Result<(), Failed>) -> Result<(), Failed> {
    match result {
        Err(failed) if failed.hopeless() => {
            tracing::error!("a row cannot be written and is left out: {failed}");
            Ok(())
        }
        result => result,
    }
}

/// Takes row and pieces of one moment: a row never says more than what is written with it.
fn take(live: Arc<LiveFlow>) -> FlowWork {
    // an ended flow has, as a rule, no other owner: its row need not be copied
    match Arc::try_unwrap(live) {
        Ok(live) => {
            let mut state = live.state.into_inner();
            let (update, noted, unwritten) = take_from(&mut state);
            FlowWork {
                flow: state.flow,
                update,
                noted,
                counted: state.counted,
                unwritten,
            }
        }
        Err(live) => {
            let mut state = live.state.lock();
            let (update, noted, unwritten) = take_from(&mut state);
            let flow = state.flow.clone();
            let counted = mem::replace(&mut state.counted, size(&flow));
            FlowWork {
                flow,
                update,
                noted,
                counted,
                unwritten,
            }
        }
    }
}

/// Whether it was written before, whether it was noted on, and what is unwritten.
fn take_from(state: &mut FlowState) -> (bool, bool, Unwritten) {
    let unwritten = state.take();
    let update = mem::replace(&mut state.written, true);
    let noted = mem::take(&mut state.noted);
    say_incomplete(state);
    (update, noted, unwritten)
}

/// Bytes of both bodies.
fn size(flow: &Flow) -> u64 {
    flow.request
        .body_size
        .saturating_add(flow.response.body_size)
}

fn say_incomplete(state: &mut FlowState) {
    let Some(incomplete) = state.incomplete else {
        return;
    };
    match &mut state.flow.error {
        Some(error) if error.text.contains(incomplete) => (),
        Some(error) => error.text = format!("{} {incomplete}", error.text),
        error => {
            *error = Some(Failure {
                cause: FailureCause::Other,
                side: Party::Proxy,
                text: incomplete.to_owned(),
            });
        }
    }
}

fn take_connection(live: Arc<LiveConnection>) -> Connection {
    let mut state = live.state.lock();
    state.listed = false;
    drop(state);
    match Arc::try_unwrap(live) {
        Ok(live) => live.state.into_inner().connection,
        Err(live) => live.state.lock().connection.clone(),
    }
}

/// The addresses of a flow as text; the next flow often has the same.
#[derive(Default)]
struct AddressText {
    client: (Option<SocketAddr>, String),
    server: (Option<SocketAddr>, String),
}

impl AddressText {
    fn of(&mut self, flow: &Flow) -> (&str, Option<&str>) {
        keep(&mut self.client, flow.client);
        if let Some(server) = flow.server {
            keep(&mut self.server, server);
        }
        (&self.client.1, flow.server.map(|_| self.server.1.as_str()))
    }
}

fn keep((kept, text): &mut (Option<SocketAddr>, String), address: SocketAddr) {
    if *kept != Some(address) {
        *kept = Some(address);
        text.clear();
        // writing into a String does not fail
        let _ = write!(text, "{address}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Recorder,
        flow::{ConnectionId, Kind, SessionId, Side, State, Timestamp},
        recorder::{FlowStart, queue::Queue},
    };
    use std::{collections::HashMap, thread};

    fn start() -> FlowStart {
        FlowStart {
            connection: ConnectionId(1),
            kind: Kind::Http,
            method: "POST".to_owned(),
            scheme: "http",
            host: "a.example".to_owned(),
            port: 80,
            path: "/".to_owned(),
            client: ([127, 0, 0, 1], 1).into(),
            server: None,
            started: Timestamp(1),
            replay_of: None,
        }
    }

    #[test]
    fn a_row_says_no_more_than_what_is_written_with_it() {
        const FLOWS: usize = 400;
        let queue = Arc::new(Queue::new(1, 1, SessionId(1)));
        let recorder = Recorder::new(queue.clone());
        let traffic = thread::spawn(move || {
            for _ in 0..FLOWS {
                let flow = recorder.flow(start());
                for piece in 0..40 {
                    flow.chunk(Side::Request, Timestamp(piece), &[7; 100]);
                }
                flow.complete();
            }
        });
        let (mut bytes, mut ended) = (HashMap::new(), 0);
        while ended < FLOWS {
            for work in Batch::collect(queue.take()).flows {
                let kept: &mut usize = bytes.entry(work.flow.id.0).or_default();
                *kept += work
                    .unwritten
                    .chunks
                    .iter()
                    .map(|c| c.data.len())
                    .sum::<usize>();
                assert_eq!(work.flow.request.body_size, *kept as u64);
                ended += usize::from(work.flow.state == State::Complete);
            }
        }
        traffic.join().unwrap();
    }
}
