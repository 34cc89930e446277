//! Removing content codings (RFC 9110 section 8.4.1) from a recorded body, as a stream.
//!
//! hudsucker's decoder does the work. Two things it leaves undone are done before it: further
//! members of a gzip file (RFC 1952 section 2.2), and `deflate` without the zlib wrapper, which
//! servers send although RFC 9110 section 8.4.1.2 says otherwise, and which every browser reads.
//! What can be decoded of a broken body is given before the error.

mod by_hand;
mod paused;
pub mod websocket;

use async_compression::tokio::bufread::{DeflateDecoder, GzipDecoder, ZlibDecoder};
use bytes::Bytes;
use futures_util::{
    Stream, StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use http::header::CONTENT_ENCODING;
use http_body_util::BodyDataStream;
use overhear_store::{Side, State, Store};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

pub use by_hand::ByHand;
pub(crate) use paused::Paused;

/// How much a body may become: a small body can decode to a practically endless one.
pub const LIMIT: u64 = 4 << 30;

/// How many codings may be stacked. Each is a decoder with its window in memory.
const MOST_CODINGS: usize = 8;

/// A body without its content codings.
pub type Decoded = BoxStream<'static, Result<Bytes, Error>>;

/// Why a body cannot be decoded (any further).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A coding that this program does not know.
    #[error(
        "the content coding \"{0}\" is not known: gzip, deflate, br and zstd are. The body is shown as it was sent"
    )]
    Unknown(String),
    /// More codings than anyone uses.
    #[error("{0} content codings are stacked; at most {MOST_CODINGS} are removed")]
    TooMany(usize),
    /// The bytes are not what the coding says.
    #[error("the body is not valid {coding}: {reason}")]
    Broken {
        /// The codings, as sent.
        coding: String,
        /// What was wrong.
        reason: String,
    },
    /// The decoded body is larger than [`LIMIT`].
    #[error("the decoded body is larger than {} GiB: decoding stopped there", LIMIT >> 30)]
    TooLarge,
    /// The recorded body could not be read.
    #[error(transparent)]
    Store(#[from] overhear_store::Error),
}

/// A recorded body without its content codings; the recorded body itself where there are none.
///
/// # Errors
/// The coding is not known, the body cannot be read, or not even its first byte can be decoded. Later
/// errors are in the stream, after what could be decoded.
pub async fn body(
    store: &Store,
    flow: &overhear_store::Flow,
    side: Side,
) -> Result<Decoded, Error> {
    let message = match side {
        Side::Request => &flow.request,
        Side::Response => &flow.response,
    };
    let complete = flow.state == State::Complete;
    decode(
        &message.content_encoding,
        complete,
        recorded(store, flow, side),
    )
    .await
}

/// A recorded body as it was sent; of a running flow what there was when `flow` was read.
pub fn recorded(store: &Store, flow: &overhear_store::Flow, side: Side) -> Decoded {
    let length = match side {
        Side::Request => flow.request.body_size,
        Side::Response => flow.response.body_size,
    };
    crate::body::part(store, flow.id, side, 0, length)
        .map_err(Error::Store)
        .boxed()
}

