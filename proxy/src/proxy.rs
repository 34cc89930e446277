//! A running proxy, and the handle through which others talk to it.

use crate::{
    admit::{Admission, Cidr, Decision, Device, ProxyUser},
    apps::Apps,
    client,
    crowd::Crowd,
    engine::{Engine, canonical},
    error::Error,
    intercept::{Choice, Edit, Recorded, Rules, WaitError, Waiting, WaitingMessage},
    listen::{Listen, Listeners, Mode},
    options::{Options, UpstreamTls, WayOptions},
    replay::{self, Plan, ReplayRequest, Replaying, Run},
    script::{ConsoleLine, Limits, ScriptError, ScriptInfo},
    tls::{Connector, KeyFile, Passing, Policy, TlsRule},
    upstream::{Guard, Names, Own, Ways},
    websocket::{ByHandError, Delivery},
};
use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use overhear_store::{
    FlowId, Side, Timestamp,
    rule::{RuleError, StoredRule},
};
use rustls::KeyLog;
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpStream, sync::watch, task::JoinSet, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long exchanges may go on after the stop, if nothing else is said.
const GRACE: Duration = Duration::from_secs(2);

/// A proxy that has its ports.
pub struct Proxy {
    engine: Arc<Engine>,
    listeners: Listeners,
    grace: Duration,
}

/// A way to talk to a running proxy; cheap to clone.
#[derive(Clone)]
pub struct Handle {
    engine: Arc<Engine>,
}

/// What the proxy is doing.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Open client connections.
    pub connections: u64,
    /// Where it listens for clients that ask a proxy.
    pub listening: Vec<SocketAddr>,
    /// Every port, and what it is for.
    pub listeners: Vec<Listen>,
}

impl Proxy {
    /// Takes the ports.
    ///
    /// # Errors
    /// [`Error::Listen`] when a port cannot be had, [`Error::Option`] when a file of roots cannot be read.
    pub async fn bind(options: Options) -> Result<Self, Error> {
        let key_log = options.tls.key_log.as_deref();
        let key_log = key_log.map(KeyFile::open).transpose()?;
        let key_log = key_log.map(|file| Arc::new(file) as Arc<dyn KeyLog>);
        let connector = Connector::new(&options, key_log.clone())?;
        let policy = Policy::new(options.tls);
        let mixed = options.listen.iter().map(|address| Listen {
            address: *address,
            mode: Mode::Mixed,
        });
        let places: Vec<_> = mixed.chain(options.modes).collect();
        let listeners = Listeners::bind(&places)?;
        let places = listeners.places();
        let engine = Engine {
            authority: options.authority,
            recorder: options.recorder,
            site: options.site,
            admission: Admission::new(options.allow, options.devices),
            user: ArcSwapOption::from_pointee(options.user),
            ways: Ways {
                guard: Guard {
                    own: places.iter().map(|place| place.address).collect(),
                    reserved: options.reserved,
                },
                names: Names::default(),
                own: Own::default(),
                set: ArcSwap::from_pointee(options.ways),
            },
            connector,
            policy,
            key_log,
            crowd: Crowd::default(),
            rules: Rules::default(),
            apps: Apps::new(),
            places,
            open: AtomicU64::new(0),
            replays: TaskTracker::new(),
            stop: CancellationToken::new(),
            cut: CancellationToken::new(),
        };
        Ok(Self {
            engine: Arc::new(engine),
            listeners,
            grace: GRACE,
        })
    }

    /// Lets exchanges go on for this long after the stop; two seconds otherwise.
    #[must_use]
    pub fn with_grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// A way to talk to it.
    pub fn handle(&self) -> Handle {
        Handle {
            engine: self.engine.clone(),
        }
    }

    /// Serves until `stop` turns true; then stops accepting, lets exchanges end within the grace, and closes the rest.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let Self {
            engine,
            mut listeners,
            grace,
        } = self;
        let mut connections = JoinSet::new();
        {
            let mut stopped = std::pin::pin!(stop.wait_for(|stop| *stop));
            loop {
                tokio::select! {
                    // a sender that is gone can stop nothing any more: it meant to
                    _ = &mut stopped => break,
                    (tcp, from, mode) = listeners.accept() => {
                        connections.spawn(connection(engine.clone(), tcp, from, mode));
                    }
                    Some(ended) = connections.join_next(), if !connections.is_empty() => note(ended),
                }
            }
        }
        drop(listeners);
        engine.stop.cancel();
        engine.replays.close();
        let ends = async {
            while let Some(ended) = connections.join_next().await {
                note(ended);
            }
            engine.replays.wait().await;
        };
        if timeout(grace, ends).await.is_err() {
            engine.cut.cancel();
            connections.shutdown().await;
            engine.replays.wait().await;
        }
    }
}

#[cfg(test)]
impl Proxy {
    /// What it serves connections with; gives the ports back.
    pub(crate) fn into_engine(self) -> Engine {
        let engine = Arc::into_inner(self.engine);
        engine.unwrap_or_else(|| panic!("a handle still holds it"))
    }
}

