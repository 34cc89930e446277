//! Sending a request that a person built, and where it is redirected to, if that is wanted.
//!
//! Over HTTP/1 the request goes through the same relay as any client's, over a pipe, so it leaves exactly as it
//! was built and is recorded as it left. Over HTTP/2 it is one stream on a connection of its own. Each hop of a redirection is a
//! request, a connection and a flow of its own.

mod answer;
mod build;
mod cookies;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod measure;
mod redirect;
mod run;
mod websocket;

pub use measure::{Distribution, Kinds, Measured, Span};
pub use run::{MOST_AT_ONCE, MOST_REQUESTS, MOST_SENDS, Plan, Run, RunState};
pub use websocket::{MOST_LISTEN, Say, Talk};

use crate::{
    engine::Engine,
    error::Error,
    http1::{self, Dial, DialFailed, Route, Session, Upstream},
    http2,
    intercept::Rules,
    stream::Stream,
    target::{Scheme, Target},
    tls::{Failed, Wish},
    upstream::{self, Purpose, Reached},
    words::failed,
};
use answer::Answer;
use build::Built;
use bytes::{Bytes, BytesMut};
use http::{
    Request,
    header::{LOCATION, SET_COOKIE},
};
use overhear_store::{
    Connection, ConnectionRecorder, Failure, FailureCause, FlowId, Party, Recorder, Replayed, Seen,
    Timestamp, Version,
};
use redirect::{Next, Redirects};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{Mutex, Notify, oneshot},
};
use tokio_util::sync::CancellationToken;

/// The buffer of the pipe to the relay.
const PIPE: usize = 64 * 1024;

/// A request that a person built.
#[derive(Debug, Clone, Default)]
pub struct ReplayRequest {
    /// What it was made from.
    pub of: Option<Replayed>,
    /// Method.
    pub method: String,
    /// Absolute `http`, `https`, `ws` or `wss` URL.
    pub url: String,
    /// Fields in order, case kept. `Host` and `Content-Length` are added when absent, and `Content-Length` is
    /// corrected when it does not fit the body. Whatever they say, one thing tells where the body ends (RFC 9112
    /// section 6.3): only the first `Content-Length` is sent, and none beside a `Transfer-Encoding`, which must end
    /// with chunked. Names that begin with a colon (HTTP/2's) are left out. The opening of a WebSocket gets a fresh
    /// `Sec-WebSocket-Key` (RFC 6455 section 4.1), and a `ws` or `wss` URL the other fields of one where they are missing.
    pub headers: Vec<(String, String)>,
    /// The body with its content coding; a transfer coding named in the fields is applied to it.
    pub body: Bytes,
    /// HTTP version to use; none lets ALPN decide (plain http: 1.1). A server that does not speak it is a failure.
    pub version: Option<Version>,
    /// Redirections are followed: 20 hops at most, as RFC 9110 section 15.4 says. Cookies that are set on the way are sent to whom
    /// they are for (RFC 6265 section 5.4), instead of those of the same name in the fields.
    pub follow: bool,
    /// What is said in the WebSocket that the request opens.
    pub talk: Option<Talk>,
    /// Ends it before its end.
    pub stop: CancellationToken,
}

/// A request on its way.
pub struct Replaying {
    /// Its flow.
    pub flow: FlowId,
    /// What came of it, when all is over.
    pub done: oneshot::Receiver<Outcome>,
}

/// What came of a request that was sent.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its flow, then one for each redirection that was followed.
    pub flows: Vec<FlowId>,
    /// The status of the last.
    pub status: Option<u16>,
    /// Why the last one failed.
    pub failure: Option<Failure>,
    /// How long all of them took together, each from the first byte of its request on: milliseconds.
    pub ms: f64,
    /// Why a redirection was not followed further.
    pub unfollowed: Option<String>,
}

/// Sends it, and answers with the flow's number as soon as there is one.
pub(crate) async fn replay(
    engine: Arc<Engine>,
    request: ReplayRequest,
) -> Result<Replaying, Error> {
    let built = build::build(&request)?;
    let (announce, announced) = oneshot::channel();
    let (done, outcome) = oneshot::channel();
    let cut = engine.cut.clone();
    let tasks = engine.replays.clone();
    if engine.stop.is_cancelled() {
        return Err(stopping());
    }
    tasks.spawn(async move {
        let seen = Seen::default();
        let stop = request.stop.clone();
        let sent = tokio::select! {
            unfollowed = send_on(&engine, request, built, announce, &seen) => Some(unfollowed),
            () = cut.cancelled() => None,
            () = stop.cancelled() => None,
        };
        let unfollowed = sent.unwrap_or_else(|| {
            let text = "The replay was stopped before the response was complete";
            let failure = failed(FailureCause::Closed, Party::Proxy, text);
            seen.edit_last(|flow| flow.error = flow.error.take().map(|_| failure));
            None
        });
        // the caller may have gone
        let _ = done.send(outcome_of(&seen, unfollowed));
    });
    let flow = announced.await.map_err(|_| stopping())?;
    Ok(Replaying {
        flow,
        done: outcome,
    })
}

