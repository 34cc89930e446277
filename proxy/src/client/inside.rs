//! What comes through a tunnel: sniffed, TLS ended on both sides, sniffed again, and given to who can read it.

use super::{
    Client, FIRST_READ,
    first::{AT_ONCE, Ends, First, Gone, Layer, Silence},
    gate::read_head,
    ours,
};
use crate::{
    http1::{self, DialFailed, End, Route, Upstream, authority},
    http2,
    sniff::Protocol,
    stream::Stream,
    target::{Scheme, Target},
    tls::{self, Failed, Hello, OFTEN, Unfinished, Wish, second_thoughts},
    upstream::Reached,
    words::failed,
};
use bytes::BytesMut;
use overhear_ca::Leaf;
use overhear_store::{ConnectionRecorder, Failure, FailureCause, Party, Timestamp, TlsInfo};
use std::{net::SocketAddr, sync::Arc, time::Instant};

/// A tunnel to a server.
pub(super) struct Inside<'a> {
    pub(super) client: &'a Client,
    /// Whom it reaches; the scheme is what was found inside.
    pub(super) target: Target,
    pub(super) server: Option<SocketAddr>,
    pub(super) connection: Arc<ConnectionRecorder>,
    pub(super) way: Way,
}

/// How a client came to be joined with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It asked for a tunnel.
    Tunnel,
    /// A listener stands in the server's place: what is spoken with the server is settled.
    Reverse,
    /// It goes to an address: the server's name is inside.
    Led,
}

impl Client {
    /// Serves a tunnel that stands.
    pub(super) async fn inside(
        &self,
        client: Stream,
        client_read: BytesMut,
        reached: Reached,
        target: Target,
        connection: Arc<ConnectionRecorder>,
    ) {
        let client = (client, client_read);
        self.joined(client, reached, target, connection, Way::Tunnel)
            .await;
    }

    /// Serves a client that has said where it goes by an address: the server's name is inside.
    pub(super) async fn led(
        &self,
        client: (Stream, BytesMut),
        reached: Reached,
        target: Target,
        connection: Arc<ConnectionRecorder>,
    ) {
        self.joined(client, reached, target, connection, Way::Led)
            .await;
    }

    async fn joined(
        &self,
        (client, client_read): (Stream, BytesMut),
        reached: Reached,
        target: Target,
        connection: Arc<ConnectionRecorder>,
        way: Way,
    ) {
        let target = Target {
            scheme: Scheme::Http,
            ..target
        };
        let mut inside = Inside {
            client: self,
            target,
            server: Some(reached.server),
            connection,
            way,
        };
        let mut ends = Ends {
            client,
            client_read,
            server: reached.io,
            server_read: reached.read,
            server_gone: None,
        };
        match ends.first(Layer::Tcp, &self.engine.stop).await {
            First::Speaks(Protocol::Tls) => {
                if let Some((inside, ends)) = Box::pin(inside.unless_opened(ends)).await {
                    Box::pin(inside.tls(ends)).await;
                }
            }
            First::Speaks(protocol) => {
                if way == Way::Led && protocol == Protocol::Http1 {
                    read_head(&mut ends.client, &mut ends.client_read).await;
                    inside.is_called(host(&ends.client_read));
                }
                inside.carry(protocol, ends).await;
            }
            First::Silence(_) => {}
        }
    }

    /// Serves a tunnel to a server that cannot be reached: rules answer, or the failure is told inside.
    pub(super) async fn unreached(
        &self,
        mut client: Stream,
        mut read: BytesMut,
        target: Target,
        connection: Arc<ConnectionRecorder>,
        failure: Failure,
    ) {
        let inside = Inside {
            client: self,
            target: Target {
                scheme: Scheme::Http,
                ..target
            },
            server: None,
            connection,
            way: Way::Tunnel,
        };
        match self.client_sniff(&mut client, &mut read).await {
            Some(Protocol::Tls) => match Hello::read(client, read).await {
                Ok(hello) => {
                    inside
                        .connection
                        .edit(|c| c.client_tls = Some(hello.info()));
                    let name = hello.sni.clone();
                    let name = name.unwrap_or_else(|| inside.target.host.clone());
                    inside.broken(hello, &name, failure).await;
                }
                Err(failure) => inside.failed_handshake(failure),
            },
            Some(protocol) => inside.answer_with(protocol, client, read, failure).await,
            None => inside.failed_handshake(failure),
        }
    }
}

