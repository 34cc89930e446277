//! Servers for plain proxy requests, each named by its absolute form.

use super::Client;
use crate::{
    engine::is_site,
    http1::{Dial, DialFailed, Upstream},
    http2::Elsewhere,
    stream::Stream,
    target::{Scheme, Target},
    tls::{Failed, Wish},
    upstream,
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

    async fn dial(&self, target: &Target) -> Result<Upstream<Stream>, DialFailed> {
        let connection = Arc::new(self.engine.recorder.connection(self.accepted.clone()));
        let (io, server) = if is_site(&target.host, target.port) {
            let site = self.engine.open_site(self.visitor(true, false));
            (Stream::Memory(site), None)
        } else {
            match self.reach(target, &connection).await {
                Ok((io, server)) => (io, Some(server)),
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
            read: BytesMut::new(),
            target: target.clone(),
            connection,
            server,
        })
    }
}

impl Elsewhere for Client {
    fn reach<'d>(
        &'d self,
        target: &'d Target,
    ) -> BoxFuture<'d, Result<Upstream<Stream>, DialFailed>> {
        self.dial(target).boxed()
    }
}

impl Client {
    async fn reach(
        &self,
        target: &Target,
        connection: &ConnectionRecorder,
    ) -> Result<(Stream, SocketAddr), Failure> {
        self.admit().await?;
        let (tcp, server) = upstream::reach(target, &self.engine.ways, connection).await?;
        let stream = Stream::Tcp(tcp);
        if target.scheme == Scheme::Http {
            return Ok((stream, server));
        }
        let named = target.host.parse::<IpAddr>().is_err();
        let wish = Wish {
            target,
            sni: named.then_some(target.host.as_str()),
            alpn: vec![b"http/1.1".to_vec()],
        };
        match self
            .engine
            .connector
            .connect(stream, BytesMut::new(), wish)
            .await
        {
            Ok((stream, info)) => {
                connection.edit(|c| {
                    c.server_tls = Some(info);
                    c.server_tls_done = Some(Timestamp::now());
                });
                Ok((stream, server))
            }
            Err(failed) => {
                let Failed { failure, info } = *failed;
                connection.edit(|c| c.server_tls = Some(info));
                Err(failure)
            }
        }
    }
}
