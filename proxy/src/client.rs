//! One client's connection on the proxy's own port: what it speaks, and where it is led.
//!
//! The first bytes decide: TLS to the proxy itself is ended here and looked into again; HTTP goes to the
//! relay, which comes back with a CONNECT or a visit; SOCKS leads where CONNECT does; anything else is said to be so
//! and closed.

mod connect;
mod dial;
mod first;
mod gate;
mod inside;
mod passed;
mod raw;
mod reverse;
mod socks;
#[cfg(test)]
mod tests;
mod transparent;
mod upgrade;
mod visit;

use crate::{
    admit::Verdict,
    engine::{Engine, Row, is_site},
    http1::{self, End, Route, Session},
    listen::Mode,
    sniff::{self, Mixed},
    stream::Stream,
    tls::Hello,
    upstream::is_local,
    words::failed,
};
use bytes::BytesMut;
use overhear_store::{
    Connection, ConnectionRecorder, Failure, FailureCause, Kind, Party, Side, Timestamp, TlsInfo,
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

/// A client that sends nothing is closed after this long, without a flow.
const SILENCE: Duration = Duration::from_secs(60);
/// What is read at first.
const FIRST_READ: usize = 4096;

/// One client's connection.
pub(crate) struct Client {
    engine: Arc<Engine>,
    /// What is known of the client's side; every connection to a server begins from it.
    accepted: Connection,
    verdict: Verdict,
    /// It may use the proxy: decided at first, or answered since.
    admitted: Arc<AtomicBool>,
}

/// Serves one connection until it is done.
pub(crate) async fn serve(
    engine: Arc<Engine>,
    tcp: TcpStream,
    client: SocketAddr,
    local: SocketAddr,
    mode: &Mode,
) {
    // a program on this computer that was led here has one of its addresses, and reaches us at another
    let reached_at = match mode {
        Mode::Transparent if is_local(client.ip()) => client.ip(),
        _ => local.ip(),
    };
    let verdict = engine.admission.arrive(client.ip(), reached_at);
    let _asked = engine.apps.ask(&engine.recorder, client, local);
    let client = Client {
        engine,
        accepted: Connection::accepted(client, local),
        verdict,
        admitted: Arc::new(AtomicBool::new(verdict == Verdict::Allowed)),
    };
    let refused = client
        .engine
        .admission
        .refused(client.ip(), || client.is_admitted());
    tokio::select! {
        biased;
        () = client.serve(Stream::Tcp(tcp), mode) => {}
        // somebody has thought better of it: what the device has open ends too
        () = refused => {}
    }
}

impl Client {
    fn ip(&self) -> IpAddr {
        self.accepted.client.ip()
    }

    /// The same client, of whose side something else is known.
    fn with(&self, change: impl FnOnce(&mut Connection)) -> Self {
        let mut accepted = self.accepted.clone();
        change(&mut accepted);
        Self {
            engine: self.engine.clone(),
            accepted,
            verdict: self.verdict,
            admitted: self.admitted.clone(),
        }
    }

    fn is_admitted(&self) -> bool {
        self.admitted.load(Ordering::Relaxed)
    }

    async fn serve(&self, stream: Stream, mode: &Mode) {
        match mode {
            Mode::Mixed => self.first_bytes(stream).await,
            Mode::Reverse(server) => Box::pin(self.reverse(stream, server)).await,
            Mode::Transparent => Box::pin(self.transparent(stream)).await,
        }
    }

    async fn first_bytes(&self, mut stream: Stream) {
        let mut read = BytesMut::with_capacity(FIRST_READ);
        match self.speaks(&mut stream, &mut read).await {
            Some(Mixed::Http) => Box::pin(self.http(stream, read, false)).await,
            Some(Mixed::Tls) => Box::pin(self.tls(stream, read)).await,
            Some(Mixed::Socks) => Box::pin(self.socks(stream, read)).await,
            Some(Mixed::Other(what)) => self.unknown(stream, &read, what).await,
            None => {}
        }
    }

    /// What the client speaks; none when it says nothing.
    async fn speaks(&self, stream: &mut Stream, read: &mut BytesMut) -> Option<Mixed> {
        let reading = timeout(SILENCE, stream.read_buf(read));
        let read_one = tokio::select! {
            result = reading => result,
            () = self.engine.stop.cancelled() => return None,
        };
        match read_one {
            Ok(Ok(1..)) => sniff::mixed(read),
            _ => None,
        }
    }

    /// TLS to the proxy itself: a proxy reached over TLS, or a visit.
    async fn tls(&self, stream: Stream, read: BytesMut) {
        let engine = &self.engine;
        let own = self.accepted.local.ip().to_string();
        if matches!(self.verdict, Verdict::Refused | Verdict::Public) {
            self.failed_tls(&own, None, self.refusal());
            return stream.close().await;
        }
        let hello = match Hello::read(stream, read).await {
            Ok(hello) => hello,
            Err(failure) => return self.failed_tls(&own, None, failure),
        };
        let host = hello.sni.clone().unwrap_or_else(|| own.clone());
        // a device that is not admitted yet visits the proxy's own page; it gets no certificate for another name
        if host != own
            && !is_site(&host, 443)
            && let Err(failure) = self.admit().await
        {
            return self.failed_tls(&host, Some(hello.info()), failure);
        }
        let alpn = hello.offers(b"http/1.1").then_some(&b"http/1.1"[..]);
        let leaf = match engine.leaf(&host, None, alpn).await {
            Ok(leaf) => leaf,
            Err(error) => {
                let failure = ours(format!("no certificate can be made for {host}: {error}"));
                return self.failed_tls(&host, Some(hello.info()), failure);
            }
        };
        match hello
            .finish(&leaf, engine.admission.has_trusted(self.ip()))
            .await
        {
            Ok((mut stream, info)) => {
                engine.admission.saw_trust(self.ip(), true);
                let within = self.with(|accepted| {
                    accepted.client_tls = Some(info);
                    accepted.client_tls_done = Some(Timestamp::now());
                });
                let mut read = BytesMut::with_capacity(FIRST_READ);
                match within.speaks(&mut stream, &mut read).await {
                    Some(Mixed::Http) => within.http(stream, read, true).await,
                    Some(Mixed::Socks) => within.socks(stream, read).await,
                    Some(Mixed::Tls) => within.unknown(stream, &read, "TLS within TLS").await,
                    Some(Mixed::Other(what)) => within.unknown(stream, &read, what).await,
                    None => {}
                }
            }
            Err(unfinished) => {
                if unfinished.distrusts {
                    // the page for devices asks again and again whether it is trusted: no row for each
                    return engine.admission.saw_trust(self.ip(), false);
                }
                self.failed_tls(&host, Some(unfinished.info), unfinished.failure);
            }
        }
    }

    /// Records a TLS handshake with the proxy that failed, unless it is one too many.
    fn failed_tls(&self, host: &str, info: Option<TlsInfo>, failure: Failure) {
        if !self.is_recorded() {
            return;
        }
        let engine = &self.engine;
        let connection = engine.recorder.connection(self.accepted.clone());
        connection.edit(|c| c.client_tls = info);
        engine.failed_handshake(&connection, host, self.accepted.local.port(), failure);
    }

    /// Whether what fails here is recorded: of a device that is not admitted, only the first.
    fn is_recorded(&self) -> bool {
        self.is_admitted() || self.engine.admission.first_refusal(self.ip())
    }

    /// HTTP to the proxy.
    async fn http(&self, stream: Stream, read: BytesMut, secure: bool) {
        self.learn_user_agent(&read);
        let Some((stream, read)) = self.gate(stream, read, secure).await else {
            return;
        };
        match Box::pin(http1::relay(
            stream,
            read,
            Session {
                user: self.engine.user.load_full(),
                ..self.session()
            },
            Route::Named,
            self,
        ))
        .await
        {
            End::Closed => {}
            End::Cut { client } => client.cut(),
            End::Truncated { client } => client.truncate(),
            End::Connect {
                client,
                read,
                target,
                head,
            } => {
                self.learn_user_agent(&head);
                Box::pin(self.connect(client, read, target, &head)).await;
            }
            End::Visit { client, read } => {
                self.visit(client, read, self.visitor(false, secure)).await;
            }
        }
    }

    fn session(&self) -> Session<'_> {
        Session {
            recorder: &self.engine.recorder,
            accepted: &self.accepted,
            replay_of: None,
            announce: None,
            stop: self.engine.stop.clone(),
            rules: &self.engine.rules,
            ends: Some((self.accepted.client, self.accepted.local)),
            user: None,
        }
    }

    /// Something that is neither HTTP, TLS nor SOCKS: said so in a flow.
    async fn unknown(&self, stream: Stream, read: &[u8], what: &str) {
        let text = format!(
            "the client sent {what} to the proxy's port, which takes HTTP proxy requests (CONNECT too), SOCKS and TLS: set it up to use an HTTP or SOCKS proxy"
        );
        let failure = failed(FailureCause::Protocol, Party::Client, text);
        self.misspoken((read, &[]), failure);
        stream.close().await;
    }

    /// Records what came to the proxy, and what it said, where that led to no server.
    fn misspoken(&self, (came, said): (&[u8], &[u8]), failure: Failure) {
        if !self.is_recorded() {
            return;
        }
        let local = self.accepted.local;
        let connection = self.engine.recorder.connection(self.accepted.clone());
        let to = (local.ip().to_string(), local.port());
        let now = Timestamp::now();
        let pieces = [(Side::Request, now, came), (Side::Response, now, said)];
        let started = self.accepted.accepted;
        self.unserved(&connection, (&to.0, to.1), started, &pieces, failure);
    }

    /// Records a connection that came to no server, with what it and the proxy said.
    fn unserved(
        &self,
        connection: &ConnectionRecorder,
        (host, port): (&str, u16),
        started: Timestamp,
        pieces: &[(Side, Timestamp, &[u8])],
        failure: Failure,
    ) {
        let row = Row {
            kind: Kind::Tcp,
            method: "",
            scheme: "tcp",
            host,
            port,
            started,
        };
        let flow = self.engine.row(connection, row);
        for (side, at, bytes) in pieces {
            flow.chunk(*side, *at, bytes);
        }
        connection.edit(|c| c.closed_by = Some(Party::Proxy));
        flow.fail(failure);
    }

    /// What the client calls itself, if a head holds it. Devices are other machines, so only theirs are looked for.
    fn learn_user_agent(&self, head: &[u8]) {
        if self.ip().is_loopback() {
            return;
        }
        const NAME: &[u8] = b"user-agent:";
        let mut lines = head.split(|b| *b == b'\n');
        let value = lines.find_map(|line| {
            let (name, value) = line.split_at_checked(NAME.len())?;
            let ends = value.ends_with(b"\r");
            (name.eq_ignore_ascii_case(NAME) && ends).then(|| value.trim_ascii())
        });
        if let Some(value) = value {
            let text = String::from_utf8_lossy(value);
            self.engine.admission.saw_user_agent(self.ip(), &text);
        }
    }
}

/// A failure of this program's own.
fn ours(text: String) -> Failure {
    failed(FailureCause::Other, Party::Proxy, text)
}
