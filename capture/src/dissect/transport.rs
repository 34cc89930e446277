//! TCP with its options, UDP, ICMP.

use super::{
    Field, Layers, bytes_text,
    fields::{Bytes, Fields},
    network::{Datagram, judged},
};
use crate::ip::protocol;

const FLAGS: [(&str, &str, u64); 9] = [
    ("AE", "Accurate congestion notification", 0x100),
    ("CWR", "Congestion window reduced", 0x80),
    ("ECE", "Congestion echo", 0x40),
    ("URG", "Urgent", 0x20),
    ("ACK", "Acknowledgement", 0x10),
    ("PSH", "Push", 0x08),
    ("RST", "Reset", 0x04),
    ("SYN", "Synchronize", 0x02),
    ("FIN", "Finish", 0x01),
];

impl Layers {
    /// RFC 9293, 3.1.
    pub(super) fn tcp(&mut self, bytes: Bytes<'_>, datagram: Datagram) {
        let mut fields = Fields::new(bytes);
        let mut summary = String::new();
        let (mut source, mut destination) = (0, 0);
        let mut read = || {
            source = fields.plain("Source port", 2)? as u16;
            destination = fields.plain("Destination port", 2)? as u16;
            let sequence = fields.plain("Sequence number", 4)?;
            let acknowledged = fields.plain("Acknowledgment number", 4)?;
            let bits = fields.hex("Data offset and control bits", 2)?;
            let header = (bits >> 12) as usize * 4;
            fields.part("Data offset", bytes_text(header));
            let mut set = Vec::new();
            for (short, name, bit) in FLAGS {
                fields.flag(&format!("{name} ({short})"), bits & bit != 0);
                if bits & bit != 0 {
                    set.push(short);
                }
            }
            let window = fields.plain("Window", 2)?;
            let sum = datagram
                .whole
                .then(|| datagram.addresses.sum(protocol::TCP, bytes.data));
            fields.number("Checksum", 2, |found| judged(found as u16, sum))?;
            fields.plain("Urgent pointer", 2)?;
            let length = bytes.data.len().saturating_sub(header);
            summary = format!(
                "{source} to {destination} [{}] seq {sequence}",
                set.join(" ")
            );
            if bits & 0x10 != 0 {
                summary.push_str(&format!(", ack {acknowledged}"));
            }
            summary.push_str(&format!(", window {window}, {}", bytes_text(length)));
            let options = fields.take(header.checked_sub(20)?)?;
            if !options.data.is_empty() {
                let mut inner = Fields::new(options);
                let read = tcp_options(&mut inner);
                fields.push("Options", bytes_text(options.data.len()), options.range());
                if let Some(field) = fields.fields.last_mut() {
                    field.fields = inner.fields;
                }
                read?;
            }
            Some(())
        };
        let read = read();
        let (layer, rest) = fields.layer("TCP", summary, read);
        self.push(layer);
        if read.is_some() {
            self.over_tcp([source, destination], rest);
        }
    }

    /// RFC 768.
    pub(super) fn udp(&mut self, bytes: Bytes<'_>, datagram: Datagram) {
        let mut fields = Fields::new(bytes);
        let mut summary = String::new();
        let (mut source, mut destination, mut length) = (0, 0, 0);
        let mut read = || {
            source = fields.plain("Source port", 2)? as u16;
            destination = fields.plain("Destination port", 2)? as u16;
            length = fields.number("Length", 2, |length| bytes_text(length as usize))? as usize;
            let covered = bytes.data.get(..length).filter(|_| datagram.whole);
            let sum = covered.map(|covered| datagram.addresses.sum(protocol::UDP, covered));
            fields.number("Checksum", 2, |found| match found {
                0 => "0x0000 (none)".to_owned(),
                found => judged(found as u16, sum),
            })?;
            summary = format!(
                "{source} to {destination}, {}",
                bytes_text(length.checked_sub(8)?)
            );
            Some(())
        };
        let read = read();
        let (layer, rest) = fields.layer("UDP", summary, read);
        self.push(layer);
        if read.is_some() {
            let (content, padding) = rest.split(length - 8);
            self.over_udp([source, destination], content);
            self.data("Padding", padding);
        }
    }

    /// RFC 792.
    pub(super) fn icmp(&mut self, bytes: Bytes<'_>, datagram: Datagram) {
        let sum = datagram
            .whole
            .then(|| crate::print::checksum::sum(&[bytes.data]));
        self.control("ICMP", bytes, sum, |kind, code| match (kind, code) {
            (0, _) => "Echo reply",
            (3, 0) => "Destination unreachable: network",
            (3, 1) => "Destination unreachable: host",
            (3, 2) => "Destination unreachable: protocol",
            (3, 3) => "Destination unreachable: port",
            (3, 4) => "Destination unreachable: fragmentation needed",
            (3, 9 | 10 | 13) => "Destination unreachable: prohibited",
            (3, _) => "Destination unreachable",
            (4, _) => "Source quench",
            (5, _) => "Redirect",
            (8, _) => "Echo request",
            (9, _) => "Router advertisement",
            (10, _) => "Router solicitation",
            (11, 0) => "Time exceeded on the way",
            (11, _) => "Time exceeded while fragments were put together",
            (12, _) => "Parameter problem",
            (13, _) => "Timestamp",
            (14, _) => "Timestamp reply",
            _ => "Other",
        });
    }

