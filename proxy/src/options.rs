//! What a proxy is made of, and the door to the site that it shows of itself.

use crate::{
    admit::{Cidr, Decision},
    listen::Listen,
};
use overhear_ca::Authority;
use overhear_store::Recorder;
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};
use tokio::io::DuplexStream;

/// What a proxy is made of.
pub struct Options {
    /// Where to listen; nowhere, for a proxy that only replays.
    pub listen: Vec<SocketAddr>,
    /// More ports, which are not for clients that ask a proxy.
    pub modes: Vec<Listen>,
    /// Who signs the leaves.
    pub authority: Arc<Authority>,
    /// Where conversations go.
    pub recorder: Recorder,
    /// Who answers `http(s)://overhear.internal` and plain visits; none answers with a plain refusal.
    pub site: Option<Arc<dyn LocalSite>>,
    /// Ports on this machine that must not be reached through the proxy (the page and the API).
    pub reserved: Vec<SocketAddr>,
    /// Addresses admitted ahead, as CIDR (`192.168.0.0/16`, `::1`); loopback always is.
    pub allow: Vec<Cidr>,
    /// Remembered answers: these devices were asked about before.
    pub devices: Vec<(IpAddr, Decision)>,
    /// Accept any upstream certificate.
    pub insecure_all: bool,
    /// Accept any certificate from these hosts.
    pub insecure_hosts: Vec<String>,
    /// More roots to trust upstream: PEM files.
    pub upstream_ca: Vec<PathBuf>,
}

/// Answers visits to the proxy itself. `io` is the client's side of an HTTP/1.1 conversation without TLS.
pub trait LocalSite: Send + Sync + 'static {
    /// Serves one connection, in a task of its own.
    fn serve(&self, io: DuplexStream, visit: Visit);
}

/// Who visits the proxy itself, and how.
#[derive(Debug, Clone, Copy)]
pub struct Visit {
    /// The visitor's address.
    pub client: SocketAddr,
    /// The address of ours that was visited.
    pub local: SocketAddr,
    /// The visit came as a proxy request (or in a CONNECT), so the device uses the proxy already.
    pub proxied: bool,
    /// The visit came over TLS with our leaf: the device trusts the root.
    pub secure: bool,
}
