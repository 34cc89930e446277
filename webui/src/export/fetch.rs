//! A call of `fetch` for each HTTP exchange: for a module in Node, or a browser's console.
//!
//! What `fetch` makes by itself (Host, Content-Length, connection fields) is left to it. It is asked
//! not to follow redirects: one flow is one request.

use super::{
    Error, Selection, Summary,
    body::base64_lines,
    literal::{literal, write_literal},
    request::{self, Request},
};
use futures_util::TryStreamExt as _;
use overhear_store::{Side, Store};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

pub(super) async fn export<W>(
    store: &Store,
    selection: &Selection,
    out: &mut W,
) -> Result<Summary, Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let mut requests = request::requests(store, selection).await?;
    let mut summary = Summary::default();
    let mut first = true;
    while let Some(request) = requests.try_next().await? {
        let Some(request) = request else {
            summary.left_out += 1;
            continue;
        };
        if !std::mem::take(&mut first) {
            out.write_all(b"\n").await?;
        }
        if one(request, out).await? {
            summary.flows += 1;
        } else {
            summary.left_out += 1;
        }
    }
    Ok(summary)
}

async fn one<W>(mut request: Request, out: &mut W) -> Result<bool, Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let upper = request.method.to_ascii_uppercase();
    if matches!(upper.as_str(), "CONNECT" | "TRACE" | "TRACK") {
        let line = format!(
            "// Left out: fetch does not send {} {}\n",
            literal(&request.method),
            literal(&request.url)
        );
        out.write_all(line.as_bytes()).await?;
        return Ok(false);
    }
    let known = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];
    if upper != request.method && known.contains(&upper.as_str()) {
        let note = format!(
            "The method was {}; fetch writes it {upper}.",
            literal(&request.method)
        );
        request.notes.push(note);
    }
    let bodiless = matches!(upper.as_str(), "GET" | "HEAD");
    if bodiless && request.body.size > 0 {
        let note = format!(
            "The body of {} bytes is left out: fetch sends none with {upper}.",
            request.body.size
        );
        request.notes.push(note);
    }
    let (own, fields): (Vec<_>, Vec<_>) = request
        .fields
        .iter()
        .partition(|(name, _)| connection_field(name));
    if !own.is_empty() {
        let names: Vec<_> = own.iter().map(|(name, _)| name.as_str()).collect();
        let note = format!("fetch does not let these be set: {}", names.join(", "));
        request.notes.push(note);
    }

    let mut text = String::new();
    for note in &request.notes {
        text += &format!("// {note}\n");
    }
    text += &format!("await fetch({}, {{\n", literal(&request.url));
    text += &format!("  method: {},\n", literal(&request.method));
    text += "  headers: [\n";
    for (name, value) in fields {
        text += &format!("    [{}, {}],\n", literal(name), literal(value));
    }
    text += "  ],\n";
    text += "  redirect: \"manual\",\n";
    if request.has("cookie") {
        // a browser sends its own, and only when asked to
        text += "  credentials: \"include\",\n";
    }
    out.write_all(text.as_bytes()).await?;
    if request.body.size > 0 && !bodiless {
        out.write_all(b"  body: ").await?;
        body(&request, out).await?;
        out.write_all(b",\n").await?;
    }
    out.write_all(b"});\n").await?;
    Ok(true)
}

async fn body<W>(request: &Request, out: &mut W) -> Result<(), Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let recorded = request.item.recorded(Side::Request);
    if !request.body.text {
        out.write_all(b"Uint8Array.from(atob(\"").await?;
        base64_lines(out, recorded, None).await?;
        out.write_all(b"\"), (c) => c.charCodeAt(0))").await?;
    } else if request.has("content-type") {
        write_literal(out, recorded).await?;
    } else {
        // with a text fetch would add a Content-Type
        out.write_all(b"new TextEncoder().encode(").await?;
        write_literal(out, recorded).await?;
        out.write_all(b")").await?;
    }
    Ok(())
}

/// What belongs to the connection: browsers ignore these, Node refuses some.
fn connection_field(name: &str) -> bool {
    let own = [
        "connection",
        "expect",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
    ];
    own.iter().any(|own| name.eq_ignore_ascii_case(own))
}
