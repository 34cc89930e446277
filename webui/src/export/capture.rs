//! Packet captures: overhear-pcap-export makes them piece by piece.

use super::{Error, Selection, Summary};
use overhear_pcap_export::{ExportOptions, Exporter, Format};
use overhear_store::Store;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

pub(super) async fn export<W>(
    store: &Store,
    selection: &Selection,
    format: Format,
    out: &mut W,
) -> Result<Summary, Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let options = ExportOptions {
        format,
        ids: selection.ids.clone(),
        filter: match selection.session {
            Some(session) => Some(selection.filter.clone().unwrap_or_default().within(session)),
            None => selection.filter.clone(),
        },
        keep_tls_port: selection.keep_tls_port,
    };
    let mut exporter = Exporter::new(store, &options).await?;
    while let Some(piece) = exporter.next().await? {
        out.write_all(&piece).await?;
    }
    let summary = exporter.summary();
    Ok(Summary {
        flows: summary.flows,
        left_out: summary.without_packets,
    })
}
