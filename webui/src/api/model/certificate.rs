//! A certificate in words, RFC 5280. Whatever bytes a server sent as its certificate can be shown.

use super::time::seconds;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::net::{Ipv4Addr, Ipv6Addr};
use utoipa::ToSchema;
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, prelude::FromDer as _,
    public_key::PublicKey, x509::SubjectPublicKeyInfo,
};

/// A certificate of a chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Certificate {
    /// The subject's distinguished name.
    #[schema(example = "CN=example.com")]
    pub subject: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// The serial number, hexadecimal with colons.
    pub serial: String,
    /// First second of validity, RFC 3339; empty when it cannot be read.
    pub not_before: String,
    /// Last second of validity, RFC 3339; empty when it cannot be read.
    pub not_after: String,
    /// Subject alternative names: DNS names, IP addresses, URIs and mail addresses.
    pub names: Vec<String>,
    /// The public key's algorithm and size.
    #[schema(example = "ECDSA P-256")]
    pub key: String,
    /// The algorithm it was signed with.
    #[schema(example = "ECDSA with SHA-256")]
    pub signature: String,
    /// SHA-256 of the DER: lower-case hexadecimal without separators.
    pub sha256: String,
    /// The certificate in PEM (RFC 7468).
    pub pem: String,
    /// Why it cannot be read, when it cannot; the fields above are then empty except `sha256` and `pem`.
    pub error: Option<String>,
}

impl Certificate {
    /// Reads a certificate; bytes that are none are said to be so in `error`.
    pub fn from_der(der: &[u8]) -> Self {
        let basics = Self {
            sha256: hex(&Sha256::digest(der)),
            pem: pem(der),
            ..Self::default()
        };
        let certificate = match X509Certificate::from_der(der) {
            Ok((_, certificate)) => certificate,
            Err(error) => {
                return Self {
                    error: Some(format!("This is not a readable X.509 certificate: {error}")),
                    ..basics
                };
            }
        };
        Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            serial: certificate.raw_serial_as_string(),
            not_before: seconds(certificate.validity().not_before.timestamp()),
            not_after: seconds(certificate.validity().not_after.timestamp()),
            names: names(&certificate),
            key: key(certificate.public_key()),
            signature: signature(&certificate.signature_algorithm.algorithm.to_id_string()),
            ..basics
        }
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    extension.value.general_names.iter().map(name).collect()
}

fn name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
            (*text).to_owned()
        }
        GeneralName::IPAddress(bytes) => {
            if let Ok(v4) = <[u8; 4]>::try_from(*bytes) {
                Ipv4Addr::from(v4).to_string()
            } else if let Ok(v6) = <[u8; 16]>::try_from(*bytes) {
                Ipv6Addr::from(v6).to_string()
            } else {
                format!("IP address of {} bytes", bytes.len())
            }
        }
        other => other.to_string(),
    }
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> String {
    let algorithm = info.algorithm.algorithm.to_id_string();
    match algorithm.as_str() {
        "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => match info.parsed() {
            Ok(PublicKey::RSA(rsa)) => format!("RSA {} bits", rsa.key_size()),
            _ => "RSA".to_owned(),
        },
        "1.2.840.10045.2.1" => {
            let curve = info
                .algorithm
                .parameters
                .as_ref()
                .and_then(|p| p.as_oid().ok());
            match curve.map(|c| c.to_id_string()).as_deref() {
                Some("1.2.840.10045.3.1.7") => "ECDSA P-256".to_owned(),
                Some("1.3.132.0.34") => "ECDSA P-384".to_owned(),
                Some("1.3.132.0.35") => "ECDSA P-521".to_owned(),
                Some("1.3.132.0.10") => "ECDSA secp256k1".to_owned(),
                Some(other) => format!("ECDSA (curve {other})"),
                None => "ECDSA".to_owned(),
            }
        }
        "1.2.840.10040.4.1" => "DSA".to_owned(),
        "1.3.101.112" => "Ed25519".to_owned(),
        "1.3.101.113" => "Ed448".to_owned(),
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44".to_owned(),
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65".to_owned(),
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87".to_owned(),
        other => format!("algorithm {other}"),
    }
}

fn signature(algorithm: &str) -> String {
    match algorithm {
        "1.2.840.113549.1.1.4" => "RSA with MD5",
        "1.2.840.113549.1.1.5" => "RSA with SHA-1",
        "1.2.840.113549.1.1.11" => "RSA with SHA-256",
        "1.2.840.113549.1.1.12" => "RSA with SHA-384",
        "1.2.840.113549.1.1.13" => "RSA with SHA-512",
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.2.840.10045.4.1" => "ECDSA with SHA-1",
        "1.2.840.10045.4.3.2" => "ECDSA with SHA-256",
        "1.2.840.10045.4.3.3" => "ECDSA with SHA-384",
        "1.2.840.10045.4.3.4" => "ECDSA with SHA-512",
        "1.2.840.10040.4.3" => "DSA with SHA-1",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44",
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65",
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87",
        other => return format!("algorithm {other}"),
    }
    .to_owned()
}

/// Lower-case hexadecimal without separators.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // writing to a string does not fail
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn pem(der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    fn sample() -> Vec<u8> {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["example.com".to_owned()]).expect("names");
        params
            .distinguished_name
            .push(DnType::CommonName, "<script>alert(1)</script>");
        params
            .subject_alt_names
            .push(SanType::IpAddress("192.0.2.1".parse().expect("v4")));
        params
            .subject_alt_names
            .push(SanType::IpAddress("2001:db8::1".parse().expect("v6")));
        params
            .self_signed(&key)
            .expect("a certificate")
            .der()
            .to_vec()
    }

    #[test]
    fn says_what_stands_in_it() {
        let certificate = Certificate::from_der(&sample());
        assert_eq!(certificate.error, None);
        assert!(
            certificate.subject.contains("CN=<script>alert(1)</script>"),
            "{certificate:?}"
        );
        assert_eq!(
            certificate.names,
            ["example.com", "192.0.2.1", "2001:db8::1"]
        );
        assert_eq!(certificate.key, "ECDSA P-256");
        assert_eq!(certificate.signature, "ECDSA with SHA-256");
        assert_eq!(certificate.sha256.len(), 64);
        assert!(certificate.pem.lines().all(|line| line.len() <= 64));
    }

    #[test]
    fn every_broken_certificate_is_shown() {
        let der = sample();
        for length in 0..der.len() {
            let certificate = Certificate::from_der(der.get(..length).expect("in range"));
            assert!(certificate.error.is_some(), "{length}");
        }
        // one byte changed at a time: readable or not, but never a panic
        for at in 0..der.len() {
            for bit in [0x01, 0x80, 0xff] {
                let mut broken = der.clone();
                if let Some(byte) = broken.get_mut(at) {
                    *byte ^= bit;
                }
                assert_eq!(Certificate::from_der(&broken).sha256.len(), 64);
            }
        }
    }
}