/// Removes the codings of a `Content-Encoding` value from `body`, the last one first. When the body
/// is not `complete` (it is still coming, or was cut off), its end in the middle of a coding is no error.
///
/// # Errors
/// As [`body`].
pub async fn decode(
    content_encoding: &str,
    complete: bool,
    mut body: Decoded,
) -> Result<Decoded, Error> {
    let mut codings = codings(content_encoding);
    if codings.len() > MOST_CODINGS {
        return Err(Error::TooMany(codings.len()));
    }
    let Some(last) = codings.pop() else {
        return Ok(body);
    };
    if let Some(unknown) = codings
        .iter()
        .chain([&last])
        .find(|c| !KNOWN.contains(&c.as_str()))
        .cloned()
    {
        return Err(Error::Unknown(unknown));
    }
    // the answer to a HEAD request has a coding and no body
    let Some(first) = body.next().await else {
        return Ok(stream::empty().boxed());
    };
    let mut begins = vec![first?];
    // two bytes tell how it is wrapped, and they may have come apart
    let mut start: Vec<u8> = begins.iter().flatten().copied().take(2).collect();
    while start.len() < 2
        && let Some(next) = body.next().await
    {
        let next = next?;
        start.extend(next.iter().take(2));
        begins.push(next);
    }
    // the decoders tell a body that ends in the middle from a broken one in ways of their own
    let ended = Arc::new(AtomicBool::new(false));
    let end = stream::once({
        let ended = ended.clone();
        async move { ended.store(true, Ordering::Relaxed) }
    });
    let source = stream::iter(begins.into_iter().map(Ok))
        .chain(body)
        .map(Some)
        .chain(end.map(|()| None))
        .filter_map(std::future::ready)
        .map_err(io::Error::other);
    let reader = StreamReader::new(Exclusive(Mutex::new(source.boxed())));
    let reader: Box<dyn AsyncRead + Send + Sync + Unpin> = match last.as_str() {
        "gzip" | "x-gzip" => {
            let mut decoder = GzipDecoder::new(reader);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        "deflate" if is_zlib(&start) => Box::new(ZlibDecoder::new(reader)),
        "deflate" => Box::new(DeflateDecoder::new(reader)),
        _ => {
            codings.push(last);
            Box::new(reader)
        }
    };
    let decoded = hudsucker_decode(&codings, reader)?;

    let coding = content_encoding.trim().to_owned();
    let mut given = 0;
    let mut decoded = decoded
        .map(move |piece| match piece {
            Ok(bytes) => {
                given += bytes.len() as u64;
                if given > LIMIT {
                    Err(Error::TooLarge)
                } else {
                    Ok(Some(bytes))
                }
            }
            Err(error) => match from_io(error, &coding) {
                Error::Broken { coding, reason } if ended.load(Ordering::Relaxed) => match complete
                {
                    true => Err(Error::Broken {
                        coding,
                        reason: format!("it ends in the middle ({reason})"),
                    }),
                    false => Ok(None),
                },
                error => Err(error),
            },
        })
        .scan(false, |over, piece| {
            // an error, and the end of what is there so far, end the stream
            let item = match piece {
                _ if *over => None,
                Ok(Some(bytes)) => Some(Ok(bytes)),
                Ok(None) => None,
                Err(error) => Some(Err(error)),
            };
            *over = !matches!(item, Some(Ok(_)));
            std::future::ready(item)
        })
        .boxed();
    match decoded.next().await {
        None => Ok(stream::empty().boxed()),
        Some(Err(error)) => Err(error),
        Some(Ok(first)) => Ok(stream::iter([Ok(first)]).chain(decoded).boxed()),
    }
}

const KNOWN: [&str; 5] = ["gzip", "x-gzip", "deflate", "br", "zstd"];

/// The codings in the order they were applied, in lower case, without `identity`.
fn codings(content_encoding: &str) -> Vec<String> {
    content_encoding
        .split(',')
        .map(|c| c.trim().to_ascii_lowercase())
        .filter(|c| !c.is_empty() && c != "identity")
        .collect()
}

/// Whether bytes begin as a zlib stream does, RFC 1950 section 2.2.
fn is_zlib(start: &[u8]) -> bool {
    match start {
        [method, flags, ..] => {
            method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0
        }
        // too short for either
        _ => true,
    }
}

fn hudsucker_decode(
    codings: &[String],
    reader: Box<dyn AsyncRead + Send + Sync + Unpin>,
) -> Result<impl Stream<Item = Result<Bytes, hudsucker::Error>> + Send + use<>, Error> {
    let unusable = || Error::Unknown(codings.join(", "));
    let body = hudsucker::Body::from_stream(ReaderStream::with_capacity(reader, 64 << 10));
    let mut response = http::Response::builder();
    if !codings.is_empty() {
        response = response.header(CONTENT_ENCODING, codings.join(", "));
    }
    let response = response.body(body).map_err(|_| unusable())?;
    let response = hudsucker::decode_response(response).map_err(|_| unusable())?;
    Ok(BodyDataStream::new(response.into_body()))
}

/// Finds the store's own error in what came through the decoders; everything else is a broken coding.
fn from_io(error: hudsucker::Error, coding: &str) -> Error {
    let broken = |reason: String| Error::Broken {
        coding: coding.to_owned(),
        reason,
    };
    let hudsucker::Error::Io(error) = error else {
        return broken(error.to_string());
    };
    let text = error.to_string();
    match error.into_inner().map(|inner| inner.downcast::<Error>()) {
        Some(Ok(ours)) => *ours,
        _ => broken(text),
    }
}

/// Makes a stream `Sync`, which decoders ask for: it is only ever used through `&mut`.
struct Exclusive<S>(Mutex<S>);

impl<S: Stream + Unpin> Stream for Exclusive<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let inner = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        Pin::new(inner).poll_next(cx)
    }
}

#[cfg(test)]
mod tests;
