//! CONNECT (RFC 9110 section 9.3.6): the server is dialled before the client is told that it is.

use super::Client;
use crate::{
    engine::{Row, is_site},
    failure,
    stream::Stream,
    target::Target,
    upstream,
};
use bytes::BytesMut;
use overhear_store::{ConnectionRecorder, Failure, HeadKind, Kind, Party, Timestamp, Version};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

impl Client {
    /// Serves a CONNECT; `read` is what came after its `head`.
    pub(super) async fn connect(
        &self,
        mut client: Stream,
        read: BytesMut,
        target: Target,
        head: &[u8],
    ) {
        let site = is_site(&target.host, target.port);
        let started = Timestamp::now();
        let connection = Arc::new(self.engine.recorder.connection(self.accepted.clone()));
        let reached = if site {
            None
        } else {
            match self.dial_tunnel(&target, &connection).await {
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
            Some(Ok((server, address))) => {
                self.inside(client, read, server, address, target, connection)
                    .await;
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
    ) -> Result<(Stream, std::net::SocketAddr), Failure> {
        self.admit().await?;
        let (tcp, address) = upstream::reach(target, &self.engine.ways, connection).await?;
        Ok((Stream::Tcp(tcp), address))
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
            f.status = Some(failure::status(&failure));
            f.request.version = Some(if http10 {
                Version::Http10
            } else {
                Version::Http11
            });
            f.times.request_last = Some(started);
        });
        connection.edit(|c| c.closed_by = Some(Party::Proxy));
        flow.fail(failure);
        // the client may have gone
        let _ = client.write_all(&page).await;
        client.close().await;
    }
}
