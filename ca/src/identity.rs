//! A certificate with its key, as somebody shows it who is asked who they are: a client certificate.

use crate::{error::Error, import::Material};
use rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

/// A certificate, those above it, and its private key.
#[derive(Debug, Clone)]
pub struct Identity {
    key: CertifiedKey,
    subject: String,
}

impl Identity {
    /// Reads PEM with certificates and their key in one file, or PKCS#12 with its password. The certificate is the one
    /// that belongs to the key; of the others, those that lead up from it are kept in order.
    ///
    /// # Errors
    /// [`Error::Unusable`] says what is missing or wrong.
    pub fn read(bytes: &[u8], password: Option<&str>) -> Result<Self, Error> {
        let unusable = |reason: &str| Error::Unusable {
            what: "the client certificate".to_owned(),
            reason: reason.to_owned(),
        };
        let material = Material::read(bytes, None, password)?;
        if material.keys.is_empty() {
            return Err(unusable(
                "there is no private key in the file: put it there in PEM, or give PKCS#12",
            ));
        }
        let provider = aws_lc_rs::default_provider();
        for key in &material.keys {
            for leaf in &material.certificates {
                let chain = chain(leaf, &material.certificates);
                let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.clone()));
                if let Ok(key) = CertifiedKey::from_der(chain, key, &provider) {
                    let parsed = X509Certificate::from_der(leaf);
                    let subject = parsed.map(|(_, parsed)| parsed.subject().to_string());
                    return Ok(Self {
                        key,
                        subject: subject.unwrap_or_default(),
                    });
                }
            }
        }
        Err(unusable(
            "there is no certificate in the file that belongs to its private key",
        ))
    }

    /// What signs with it.
    pub fn key(&self) -> &CertifiedKey {
        &self.key
    }

    /// Its subject, for a person.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

/// A certificate and those above it.
fn chain(
    leaf: &CertificateDer<'static>,
    all: &[CertificateDer<'static>],
) -> Vec<CertificateDer<'static>> {
    let mut chain = vec![leaf.clone()];
    while let Some(Ok((_, last))) = chain.last().map(|last| X509Certificate::from_der(last)) {
        let is_above = |other: &&CertificateDer<'static>| {
            !chain.contains(other)
                && X509Certificate::from_der(other)
                    .is_ok_and(|(_, other)| other.subject() == last.issuer())
        };
        match all.iter().find(is_above).cloned() {
            Some(above) => chain.push(above),
            None => break,
        }
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    }

    #[test]
    fn the_certificate_of_the_key_comes_first() {
        let root_key = KeyPair::generate().unwrap();
        let mut root = params("Above");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root_pem = root.self_signed(&root_key).unwrap().pem();
        let issuer = Issuer::new(root, root_key);
        let key = KeyPair::generate().unwrap();
        let leaf = params("Client").signed_by(&key, &issuer).unwrap().pem();
        let other = params("Other").self_signed(&KeyPair::generate().unwrap());
        let other = other.unwrap().pem();
        let pem = [&other, &root_pem, &leaf, &key.serialize_pem()]
            .map(String::as_str)
            .concat();
        let identity = Identity::read(pem.as_bytes(), None).unwrap();
        assert!(
            identity.subject().contains("CN=Client"),
            "{}",
            identity.subject()
        );
        assert_eq!(identity.key().cert.len(), 2);

        for (wrong, told) in [
            (leaf.clone(), "no private key"),
            (
                format!("{other}{}", key.serialize_pem()),
                "belongs to its private key",
            ),
            (key.serialize_pem(), "belongs to its private key"),
            ("nothing".to_owned(), "neither PEM nor"),
        ] {
            let said = Identity::read(wrong.as_bytes(), None)
                .unwrap_err()
                .to_string();
            assert!(said.contains(told), "{said}");
        }
    }
}