    /// RFC 4443, and RFC 4861 for the neighbours.
    pub(super) fn icmp6(&mut self, bytes: Bytes<'_>, datagram: Datagram) {
        let sum = datagram
            .whole
            .then(|| datagram.addresses.sum(protocol::ICMPV6, bytes.data));
        self.control("ICMPv6", bytes, sum, |kind, code| match (kind, code) {
            (1, 0) => "Destination unreachable: no route",
            (1, 1) => "Destination unreachable: prohibited",
            (1, 3) => "Destination unreachable: address",
            (1, 4) => "Destination unreachable: port",
            (1, _) => "Destination unreachable",
            (2, _) => "Packet too big",
            (3, 0) => "Hop limit exceeded on the way",
            (3, _) => "Time exceeded while fragments were put together",
            (4, _) => "Parameter problem",
            (128, _) => "Echo request",
            (129, _) => "Echo reply",
            (130..=132, _) | (143, _) => "Multicast listener",
            (133, _) => "Router solicitation",
            (134, _) => "Router advertisement",
            (135, _) => "Neighbor solicitation",
            (136, _) => "Neighbor advertisement",
            (137, _) => "Redirect",
            _ => "Other",
        });
    }

    fn control(
        &mut self,
        name: &'static str,
        bytes: Bytes<'_>,
        sum: Option<u16>,
        meaning: impl Fn(u64, u64) -> &'static str,
    ) {
        let mut fields = Fields::new(bytes);
        let mut summary = String::new();
        let mut quotes = false;
        let six = name == "ICMPv6";
        let mut read = || {
            let kind = fields.plain("Type", 1)?;
            let code = fields.plain("Code", 1)?;
            summary = meaning(kind, code).to_owned();
            fields.number("Checksum", 2, |found| judged(found as u16, sum))?;
            match (six, kind, code) {
                (false, 0 | 8, _) | (true, 128 | 129, _) => {
                    let id = fields.hex("Identifier", 2)?;
                    let sequence = fields.plain("Sequence number", 2)?;
                    summary.push_str(&format!(", identifier 0x{id:04x}, sequence {sequence}"));
                }
                (false, 3, 4) => {
                    fields.hex("Unused", 2)?;
                    let mtu = fields.plain("Next-hop MTU", 2)?;
                    summary.push_str(&format!(", MTU {mtu}"));
                    quotes = true;
                }
                (true, 2, _) => {
                    let mtu = fields.plain("MTU", 4)?;
                    summary.push_str(&format!(", MTU {mtu}"));
                    quotes = true;
                }
                (false, 5, _) => {
                    fields.ipv4("Gateway address")?;
                    quotes = true;
                }
                (false, 3 | 4 | 11 | 12, _) | (true, 1 | 3 | 4, _) => {
                    fields.hex("Rest of the header", 4)?;
                    quotes = true;
                }
                (true, 135 | 136, _) => {
                    fields.hex("Flags", 4)?;
                    let target = fields.ipv6("Target address")?;
                    summary.push_str(&format!(", {target}"));
                }
                _ => {}
            }
            Some(())
        };
        let read = read();
        let (layer, rest) = fields.layer(name, summary, read);
        self.push(layer);
        if quotes {
            self.ip(rest);
        } else {
            self.data("Data", rest);
        }
    }
}

/// RFC 9293, 3.1; RFC 7323; RFC 2018; RFC 5482; RFC 7413; RFC 8684.
fn tcp_options(fields: &mut Fields<'_>) -> Option<()> {
    while let [kind, ..] = fields.rest().data {
        if *kind <= 1 {
            let byte = fields.take(1)?;
            let name = if *kind == 0 {
                "End of options"
            } else {
                "No operation"
            };
            fields.push(name, String::new(), byte.range());
            if *kind == 0 {
                let rest = fields.rest().data.len();
                if rest > 0 {
                    fields.raw("Padding", rest)?;
                }
            }
            continue;
        }
        let length = usize::from(*fields.rest().data.get(1)?);
        if length < 2 {
            return None;
        }
        let option = fields.take(length)?;
        let value = option.from(2);
        let word = |at: usize| {
            let bytes = value.data.get(at..)?.first_chunk()?;
            Some(u32::from_be_bytes(*bytes))
        };
        let (name, text) = match (*kind, value.data) {
            (2, [a, b]) => (
                "Maximum segment size",
                bytes_text(usize::from(u16::from_be_bytes([*a, *b]))),
            ),
            (3, [shift]) => ("Window scale", format!("{shift} bits")),
            (4, []) => ("Selective acknowledgements permitted", String::new()),
            (5, blocks) => {
                let blocks = (0..blocks.len() / 8).filter_map(|block| {
                    Some(format!("{} to {}", word(block * 8)?, word(block * 8 + 4)?))
                });
                (
                    "Selective acknowledgement",
                    blocks.collect::<Vec<_>>().join(", "),
                )
            }
            (8, _) if value.data.len() == 8 => (
                "Timestamps",
                format!(
                    "value {}, echo {}",
                    word(0).unwrap_or_default(),
                    word(4).unwrap_or_default()
                ),
            ),
            (28, _) => ("User timeout", super::fields::short_hex(value.data)),
            (30, _) => ("Multipath TCP", super::fields::short_hex(value.data)),
            (34, _) => ("Fast open", super::fields::short_hex(value.data)),
            (19, _) => ("MD5 signature", super::fields::short_hex(value.data)),
            (29, _) => ("Authentication", super::fields::short_hex(value.data)),
            (kind, data) => {
                fields.fields.push(Field {
                    name: format!("Option {kind}"),
                    value: super::fields::short_hex(data),
                    range: option.range(),
                    fields: Vec::new(),
                });
                continue;
            }
        };
        fields.push(name, text, option.range());
    }
    Some(())
}
