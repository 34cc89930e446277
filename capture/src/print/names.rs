//! Names for numbers: services and protocols, as this system's `/etc/services` and `/etc/protocols` have them; never
//! names of hosts, for which somebody would have to be asked.

use std::{
    collections::HashMap,
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

/// What numbers are called.
#[derive(Debug, Default)]
pub struct Names {
    tcp: HashMap<u16, String>,
    udp: HashMap<u16, String>,
    protocols: HashMap<u8, String>,
    interfaces: HashMap<u32, String>,
}

impl Names {
    /// No names: everything is printed as a number.
    pub fn none() -> Self {
        Self::default()
    }

    /// Only the names of this machine's interfaces, by their index: Linux's cooked packets have that.
    pub fn of_interfaces() -> Self {
        let mut names = Self::default();
        // elsewhere there is no such folder, and there are no such packets
        for entry in std::fs::read_dir("/sys/class/net")
            .into_iter()
            .flatten()
            .flatten()
        {
            let index = std::fs::read_to_string(entry.path().join("ifindex")).unwrap_or_default();
            if let Ok(index) = index.trim().parse() {
                let name = entry.file_name().to_string_lossy().into_owned();
                names.interfaces.insert(index, name);
            }
        }
        names
    }

    /// Those of this system; a file that is not there has no names.
    pub fn of_system() -> Self {
        let read = |path| std::fs::read(path).unwrap_or_default();
        Self {
            interfaces: Self::of_interfaces().interfaces,
            ..Self::parse(
                &String::from_utf8_lossy(&read("/etc/services")),
                &String::from_utf8_lossy(&read("/etc/protocols")),
            )
        }
    }

    /// services(5) and protocols(5); of several names for a number the first counts.
    pub fn parse(services: &str, protocols: &str) -> Self {
        let mut names = Self::default();
        for line in services.lines() {
            let mut words = words(line);
            let (Some(name), Some(place)) = (words.next(), words.next()) else {
                continue;
            };
            let Some((port, transport)) = place.split_once('/') else {
                continue;
            };
            let table = match transport {
                "tcp" => &mut names.tcp,
                "udp" => &mut names.udp,
                _ => continue,
            };
            if let Ok(port) = port.parse() {
                table.entry(port).or_insert_with(|| name.to_owned());
            }
        }
        for line in protocols.lines() {
            let mut words = words(line);
            if let (Some(name), Some(Ok(number))) = (words.next(), words.next().map(str::parse)) {
                let table = &mut names.protocols;
                table.entry(number).or_insert_with(|| name.to_owned());
            }
        }
        names
    }

    /// A TCP port.
    pub(super) fn tcp(&self, port: u16) -> Port<'_> {
        Port(port, self.tcp.get(&port))
    }

    /// A UDP port.
    pub(super) fn udp(&self, port: u16) -> Port<'_> {
        Port(port, self.udp.get(&port))
    }

    /// An interface of this machine.
    pub(super) fn interface(&self, index: u32) -> Option<&str> {
        self.interfaces.get(&index).map(String::as_str)
    }

    /// A protocol above IP.
    pub(super) fn protocol(&self, number: u8) -> Option<&str> {
        self.protocols.get(&number).map(String::as_str)
    }
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split('#')
        .next()
        .unwrap_or_default()
        .split_whitespace()
}

/// A port by its name, else by its number.
pub(super) struct Port<'a>(u16, Option<&'a String>);

impl fmt::Display for Port<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A link-layer address: `00:11:22:33:44:55`.
pub(super) struct Mac<'a>(pub(super) &'a [u8]);

impl fmt::Display for Mac<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("<empty>");
        }
        for (place, byte) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(":")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// A link-layer address, with whom its first three bytes belong to where names are wanted.
pub(super) struct NamedMac<'a> {
    pub(super) address: &'a [u8],
    pub(super) numbers: bool,
}

impl fmt::Display for NamedMac<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let maker = match self.address {
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] if !self.numbers => {
                return f.write_str("Broadcast");
            }
            [a, b, c, _, _, _] if !self.numbers => Some([*a, *b, *c]),
            _ => None,
        };
        Mac(self.address).fmt(f)?;
        match maker {
            Some(maker) => write!(f, " (oui {})", oui(maker).unwrap_or("Unknown")),
            None => Ok(()),
        }
    }
}

