//! A listener in a server's place: everything goes to that one server, over HTTP with its name in `Host`, or as bytes.
//!
//! What is spoken with the server is settled by the listener; what is spoken with the client, TLS or not, by its first
//! bytes.

use super::{
    Client, FIRST_READ,
    first::{Ends, First, Layer},
    inside::{Inside, Way},
    ours,
};
use crate::{
    listen::{Reverse, Spoken},
    sniff::Protocol,
    stream::Stream,
    target::{Scheme, Target},
    tls::{Decided, Hello, TlsChoice},
    upstream::Purpose,
};
use bytes::BytesMut;
use overhear_ca::Leaf;
use overhear_store::TlsInfo;
use std::sync::Arc;

/// What is asked of a server when the client speaks no TLS, or offers nothing in it.
const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";

impl Client {
    /// Serves a connection to a reverse listener.
    pub(super) async fn reverse(&self, stream: Stream, server: &Reverse) {
        let target = server.target();
        let client = self.with(|c| {
            c.through = Some("reverse mode".to_owned());
            c.host.clone_from(&target.host);
            c.port = target.port;
        });
        match server.spoken {
            Spoken::Http | Spoken::Https => client.reverse_http(stream, target).await,
            Spoken::Tls | Spoken::Tcp => client.reverse_bytes(stream, target).await,
        }
    }

    async fn reverse_http(&self, mut stream: Stream, target: Target) {
        let mut read = BytesMut::with_capacity(FIRST_READ);
        let Some(protocol) = self.client_sniff(&mut stream, &mut read).await else {
            return;
        };
        if protocol == Protocol::Tls {
            return self.reverse_tls(stream, read, target).await;
        }
        if let Err(refusal) = self.admit().await {
            return self.turn_away(stream, read, &target, refusal).await;
        }
        let (inside, alpn) = (
            self.in_place_of(target),
            match protocol {
                Protocol::Http2 => HTTP2,
                _ => HTTP1,
            },
        );
        match self
            .reach(
                &inside.target,
                None,
                &[alpn],
                Purpose::Bytes,
                &inside.connection,
            )
            .await
        {
            Ok(reached) => {
                let inside = inside.reached(reached.server);
                let ends = Ends {
                    client: stream,
                    client_read: read,
                    server: reached.io,
                    server_read: reached.read,
                    server_gone: None,
                };
                inside.carry(protocol, ends).await;
            }
            Err(failure) => {
                inside.answer_with(protocol, stream, read, failure).await;
            }
        }
    }

    async fn reverse_tls(&self, mut stream: Stream, mut read: BytesMut, target: Target) {
        let mut inside = self.in_place_of(target);
        if inside.target.scheme == Scheme::Https
            && let Some((info, decided)) = inside.closed_tls(&mut stream, &mut read).await
            && decided.choice == TlsChoice::Pass
        {
            return inside.led_on((stream, read), info, decided).await;
        }
        let hello = match Hello::read(stream, read).await {
            Ok(hello) => hello,
            Err(failure) => return inside.failed_handshake(failure),
        };
        inside
            .connection
            .edit(|c| c.client_tls = Some(hello.info()));
        let name = self.name_of(&hello);
        if let Err(refusal) = self.admit().await {
            return self.failed_tls(&name, Some(hello.info()), refusal);
        }
        let offered: Vec<_> = [HTTP2, HTTP1]
            .into_iter()
            .filter(|protocol| hello.offers(protocol))
            .collect();
        let alpn: &[&[u8]] = match offered.as_slice() {
            [] => &[HTTP1],
            offered => offered,
        };
        let purpose = Purpose::Bytes;
        let reaching = self.reach(&inside.target, None, alpn, purpose, &inside.connection);
        let reached = match reaching.await {
            Ok(reached) => reached,
            Err(failure) => return inside.broken(hello, &name, failure).await,
        };
        let inside = inside.reached(reached.server);
        let chosen = match inside.target.scheme {
            Scheme::Https => reached.io.alpn().filter(|protocol| hello.offers(protocol)),
            Scheme::Http => hello.offers(HTTP1).then(|| HTTP1.to_vec()),
        };
        let Some(leaf) = inside.leaf_beside(&name, chosen.as_deref()).await else {
            return;
        };
        let server = (reached.io, reached.read);
        inside.within(hello, &leaf, &name, server).await;
    }

