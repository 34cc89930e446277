//! A certificate authority of the test's own, and certificates good and bad.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{path::Path, sync::Arc};

/// The authority that the program under test is told to trust (`--upstream-ca`).
pub struct TestCa {
    /// Its certificate.
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key.
pub struct Identity {
    /// The certificate.
    pub pem: String,
    /// Its private key, PKCS#8.
    pub key_pem: String,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

/// What to put into a certificate.
pub struct Wanted<'a> {
    /// Subject alternative names: host names and IP addresses.
    pub names: &'a [&'a str],
    /// Last day of validity as (year, month, day).
    pub until: (i32, u8, u8),
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        Self {
            names: &["localhost", "127.0.0.1", "::1"],
            until: (2099, 1, 1),
        }
    }
}

impl TestCa {
    /// A fresh authority.
    pub fn new() -> Self {
        Self::with_key(KeyPair::generate().unwrap())
    }

    /// An authority of the same name whose key is of another kind.
    pub fn namesake() -> Self {
        Self::with_key(KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap())
    }

    fn with_key(key: KeyPair) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "Origin test CA");
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for `localhost`, 127.0.0.1 and ::1, signed by this authority.
    pub fn identity(&self) -> Identity {
        self.sign(&Wanted::default())
    }

    /// A certificate signed by this authority.
    pub fn sign(&self, wanted: &Wanted<'_>) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params(wanted).signed_by(&key, &self.issuer).unwrap();
        Identity::new(certificate.der().clone(), certificate.pem(), &key)
    }

    /// A certificate that nobody but itself has signed.
    pub fn self_signed() -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params(&Wanted::default()).self_signed(&key).unwrap();
        Identity::new(certificate.der().clone(), certificate.pem(), &key)
    }
}

impl Identity {
    fn new(certificate: CertificateDer<'static>, pem: String, key: &KeyPair) -> Self {
        let der = PrivatePkcs8KeyDer::from(key.serialize_der());
        Self {
            pem,
            key_pem: key.serialize_pem(),
            certificate,
            key: der.into(),
        }
    }

    /// For a server of the test's own that offers these protocols.
    pub fn server(&self, alpn: &[&str]) -> Arc<ServerConfig> {
        self.server_with(alpn, rustls::ALL_VERSIONS)
    }

    /// [`server`](Self::server) with a choice of TLS versions.
    pub fn server_with(
        &self,
        alpn: &[&str],
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// Writes `NAME.pem` and `NAME.key` into a folder.
    pub fn write(&self, dir: &Path, name: &str) {
        std::fs::write(dir.join(format!("{name}.pem")), &self.pem).unwrap();
        std::fs::write(dir.join(format!("{name}.key")), &self.key_pem).unwrap();
    }
}

/// The cryptography of both sides.
pub fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn params(wanted: &Wanted<'_>) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = wanted.names.iter().map(|name| san(name)).collect();
    params
        .distinguished_name
        .push(DnType::CommonName, "Origin test server");
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    let (year, month, day) = wanted.until;
    params.not_after = rcgen::date_time_ymd(year, month, day);
    params
}

fn san(name: &str) -> SanType {
    match name.parse() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(name.try_into().unwrap()),
    }
}
