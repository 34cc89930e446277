//! TLS with a server, asked for what the client offered.

use super::{
    PATIENCE, agreed, of_rustls, protocol_name,
    verify::{self, Checked},
    words,
};
use crate::{
    error::Error,
    options::Options,
    stream::{ReadAhead, Stream},
    target::Target,
    upstream::same_host,
    words::failed,
};
use arc_swap::ArcSwap;
use bytes::BytesMut;
use overhear_store::{Failure, FailureCause, Party, TlsInfo};
use rustls::{
    ClientConfig,
    client::Resumption,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::ServerName,
};
use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Servers whose sessions are kept for resumption.
const SESSIONS: usize = 1024;

/// Makes TLS connections to servers.
pub(crate) struct Connector {
    configs: ArcSwap<Both>,
    /// Every certificate is accepted.
    all: AtomicBool,
    /// Hosts of which any certificate is accepted.
    accepted: ArcSwap<Vec<String>>,
}

struct Both {
    /// Checks certificates.
    verified: Configs,
    /// Accepts any certificate.
    any: Configs,
}

struct Configs {
    named: TlsConnector,
    unnamed: TlsConnector,
}

/// What to ask a server for.
pub(crate) struct Wish<'a> {
    /// Whom the connection reaches.
    pub(crate) target: &'a Target,
    /// The server name to send; none sends none and the certificate must name the target.
    pub(crate) sni: Option<&'a str>,
    /// Protocols in order; none sends no ALPN.
    pub(crate) alpn: Vec<Vec<u8>>,
}

/// A server that did not finish the handshake.
pub(crate) struct Failed {
    pub(crate) failure: Failure,
    /// What is known of the handshake.
    pub(crate) info: TlsInfo,
}

impl Connector {
    /// Reads the platform's roots and those of the options.
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        Ok(Self {
            configs: ArcSwap::from_pointee(Both::new(&options.upstream_ca)?),
            all: AtomicBool::new(options.insecure_all),
            accepted: ArcSwap::from_pointee(options.insecure_hosts.clone()),
        })
    }

    /// Trusts the platform's roots and those of other files, for connections from now on.
    pub(crate) fn set_roots(&self, files: &[PathBuf]) -> Result<(), Error> {
        self.configs.store(Both::new(files)?.into());
        Ok(())
    }

    /// Whether these files could be given to [`set_roots`](Self::set_roots).
    pub(crate) fn check_roots(files: &[PathBuf]) -> Result<(), Error> {
        Both::new(files).map(drop)
    }

    /// Whether every certificate is accepted.
    pub(crate) fn accepts_all(&self) -> bool {
        self.all.load(Ordering::Relaxed)
    }

    /// Accepts every certificate or none, and any from these hosts, from now on.
    pub(crate) fn set_accepted(&self, all: bool, hosts: Vec<String>) {
        self.all.store(all, Ordering::Relaxed);
        self.accepted.store(hosts.into());
    }

    /// Accepts (or no longer accepts) any certificate from a host.
    pub(crate) fn accept(&self, host: &str, accept: bool) {
        self.accepted.rcu(|hosts| {
            let others = hosts.iter().filter(|h| !same_host(h, host)).cloned();
            let ours = accept.then(|| host.to_owned());
            others.chain(ours).collect::<Vec<_>>()
        });
    }

    /// Hosts of which any certificate is accepted.
    pub(crate) fn accepted(&self) -> Vec<String> {
        self.accepted.load().to_vec()
    }

    /// Speaks TLS on `stream`; `read` holds what was read from it already.
    pub(crate) async fn connect(
        &self,
        stream: Stream,
        read: BytesMut,
        wish: Wish<'_>,
    ) -> Result<(Stream, TlsInfo), Box<Failed>> {
        let info = TlsInfo {
            sni: wish.sni.map(str::to_owned),
            alpn_offered: wish.alpn.iter().map(|p| protocol_name(p)).collect(),
            ..TlsInfo::default()
        };
        let host = wish.sni.unwrap_or(&wish.target.host);
        let fail = |failure, info| Box::new(Failed { failure, info });
        let Ok(name) = ServerName::try_from(host.to_owned()) else {
            let text = format!(
                "{host:?} cannot be asked for in TLS: it is neither a host name nor an address"
            );
            return Err(fail(failed(FailureCause::Tls, Party::Client, text), info));
        };
        let both = self.configs.load_full();
        let configs = if self.accepts_any(host) || self.accepts_any(&wish.target.host) {
            &both.any
        } else {
            &both.verified
        };
        let connector = match wish.sni {
            Some(_) => &configs.named,
            None => &configs.unnamed,
        };
        let connecting = connector
            .with_alpn(wish.alpn)
            .connect(name, ReadAhead::new(stream, read));
        let (result, seen) = verify::watch(timeout(PATIENCE, Box::pin(connecting))).await;
        match result {
            Ok(Ok(stream)) => {
                let state = stream.get_ref().1;
                let mut info = agreed(info, state);
                if let Some(chain) = state.peer_certificates() {
                    info.certificates = chain.iter().map(|c| c.to_vec()).collect();
                }
                Ok((Stream::Dialled(Box::new(stream)), info))
            }
            Ok(Err(error)) => {
                let info = TlsInfo {
                    certificates: seen,
                    ..info
                };
                Err(fail(explain(&error, wish.target, host, &info), info))
            }
            Err(_) => {
                let text = format!(
                    "{} did not finish the TLS handshake within {} seconds",
                    wish.target,
                    PATIENCE.as_secs()
                );
                Err(fail(
                    failed(FailureCause::Timeout, Party::Server, text),
                    info,
                ))
            }
        }
    }

    fn accepts_any(&self, host: &str) -> bool {
        self.accepts_all() || self.accepted.load().iter().any(|h| same_host(h, host))
    }
}

