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
            rest.strip_prefix(':')
                .is_some_and(|p| p.parse::<u16>().is_ok())
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

#[cfg(test)]
mod tests {
    use super::*;

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
