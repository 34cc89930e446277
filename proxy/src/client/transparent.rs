//! Connections that the system led here on their way to a server: it is dialled at the address that the client dialled,
//! and named as the client names it inside, by SNI or `Host`.

use super::Client;
use crate::{
    listen::destination,
    sniff::Protocol,
    stream::Stream,
    target::{Scheme, Target},
    upstream::is_local,
    words::failed,
};
use bytes::BytesMut;
use overhear_store::{ConnectionRecorder, Failure, FailureCause, Party, Timestamp};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::timeout;

/// How long a client may take to say what it wants of a server that cannot be reached.
const PATIENCE: Duration = Duration::from_secs(10);

impl Client {
    /// Serves a connection that was led here.
    pub(super) async fn transparent(&self, stream: Stream) {
        let local = self.accepted.local;
        let Some(address) = stream.tcp().and_then(|tcp| destination(tcp, local)) else {
            let text = format!(
                "a connection came to {local}, where transparent mode listens, and the system does not say whom it was for: it takes only connections that rules of the system have led there"
            );
            self.misspoken((&[], &[]), failed(FailureCause::Other, Party::Proxy, text));
            return stream.close().await;
        };
        let target = Target {
            scheme: Scheme::Http,
            host: address.ip().to_string(),
            port: address.port(),
        };
        let client = self.with(|c| {
            c.through = Some("transparent mode".to_owned());
            c.host.clone_from(&target.host);
            c.port = target.port;
        });
        let connection = Arc::new(client.engine.recorder.connection(client.accepted.clone()));
        let reached = match client.is_our_own(address).await {
            true => Err(led_back(&target)),
            false => client.dial_tunnel(&target, &connection).await,
        };
        match reached {
            Ok(reached) => {
                let client_side = (stream, BytesMut::new());
                let led = client.led(client_side, reached, target, connection);
                Box::pin(led).await;
            }
            Err(failure) => {
                let nowhere = client.nowhere(stream, target, connection, failure);
                Box::pin(nowhere).await;
            }
        }
    }

    /// Whether this is the other end of a connection that we made to `address` ourselves.
    async fn is_our_own(&self, address: SocketAddr) -> bool {
        let from = self.accepted.client;
        if !is_local(from.ip()) {
            return false;
        }
        let engine = self.engine.clone();
        // it may be there before who dials knows that it stands
        let asked = tokio::task::spawn_blocking(move || {
            engine.ways.own.has(from, address, Timestamp::now(), true)
        });
        asked.await.unwrap_or(false)
    }

    /// Answers a client whose server cannot be reached.
    async fn nowhere(
        &self,
        mut stream: Stream,
        target: Target,
        connection: Arc<ConnectionRecorder>,
        failure: Failure,
    ) {
        let mut read = BytesMut::new();
        let speaks = timeout(PATIENCE, self.client_sniff(&mut stream, &mut read)).await;
        let looped = failure.cause == FailureCause::Loop;
        match speaks {
            // no certificate for who is not admitted, and nobody else sees the page in a circle
            Ok(Some(Protocol::Http1)) if looped || !self.is_admitted() => {
                self.turn_away(stream, read, &target, failure).await;
            }
            Ok(Some(Protocol::Tls | Protocol::Http1 | Protocol::Http2))
                if !looped && self.is_admitted() =>
            {
                self.unreached(stream, read, target, connection, failure)
                    .await;
            }
            _ => {
                self.failed_bytes(&target, &connection, failure);
                stream.close().await;
            }
        }
    }

    /// Records a connection that came to no server.
    pub(super) fn failed_bytes(
        &self,
        target: &Target,
        connection: &ConnectionRecorder,
        failure: Failure,
    ) {
        if !self.is_recorded() {
            return;
        }
        let to = (target.host.as_str(), target.port);
        self.unserved(connection, to, self.accepted.accepted, &[], failure);
    }
}

fn led_back(target: &Target) -> Failure {
    failed(
        FailureCause::Loop,
        Party::Proxy,
        format!(
            "the connection that overhear itself made to {target} was led back to it, and would go round in circles: leave the user that overhear runs as out of the system's rules (overhear prints them at its start)"
        ),
    )
}