impl Inside<'_> {
    /// Ends TLS on both sides and looks inside.
    async fn tls(mut self, ends: Ends) {
        let engine = &self.client.engine;
        let mut hello = match Hello::read(ends.client, ends.client_read).await {
            Ok(hello) => hello,
            Err(failure) => return self.failed_handshake(failure),
        };
        if self.way == Way::Led {
            self.is_called(hello.sni.clone());
        }
        self.connection.edit(|c| c.client_tls = Some(hello.info()));
        let sni = hello.sni.clone();
        let name = sni.clone().unwrap_or_else(|| self.target.host.clone());
        let wish = Wish {
            target: &self.target,
            sni: sni.as_deref(),
            alpn: hello.alpn.clone(),
        };
        let connecting = engine
            .connector
            .connect(ends.server, ends.server_read, wish);
        let accepted = &self.client.accepted;
        let connected = tokio::select! {
            biased;
            connected = connecting => connected,
            () = hello.gone((accepted.client, accepted.local)) => {
                self.connection.edit(|c| c.closed_by = Some(Party::Client));
                return self.failed_handshake(http1::given_up(&self.target));
            }
        };
        let (server, info) = match connected {
            Ok(connected) => connected,
            Err(failed) => {
                let Failed { failure, info } = *failed;
                self.connection.edit(|c| c.server_tls = Some(info));
                return self.broken(hello, &name, failure).await;
            }
        };
        let mirror = info.certificates.first().cloned();
        self.server_agreed(info);
        let alpn = server.alpn();
        let alpn = alpn.as_deref();
        let leaf = match engine.leaf(&name, mirror.as_deref(), alpn).await {
            Ok(leaf) => leaf,
            Err(error) => {
                return self.failed_handshake(ours(format!(
                    "no certificate can be made for {name}: {error}"
                )));
            }
        };
        self.within(hello, &leaf, &name, (server, BytesMut::new()))
            .await;
    }

    /// Answers the client's TLS, and looks inside. `name`: whom the leaf is for.
    pub(super) async fn within(
        self,
        hello: Hello,
        leaf: &Leaf,
        name: &str,
        (server, server_read): (Stream, BytesMut),
    ) {
        let engine = &self.client.engine;
        let Some(client) = self.finish(hello, leaf, name).await else {
            return;
        };
        let inside = self.secure();
        let agreed = Instant::now();
        let ip = inside.client.ip();
        let here = engine.crowd.enter(ip, &inside.target);
        let mut ends = Ends {
            client,
            client_read: BytesMut::with_capacity(FIRST_READ),
            server,
            server_read,
            server_gone: None,
        };
        match ends.first(Layer::Tls, &engine.stop).await {
            // TLS in TLS is passed on as it is
            First::Speaks(Protocol::Tls) => inside.carry(Protocol::Other, ends).await,
            First::Speaks(protocol) => inside.carry(protocol, ends).await,
            First::Silence(Silence::Client(error, at)) => {
                let quick = at.duration_since(agreed) < AT_ONCE && here.is_alone();
                if let Some((mut failure, distrusts)) = second_thoughts(error.as_ref(), quick) {
                    if distrusts {
                        engine.admission.saw_trust(ip, false);
                    }
                    inside.refused_again(name, &mut failure);
                    inside.failed_handshake(failure);
                }
            }
            First::Silence(Silence::Server(gone)) => {
                if let Some(failure) = gone.0.and_then(|error| tls::ended(&error, &inside.target)) {
                    inside.failed_handshake(failure);
                }
            }
            First::Silence(Silence::Stop) => {}
        }
    }

    /// The server has a name beside the address that was dialled.
    pub(super) fn is_called(&mut self, name: Option<String>) {
        if let Some(name) = name {
            self.connection.edit(|c| c.host.clone_from(&name));
            self.target.host = name;
        }
    }

    /// Finishes the handshake with the client; none (and a flow) when it does not want to.
    pub(super) async fn finish(&self, hello: Hello, leaf: &Leaf, name: &str) -> Option<Stream> {
        match self.try_finish(hello, leaf).await {
            Ok(stream) => Some(stream),
            Err(mut unfinished) => {
                if unfinished.distrusts {
                    self.refused_again(name, &mut unfinished.failure);
                }
                self.failed_handshake(unfinished.failure);
                None
            }
        }
    }

    /// Says what it means when the client keeps refusing our certificate for `name`.
    pub(super) fn refused_again(&self, name: &str, failure: &mut Failure) {
        let pins = &self.client.engine.policy.pins;
        let refusals = pins.refused(self.client.ip(), name, Instant::now());
        if refusals.count < OFTEN {
            return;
        }
        let text = format!(
            " This client has refused overhear's certificate for {name} {} times in a few minutes: this app probably pins its certificate.",
            refusals.count
        );
        failure.text.push_str(&text);
        let what = match refusals.passes {
            true => format!(
                " {name} passes through unread from now on, as --pass-pinned says; the settings take that back."
            ),
            false => format!(
                " To let it work, let {name} pass through unread: here in the page, or with --tls {name}=pass."
            ),
        };
        failure.text.push_str(&what);
    }

    async fn try_finish(&self, hello: Hello, leaf: &Leaf) -> Result<Stream, Unfinished> {
        let (admission, ip) = (&self.client.engine.admission, self.client.ip());
        match hello.finish(leaf, admission.has_trusted(ip)).await {
            Ok((stream, info)) => {
                admission.saw_trust(ip, true);
                self.connection.edit(|c| {
                    c.client_tls = Some(info);
                    c.client_tls_done = Some(Timestamp::now());
                });
                Ok(stream)
            }
            Err(mut unfinished) => {
                if unfinished.distrusts {
                    admission.saw_trust(ip, false);
                }
                let info = std::mem::take(&mut unfinished.info);
                self.connection.edit(|c| c.client_tls = Some(info));
                Err(unfinished)
            }
        }
    }

    /// The server's handshake failed: the client gets TLS, and in it a page that says so.
    pub(super) async fn broken(self, hello: Hello, name: &str, failure: Failure) {
        let engine = &self.client.engine;
        let alpn = [&b"http/1.1"[..], b"http/1.0", b"h2"];
        let alpn = alpn.into_iter().find(|p| hello.offers(p));
        let Ok(leaf) = engine.leaf(name, None, alpn).await else {
            return self.failed_handshake(failure);
        };
        let Ok(mut client) = self.try_finish(hello, &leaf).await else {
            return self.failed_handshake(failure);
        };
        let inside = self.secure();
        let mut read = BytesMut::with_capacity(FIRST_READ);
        match inside.client.client_sniff(&mut client, &mut read).await {
            Some(protocol) => inside.answer_with(protocol, client, read, failure).await,
            None => inside.failed_handshake(failure),
        }
    }

    /// Gives what is inside to who can read it.
    pub(super) async fn carry(self, protocol: Protocol, ends: Ends) {
        let Ends {
            client,
            client_read,
            server,
            server_read,
            server_gone,
        } = ends;
        let protocol = self.spoken(protocol);
        match (protocol, server_gone) {
            (Protocol::Http1 | Protocol::Http2, Some(gone)) => {
                let failure = self.went(&gone);
                self.answer_with(protocol, client, client_read, failure)
                    .await;
            }
            (Protocol::Http1, None) => {
                let upstream = self.upstream(server, server_read);
                let route = match self.way == Way::Reverse {
                    true => Route::Reverse(upstream),
                    false => Route::Fixed(upstream),
                };
                self.client.relay(client, client_read, route).await;
            }
            (Protocol::Http2, None) => {
                let upstream = self.upstream(server, server_read);
                let session = self.client.session();
                let dial = self.client;
                let reverse = self.way == Way::Reverse;
                let relay = http2::relay(session, client, client_read, upstream, dial, reverse);
                Box::pin(relay).await;
            }
            (Protocol::Tls | Protocol::Other, _) => {
                let layer = self.layer();
                let (client, server) = ((client, client_read), (server, server_read));
                Box::pin(self.raw(client, server, layer)).await;
            }
        }
    }

    /// A server that went away before a word, in words.
    fn went(&self, gone: &Gone) -> Failure {
        let target = &self.target;
        if let Some(failure) = gone.0.as_ref().and_then(|error| tls::ended(error, target)) {
            return failure;
        }
        let (cause, how) = match &gone.0 {
            Some(_) => (FailureCause::Reset, "reset"),
            None => (FailureCause::Closed, "closed"),
        };
        let text = format!("{target} accepted the connection and {how} it at once, without a word");
        failed(cause, Party::Server, text)
    }

    /// Answers what is asked with the page of a failure; what cannot be answered is a failed handshake.
    pub(super) async fn answer_with(
        self,
        protocol: Protocol,
        client: Stream,
        read: BytesMut,
        failure: Failure,
    ) {
        match self.spoken(protocol) {
            Protocol::Http1 => {
                let failed = DialFailed {
                    failure,
                    connection: self.connection,
                };
                let route = Route::Broken(self.target, failed);
                self.client.relay(client, read, route).await;
            }
            Protocol::Http2 => {
                let (session, target) = (self.client.session(), &self.target);
                let connection = &self.connection;
                let dial = self.client;
                let broken =
                    http2::broken(session, client, read, target, connection, failure, dial);
                Box::pin(broken).await;
            }
            Protocol::Tls | Protocol::Other => self.failed_handshake(failure),
        }
    }

    fn upstream(&self, io: Stream, read: BytesMut) -> Upstream<Stream> {
        Upstream {
            io,
            read,
            target: self.target.clone(),
            connection: self.connection.clone(),
            server: self.server,
            forward: None,
        }
    }

    pub(super) fn server_agreed(&self, info: TlsInfo) {
        self.connection.edit(|c| {
            c.server_tls = Some(info);
            c.server_tls_done = Some(Timestamp::now());
        });
    }

    /// What a client speaks that speaks so: in the place of an HTTP server all else is HTTP that is broken.
    fn spoken(&self, protocol: Protocol) -> Protocol {
        match protocol {
            Protocol::Http2 => protocol,
            _ if self.way == Way::Reverse => Protocol::Http1,
            _ => protocol,
        }
    }

    /// The server at this address is reached.
    pub(super) fn reached(self, address: SocketAddr) -> Self {
        Self {
            server: Some(address),
            ..self
        }
    }

    /// What it is spoken in, as far as is known.
    pub(super) fn layer(&self) -> Layer {
        match self.target.scheme {
            Scheme::Http => Layer::Tcp,
            Scheme::Https => Layer::Tls,
        }
    }

    fn secure(self) -> Self {
        if self.way == Way::Reverse {
            return self;
        }
        let target = Target {
            scheme: Scheme::Https,
            ..self.target
        };
        Self { target, ..self }
    }

    pub(super) fn failed_handshake(&self, failure: Failure) {
        let (host, port) = (&self.target.host, self.target.port);
        self.client
            .engine
            .failed_handshake(&self.connection, host, port, failure);
    }
}

/// The host that a request names in its `Host`; none where it names none that could be dialled.
fn host(head: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"host:";
    let mut lines = head.split(|b| *b == b'\n');
    let value = lines.find_map(|line| {
        let (name, value) = line.split_at_checked(NAME.len())?;
        name.eq_ignore_ascii_case(NAME).then(|| value.trim_ascii())
    });
    authority(value?).ok().map(|(host, _)| host)
}

impl Client {
    /// The HTTP/1 relay inside a tunnel.
    async fn relay(&self, client: Stream, read: BytesMut, route: Route<Stream>) {
        match Box::pin(http1::relay(client, read, self.session(), route, self)).await {
            End::Cut { client } => client.cut(),
            End::Truncated { client } => client.truncate(),
            End::Closed | End::Connect { .. } | End::Visit { .. } => {}
        }
    }
}
