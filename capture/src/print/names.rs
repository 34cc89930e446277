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
    }
}
