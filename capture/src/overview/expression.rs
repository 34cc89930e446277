//! Expressions of pcap-filter(7) that choose the packets which were counted.

use super::{Address, Ends};
use std::net::IpAddr;

/// The packets of a conversation; none where no expression is exact enough.
pub fn conversation(ends: &Ends) -> Option<String> {
    let protocol = primitive(ends.protocol)?;
    let ends = [end(ends.a), end(ends.b)];
    Some(format!("{protocol} and {}", ends.join(" and ")))
}

/// The packets from and to an address. (`host` alone would take ARP about it, too.)
pub fn address(address: Address) -> String {
    match address {
        Address::Ip(IpAddr::V4(ip)) => format!("ip host {ip}"),
        Address::Ip(IpAddr::V6(ip)) => format!("ip6 host {ip}"),
        // with an address of IP it counts as that
        Address::Mac(mac) => format!("ether host {mac} and not ip and not ip6"),
    }
}

/// The packets that have a protocol, of which the path from the outermost to it is given; none where no expression can.
pub fn protocol(path: &[&'static str]) -> Option<String> {
    let (last, outer) = path.split_last()?;
    let outside = outer.iter().filter(|name| !is_link(name));
    let mut all: Vec<_> = outside.map(|name| primitive(name)).collect::<Option<_>>()?;
    if !is_link(last) {
        all.push(primitive(last)?);
    }
    (!all.is_empty()).then(|| all.join(" and "))
}

/// The packets that an expression chooses, also those behind VLAN tags, at most so many: `vlan` moves what stands after it.
pub fn tagged(expression: &str, tags: usize) -> String {
    match tags.checked_sub(1) {
        None => expression.to_owned(),
        Some(fewer) => format!(
            "({expression}) or (vlan and ({}))",
            tagged(expression, fewer)
        ),
    }
}

fn end((address, port): (Address, Option<u16>)) -> String {
    match (address, port) {
        (Address::Mac(mac), _) => format!("ether host {mac}"),
        (Address::Ip(ip), Some(port)) => format!("host {ip} and port {port}"),
        (Address::Ip(ip), None) => format!("host {ip}"),
    }
}

/// What stands before the network layer, and is all there is in a capture.
fn is_link(name: &str) -> bool {
    const LINKS: [&str; 12] = [
        "eth", "sll", "null", "raw", "ppp", "chdlc", "radiotap", "ppi", "prism", "avs", "wlan",
        "llc",
    ];
    LINKS.contains(&name)
}

/// A protocol as an expression has it.
fn primitive(name: &str) -> Option<&'static str> {
    Some(match name {
        "vlan" => "vlan",
        "pppoe" => "pppoes",
        "mpls" => "mpls",
        "arp" => "arp",
        "pppoed" => "pppoed",
        "stp" => "stp",
        "lldp" => "ether proto 0x88cc",
        "eapol" => "ether proto 0x888e",
        "macsec" => "ether proto 0x88e5",
        "ip" => "ip",
        "ipv6" => "ip6",
        "tcp" => "tcp",
        "udp" => "udp",
        "sctp" => "sctp",
        "icmp" => "icmp",
        // reports of listeners stand behind an extension header
        "icmpv6" => "ip6 protochain 58",
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
        // what is told by its ports, and not by what it says
        "dns" => "port 53",
        "dhcp" => "(port 67 or port 68)",
        "ntp" => "port 123",
        "snmp" => "(port 161 or port 162)",
        "syslog" => "port 514",
        "dhcpv6" => "(port 546 or port 547)",
        "ssdp" => "port 1900",
        "mdns" => "port 5353",
        "llmnr" => "port 5355",
        "smtp" => "(port 25 or port 587)",
        "mysql" => "port 3306",
        "pgsql" => "port 5432",
        "resp" => "port 6379",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LinkType, libpcap, packet::Mac};

    fn ends(protocol: &'static str, a: (&str, u16), b: (&str, u16)) -> Ends {
        let end = |(address, port): (&str, u16)| {
            let address = Address::Ip(address.parse().unwrap());
            (address, (port > 0).then_some(port))
        };
        Ends {
            protocol,
            a: end(a),
            b: end(b),
        }
    }

    #[test]
    fn each_row_has_an_expression_that_can_be_read() {
        let four = ends("tcp", ("10.0.0.1", 40000), ("10.0.0.2", 443));
        let six = ends("udp", ("fd00::1", 5353), ("ff02::fb", 5353));
        let ping = ends("icmp", ("10.0.0.1", 0), ("10.0.0.2", 0));
        let mac = |last| Address::Mac(Mac([2, 0, 0, 0, 0, last]));
        let arp = Ends {
            protocol: "arp",
            a: (mac(1), None),
            b: (mac(2), None),
        };
        let tcp = conversation(&four).unwrap();
        assert_eq!(
            tcp,
            "tcp and host 10.0.0.1 and port 40000 and host 10.0.0.2 and port 443"
        );
        let arp = conversation(&arp).unwrap();
        assert_eq!(
            arp,
            "arp and ether host 02:00:00:00:00:01 and ether host 02:00:00:00:00:02"
        );
        assert_eq!(
            conversation(&ends("other", ("10.0.0.1", 0), ("10.0.0.2", 0))),
            None
        );
        let dns = protocol(&["eth", "ip", "udp", "dns"]).unwrap();
        assert_eq!(dns, "ip and udp and port 53");
        assert_eq!(protocol(&["eth"]), None);
        assert_eq!(protocol(&["eth", "ip", "tcp", "tls"]), None);
        assert_eq!(protocol(&["eth", "vlan", "arp"]).unwrap(), "vlan and arp");
        assert_eq!(tagged("arp", 0), "arp");
        assert_eq!(
            tagged("arp", 2),
            "(arp) or (vlan and ((arp) or (vlan and (arp))))"
        );
        if libpcap::library().is_err() {
            return;
        }
        let others = [six, ping].map(|ends| conversation(&ends).unwrap());
        let all = [tcp, arp, dns, tagged("tcp and host fd00::1", 2)];
        for expression in all.into_iter().chain(others) {
            let filter = crate::filter::Filter::new(&expression, true).unwrap();
            filter.prepare(LinkType::ETHERNET).unwrap();
        }
    }
}
