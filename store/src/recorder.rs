//! The door into the store: what the engine says while a conversation happens.
//!
//! Nothing here waits for the disk. Each live flow keeps what is not yet written in a small shared
//! buffer; the first touch after a write puts it on the writer's list, and one writer thread
//! collects the list every few milliseconds, so a flow that begins and ends between two rounds is
//! one insert. [`Recorder::room`] is where back pressure comes from.

pub(crate) mod apps;
pub(crate) mod hidden;
pub(crate) mod live;
pub(crate) mod pool;
pub(crate) mod queue;
pub(crate) mod rate;
mod seen;

use crate::rule::{ChangedMessage, Done};
use crate::{
    flow::{
        Color, Connection, ConnectionId, Failure, FailureCause, Flow, FlowId, HeadKind, Kind,
        MessageInfo, PacketFileId, Party, SessionId, Side, State, Times, Timestamp,
    },
    grpc::{GrpcStatus, WebFrames},
    sqlite::{Database, Value},
    table::packets,
};
use apps::Known;
use live::{ChangeKind, ConnectionState, DISK_FULL, FlowState, LiveConnection, LiveFlow, ROW_COST};
use parking_lot::{Mutex, MutexGuard};
use queue::{Command, FULL, OVERFULL, Queue};
pub use seen::Seen;
use std::{mem, net::SocketAddr, sync::Arc};
use tokio::sync::oneshot;

/// The door into the store; cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    queue: Arc<Queue>,
    /// Where flows go; `None`: into the session that is recorded into.
    session: Option<SessionId>,
    /// Also while recording is switched off.
    always: bool,
    /// Not even while it is switched on.
    never: bool,
    /// Who looks at what begins.
    seen: Option<Seen>,
    /// The comment that a flow begins with.
    comment: Option<Arc<str>>,
}

/// What is known when a flow begins.
#[derive(Debug, Clone)]
pub struct FlowStart {
    /// The connection it runs on.
    pub connection: ConnectionId,
    /// What sort of conversation.
    pub kind: Kind,
    /// Request method, or empty.
    pub method: String,
    /// See [`Flow::scheme`].
    pub scheme: &'static str,
    /// See [`Flow::host`].
    pub host: String,
    /// See [`Flow::port`].
    pub port: u16,
    /// See [`Flow::path`].
    pub path: String,
    /// The client's address.
    pub client: SocketAddr,
    /// The server's address, when known already.
    pub server: Option<SocketAddr>,
    /// When the first byte was seen.
    pub started: Timestamp,
    /// What this one replays.
    pub replay_of: Option<Replayed>,
}

/// What a flow replays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// The flow that it was made from.
    pub flow: FlowId,
    /// Its request is another than that flow's.
    pub modified: bool,
}

