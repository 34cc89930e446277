//! All connections of a selection as one file: their packets in the order of time, made as they are asked for.
//!
//! A connection is opened when its first packet is due and forgotten after its last one. Of each open
//! connection the next turn is read ahead, so memory grows with the connections that were open at one
//! time, never with the length of the file.

use crate::{
    ExportOptions, Format, Summary,
    addresses::{Addresses, Taken, plain_port},
    comment,
    conversation::{self, Conversation, Turn},
    packet, pcap, pcapng,
    plan::{Plan, Planned},
    segment::Tcp,
    source::{Flows, Source},
};
use overhear_store::{Connection, ConnectionId, Error, FlowId, Kind, Timestamp, read::WholeFlow};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet, VecDeque},
    net::IpAddr,
};

/// A file that is being made.
pub(crate) struct Export<S> {
    source: S,
    format: Format,
    keep_tls_port: bool,
    plan: Plan,
    /// How many of the planned connections were read.
    read: usize,
    /// Connections that were read and are not yet due.
    ahead: VecDeque<Ahead>,
    /// How many connections were opened.
    opened: usize,
    open: BinaryHeap<Reverse<Open<S>>>,
    taken: Taken,
    /// Names already in the file.
    named: HashSet<(IpAddr, String)>,
    /// The time of the latest packet.
    last: Timestamp,
    summary: Summary,
    /// A packet, before it is framed by the file's format.
    scratch: Vec<u8>,
}

/// Connections that are read at a time, each with its first flow.
const CONNECTIONS: usize = 32;

/// A connection that was read before its first packet is due.
struct Ahead {
    planned: Planned,
    connection: Connection,
    flows: Flows,
}

/// A connection with the turn that it does next.
struct Open<S> {
    turn: Turn,
    /// Of two turns at one time, that of the connection that began first comes first.
    order: usize,
    addresses: Addresses,
    tcp: Tcp,
    conversation: Box<Conversation<S>>,
}

impl<S: Source> Export<S> {
    /// Plans the export and appends the beginning of the file.
    pub(crate) async fn new(
        source: S,
        options: &ExportOptions,
        out: &mut Vec<u8>,
    ) -> Result<Self, Error> {
        let plan = Plan::of(&source, options.ids.as_deref(), options.filter.as_ref()).await?;
        match options.format {
            Format::Pcap => pcap::header(out),
            Format::Pcapng => pcapng::header(out, &comment::file(plan.len(), plan.without_packets)),
        }
        let summary = Summary {
            without_packets: plan.without_packets,
            ..Summary::default()
        };
        Ok(Self {
            source,
            format: options.format,
            keep_tls_port: options.keep_tls_port,
            plan,
            read: 0,
            ahead: VecDeque::new(),
            opened: 0,
            open: BinaryHeap::new(),
            taken: Taken::default(),
            named: HashSet::new(),
            last: Timestamp(i64::MIN),
            summary,
            scratch: Vec::new(),
        })
    }

    /// What was written so far.
    pub(crate) fn summary(&self) -> Summary {
        self.summary
    }

    /// Appends the packets of the next turn of any connection; false at the end.
    pub(crate) async fn step(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        while let Some(ahead) = self.due().await? {
            self.open(ahead, out).await?;
        }
        let Some(Reverse(mut next)) = self.open.pop() else {
            return Ok(false);
        };
        self.write(&mut next, out);
        if let Some(turn) = next.conversation.next().await? {
            next.turn = turn;
            self.open.push(Reverse(next));
        }
        Ok(true)
    }

    /// The next connection to open, when nothing that is open comes before it.
    async fn due(&mut self) -> Result<Option<Ahead>, Error> {
        while self.ahead.is_empty() && self.read < self.plan.connections.len() {
            self.read_ahead().await?;
        }
        let earliest = self.open.peek().map(|Reverse(open)| open.turn.at);
        let is_due = |next: &Ahead| earliest.is_none_or(|at| next.planned.begins <= at);
        match self.ahead.front().is_some_and(is_due) {
            true => Ok(self.ahead.pop_front()),
            false => Ok(None),
        }
    }

