//! Servers for plain proxy requests, each named by its absolute form.

use super::Client;
use crate::{
    engine::is_site,
    http1::{Dial, DialFailed, Upstream},
    http2::Elsewhere,
    stream::Stream,
    target::{Scheme, Target},
    tls::{Failed, Wish},
    upstream::{self, Via},
};
use bytes::BytesMut;
use futures_util::{FutureExt as _, future::BoxFuture};
use overhear_store::{ConnectionRecorder, Failure, Timestamp};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

impl Dial for Client {
    type Io = Stream;

    async fn dial(
        &self,
        target: &Target,
        via: Option<&Via>,
    ) -> Result<Upstream<Stream>, DialFailed> {
        self.dialled(target, via, &[b"http/1.1"]).await
    }
}

impl Elsewhere for Client {
    fn reach<'d>(
        &'d self,
        target: &'d Target,
        via: Option<&'d Via>,
    ) -> BoxFuture<'d, Result<Upstream<Stream>, DialFailed>> {
        self.dialled(target, via, &[b"h2", b"http/1.1"]).boxed()
    }
}

impl Client {
    /// Dials; `alpn` is what is offered over TLS.
    async fn dialled(
        &self,
        target: &Target,
        via: Option<&Via>,
        alpn: &[&[u8]],
    ) -> Result<Upstream<Stream>, DialFailed> {
        let connection = Arc::new(self.engine.recorder.connection(self.accepted.clone()));
        let (io, read, server) = if is_site(&target.host, target.port) {
            let site = self.engine.open_site(self.visitor(true, false));
            (Stream::Memory(site), BytesMut::new(), None)
        } else {
            match self.reach(target, via, alpn, &connection).await {
                Ok((io, read, server)) => (io, read, Some(server)),
                Err(failure) => {
                    return Err(DialFailed {
                        failure,
                        connection,
                    });
                }
            }
        };
        Ok(Upstream {
            io,
            read,
            target: target.clone(),
            connection,
            server,
        })
    }

    pub(super) async fn reach(
        &self,
        target: &Target,
        via: Option<&Via>,
        alpn: &[&[u8]],
        connection: &ConnectionRecorder,
    ) -> Result<(Stream, BytesMut, SocketAddr), Failure> {
        self.admit().await?;
        let ways = &self.engine.ways;
        let (tcp, read, server) = match via {
            Some(via) => via.reach(target, ways, connection).await?,
            None => {
                let (tcp, server) = upstream::reach(target, ways, connection).await?;
                (tcp, BytesMut::new(), server)
            }
        };
        let stream = Stream::Tcp(tcp);
        if target.scheme == Scheme::Http {
            return Ok((stream, read, server));
        }
        let named = target.host.parse::<IpAddr>().is_err();
        let wish = Wish {
            target,
            sni: named.then_some(target.host.as_str()),
            alpn: alpn.iter().map(|name| name.to_vec()).collect(),
        };
        match self.engine.connector.connect(stream, read, wish).await {
            Ok((stream, info)) => {
                connection.edit(|c| {
                    c.server_tls = Some(info);
                    c.server_tls_done = Some(Timestamp::now());
                });
                Ok((stream, BytesMut::new(), server))
            }
            Err(failed) => {
                let Failed { failure, info } = *failed;
                connection.edit(|c| c.server_tls = Some(info));
                Err(failure)
            }
        }
    }
}