impl Recorder {
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self {
            queue,
            session: None,
            always: false,
            never: false,
            seen: None,
            comment: None,
        }
    }

    /// A door that is open also while recording is switched off: for what a person asks for.
    pub fn always(&self) -> Self {
        Self {
            always: true,
            ..self.clone()
        }
    }

    /// A door that is shut: for what a rule does not let be recorded.
    pub fn never(&self) -> Self {
        Self {
            never: true,
            ..self.clone()
        }
    }

    /// A door whose flows can be looked at by who opens it.
    pub fn seen_by(&self, seen: &Seen) -> Self {
        Self {
            seen: Some(seen.clone()),
            ..self.clone()
        }
    }

    /// A door whose flows begin with a comment.
    pub fn commenting(&self, comment: &str) -> Self {
        Self {
            comment: Some(comment.into()),
            ..self.clone()
        }
    }

    /// What would be in the row of a flow that begins so; it has no number, and nobody hears of it.
    pub fn preview(&self, start: FlowStart) -> Flow {
        let session = self.session.unwrap_or_else(|| self.queue.session());
        let client = start.client;
        let mut flow = begin(FlowId(0), session, start);
        if let Known::App(app) = self.program(client) {
            flow.app = app.name;
        }
        flow
    }

    /// A door into another session, open also while recording is switched off: for flows that are imported.
    pub fn into_session(&self, session: SessionId) -> Self {
        Self {
            session: Some(session),
            ..self.always()
        }
    }

    /// Whether what begins now is passed on and not recorded.
    fn looks_away(&self) -> bool {
        self.never || (!self.always && self.queue.is_switched_off())
    }

    /// What is known of the program that is a client; of one in an imported file, nothing.
    fn program(&self, client: SocketAddr) -> Known {
        match self.session {
            None => self.queue.apps.get(client),
            Some(_) => Known::Nothing,
        }
    }

    /// Opens a connection: gives it its number and makes it visible. While recording is switched off, it becomes
    /// visible with its first flow that is recorded.
    pub fn connection(&self, mut connection: Connection) -> ConnectionRecorder {
        let id = ConnectionId(self.queue.next_connection());
        connection.id = id;
        let client = connection.client;
        let known = self.program(client);
        let asked = matches!(known, Known::Asked);
        if let Known::App(app) = known {
            connection.app = Some(app);
        }
        let hidden = self.looks_away();
        let recorder = ConnectionRecorder {
            queue: self.queue.clone(),
            live: Arc::new(LiveConnection {
                id,
                state: Mutex::new(ConnectionState {
                    connection,
                    // what is listed already is not listed again: the writer does not see it
                    listed: hidden,
                }),
            }),
        };
        if hidden {
            self.queue.hidden.add(&recorder.live);
        } else {
            recorder.edit(|_| ());
        }
        if asked {
            self.queue
                .apps
                .wait_connected(&self.queue, client, &recorder.live);
        }
        recorder
    }

    /// Begins a flow: gives it its number and makes it visible.
    pub fn flow(&self, start: FlowStart) -> FlowRecorder {
        let id = FlowId(self.queue.next_flow());
        let session = self.session.unwrap_or_else(|| self.queue.session());
        let (connection, client) = (start.connection, start.client);
        let mut flow = begin(id, session, start);
        let known = self.program(client);
        let asked = matches!(known, Known::Asked);
        if let Known::App(app) = known {
            flow.app = app.name;
        }
        if let Some(comment) = &self.comment {
            comment.as_ref().clone_into(&mut flow.comment);
        }
        let mut state = FlowState::new(flow);
        state.unrecorded = self.looks_away();
        // what is listed already is never listed again: the writer does not see this flow
        state.listed = state.unrecorded || self.queue.gives_up_above(OVERFULL);
        if !state.listed
            && let Some(connection) = self.queue.hidden.take(connection)
        {
            self.queue.add_connection(connection);
        }
        let recorder = FlowRecorder {
            queue: self.queue.clone(),
            live: Arc::new(LiveFlow {
                id,
                state: Mutex::new(state),
            }),
        };
        if let Some(seen) = &self.seen {
            seen.add(&self.queue, &recorder.live);
        }
        let state = recorder.live.state.lock();
        if !state.listed {
            self.queue.add_bytes(ROW_COST);
        }
        recorder.list(state);
        if asked {
            self.queue.apps.wait(&self.queue, client, &recorder.live);
        }
        recorder
    }

    /// Returns at once while there is room for more bytes, otherwise when the writer has made room.
    /// Call it before reading more of a body from a socket.
    ///
    /// While the disk is full it returns at once: traffic goes on, and what does not fit into memory (8 MiB)
    /// is counted, not kept; the flow says so. When even the rows of new flows fill as much again, those
    /// flows are left out.
    pub async fn room(&self) {
        self.queue.room().await;
    }

    /// Bytes recorded and not yet on disk.
    pub fn queued_bytes(&self) -> u64 {
        self.queue.bytes()
    }
}

fn begin(id: FlowId, session: SessionId, start: FlowStart) -> Flow {
    Flow {
        connection: start.connection,
        kind: start.kind,
        method: start.method,
        scheme: start.scheme.to_owned(),
        host: start.host,
        port: start.port,
        path: start.path,
        times: Times {
            started: start.started,
            ..Times::default()
        },
        server: start.server,
        replay_of: start.replay_of.map(|replayed| replayed.flow),
        modified: start.replay_of.is_some_and(|replayed| replayed.modified),
        session,
        ..Flow::unknown(id, start.client)
    }
}