impl Both {
    /// Reads the platform's roots and those of the files.
    fn new(files: &[PathBuf]) -> Result<Self, Error> {
        let provider = provider();
        let trust = verify::platform(files, &provider)?;
        Ok(Self {
            verified: Configs::new(Checked::new(trust.clone(), false), &provider)?,
            any: Configs::new(Checked::new(trust, true), &provider)?,
        })
    }
}

impl Configs {
    fn new(verifier: Checked, provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let mut named = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::Option(format!("TLS cannot be set up: {e}")))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        named.resumption = Resumption::in_memory_sessions(SESSIONS);
        let mut unnamed = named.clone();
        unnamed.enable_sni = false;
        Ok(Self {
            named: TlsConnector::from(Arc::new(named)),
            unnamed: TlsConnector::from(Arc::new(unnamed)),
        })
    }
}

/// The suites in the order of browsers: with SHA-256 first, which processors compute many times faster than the
/// SHA-384 that rustls prefers; a handshake is made of it.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| {
        suite
            .suite()
            .as_str()
            .is_some_and(|name| name.ends_with("SHA384"))
    });
    Arc::new(provider)
}

/// A handshake that failed, in words.
fn explain(error: &io::Error, target: &Target, host: &str, info: &TlsInfo) -> Failure {
    use rustls::Error as Tls;
    match of_rustls(error) {
        Some(Tls::InvalidCertificate(reason)) => failed(
            FailureCause::Certificate,
            Party::Server,
            format!(
                "the certificate of {target} was not accepted: {}. To go on all the same, accept the certificates of {host} in overhear's page, or start it with --insecure-upstream={host}",
                words::certificate(reason, host, &info.certificates)
            ),
        ),
        Some(Tls::AlertReceived(alert)) => failed(
            FailureCause::Tls,
            Party::Server,
            format!(
                "{target} ended the TLS handshake with the alert {}{}",
                words::alert(*alert),
                words::alert_hint(*alert)
            ),
        ),
        Some(Tls::InvalidMessage(_)) => failed(
            FailureCause::Tls,
            Party::Server,
            format!(
                "{target} does not speak TLS: it answered the TLS handshake with something else. Is it a port for plain HTTP?"
            ),
        ),
        Some(tls) => failed(
            FailureCause::Tls,
            Party::Server,
            format!(
                "the TLS handshake with {target} failed: {}",
                words::error(tls, "the server")
            ),
        ),
        None if error.kind() == io::ErrorKind::UnexpectedEof => failed(
            FailureCause::Tls,
            Party::Server,
            format!("{target} closed the connection in the TLS handshake, without an alert"),
        ),
        None if error.kind() == io::ErrorKind::ConnectionReset => failed(
            FailureCause::Reset,
            Party::Server,
            format!("{target} reset the connection in the TLS handshake"),
        ),
        None => failed(
            FailureCause::Other,
            Party::Server,
            format!("the connection to {target} failed in the TLS handshake: {error}"),
        ),
    }
}
