//! HTTP Archive 1.2: <http://www.softwareishard.com/blog/har-12-spec/>.
//!
//! HTTP exchanges and WebSockets (with their messages, as browsers write them) become entries; raw streams and handshakes are left out, the
//! format has no place for them. The response's body is without its content codings, as the format
//! asks; where the codings are broken it is as sent. Members that begin with `_` are our own.

mod cookies;
mod timings;

use super::{
    Error, Selection, Summary,
    body::{Scan, scan, write_base64, write_error, write_text},
    item::{Item, items},
};
use crate::decode::{
    self, ByHand, Decoded,
    websocket::{Message, Messages},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::TryStreamExt as _;
use overhear_store::{
    Flow, HeadKind, Kind, Side, State, Store, Timestamp, Version, head::ParsedHead,
};
use serde_json::{Value, json};
use std::io;
use timings::Timings;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

pub(super) async fn export<W>(
    store: &Store,
    selection: &Selection,
    out: &mut W,
) -> Result<Summary, Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let creator = json!({"name": "overhear", "version": env!("CARGO_PKG_VERSION")});
    let start =
        format!("{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"pages\":[],\"entries\":[");
    out.write_all(start.as_bytes()).await?;
    let mut items = items(store, selection).await?;
    let mut summary = Summary::default();
    let mut dialled = timings::Dialled::default();
    while let Some(item) = items.try_next().await? {
        let flow = item.flow();
        if !matches!(flow.kind, Kind::Http | Kind::WebSocket) {
            summary.left_out += 1;
            continue;
        }
        out.write_all(if summary.flows == 0 { b"\n" } else { b",\n" })
            .await?;
        let first = dialled.first(flow.connection);
        entry(&item, first, out).await?;
        summary.flows += 1;
    }
    out.write_all(b"\n]").await?;
    if summary.left_out > 0 {
        let comment = json!(format!(
            "{} of the selected flows are not in this file: they are raw streams or TLS handshakes, for which the format has no place.",
            summary.left_out
        ));
        out.write_all(format!(",\"comment\":{comment}").as_bytes())
            .await?;
    }
    out.write_all(b"}}\n").await?;
    Ok(summary)
}

async fn entry<W>(item: &Item, first: bool, out: &mut W) -> Result<(), Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let flow = item.flow();
    let timings = Timings::of(flow, item.connection.as_ref().filter(|_| first));
    let mut entry = json!({
        "startedDateTime": timings.started,
        "time": timings.total,
        "cache": {},
        "timings": timings.json(),
        "connection": flow.connection.to_string(),
        "_id": flow.id,
        "_state": flow.state,
        "_client": flow.client.to_string(),
    });
    set(
        &mut entry,
        "serverIPAddress",
        flow.server.map(|s| json!(s.ip().to_string())),
    );
    set(
        &mut entry,
        "comment",
        (!flow.comment.is_empty()).then(|| json!(flow.comment)),
    );
    set(
        &mut entry,
        "_tags",
        (!flow.tags.is_empty()).then(|| json!(flow.tags)),
    );
    set(
        &mut entry,
        "_error",
        flow.error.as_ref().map(|e| json!(e.text)),
    );
    set(
        &mut entry,
        "_resourceType",
        (flow.kind == Kind::WebSocket).then(|| json!("websocket")),
    );

    open(out, &entry).await?;
    out.write_all(b",\"request\":").await?;
    request(item, out).await?;
    out.write_all(b",\"response\":").await?;
    response(item, out).await?;
    if flow.kind == Kind::WebSocket {
        websocket(item, out).await?;
    }
    out.write_all(b"}").await?;
    Ok(())
}

/// A message as Chromium's developer tools write it: `time` in seconds since 1970, a text as it is and all else in base64.
/// One that a person sent says so: the program at that end has heard it, and the one at the other has not said it.
fn written(side: Side, at: Timestamp, message: &Message, by_hand: bool) -> Value {
    let kind = match side {
        Side::Request => "send",
        Side::Response => "receive",
    };
    let data = match message.is_text() {
        true => String::from_utf8_lossy(&message.data).into_owned(),
        false => STANDARD.encode(&message.data),
    };
    // to a microsecond: more than a double holds
    let time = (at.0 / 1_000) as f64 / 1e6;
    let mut value = json!({"type": kind, "time": time, "opcode": message.opcode, "data": data});
    set(&mut value, "_byHand", by_hand.then_some(json!(true)));
    value
}

/// Writes the messages that a person sent before `at`; without, all that are left. How many that were.
async fn write_by_hand<W>(
    by_hand: &mut ByHand<'_>,
    at: Option<Timestamp>,
    first: bool,
    out: &mut W,
) -> Result<u64, Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let mut count = 0;
    while let Some((at, message)) = by_hand.before(at).await? {
        let comma: &[u8] = if first && count == 0 { b"\n" } else { b",\n" };
        out.write_all(comma).await?;
        let said = Message {
            opcode: if message.text { 1 } else { 2 },
            data: message.sent.unwrap_or_default(),
            wrong: String::new(),
        };
        let said = written(message.side, at, &said, true).to_string();
        out.write_all(said.as_bytes()).await?;
        count += 1;
    }
    Ok(count)
}