/// A connection that is being recorded. Dropping it records its end (now, unless `closed` is set).
pub struct ConnectionRecorder {
    queue: Arc<Queue>,
    live: Arc<LiveConnection>,
}

impl ConnectionRecorder {
    /// Its number.
    pub fn id(&self) -> ConnectionId {
        self.live.id
    }

    /// What is known so far.
    pub fn get(&self) -> Connection {
        self.live.state.lock().connection.clone()
    }

    /// Changes what is known. The number stays as it is.
    pub fn edit(&self, change: impl FnOnce(&mut Connection)) {
        let mut state = self.live.state.lock();
        change(&mut state.connection);
        state.connection.id = self.live.id;
        if !mem::replace(&mut state.listed, true) {
            drop(state);
            self.queue.add_connection(self.live.clone());
        }
    }
}

impl Drop for ConnectionRecorder {
    fn drop(&mut self) {
        self.edit(|connection| {
            connection.closed.get_or_insert_with(Timestamp::now);
        });
        // without a flow that was recorded, nobody will look for it
        let _ = self.queue.hidden.take(self.live.id);
    }
}

/// A flow that is being recorded. All methods take `&self` and may be called from two halves of a
/// relay at once. Dropping it unfinished records it as failed ("the connection ended before the
/// flow did").
pub struct FlowRecorder {
    queue: Arc<Queue>,
    live: Arc<LiveFlow>,
}

impl FlowRecorder {
    /// Its number.
    pub fn id(&self) -> FlowId {
        self.live.id
    }

    /// Changes the row: status, kind, versions, content types, times... The number and the sizes of the
    /// bodies stay as they are, and [`complete`](Self::complete) and [`fail`](Self::fail) decide the state.
    pub fn edit(&self, change: impl FnOnce(&mut Flow)) {
        let mut state = self.live.state.lock();
        let flow = &mut state.flow;
        // both are empty for most flows, and then cost nothing to keep
        let notes = notes(flow);
        let fixed = (flow.state, flow.request.body_size, flow.response.body_size);
        let session = flow.session;
        change(flow);
        (flow.id, flow.session) = (self.live.id, session);
        (flow.state, flow.request.body_size, flow.response.body_size) = fixed;
        if notes != self::notes(flow) {
            state.noted = true;
        }
        self.list(state);
    }

    /// Records a head. Sets `head_size` and, for a first head, `request_first` or `response_first`;
    /// versions, status and content types are the caller's to set with [`edit`](Self::edit).
    pub fn head(&self, kind: HeadKind, at: Timestamp, bytes: &[u8]) {
        let grpc = match kind {
            HeadKind::Response | HeadKind::ResponseTrailers => GrpcStatus::read(bytes),
            _ => None,
        };
        let mut state = self.live.state.lock();
        if grpc.is_some() {
            state.flow.grpc = grpc;
        }
        let times = &mut state.flow.times;
        match kind {
            HeadKind::Request => {
                times.request_first.get_or_insert(at);
                state.flow.request.head_size = bytes.len() as u64;
            }
            HeadKind::Response => {
                times.response_first.get_or_insert(at);
                state.flow.response.head_size = bytes.len() as u64;
            }
            _ => (),
        }
        if state.unrecorded {
            // only counted
        } else if self.queue.gives_up_above(FULL) {
            state.incomplete = Some(DISK_FULL);
        } else {
            let cost = state.add_head(kind, at, bytes);
            self.queue.add_bytes(cost);
        }
        self.list(state);
    }

    /// Records a piece of a body, as it came: counted into `body_size`, and sets `request_last` or
    /// `response_last` (and the first, when there was no head). Pieces that begin within a millisecond
    /// are put together up to the chunk size, 128 KiB.
    pub fn chunk(&self, side: Side, at: Timestamp, bytes: &[u8]) {
        self.add(side, at, bytes, Piece::Content);
    }

    /// Records bytes that came where the body's transfer coding breaks, as they came. They are put at the end of the
    /// body, and [`MessageInfo::raw`] says where they begin.
    pub fn raw(&self, side: Side, at: Timestamp, bytes: &[u8]) {
        self.add(side, at, bytes, Piece::Raw);
    }

