//! One direction's body on a stream, recorded on its way.

use super::{
    exchange::{Broken, on},
    head::trailers,
};
use crate::intercept::throttle::Throttle;
use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use overhear_store::{FlowRecorder, HeadKind, Party, Recorder, Side, Timestamp};
use std::{future::poll_fn, sync::Arc, task::Poll};

/// Carries one direction's body, recorded on its way.
pub(super) struct Pump<'a> {
    pub(super) recorder: &'a Recorder,
    pub(super) flow: &'a FlowRecorder,
    pub(super) side: Side,
    /// How slow it is made.
    pub(super) throttle: Option<Arc<Throttle>>,
}

impl Pump<'_> {
    /// Sends a piece, no faster than a throttle lets it.
    pub(super) async fn send(
        &self,
        to: &mut SendStream<Bytes>,
        mut data: Bytes,
        last: bool,
    ) -> Result<(), Broken> {
        let receiver = match self.side {
            Side::Request => Party::Server,
            Side::Response => Party::Client,
        };
        if let Some(throttle) = &self.throttle {
            let piece = throttle.piece(self.side);
            while data.len() > piece {
                throttle.pass(self.side, piece).await;
                let piece = data.split_to(piece);
                send(to, piece, false).await.map_err(on(receiver))?;
            }
            throttle.pass(self.side, data.len()).await;
        }
        send(to, data, last).await.map_err(on(receiver))
    }

    pub(super) async fn run(
        &self,
        mut from: RecvStream,
        to: &mut SendStream<Bytes>,
    ) -> Result<(), Broken> {
        let (sender, receiver) = match self.side {
            Side::Request => (Party::Client, Party::Server),
            Side::Response => (Party::Server, Party::Client),
        };
        loop {
            self.recorder.room().await;
            // what has come is recorded, also when the receiver no longer wants it
            let data = poll_fn(|cx| match from.poll_data(cx) {
                Poll::Ready(data) => Poll::Ready(Ok(data)),
                Poll::Pending => to.poll_reset(cx).map(|cancelled| {
                    Err(Broken {
                        side: receiver,
                        error: cancelled.map_or_else(|error| error, h2::Error::from),
                        failure: None,
                    })
                }),
            });
            match data.await? {
                Some(data) => {
                    let data = data.map_err(on(sender))?;
                    let (length, last) = (data.len(), from.is_end_stream());
                    if length > 0 {
                        self.flow.chunk(self.side, Timestamp::now(), &data);
                    }
                    if length > 0 || last {
                        self.send(to, data, last).await?;
                    }
                    from.flow_control()
                        .release_capacity(length)
                        .map_err(on(sender))?;
                    if last {
                        self.ended();
                        return Ok(());
                    }
                }
                None => {
                    let fields = from.trailers().await.map_err(on(sender))?;
                    match fields {
                        Some(fields) => {
                            let kind = match self.side {
                                Side::Request => HeadKind::RequestTrailers,
                                Side::Response => HeadKind::ResponseTrailers,
                            };
                            self.flow.head(kind, Timestamp::now(), &trailers(&fields));
                            to.send_trailers(fields)
                        }
                        None => to.send_data(Bytes::new(), true),
                    }
                    .map_err(on(receiver))?;
                    self.ended();
                    return Ok(());
                }
            }
        }
    }

    pub(super) fn ended(&self) {
        let now = Some(Timestamp::now());
        self.flow.edit(|f| match self.side {
            Side::Request => f.times.request_last = now,
            Side::Response => f.times.response_last = now,
        });
    }
}

/// Sends as the receiver has room.
async fn send(to: &mut SendStream<Bytes>, mut data: Bytes, last: bool) -> Result<(), h2::Error> {
    loop {
        if data.is_empty() {
            return if last {
                to.send_data(data, true)
            } else {
                Ok(())
            };
        }
        to.reserve_capacity(data.len());
        let room = poll_fn(|cx| to.poll_capacity(cx)).await;
        let room = match room {
            Some(room) => room?,
            None => return Err(Reason::CANCEL.into()),
        };
        let piece = data.split_to(room.min(data.len()));
        let end = last && data.is_empty();
        to.send_data(piece, end)?;
        if end {
            return Ok(());
        }
    }
}
