//! `overhear show`: one flow, whole: for a person, as JSON, or byte for byte.

use crate::{
    cli::Show,
    data::Data,
    terminal::{self, Style, harmless},
};
use anyhow::Context;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use overhear_store::{
    Flow, FlowId, HeadKind, Kind, Side, Store, head,
    read::{Chunk, RecordedHead},
};
use overhear_webui::{decode, model::FlowDetail};
use std::io::{self, BufWriter, Write};

/// Messages read at once.
const PAGE: u32 = 200;

pub(super) async fn execute(data: &Data, options: Show) -> anyhow::Result<()> {
    let store = data.read().await?;
    let id = FlowId(options.id);
    let flow = find(&store, id).await?;
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout());
    let sides = match (options.request, options.response) {
        (true, _) => vec![Side::Request],
        (_, true) => vec![Side::Response],
        _ => vec![Side::Request, Side::Response],
    };
    if options.json {
        json(&store, id, &mut out).await?;
    } else if options.body {
        let side = if options.request {
            Side::Request
        } else {
            Side::Response
        };
        body(&store, &flow, side, options.decoded, &mut out).await?;
    } else if options.raw {
        raw(&store, &flow, &sides, &mut out).await?;
    } else {
        text(&store, &flow, &sides, &mut out).await?;
    }
    out.flush()?;
    store.close().await?;
    Ok(())
}

/// The flow, or an error that says that there is none.
pub(super) async fn find(store: &Store, id: FlowId) -> anyhow::Result<Flow> {
    let flow = store.flow(id).await?;
    flow.with_context(|| {
        format!("there is no flow {id}: `overhear flows` lists those that are there")
    })
}

/// One JSON object, as the API's.
pub(super) async fn json(store: &Store, id: FlowId, out: &mut impl Write) -> anyhow::Result<()> {
    let detail = FlowDetail::read(store, id).await?;
    let detail = detail.with_context(|| format!("there is no flow {id}"))?;
    serde_json::to_writer(&mut *out, &detail)?;
    Ok(writeln!(out)?)
}

/// A body and nothing else.
async fn body(
    store: &Store,
    flow: &Flow,
    side: Side,
    decoded: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut pieces = if decoded {
        decode::body(store, flow, side).await?
    } else {
        decode::recorded(store, flow, side)
    };
    while let Some(piece) = pieces.try_next().await? {
        out.write_all(&piece)?;
    }
    Ok(())
}

/// Heads, bodies and trailers as they were recorded. What both sides of a raw stream said is in the order in
/// which it passed.
async fn raw(
    store: &Store,
    flow: &Flow,
    sides: &[Side],
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let heads = store.heads(flow.id).await?;
    let streams = is_stream(flow.kind);
    for side in sides {
        for head in heads.iter().filter(|h| is_first(h, *side)) {
            out.write_all(&head.bytes)?;
        }
        if streams && sides.len() > 1 {
            continue;
        }
        let mut pieces = store.chunks(flow.id, *side, 0);
        while let Some(piece) = pieces.try_next().await? {
            out.write_all(&piece.data)?;
        }
        let trailers = match side {
            Side::Request => HeadKind::RequestTrailers,
            Side::Response => HeadKind::ResponseTrailers,
        };
        for head in heads.iter().filter(|h| h.kind == trailers) {
            out.write_all(&head.bytes)?;
        }
    }
    if streams && sides.len() > 1 {
        let mut messages = Messages::of(store, flow);
        while let Some((_, piece)) = messages.next().await? {
            out.write_all(&piece.data)?;
        }
    }
    Ok(())
}

/// Whether what both sides said is shown in the order in which it passed.
fn is_stream(kind: Kind) -> bool {
    matches!(kind, Kind::Tcp | Kind::WebSocket | Kind::Udp)
}

