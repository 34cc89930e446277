//! A relay between scripted clients and servers, with a store that records.

use crate::{
    http1::{Dial, DialFailed, End, Route, Session, Upstream, relay},
    target::{Scheme, Target},
};
use bytes::BytesMut;
use futures_util::TryStreamExt;
use overhear_store::{
    Connection, ConnectionRecorder, Failure, FailureCause, Flow, FlowId, HeadKind, Kind, Party,
    Recorder, Side, State, Store, StoreOptions, read::FlowQuery,
};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// One thing that happens, or must happen.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// The client sends.
    Client(Vec<u8>),
    /// The server has received exactly this since the last time.
    ToServer(Vec<u8>),
    /// The server sends.
    Server(Vec<u8>),
    /// The client has received exactly this since the last time.
    ToClient(Vec<u8>),
    /// The client has received something that has all of these in it.
    ToClientWith(&'static [&'static str]),
    /// A server is dialled, and is the one that the next steps are about. A leading `!` makes the dial fail.
    Dials(&'static str),
    /// The client closes its sending side.
    ClientCloses,
    /// The client is gone.
    ClientGone,
    /// The server closes its sending side.
    ServerCloses,
    /// The server is gone.
    ServerGone,
    /// The client sees the end of what it receives.
    ClientEnd,
    /// The server sees the end of what it receives.
    ServerEnd,
    /// The program stops.
    Stop,
    /// What has happened so far has its effect.
    Settle,
}

pub(super) fn client(bytes: impl AsRef<[u8]>) -> Step {
    Step::Client(bytes.as_ref().to_vec())
}
pub(super) fn to_server(bytes: impl AsRef<[u8]>) -> Step {
    Step::ToServer(bytes.as_ref().to_vec())
}
pub(super) fn server(bytes: impl AsRef<[u8]>) -> Step {
    Step::Server(bytes.as_ref().to_vec())
}
pub(super) fn to_client(bytes: impl AsRef<[u8]>) -> Step {
    Step::ToClient(bytes.as_ref().to_vec())
}
/// A request that goes on as it came.
pub(super) fn request(bytes: impl AsRef<[u8]>) -> [Step; 2] {
    [client(&bytes), to_server(bytes)]
}
/// A response that goes on as it came.
pub(super) fn response(bytes: impl AsRef<[u8]>) -> [Step; 2] {
    [server(&bytes), to_client(bytes)]
}

/// What a flow was recorded as, without times and numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub(super) kind: Kind,
    pub(super) state: State,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) status: Option<u16>,
    pub(super) error: Option<(FailureCause, Party, String)>,
    pub(super) heads: Vec<(HeadKind, String)>,
    pub(super) request: String,
    pub(super) response: String,
    /// Where in the bodies begins what came instead of content.
    pub(super) raw: [Option<u64>; 2],
}

impl Told {
    pub(super) fn head(&self, kind: HeadKind) -> Option<&str> {
        let mut heads = self.heads.iter();
        heads
            .find(|(k, _)| *k == kind)
            .map(|(_, head)| head.as_str())
    }

    pub(super) fn cause(&self) -> Option<(FailureCause, Party)> {
        self.error.as_ref().map(|(cause, side, _)| (*cause, *side))
    }
}

/// How a relay ended, without what it gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    Closed,
    Cut,
    Connect(String, Vec<u8>, Vec<u8>),
    Visit(Vec<u8>),
}

/// How what is sent is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Whole,
    /// Once, after so many bytes of all that is sent.
    At(usize),
    /// Every byte alone, both ways.
    Bytes,
}

/// Runs a script over a fixed server, cut in all ways; what is recorded must be the same each time.
pub(super) fn fixed(steps: impl IntoIterator<Item = Step>) -> (Ended, Vec<Told>) {
    all(true, steps.into_iter().collect())
}

/// Runs a script where every request names its server.
pub(super) fn named(steps: impl IntoIterator<Item = Step>) -> (Ended, Vec<Told>) {
    all(false, steps.into_iter().collect())
}

fn all(fixed: bool, steps: Vec<Step>) -> (Ended, Vec<Told>) {
    let sent: usize = steps.iter().map(Step::sends).sum();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(&folder, false).await;
        let recorder = store.recorder();
        let cuts = (1..sent).step_by((sent / 300).max(1)).map(Cut::At);
        let mut runs = Vec::new();
        for cut in [Cut::Whole, Cut::Bytes].into_iter().chain(cuts) {
            runs.push((cut, run(&recorder, fixed, &steps, cut).await));
        }
        store.close().await.expect("the store closes");
        let store = open(&folder, true).await;
        let (_, (end, flows)) = runs.remove(0);
        let told = read(&store, &flows).await;
        for (cut, (other, flows)) in runs {
            assert_eq!(other, end, "{cut:?}");
            assert_eq!(read(&store, &flows).await, told, "{cut:?}");
        }
        (end, told)
    })
}

