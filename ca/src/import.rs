//! What a person brings: certificates and keys in PEM, DER or PKCS#12, read into one shape.

use crate::error::Error;
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
        ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    },
};
use p12_keystore::Pkcs12Archive;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivateSec1KeyDer};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

/// Certificates and private keys, in the order they were found; which belong together is not decided here.
#[derive(Default)]
pub(crate) struct Material {
    /// X.509 in DER.
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    /// PKCS#8 in DER, without encryption.
    pub(crate) keys: Vec<Vec<u8>>,
}

impl Material {
    /// Reads a certificate file, which may hold the key too, and a key file.
    pub(crate) fn read(
        certificate: &[u8],
        key: Option<&[u8]>,
        password: Option<&str>,
    ) -> Result<Self, Error> {
        let mut material = Self::default();
        material.add(certificate, password, "the certificate file")?;
        if let Some(key) = key {
            // what is asked for by name comes first
            let mut given = Self::default();
            given.add(key, password, "the key file")?;
            given.certificates.clear();
            if given.keys.is_empty() {
                return Err(unusable("the key file", "there is no private key in it"));
            }
            material.keys.splice(0..0, given.keys);
        }
        Ok(material)
    }

    fn add(&mut self, bytes: &[u8], password: Option<&str>, what: &str) -> Result<(), Error> {
        if contains(bytes, b"-----BEGIN ") {
            return self.add_pem(bytes, what);
        }
        if X509Certificate::from_der(bytes).is_ok() {
            self.certificates.push(bytes.to_vec().into());
            return Ok(());
        }
        if is_pkcs12(bytes) {
            return self.add_pkcs12(bytes, password, what);
        }
        if let Ok(key) = PrivateKeyDer::try_from(bytes) {
            self.keys.push(pkcs8(key, what)?);
            return Ok(());
        }
        Err(unusable(
            what,
            "it is neither PEM nor a certificate, a key or PKCS#12 in DER",
        ))
    }

    fn add_pem(&mut self, bytes: &[u8], what: &str) -> Result<(), Error> {
        let blocks = pem::parse_many(bytes)
            .map_err(|error| unusable(what, &format!("its PEM cannot be read ({error})")))?;
        for block in blocks {
            let encrypted = block
                .headers()
                .get("Proc-Type")
                .is_some_and(|v| v.contains("ENCRYPTED"))
                || block.tag() == "ENCRYPTED PRIVATE KEY";
            if encrypted {
                return Err(unusable(
                    what,
                    "its key is encrypted: take the password off first \
                     (openssl pkey -in FILE -out PLAIN), or give it as PKCS#12",
                ));
            }
            let der = block.contents();
            match block.tag() {
                "CERTIFICATE" | "X509 CERTIFICATE" => {
                    self.certificates.push(der.to_vec().into());
                }
                "PRIVATE KEY" => self.keys.push(der.to_vec()),
                "RSA PRIVATE KEY" => {
                    let key = PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(der));
                    self.keys.push(pkcs8(key, what)?);
                }
                "EC PRIVATE KEY" => {
                    let key = PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(der));
                    self.keys.push(pkcs8(key, what)?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn add_pkcs12(
        &mut self,
        bytes: &[u8],
        password: Option<&str>,
        what: &str,
    ) -> Result<(), Error> {
        let archive =
            Pkcs12Archive::from_pkcs12(bytes, password.unwrap_or_default()).map_err(|error| {
                let advice = match (&error, password) {
                    (p12_keystore::error::Error::MacError(_), None) => {
                        "it is sealed with a password: give it with --password".to_owned()
                    }
                    (p12_keystore::error::Error::MacError(_), Some(_)) => {
                        "the password is not the one it was sealed with".to_owned()
                    }
                    _ => format!("it cannot be read as PKCS#12 ({error})"),
                };
                unusable(what, &advice)
            })?;
        for bag in archive.certs {
            self.certificates.push(bag.cert.as_der().to_vec().into());
        }
        for bag in archive.keys {
            self.keys.push(bag.key.as_der().to_vec());
        }
        Ok(())
    }
}

/// PKCS#1 (RFC 8017) and SEC 1 (RFC 5915) keys written as PKCS#8 (RFC 5958).
fn pkcs8(key: PrivateKeyDer<'_>, what: &str) -> Result<Vec<u8>, Error> {
    let wrong = || {
        unusable(
            what,
            "its key cannot be read, or is of a kind that cannot sign here",
        )
    };
    match key {
        PrivateKeyDer::Pkcs8(key) => Ok(key.secret_pkcs8_der().to_vec()),
        PrivateKeyDer::Pkcs1(key) => {
            let pair = rsa::KeyPair::from_der(key.secret_pkcs1_der()).map_err(|_| wrong())?;
            let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| wrong())?;
            Ok(der.as_ref().to_vec())
        }
        PrivateKeyDer::Sec1(key) => {
            let curves = [
                &ECDSA_P256_SHA256_ASN1_SIGNING,
                &ECDSA_P384_SHA384_ASN1_SIGNING,
                &ECDSA_P521_SHA512_ASN1_SIGNING,
            ];
            let pair = curves
                .into_iter()
                .find_map(|c| EcdsaKeyPair::from_private_key_der(c, key.secret_sec1_der()).ok())
                .ok_or_else(wrong)?;
            Ok(pair.to_pkcs8v1().map_err(|_| wrong())?.as_ref().to_vec())
        }
        _ => Err(wrong()),
    }
}

/// PKCS#12 is a sequence that begins with version 3 (RFC 7292 section 4); keys begin with 0 or 1.
fn is_pkcs12(bytes: &[u8]) -> bool {
    let [0x30, length, ..] = bytes else {
        return false;
    };
    let long = if *length > 0x80 {
        usize::from(length & 0x7f)
    } else {
        0
    };
    bytes
        .get(2 + long..)
        .is_some_and(|content| content.starts_with(&[2, 1, 3]))
}

fn unusable(what: &str, reason: &str) -> Error {
    Error::Unusable {
        what: what.to_owned(),
        reason: reason.to_owned(),
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

#[cfg(test)]
mod tests;
