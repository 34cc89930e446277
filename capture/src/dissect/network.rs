//! IPv4, IPv6 with its extension headers, ARP.

use super::{
    Layers, bytes_text,
    fields::{Bytes, Fields},
};
use crate::{
    ip::protocol,
    print::{checksum, ip_protocol},
};

/// What a checksum above IP covers of the datagram, and what is missing of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Datagram {
    pub(super) addresses: checksum::Addresses,
    /// All of it was captured, and it is no fragment.
    pub(super) whole: bool,
}

impl Layers {
    /// IP, told by the first four bits.
    pub(super) fn ip(&mut self, bytes: Bytes<'_>) {
        if self.is_full() {
            return;
        }
        match bytes.data.first().map(|byte| byte >> 4) {
            Some(4) => self.ipv4(bytes),
            Some(6) => self.ipv6(bytes),
            _ => self.data("Data", bytes),
        }
    }

    /// RFC 791, 3.1.
    fn ipv4(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let mut summary = String::new();
        let (mut header, mut total, mut next, mut fragment) = (20, 0, 0, 0);
        let mut addresses = None;
        let mut read = || {
            let first = fields.hex("Version and header length", 1)?;
            header = (first & 0xf) as usize * 4;
            fields.part("Version", (first >> 4).to_string());
            fields.part("Header length", bytes_text(header));
            traffic_class(&mut fields, "Type of service")?;
            total = fields.number("Total length", 2, |length| match length {
                0 => "0 (left to the network card)".to_owned(),
                length => bytes_text(length as usize),
            })? as usize;
            fields.hex("Identification", 2)?;
            fragment = fields.hex("Flags and fragment offset", 2)?;
            fields.flag("Don't fragment", fragment & 0x4000 != 0);
            fields.flag("More fragments", fragment & 0x2000 != 0);
            fields.part(
                "Fragment offset",
                bytes_text((fragment & 0x1fff) as usize * 8),
            );
            fields.plain("Time to live", 1)?;
            next = protocol_field(&mut fields, "Protocol")?;
            let sum = bytes
                .data
                .get(..header)
                .map(|header| checksum::sum(&[header]));
            fields.number("Header checksum", 2, |found| judged(found as u16, sum))?;
            let source = fields.ipv4("Source address")?;
            let destination = fields.ipv4("Destination address")?;
            addresses = Some(checksum::Addresses::Four(
                source.octets(),
                destination.octets(),
            ));
            summary = format!("{source} to {destination}, {}", name_of(next));
            let options = header.checked_sub(20)?;
            if options > 0 {
                fields.raw("Options", options)?;
            }
            (total == 0 || total >= header).then_some(())
        };
        let read = read();
        let is_fragment = fragment & 0x3fff != 0;
        if is_fragment {
            summary.push_str(", fragment");
        }
        let (layer, rest) = fields.layer("IPv4", summary, read);
        self.push(layer);
        let Some(addresses) = addresses.filter(|_| read.is_some()) else {
            return;
        };
        let length = match total {
            0 => rest.data.len(),
            total => total - header,
        };
        let (content, padding) = rest.split(length);
        let datagram = Datagram {
            addresses,
            whole: content.data.len() == length && !is_fragment,
        };
        if fragment & 0x1fff != 0 {
            self.data("Fragment", content);
        } else {
            self.above(next, content, datagram);
        }
        self.data("Padding", padding);
    }

    /// RFC 8200, 3.
    fn ipv6(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let mut summary = String::new();
        let (mut length, mut next) = (0, 0);
        let mut addresses = None;
        let mut read = || {
            let first = fields.hex("Version, traffic class and flow label", 4)?;
            fields.part("Version", (first >> 28).to_string());
            fields.part("Traffic class", format!("0x{:02x}", first >> 20 & 0xff));
            fields.part("Flow label", format!("0x{:05x}", first & 0xf_ffff));
            length =
                fields.number("Payload length", 2, |length| bytes_text(length as usize))? as usize;
            next = protocol_field(&mut fields, "Next header")?;
            fields.plain("Hop limit", 1)?;
            let source = fields.ipv6("Source address")?;
            let destination = fields.ipv6("Destination address")?;
            addresses = Some(checksum::Addresses::Six(
                source.octets(),
                destination.octets(),
            ));
            summary = format!("{source} to {destination}, {}", name_of(next));
            Some(())
        };
        let read = read();
        let (layer, rest) = fields.layer("IPv6", summary, read);
        self.push(layer);
        let Some(addresses) = addresses else {
            return;
        };
        if length == 0 {
            length = rest.data.len();
        }
        let (content, padding) = rest.split(length);
        let datagram = Datagram {
            addresses,
            whole: content.data.len() == length,
        };
        self.extensions(next, content, datagram);
        self.data("Padding", padding);
    }

