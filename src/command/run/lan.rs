//! This machine's addresses in the local network: what a phone has to be told.

use if_addrs::IfAddr;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// More than these would confuse.
const MOST: usize = 3;

/// Private IPv4 addresses, that of the default route first.
pub(super) fn addresses() -> Vec<Ipv4Addr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network's interfaces cannot be listed");
        Vec::new()
    });
    let addresses = interfaces
        .iter()
        .filter_map(|interface| match &interface.addr {
            IfAddr::V4(v4) => Some(v4.ip),
            IfAddr::V6(_) => None,
        });
    order(default_route(), addresses)
}

/// Those that a device in the network can reach, the preferred one first, then home networks before others.
fn order(preferred: Option<Ipv4Addr>, all: impl IntoIterator<Item = Ipv4Addr>) -> Vec<Ipv4Addr> {
    let reachable = |ip: &Ipv4Addr| !ip.is_loopback() && !ip.is_unspecified();
    // not 169.254.0.0/16, which is what an interface has that found no network
    let mut others: Vec<_> = all
        .into_iter()
        .filter(|ip| ip.is_private() && Some(*ip) != preferred)
        .collect();
    others.sort_by_key(|ip| ip.octets().first() != Some(&192));
    others.dedup();
    let mut addresses: Vec<_> = preferred
        .filter(reachable)
        .into_iter()
        .chain(others)
        .collect();
    addresses.truncate(MOST);
    addresses
}

/// The address that packets to the outside would come from. Connecting a UDP socket sends nothing.
fn default_route() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // TEST-NET-1, RFC 5737
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Ipv4Addr {
        text.parse().unwrap()
    }

    #[test]
    fn the_default_route_comes_first() {
        let all = [
            "127.0.0.1",
            "172.17.0.1",
            "169.254.3.4",
            "192.168.1.5",
            "8.8.8.8",
            "10.0.0.2",
        ];
        let all = all.map(ip);
        let expected = ["10.0.0.2", "192.168.1.5", "172.17.0.1"].map(ip);
        assert_eq!(order(Some(ip("10.0.0.2")), all), expected);
        assert_eq!(
            order(None, all),
            ["192.168.1.5", "172.17.0.1", "10.0.0.2"].map(ip)
        );
        assert!(order(Some(ip("127.0.0.1")), [ip("127.0.0.1")]).is_empty());
        // a machine with a public address only
        assert_eq!(order(Some(ip("203.0.113.5")), None), [ip("203.0.113.5")]);
    }
}