impl Handle {
    /// What it is doing.
    pub fn status(&self) -> Status {
        Status {
            connections: self.engine.open.load(Ordering::Relaxed),
            listening: self
                .engine
                .places
                .iter()
                .filter(|place| place.mode == Mode::Mixed)
                .map(|place| place.address)
                .collect(),
            listeners: self.engine.places.clone(),
        }
    }

    /// Whether the TCP connection between these two, in either order, is one that the proxy made to a server. It was
    /// opened at `opened`; `stood`: it came to be. Waits a moment (half a second at most) while the server is being
    /// dialled: its packets may be seen before the connection is known here. Not for a thread that must not wait.
    pub fn is_own(&self, a: SocketAddr, b: SocketAddr, opened: Timestamp, stood: bool) -> bool {
        self.engine.ways.own.has(a, b, opened, stood)
    }

    /// Devices other than this machine that have connected, oldest first.
    pub fn devices(&self) -> Vec<Device> {
        self.engine.admission.devices()
    }

    /// Answers the question whether a device may use the proxy. Holds for later connections and for those that wait.
    pub fn decide(&self, address: IpAddr, decision: Decision) {
        self.engine.admission.decide(address, decision);
    }

    /// Changes whenever [`devices`](Self::devices) would.
    pub fn devices_changed(&self) -> watch::Receiver<u64> {
        self.engine.admission.changed()
    }

    /// The ranges that are admitted without being asked about.
    pub fn allowed(&self) -> Vec<Cidr> {
        self.engine.admission.allowed()
    }

    /// Admits other ranges from now on, also for connections that wait for an answer.
    pub fn set_allowed(&self, allow: Vec<Cidr>) {
        self.engine.admission.set_allowed(allow);
    }

    /// Asks clients for another user and password, or for none, for connections from now on.
    pub fn set_user(&self, user: Option<ProxyUser>) {
        self.engine.user.store(user.map(Arc::new));
    }

    /// Trusts servers whose certificates are signed by these authorities (PEM files), beside the platform's;
    /// for connections from now on.
    ///
    /// # Errors
    /// [`Error::Option`] when a file cannot be used; then all stays as it was.
    pub fn set_upstream_ca(&self, files: &[PathBuf]) -> Result<(), Error> {
        self.engine.connector.set_roots(files)
    }

    /// Whether these files could be given to [`set_upstream_ca`](Self::set_upstream_ca).
    ///
    /// # Errors
    /// [`Error::Option`] when a file cannot be used.
    pub fn check_upstream_ca(files: &[PathBuf]) -> Result<(), Error> {
        Connector::check_roots(files)
    }

    /// Reaches servers another way from now on; what stands stays.
    pub fn set_ways(&self, ways: WayOptions) {
        self.engine.ways.set.store(ways.into());
    }

    /// How servers are reached.
    pub fn ways(&self) -> WayOptions {
        WayOptions::clone(&self.engine.ways.set.load())
    }

    /// Speaks TLS with servers so, for connections from now on.
    ///
    /// # Errors
    /// [`Error::Option`] when a certificate cannot be used; then all stays as it was.
    pub fn set_upstream_tls(&self, tls: &UpstreamTls) -> Result<(), Error> {
        self.engine.connector.set_tls(tls)
    }

    /// Whether this could be given to [`set_upstream_tls`](Self::set_upstream_tls).
    ///
    /// # Errors
    /// [`Error::Option`] when a certificate cannot be used.
    pub fn check_upstream_tls(tls: &UpstreamTls) -> Result<(), Error> {
        Connector::check_tls(tls)
    }

    /// Which TLS is opened, passed through or blocked, for connections from now on; the first rule that fits counts.
    pub fn set_tls_rules(&self, rules: Vec<TlsRule>) {
        self.engine.policy.rules.store(rules.into());
    }

    /// Whether a host for which a client keeps refusing our certificate passes through from then on.
    pub fn set_pass_pinned(&self, pass: bool) {
        self.engine.policy.pins.set_automatic(pass);
    }

    /// Lets a host pass through unread, or reads it again, for connections from now on.
    pub fn pass_through(&self, host: &str, pass: bool) {
        self.engine.policy.pins.pass(host, pass);
    }

    /// Hosts that pass through unread beside those of the rules.
    pub fn passing_through(&self) -> Vec<Passing> {
        self.engine.policy.pins.passing().to_vec()
    }

    /// Accepts any certificate from every server or not, and from these hosts, for connections from now on.
    pub fn set_insecure(&self, all: bool, hosts: Vec<String>) {
        self.engine.connector.set_accepted(all, hosts);
    }

    /// Whether any certificate is accepted from every server.
    pub fn insecure_all(&self) -> bool {
        self.engine.connector.accepts_all()
    }

    /// Accepts (or no longer accepts) any certificate from a host.
    pub fn accept_certificate(&self, host: &str, accept: bool) {
        self.engine.connector.accept(host, accept);
    }

    /// Hosts of which any certificate is accepted.
    pub fn accepted_certificates(&self) -> Vec<String> {
        self.engine.connector.accepted()
    }