pub(super) async fn open(folder: &tempfile::TempDir, read_only: bool) -> Store {
    let path = folder.path().join("flows.sqlite");
    let options = StoreOptions { path, read_only };
    Store::open(options).await.expect("a store")
}

impl Step {
    fn sends(&self) -> usize {
        match self {
            Self::Client(bytes) | Self::Server(bytes) => bytes.len(),
            _ => 0,
        }
    }
}

/// Runs a script once; gives out how the relay ended and the numbers of the flows.
async fn run(recorder: &Recorder, fixed: bool, steps: &[Step], cut: Cut) -> (Ended, Vec<FlowId>) {
    let before = next_flow(recorder);
    let capacity = if cut == Cut::Bytes { 1 } else { 1 << 20 };
    let (theirs, ours) = tokio::io::duplex(capacity);
    let person = Peer::new(theirs);
    let accepted = Connection::accepted(address(50_000), address(8080));
    let (dials, mut dialled) = mpsc::unbounded_channel();
    let dialer = Dialer {
        recorder: recorder.clone(),
        accepted: accepted.clone(),
        capacity,
        refuse: Mutex::new(steps.iter().filter_map(Step::dial).collect()),
        dials,
    };
    let mut origin = None;
    let route = match fixed {
        true => {
            let (upstream, peer) = dialer.upstream(&target("origin.example:80"));
            origin = Some(peer);
            Route::Fixed(upstream)
        }
        false => Route::Named,
    };
    let stop = CancellationToken::new();
    let relaying = tokio::spawn({
        let (recorder, stop) = (recorder.clone(), stop.clone());
        async move {
            let session = Session {
                user: None,
                ends: None,
                rules: &crate::intercept::Rules::default(),
                recorder: &recorder,
                accepted: &accepted,
                replay_of: None,
                announce: None,
                stop,
            };
            relay(ours, BytesMut::new(), session, route, &dialer).await
        }
    });

    let mut sent = 0;
    for (number, step) in steps.iter().enumerate() {
        let at = match cut {
            Cut::At(at) => at.checked_sub(sent).filter(|at| *at < step.sends()),
            Cut::Whole | Cut::Bytes => None,
        };
        sent += step.sends();
        let what = || format!("step {number} of {cut:?}: {step:?}");
        let server = || {
            origin
                .as_ref()
                .unwrap_or_else(|| panic!("no server: {}", what()))
        };
        match step {
            Step::Client(bytes) => person.send(bytes, at),
            Step::Server(bytes) => server().send(bytes, at),
            Step::ToServer(bytes) => server().expect(bytes, &what()).await,
            Step::ToClient(bytes) => person.expect(bytes, &what()).await,
            Step::ToClientWith(parts) => person.expect_with(parts, &what()).await,
            Step::ClientCloses => person.close(),
            Step::ServerCloses => server().close(),
            Step::ClientEnd => person.end(&what()).await,
            Step::ServerEnd => server().end(&what()).await,
            Step::ClientGone => person.gone(),
            Step::ServerGone => server().gone(),
            Step::Stop => stop.cancel(),
            Step::Settle => {
                for _ in 0..32 {
                    tokio::task::yield_now().await;
                }
            }
            Step::Dials(name) => {
                let next = timeout(PATIENCE, dialled.recv()).await;
                let (target, peer) = next.ok().flatten().unwrap_or_else(|| panic!("{}", what()));
                assert_eq!(target, name.trim_start_matches('!'), "{}", what());
                origin = peer;
            }
        }
    }
    let end = timeout(PATIENCE, relaying)
        .await
        .expect("the relay ends")
        .expect("no panic");
    let ended = match end {
        End::Closed => Ended::Closed,
        End::Cut { .. } | End::Truncated { .. } => Ended::Cut,
        End::Connect {
            client,
            target,
            head,
            read,
        } => Ended::Connect(target.to_string(), head, person.rest(client, read).await),
        End::Visit { client, read } => Ended::Visit(person.rest(client, read).await),
    };
    let after = next_flow(recorder);
    let flows = (before.0 + 1..after.0).map(FlowId).collect();
    (ended, flows)
}

