//! A device other than this machine that has connected.

use overhear_store::Timestamp;
use std::net::IpAddr;

/// What a person decided about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It may use the proxy.
    Allow,
    /// It may not.
    Refuse,
}

/// A device that has connected.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its address.
    pub address: IpAddr,
    /// What was decided; `None` waits for an answer.
    pub decision: Option<Decision>,
    /// First connection in this run.
    pub first_seen: Timestamp,
    /// Latest connection.
    pub last_seen: Timestamp,
    /// Connections in this run.
    pub connections: u64,
    /// Its latest `User-Agent`, when one was seen.
    pub user_agent: Option<String>,
    /// Whether it completed the latest TLS handshake with a leaf of ours, or refused the leaf; none when it was shown
    /// none.
    pub trusts: Option<bool>,
    /// When it completed one last: what it refuses since may be a program that accepts only the certificates it knows.
    pub trusted: Option<Timestamp>,
    /// A range that is admitted lets it in: nobody decided about this device.
    pub by_range: bool,
}
