//! The names in a leaf: what a client asked for and what the origin's certificate says, made fit for a
//! subject alternative name (RFC 5280 section 4.2.1.6).

use rcgen::{SanType, string::Ia5String};
use std::net::IpAddr;
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
};

/// The most names one leaf carries; an origin's further names are left out.
pub(crate) const MOST_NAMES: usize = 100;

/// A name that a certificate can carry. DNS names are A-labels in lower case, without a final dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    Dns(String),
    Ip(IpAddr),
}

impl Name {
    /// Reads what a client asked for: an IP literal (with or without brackets or zone), or a DNS name, which
    /// may be internationalised. `None` when it is neither.
    pub(crate) fn host(text: &str) -> Option<Self> {
        let bare = text
            .strip_prefix('[')
            .and_then(|t| t.strip_suffix(']'))
            .unwrap_or(text);
        let address = match bare.split_once('%') {
            Some((address, _zone)) if address.contains(':') => address,
            _ => bare,
        };
        if let Ok(ip) = address.parse() {
            return Some(Self::Ip(ip));
        }
        let ascii = idna::domain_to_ascii_cow(bare.as_bytes(), idna::AsciiDenyList::URL).ok()?;
        let name = ascii.strip_suffix('.').unwrap_or(&ascii);
        is_dns(name).then(|| Self::Dns(name.to_owned()))
    }

    /// As [`host`](Self::host), but a first label `*` is a wildcard.
    fn presented(text: &str) -> Option<Self> {
        match text.strip_prefix("*.") {
            Some(rest) => match Self::host(rest)? {
                Self::Dns(rest) => {
                    let name = format!("*.{rest}");
                    (name.len() <= 253).then_some(Self::Dns(name))
                }
                Self::Ip(_) => None,
            },
            None => Self::host(text),
        }
    }

    /// The common name for a leaf, when it fits (64 characters, RFC 5280 appendix A.1).
    pub(crate) fn common_name(&self) -> Option<String> {
        let text = match self {
            Self::Dns(name) => name.clone(),
            Self::Ip(ip) => ip.to_string(),
        };
        (text.len() <= 64).then_some(text)
    }

    /// The form that goes into the certificate.
    pub(crate) fn san(&self) -> Option<SanType> {
        match self {
            Self::Dns(name) => Ia5String::try_from(name.as_str())
                .ok()
                .map(SanType::DnsName),
            Self::Ip(ip) => Some(SanType::IpAddress(*ip)),
        }
    }
}

/// `host` first, then the names of the origin's certificate (DER): at most [`MOST_NAMES`], each once, nonsense
/// left out.
pub(crate) fn names(host: &Name, mirror: Option<&[u8]>) -> Vec<Name> {
    let mut names = vec![host.clone()];
    let Some((_, certificate)) = mirror.and_then(|der| X509Certificate::from_der(der).ok()) else {
        return names;
    };
    let alternatives =
        certificate
            .extensions()
            .iter()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
                _ => None,
            });
    for name in alternatives.into_iter().flatten() {
        let name = match name {
            GeneralName::DNSName(text) => Name::presented(text),
            GeneralName::IPAddress(bytes) => address(bytes).map(Name::Ip),
            _ => None,
        };
        match name {
            Some(name) if !names.contains(&name) => names.push(name),
            _ => {}
        }
        if names.len() >= MOST_NAMES {
            break;
        }
    }
    names
}

/// Letters, digits, hyphens and (common, though not RFC 1123) underscores, in labels of 1 to 63, together at
/// most 253; the last label is not a number, which would make it an address.
fn is_dns(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let number = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    name.len() <= 253 && name.split('.').all(label) && !name.rsplit('.').next().is_some_and(number)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(four.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dns(text: &str) -> Option<Name> {
        Some(Name::Dns(text.to_owned()))
    }

    #[test]
    fn reads_hosts() {
        assert_eq!(Name::host("Example.COM."), dns("example.com"));
        assert_eq!(Name::host("bücher.example"), dns("xn--bcher-kva.example"));
        assert_eq!(
            Name::host("xn--bcher-kva.example"),
            dns("xn--bcher-kva.example")
        );
        assert_eq!(Name::host("_dmarc.example.com"), dns("_dmarc.example.com"));
        assert_eq!(Name::host("-odd-.example.com"), dns("-odd-.example.com"));
        assert_eq!(Name::host("localhost"), dns("localhost"));
        let ip = |text: &str| Some(Name::Ip(text.parse().unwrap()));
        assert_eq!(Name::host("192.0.2.1"), ip("192.0.2.1"));
        assert_eq!(Name::host("2001:db8::1"), ip("2001:db8::1"));
        assert_eq!(Name::host("[2001:db8::1]"), ip("2001:db8::1"));
        assert_eq!(Name::host("fe80::1%eth0"), ip("fe80::1"));
    }

    #[test]
    fn refuses_what_is_no_name() {
        let long_label = "a".repeat(64);
        let long_name = "abcdefg.".repeat(40) + "example";
        let odd = [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a b",
            "a/b",
            "a\0b",
            "*.example.com",
            "é\u{ffff}",
            "[::1",
            "300.1.1.1",
            "1.2.3",
            "a:b",
            "xn--\u{80}",
            long_label.as_str(),
            long_name.as_str(),
        ];
        for host in odd {
            assert_eq!(Name::host(host), None, "{host:?}");
        }
    }

    #[test]
    fn wildcards_only_in_certificates() {
        assert_eq!(Name::presented("*.Example.com"), dns("*.example.com"));
        assert_eq!(Name::presented("*.192.0.2.1"), None);
        assert_eq!(Name::presented("f*.example.com"), None);
        assert_eq!(Name::presented("*"), None);
    }

    #[test]
    fn a_mirror_that_is_no_certificate_is_ignored() {
        let host = Name::host("a.example").unwrap();
        assert_eq!(
            names(&host, Some(b"\x30\x82 nonsense")),
            std::slice::from_ref(&host)
        );
        assert_eq!(names(&host, None), [host]);
    }
}