    async fn read_ahead(&mut self) -> Result<(), Error> {
        let rest = self.plan.connections.iter().skip(self.read);
        let planned: Vec<Planned> = rest.take(CONNECTIONS).cloned().collect();
        self.read += planned.len();
        let ids: Vec<ConnectionId> = planned.iter().map(|p| p.id).collect();
        let connections = self.source.connections(&ids).await?;
        let mut connections: HashMap<ConnectionId, Connection> =
            connections.into_iter().map(|c| (c.id, c)).collect();
        let firsts: Vec<FlowId> = planned.iter().filter_map(|p| self.plan.first(p)).collect();
        let firsts = self.source.whole_flows(&firsts).await?;
        let mut firsts: HashMap<FlowId, WholeFlow> =
            firsts.into_iter().map(|w| (w.flow.id, w)).collect();
        for planned in planned {
            let flows = self.plan.flows(&planned);
            let first = flows.first().and_then(|id| firsts.remove(id));
            if let Some(connection) = connections.remove(&planned.id) {
                self.ahead.push_back(Ahead {
                    flows: Flows::new(first, flows.into_iter().skip(1)),
                    planned,
                    connection,
                });
            }
        }
        Ok(())
    }

    async fn open(&mut self, ahead: Ahead, out: &mut Vec<u8>) -> Result<(), Error> {
        let Ahead {
            planned,
            connection,
            mut flows,
        } = ahead;
        let order = self.opened;
        self.opened += 1;
        let first = flows.peek(&self.source).await?.cloned();
        let (Some(first), Some(real)) = (first, Addresses::of(&connection)) else {
            return Ok(());
        };
        if matches!(first.flow.kind, Kind::Udp | Kind::Dns | Kind::Icmp) {
            // never was a connection, and is not made to look like one
            return Ok(());
        }
        let mut wanted = real;
        let turned = conversation::turned(&connection, &first.flow);
        if !self.keep_tls_port && !turned && is_decrypted(&connection, first.flow.kind) {
            wanted.server_port = plain_port(first.flow.kind, real.server_port);
        }
        let written = self.taken.claim(wanted);
        if self.format == Format::Pcapng {
            self.name(&connection.host, real.server().ip(), out);
        }
        self.summary.connections += 1;
        self.summary.flows += planned.count();
        let http2 = conversation::speaks_http2(&first);
        let comment = comment::connection(&connection, real, written, http2);
        let source = self.source.clone();
        let mut conversation = Box::new(Conversation::new(
            source, connection, flows, &first, comment,
        ));
        if let Some(turn) = conversation.next().await? {
            let open = Open {
                turn,
                order,
                addresses: written,
                tcp: Tcp::new(written.is_v6(), initial(&planned)),
                conversation,
            };
            self.open.push(Reverse(open));
        }
        Ok(())
    }

    /// Appends the packets of a turn.
    fn write(&mut self, open: &mut Open<S>, out: &mut Vec<u8>) {
        self.last = self.last.max(open.turn.at);
        let mut comment = open.turn.comment.take();
        let event = open.turn.step.event();
        open.tcp.segments(&event, |segment| {
            self.scratch.clear();
            packet::write(&mut self.scratch, &open.addresses, &segment);
            match self.format {
                Format::Pcap => pcap::packet(out, self.last, &self.scratch),
                Format::Pcapng => {
                    let comment = comment.take();
                    pcapng::packet(out, self.last, &self.scratch, comment.as_deref());
                }
            }
            self.summary.packets += 1;
        });
    }

    /// Says once how a server is called.
    fn name(&mut self, host: &str, server: IpAddr, out: &mut Vec<u8>) {
        let is_name = !host.is_empty()
            && host.len() <= 255
            && !host.contains('\0')
            && host.parse::<IpAddr>().is_err();
        if is_name && self.named.insert((server, host.to_owned())) {
            pcapng::name(out, server, host);
        }
    }
}

/// Whether what is written for a connection was taken out of TLS. A handshake that came to nothing, and TLS that
/// was passed through, are written as they were.
fn is_decrypted(connection: &Connection, kind: Kind) -> bool {
    let ended_here = match &connection.server_tls {
        Some(_) => connection.server_tls_done.is_some(),
        None => connection.client_tls.is_some(),
    };
    kind != Kind::Tls && ended_here
}

/// Initial sequence numbers: the same in every export of a connection, different between connections.
fn initial(planned: &Planned) -> [u32; 2] {
    // a multiplicative hash (Knuth): neighbours are far apart
    let spread = (planned.id.0 as u32).wrapping_mul(2_654_435_769);
    [spread, spread.rotate_left(16) ^ 0x5bd1_e995]
}

impl<S> Open<S> {
    fn key(&self) -> (Timestamp, usize) {
        (self.turn.at, self.order)
    }
}

impl<S> PartialEq for Open<S> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<S> Eq for Open<S> {}

impl<S> PartialOrd for Open<S> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<S> Ord for Open<S> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests;
