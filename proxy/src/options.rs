//! What a proxy is made of, and the door to the site that it shows of itself.

use crate::{
    admit::{Cidr, Decision, ProxyUser},
    listen::Listen,
    tls::{ClientCert, TlsRule},
    upstream::{HostMap, UpstreamRule},
};
use overhear_ca::Authority;
use overhear_store::Recorder;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
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
    /// Who may use the proxy, where it asks for a user and a password.
    pub user: Option<ProxyUser>,
    /// Remembered answers: these devices were asked about before.
    pub devices: Vec<(IpAddr, Decision)>,
    /// Accept any upstream certificate.
    pub insecure_all: bool,
    /// Accept any certificate from these hosts.
    pub insecure_hosts: Vec<String>,
    /// More roots to trust upstream: PEM files.
    pub upstream_ca: Vec<PathBuf>,
    /// How servers are reached.
    pub ways: WayOptions,
    /// What becomes of TLS.
    pub tls: TlsOptions,
}

/// What becomes of TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// Which is opened, passed through or blocked; the first that fits. None that fits: it is opened.
    pub rules: Vec<TlsRule>,
    /// A host for which a client keeps refusing our certificate passes through from then on.
    pub pass_pinned: bool,
    /// TLS with servers.
    pub upstream: UpstreamTls,
    /// Where the secrets of both sides go.
    pub key_log: Option<PathBuf>,
}

/// TLS with servers.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UpstreamTls {
    /// The oldest version that is spoken.
    pub min: TlsMin,
    /// What is shown to servers that ask who we are; the first that fits.
    pub client_certs: Vec<ClientCert>,
    /// The password of PKCS#12 files that say none.
    pub client_cert_password: Option<String>,
}

/// Without the password.
impl fmt::Debug for UpstreamTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamTls")
            .field("min", &self.min)
            .field("client_certs", &self.client_certs)
            .finish_non_exhaustive()
    }
}

/// The oldest version of TLS that is spoken with servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsMin {
    /// TLS 1.2, RFC 5246.
    #[default]
    Tls12,
    /// TLS 1.3, RFC 8446.
    Tls13,
}

impl FromStr for TlsMin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "1.2" => Ok(Self::Tls12),
            "1.3" => Ok(Self::Tls13),
            other => Err(format!(
                "{other:?} is no version to begin with: write 1.2 or 1.3"
            )),
        }
    }
}

impl fmt::Display for TlsMin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        })
    }
}

/// How servers are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WayOptions {
    /// Through which proxy; the first that fits. None that fits: straight.
    pub upstream: Vec<UpstreamRule>,
    /// Hosts that stand for another place; the first that fits. They are reached straight.
    pub mapped: Vec<HostMap>,
    /// The address of this computer that connections are made from.
    pub bind: Option<IpAddr>,
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
