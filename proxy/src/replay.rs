//! Sending a request that a person built.
//!
//! Over HTTP/1 the request goes through the same relay as any client's, over a pipe, so it leaves exactly as it
//! was built and is recorded as it left. Over HTTP/2 it is one stream on a connection of its own.

mod build;

use crate::{
    engine::Engine,
    error::Error,
    http1::{self, Dial, DialFailed, Route, Session, Upstream},
    http2,
    intercept::Rules,
    stream::Stream,
    target::{Scheme, Target},
    tls::{Failed, Wish},
    upstream,
    words::failed,
};
use build::Built;
use bytes::{Bytes, BytesMut};
use http::Request;
use overhear_store::{
    Connection, ConnectionRecorder, Failure, FailureCause, FlowId, Party, Recorder, Replayed,
    Timestamp, Version,
};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    sync::{Notify, oneshot},
};
use tokio_util::sync::CancellationToken;

/// The buffer of the pipe to the relay.
const PIPE: usize = 64 * 1024;

/// A request that a person built.
#[derive(Debug, Clone)]
pub struct ReplayRequest {
    /// What it was made from.
    pub of: Option<Replayed>,
    /// Method.
    pub method: String,
    /// Absolute `http` or `https` URL.
    pub url: String,
    /// Fields in order, case kept. `Host` and `Content-Length` are added when absent, and `Content-Length` is
    /// corrected when it does not fit the body. Whatever they say, one thing tells where the body ends (RFC 9112
    /// section 6.3): only the first `Content-Length` is sent, and none beside a `Transfer-Encoding`, which must end
    /// with chunked. Names that begin with a colon (HTTP/2's) are left out.
    pub headers: Vec<(String, String)>,
    /// The body with its content coding; a transfer coding named in the fields is applied to it.
    pub body: Bytes,
    /// HTTP version to use; none lets ALPN decide (plain http: 1.1).
    pub version: Option<Version>,
}

/// Sends it, and answers with the flow's number as soon as there is one.
pub(crate) async fn replay(engine: Arc<Engine>, request: ReplayRequest) -> Result<FlowId, Error> {
    let built = build::build(&request)?;
    let (announce, announced) = oneshot::channel();
    let cut = engine.cut.clone();
    let tasks = engine.replays.clone();
    if engine.stop.is_cancelled() {
        return Err(stopping());
    }
    tasks.spawn(async move {
        let replay = Replay {
            engine: &engine,
            request: &request,
            // a person asked for it: it is recorded also while recording is switched off
            recorder: engine.recorder.always(),
            built,
        };
        tokio::select! {
            () = replay.send(announce) => {}
            () = cut.cancelled() => {}
        }
    });
    announced.await.map_err(|_| stopping())
}

fn stopping() -> Error {
    Error::Replay("the proxy is stopping: the request was not sent".to_owned())
}

struct Replay<'a> {
    engine: &'a Engine,
    request: &'a ReplayRequest,
    recorder: Recorder,
    built: Built,
}

