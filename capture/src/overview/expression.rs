//! What chooses the packets that were counted in a row: an expression of pcap-filter(7) where one takes exactly these, so that
//! it can be given to other programs; else the row itself.

use super::{Address, Conversation, Endpoint, Ends, Row};
use std::net::IpAddr;

/// The packets of a conversation.
pub fn conversation(of: &Conversation) -> String {
    let found = of.plain.then(|| between(&of.ends)).flatten();
    found.unwrap_or_else(|| Row::conversation(&of.ends).to_string())
}

/// The packets from and to an address.
pub fn endpoint(of: &Endpoint) -> String {
    match of.address {
        // `host` alone would take ARP about it, too
        Address::Ip(IpAddr::V4(ip)) if of.plain => format!("ip host {ip}"),
        Address::Ip(IpAddr::V6(ip)) if of.plain => format!("ip6 host {ip}"),
        // of its frames only those without IP
        address => Row::Endpoint(address).to_string(),
    }
}

/// The packets that have a protocol, of which the path from the outermost to it is given. `plain`: libpcap reads every packet of
/// the capture as it was counted.
pub fn protocol(path: &[&'static str], plain: bool) -> String {
    // application protocols are told by what is said, too
    let found = match path {
        [_, network] if plain => primitive(network).map(str::to_owned),
        [_, network, transport] if plain => primitive(network)
            .zip(primitive(transport))
            .map(|(network, transport)| format!("{network} and {transport}")),
        _ => None,
    };
    found.unwrap_or_else(|| Row::protocol(path).to_string())
}

fn between(ends: &Ends) -> Option<String> {
    let Ends {
        protocol,
        a: (a, a_port),
        b: (b, b_port),
    } = *ends;
    let has_ports = matches!(protocol, "tcp" | "udp" | "sctp" | "udplite");
    match (a, b) {
        // too little of it was captured to know them
        (Address::Ip(_), _) if has_ports && a_port.is_none() => return None,
        // whose headers cannot be read
        (Address::Mac(_), _) if matches!(protocol, "ip" | "ipv6") => return None,
        _ => {}
    }
    let name = primitive(protocol)?;
    let ends = [(a, a_port), (b, b_port)].map(|end| match end {
        (Address::Mac(mac), _) => format!("ether host {mac}"),
        (Address::Ip(ip), Some(port)) => format!("host {ip} and port {port}"),
        (Address::Ip(ip), None) => format!("host {ip}"),
    });
    Some(format!("{name} and {}", ends.join(" and ")))
}

/// A protocol as an expression has it.
fn primitive(name: &str) -> Option<&'static str> {
    Some(match name {
        "arp" => "arp",
        "pppoed" => "pppoed",
        "lldp" => "ether proto 0x88cc",
        "eapol" => "ether proto 0x888e",
        "macsec" => "ether proto 0x88e5",
        "ip" => "ip",
        "ipv6" => "ip6",
        "tcp" => "tcp",
        "udp" => "udp",
        "sctp" => "sctp",
        "icmp" => "icmp",
        "icmpv6" => "icmp6",
        "igmp" => "igmp",
        "esp" => "esp",
        "ah" => "ah",
        "pim" => "pim",
        "vrrp" => "vrrp",
        "ip-in-ip" => "proto 4",
        "ipv6-in-ip" => "proto 41",
        "gre" => "proto 47",
        "ospf" => "proto 89",
        "udplite" => "proto 136",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LinkType, filter::Filter, libpcap, overview::Count, packet::Mac};

    fn talk(protocol: &'static str, a: (&str, u16), b: (&str, u16), plain: bool) -> String {
        let end = |(address, port): (&str, u16)| {
            let address = Address::Ip(address.parse().unwrap());
            (address, (port > 0).then_some(port))
        };
        between_ends(protocol, end(a), end(b), plain)
    }

    fn between_ends(
        protocol: &'static str,
        a: (Address, Option<u16>),
        b: (Address, Option<u16>),
        plain: bool,
    ) -> String {
        conversation(&Conversation {
            ends: Ends { protocol, a, b },
            a_to_b: Count::default(),
            b_to_a: Count::default(),
            first: 0,
            last: 0,
            plain,
        })
    }

    #[test]
    fn each_row_has_what_chooses_it() {
        let mac = |last| (Address::Mac(Mac([2, 0, 0, 0, 0, last])), None);
        let tcp = talk("tcp", ("10.0.0.1", 40000), ("10.0.0.2", 443), true);
        assert_eq!(
            tcp,
            "tcp and host 10.0.0.1 and port 40000 and host 10.0.0.2 and port 443"
        );
        let arp = between_ends("arp", mac(1), mac(2), true);
        assert_eq!(
            arp,
            "arp and ether host 02:00:00:00:00:01 and ether host 02:00:00:00:00:02"
        );
        let multicast = talk("udp", ("fd00::1", 5353), ("ff02::fb", 5353), true);
        let ping = talk("icmpv6", ("fd00::1", 0), ("fd00::2", 0), true);
        let network = protocol(&["eth", "ip"], true);
        let transport = protocol(&["raw", "ipv6", "icmpv6"], true);
        assert_eq!(transport, "ip6 and icmp6");
        for (row, expected) in [
            (
                talk("tcp", ("10.0.0.1", 40000), ("10.0.0.2", 443), false),
                "conversation tcp 10.0.0.1:40000 10.0.0.2:443",
            ),
            // later fragments, and what cannot be read: an expression would take the others, too
            (
                talk("udp", ("10.0.0.1", 0), ("10.0.0.2", 0), true),
                "conversation udp 10.0.0.1 10.0.0.2",
            ),
            (
                between_ends("ip", mac(2), mac(1), true),
                "conversation ip 02:00:00:00:00:01 02:00:00:00:00:02",
            ),
            (
                talk("other", ("10.0.0.1", 0), ("10.0.0.2", 0), true),
                "conversation other 10.0.0.1 10.0.0.2",
            ),
            (protocol(&["eth"], true), "protocol eth"),
            (
                protocol(&["eth", "ip", "tcp"], false),
                "protocol eth/ip/tcp",
            ),
            (
                protocol(&["eth", "ip", "tcp", "tls"], true),
                "protocol eth/ip/tcp/tls",
            ),
            (
                protocol(&["eth", "vlan", "arp"], true),
                "protocol eth/vlan/arp",
            ),
        ] {
            assert_eq!(row, expected);
            Filter::new(&row, true).unwrap();
        }
        if libpcap::library().is_err() {
            return;
        }
        for expression in [tcp, arp, multicast, ping, network, transport] {
            let filter = Filter::new(&expression, true).unwrap();
            filter.prepare(LinkType::ETHERNET).unwrap();
        }
    }
}