    async fn reverse_bytes(&self, stream: Stream, target: Target) {
        let inside = self.in_place_of(target);
        let reached = self
            .reach(
                &inside.target,
                None,
                &[],
                Purpose::Bytes,
                &inside.connection,
            )
            .await;
        let reached = match reached {
            Ok(reached) => reached,
            Err(failure) => {
                self.failed_bytes(&inside.target, &inside.connection, failure);
                return stream.close().await;
            }
        };
        let inside = inside.reached(reached.server);
        let mut ends = Ends {
            client: stream,
            client_read: BytesMut::with_capacity(FIRST_READ),
            server: reached.io,
            server_read: reached.read,
            server_gone: None,
        };
        match ends.first(Layer::Tcp, &self.engine.stop).await {
            First::Speaks(Protocol::Tls) => {}
            First::Speaks(_) => {
                let (client, server) = (
                    (ends.client, ends.client_read),
                    (ends.server, ends.server_read),
                );
                let layer = inside.layer();
                return Box::pin(inside.raw(client, server, layer)).await;
            }
            First::Silence(_) => return,
        }
        let mut inside = inside;
        if inside.target.scheme == Scheme::Http
            && let Some((info, decided)) = inside
                .closed_tls(&mut ends.client, &mut ends.client_read)
                .await
        {
            return Box::pin(inside.unopened(ends, info, decided)).await;
        }
        let hello = match Hello::read(ends.client, ends.client_read).await {
            Ok(hello) => hello,
            Err(failure) => return inside.failed_handshake(failure),
        };
        inside
            .connection
            .edit(|c| c.client_tls = Some(hello.info()));
        let name = self.name_of(&hello);
        let Some(leaf) = inside.leaf_beside(&name, None).await else {
            return;
        };
        let Some(client) = inside.finish(hello, &leaf, &name).await else {
            return;
        };
        let (client, server) = (
            (client, BytesMut::with_capacity(FIRST_READ)),
            (ends.server, ends.server_read),
        );
        Box::pin(inside.raw(client, server, Layer::Tls)).await;
    }

    /// Whom a client believes to speak with: the name that it gives, or the address that it has reached.
    pub(super) fn name_of(&self, hello: &Hello) -> String {
        let own = || self.accepted.local.ip().to_string();
        hello.sni.clone().unwrap_or_else(own)
    }

    fn in_place_of(&self, target: Target) -> Inside<'_> {
        Inside {
            client: self,
            target,
            server: None,
            connection: Arc::new(self.engine.recorder.connection(self.accepted.clone())),
            way: Way::Reverse,
        }
    }
}

impl Inside<'_> {
    /// The client's TLS is the server's own: it is dialled without any, and nothing is opened.
    async fn led_on(self, client: (Stream, BytesMut), info: TlsInfo, decided: Decided) {
        let (client, client_read) = client;
        let raw = Target {
            scheme: Scheme::Http,
            ..self.target.clone()
        };
        let reaching = self
            .client
            .reach(&raw, None, &[], Purpose::Bytes, &self.connection);
        let reached = match reaching.await {
            Ok(reached) => reached,
            Err(failure) => {
                self.failed_handshake(failure);
                return client.close().await;
            }
        };
        let ends = Ends {
            client,
            client_read,
            server: reached.io,
            server_read: reached.read,
            server_gone: None,
        };
        self.reached(reached.server)
            .unopened(ends, info, decided)
            .await;
    }

    /// A leaf for `name` with the names of the server's certificate, if it has one; none (and a flow) when there can be none.
    async fn leaf_beside(&self, name: &str, alpn: Option<&[u8]>) -> Option<Arc<Leaf>> {
        let tls = self.connection.get().server_tls;
        let mirror = tls.and_then(|tls| tls.certificates.first().cloned());
        let engine = &self.client.engine;
        match engine.leaf(name, mirror.as_deref(), alpn).await {
            Ok(leaf) => Some(leaf),
            Err(error) => {
                let text = format!("no certificate can be made for {name}: {error}");
                self.failed_handshake(ours(text));
                None
            }
        }
    }
}
