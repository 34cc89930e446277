//! Which `Host` values are ours.

use axum::http::uri::Authority;
use std::net::{IpAddr, SocketAddr};

/// The names under which the page may be asked for. Ports do not matter: a forwarded port is another
/// one, and no web site can choose a *name* that is in here.
pub(crate) struct Hosts {
    address: IpAddr,
}

impl Hosts {
    /// The names for a server that listens on `address`.
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address: address.ip().to_canonical(),
        }
    }

    /// Whether `name:port` (a `Host` value or an origin's authority) is ours.
    pub(super) fn own(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else {
            return false;
        };
        let host = authority.host();
        // neither a user before it nor a port that is none after it
        let rest = authority.as_str().strip_prefix(host);
        let port = |rest: &str| {
            let digits = |p: &&str| p.bytes().all(|b| b.is_ascii_digit());
            let port = rest.strip_prefix(':').filter(digits);
            port.is_some_and(|p| p.parse::<u16>().is_ok())
        };
        if !rest.is_some_and(|rest| rest.is_empty() || port(rest)) {
            return false;
        }
        // RFC 3986 section 3.2.2: in brackets stands an IPv6 address, and nowhere else
        let literal = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let ip = match literal {
            Some(literal) => literal.parse().map(IpAddr::V6),
            None => host.parse().map(IpAddr::V4),
        };
        match ip {
            Ok(ip) => {
                let ip = ip.to_canonical();
                // whoever listens on all addresses is reached under one of them, which no name server chooses
                ip.is_loopback() || ip == self.address || self.address.is_unspecified()
            }
            Err(_) => host.eq_ignore_ascii_case("localhost"),
        }
    }
}

/// A `Host` that is ours: whoever reads it as the authority of a URL is led to this machine.
#[cfg(any(test, fuzzing))]
pub fn fuzz(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if !Hosts::new(SocketAddr::from(([127, 0, 0, 1], 8081))).own(&text) {
        return;
    }
    let url = url::Url::parse(&format!("http://{text}/"));
    let url = url.unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let ours = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => IpAddr::from(ip).to_canonical().is_loopback(),
        None => false,
    };
    assert!(
        ours && url.username().is_empty() && url.path() == "/",
        "{url}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutated_hosts_are_this_machine_or_not_ours() {
        let seeds = [
            "localhost:8081",
            "127.1.2.3:1",
            "[::ffff:127.0.0.1]",
            "a@localhost",
            "127.0.0.1.evil.test:80",
        ];
        overhear_fuzz_rounds::rounds("webui_host", fuzz, &seeds);
    }

    fn own(listen: &str, host: &str) -> bool {
        Hosts::new(listen.parse().expect("an address")).own(host)
    }

    #[test]
    fn this_machine_is_ours_and_names_are_not() {
        for host in [
            "localhost:8081",
            "LOCALHOST",
            "127.0.0.1:1",
            "[::1]:8081",
            "127.1.2.3",
        ] {
            assert!(own("127.0.0.1:8081", host), "{host}");
        }
        for host in [
            "",
            "evil.test",
            "localhost.evil.test",
            "127.0.0.1.evil.test",
            "a@localhost",
            "192.168.1.5:8081",
            "localhost:port",
            "localhost:+81",
            "::1",
            "[::1",
            "[127.0.0.1]",
            "0x7f.1",
            "overhear.internal",
            " localhost",
        ] {
            assert!(!own("127.0.0.1:8081", host), "{host}");
        }
    }

    #[test]
    fn the_address_that_was_asked_for_is_ours() {
        assert!(own("192.168.1.5:8081", "192.168.1.5:8081"));
        assert!(!own("192.168.1.5:8081", "192.168.1.6:8081"));
        assert!(own("0.0.0.0:8081", "192.168.1.5:8081"));
        assert!(own("[::]:8081", "[fd00::5]:8081"));
        assert!(!own("0.0.0.0:8081", "evil.test:8081"));
    }
}
