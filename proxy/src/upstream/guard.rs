//! What must not be reached through the proxy: the proxy itself, and the page.
//!
//! Decided on addresses after resolving, so that no name and no spelling leads around it.

use crate::{target::Target, words::failed};
use overhear_store::{Failure, FailureCause, Party};
use std::net::{IpAddr, SocketAddr};

/// The ports of this program.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    /// Where the proxy listens.
    pub(crate) own: Vec<SocketAddr>,
    /// Where the page and the API listen.
    pub(crate) reserved: Vec<SocketAddr>,
}

impl Guard {
    /// Refuses a target of which any address is this program's.
    pub(super) fn check(&self, target: &Target, addresses: &[SocketAddr]) -> Result<(), Failure> {
        self.check_with(target, addresses, is_local)
    }

    fn check_with(
        &self,
        target: &Target,
        addresses: &[SocketAddr],
        local: impl Fn(IpAddr) -> bool,
    ) -> Result<(), Failure> {
        let any = |ports: &[SocketAddr]| {
            addresses
                .iter()
                .any(|address| ports.iter().any(|port| same(*port, *address, &local)))
        };
        if any(&self.own) {
            return Err(failed(
                FailureCause::Loop,
                Party::Proxy,
                format!(
                    "{target} is this proxy itself: a request to it would go round in circles. Ask for http://overhear.internal to see its page for devices"
                ),
            ));
        }
        if any(&self.reserved) {
            return Err(failed(
                FailureCause::Forbidden,
                Party::Proxy,
                format!(
                    "{target} is overhear's own page, which cannot be opened through the proxy: open it without the proxy, on the computer that runs overhear"
                ),
            ));
        }
        Ok(())
    }
}

/// Whether a connection to `address` would arrive at the listener on `port`.
fn same(port: SocketAddr, address: SocketAddr, local: impl Fn(IpAddr) -> bool) -> bool {
    if port.port() != address.port() {
        return false;
    }
    let (listens, goes) = (port.ip().to_canonical(), address.ip().to_canonical());
    if listens.is_unspecified() {
        return local(goes);
    }
    // the unspecified address, as a destination, is this machine by its loopback address
    listens == goes || (goes.is_unspecified() && listens.is_loopback())
}

/// Whether `ip` is this machine's: loopback, unspecified, or an interface's.
pub(crate) fn is_local(ip: IpAddr) -> bool {
    if ip.is_loopback() || ip.is_unspecified() {
        return true;
    }
    // asked only when the port is ours already; an interface may have come since the start
    match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.iter().any(|i| i.ip().to_canonical() == ip),
        Err(error) => {
            tracing::warn!(%error, "the interfaces cannot be listed");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Scheme;

    const LAN: &str = "192.168.1.2";

    fn cause(own: &[&str], reserved: &[&str], address: &str) -> Option<FailureCause> {
        let parse = |all: &[&str]| all.iter().map(|a| a.parse().expect("an address")).collect();
        let guard = Guard {
            own: parse(own),
            reserved: parse(reserved),
        };
        let address: SocketAddr = address.parse().expect("an address");
        let target = Target {
            scheme: Scheme::Http,
            host: "some.name".to_owned(),
            port: address.port(),
        };
        let local = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified() || ip.to_string() == LAN;
        let other: SocketAddr = "192.0.2.1:9".parse().expect("an address");
        let checked = guard.check_with(&target, &[other, address], local);
        checked.err().map(|f| f.cause)
    }

    #[test]
    fn a_listener_on_all_interfaces() {
        for own in ["0.0.0.0:8080", "[::]:8080"] {
            for address in [
                "127.0.0.1:8080",
                "127.9.9.9:8080",
                "[::1]:8080",
                "0.0.0.0:8080",
                "[::]:8080",
                "[::ffff:127.0.0.1]:8080",
                "192.168.1.2:8080",
                "[::ffff:192.168.1.2]:8080",
            ] {
                assert_eq!(
                    cause(&[own], &[], address),
                    Some(FailureCause::Loop),
                    "{own} {address}"
                );
            }
            for address in ["127.0.0.1:8081", "192.168.1.3:8080", "[2001:db8::1]:8080"] {
                assert_eq!(cause(&[own], &[], address), None, "{own} {address}");
            }
        }
    }

    #[test]
    fn a_listener_on_one_address() {
        let own = &["127.0.0.1:8080"];
        assert_eq!(cause(own, &[], "127.0.0.1:8080"), Some(FailureCause::Loop));
        assert_eq!(cause(own, &[], "0.0.0.0:8080"), Some(FailureCause::Loop));
        assert_eq!(
            cause(own, &[], "[::ffff:0.0.0.0]:8080"),
            Some(FailureCause::Loop)
        );
        assert_eq!(
            cause(own, &[], "192.168.1.2:8080"),
            None,
            "another program's"
        );
        assert_eq!(cause(&["192.168.1.2:8080"], &[], "0.0.0.0:8080"), None);
    }

    #[test]
    fn the_page_is_reserved() {
        let page = &["127.0.0.1:8081"];
        assert_eq!(
            cause(&[], page, "127.0.0.1:8081"),
            Some(FailureCause::Forbidden)
        );
        assert_eq!(cause(&[], page, "127.0.0.1:8082"), None);
        assert_eq!(
            cause(&[], &["[::1]:8081"], "[::]:8081"),
            Some(FailureCause::Forbidden)
        );
        assert_eq!(
            cause(&["0.0.0.0:8081"], page, "127.0.0.1:8081"),
            Some(FailureCause::Loop)
        );
    }

    #[test]
    fn this_machine_is_local() {
        assert!(is_local("127.0.0.1".parse().expect("an address")));
        assert!(!is_local("192.0.2.77".parse().expect("an address")));
    }
}
