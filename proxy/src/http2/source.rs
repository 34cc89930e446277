//! Where the body of a response comes from that is given to a client of HTTP/2: a stream, or a server that was
//! reached over HTTP/1.1.

use super::exchange::{Broken, on};
use crate::{
    http1::{Body, Input},
    words::failed,
};
use bytes::Bytes;
use h2::{Reason, RecvStream};
use http::HeaderMap;
use overhear_store::{FailureCause, Party};
use tokio::io::AsyncRead;

/// A body on its way.
pub(super) enum Source {
    /// Of HTTP/2.
    Http2(RecvStream),
    /// Of HTTP/1.1, and whom it is read from.
    Http1 {
        io: Box<dyn AsyncRead + Send + Unpin>,
        input: Input,
        body: Body,
    },
    /// It is over.
    None,
}

impl Source {
    /// Nothing comes any more.
    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Http2(body) => body.is_end_stream(),
            Self::Http1 { body, .. } => body.is_done(),
            Self::None => true,
        }
    }

    /// The next piece of content; none at the end.
    pub(super) async fn data(&mut self) -> Result<Option<Bytes>, Broken> {
        match self {
            Self::Http2(body) => {
                let Some(data) = body.data().await else {
                    return Ok(None);
                };
                let data = data.map_err(on(Party::Server))?;
                let released = body.flow_control().release_capacity(data.len());
                released.map_err(on(Party::Server))?;
                Ok(Some(data))
            }
            Self::Http1 { io, input, body } => loop {
                if body.is_done() {
                    return Ok(None);
                }
                let mut content = Vec::new();
                let taken = body.take(input.bytes(), |piece| content.extend_from_slice(piece));
                input.consume(taken.wire);
                if !content.is_empty() {
                    return Ok(Some(content.into()));
                }
                if taken.done {
                    return Ok(None);
                }
                if let Some(problem) = taken.problem {
                    return Err(broken_off(problem.of_response("the server").text));
                }
                match input.fill(io).await {
                    Ok(1..) => {}
                    Ok(0) if matches!(body, Body::UntilClose) => {
                        *body = Body::NONE;
                        return Ok(None);
                    }
                    _ => {
                        return Err(broken_off(
                            "The server closed the connection in the middle of the response's body.".to_owned(),
                        ));
                    }
                }
            },
            Self::None => Ok(None),
        }
    }

    /// The trailer fields, after the last piece.
    pub(super) async fn trailers(&mut self) -> Result<Option<HeaderMap>, Broken> {
        match self {
            Self::Http2(body) => body.trailers().await.map_err(on(Party::Server)),
            Self::Http1 { .. } | Self::None => Ok(None),
        }
    }
}

/// A server of HTTP/1.1 broke off.
pub(super) fn broken_off(text: String) -> Broken {
    Broken {
        side: Party::Server,
        error: Reason::INTERNAL_ERROR.into(),
        failure: Some(failed(FailureCause::Closed, Party::Server, text)),
    }
}