/// The messages of a WebSocket, and what is missing of them, in words.
async fn websocket<W>(item: &Item, out: &mut W) -> Result<(), Error>
where
    W: AsyncWrite + Send + Unpin,
{
    /// Pieces that are read at once.
    const STEP: u32 = 200;
    let head = item.head(HeadKind::Response);
    let agreed = head.fields.iter();
    let agreed = agreed.filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-extensions"));
    let agreed: Vec<_> = agreed.map(|(_, value)| value.as_str()).collect();
    let mut messages = Messages::new(&agreed.join(","));
    out.write_all(b",\"_webSocketMessages\":[").await?;
    let (mut count, mut skip, mut missing) = (0_u64, 0, None);
    let mut by_hand = item.by_hand();
    'reading: loop {
        let pieces = item.messages(skip, STEP).await?;
        for (side, piece) in &pieces {
            count += write_by_hand(&mut by_hand, Some(piece.at), count == 0, out).await?;
            match messages.take(*side, &piece.data) {
                Ok(found) => {
                    for message in found {
                        out.write_all(if count == 0 { b"\n" } else { b",\n" })
                            .await?;
                        let message = written(*side, piece.at, &message, false).to_string();
                        out.write_all(message.as_bytes()).await?;
                        count += 1;
                    }
                }
                Err(reason) => {
                    missing = Some(format!(
                        "The messages after the first {count} are not in this file: of the next one, {reason}."
                    ));
                    break 'reading;
                }
            }
        }
        skip += pieces.len() as u64;
        if pieces.len() < STEP as usize {
            break;
        }
    }
    if missing.is_none() {
        write_by_hand(&mut by_hand, None, count == 0, out).await?;
    }
    out.write_all(b"]").await?;
    if missing.is_none() && messages.cut() {
        missing = Some("The last message did not end and is not in this file.".to_owned());
    }
    if let Some(missing) = missing {
        let text = json!(missing);
        out.write_all(format!(",\"_webSocketMissing\":{text}").as_bytes())
            .await?;
    }
    Ok(())
}

async fn request<W>(item: &Item, out: &mut W) -> Result<(), Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let (flow, head) = (item.flow(), item.head(HeadKind::Request));
    let query = flow.path.split_once('?').map_or("", |(_, query)| query);
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let value = json!({
        "method": flow.method,
        "url": flow.url(),
        "httpVersion": version(flow.request.version),
        "cookies": cookies::request(&head.fields),
        "headers": fields(&head),
        "queryString": pairs.map(|(name, value)| json!({"name": name, "value": value})).collect::<Vec<_>>(),
        "headersSize": size(flow.request.head_size),
        "bodySize": flow.request.body_size,
    });
    open(out, &value).await?;
    if flow.kind == Kind::Http && flow.request.body_size > 0 {
        out.write_all(b",\"postData\":").await?;
        post_data(item, out).await?;
    }
    out.write_all(b"}").await?;
    Ok(())
}

/// The request's body, as it was sent.
async fn post_data<W>(item: &Item, out: &mut W) -> Result<(), Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let flow = item.flow();
    let recorded = || item.recorded(Side::Request);
    let found = scan(recorded()).await.map_err(write_error)?;
    let mut value = json!({"mimeType": flow.request.content_type, "params": []});
    if !found.text {
        // the format has a place for this in a response only
        set(&mut value, "_encoding", Some(json!("base64")));
        set(
            &mut value,
            "comment",
            Some(json!("The text is the body in base64.")),
        );
    } else if let Some(params) = form(flow, found, recorded()).await? {
        set(&mut value, "params", Some(params));
    }
    open(out, &value).await?;
    out.write_all(b",\"text\":").await?;
    text(out, found, recorded()).await?;
    out.write_all(b"}").await?;
    Ok(())
}

/// The fields of a form, when it is one of a usual size.
async fn form(flow: &Flow, found: Scan, body: Decoded) -> Result<Option<Value>, Error> {
    const MOST: u64 = 1 << 20;
    let form = flow.request.content_type.trim().to_ascii_lowercase();
    if !form.starts_with("application/x-www-form-urlencoded") || found.size > MOST {
        return Ok(None);
    }
    let bytes: Vec<_> = body.try_collect().await.map_err(write_error)?;
    let bytes = bytes.concat();
    let pairs = url::form_urlencoded::parse(&bytes);
    Ok(Some(
        pairs
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect(),
    ))
}