/// How long anything may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The number that the next flow gets, by taking one.
fn next_flow(recorder: &Recorder) -> FlowId {
    let connection = recorder.connection(Connection::accepted(address(1), address(2)));
    let flow = recorder.flow(overhear_store::FlowStart {
        connection: connection.id(),
        kind: Kind::Tcp,
        method: String::new(),
        scheme: "tcp",
        host: String::new(),
        port: 0,
        path: String::new(),
        client: address(1),
        server: None,
        started: overhear_store::Timestamp::now(),
        replay_of: None,
    });
    let id = flow.id();
    flow.complete();
    id
}

pub(super) async fn read(store: &Store, ids: &[FlowId]) -> Vec<Told> {
    let query = FlowQuery {
        ids: Some(ids.to_vec()),
        ..FlowQuery::default()
    };
    let mut told = Vec::new();
    if ids.is_empty() {
        return told;
    }
    for flow in store.flows(&query).await.expect("flows").flows {
        let heads = store.heads(flow.id).await.expect("heads");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        told.push(Told {
            kind: flow.kind,
            state: flow.state,
            method: flow.method.clone(),
            url: flow.url(),
            status: flow.status,
            error: flow.error.clone().map(|e| (e.cause, e.side, e.text)),
            heads: heads.iter().map(|h| (h.kind, text(&h.bytes))).collect(),
            request: text(&body(store, flow.id, Side::Request).await),
            response: text(&body(store, flow.id, Side::Response).await),
            raw: [flow.request.raw, flow.response.raw],
        });
        check(&flow);
    }
    told
}

/// What must hold for every flow.
fn check(flow: &Flow) {
    let times = &flow.times;
    assert!(times.ended.is_some(), "{flow:?}");
    let mut order = vec![times.started];
    order.extend(times.request_first);
    order.extend(times.request_last);
    assert!(order.is_sorted(), "{flow:?}");
    let response = [times.response_first, times.response_last, times.ended];
    assert!(response.iter().flatten().is_sorted(), "{flow:?}");
    if flow.state == State::Complete && flow.kind == Kind::Http {
        assert!(
            times.response_last.is_some() && times.response_first.is_some(),
            "{flow:?}"
        );
        assert!(
            flow.request.version.is_some() && flow.response.version.is_some(),
            "{flow:?}"
        );
    }
}

pub(super) async fn body(store: &Store, id: FlowId, side: Side) -> Vec<u8> {
    let chunks: Vec<_> = store
        .chunks(id, side, 0)
        .try_collect()
        .await
        .expect("chunks");
    chunks
        .iter()
        .flat_map(|chunk| chunk.data.to_vec())
        .collect()
}

pub(super) fn target(authority: &str) -> Target {
    let (host, port) = authority.rsplit_once(':').expect("HOST:PORT");
    Target {
        scheme: Scheme::Http,
        host: host.trim_matches(['[', ']']).to_owned(),
        port: port.parse().expect("a port"),
    }
}

pub(super) fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Dials into the script.
struct Dialer {
    recorder: Recorder,
    accepted: Connection,
    capacity: usize,
    refuse: Mutex<VecDeque<bool>>,
    dials: mpsc::UnboundedSender<(String, Option<Peer>)>,
}

impl Step {
    fn dial(&self) -> Option<bool> {
        match self {
            Self::Dials(name) => Some(name.starts_with('!')),
            _ => None,
        }
    }
}

impl Dialer {
    fn connection(&self) -> Arc<ConnectionRecorder> {
        Arc::new(self.recorder.connection(self.accepted.clone()))
    }

    fn upstream(&self, target: &Target) -> (Upstream<DuplexStream>, Peer) {
        let (theirs, ours) = tokio::io::duplex(self.capacity);
        let upstream = Upstream {
            io: ours,
            read: BytesMut::new(),
            target: target.clone(),
            connection: self.connection(),
            // what this program answers itself has no address
            server: (target.host != "overhear.internal").then(|| address(target.port)),
            forward: None,
        };
        (upstream, Peer::new(theirs))
    }
}

impl Dial for Dialer {
    type Io = DuplexStream;

    async fn dial(
        &self,
        target: &Target,
        _: Option<&crate::upstream::Via>,
        _: impl Future<Output = ()> + Send,
    ) -> Result<Upstream<DuplexStream>, DialFailed> {
        if self.refuse.lock().pop_front() == Some(true) {
            let _ = self.dials.send((target.to_string(), None));
            let failure = Failure {
                cause: FailureCause::Refused,
                side: Party::Server,
                text: format!("{target} refused the connection."),
            };
            let connection = self.connection();
            return Err(DialFailed {
                failure,
                connection,
            });
        }
        let (upstream, peer) = self.upstream(target);
        let _ = self.dials.send((target.to_string(), Some(peer)));
        Ok(upstream)
    }
}