impl Replay<'_> {
    async fn send(self, announce: oneshot::Sender<FlowId>) {
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let connection = Connection::accepted(nowhere, nowhere);
        let connection = Arc::new(self.recorder.connection(connection));
        let target = self.built.target.clone();
        match self.reach(&target, &connection).await {
            Ok((io, server, Some(request))) => {
                self.over_http2(io, server, connection, request, announce)
                    .await;
            }
            Ok((io, server, None)) => {
                let read = BytesMut::new();
                let server = Some(server);
                let fixed = Upstream {
                    io,
                    read,
                    target,
                    connection: connection.clone(),
                    server,
                };
                self.over_http1(Route::Fixed(fixed), &connection, announce)
                    .await;
            }
            Err(failure) => {
                let failed = DialFailed {
                    failure,
                    connection: connection.clone(),
                };
                self.over_http1(Route::Broken(target, failed), &connection, announce)
                    .await;
            }
        }
    }

    /// A connection to the server, and the request where it speaks HTTP/2. Our own end of it stands for the client.
    async fn reach(
        &self,
        target: &Target,
        connection: &ConnectionRecorder,
    ) -> Result<(Stream, SocketAddr, Option<Request<()>>), Failure> {
        let reached = upstream::reach(target, &self.engine.ways, connection).await;
        let (tcp, server) = reached?;
        if let Ok(local) = tcp.local_addr() {
            connection.edit(|c| (c.client, c.local) = (local, local));
        }
        let stream = Stream::Tcp(tcp);
        let wanted = self.request.version;
        if target.scheme == Scheme::Http {
            let http2 = wanted == Some(Version::Http2);
            return Ok((stream, server, self.built.http2.clone().filter(|_| http2)));
        }
        let alpn: &[&[u8]] = match wanted {
            None if self.built.http2.is_some() => &[b"h2", b"http/1.1"],
            None => &[b"http/1.1"],
            Some(Version::Http2) => &[b"h2"],
            Some(Version::Http10 | Version::Http11) => &[b"http/1.1"],
        };
        let named = target.host.parse::<IpAddr>().is_err();
        let wish = Wish {
            target,
            sni: named.then_some(target.host.as_str()),
            alpn: alpn.iter().map(|p| p.to_vec()).collect(),
        };
        match self
            .engine
            .connector
            .connect(stream, BytesMut::new(), wish)
            .await
        {
            Ok((stream, info)) => {
                let http2 = info.alpn.as_deref() == Some("h2") || wanted == Some(Version::Http2);
                connection.edit(|c| {
                    c.server_tls = Some(info);
                    c.server_tls_done = Some(Timestamp::now());
                });
                Ok((stream, server, self.built.http2.clone().filter(|_| http2)))
            }
            Err(failed) => {
                let Failed { failure, info } = *failed;
                connection.edit(|c| c.server_tls = Some(info));
                Err(failure)
            }
        }
    }

    async fn over_http1(
        &self,
        route: Route<Stream>,
        connection: &Arc<ConnectionRecorder>,
        announce: oneshot::Sender<FlowId>,
    ) {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let accepted = connection.get();
        // the relay ends after the first exchange when it is told to stop during it
        let stop = CancellationToken::new();
        let (begun, has_begun) = oneshot::channel();
        let rules = Rules::default();
        let session = Session {
            ends: None,
            recorder: &self.recorder,
            accepted: &accepted,
            replay_of: self.request.of,
            announce: Some(begun),
            stop: stop.clone(),
            // what a person built goes as it was built
            rules: &rules,
        };
        let head = &self.built.head;
        let (mut from, mut to) = tokio::io::split(ours);
        let done = Notify::new();
        let client = async {
            // a server that answers early may end the pipe before all is sent
            let _ = to.write_all(head).await;
            let _ = to.write_all(&self.built.wire_body).await;
            done.notified().await;
            let _ = to.shutdown().await;
        };
        let told = async {
            if let Ok(id) = has_begun.await {
                stop.cancel();
                // the caller may have gone
                let _ = announce.send(id);
            }
        };
        let server = drain(&mut from, &done);
        let no_dial = NoDial(connection.clone());
        let relay = http1::relay(
            Stream::Memory(theirs),
            BytesMut::new(),
            session,
            route,
            &no_dial,
        );
        let (_, (), (), ()) = tokio::join!(Box::pin(relay), client, told, server);
    }

    async fn over_http2(
        &self,
        io: Stream,
        server: SocketAddr,
        connection: Arc<ConnectionRecorder>,
        request: Request<()>,
        announce: oneshot::Sender<FlowId>,
    ) {
        let single = http2::Single {
            recorder: &self.recorder,
            target: &self.built.target,
            connection: &connection,
            server,
            replay_of: self.request.of,
        };
        single
            .send(io, request, self.request.body.clone(), announce)
            .await;
    }
}

/// Takes the response, which the relay records. Whoever upgrades has nothing to say in the new protocol.
async fn drain(from: &mut (impl AsyncRead + Unpin), done: &Notify) {
    const UPGRADED: &[u8] = b"HTTP/1.1 101";
    let mut start: Vec<u8> = Vec::with_capacity(UPGRADED.len());
    let mut piece = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut piece).await {
        let missing = UPGRADED.len() - start.len();
        start.extend(piece.iter().take(n.min(missing)));
        if start == UPGRADED {
            done.notify_one();
        }
    }
    done.notify_one();
}

/// A replay has its server; the relay dials no other.
struct NoDial(Arc<ConnectionRecorder>);

impl Dial for NoDial {
    type Io = Stream;

    async fn dial(
        &self,
        target: &Target,
        _: Option<&crate::upstream::Via>,
    ) -> Result<Upstream<Stream>, DialFailed> {
        Err(DialFailed {
            failure: failed(
                FailureCause::Other,
                Party::Proxy,
                format!("a replay goes to one server, and {target} is another"),
            ),
            connection: self.0.clone(),
        })
    }
}