    /// RFC 8200, 4.
    fn extensions(&mut self, mut next: u8, mut bytes: Bytes<'_>, mut datagram: Datagram) {
        loop {
            let name = match next {
                0 => "IPv6 hop-by-hop options",
                43 => "IPv6 routing",
                44 => "IPv6 fragment",
                51 => "Authentication header",
                60 => "IPv6 destination options",
                135 => "Mobility",
                139 => "Host identity",
                140 => "Shim6",
                _ => return self.above(next, bytes, datagram),
            };
            let kind = next;
            let mut fields = Fields::new(bytes);
            let mut later = false;
            let mut summary = String::new();
            let mut read = || {
                next = protocol_field(&mut fields, "Next header")?;
                summary = format!("then {}", name_of(next));
                if kind == 44 {
                    fields.hex("Reserved", 1)?;
                    let place = fields.hex("Fragment offset", 2)?;
                    fields.part("Offset", bytes_text((place & 0xfff8) as usize));
                    fields.flag("More fragments", place & 1 != 0);
                    fields.hex("Identification", 4)?;
                    later = place & 0xfff8 != 0;
                    datagram.whole &= place & 0xfff9 == 0;
                    return Some(());
                }
                let unit = if kind == 51 { 4 } else { 8 };
                let length = fields.number("Header length", 1, |length| {
                    bytes_text(extension_length(unit, length))
                })?;
                fields.raw("Content", extension_length(unit, length) - 2)
            };
            let read = read();
            // what is summed does not begin with the header behind the others
            let (layer, rest) = fields.layer(name, summary, read);
            self.push(layer);
            if read.is_none() || self.is_full() {
                return;
            }
            bytes = rest;
            if later {
                return self.data("Fragment", bytes);
            }
        }
    }

    fn above(&mut self, next: u8, bytes: Bytes<'_>, datagram: Datagram) {
        if self.is_full() {
            return;
        }
        match next {
            protocol::TCP => self.tcp(bytes, datagram),
            protocol::UDP => self.udp(bytes, datagram),
            protocol::ICMP => self.icmp(bytes, datagram),
            protocol::ICMPV6 => self.icmp6(bytes, datagram),
            4 | 41 => self.ip(bytes),
            _ => self.data("Data", bytes),
        }
    }

    /// RFC 826.
    pub(super) fn arp(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let mut summary = String::new();
        let mut read = || {
            fields.plain("Hardware type", 2)?;
            fields.hex("Protocol type", 2)?;
            let hardware = fields.plain("Hardware address length", 1)?;
            let network = fields.plain("Protocol address length", 1)?;
            let operation = fields.number("Operation", 2, operation)?;
            if (hardware, network) != (6, 4) {
                let length = (hardware + network) as usize * 2;
                return fields.raw("Addresses", length);
            }
            let sender = fields.mac("Sender hardware address")?;
            let from = fields.ipv4("Sender protocol address")?;
            fields.mac("Target hardware address")?;
            let to = fields.ipv4("Target protocol address")?;
            summary = match operation {
                1 => format!("Who has {to}? Tell {from}"),
                2 => format!("{from} is at {sender}"),
                other => format!("operation {other}, {from} to {to}"),
            };
            Some(())
        };
        let read = read();
        let (layer, rest) = fields.layer("ARP", summary, read);
        self.push(layer);
        self.data("Padding", rest);
    }
}

/// Bytes of an extension header whose length field counts units behind the first eight bytes.
fn extension_length(unit: usize, length: u64) -> usize {
    8 + length as usize * unit
}

/// Differentiated services (RFC 2474) and congestion notification (RFC 3168).
fn traffic_class(fields: &mut Fields<'_>, name: &str) -> Option<()> {
    let class = fields.hex(name, 1)?;
    fields.part("Differentiated services", (class >> 2).to_string());
    let ecn = match class & 3 {
        0 => "not capable",
        3 => "congestion experienced",
        _ => "capable",
    };
    fields.part("Congestion notification", ecn.to_owned());
    Some(())
}

fn protocol_field(fields: &mut Fields<'_>, name: &str) -> Option<u8> {
    let number = fields.number(name, 1, |number| {
        format!("{number} ({})", name_of(number as u8))
    })?;
    u8::try_from(number).ok()
}

fn name_of(number: u8) -> String {
    match ip_protocol(number) {
        "" => format!("protocol {number}"),
        name => name.to_owned(),
    }
}

fn operation(number: u64) -> String {
    match number {
        1 => "1 (request)".to_owned(),
        2 => "2 (reply)".to_owned(),
        3 => "3 (reverse request)".to_owned(),
        4 => "4 (reverse reply)".to_owned(),
        other => other.to_string(),
    }
}

/// A checksum, and whether it is right: `sum` is the sum over everything, where everything is there.
pub(super) fn judged(found: u16, sum: Option<u16>) -> String {
    match sum {
        None => format!("0x{found:04x} (cannot be checked: bytes are missing)"),
        Some(0) => format!("0x{found:04x} (right)"),
        Some(sum) => format!(
            "0x{found:04x} (wrong, should be 0x{:04x}; a sender whose network card fills it in looks so, too)",
            checksum::expected(found, sum)
        ),
    }
}
