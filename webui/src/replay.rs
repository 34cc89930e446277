//! What is sent again as it was recorded: a request, and what the client said in a WebSocket.

use crate::decode::{self, websocket::Messages};
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use overhear_proxy::{ReplayRequest, Say};
use overhear_store::{Flow, HeadKind, Kind, Replayed, Side, Store, Version, head};
use std::time::Duration;

/// The largest body that is sent again, in bytes: it is held in memory on its way.
pub const MOST_BODY: u64 = 64 << 20;

/// The longest pause between two messages that is kept.
const MOST_PAUSE: Duration = Duration::from_secs(60);

/// The first opcode of control frames, RFC 6455 section 5.5.
const CONTROL: u8 = 8;

/// Why something cannot be sent again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing in it that could be sent; in words.
    #[error("{0}")]
    Nothing(String),
    /// A body, or all messages together, are too large: bytes.
    #[error("the body has {0} bytes; at most {most} MiB can be sent again", most = MOST_BODY >> 20)]
    TooLarge(u64),
    /// What was recorded cannot be read.
    #[error(transparent)]
    Store(#[from] overhear_store::Error),
    /// A body cannot be read.
    #[error(transparent)]
    Body(#[from] decode::Error),
}

/// The request of a flow as it was recorded. Left out is what belongs to its connection alone: pseudo-header fields, the framing of
/// the body, the fields of a proxy's port. What came over HTTP/2 is sent as the server chooses.
///
/// # Errors
/// It has no request, or its body is larger than [`MOST_BODY`].
pub async fn request(store: &Store, flow: &Flow) -> Result<ReplayRequest, Error> {
    let heads = store.heads(flow.id).await?;
    let head = heads.iter().find(|head| head.kind == HeadKind::Request);
    let head = head.filter(|_| matches!(flow.kind, Kind::Http | Kind::WebSocket));
    let head = head.ok_or_else(|| {
        Error::Nothing(format!(
            "flow {} has no HTTP request that could be sent again",
            flow.id
        ))
    })?;
    let recorded = head::parse(&head.bytes, head.bytes.first() != Some(&b':'));
    let headers = recorded.fields.into_iter();
    Ok(ReplayRequest {
        of: Some(Replayed {
            flow: flow.id,
            modified: false,
        }),
        // one that was opened by an extended CONNECT (RFC 8441) is opened over HTTP/1.1
        method: match flow.kind {
            Kind::WebSocket => "GET".to_owned(),
            _ => flow.method.clone(),
        },
        url: flow.url(),
        headers: headers.filter(|(name, _)| !is_ours(name)).collect(),
        // of a WebSocket it is what was said in it
        body: match flow.kind {
            Kind::Http => body(store, flow).await?,
            _ => Bytes::new(),
        },
        version: match flow.request.version {
            Some(Version::Http10 | Version::Http11) => Some(Version::Http11),
            Some(Version::Http2) | None => None,
        },
        ..ReplayRequest::default()
    })
}

/// The recorded body of a request.
///
/// # Errors
/// It is larger than [`MOST_BODY`], or cannot be read.
pub async fn body(store: &Store, flow: &Flow) -> Result<Bytes, Error> {
    if flow.request.body_size > MOST_BODY {
        return Err(Error::TooLarge(flow.request.body_size));
    }
    let whole = decode::recorded(store, flow, Side::Request).try_fold(
        BytesMut::new(),
        async |mut whole, piece| {
            whole.extend_from_slice(&piece);
            Ok(whole)
        },
    );
    Ok(whole.await?.freeze())
}

/// The messages that the client of a WebSocket sent, in order, without their compression; control frames are left out. `paced`:
/// with the pauses between them, of a minute at most, otherwise at once.
///
/// # Errors
/// It is no WebSocket, its messages cannot be told apart, or they are larger than [`MOST_BODY`] together.
pub async fn messages(store: &Store, flow: &Flow, paced: bool) -> Result<Vec<Say>, Error> {
    if flow.kind != Kind::WebSocket {
        let text = format!(
            "flow {} is no WebSocket: no messages were sent in it",
            flow.id
        );
        return Err(Error::Nothing(text));
    }
    if flow.request.body_size > MOST_BODY {
        return Err(Error::TooLarge(flow.request.body_size));
    }
    let heads = store.heads(flow.id).await?;
    let head = heads.iter().find(|head| head.kind == HeadKind::Response);
    let fields = head.map(|head| head::parse(&head.bytes, true).fields);
    let fields = fields.unwrap_or_default().into_iter();
    let agreed = fields.filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-extensions"));
    let agreed: Vec<String> = agreed.map(|(_, value)| value).collect();
    let mut messages = Messages::new(&agreed.join(","));
    let (mut said, mut size, mut before) = (Vec::new(), 0, None);
    let mut pieces = store.chunks(flow.id, Side::Request, 0);
    while let Some(piece) = pieces.try_next().await? {
        let found = messages.take(Side::Request, &piece.data);
        let found = found.map_err(|why| {
            let text = format!(
                "the messages of flow {} cannot be sent again: of one, {why}",
                flow.id
            );
            Error::Nothing(text)
        })?;
        for message in found.into_iter().filter(|message| message.opcode < CONTROL) {
            size += message.data.len() as u64;
            if size > MOST_BODY {
                return Err(Error::TooLarge(size));
            }
            let pause = piece.at.0 - before.replace(piece.at.0).unwrap_or(piece.at.0);
            let pause = Duration::from_nanos(u64::try_from(pause).unwrap_or(0)).min(MOST_PAUSE);
            said.push(Say {
                after: if paced { pause } else { Duration::ZERO },
                text: message.is_text(),
                data: message.data.into(),
            });
        }
    }
    Ok(said)
}

/// Fields that are not taken from what was recorded.
fn is_ours(name: &str) -> bool {
    let ours = [
        "content-length",
        "transfer-encoding",
        "proxy-connection",
        "proxy-authorization",
    ];
    name.starts_with(':') || ours.iter().any(|n| name.eq_ignore_ascii_case(n))
}
