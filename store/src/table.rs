//! The tables: one module each, with the statements that write it and the way back from a row.

pub(crate) mod chunks;
pub(crate) mod connections;
pub(crate) mod flows;
pub(crate) mod heads;
pub(crate) mod packets;
pub(crate) mod reclaim;
pub(crate) mod rules;
pub(crate) mod sessions;
pub(crate) mod trash;

use std::net::{Ipv4Addr, SocketAddr};

/// Reads an address as it was written; what cannot be read (a damaged database) is `0.0.0.0:0`.
fn address(text: &str) -> SocketAddr {
    text.parse()
        .unwrap_or_else(|_| SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))
}

/// Reads a count; a negative one (a damaged database) is 0.
pub(crate) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A count as SQLite keeps it.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
