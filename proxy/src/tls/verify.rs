//! The check of a server's certificate: the platform's, which also keeps the chain it was shown.
//!
//! rustls hands a chain out only after a handshake that succeeded; a flow about a bad certificate needs
//! it too. The verifier is shared by all connections (sessions resume only under the same one), so the
//! chain is left where the task that polls the handshake finds it.

use crate::error::Error;
use rustls::{
    CertificateError, DigitallySignedStruct, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use std::{cell::RefCell, path::PathBuf, sync::Arc};
use tokio::runtime::RuntimeFlavor;
use x509_parser::prelude::{FromDer, X509Certificate};

type Chain = Arc<[Vec<u8>]>;

tokio::task_local! {
    static SEEN: RefCell<Chain>;
}

/// Runs a handshake; also gives the certificates that were checked in it.
pub(super) async fn watch<F: Future>(handshake: F) -> (F::Output, Chain) {
    let run = async {
        let output = handshake.await;
        let seen = SEEN.with(|seen| seen.take());
        (output, seen)
    };
    SEEN.scope(RefCell::default(), run).await
}

/// What decides about certificates.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    platform: Arc<dyn ServerCertVerifier>,
    /// Certificates that a person gave as roots.
    given: Arc<[CertificateDer<'static>]>,
}

/// The platform's verifier with more roots (PEM files).
pub(super) fn platform(files: &[PathBuf], provider: &Arc<CryptoProvider>) -> Result<Trust, Error> {
    let mut roots = Vec::new();
    for file in files {
        let wrong = |reason: String| {
            Error::Option(format!(
                "the certificates in {} cannot be used: {reason}",
                file.display()
            ))
        };
        let before = roots.len();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|e| wrong(e.to_string()))? {
            roots.push(certificate.map_err(|e| wrong(e.to_string()))?);
        }
        if roots.len() == before {
            return Err(wrong(
                "there is no PEM certificate (-----BEGIN CERTIFICATE-----) in it".to_owned(),
            ));
        }
    }
    let given: Arc<[_]> = roots.clone().into();
    let platform: Arc<dyn ServerCertVerifier> =
        match rustls_platform_verifier::Verifier::new_with_extra_roots(roots, provider.clone()) {
            Ok(verifier) => Arc::new(verifier),
            Err(error) if !given.is_empty() => {
                return Err(Error::Option(format!(
                    "the certificates given for servers cannot be used: {error}"
                )));
            }
            Err(error) => {
                tracing::warn!(%error, "no server certificate can be checked: install the package ca-certificates");
                Arc::new(NoRoots(provider.clone()))
            }
        };
    Ok(Trust { platform, given })
}

/// Checks as the verifier inside, or checks and accepts what it refuses.
#[derive(Debug)]
pub(super) struct Checked {
    trust: Trust,
    any: bool,
}

impl Checked {
    pub(super) fn new(trust: Trust, any: bool) -> Self {
        Self { trust, any }
    }

    /// Whether a person gave this very certificate as a root: the usual self-signed one of a server at home is
    /// its own authority, which the platform's check does not take for a server's. The name and the time must fit.
    fn is_given(&self, leaf: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> bool {
        let fits = || {
            let parsed = ParsedCertificate::try_from(leaf)?;
            verify_server_name(&parsed, name)
        };
        self.trust.given.contains(leaf) && fits().is_ok() && is_valid(leaf, now)
    }

    fn signature(
        &self,
        checked: Result<HandshakeSignatureValid, rustls::Error>,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match checked {
            // a certificate that cannot even be read (X.509 version 1, for one) has no key to check with
            Err(_) if self.any => Ok(HandshakeSignatureValid::assertion()),
            checked => checked,
        }
    }
}

impl ServerCertVerifier for Checked {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let chain: Chain = chain.map(|c| c.to_vec()).collect();
        // outside of `watch` nobody wants it
        let _ = SEEN.try_with(|seen| seen.replace(chain));
        if self.any {
            return Ok(ServerCertVerified::assertion());
        }
        if self.is_given(end_entity, server_name, now) {
            return Ok(ServerCertVerified::assertion());
        }
        let platform = &self.trust.platform;
        aside(|| {
            platform.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signature(
            self.trust
                .platform
                .verify_tls12_signature(message, cert, dss),
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signature(
            self.trust
                .platform
                .verify_tls13_signature(message, cert, dss),
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.platform.supported_verify_schemes()
    }
}

fn is_valid(leaf: &CertificateDer<'_>, now: UnixTime) -> bool {
    let Ok((_, leaf)) = X509Certificate::from_der(leaf) else {
        return false;
    };
    let validity = leaf.validity();
    i64::try_from(now.as_secs()).is_ok_and(|now| {
        (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now)
    })
}

/// Apple's check may ask the network (revocation, missing intermediates): meanwhile other tasks of this thread
/// go on elsewhere. The check of the other platforms only computes.
fn aside<T>(check: impl FnOnce() -> T) -> T {
    let runtime = tokio::runtime::Handle::try_current();
    let threads = runtime.is_ok_and(|r| r.runtime_flavor() == RuntimeFlavor::MultiThread);
    match cfg!(target_vendor = "apple") && threads {
        true => tokio::task::block_in_place(check),
        false => check(),
    }
}

/// Stands in on a machine without any root certificate: nothing can be trusted there.
#[derive(Debug)]
struct NoRoots(Arc<CryptoProvider>);

impl ServerCertVerifier for NoRoots {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