async fn response<W>(item: &Item, out: &mut W) -> Result<(), Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let (flow, head) = (item.flow(), item.head(HeadKind::Response));
    // HTTP/1.1 200 OK
    let reason = head.start_line.splitn(3, ' ').nth(2).unwrap_or_default();
    let websocket = flow.kind == Kind::WebSocket;
    let mut value = json!({
        // as Chromium does where no response came
        "status": flow.status.unwrap_or(0),
        "statusText": reason,
        "httpVersion": version(flow.response.version),
        "cookies": cookies::response(&head.fields),
        "headers": fields(&head),
        "redirectURL": head.field("location").unwrap_or_default(),
        "headersSize": size(flow.response.head_size),
        "bodySize": if websocket { 0 } else { flow.response.body_size },
    });
    set(&mut value, "comment", unsaid(item));
    open(out, &value).await?;
    out.write_all(b",\"content\":").await?;
    content(item, websocket, out).await?;
    out.write_all(b"}").await?;
    Ok(())
}

/// What the format has no place for, in words.
fn unsaid(item: &Item) -> Option<Value> {
    let flow = item.flow();
    let count = |kinds: &[HeadKind]| {
        let heads = item.heads().iter();
        heads.filter(|head| kinds.contains(&head.kind)).count()
    };
    let mut words = Vec::new();
    if count(&[HeadKind::Interim]) > 0 {
        words.push("The interim responses before it are not in this file.".to_owned());
    }
    if count(&[HeadKind::RequestTrailers, HeadKind::ResponseTrailers]) > 0 {
        words.push("The trailer fields are not in this file.".to_owned());
    }
    if flow.state == State::Running {
        words.push("The exchange was still going on: more may have come.".to_owned());
    } else if flow.state != State::Complete && flow.response.body_size > 0 {
        words.push("The exchange did not end well: the bodies are what came of them.".to_owned());
    }
    (!words.is_empty()).then(|| json!(words.join(" ")))
}

/// The response's body without its content codings; as sent where these are not valid.
async fn content<W>(item: &Item, empty: bool, out: &mut W) -> Result<(), Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let flow = item.flow();
    let sent = flow.response.body_size;
    let mime = match flow.response.content_type.as_str() {
        "" => "x-unknown",
        mime => mime,
    };
    let mut value = json!({"size": 0, "mimeType": mime});
    if empty || sent == 0 {
        out.write_all(value.to_string().as_bytes()).await?;
        return Ok(());
    }
    let decoded = match item.decoded().await {
        Ok(body) => scan(body).await,
        Err(error) => Err(error),
    };
    let (found, broken) = match decoded {
        Ok(found) => (found, None),
        Err(decode::Error::Store(error)) => return Err(Error::Store(error)),
        Err(error) => {
            let body = item.recorded(Side::Response);
            (
                scan(body).await.map_err(write_error)?,
                Some(error.to_string()),
            )
        }
    };
    set(&mut value, "size", Some(json!(found.size)));
    if found.size != sent {
        let saved = i128::from(found.size) - i128::from(sent);
        set(
            &mut value,
            "compression",
            i64::try_from(saved).ok().map(|n| json!(n)),
        );
    }
    set(
        &mut value,
        "encoding",
        (!found.text).then(|| json!("base64")),
    );
    set(
        &mut value,
        "comment",
        broken.as_ref().map(|error| json!(error)),
    );
    open(out, &value).await?;
    out.write_all(b",\"text\":").await?;
    let body = match broken {
        Some(_) => item.recorded(Side::Response),
        None => item.decoded().await.map_err(write_error)?,
    };
    text(out, found, body).await?;
    out.write_all(b"}").await?;
    Ok(())
}

async fn text<W>(out: &mut W, found: Scan, body: Decoded) -> Result<(), Error>
where
    W: AsyncWrite + Unpin,
{
    if found.text {
        write_text(out, body).await
    } else {
        write_base64(out, body).await
    }
}

/// Writes an object and leaves it open: more members follow.
async fn open<W>(out: &mut W, value: &Value) -> Result<(), Error>
where
    W: AsyncWrite + Unpin,
{
    let mut text = serde_json::to_string(value).map_err(io::Error::from)?;
    text.pop();
    out.write_all(text.as_bytes()).await?;
    Ok(())
}

fn set(object: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(name.to_owned(), value);
    }
}

/// Fields in wire order; pseudo-header fields are said by method, URL and status already.
fn fields(head: &ParsedHead) -> Vec<Value> {
    let fields = head
        .fields
        .iter()
        .filter(|(name, _)| !name.starts_with(':'));
    fields
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}

fn version(version: Option<Version>) -> &'static str {
    match version {
        Some(Version::Http10) => "HTTP/1.0",
        Some(Version::Http11) => "HTTP/1.1",
        Some(Version::Http2) => "HTTP/2",
        None => "unknown",
    }
}

/// A size that is not known is -1.
fn size(bytes: u64) -> i64 {
    match bytes {
        0 => -1,
        bytes => i64::try_from(bytes).unwrap_or(-1),
    }
}
