//! TLS with a server, asked for what the client offered.

use super::{
    ClientCert, PATIENCE, agreed,
    client_cert::{self, Shown},
    of_rustls, protocol_name,
    verify::{self, Checked},
    words,
};
use crate::{
    error::Error,
    options::{Options, TlsMin, UpstreamTls},
    stream::{ReadAhead, Stream},
    target::Target,
    upstream::same_host,
    words::failed,
};
use arc_swap::ArcSwap;
use bytes::BytesMut;
use overhear_ca::Identity;
use overhear_store::{Failure, FailureCause, Party, TlsInfo};
use parking_lot::Mutex;
use rustls::{
    ClientConfig, KeyLog, SupportedProtocolVersion,
    client::Resumption,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::ServerName,
    version::{TLS12, TLS13},
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
    configs: ArcSwap<All>,
    /// What they were made from; held while they are made anew.
    made_from: Mutex<MadeFrom>,
    key_log: Option<Arc<dyn KeyLog>>,
    /// Every certificate is accepted.
    all: AtomicBool,
    /// Hosts of which any certificate is accepted.
    accepted: ArcSwap<Vec<String>>,
}

/// What configurations are made from.
struct MadeFrom {
    roots: Vec<PathBuf>,
    tls: UpstreamTls,
}

struct All {
    /// For servers that get no client certificate.
    usual: Both,
    /// For those that do; the first that fits.
    certified: Vec<(ClientCert, Identity, Both)>,
    min: TlsMin,
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
    pub(crate) fn new(options: &Options, key_log: Option<Arc<dyn KeyLog>>) -> Result<Self, Error> {
        let made_from = MadeFrom {
            roots: options.upstream_ca.clone(),
            tls: options.tls.upstream.clone(),
        };
        Ok(Self {
            configs: ArcSwap::from_pointee(All::new(&made_from, key_log.as_ref())?),
            made_from: Mutex::new(made_from),
            key_log,
            all: AtomicBool::new(options.insecure_all),
            accepted: ArcSwap::from_pointee(options.insecure_hosts.clone()),
        })
    }

    /// Trusts the platform's roots and those of other files, for connections from now on.
    pub(crate) fn set_roots(&self, files: &[PathBuf]) -> Result<(), Error> {
        self.make(|made_from| made_from.roots = files.to_vec())
    }

    /// Speaks TLS so from now on.
    pub(crate) fn set_tls(&self, tls: &UpstreamTls) -> Result<(), Error> {
        self.make(|made_from| made_from.tls = tls.clone())
    }

    /// Makes the configurations anew; when that fails, all stays as it was.
    fn make(&self, change: impl FnOnce(&mut MadeFrom)) -> Result<(), Error> {
        let mut held = self.made_from.lock();
        let mut made_from = MadeFrom {
            roots: held.roots.clone(),
            tls: held.tls.clone(),
        };
        change(&mut made_from);
        let configs = All::new(&made_from, self.key_log.as_ref())?;
        self.configs.store(configs.into());
        *held = made_from;
        Ok(())
    }

    /// Whether these files could be given to [`set_roots`](Self::set_roots).
    pub(crate) fn check_roots(files: &[PathBuf]) -> Result<(), Error> {
        let made_from = MadeFrom {
            roots: files.to_vec(),
            tls: UpstreamTls::default(),
        };
        All::new(&made_from, None).map(drop)
    }

