//! Under which addresses other devices reach this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// The addresses for other devices of sockets that listen on `listening`, the likeliest first: an
/// unspecified address stands for all interfaces, loopback for none.
pub fn addresses(listening: &[SocketAddr]) -> Vec<SocketAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::debug!("network interfaces: {error}");
        Vec::new()
    });
    let mut ours: Vec<_> = interfaces.iter().map(|i| (rank(&i.name), i.ip())).collect();
    let main = outgoing();
    ours.sort_by_key(|(rank, ip)| (Some(*ip) != main, ip.is_ipv6(), *rank));
    let ours: Vec<_> = ours.into_iter().map(|(_, ip)| ip).collect();
    reached(listening, &ours)
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
}
