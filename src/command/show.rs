//! `overhear show`: one flow, whole: for a person, as JSON, or byte for byte.

mod stream;

use crate::{
    cli::Show,
    data::Data,
    terminal::{self, Style, harmless},
};
use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt};
use overhear_store::{Flow, FlowId, HeadKind, Kind, Side, Store, head, read::RecordedHead};
use overhear_webui::{decode, model::FlowDetail};
use std::io::{self, BufWriter, Write};
use stream::{Messages, Text};

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
        let extensions = (flow.kind == Kind::WebSocket).then(|| agreed(&heads));
        stream::text(store, flow, sides, extensions.as_deref(), style, out).await?;
    }
    Ok(())
}

/// The extensions of a WebSocket that the server agreed on.
fn agreed(heads: &[RecordedHead]) -> String {
    let mut agreed = Vec::new();
    for head in heads.iter().filter(|head| head.kind == HeadKind::Response) {
        let http1 = head.bytes.first() != Some(&b':');
        let fields = head::parse(&head.bytes, http1).fields.into_iter();
        let named = |name: &str| name.eq_ignore_ascii_case("sec-websocket-extensions");
        agreed.extend(
            fields
                .filter(|(name, _)| named(name))
                .map(|(_, value)| value),
        );
    }
    agreed.join(",")
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