    /// Records a datagram: like [`chunk`](Self::chunk), but never put together with the one before.
    pub fn datagram(&self, side: Side, at: Timestamp, bytes: &[u8]) {
        self.add(side, at, bytes, Piece::Datagram);
    }

    /// What both sides say from now on begins pieces of its own, so that the times tell what came before.
    pub fn apart(&self) {
        let mut state = self.live.state.lock();
        state.close_chunk(Side::Request);
        state.close_chunk(Side::Response);
    }

    /// Counts bytes of a body that pass and are not recorded: of what nobody may read. A flow has these or recorded ones, never both.
    pub fn passed(&self, side: Side, at: Timestamp, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let mut state = self.live.state.lock();
        let flow = &mut state.flow;
        let (message, first, last) = sided(flow, side);
        first.get_or_insert(at);
        *last = Some(at);
        message.body_size += bytes;
        self.list(state);
    }

    fn add(&self, side: Side, at: Timestamp, bytes: &[u8], piece: Piece) {
        if bytes.is_empty() {
            return;
        }
        let mut state = self.live.state.lock();
        let FlowState { flow, web, .. } = &mut *state;
        let (message, first, last) = sided(flow, side);
        first.get_or_insert(at);
        *last = Some(at);
        let offset = message.body_size;
        message.body_size += bytes.len() as u64;
        if side == Side::Response && piece == Piece::Content && offset == 0 {
            *web = WebFrames::of(&message.content_type, &message.content_encoding).map(Box::new);
        }
        if piece == Piece::Raw {
            message.raw.get_or_insert(offset);
        }
        if side == Side::Response
            && piece == Piece::Content
            && let Some(status) = web.as_mut().and_then(|web| web.feed(bytes))
        {
            flow.grpc = Some(status);
        }
        if state.unrecorded {
            // only counted
        } else if self.queue.gives_up_above(FULL) {
            state.incomplete = Some(DISK_FULL);
        } else {
            if piece != Piece::Content {
                state.close_chunk(side);
            }
            let cost = state.add_chunk(side, at, offset, bytes, &self.queue.pool);
            self.queue.add_bytes(cost);
        }
        self.list(state);
    }

    /// Records that bytes of a side passed here which nobody has: packets that a capture lacks. They are counted in no size;
    /// [`Chunk::missing`](crate::read::Chunk::missing) says where they are.
    pub fn gap(&self, side: Side, at: Timestamp, missing: u64) {
        let mut state = self.live.state.lock();
        if !state.unrecorded && missing > 0 {
            state.add_gap(side, at, missing);
            self.list(state);
        }
    }

    /// A packet of the flow lies in a file that is kept: `offset` is where its record or block begins there, `number`
    /// its place in the capture. Packets may be told in any order, and twice.
    pub fn packet(&self, file: PacketFileId, offset: u64, number: u64) {
        let mut state = self.live.state.lock();
        if !state.unrecorded {
            state.add_packet(file, offset, number);
            self.list(state);
        }
    }

    /// Records the body that is sent instead of the one that came, without content coding.
    pub fn sent_body(&self, side: Side, bytes: &[u8]) {
        let kind = match side {
            Side::Request => ChangeKind::RequestBody,
            Side::Response => ChangeKind::ResponseBody,
        };
        self.change(kind, bytes);
    }

    /// Records what rules did to the flow: all of it, again with each that is added.
    pub fn rules_did(&self, done: &[Done]) {
        self.change(ChangeKind::Done, Done::to_json(done).as_bytes());
    }

    /// Records what became of a message of a WebSocket that rules touched, or one that a person sent: what the two sides say after
    /// that begins pieces of its own, so that the times tell what came before it.
    pub fn message_changed(&self, message: ChangedMessage) {
        let mut state = self.live.state.lock();
        if state.unrecorded {
            return;
        }
        if self.queue.gives_up_above(FULL) {
            state.incomplete = Some(DISK_FULL);
        } else {
            let cost = state.add_message(message);
            self.queue.add_bytes(cost);
        }
        self.list(state);
    }

