//! TLS errors in words: alerts by their names in RFC 8446, certificates by what is wrong with them.

use rustls::{AlertDescription, CertificateError};
use std::net::IpAddr;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

const SELF_SIGNED: &str = "it is self-signed, so nobody that this computer trusts vouches for it";

/// An alert by its name and number: `unknown_ca (48)`.
pub(super) fn alert(alert: AlertDescription) -> String {
    let number = u8::from(alert);
    let name = match alert {
        AlertDescription::UnrecognisedName => "unrecognized_name".to_owned(),
        AlertDescription::UnknownPSKIdentity => "unknown_psk_identity".to_owned(),
        other => snake(other.as_str().unwrap_or("unknown")),
    };
    format!("{name} ({number})")
}

/// What a server's alert usually means; begins with a separator, or is empty.
pub(super) fn alert_hint(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            ": it and overhear (TLS 1.2 and 1.3) have no cipher in common, or it wants a client certificate"
        }
        AlertDescription::ProtocolVersion => {
            ": it speaks neither TLS 1.2 nor 1.3, the versions that overhear knows"
        }
        AlertDescription::UnrecognisedName => ": it does not know the name it was asked for",
        AlertDescription::NoApplicationProtocol => {
            ": it knows none of the protocols that the client offered (ALPN)"
        }
        AlertDescription::CertificateRequired | AlertDescription::BadCertificate => {
            ": it wants a client certificate, which overhear is given with --client-cert HOST=FILE"
        }
        AlertDescription::UnknownCA
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied => ": it does not accept the client certificate",
        _ => "",
    }
}

/// Any other error of TLS; `peer` is who is on the other side.
pub(super) fn error(error: &rustls::Error, peer: &str) -> String {
    use rustls::{Error, PeerIncompatible};
    match error {
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::Tls13RequiredForQuic
            | PeerIncompatible::SupportedVersionsExtensionRequired,
        ) => format!("{peer} speaks neither TLS 1.2 nor 1.3, the versions that overhear knows"),
        // TLS 1.2 has it, older versions do not: RFC 5246 section 7.4.1.4.1
        Error::PeerIncompatible(PeerIncompatible::SignatureAlgorithmsExtensionRequired) => {
            format!("{peer} speaks only TLS 1.1 or older, and overhear TLS 1.2 and 1.3")
        }
        Error::InvalidMessage(_) => format!("what came from {peer} is not TLS"),
        Error::PeerIncompatible(
            PeerIncompatible::NoCipherSuitesInCommon
            | PeerIncompatible::NoKxGroupsInCommon
            | PeerIncompatible::NoSignatureSchemesInCommon
            | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon,
        ) => format!("{peer} and overhear have no cipher, key exchange or signature in common"),
        other => other.to_string(),
    }
}

/// Why a certificate was not accepted. `host` is the name that was wanted; `chain` is in DER, leaf first.
pub(super) fn certificate(reason: &CertificateError, host: &str, chain: &[Vec<u8>]) -> String {
    let leaf = chain
        .first()
        .and_then(|der| X509Certificate::from_der(der).ok())
        .map(|(_, leaf)| leaf);
    let Some(leaf) = leaf else {
        return format!("it cannot be read ({reason})");
    };
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            // the one that expired may be an intermediate
            let expired = chain
                .iter()
                .filter_map(|der| X509Certificate::from_der(der).ok());
            let now = OffsetDateTime::now_utc();
            let expired = expired
                .map(|(_, c)| c.validity().not_after.to_datetime())
                .find(|end| *end < now);
            let end = expired.unwrap_or_else(|| leaf.validity().not_after.to_datetime());
            format!("it expired on {}", day(end))
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => format!(
            "it is not valid before {} (is this computer's clock right?)",
            day(leaf.validity().not_before.to_datetime())
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = names(&leaf);
            match names.is_empty() {
                true => format!("it is not for {host}: it names no host at all"),
                false => format!("it is not for {host}, but for {}", list(&names)),
            }
        }
        // a bad signature: it calls itself as a trusted root does, whose key its own is compared with
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
            if leaf.subject() == leaf.issuer() =>
        {
            SELF_SIGNED.to_owned()
        }
        CertificateError::UnknownIssuer => format!(
            "its issuer ({}) is not one that this computer trusts",
            leaf.issuer()
        ),
        CertificateError::Revoked => "its issuer has revoked it".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not made for servers".to_owned()
        }
        // it names an issuer of another's key
        CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => format!(
            "its signature is not by the issuer that it names ({})",
            leaf.issuer()
        ),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. } => format!(
            "it is signed in a way that is not accepted (algorithm {})",
            leaf.signature_algorithm.algorithm
        ),
        CertificateError::BadEncoding => "it is not well formed".to_owned(),
        CertificateError::UnhandledCriticalExtension => {
            "it has an extension, marked as critical, that is not known here".to_owned()
        }
        CertificateError::Other(other) => platform(&other.to_string(), host, &leaf),
        other => other.to_string(),
    }
}