    /// Puts these rules in the place of all others, for exchanges that begin from now on. Those that cannot be used are
    /// left out and given back with the reason. `recorded`: where those find their answers, by number, that answer with what was
    /// recorded.
    pub fn set_rules(
        &self,
        rules: &[StoredRule],
        recorded: &HashMap<i64, Arc<dyn Recorded>>,
    ) -> Vec<(i64, RuleError)> {
        self.engine.rules.set(rules, recorded)
    }

    /// Messages that wait for a person, oldest first.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.engine.rules.room.list()
    }

    /// One of them, whole.
    ///
    /// # Errors
    /// [`WaitError`]: it does not wait.
    pub fn waiting_message(&self, id: u64) -> Result<WaitingMessage, WaitError> {
        self.engine.rules.room.get(id)
    }

    /// Keeps an edit of the version that was looked at, and lets the message wait on; gives its new version.
    ///
    /// # Errors
    /// [`WaitError`]: it does not wait, is another version, or the edit cannot be used.
    pub fn edit_waiting(&self, id: u64, version: u64, edit: &Edit) -> Result<u64, WaitError> {
        self.engine.rules.room.edit(id, version, edit)
    }

    /// Decides about a message; with a version, only if it is the one that was looked at.
    ///
    /// # Errors
    /// As [`edit_waiting`](Self::edit_waiting).
    pub fn decide_waiting(
        &self,
        id: u64,
        version: Option<u64>,
        choice: &Choice,
    ) -> Result<(), WaitError> {
        self.engine.rules.room.decide(id, version, choice)
    }

    /// Lets everything that waits go on as it is; how many that were.
    pub fn let_all_go(&self) -> usize {
        self.engine.rules.room.let_all_go()
    }

    /// Sends a message into a WebSocket that is open: of `side` [`Side::Request`] to the server, of the other to the client. It goes
    /// out between two messages of that direction; rules and scripts are not asked about it, and it is recorded beside
    /// what came.
    ///
    /// # Errors
    /// [`ByHandError`]: why it cannot be sent.
    pub fn send_by_hand(
        &self,
        flow: FlowId,
        side: Side,
        text: bool,
        data: Bytes,
    ) -> Result<Delivery, ByHandError> {
        self.engine.rules.sockets.send(flow, side, text, data)
    }

    /// What scripts that are loaded from now on may use.
    pub fn set_script_limits(&self, limits: Limits) {
        self.engine.rules.scripts.set_limits(limits);
    }

    /// Reads a script, for the first time (it acts behind all others) or again: `source` is its text, or why there is none.
    /// Its version before, when there is one, acts on where the new one cannot be used.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub async fn load_script(
        &self,
        file: &Path,
        source: Result<String, String>,
    ) -> Result<(), ScriptError> {
        self.engine.rules.load_script(file, source).await
    }

    /// All scripts, in the order in which they act.
    pub fn scripts(&self) -> Vec<ScriptInfo> {
        self.engine.rules.scripts.list()
    }

    /// What scripts have said behind a line of their console (0: all that is kept, the last thousand), oldest first.
    pub fn script_console(&self, after: u64) -> Vec<ConsoleLine> {
        self.engine.rules.scripts.console.after(after)
    }

    /// Forgets what scripts have said.
    pub fn clear_script_console(&self) {
        self.engine.rules.scripts.console.clear();
    }

    /// Changes whenever a script is another, or says something.
    pub fn scripts_changed(&self) -> watch::Receiver<u64> {
        self.engine.rules.scripts.changed()
    }

    /// Changes whenever [`waiting`](Self::waiting) would.
    pub fn waiting_changed(&self) -> watch::Receiver<u64> {
        self.engine.rules.room.changed()
    }

    /// Sends a request that a person built; returns as soon as its flow is recorded.
    /// Failures after that are in the flow.
    ///
    /// # Errors
    /// [`Error::Replay`] when the request cannot be sent at all.
    pub async fn replay(&self, request: ReplayRequest) -> Result<Replaying, Error> {
        replay::replay(self.engine.clone(), request).await
    }

    /// Sends requests many times, several at once.
    ///
    /// # Errors
    /// [`Error::Replay`] when one of them cannot be sent at all, or there are too many.
    pub fn replay_run(&self, plan: Plan) -> Result<Arc<Run>, Error> {
        Run::start(self.engine.clone(), plan)
    }
}

/// Serves one connection and counts it.
async fn connection(engine: Arc<Engine>, tcp: TcpStream, from: SocketAddr, mode: Arc<Mode>) {
    let Ok(local) = tcp.local_addr() else {
        return;
    };
    // without it the connection works, only later
    let _ = tcp.set_nodelay(true);
    let _open = Open::new(engine.clone());
    client::serve(engine, tcp, canonical(from), canonical(local), &mode).await;
}

/// Counts a connection while it is open.
struct Open(Arc<Engine>);

impl Open {
    fn new(engine: Arc<Engine>) -> Self {
        engine.open.fetch_add(1, Ordering::Relaxed);
        Self(engine)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection's task that panicked is a bug of ours: it is told, and ends alone.
fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection ended by a bug in overhear");
    }
}
