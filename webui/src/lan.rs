//! Under which addresses other devices reach this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// More than these would confuse.
const MOST: usize = 4;

/// The addresses for other devices of sockets that listen on `listening`, the likeliest first: an unspecified
/// address stands for the address of the default route and for private ones (RFC 1918, RFC 4193), loopback for none.
/// At most four.
pub fn addresses(listening: &[SocketAddr]) -> Vec<SocketAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network's interfaces cannot be listed");
        Vec::new()
    });
    let all = interfaces.iter().map(|i| (i.name.as_str(), i.ip()));
    reached(listening, &order(outgoing(), all))
}

/// What a device in the network can reach, the default route's address first, IPv4 before IPv6, and interfaces of
/// virtual machines and containers last.
fn order<'a>(
    preferred: Option<IpAddr>,
    all: impl IntoIterator<Item = (&'a str, IpAddr)>,
) -> Vec<IpAddr> {
    let mut others: Vec<_> = all
        .into_iter()
        .map(|(name, ip)| (rank(name), ip.to_canonical()))
        .filter(|(_, ip)| is_private(*ip) && Some(*ip) != preferred)
        .collect();
    others.sort_by_key(|(rank, ip)| (ip.is_ipv6(), *rank, !is_home(*ip)));
    let others = others.into_iter().map(|(_, ip)| ip);
    preferred.into_iter().chain(others).collect()
}

/// A network at home or in an office.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

fn is_home(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if ip.octets().first() == Some(&192))
}

/// The address that packets to elsewhere leave from. Nothing is sent.
fn outgoing() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // TEST-NET-1, RFC 5737: as good as any address on the Internet
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Interfaces of virtual machines and containers come last.
fn rank(name: &str) -> u8 {
    let inner = [
        "docker", "br-", "veth", "virbr", "vmnet", "vboxnet", "bridge", "utun", "tun", "tap",
    ];
    u8::from(inner.iter().any(|prefix| name.starts_with(prefix)))
}

fn reached(listening: &[SocketAddr], ours: &[IpAddr]) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for socket in listening {
        let ip = socket.ip();
        let same = |other: &&IpAddr| other.is_ipv4() || ip.is_ipv6();
        let candidates: Vec<_> = match ip.is_unspecified() {
            true => ours.iter().filter(same).copied().collect(),
            false => vec![ip],
        };
        for ip in candidates.into_iter().filter(|ip| usable(*ip)) {
            let address = SocketAddr::new(ip, socket.port());
            if !found.contains(&address) {
                found.push(address);
            }
        }
    }
    found.truncate(MOST);
    found
}

/// Neither this machine alone nor one link with a zone to name.
fn usable(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(listening: &[&str], ours: &[&str]) -> Vec<String> {
        let listening: Vec<_> = listening
            .iter()
            .map(|a| a.parse().expect("an address"))
            .collect();
        let ours: Vec<_> = ours
            .iter()
            .map(|a| a.parse().expect("an address"))
            .collect();
        reached(&listening, &ours)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn loopback_and_link_local_are_left_out() {
        let ours = [
            "192.168.1.5",
            "127.0.0.1",
            "169.254.3.4",
            "::1",
            "fe80::1",
            "fd00::5",
        ];
        assert_eq!(found(&["0.0.0.0:8080"], &ours), ["192.168.1.5:8080"]);
        assert_eq!(
            found(&["[::]:8080"], &ours),
            ["192.168.1.5:8080", "[fd00::5]:8080"]
        );
        assert_eq!(
            found(&["0.0.0.0:1", "[::]:1"], &ours),
            ["192.168.1.5:1", "[fd00::5]:1"]
        );
        assert!(found(&["127.0.0.1:8080", "[::1]:8080"], &ours).is_empty());
        assert_eq!(found(&["10.0.0.1:8080"], &ours), ["10.0.0.1:8080"]);
    }

    #[test]
    fn the_default_route_comes_first_and_strangers_not_at_all() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let all = [
            ("lo", "127.0.0.1"),
            ("docker0", "192.168.99.1"),
            ("eth0", "2001:db8::5"),
            ("eth0", "fd00::5"),
            ("eth1", "172.16.0.1"),
            ("eth2", "169.254.3.4"),
            ("wlan0", "192.168.1.5"),
            ("eth3", "8.8.8.8"),
            ("eth4", "10.0.0.2"),
        ];
        let all = all.map(|(name, address)| (name, ip(address)));
        let ordered = |preferred: Option<&str>| -> Vec<String> {
            let found = order(preferred.map(ip), all);
            found.iter().map(ToString::to_string).collect()
        };
        let others = ["192.168.1.5", "172.16.0.1", "192.168.99.1", "fd00::5"];
        let expected = [&["10.0.0.2"], &others[..]].concat();
        assert_eq!(ordered(Some("10.0.0.2")), expected);
        // a machine with a public address only has that
        assert_eq!(
            ordered(Some("203.0.113.5")).first().map(String::as_str),
            Some("203.0.113.5")
        );
        assert!(
            !ordered(None)
                .iter()
                .any(|a| a == "8.8.8.8" || a == "2001:db8::5")
        );
        assert_eq!(
            found(
                &["0.0.0.0:1"],
                &["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"]
            )
            .len(),
            MOST
        );
    }
}
