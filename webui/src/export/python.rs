//! A call of Python's `requests` for each HTTP exchange.
//!
//! The fields that `requests` and `urllib3` would add are switched off where the request did not have them.

use super::{
    Error, Selection, Summary,
    body::base64_lines,
    literal::{literal, write_literal},
    request::{self, Request},
};
use futures_util::TryStreamExt as _;
use overhear_store::{Side, Store};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// What is imported already.
#[derive(Default)]
struct Imports {
    requests: bool,
    base64: bool,
    skip: bool,
}

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
    let mut imports = Imports::default();
    while let Some(request) = requests.try_next().await? {
        match request {
            Some(request) => {
                one(request, &mut imports, out).await?;
                summary.flows += 1;
            }
            None => summary.left_out += 1,
        }
    }
    Ok(summary)
}

async fn one<W>(request: Request, imports: &mut Imports, out: &mut W) -> Result<(), Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let skipped: Vec<_> = ["User-Agent", "Accept-Encoding"]
        .into_iter()
        .filter(|name| !request.has(name))
        .collect();
    let binary = request.body.size > 0 && !request.body.text;
    let mut text = String::new();
    if binary && !std::mem::replace(&mut imports.base64, true) {
        text += "import base64\n";
    }
    if !std::mem::replace(&mut imports.requests, true) {
        text += "import requests\n";
    }
    if !skipped.is_empty() && !std::mem::replace(&mut imports.skip, true) {
        text += "from urllib3.util import SKIP_HEADER\n";
    }
    text += "\n";
    for note in &request.notes {
        text += &format!("# {note}\n");
    }
    if request.method != request.method.to_ascii_uppercase() {
        text += &format!(
            "# The method was {}; requests writes it in capitals.\n",
            literal(&request.method)
        );
    }
    text += "response = requests.request(\n";
    text += &format!(
        "    {},\n    {},\n",
        literal(&request.method),
        literal(&request.url)
    );
    text += "    headers={\n";
    for (name, value) in &request.fields {
        text += &format!("        {}: {},\n", literal(name), literal(value));
    }
    for name in ["Accept", "Connection"] {
        if !request.has(name) {
            text += &format!("        \"{name}\": None,\n");
        }
    }
    for name in skipped {
        text += &format!("        \"{name}\": SKIP_HEADER,\n");
    }
    text += "    },\n";
    out.write_all(text.as_bytes()).await?;
    if request.body.size > 0 {
        out.write_all(b"    data=").await?;
        let recorded = request.item.recorded(Side::Request);
        if binary {
            out.write_all(b"base64.b64decode(\"").await?;
            base64_lines(out, recorded, None).await?;
            out.write_all(b"\")").await?;
        } else {
            write_literal(out, recorded).await?;
            out.write_all(b".encode()").await?;
        }
        out.write_all(b",\n").await?;
    }
    out.write_all(b"    allow_redirects=False,\n)\n").await?;
    Ok(())
}
