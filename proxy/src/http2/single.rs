//! One request on a connection of its own, sent by us: a replay.

use super::{
    client_builder,
    exchange::note_content,
    failure::note_failure,
    head::{request_head, response_head, trailers},
};
use crate::{
    stream::{ReadAhead, Stream},
    target::{Scheme, Target},
    words::failed,
};
use bytes::{Bytes, BytesMut};
use h2::{RecvStream, SendStream, client::ResponseFuture};
use http::{HeaderMap, Request};
use overhear_store::{
    ConnectionRecorder, FlowId, FlowRecorder, FlowStart, HeadKind, Kind, Party, Recorder, Replayed,
    Side, Timestamp, Version,
};
use std::{future::poll_fn, net::SocketAddr, pin::Pin, task::Poll};
use tokio::sync::oneshot;

/// Sends one request.
pub(crate) struct Single<'a> {
    pub(crate) recorder: &'a Recorder,
    pub(crate) target: &'a Target,
    pub(crate) connection: &'a ConnectionRecorder,
    pub(crate) server: SocketAddr,
    pub(crate) replay_of: Option<Replayed>,
}

impl Single<'_> {
    /// Sends `request` and records the whole exchange; gives the fields of the response.
    pub(crate) async fn send(
        &self,
        io: Stream,
        request: Request<()>,
        body: Bytes,
        announce: oneshot::Sender<FlowId>,
    ) -> HeaderMap {
        let flow = self.begin(&request);
        // the caller may have gone
        let _ = announce.send(flow.id());
        let mut fields = HeaderMap::new();
        let outcome = self.exchange(&flow, io, request, body, &mut fields).await;
        self.connection.edit(|c| c.closed_by = Some(Party::Proxy));
        match outcome {
            Ok(()) => flow.complete(),
            Err(error) => {
                let failure = note_failure(Party::Server, &error, self.target);
                // RFC 9113 section 3.3: without TLS nobody said that the server speaks it
                let guessed = self.target.scheme == Scheme::Http && flow.get().status.is_none();
                flow.fail(match guessed {
                    true => failed(
                        failure.cause,
                        failure.side,
                        format!(
                            "{} does not seem to speak HTTP/2 without TLS, which was asked for: {} Choose HTTP/1.1",
                            self.target, failure.text
                        ),
                    ),
                    false => failure,
                });
            }
        }
        fields
    }

    fn begin(&self, request: &Request<()>) -> FlowRecorder {
        let started = Timestamp::now();
        let path = request.uri().path_and_query();
        let flow = self.recorder.flow(FlowStart {
            connection: self.connection.id(),
            kind: Kind::Http,
            method: request.method().to_string(),
            scheme: self.target.scheme.as_str(),
            host: self.target.host.clone(),
            port: self.target.port,
            path: path.map(ToString::to_string).unwrap_or_default(),
            client: self.connection.get().client,
            server: Some(self.server),
            started,
            replay_of: self.replay_of,
        });
        flow.head(HeadKind::Request, started, &request_head(request));
        flow.edit(|f| {
            f.request.version = Some(Version::Http2);
            note_content(request.headers(), &mut f.request);
        });
        flow
    }

    async fn exchange(
        &self,
        flow: &FlowRecorder,
        io: Stream,
        request: Request<()>,
        body: Bytes,
        fields: &mut HeaderMap,
    ) -> Result<(), h2::Error> {
        let io = ReadAhead::new(io, BytesMut::new());
        let (sender, connection) = client_builder().handshake::<_, Bytes>(io).await?;
        let exchange = async {
            let ends = body.is_empty();
            let (response, to_server) = sender.ready().await?.send_request(request, ends)?;
            if ends {
                flow.edit(|f| f.times.request_last = f.times.request_first);
                return self.response(flow, response, fields).await;
            }
            let (sent, answered) = tokio::join!(
                self.body(flow, to_server, body),
                self.response(flow, response, fields)
            );
            // a server that answers need not take the whole body
            answered.and(sent.or(Ok(())))
        };
        tokio::select! {
            done = exchange => done,
            // the exchange hears of a connection that fails, and says it better
            () = async { let _ = connection.await; std::future::pending().await } => Ok(()),
        }
    }

    async fn body(
        &self,
        flow: &FlowRecorder,
        mut to_server: SendStream<Bytes>,
        mut body: Bytes,
    ) -> Result<(), h2::Error> {
        while !body.is_empty() {
            self.recorder.room().await;
            to_server.reserve_capacity(body.len());
            let Some(room) = poll_fn(|cx| to_server.poll_capacity(cx)).await else {
                return Ok(());
            };
            let piece = body.split_to(room?.min(body.len()));
            flow.chunk(Side::Request, Timestamp::now(), &piece);
            to_server.send_data(piece, body.is_empty())?;
        }
        Ok(())
    }

    async fn response(
        &self,
        flow: &FlowRecorder,
        mut response: ResponseFuture,
        fields: &mut HeaderMap,
    ) -> Result<(), h2::Error> {
        let response = poll_fn(|cx| {
            while let Poll::Ready(Some(interim)) = response.poll_informational(cx) {
                match interim {
                    Ok(interim) => flow.head(
                        HeadKind::Interim,
                        Timestamp::now(),
                        &response_head(&interim),
                    ),
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            Pin::new(&mut response).poll(cx)
        });
        let response = response.await?;
        let now = Timestamp::now();
        fields.clone_from(response.headers());
        flow.head(HeadKind::Response, now, &response_head(&response));
        flow.edit(|f| {
            f.status = Some(response.status().as_u16());
            f.response.version = Some(Version::Http2);
            f.times.response_last = Some(now);
            note_content(response.headers(), &mut f.response);
        });
        self.take(flow, response.into_body()).await
    }

    async fn take(&self, flow: &FlowRecorder, mut body: RecvStream) -> Result<(), h2::Error> {
        self.recorder.room().await;
        while let Some(data) = body.data().await {
            let data = data?;
            flow.chunk(Side::Response, Timestamp::now(), &data);
            body.flow_control().release_capacity(data.len())?;
            self.recorder.room().await;
        }
        if let Some(fields) = body.trailers().await? {
            flow.head(
                HeadKind::ResponseTrailers,
                Timestamp::now(),
                &trailers(&fields),
            );
        }
        Ok(())
    }
}