/// What the platform said, with what the certificate itself shows.
fn platform(said: &str, host: &str, leaf: &X509Certificate<'_>) -> String {
    let now = OffsetDateTime::now_utc();
    let end = leaf.validity().not_after.to_datetime();
    if end < now {
        return format!("it expired on {} ({said})", day(end));
    }
    let names = names(leaf);
    if leaf.subject() == leaf.issuer() {
        return SELF_SIGNED.to_owned();
    }
    format!("{said} (asked for {host}; it is for {})", list(&names))
}

fn names(leaf: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = leaf.subject_alternative_name() else {
        return Vec::new();
    };
    let names = extension.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
                Ok(v4) => Some(IpAddr::from(v4).to_string()),
                Err(_) => <[u8; 16]>::try_from(*bytes)
                    .ok()
                    .map(|v6| IpAddr::from(v6).to_string()),
            },
            _ => None,
        })
        .collect()
}

/// The first few of many names.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn day(moment: OffsetDateTime) -> String {
    moment.date().to_string()
}

/// `UnknownCA` to `unknown_ca`.
fn snake(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    let mut before_is_lower = false;
    for c in camel.chars() {
        if c.is_ascii_uppercase() && before_is_lower {
            snake.push('_');
        }
        before_is_lower = c.is_ascii_lowercase();
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_by_their_names() {
        let said = [
            (AlertDescription::UnknownCA, "unknown_ca (48)"),
            (AlertDescription::BadCertificate, "bad_certificate (42)"),
            (AlertDescription::HandshakeFailure, "handshake_failure (40)"),
            (AlertDescription::ProtocolVersion, "protocol_version (70)"),
            (
                AlertDescription::UnrecognisedName,
                "unrecognized_name (112)",
            ),
            (
                AlertDescription::NoApplicationProtocol,
                "no_application_protocol (120)",
            ),
            (AlertDescription::Unknown(200), "unknown (200)"),
        ];
        for (description, name) in said {
            assert_eq!(alert(description), name);
        }
    }

    /// A certificate of `subject`, in the name of `issuer`.
    fn signed(subject: &str, issuer: &str) -> Vec<Vec<u8>> {
        let named = |name: &str| {
            let mut params = rcgen::CertificateParams::default();
            params.distinguished_name = rcgen::DistinguishedName::new();
            params
                .distinguished_name
                .push(rcgen::DnType::CommonName, name);
            params
        };
        let key = rcgen::KeyPair::generate().unwrap();
        let by = rcgen::Issuer::new(named(issuer), rcgen::KeyPair::generate().unwrap());
        vec![named(subject).signed_by(&key, &by).unwrap().der().to_vec()]
    }

    #[test]
    fn whose_signature_is_bad() {
        // as the verifier says it of a certificate that bears the name of a root that is trusted
        let said =
            |chain: &[Vec<u8>]| certificate(&CertificateError::BadSignature, "a.test", chain);
        assert_eq!(said(&signed("Known Root", "Known Root")), SELF_SIGNED);
        let said = said(&signed("a.test", "Known Root"));
        assert_eq!(
            said,
            "its signature is not by the issuer that it names (CN=Known Root)"
        );
    }

    #[test]
    fn a_certificate_that_cannot_be_read() {
        let said = certificate(&CertificateError::BadEncoding, "a.test", &[vec![1, 2, 3]]);
        assert!(said.starts_with("it cannot be read"), "{said}");
        assert!(certificate(&CertificateError::Expired, "a.test", &[]).starts_with("it cannot"));
    }
}