/// The organisations that tcpdump knows: those whose protocols stand behind SNAP or in LLDP.
pub(super) fn oui(oui: [u8; 3]) -> Option<&'static str> {
    Some(match oui {
        [0x00, 0x00, 0x00] => "Ethernet",
        [0x00, 0x00, 0x0c] => "Cisco",
        [0x00, 0x00, 0x5e] => "IANA",
        [0x00, 0x00, 0x81] => "Nortel Networks SONMP",
        [0x00, 0x00, 0xf8] => "Cisco bridged",
        [0x00, 0x04, 0xea] => "HP-Labs",
        [0x00, 0x12, 0x0f] => "IEEE 802.3 Private",
        [0x00, 0x12, 0xbb] => "ANSI/TIA",
        [0x00, 0x1b, 0x21] => "DCBX",
        [0x00, 0x23, 0x20] => "Nicira Networks",
        [0x00, 0x24, 0x81] => "HP",
        [0x00, 0x80, 0xc2] => "Ethernet bridged",
        [0x00, 0x90, 0x69] => "Juniper",
        [0x00, 0xa0, 0x3e] => "ATM Forum",
        [0x08, 0x00, 0x07] => "Appletalk",
        [0x08, 0x00, 0x09] => "Hewlett-Packard",
        [0x5c, 0x16, 0xc7] => "Big Switch Networks",
        [0x74, 0x87, 0x71] => "Infoblox Inc",
        _ => return None,
    })
}

/// An address of IPv6 as inet_ntop(3) writes it: those that hold an IPv4 address end in one.
pub(super) struct Six(pub(super) [u8; 16]);

impl fmt::Display for Six {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (high, low) = self.0.split_at(12);
        if high.iter().all(|b| *b == 0) && low.iter().take(2).any(|b| *b != 0) {
            let low = <[u8; 4]>::try_from(low).unwrap_or_default();
            return write!(f, "::{}", Ipv4Addr::from(low));
        }
        Ipv6Addr::from(self.0).fmt(f)
    }
}

/// Protocols above IP, as the verbose forms call them.
pub(crate) fn ip_protocol(number: u8) -> &'static str {
    match number {
        0 => "Options",
        1 => "ICMP",
        2 => "IGMP",
        4 => "IPIP",
        6 => "TCP",
        8 => "EGP",
        9 => "IGRP",
        17 => "UDP",
        33 => "DCCP",
        41 => "IPv6",
        43 => "Routing",
        44 => "Fragment",
        46 => "RSVP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        55 => "Mobile IP",
        58 => "ICMPv6",
        62 => "Mobile IP (old)",
        88 => "EIGRP",
        89 => "OSPF",
        103 => "PIM",
        108 => "Compressed IP",
        112 => "VRRP",
        113 => "PGM",
        132 => "SCTP",
        135 => "Mobility",
        143 => "Ethernet",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_and_protocols_are_read() {
        let names = Names::parse(
            "# comment\nhttp 80/tcp www # WorldWideWeb\nwww 80/tcp\ndomain 53/udp\nodd\nbad x/tcp\nsctp 9/sctp\n",
            "icmp 1 ICMP\ntcp 6 TCP # x\nbroken\n",
        );
        assert_eq!(names.tcp(80).to_string(), "http");
        assert_eq!(names.udp(80).to_string(), "80");
        assert_eq!(names.udp(53).to_string(), "domain");
        assert_eq!(names.protocol(6), Some("tcp"));
        assert_eq!(names.protocol(7), None);
        assert_eq!(Names::none().tcp(80).to_string(), "80");
    }

    #[test]
    fn addresses_are_written_as_inet_ntop_does() {
        let six = |text: &str| Six(text.parse::<Ipv6Addr>().unwrap().octets()).to_string();
        for text in [
            "::",
            "::1",
            "fe80::1",
            "2001:db8::1:0:0:1",
            "::ffff:1.2.3.4",
            "::1.2.3.4",
        ] {
            assert_eq!(six(text), text);
        }
        assert_eq!(
            Mac(&[0, 0x1c, 0x42, 0, 0, 8]).to_string(),
            "00:1c:42:00:00:08"
        );
        assert_eq!(Mac(&[]).to_string(), "<empty>");
        let named = |address: &[u8], numbers| NamedMac { address, numbers }.to_string();
        let cisco = [0, 0, 0x0c, 1, 2, 3];
        assert_eq!(named(&cisco, true), "00:00:0c:01:02:03");
        assert_eq!(named(&cisco, false), "00:00:0c:01:02:03 (oui Cisco)");
        assert_eq!(
            named(&[2, 0, 0, 0, 0, 1], false),
            "02:00:00:00:00:01 (oui Unknown)"
        );
        assert_eq!(named(&[0xff; 6], false), "Broadcast");
    }
}