/// For a person.
pub(super) async fn text(
    store: &Store,
    flow: &Flow,
    sides: &[Side],
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let style = Style::of_stdout();
    summary(flow, style, out)?;
    let heads = store.heads(flow.id).await?;
    for side in sides {
        for head in heads.iter().filter(|h| is_first(h, *side)) {
            writeln!(out)?;
            write_head(head, style, out)?;
        }
        if matches!(flow.kind, Kind::Http | Kind::Tls) {
            text_body(store, flow, *side, style, out).await?;
        }
        let trailers = match side {
            Side::Request => HeadKind::RequestTrailers,
            Side::Response => HeadKind::ResponseTrailers,
        };
        for head in heads.iter().filter(|h| h.kind == trailers) {
            writeln!(out, "{}", style.paint("2", "(trailers)"))?;
            write_head(head, style, out)?;
        }
    }
    if is_stream(flow.kind) {
        writeln!(out)?;
        let mut messages = Messages::of(store, flow);
        while let Some((side, piece)) = messages.next().await? {
            if sides.contains(&side) {
                write_message(side, &piece, style, out)?;
            }
        }
    }
    Ok(())
}

fn summary(flow: &Flow, style: Style, out: &mut impl Write) -> anyhow::Result<()> {
    let what = match flow.status {
        Some(status) => status.to_string(),
        None => state(flow),
    };
    let line = format!("#{}  {} {}  {what}", flow.id, flow.method, flow.url());
    writeln!(out, "{}", style.paint("1", &harmless(&line, false)))?;
    let mut facts = vec![state(flow), format!("client {}", flow.client)];
    if !flow.app.is_empty() {
        facts.push(format!("app {}", harmless(&flow.app, false)));
    }
    facts.extend(flow.server.map(|server| format!("server {server}")));
    facts.extend(flow.duration_ms().map(terminal::duration));
    let edited = if flow.modified { ", edited" } else { "" };
    facts.extend(flow.replay_of.map(|of| format!("replay of #{of}{edited}")));
    writeln!(out, "{}", style.paint("2", &facts.join(", ")))?;
    if let Some(error) = &flow.error {
        writeln!(out, "{}", style.paint("31", &harmless(&error.text, false)))?;
    }
    if !flow.comment.is_empty() {
        writeln!(out, "{}", harmless(&flow.comment, true))?;
    }
    Ok(())
}

fn state(flow: &Flow) -> String {
    let state = serde_json::to_value(flow.state).ok();
    state
        .as_ref()
        .and_then(|s| s.as_str())
        .unwrap_or_default()
        .to_owned()
}

/// A request's head belongs to the client's side; interim responses and the response to the server's.
fn is_first(head: &RecordedHead, side: Side) -> bool {
    match side {
        Side::Request => head.kind == HeadKind::Request,
        Side::Response => matches!(head.kind, HeadKind::Interim | HeadKind::Response),
    }
}

fn write_head(head: &RecordedHead, style: Style, out: &mut impl Write) -> anyhow::Result<()> {
    let trailers = matches!(
        head.kind,
        HeadKind::RequestTrailers | HeadKind::ResponseTrailers
    );
    let http1 = !trailers && head.bytes.first() != Some(&b':');
    let parsed = head::parse(&head.bytes, http1);
    if http1 {
        writeln!(
            out,
            "{}",
            style.paint("1", &harmless(&parsed.start_line, false))
        )?;
    }
    for (name, value) in &parsed.fields {
        let (name, value) = (harmless(name, false), harmless(value, false));
        writeln!(out, "{}: {value}", style.paint("36", &name))?;
    }
    Ok(())
}

/// A body that is text, without its content coding; of any other only its size.
async fn text_body(
    store: &Store,
    flow: &Flow,
    side: Side,
    style: Style,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (message, word) = match side {
        Side::Request => (&flow.request, "request"),
        Side::Response => (&flow.response, "response"),
    };
    if message.body_size == 0 {
        return Ok(());
    }
    writeln!(out)?;
    let size = terminal::size(message.body_size);
    let note = |what: &str| {
        let text = format!(
            "({what}, {size}: overhear show {} --{word} --body > FILE)",
            flow.id
        );
        style.paint("2", &text).into_owned()
    };
    let mut pieces = match decode::body(store, flow, side).await {
        Ok(pieces) => pieces,
        Err(error) => return Ok(writeln!(out, "{}", note(&error.to_string()))?),
    };
    let mut text = Text::default();
    let mut last = b'\n';
    while let Some(piece) = pieces.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => return Ok(writeln!(out, "\n{}", note(&error.to_string()))?),
        };
        match text.push(&piece) {
            Some(readable) => {
                last = readable.bytes().last().unwrap_or(last);
                let shown = if style.terminal {
                    harmless(&readable, true)
                } else {
                    readable.into()
                };
                out.write_all(shown.as_bytes())?;
            }
            None => return Ok(writeln!(out, "{}", note("not text"))?),
        }
    }
    if last != b'\n' {
        writeln!(out)?;
    }
    Ok(())
}