/// Whether a request can be sent at all.
///
/// # Errors
/// [`Error::Replay`] says what is wrong with it.
pub(crate) fn check(request: &ReplayRequest) -> Result<(), Error> {
    build::build(request).map(drop)
}

fn stopping() -> Error {
    Error::Replay("the request was not sent: the proxy or the replay is being stopped".to_owned())
}

fn outcome_of(seen: &Seen, unfollowed: Option<String>) -> Outcome {
    let flows = seen.flows();
    let last = flows.last();
    Outcome {
        flows: flows.iter().map(|flow| flow.id).collect(),
        status: last.and_then(|flow| flow.status),
        failure: last.and_then(|flow| flow.error.clone()),
        ms: flows
            .iter()
            .filter_map(overhear_store::Flow::duration_ms)
            .sum(),
        unfollowed,
    }
}

/// Sends it, and goes where it is redirected to; why not any further, where that needs words.
async fn send_on(
    engine: &Engine,
    mut request: ReplayRequest,
    mut built: Built,
    announce: oneshot::Sender<FlowId>,
    seen: &Seen,
) -> Option<String> {
    // a person asked for it: it is recorded also while recording is switched off
    let recorder = engine.recorder.always().seen_by(seen);
    let mut door = recorder.clone();
    let mut redirects = Redirects::new(&request);
    let mut announce = Some(announce);
    loop {
        let replay = Replay {
            engine,
            request: &request,
            recorder: door,
            built,
        };
        // who waits for the first does not hear of the others
        let announce = announce.take().unwrap_or_else(|| oneshot::channel().0);
        let answer = replay.send(announce).await;
        let flow = seen.last().filter(|_| request.follow)?;
        if flow.error.is_some() {
            return None;
        }
        redirects.heard(&request, &answer.cookies);
        let wanted = redirects.next(&request, flow.status, answer.location.as_deref());
        let next = match wanted {
            Next::Final => return None,
            Next::Refused(why) => Err(why),
            Next::To(next) => build::build(&next)
                .map(|built| (next, built))
                .map_err(|error| error.to_string()),
        };
        match next {
            Ok((next, ready)) => {
                (request, built) = (*next, ready);
                request.of = request.of.map(|of| Replayed {
                    modified: true,
                    ..of
                });
                request.of.get_or_insert(Replayed {
                    flow: seen.flows().first().map_or(flow.id, |first| first.id),
                    modified: true,
                });
                let hop = redirects.followed();
                let cookies = match redirects.cookies() {
                    0 => String::new(),
                    1 => ", with 1 cookie that was set on the way".to_owned(),
                    count => format!(", with {count} cookies that were set on the way"),
                };
                let comment = format!("redirect {hop}, from #{}{cookies}", flow.id);
                door = recorder.commenting(&comment);
            }
            Err(why) => {
                let text = format!("the redirection was not followed: {why}");
                seen.edit_last(|flow| match flow.comment.is_empty() {
                    true => flow.comment.clone_from(&text),
                    false => flow.comment = format!("{}; {text}", flow.comment),
                });
                return Some(text);
            }
        }
    }
}

struct Replay<'a> {
    engine: &'a Engine,
    request: &'a ReplayRequest,
    recorder: Recorder,
    built: Built,
}

