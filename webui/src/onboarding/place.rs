//! Where the proxy is, as the visitor sees it.

use super::device::Device;
use crate::lan;
use overhear_proxy::Visit;
use std::net::SocketAddr;

/// The site's name through the proxy.
const SITE: &str = "overhear.internal";

/// For pages that talk to nobody.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Where the proxy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The proxy's host, for a settings dialog: an IPv6 address without brackets.
    pub(super) host: String,
    /// The proxy's port.
    pub(super) port: u16,
    /// The proxy's port as a URL without a path, for a visit without the proxy.
    pub(super) direct: String,
    /// What the check asks for, over TLS.
    pub(super) check: String,
    /// The check's origin, when a content security policy can name it.
    origin: Option<String>,
}

impl Place {
    /// `device` is whom the page is for.
    pub(super) fn of(visit: &Visit, device: Device) -> Self {
        let local = SocketAddr::new(visit.local.ip().to_canonical(), visit.local.port());
        let mut shown = local;
        // the steps for a phone, read on this machine: loopback would be the phone itself
        if local.ip().is_loopback() && device.is_mobile() {
            let everywhere = SocketAddr::from(([0, 0, 0, 0], local.port()));
            shown = lan::addresses(&[everywhere])
                .first()
                .copied()
                .unwrap_or(local);
        }
        let origin = match visit.proxied {
            true => format!("https://{SITE}"),
            false => format!("https://{local}"),
        };
        Self {
            host: shown.ip().to_string(),
            port: shown.port(),
            direct: format!("http://{shown}"),
            check: format!("{origin}/trusted"),
            // an IPv6 address is no host of a policy; 'self' covers the same host over TLS
            origin: (visit.proxied || local.is_ipv4()).then_some(origin),
        }
    }

    /// For the page with the check.
    pub(super) fn content_security_policy(&self) -> String {
        let origin = self.origin.as_deref().unwrap_or_default();
        format!("{POLICY}; script-src 'self'; connect-src 'self' {origin}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(local: &str, proxied: bool) -> Place {
        let local = local.parse().expect("an address");
        let visit = Visit {
            client: local,
            local,
            proxied,
            secure: false,
        };
        Place::of(&visit, Device::Linux)
    }

    #[test]
    fn the_check_goes_where_the_visitor_came_from() {
        assert_eq!(
            place("192.168.1.5:8080", false).check,
            "https://192.168.1.5:8080/trusted"
        );
        assert_eq!(
            place("192.168.1.5:8080", true).check,
            "https://overhear.internal/trusted"
        );
        let mapped = place("[::ffff:192.168.1.5]:8080", false);
        assert_eq!(
            (mapped.host.as_str(), mapped.direct.as_str()),
            ("192.168.1.5", "http://192.168.1.5:8080")
        );
        let v6 = place("[fd00::5]:8080", false);
        assert_eq!(
            (v6.host.as_str(), v6.direct.as_str()),
            ("fd00::5", "http://[fd00::5]:8080")
        );
        assert!(!v6.content_security_policy().contains('['));
    }

    #[test]
    fn the_check_stays_with_the_visitor() {
        let local = "127.0.0.1:8080".parse().expect("an address");
        let visit = Visit {
            client: local,
            local,
            proxied: false,
            secure: false,
        };
        // whatever address is shown for the phone
        let place = Place::of(&visit, Device::Ios);
        assert_eq!(place.check, "https://127.0.0.1:8080/trusted");
    }
}
