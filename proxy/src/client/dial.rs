//! Servers for plain proxy requests, each named by its absolute form.

use super::{Client, passed::blocked};
use crate::{
    engine::is_site,
    http1::{Dial, DialFailed, Upstream},
    http2::Elsewhere,
    stream::Stream,
    target::{Scheme, Target},
    tls::{Failed, TlsChoice, Wish},
    upstream::{self, Purpose, Reached, Via},
};
use bytes::BytesMut;
use futures_util::{FutureExt as _, future::BoxFuture};
use overhear_store::{ConnectionRecorder, Failure, Timestamp};
use std::{future::pending, net::IpAddr, sync::Arc};

impl Dial for Client {
    type Io = Stream;

    async fn dial(
        &self,
        target: &Target,
        via: Option<&Via>,
        gone: impl Future<Output = ()> + Send,
    ) -> Result<Upstream<Stream>, DialFailed> {
        self.dialled(target, via, &[b"http/1.1"], Purpose::PlainHttp, gone)
            .await
    }
}

impl Elsewhere for Client {
    fn reach<'d>(
        &'d self,
        target: &'d Target,
        via: Option<&'d Via>,
        alpn: &'d [&'d [u8]],
    ) -> BoxFuture<'d, Result<Upstream<Stream>, DialFailed>> {
        self.dialled(target, via, alpn, Purpose::Bytes, pending())
            .boxed()
    }
}

impl Client {
    /// Dials, until `gone` ends; `alpn` is what is offered over TLS, `plain` what may be spoken without.
    async fn dialled(
        &self,
        target: &Target,
        via: Option<&Via>,
        alpn: &[&[u8]],
        plain: Purpose,
        gone: impl Future<Output = ()> + Send,
    ) -> Result<Upstream<Stream>, DialFailed> {
        let connection = Arc::new(self.engine.recorder.connection(self.accepted.clone()));
        if is_site(&target.host, target.port) {
            let site = self.engine.open_site(self.visitor(true, false));
            return Ok(Upstream {
                io: Stream::Memory(site),
                read: BytesMut::new(),
                target: target.clone(),
                connection,
                server: None,
                forward: None,
            });
        }
        let reached = tokio::select! {
            biased;
            reached = self.reach(target, via, alpn, plain, &connection) => reached,
            () = gone => return Err(DialFailed::given_up(target, connection)),
        };
        match reached {
            Ok(Reached {
                io,
                read,
                server,
                forward,
            }) => Ok(Upstream {
                io,
                read,
                target: target.clone(),
                connection,
                server: Some(server),
                forward,
            }),
            Err(failure) => Err(DialFailed {
                failure,
                connection,
            }),
        }
    }

    pub(super) async fn reach(
        &self,
        target: &Target,
        via: Option<&Via>,
        alpn: &[&[u8]],
        plain: Purpose,
        connection: &ConnectionRecorder,
    ) -> Result<Reached, Failure> {
        self.admit().await?;
        let purpose = match target.scheme {
            Scheme::Http => plain,
            Scheme::Https => Purpose::Bytes,
        };
        if target.scheme == Scheme::Https {
            let decided = self.engine.policy.decide(&target.host, &target.host);
            if decided.choice == TlsChoice::Block {
                return Err(blocked(&target.host, &decided.why));
            }
        }
        let reached = upstream::reach(target, via, purpose, &self.engine, connection).await?;
        if target.scheme == Scheme::Http {
            return Ok(reached);
        }
        let Reached {
            io, read, server, ..
        } = reached;
        let named = target.host.parse::<IpAddr>().is_err();
        let wish = Wish {
            target,
            sni: named.then_some(target.host.as_str()),
            alpn: alpn.iter().map(|name| name.to_vec()).collect(),
        };
        match self.engine.connector.connect(io, read, wish).await {
            Ok((io, info)) => {
                connection.edit(|c| {
                    c.server_tls = Some(info);
                    c.server_tls_done = Some(Timestamp::now());
                });
                Ok(Reached {
                    io,
                    read: BytesMut::new(),
                    server,
                    forward: None,
                })
            }
            Err(failed) => {
                let Failed { failure, info } = *failed;
                connection.edit(|c| c.server_tls = Some(info));
                Err(failure)
            }
        }
    }
}
