//! Taking flows away: one selection, several formats, written while it is read.
//!
//! Nothing is held whole: flows are read page by page, bodies piece by piece. The page's download
//! and `overhear export` are the same function.

mod body;
mod capture;
mod curl;
mod fetch;
mod har;
mod item;
mod jsonl;
mod literal;
mod python;
mod raw;
mod request;

use overhear_store::{FlowId, SessionId, Store, filter::Filter};
use serde::{Deserialize, Serialize};
use std::{fmt, io, str::FromStr};
use tokio::io::{AsyncWrite, AsyncWriteExt as _, BufWriter};
use utoipa::ToSchema;

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A packet capture with comments and names: what Wireshark likes best.
    Pcapng,
    /// A packet capture in the classic format.
    Pcap,
    /// HTTP Archive 1.2: HTTP exchanges with their bodies, for browsers' developer tools.
    Har,
    /// A curl command a request, for a POSIX shell.
    Curl,
    /// A call of `fetch` a request, for Node and for browsers.
    Fetch,
    /// A call of Python's `requests` a request.
    Python,
    /// The recorded bytes: heads as sent, bodies without transfer coding.
    Raw,
    /// One JSON object a line: the detail of the API with `request_body` and `response_body`.
    Jsonl,
}

/// What to export.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only flows that match.
    pub filter: Option<Filter>,
    /// Only these flows (and, if given, matching the filter).
    pub ids: Option<Vec<FlowId>>,
    /// Only flows of this session.
    pub session: Option<SessionId>,
    /// In packet captures: keep TLS ports as they were (443) instead of writing them as 80.
    pub keep_tls_port: bool,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Flows in the file.
    pub flows: u64,
    /// Flows that the format cannot hold (a raw stream in a HAR file).
    pub left_out: u64,
}

/// What can go wrong while exporting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The recorded flows could not be read.
    #[error(transparent)]
    Store(#[from] overhear_store::Error),
    /// The output could not be written.
    #[error("cannot write the export: {0}")]
    Write(#[from] io::Error),
}

/// Writes the selection, oldest flow first, and flushes. Flows that begin after the call are left out.
///
/// # Errors
/// The store could not be read or `out` could not be written. What was written until then is not a whole file.
pub async fn export<W>(
    store: &Store,
    selection: &Selection,
    format: Format,
    out: W,
) -> Result<Summary, Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let mut out = BufWriter::with_capacity(64 << 10, out);
    let summary = match format {
        Format::Pcapng => {
            capture::export(
                store,
                selection,
                overhear_pcap_export::Format::Pcapng,
                &mut out,
            )
            .await
        }
        Format::Pcap => {
            capture::export(
                store,
                selection,
                overhear_pcap_export::Format::Pcap,
                &mut out,
            )
            .await
        }
        Format::Har => har::export(store, selection, &mut out).await,
        Format::Curl => curl::export(store, selection, &mut out).await,
        Format::Fetch => fetch::export(store, selection, &mut out).await,
        Format::Python => python::export(store, selection, &mut out).await,
        Format::Raw => raw::export(store, selection, &mut out).await,
        Format::Jsonl => jsonl::export(store, selection, &mut out).await,
    }?;
    out.flush().await?;
    Ok(summary)
}

impl Format {
    /// Every format, the most useful first.
    pub const ALL: [Self; 8] = [
        Self::Pcapng,
        Self::Pcap,
        Self::Har,
        Self::Curl,
        Self::Fetch,
        Self::Python,
        Self::Raw,
        Self::Jsonl,
    ];

    /// Its name, as in the API and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcapng => "pcapng",
            Self::Pcap => "pcap",
            Self::Har => "har",
            Self::Curl => "curl",
            Self::Fetch => "fetch",
            Self::Python => "python",
            Self::Raw => "raw",
            Self::Jsonl => "jsonl",
        }
    }

    /// The usual ending of a file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Curl => "sh",
            // a module: it awaits
            Self::Fetch => "mjs",
            Self::Python => "py",
            Self::Raw => "bin",
            other => other.name(),
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pcapng => "application/x-pcapng",
            Self::Pcap => "application/vnd.tcpdump.pcap",
            Self::Har => "application/json",
            // never as a script: what was recorded is not run
            Self::Curl | Self::Fetch | Self::Python => "text/plain; charset=utf-8",
            Self::Raw => "application/octet-stream",
            Self::Jsonl => "application/jsonl",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| {
                format!(
                    "there is no export format {text:?}: choose one of {}",
                    known()
                )
            })
    }
}

#[cfg(test)]
mod tests;