/// Cuts bytes that come in pieces into readable text.
#[derive(Default)]
struct Text {
    /// The beginning of a character whose end is still to come.
    rest: Vec<u8>,
}

impl Text {
    /// The next text; `None` when it is not UTF-8, or has a NUL.
    fn push(&mut self, piece: &Bytes) -> Option<String> {
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend_from_slice(piece);
        let valid = match std::str::from_utf8(&bytes) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return None,
        };
        self.rest = bytes.split_off(valid);
        String::from_utf8(bytes)
            .ok()
            .filter(|text| !text.contains('\0'))
    }
}

fn write_message(
    side: Side,
    piece: &Chunk,
    style: Style,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let at = terminal::local(piece.at.0);
    let (arrow, colour) = match side {
        Side::Request => ("-->", "36"),
        Side::Response => ("<--", "32"),
    };
    let (hour, minute, second) = at.to_hms();
    let head = format!(
        "{arrow} {hour:02}:{minute:02}:{second:02}.{:03}  {}",
        at.millisecond(),
        terminal::size(piece.data.len() as u64)
    );
    writeln!(out, "{}", style.paint(colour, &head))?;
    match Text::default().push(&piece.data) {
        Some(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => {
            let text = harmless(&text, true);
            out.write_all(text.as_bytes())?;
            if !text.ends_with('\n') {
                writeln!(out)?;
            }
        }
        _ => hexdump(&piece.data, out)?,
    }
    Ok(())
}

/// Sixteen bytes a line: offset, hexadecimal, ASCII.
fn hexdump(bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
    for (n, line) in bytes.chunks(16).enumerate() {
        write!(out, "{:08x} ", n * 16)?;
        for at in 0..16 {
            match line.get(at) {
                Some(byte) => write!(out, " {byte:02x}")?,
                None => write!(out, "   ")?,
            }
        }
        let ascii = |byte: &u8| match *byte {
            0x20..=0x7e => char::from(*byte),
            _ => '.',
        };
        writeln!(out, "  {}", line.iter().map(ascii).collect::<String>())?;
    }
    Ok(())
}

/// Both sides of a stream in the order in which they passed, some at a time.
struct Messages<'a> {
    store: &'a Store,
    id: FlowId,
    read: u64,
    page: std::vec::IntoIter<(Side, Chunk)>,
}

impl<'a> Messages<'a> {
    fn of(store: &'a Store, flow: &Flow) -> Self {
        Self {
            store,
            id: flow.id,
            read: 0,
            page: Vec::new().into_iter(),
        }
    }

    async fn next(&mut self) -> anyhow::Result<Option<(Side, Chunk)>> {
        if let Some(message) = self.page.next() {
            return Ok(Some(message));
        }
        let page = self.store.messages(self.id, self.read, PAGE).await?;
        self.read += page.len() as u64;
        self.page = page.into_iter();
        Ok(self.page.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_may_be_cut_anywhere() {
        let whole = "aé日𝄞\n".repeat(3);
        for size in 1..8 {
            let mut text = Text::default();
            let pieces = whole.as_bytes().chunks(size).map(Bytes::copy_from_slice);
            let shown: String = pieces.map(|piece| text.push(&piece).unwrap()).collect();
            assert_eq!(shown, whole, "{size}");
            assert!(text.rest.is_empty());
        }
        assert_eq!(Text::default().push(&Bytes::from_static(b"\x89PNG")), None);
        assert_eq!(Text::default().push(&Bytes::from_static(b"a\0b")), None);
    }

    #[test]
    fn hexdumps_are_aligned() {
        let mut out = Vec::new();
        hexdump(b"\x82\x05hello, binary \xff", &mut out).unwrap();
        let expected = "\
00000000  82 05 68 65 6c 6c 6f 2c 20 62 69 6e 61 72 79 20  ..hello, binary 
00000010  ff                                               .
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
