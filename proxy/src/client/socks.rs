//! SOCKS (RFC 1928): the server is dialled before the client is told that it is, and what follows goes the way of a
//! CONNECT tunnel.

use super::Client;
use crate::{
    admit::Verdict,
    engine::is_site,
    stream::Stream,
    target::{
        Scheme, Target,
        socks::{Check, Dialogue, Refusal, Request, Turn},
    },
    words::failed,
};
use bytes::BytesMut;
use overhear_store::{ConnectionRecorder, Failure, FailureCause, Party, Side, Timestamp};
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

/// For the dialogue, from its first byte until it is known whom the client wants to reach.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a client does not come to a request.
enum Unasked {
    /// It is told so.
    Refused(Refusal),
    /// It went away, or its connection broke, with this unread.
    Gone(Vec<u8>),
}

impl Client {
    /// Serves a client that speaks SOCKS; `read` is what it has said.
    pub(super) async fn socks(&self, mut stream: Stream, mut read: BytesMut) {
        let name = match read.first() {
            Some(4) => "SOCKS4",
            _ => "SOCKS5",
        };
        let asking = tokio::select! {
            asking = timeout(PATIENCE, self.asked(&mut stream, &mut read)) => asking,
            () = self.engine.stop.cancelled() => return,
        };
        match asking {
            Ok(Ok(request)) => {
                let client = self.with(|c| c.through = Some(request.version.to_string()));
                Box::pin(client.socks_request(stream, read, request)).await;
            }
            Ok(Err(Unasked::Refused(refusal))) => {
                let cause = match refusal.unknown {
                    true => FailureCause::Forbidden,
                    false => FailureCause::Protocol,
                };
                let text = format!("the client speaks {name} and {}", refusal.why);
                let failure = failed(cause, Party::Client, text);
                self.misspoken((&refusal.shown, &refusal.answer), failure);
                // the client may have gone
                let _ = stream.write_all(&refusal.answer).await;
                stream.close().await;
            }
            Ok(Err(Unasked::Gone(rest))) => {
                let text = format!(
                    "the client closed the connection in the middle of its {name} request, before it had said whom to reach"
                );
                self.misspoken(
                    (&rest, &[]),
                    failed(FailureCause::Closed, Party::Client, text),
                );
            }
            Err(_) => {
                let text = format!(
                    "the client did not finish its {name} request within {} seconds",
                    PATIENCE.as_secs()
                );
                self.misspoken(
                    (&[], &[]),
                    failed(FailureCause::Timeout, Party::Client, text),
                );
                stream.close().await;
            }
        }
    }

    /// Leads the dialogue up to the request.
    async fn asked(&self, stream: &mut Stream, read: &mut BytesMut) -> Result<Request, Unasked> {
        let user = self.engine.user.load_full();
        let check = user.map(|user| move |name: &[u8], password: &[u8]| user.is(name, password));
        let mut dialogue = Dialogue::new(check.as_ref().map(|check| check as Check<'_>));
        loop {
            match dialogue.next(read) {
                Turn::Asked(request) => return Ok(request),
                Turn::Refuse(refusal) => return Err(Unasked::Refused(refusal)),
                Turn::Say(answer) => {
                    let said = async {
                        stream.write_all(answer).await?;
                        stream.flush().await
                    };
                    if said.await.is_err() {
                        return Err(Unasked::Gone(Vec::new()));
                    }
                }
                Turn::Wait => match stream.read_buf(read).await {
                    Ok(1..) => {}
                    _ => return Err(Unasked::Gone(dialogue.shown(read).to_vec())),
                },
            }
        }
    }

    async fn socks_request(&self, mut client: Stream, read: BytesMut, request: Request) {
        let target = Target {
            // what is spoken in the tunnel is not known yet
            scheme: Scheme::Https,
            host: request.host.clone(),
            port: request.port,
        };
        let started = Timestamp::now();
        let connection = Arc::new(self.engine.recorder.connection(self.accepted.clone()));
        connection.edit(|c| {
            c.host.clone_from(&target.host);
            c.port = target.port;
        });
        let turned_away = matches!(self.verdict, Verdict::Refused | Verdict::Public);
        let site = is_site(&target.host, target.port) && !turned_away;
        let reached = match site {
            true => None,
            false => match self.dial_tunnel(&target, &connection).await {
                Ok(reached) => Some(Ok(reached)),
                // a rule may answer for a server that is not there
                Err(failure)
                    if self.is_admitted() && self.engine.rules.may_answer(&target.host) =>
                {
                    Some(Err(failure))
                }
                Err(failure) => {
                    let answer = request.version.failed(failure.cause);
                    self.socks_failed(&request, &answer, started, &connection, failure);
                    // the client may have gone
                    let _ = client.write_all(&answer).await;
                    return client.close().await;
                }
            },
        };
        let bound = connection.get().upstream_local;
        let granted = request.version.granted(bound);
        if client.write_all(&granted).await.is_err() || client.flush().await.is_err() {
            return;
        }
        match reached {
            // who has looked the name up says it inside, as a rule
            Some(Ok(reached)) if target.host.parse::<IpAddr>().is_ok() => {
                let client = (client, read);
                self.led(client, reached, target, connection).await;
            }
            Some(Ok(reached)) => {
                self.inside(client, read, reached, target, connection).await;
            }
            Some(Err(failure)) => {
                Box::pin(self.unreached(client, read, target, connection, failure)).await;
            }
            None => self.visit_inside(client, read, &target.host).await,
        }
    }

    /// Records a request that failed.
    fn socks_failed(
        &self,
        request: &Request,
        answer: &[u8],
        started: Timestamp,
        connection: &ConnectionRecorder,
        failure: Failure,
    ) {
        if !self.is_recorded() {
            return;
        }
        let pieces = [
            (Side::Request, started, &*request.bytes),
            (Side::Response, Timestamp::now(), answer),
        ];
        let to = (request.host.as_str(), request.port);
        self.unserved(connection, to, started, &pieces, failure);
    }
}