impl Replay<'_> {
    async fn send(self, announce: oneshot::Sender<FlowId>) -> Answer {
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let connection = Connection::accepted(nowhere, nowhere);
        let connection = Arc::new(self.recorder.connection(connection));
        let target = self.built.target.clone();
        match self.reach(&target, &connection).await {
            Ok((reached, Some(request))) => {
                let Reached { io, server, .. } = reached;
                self.over_http2(io, server, connection, request, announce)
                    .await
            }
            Ok((reached, None)) => {
                let fixed = Upstream {
                    io: reached.io,
                    read: reached.read,
                    target,
                    connection: connection.clone(),
                    server: Some(reached.server),
                    forward: reached.forward,
                };
                self.over_http1(Route::Fixed(fixed), &connection, announce)
                    .await
            }
            Err(failure) => {
                let failed = DialFailed {
                    failure,
                    connection: connection.clone(),
                };
                self.over_http1(Route::Broken(target, failed), &connection, announce)
                    .await
            }
        }
    }

    /// A connection to the server, and the request where it speaks HTTP/2. Our own end of it stands for the client.
    async fn reach(
        &self,
        target: &Target,
        connection: &ConnectionRecorder,
    ) -> Result<(Reached, Option<Request<()>>), Failure> {
        let wanted = self.request.version;
        let purpose = match (target.scheme, wanted) {
            (Scheme::Https, _) | (_, Some(Version::Http2)) => Purpose::Bytes,
            _ => Purpose::PlainHttp,
        };
        let reached = upstream::reach(target, None, purpose, self.engine, connection).await?;
        connection.edit(|c| {
            if let Some(local) = c.upstream_local {
                (c.client, c.local) = (local, local);
            }
        });
        if target.scheme == Scheme::Http {
            let http2 = wanted == Some(Version::Http2);
            return Ok((reached, self.built.http2.clone().filter(|_| http2)));
        }
        let Reached {
            io, read, server, ..
        } = reached;
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
        match self.engine.connector.connect(io, read, wish).await {
            Ok((io, info)) => {
                let http2 = info.alpn.as_deref() == Some("h2");
                connection.edit(|c| {
                    c.server_tls = Some(info);
                    c.server_tls_done = Some(Timestamp::now());
                });
                // RFC 9113 section 3.2: over TLS it is agreed on, or not spoken
                if wanted == Some(Version::Http2) && !http2 {
                    return Err(not_spoken(
                        target,
                        "HTTP/2",
                        "it chose none of the protocols that were offered (ALPN: h2)",
                    ));
                }
                let reached = Reached {
                    io,
                    read: BytesMut::new(),
                    server,
                    forward: None,
                };
                Ok((reached, self.built.http2.clone().filter(|_| http2)))
            }
            Err(failed) => {
                let Failed { failure, info } = *failed;
                connection.edit(|c| c.server_tls = Some(info));
                // RFC 7301 section 3.2
                let refused = failure.text.contains("no_application_protocol");
                match wanted.filter(|_| refused) {
                    Some(Version::Http2) => Err(not_spoken(
                        target,
                        "HTTP/2",
                        "it refused the protocol that was offered (ALPN: h2)",
                    )),
                    Some(_) => Err(not_spoken(
                        target,
                        "HTTP/1.1",
                        "it refused the protocol that was offered (ALPN: http/1.1)",
                    )),
                    None => Err(failure),
                }
            }
        }
    }

    async fn over_http1(
        &self,
        route: Route<Stream>,
        connection: &Arc<ConnectionRecorder>,
        announce: oneshot::Sender<FlowId>,
    ) -> Answer {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let accepted = connection.get();
        // the relay ends after the first exchange when it is told to stop during it
        let stop = CancellationToken::new();
        let (begun, has_begun) = oneshot::channel();
        let rules = Rules::default();
        let session = Session {
            user: None,
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
        let (mut from, to) = tokio::io::split(ours);
        let to = Mutex::new(to);
        let done = Notify::new();
        let client = async {
            {
                let mut to = to.lock().await;
                // a server that answers early may end the pipe before all is sent
                let _ = to.write_all(head).await;
                let _ = to.write_all(&self.built.wire_body).await;
            }
            done.notified().await;
            let _ = to.lock().await.shutdown().await;
        };
        let told = async {
            if let Ok(id) = has_begun.await {
                stop.cancel();
                // the caller may have gone
                let _ = announce.send(id);
            }
        };
        let talk = self.built.websocket.then_some(&self.request.talk);
        let server = async {
            let answer = take(&mut from, &to, talk.map(Option::as_ref)).await;
            done.notify_one();
            // what the relay still says is taken, so that it can end
            let mut rest = vec![0; 1024];
            while let Ok(1..) = from.read(&mut rest).await {}
            answer
        };
        let no_dial = NoDial(connection.clone());
        let relay = http1::relay(
            Stream::Memory(theirs),
            BytesMut::new(),
            session,
            route,
            &no_dial,
        );
        let (_, (), (), answer) = tokio::join!(Box::pin(relay), client, told, server);
        answer
    }

    async fn over_http2(
        &self,
        io: Stream,
        server: SocketAddr,
        connection: Arc<ConnectionRecorder>,
        request: Request<()>,
        announce: oneshot::Sender<FlowId>,
    ) -> Answer {
        let single = http2::Single {
            recorder: &self.recorder,
            target: &self.built.target,
            connection: &connection,
            server,
            replay_of: self.request.of,
        };
        let fields = single.send(io, request, self.request.body.clone(), announce);
        let fields = fields.await;
        let all = |name| {
            let values = fields.get_all(name).iter();
            values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Answer {
            location: all(LOCATION).next(),
            cookies: all(SET_COOKIE).collect(),
        }
    }
}

/// Takes the response, which the relay records. In a WebSocket it is talked; in another protocol there is nothing to say.
async fn take(
    from: &mut (impl AsyncRead + Unpin),
    to: &Mutex<impl AsyncWrite + Unpin>,
    talk: Option<Option<&Talk>>,
) -> Answer {
    let mut reading = answer::Reading::default();
    let mut piece = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut piece).await {
        let Some(rest) = reading.feed(piece.get(..n).unwrap_or_default()) else {
            continue;
        };
        if let Some(talk) = talk {
            let mut to = to.lock().await;
            let usual = Talk::default();
            websocket::talk(from, &mut *to, &rest, talk.unwrap_or(&usual)).await;
        }
        break;
    }
    reading.answer()
}

fn not_spoken(target: &Target, version: &str, why: &str) -> Failure {
    let text = format!(
        "{target} does not speak {version}, which was asked for: {why}. Choose another version, or let the server choose"
    );
    failed(FailureCause::Protocol, Party::Server, text)
}

/// A replay has its server; the relay dials no other.
struct NoDial(Arc<ConnectionRecorder>);

impl Dial for NoDial {
    type Io = Stream;

    async fn dial(
        &self,
        target: &Target,
        _: Option<&crate::upstream::Via>,
        _: impl Future<Output = ()> + Send,
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
