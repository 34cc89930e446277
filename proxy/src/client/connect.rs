//! CONNECT (RFC 9110 section 9.3.6): the server is dialled before the client is told that it is.

use super::Client;
use crate::{
    engine::{Row, is_site},
    failure,
    http1::{self, MOST_AHEAD},
    stream::Stream,
    target::Target,
    upstream::{self, Purpose, Reached},
};
use bytes::BytesMut;
use overhear_store::{
    ConnectionRecorder, Failure, FlowRecorder, HeadKind, Kind, Party, Timestamp, Version,
};
use std::{future::pending, net::SocketAddr, sync::Arc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

impl Client {
    /// Serves a CONNECT; `read` is what came after its `head`.
    pub(super) async fn connect(
        &self,
        mut client: Stream,
        mut read: BytesMut,
        target: Target,
        head: &[u8],
    ) {
        let site = is_site(&target.host, target.port);
        let started = Timestamp::now();
        let connection = Arc::new(self.engine.recorder.connection(self.accepted.clone()));
        let reached = if site {
            None
        } else {
            let ends = (self.accepted.client, self.accepted.local);
            let reached = tokio::select! {
                biased;
                reached = self.dial_tunnel(&target, &connection) => reached,
                () = gone(&mut client, &mut read, ends) => {
                    let failure = http1::given_up(&target);
                    connection.edit(|c| c.closed_by = Some(Party::Client));
                    return self.refused(&target, head, started, &connection).fail(failure);
                }
            };
            match reached {
                Ok(reached) => Some(Ok(reached)),
                // a rule may answer for a server that is not there
                Err(failure) if self.engine.rules.may_answer(&target.host) => Some(Err(failure)),
                Err(failure) => {
                    return self
                        .refuse_connect(client, &target, head, started, &connection, failure)
                        .await;
                }
            }
        };
        if client.write_all(ESTABLISHED).await.is_err() || client.flush().await.is_err() {
            return;
        }
        match reached {
            Some(Ok(reached)) => {
                self.inside(client, read, reached, target, connection).await;
            }
            Some(Err(failure)) => {
                Box::pin(self.unreached(client, read, target, connection, failure)).await;
            }
            None => self.visit_inside(client, read, &target.host).await,
        }
    }

    pub(super) async fn dial_tunnel(
        &self,
        target: &Target,
        connection: &ConnectionRecorder,
    ) -> Result<Reached, Failure> {
        self.admit().await?;
        upstream::reach(target, None, Purpose::Bytes, &self.engine, connection).await
    }

    /// Answers a CONNECT that failed, with a page and a flow.
    async fn refuse_connect(
        &self,
        mut client: Stream,
        target: &Target,
        head: &[u8],
        started: Timestamp,
        connection: &ConnectionRecorder,
        failure: Failure,
    ) {
        let page = failure::page(&failure, head);
        let flow = self.refused(target, head, started, connection);
        flow.edit(|f| f.status = Some(failure::status(&failure)));
        connection.edit(|c| c.closed_by = Some(Party::Proxy));
        flow.fail(failure);
        // the client may have gone
        let _ = client.write_all(&page).await;
        client.close().await;
    }

    /// The flow of a CONNECT that does not become a tunnel.
    fn refused(
        &self,
        target: &Target,
        head: &[u8],
        started: Timestamp,
        connection: &ConnectionRecorder,
    ) -> FlowRecorder {
        let row = Row {
            kind: Kind::Http,
            method: "CONNECT",
            scheme: "tcp",
            host: &target.host,
            port: target.port,
            started,
        };
        let flow = self.engine.row(connection, row);
        flow.head(HeadKind::Request, started, head);
        let http10 = head
            .split(|b| *b == b'\n')
            .next()
            .is_some_and(|line| line.trim_ascii_end().ends_with(b"HTTP/1.0"));
        flow.edit(|f| {
            f.request.version = Some(if http10 {
                Version::Http10
            } else {
                Version::Http11
            });
            f.times.request_last = Some(started);
        });
        flow
    }
}

/// Ends when the client is gone; what it sends meanwhile is kept in `read`, as far as there is room for it.
async fn gone(client: &mut Stream, read: &mut BytesMut, ends: (SocketAddr, SocketAddr)) {
    while read.len() < MOST_AHEAD {
        match client.read_buf(read).await {
            Ok(0) => return http1::left(Some(ends)).await,
            Ok(_) => {}
            Err(_) => return,
        }
    }
    pending().await
}
