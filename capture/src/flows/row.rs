//! One flow that is being read out of packets.

use crate::tls::KeyLog;
use crate::{
    http::Position,
    packet::{Span, Spot},
};
use overhear_store::{
    App, ClosingFlow, ConnectionId, Failure, Flow, FlowRecorder, FlowStart, HeadKind, Kind,
    PacketFileId, Recorder, Side, Timestamp,
};
use std::{net::SocketAddr, sync::Arc};

/// What the flows of a connection have in common.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) recorder: Option<(Recorder, ConnectionId)>,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    /// Where the flows lead when they do not say.
    pub(super) host: String,
    pub(super) port: u16,
    /// The bytes were taken out of TLS.
    pub(super) secure: bool,
    /// What opens TLS.
    pub(super) keys: KeyLog,
    pub(super) file: Arc<str>,
    /// The program on the computer that captured, where that is said (PKTAP).
    pub(super) app: Option<App>,
    /// The capture goes on.
    pub(super) live: bool,
    /// When it was opened.
    pub(super) opened: Position,
    /// Where the first packet of the handshake lies: the first flow that begins has it.
    pub(super) handshake: Option<Span>,
    /// Flows that began.
    pub(super) begun: u64,
    /// Tags for what slows the connection down.
    pub(super) marks: Vec<&'static str>,
}

/// A flow. Without a recorder nothing is kept of it.
pub(super) struct Row {
    flow: Option<FlowRecorder>,
    first: u64,
    last: u64,
    at: Timestamp,
    /// Where the packet lies that was told last.
    seen: Spot,
    note: String,
}

/// What a flow begins with.
pub(super) struct Start {
    pub(super) kind: Kind,
    pub(super) scheme: &'static str,
    pub(super) method: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: String,
}

impl Context {
    /// Begins a flow.
    pub(super) fn begin(&mut self, at: Position, start: Start) -> Row {
        self.begun += 1;
        let flow = self.recorder.as_ref().map(|(recorder, connection)| {
            recorder.flow(FlowStart {
                connection: *connection,
                kind: start.kind,
                method: start.method,
                scheme: start.scheme,
                host: start.host,
                port: start.port,
                path: start.path,
                client: self.client,
                server: Some(self.server),
                started: at.at,
                replay_of: None,
            })
        });
        if let (Some(flow), Some(app)) = (&flow, &self.app) {
            flow.edit(|flow| flow.app.clone_from(&app.name));
        }
        let mut row = Row {
            flow,
            first: at.packet,
            last: at.packet,
            at: at.at,
            seen: Spot::default(),
            note: String::new(),
        };
        if let Some(handshake) = self.handshake.take() {
            row.first = row.first.min(handshake.first.number);
            row.lies(handshake);
        }
        row.lies(at.span);
        row
    }

    /// A flow that has no name but the server's address.
    pub(super) fn begin_plain(&mut self, at: Position, kind: Kind, scheme: &'static str) -> Row {
        let (host, port) = (self.host.clone(), self.port);
        self.begin(
            at,
            Start {
                kind,
                scheme,
                method: String::new(),
                host,
                port,
                path: String::new(),
            },
        )
    }
}

impl Row {
    /// Something of the flow was seen.
    pub(super) fn seen(&mut self, at: Position) {
        // 0: which packet it was is not known
        if at.packet > 0 {
            self.first = self.first.min(at.packet);
            self.last = self.last.max(at.packet);
        }
        self.at = self.at.max(at.at);
        self.lies(at.span);
    }

    /// Packets of the flow lie there.
    pub(super) fn lies(&mut self, span: Span) {
        let Some(flow) = &self.flow else {
            return;
        };
        for spot in [span.first, span.last] {
            if spot.file != 0 && spot != self.seen {
                self.seen = spot;
                flow.packet(PacketFileId(spot.file), spot.offset, spot.number);
            }
        }
    }

    pub(super) fn edit(&self, change: impl FnOnce(&mut Flow)) {
        if let Some(flow) = &self.flow {
            flow.edit(change);
        }
    }

    pub(super) fn head(&mut self, kind: HeadKind, at: Position, bytes: &[u8]) {
        self.seen(at);
        if let Some(flow) = &self.flow {
            flow.head(kind, at.at, bytes);
        }
    }

    pub(super) fn chunk(&mut self, side: Side, at: Position, bytes: &[u8]) {
        self.seen(at);
        if let Some(flow) = &self.flow {
            flow.chunk(side, at.at, bytes);
        }
    }

    /// Bytes of a side are missing there.
    pub(super) fn gap(&self, side: Side, at: Position, missing: u64) {
        if let Some(flow) = &self.flow {
            flow.gap(side, at.at, missing);
        }
    }

    pub(super) fn datagram(&mut self, side: Side, at: Position, bytes: &[u8]) {
        self.seen(at);
        if let Some(flow) = &self.flow {
            flow.datagram(side, at.at, bytes);
        }
    }

    /// Says something of the flow to a person, in whole sentences.
    pub(super) fn note(&mut self, text: &str) {
        if !self.note.is_empty() {
            self.note.push(' ');
        }
        self.note.push_str(text);
    }

    /// When the last of it was seen.
    pub(super) fn last(&self) -> Timestamp {
        self.at
    }

    /// The last packet of the connection is the flow's too, and says nothing more.
    pub(super) fn closes(&mut self, at: Position) {
        self.last = self.last.max(at.span.last.number);
        self.lies(at.span);
    }

    /// Tags for what slows it down, while it goes on.
    pub(super) fn mark(&self, marks: &[&str]) {
        let tags = marks.join(",");
        self.edit(|flow| flow.tags = tags);
    }

    /// Ends the flow.
    pub(super) fn end(self, file: &str, marks: &[&str], failure: Option<Failure>) {
        let _ = self.close(file, marks, failure);
    }

    /// Ends the flow, and gives back what takes the packets that still come of it.
    pub(super) fn close(
        self,
        file: &str,
        marks: &[&str],
        failure: Option<Failure>,
    ) -> Option<ClosingFlow> {
        let flow = self.flow?;
        let packets = match self.first == self.last {
            true => format!("packet {} of {file}", self.first),
            false => format!("packets {} to {} of {file}", self.first, self.last),
        };
        flow.edit(|flow| {
            flow.times.ended = Some(self.at);
            flow.comment = match self.note.as_str() {
                "" => packets,
                note => format!("{packets}. {note}"),
            };
            flow.tags = marks.join(",");
        });
        Some(flow.close(failure))
    }
}
