//! What can go wrong in the proxy as a whole; what goes wrong in a conversation is a flow.

use std::net::SocketAddr;

/// Why a proxy cannot start, or a replay cannot be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A port cannot be had.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why, and what to do: another program has the port, `--listen` chooses another...
        reason: String,
    },
    /// An option cannot be used.
    #[error("{0}")]
    Option(String),
    /// A replay that cannot be sent at all (a bad URL, method or header).
    #[error("{0}")]
    Replay(String),
}