    /// Whether this could be given to [`set_tls`](Self::set_tls).
    pub(crate) fn check_tls(tls: &UpstreamTls) -> Result<(), Error> {
        let made_from = MadeFrom {
            roots: Vec::new(),
            tls: tls.clone(),
        };
        All::new(&made_from, None).map(drop)
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
        let all = self.configs.load_full();
        let certified = all.certified.iter().find(|(certificate, ..)| {
            certificate.is_for(host) || certificate.is_for(&wish.target.host)
        });
        let (both, shown) = match certified {
            Some((_, identity, both)) => (both, Some(identity.subject())),
            None => (&all.usual, None),
        };
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
        let handshake = client_cert::watch(timeout(PATIENCE, Box::pin(connecting)));
        let ((result, asked), seen) = verify::watch(handshake).await;
        let info = TlsInfo {
            client_auth: asked.then(|| match shown {
                Some(subject) => format!("asked for, {subject} was shown"),
                None => "asked for, none was shown".to_owned(),
            }),
            ..info
        };
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
                let failure = explain(&error, wish.target, host, &info, all.min);
                let failure = match (asked, shown) {
                    (true, shown) => about_client_certificate(&error, wish.target, host, shown)
                        .unwrap_or(failure),
                    (false, _) => failure,
                };
                Err(fail(failure, info))
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

impl All {
    /// Reads the platform's roots, those of the files, and the client certificates.
    fn new(made_from: &MadeFrom, key_log: Option<&Arc<dyn KeyLog>>) -> Result<Self, Error> {
        let provider = provider();
        let trust = verify::platform(&made_from.roots, &provider)?;
        let UpstreamTls {
            min,
            client_certs,
            client_cert_password: password,
        } = &made_from.tls;
        let both = |identity: Option<&Identity>| {
            let one = |any| {
                let verifier = Checked::new(trust.clone(), any);
                Configs::new(verifier, &provider, *min, identity, key_log)
            };
            Ok::<_, Error>(Both {
                verified: one(false)?,
                any: one(true)?,
            })
        };
        let certified = client_certs.iter().map(|certificate| {
            let identity = certificate.read(password.as_deref())?;
            let both = both(Some(&identity))?;
            Ok::<_, Error>((certificate.clone(), identity, both))
        });
        Ok(Self {
            certified: certified.collect::<Result<_, _>>()?,
            usual: both(None)?,
            min: *min,
        })
    }
}

impl Configs {
    fn new(
        verifier: Checked,
        provider: &Arc<CryptoProvider>,
        min: TlsMin,
        identity: Option<&Identity>,
        key_log: Option<&Arc<dyn KeyLog>>,
    ) -> Result<Self, Error> {
        let versions: &[&'static SupportedProtocolVersion] = match min {
            TlsMin::Tls12 => &[&TLS13, &TLS12],
            TlsMin::Tls13 => &[&TLS13],
        };
        let key = identity.map(|identity| Arc::new(identity.key().clone()));
        let mut named = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .map_err(|e| Error::Option(format!("TLS cannot be set up: {e}")))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(Shown(key)));
        named.resumption = Resumption::in_memory_sessions(SESSIONS);
        if let Some(key_log) = key_log {
            named.key_log = Arc::clone(key_log);
        }
        let mut unnamed = named.clone();
        unnamed.enable_sni = false;
        Ok(Self {
            named: TlsConnector::from(Arc::new(named)),
            unnamed: TlsConnector::from(Arc::new(unnamed)),
        })
    }
}

/// A handshake that failed after the server had asked for a client certificate; none where something else is to blame.
fn about_client_certificate(
    error: &io::Error,
    target: &Target,
    host: &str,
    shown: Option<&str>,
) -> Option<Failure> {
    let how = match of_rustls(error) {
        Some(rustls::Error::AlertReceived(alert)) => {
            format!(
                "ended the TLS handshake with the alert {}",
                words::alert(*alert)
            )
        }
        None => "broke the TLS handshake off".to_owned(),
        Some(_) => return None,
    };
    let text = match shown {
        None => format!(
            "{target} asked for a client certificate, was shown none, and {how}. Give overhear the certificate: --client-cert {host}=FILE, PEM with its key or PKCS#12"
        ),
        Some(subject) => format!(
            "{target} asked for a client certificate, was shown {subject}, and {how}: it does not accept this certificate"
        ),
    };
    Some(failed(FailureCause::Tls, Party::Server, text))
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
fn explain(error: &io::Error, target: &Target, host: &str, info: &TlsInfo, min: TlsMin) -> Failure {
    use rustls::{AlertDescription, Error as Tls, PeerIncompatible};
    match of_rustls(error) {
        Some(
            Tls::AlertReceived(AlertDescription::ProtocolVersion)
            | Tls::PeerIncompatible(
                PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::ServerDoesNotSupportTls12Or13,
            ),
        ) if min == TlsMin::Tls13 => failed(
            FailureCause::Tls,
            Party::Server,
            format!(
                "{target} does not speak TLS 1.3, and overhear was told to take nothing older (--tls-min 1.3)"
            ),
        ),
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