    fn change(&self, kind: ChangeKind, bytes: &[u8]) {
        let mut state = self.live.state.lock();
        if state.unrecorded {
            return;
        }
        if self.queue.gives_up_above(FULL) {
            state.incomplete = Some(DISK_FULL);
        } else {
            state.unwritten.changes.push((kind, bytes.to_vec()));
            state.unwritten.cost += bytes.len() as u64;
            self.queue.add_bytes(bytes.len() as u64);
        }
        self.list(state);
    }

    /// What is known so far.
    pub fn get(&self) -> Flow {
        self.live.state.lock().flow.clone()
    }

    /// Ends the flow as its protocol says.
    pub fn complete(self) {
        self.end(State::Complete, None);
    }

    /// Ends the flow with an error.
    pub fn fail(self, failure: Failure) {
        self.end(State::Failed, Some(failure));
    }

    /// Ends the flow as [`complete`](Self::complete) or, with a failure, as [`fail`](Self::fail) does, and gives back
    /// what takes the packets that still come of it.
    pub fn close(self, failure: Option<Failure>) -> ClosingFlow {
        let state = match failure {
            Some(_) => State::Failed,
            None => State::Complete,
        };
        self.end(state, failure);
        ClosingFlow(self)
    }

    fn end(&self, end: State, failure: Option<Failure>) {
        let mut state = self.live.state.lock();
        state.end_gaps();
        let flow = &mut state.flow;
        flow.state = end;
        flow.times.ended.get_or_insert_with(Timestamp::now);
        if failure.is_some() {
            flow.error = failure;
        }
        self.list(state);
    }

    /// Puts the flow on the writer's list, when it is not on it.
    fn list(&self, mut state: MutexGuard<'_, FlowState>) {
        if !mem::replace(&mut state.listed, true) {
            drop(state);
            self.queue.add_flow(self.live.clone());
        }
    }
}

/// A flow that has ended, of which packets may still come: those that close its connection.
pub struct ClosingFlow(FlowRecorder);

impl ClosingFlow {
    /// A packet of the flow, as [`FlowRecorder::packet`] takes it. A flow that was deleted meanwhile does not come back.
    pub fn packet(&self, file: PacketFileId, offset: u64, number: u64) {
        let FlowRecorder { queue, live } = &self.0;
        let mut state = live.state.lock();
        if !state.written {
            drop(state);
            return self.0.packet(file, offset, number);
        }
        let Some(packets) = state.late_packet(file, offset, number) else {
            return;
        };
        drop(state);
        let id = live.id;
        let work = move |database: &Database<'_>| {
            if let Some(values) = packets::values(id, &packets) {
                let [a, b, c, d, e] = values;
                database.run(packets::ADD_LATE, &[a, b, c, d, e, Value::Int(id.0)])?;
            }
            Ok(queue::Done::default())
        };
        // nobody waits for it
        let (done, _) = oneshot::channel();
        queue.ask(Command::Work(Box::new(work), done));
    }
}

/// What a piece of a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// Content: may be put together with the piece before it.
    Content,
    /// A message of its own.
    Datagram,
    /// What came instead of content.
    Raw,
}

/// A side of a flow, and the times of its first and its last byte.
fn sided(
    flow: &mut Flow,
    side: Side,
) -> (
    &mut MessageInfo,
    &mut Option<Timestamp>,
    &mut Option<Timestamp>,
) {
    let times = &mut flow.times;
    match side {
        Side::Request => (
            &mut flow.request,
            &mut times.request_first,
            &mut times.request_last,
        ),
        Side::Response => (
            &mut flow.response,
            &mut times.response_first,
            &mut times.response_last,
        ),
    }
}

/// What a person may note on a flow too.
fn notes(flow: &Flow) -> (String, String, Option<Color>, bool) {
    let (tags, comment) = (flow.tags.clone(), flow.comment.clone());
    (tags, comment, flow.color, flow.starred)
}

impl Drop for FlowRecorder {
    fn drop(&mut self) {
        if self.live.state.lock().flow.state == State::Running {
            self.end(
                State::Failed,
                Some(Failure {
                    cause: FailureCause::Closed,
                    side: Party::Proxy,
                    text: "The connection ended before the flow did.".to_owned(),
                }),
            );
        }
    }
}
