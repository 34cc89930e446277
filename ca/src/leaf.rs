//! One certificate for one host: its names, its validity, and its place in the cache.
//!
//! All leaves of a run share one key pair, which is never the root's. A leaf is signed once for a host and
//! the certificate it mirrors, however many ask at once; a server configuration is kept for each
//! leaf and protocol.

use crate::{
    error::Error,
    name::{self, Name},
    root::{self, BACKDATED, Root},
};
use moka::future::Cache;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SerialNumber,
};
use rustls::{
    DigitallySignedStruct, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime},
    server::{
        ClientHello, NoServerSessionStorage, ResolvesServerCert,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::{CertifiedKey, SigningKey, SingleCertAndKey},
};
use sha2::{Digest, Sha256};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration as Span,
};
use time::{Duration, OffsetDateTime};

/// Under 398 days, which Apple and the CA/Browser Forum allow at most.
const VALID: Duration = Duration::days(397);

/// Hosts that are remembered.
const HOSTS: u64 = 4096;

/// A leaf is signed again after this long, well before it expires.
const REMEMBERED: Span = Span::from_secs(30 * 24 * 60 * 60);

/// What the proxy shows a client that asked for one host.
pub struct Leaf {
    /// TLS as the client's server: 1.2 and 1.3, no tickets, no resumption.
    pub config: Arc<ServerConfig>,
    /// The certificates that are sent, in DER, leaf first.
    pub certificates: Arc<[Vec<u8>]>,
}

/// The root with all that it signed.
pub(crate) struct Leaves {
    root: Root,
    key: KeyPair,
    signing_key: Arc<dyn SigningKey>,
    provider: Arc<CryptoProvider>,
    refusing: Arc<ServerConfig>,
    signed: AtomicU64,
    certified: Cache<Wanted, Arc<CertifiedKey>>,
    ready: Cache<(Wanted, Vec<Vec<u8>>), Arc<Leaf>>,
    /// Clients are asked for certificates of their own.
    asks: bool,
}

/// What a leaf is signed for: a host, and the origin's certificate by its SHA-256.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Wanted {
    host: Name,
    mirror: Option<[u8; 32]>,
}

impl Leaves {
    pub(crate) fn new(root: Root) -> Result<Self, Error> {
        let key = KeyPair::generate().map_err(root::sign)?;
        let provider = Arc::new(provider());
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signing_key = provider
            .key_provider
            .load_private_key(der)
            .map_err(|error| Error::Sign(error.to_string()))?;
        let refusing = Arc::new(config(&provider, Arc::new(Nobody), Vec::new(), false)?);
        Ok(Self {
            root,
            key,
            refusing,
            signing_key,
            provider,
            signed: AtomicU64::new(0),
            certified: cache(),
            ready: cache(),
            asks: false,
        })
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// Asks clients for certificates from now on, or does not; to be said before the first leaf is made.
    pub(crate) fn ask(&mut self, ask: bool) {
        self.asks = ask;
    }

    /// The leaf for `host` that offers `alpn`.
    pub(crate) async fn get(
        &self,
        host: &str,
        mirror: Option<&[u8]>,
        alpn: Vec<Vec<u8>>,
    ) -> Result<Arc<Leaf>, Error> {
        let name = Name::host(host).ok_or_else(|| Error::Unusable {
            what: format!("the host name {host:?}"),
            reason: "it is neither a DNS name nor an IP address".to_owned(),
        })?;
        let wanted = Wanted {
            host: name,
            mirror: mirror.map(|der| Sha256::digest(der).into()),
        };
        let key = (wanted, alpn);
        if let Some(leaf) = self.ready.get(&key).await {
            return Ok(leaf);
        }
        let (wanted, alpn) = key.clone();
        let make = async {
            let sign = async { self.sign(&wanted.host, mirror) };
            let certified = self
                .certified
                .try_get_with(wanted.clone(), sign)
                .await
                .map_err(|error| Error::Sign(error.to_string()))?;
            self.ready(certified, alpn)
        };
        self.ready
            .try_get_with(key, make)
            .await
            .map_err(|error| Error::Sign(error.to_string()))
    }

    /// A configuration that refuses every handshake.
    pub(crate) fn refusing(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.refusing)
    }

    fn sign(&self, host: &Name, mirror: Option<&[u8]>) -> Result<Arc<CertifiedKey>, Error> {
        let now = OffsetDateTime::now_utc();
        let (signer_from, signer_to) = self.root.signer_valid();
        let from = (now - BACKDATED).max(signer_from);
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(&root::serial()));
        params.not_before = from;
        params.not_after = (now - BACKDATED + VALID).min(signer_to);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = host.common_name() {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        let names = name::names(host, mirror);
        params.subject_alt_names = names.iter().filter_map(Name::san).collect();
        let leaf = params
            .signed_by(&self.key, self.root.issuer())
            .map_err(root::sign)?;
        self.signed.fetch_add(1, Ordering::Relaxed);
        let mut chain: Vec<CertificateDer<'static>> = vec![leaf.into()];
        chain.extend(self.root.intermediates().cloned());
        Ok(Arc::new(CertifiedKey::new(
            chain,
            Arc::clone(&self.signing_key),
        )))
    }

    fn ready(&self, certified: Arc<CertifiedKey>, alpn: Vec<Vec<u8>>) -> Result<Arc<Leaf>, Error> {
        let certificates = certified.cert.iter().map(|der| der.to_vec()).collect();
        let resolver = SingleCertAndKey::from(CertifiedKey::clone(&certified));
        let config = config(&self.provider, Arc::new(resolver), alpn, self.asks)?;
        Ok(Arc::new(Leaf {
            config: Arc::new(config),
            certificates,
        }))
    }
}

fn config(
    provider: &Arc<CryptoProvider>,
    resolver: Arc<dyn ResolvesServerCert>,
    alpn: Vec<Vec<u8>>,
    asks: bool,
) -> Result<ServerConfig, Error> {
    let config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Sign(error.to_string()))?;
    let config = match asks {
        true => config.with_client_cert_verifier(Arc::new(Anybody(Arc::clone(provider)))),
        false => config.with_no_client_auth(),
    };
    let mut config = config.with_cert_resolver(resolver);
    config.alpn_protocols = alpn;
    config.ignore_client_order = true;
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// The suites with SHA-256 first, whatever the client prefers: processors compute it many times faster than
/// SHA-384, and a handshake is made of it.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| {
        suite
            .suite()
            .as_str()
            .is_some_and(|n| n.ends_with("SHA384"))
    });
    provider
}

/// Asks clients for certificates, and takes any whose key they have, or none: they are recorded, not judged.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ClientCertVerifier for Anybody {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[rustls::DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Has no certificate for anyone.
#[derive(Debug)]
struct Nobody;

impl ResolvesServerCert for Nobody {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

fn cache<K, V>() -> Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(HOSTS)
        .time_to_live(REMEMBERED)
        .build()
}

#[cfg(test)]
mod tests;