/// The other end of a connection: what it is to send is queued, and what it receives is kept.
struct Peer {
    sends: Mutex<Option<mpsc::UnboundedSender<Vec<u8>>>>,
    received: Arc<Received>,
    tasks: [JoinHandle<()>; 2],
    gone: Arc<AtomicBool>,
}

#[derive(Default)]
struct Received {
    bytes: Mutex<Vec<u8>>,
    ended: Mutex<bool>,
    more: Notify,
}

impl Peer {
    fn new(io: DuplexStream) -> Self {
        let (mut reads, mut writes) = tokio::io::split(io);
        let received = Arc::<Received>::default();
        let keep = received.clone();
        let reading = tokio::spawn(async move {
            let mut room = vec![0; 1 << 16];
            while let Ok(length @ 1..) = reads.read(&mut room).await {
                keep.bytes.lock().extend_from_slice(&room[..length]);
                keep.more.notify_waiters();
            }
            *keep.ended.lock() = true;
            keep.more.notify_waiters();
        });
        let (sends, mut queue) = mpsc::unbounded_channel::<Vec<u8>>();
        let gone = Arc::<AtomicBool>::default();
        let (is_gone, other) = (gone.clone(), reading.abort_handle());
        let writing = tokio::spawn(async move {
            while let Some(bytes) = queue.recv().await {
                if writes.write_all(&bytes).await.is_err() {
                    // a closed connection takes no more, as a real one
                    return;
                }
                // what is sent in two pieces is read in two
                for _ in 0..8 {
                    tokio::task::yield_now().await;
                }
            }
            if is_gone.load(Ordering::Relaxed) {
                other.abort();
            } else {
                let _ = writes.shutdown().await;
            }
        });
        Self {
            sends: Mutex::new(Some(sends)),
            received,
            tasks: [writing, reading],
            gone,
        }
    }

    fn send(&self, bytes: &[u8], cut: Option<usize>) {
        let (first, second) = bytes.split_at(cut.unwrap_or(0));
        for piece in [first, second] {
            if !piece.is_empty()
                && let Some(sends) = &*self.sends.lock()
            {
                let _ = sends.send(piece.to_vec());
            }
        }
    }

    /// Closes the sending side, once what was sent is sent.
    fn close(&self) {
        self.sends.lock().take();
    }

    /// Drops the connection, once what was sent is sent.
    fn gone(&self) {
        self.gone.store(true, Ordering::Relaxed);
        self.close();
    }

    /// What was read and what was sent and not read: all that the relay gives back.
    async fn rest(&self, mut client: DuplexStream, read: BytesMut) -> Vec<u8> {
        self.close();
        let mut rest = read.to_vec();
        client.read_to_end(&mut rest).await.expect("the rest");
        rest
    }

    /// Waits for something about what was received.
    async fn until<T>(
        &self,
        mut seen: impl FnMut(&mut Vec<u8>, bool) -> Option<T>,
        what: &str,
    ) -> T {
        let waiting = async {
            loop {
                let more = self.received.more.notified();
                let ended = *self.received.ended.lock();
                if let Some(seen) = seen(&mut self.received.bytes.lock(), ended) {
                    return seen;
                }
                more.await;
            }
        };
        let waited = timeout(PATIENCE, waiting).await;
        let so_far = || String::from_utf8_lossy(&self.received.bytes.lock()).into_owned();
        waited.unwrap_or_else(|_| panic!("{what}\nreceived: {:?}", so_far()))
    }

    async fn expect(&self, expected: &[u8], what: &str) {
        let got = self
            .until(
                |bytes, ended| {
                    let enough = bytes.len() >= expected.len() || ended;
                    enough.then(|| {
                        bytes
                            .drain(..bytes.len().min(expected.len()))
                            .collect::<Vec<_>>()
                    })
                },
                what,
            )
            .await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(&got), text(expected), "{what}");
    }

    async fn expect_with(&self, parts: &[&str], what: &str) {
        let has = |bytes: &[u8], part: &str| memchr::memmem::find(bytes, part.as_bytes()).is_some();
        self.until(
            |bytes, ended| {
                let all = parts.iter().all(|part| has(bytes, part));
                assert!(all || !ended, "{what}\n{}", String::from_utf8_lossy(bytes));
                // the rest of a page comes at once
                (all && ended).then(|| bytes.clear())
            },
            what,
        )
        .await;
    }

    async fn end(&self, what: &str) {
        let rest = self
            .until(|bytes, ended| ended.then(|| std::mem::take(bytes)), what)
            .await;
        assert_eq!(String::from_utf8_lossy(&rest), "", "{what}");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
