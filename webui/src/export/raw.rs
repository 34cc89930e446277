//! The recorded bytes of each flow: request head and body, response head and body.
//!
//! Heads are as they were sent, bodies without transfer coding. An empty line parts messages, so that
//! the file can be read; a raw stream's pieces follow each other in the order of time.

use super::{
    Error, Selection, Summary,
    body::write_error,
    item::{Item, items},
};
use futures_util::TryStreamExt as _;
use overhear_store::{Flow, HeadKind, Kind, Side, Store};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

pub(super) async fn export<W>(
    store: &Store,
    selection: &Selection,
    out: &mut W,
) -> Result<Summary, Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let mut items = items(store, selection).await?;
    let mut summary = Summary::default();
    while let Some(item) = items.try_next().await? {
        if summary.flows > 0 {
            out.write_all(b"\r\n\r\n").await?;
        }
        summary.flows += 1;
        match item.flow().kind {
            Kind::Http => exchange(&item, out).await?,
            Kind::WebSocket => {
                heads(&item, out, &[HeadKind::Request, HeadKind::Response]).await?;
                pieces(store, item.flow(), out).await?;
            }
            Kind::Tcp | Kind::Tls | Kind::Udp | Kind::Dns | Kind::Icmp => {
                pieces(store, item.flow(), out).await?
            }
        }
    }
    Ok(summary)
}

async fn exchange<W>(item: &Item, out: &mut W) -> Result<(), Error>
where
    W: AsyncWrite + Send + Unpin,
{
    heads(item, out, &[HeadKind::Request]).await?;
    body(item, Side::Request, out).await?;
    heads(item, out, &[HeadKind::RequestTrailers]).await?;
    out.write_all(b"\r\n\r\n").await?;
    heads(item, out, &[HeadKind::Interim, HeadKind::Response]).await?;
    body(item, Side::Response, out).await?;
    heads(item, out, &[HeadKind::ResponseTrailers]).await
}

async fn heads<W>(item: &Item, out: &mut W, kinds: &[HeadKind]) -> Result<(), Error>
where
    W: AsyncWrite + Send + Unpin,
{
    for kind in kinds {
        for head in item.heads().iter().filter(|head| head.kind == *kind) {
            out.write_all(&head.bytes).await?;
        }
    }
    Ok(())
}

async fn body<W>(item: &Item, side: Side, out: &mut W) -> Result<(), Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let mut body = item.recorded(side);
    while let Some(piece) = body.try_next().await.map_err(write_error)? {
        out.write_all(&piece).await?;
    }
    Ok(())
}

async fn pieces<W>(store: &Store, flow: &Flow, out: &mut W) -> Result<(), Error>
where
    W: AsyncWrite + Send + Unpin,
{
    const AT_ONCE: u32 = 16;
    let mut skip = 0;
    loop {
        let pieces = store.messages(flow.id, skip, AT_ONCE).await?;
        for (_, chunk) in &pieces {
            out.write_all(&chunk.data).await?;
        }
        skip += pieces.len() as u64;
        if pieces.len() < AT_ONCE as usize {
            return Ok(());
        }
    }
}
