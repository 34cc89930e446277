//! Link layers: Ethernet and its tags, those that put a few bytes in front, PPP.

use super::{
    Layers, bytes_text,
    fields::{Bytes, Fields},
};
use crate::packet::LinkType;

impl Layers {
    pub(super) fn link(&mut self, link: LinkType, bytes: Bytes<'_>) {
        if self.is_full() {
            return;
        }
        match link {
            LinkType::ETHERNET => self.ethernet(bytes),
            LinkType::NULL | LinkType::LOOP => self.loopback(bytes),
            LinkType::RAW
            | LinkType::DLT_RAW
            | LinkType::DLT_RAW_OPENBSD
            | LinkType::IPV4
            | LinkType::IPV6 => self.ip(bytes),
            LinkType::LINUX_SLL => self.cooked(bytes),
            LinkType::LINUX_SLL2 => self.cooked2(bytes),
            LinkType::PPP | LinkType::PPP_HDLC => self.ppp(bytes),
            LinkType::PPP_PPPD | LinkType::PPP_WITH_DIR => self.ppp_with_direction(bytes),
            LinkType::PPP_ETHER => self.pppoe(bytes, "PPPoE"),
            LinkType::C_HDLC => self.cisco(bytes),
            LinkType::IEEE802_11 => self.wlan(bytes, false, false),
            LinkType::RADIOTAP => self.radiotap(bytes),
            LinkType::PRISM if !bytes.data.starts_with(&[0x80, 0x21, 0x10]) => self.prism(bytes),
            LinkType::PRISM | LinkType::AVS => self.avs(bytes),
            LinkType::PPI => self.ppi(bytes),
            LinkType::PKTAP => self.pktap(bytes),
            LinkType::USER2 if crate::link::is_pktap(bytes.data) => self.pktap(bytes),
            _ => self.data("Unknown link type", bytes),
        }
    }

    /// IEEE 802.3, 3.1.1.
    fn ethernet(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let mut summary = String::new();
        let mut kind = 0;
        let mut read = || {
            let destination = fields.mac("Destination")?;
            let source = fields.mac("Source")?;
            summary = format!("{source} to {destination}");
            kind = ethertype_field(&mut fields)?;
            Some(())
        };
        let read = read();
        let (layer, rest) = fields.layer("Ethernet", summary, read);
        self.push(layer);
        self.typed(kind, rest);
    }

    /// What an EtherType announces, or a length.
    fn typed(&mut self, kind: u16, bytes: Bytes<'_>) {
        if self.is_full() || bytes.data.is_empty() {
            return;
        }
        match kind {
            0..=1500 => {
                let (frame, padding) = bytes.split(usize::from(kind));
                self.llc(frame);
                self.data("Padding", padding);
            }
            0x0800 | 0x86dd => self.ip(bytes),
            0x0806 => self.arp(bytes),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => self.vlan(bytes),
            0x8847 | 0x8848 => self.mpls(bytes),
            0x8863 => self.pppoe(bytes, "PPPoE discovery"),
            0x8864 => self.pppoe(bytes, "PPPoE"),
            _ => self.data("Data", bytes),
        }
    }

    /// IEEE 802.1Q, 9.6.
    fn vlan(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let mut id = 0;
        let mut kind = 0;
        let mut read = || {
            let tag = fields.hex("Tag control information", 2)?;
            id = tag & 0xfff;
            fields.part("Priority", (tag >> 13).to_string());
            fields.flag("Drop eligible", tag & 0x1000 != 0);
            fields.part("VLAN identifier", id.to_string());
            kind = ethertype_field(&mut fields)?;
            Some(())
        };
        let read = read();
        let (layer, rest) = fields.layer("VLAN", format!("VLAN {id}"), read);
        self.push(layer);
        self.typed(kind, rest);
    }

    /// RFC 3032, 2.1.
    fn mpls(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let mut read = || {
            loop {
                let label = fields.number("Label", 4, |entry| (entry >> 12).to_string())?;
                fields.part("Traffic class", (label >> 9 & 7).to_string());
                fields.flag("Bottom of stack", label & 0x100 != 0);
                fields.part("Time to live", (label & 0xff).to_string());
                if label & 0x100 != 0 {
                    return Some(());
                }
            }
        };
        let read = read();
        let summary = match fields.fields.len() {
            1 => "1 label".to_owned(),
            labels => format!("{labels} labels"),
        };
        let (layer, rest) = fields.layer("MPLS", summary, read);
        self.push(layer);
        match rest.data.first().map(|byte| byte >> 4) {
            Some(4 | 6) => self.ip(rest),
            _ => self.data("Data", rest),
        }
    }

    /// IEEE 802.2, and SNAP (RFC 1042).
    pub(super) fn llc(&mut self, bytes: Bytes<'_>) {
        if bytes.data.is_empty() {
            return;
        }
        let mut fields = Fields::new(bytes);
        let mut next = None;
        let mut summary = String::new();
        let mut read = || {
            let to = fields.hex("Destination service access point", 1)?;
            let from = fields.hex("Source service access point", 1)?;
            let control = fields.hex("Control", 1)?;
            summary = format!("0x{from:02x} to 0x{to:02x}");
            if (to, from, control) == (0xaa, 0xaa, 3) {
                let organization = fields.hex("Organization", 3)?;
                let kind = ethertype_field(&mut fields)?;
                summary = format!("SNAP, 0x{kind:04x}");
                next = matches!(organization, 0 | 0xf8).then_some(kind);
            } else if (to, from, control) == (6, 6, 3) {
                next = Some(0x0800);
            }
            Some(())
        };
        let read = read();
        let (layer, rest) = fields.layer("LLC", summary, read);
        self.push(layer);
        match next {
            // a number that small is none
            Some(kind) if kind > 1500 => self.typed(kind, rest),
            _ => self.data("Data", rest),
        }
    }

    /// BSD's loopback: an address family in whichever byte order.
    fn loopback(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let read = fields
            .number("Address family", 4, |family| {
                let family = family as u32;
                let family = if family > 0xffff {
                    family.swap_bytes()
                } else {
                    family
                };
                match family {
                    2 => "2 (IPv4)".to_owned(),
                    10 | 24 | 28 | 30 => format!("{family} (IPv6)"),
                    other => other.to_string(),
                }
            })
            .map(|_| ());
        let (layer, rest) = fields.layer("Loopback", String::new(), read);
        self.push(layer);
        self.ip(rest);
    }

    /// <https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html>
    fn cooked(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let mut summary = String::new();
        let mut protocol = 0;
        let mut read = || {
            summary = packet_type(fields.number("Packet type", 2, packet_type)?);
            fields.plain("Address type (ARPHRD)", 2)?;
            let length = fields.plain("Address length", 2)?;
            address(&mut fields, length)?;
            protocol = ethertype_field(&mut fields)?;
            Some(())
        };
        let read = read();
        let (layer, rest) = fields.layer("Linux cooked", summary, read);
        self.push(layer);
        self.cooked_payload(protocol, rest);
    }

    /// <https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html>
    fn cooked2(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let mut summary = String::new();
        let mut protocol = 0;
        let mut read = || {
            protocol = ethertype_field(&mut fields)?;
            fields.hex("Reserved", 2)?;
            let interface = fields.plain("Interface index", 4)?;
            fields.plain("Address type (ARPHRD)", 2)?;
            let kind = packet_type(fields.number("Packet type", 1, packet_type)?);
            let length = fields.plain("Address length", 1)?;
            address(&mut fields, length)?;
            summary = format!("{kind}, interface {interface}");
            Some(())
        };
        let read = read();
        let (layer, rest) = fields.layer("Linux cooked v2", summary, read);
        self.push(layer);
        self.cooked_payload(protocol, rest);
    }

    fn cooked_payload(&mut self, protocol: u16, bytes: Bytes<'_>) {
        match protocol {
            4 => self.llc(bytes),
            0..=1500 => self.data("Data", bytes),
            kind => self.typed(kind, bytes),
        }
    }

    /// RFC 1661, 2 and RFC 1662, 3.1.
    fn ppp(&mut self, bytes: Bytes<'_>) {
        if matches!(bytes.data, [0x0f | 0x8f, _, ..]) {
            return self.cisco(bytes);
        }
        let mut fields = Fields::new(bytes);
        if bytes.data.starts_with(&[0xff, 3]) {
            // they are there: this cannot fail
            let _ = fields
                .hex("Address", 1)
                .and_then(|_| fields.hex("Control", 1));
        }
        self.ppp_protocol(fields);
    }

    fn ppp_with_direction(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let shown = fields.number("Direction", 1, |direction| match direction {
            0 => "received".to_owned(),
            _ => "sent".to_owned(),
        });
        if shown.is_some() && fields.rest().data.starts_with(&[0xff, 3]) {
            let _ = fields.hex("Address", 1);
        }
        if fields.rest().data.starts_with(&[3]) {
            let _ = fields.hex("Control", 1);
        }
        self.ppp_protocol(fields);
    }

    fn ppp_protocol(&mut self, mut fields: Fields<'_>) {
        // an odd first byte is the whole number
        let length = match fields.rest().data.first() {
            Some(byte) if byte & 1 == 1 => 1,
            _ => 2,
        };
        let number = fields.number("Protocol", length, |number| match number {
            0x21 => "0x0021 (IPv4)".to_owned(),
            0x57 => "0x0057 (IPv6)".to_owned(),
            0xc021 => "0xc021 (Link control)".to_owned(),
            0x8021 => "0x8021 (IPv4 control)".to_owned(),
            0x8057 => "0x8057 (IPv6 control)".to_owned(),
            other => format!("0x{other:04x}"),
        });
        let summary = number.map(|number| format!("protocol 0x{number:04x}"));
        let (layer, rest) = fields.layer("PPP", summary.unwrap_or_default(), number.map(|_| ()));
        self.push(layer);
        match number {
            Some(0x21 | 0x57) => self.ip(rest),
            Some(0x281 | 0x283) => self.mpls(rest),
            _ => self.data("Data", rest),
        }
    }

    /// RFC 2516, 4.
    fn pppoe(&mut self, bytes: Bytes<'_>, name: &'static str) {
        let mut fields = Fields::new(bytes);
        let mut length = 0;
        let mut code = 0;
        let mut summary = String::new();
        let mut read = || {
            let version = fields.hex("Version and type", 1)?;
            fields.part("Version", (version >> 4).to_string());
            fields.part("Type", (version & 0xf).to_string());
            code = fields.number("Code", 1, pppoe_code)?;
            let session = fields.hex("Session identifier", 2)?;
            length = fields.number("Length", 2, |length| bytes_text(length as usize))?;
            summary = format!("{}, session 0x{session:04x}", pppoe_code(code));
            Some(())
        };
        let read = read();
        let (layer, rest) = fields.layer(name, summary, read);
        self.push(layer);
        let (content, padding) = rest.split(length as usize);
        if code == 0 {
            self.ppp_protocol(Fields::new(content));
        } else {
            self.data("Tags", content);
        }
        self.data("Padding", padding);
    }

    fn cisco(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let mut kind = 0;
        let mut read = || {
            fields.hex("Address", 1)?;
            fields.hex("Control", 1)?;
            kind = ethertype_field(&mut fields)?;
            Some(())
        };
        let read = read();
        let (layer, rest) = fields.layer("Cisco HDLC", String::new(), read);
        self.push(layer);
        self.typed(kind, rest);
    }

    /// `struct pktap_header` of XNU's `bsd/net/pktap.h`; numbers are little-endian.
    fn pktap(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let mut link = 0;
        let mut summary = String::new();
        let mut read = || {
            let length = fields.little("Header length", 4, |length| bytes_text(length as usize))?;
            fields.limit(usize::try_from(length).ok()?.checked_sub(4)?);
            fields.little("Type of record", 4, |kind| kind.to_string())?;
            link = fields.little("Link type", 4, |link| LinkType(link as u32).to_string())?;
            fields.text("Interface", 24)?;
            fields.little("Flags", 4, |flags| format!("0x{flags:08x}"))?;
            fields.little("Protocol family", 4, |family| family.to_string())?;
            fields.little("Link header length", 4, |length| length.to_string())?;
            fields.little("Link trailer length", 4, |length| length.to_string())?;
            let pid = fields.little("Process identifier", 4, |pid| pid.to_string())?;
            fields.text("Process", 20)?;
            let process = fields.fields.last().map(|field| field.value.clone());
            summary = format!("{} ({pid})", process.unwrap_or_default());
            let rest = fields.rest().data.len();
            fields.raw("Rest of the header", rest)
        };
        let read = read();
        let (layer, _) = fields.layer("PKTAP", summary, read);
        let header = layer.range.end - layer.range.start;
        self.push(layer);
        if read.is_some() {
            let rest = bytes.from(header);
            match link {
                0 => self.ip(rest),
                link => self.link(LinkType(link as u32), rest),
            }
        }
    }
}

fn ethertype_field(fields: &mut Fields<'_>) -> Option<u16> {
    let number = fields.number("Type", 2, |kind| match kind {
        0..=1500 => format!("{kind} (length)"),
        kind => match crate::print::ethertype(kind as u16) {
            Some(name) => format!("0x{kind:04x} ({name})"),
            None => format!("0x{kind:04x}"),
        },
    })?;
    u16::try_from(number).ok()
}

/// Eight bytes, of which as many as `length` says are an address.
fn address(fields: &mut Fields<'_>, length: u64) -> Option<()> {
    if length == 6 {
        fields.mac("Sender")?;
        return fields.raw("Unused", 2);
    }
    fields.raw("Sender", 8)
}

fn packet_type(kind: u64) -> String {
    match kind {
        0 => "to this machine".to_owned(),
        1 => "broadcast".to_owned(),
        2 => "multicast".to_owned(),
        3 => "to another machine".to_owned(),
        4 => "sent by this machine".to_owned(),
        other => other.to_string(),
    }
}

fn pppoe_code(code: u64) -> String {
    match code {
        0x00 => "Session data".to_owned(),
        0x09 => "Initiation (PADI)".to_owned(),
        0x07 => "Offer (PADO)".to_owned(),
        0x19 => "Request (PADR)".to_owned(),
        0x65 => "Session confirmation (PADS)".to_owned(),
        0xa7 => "Terminate (PADT)".to_owned(),
        other => format!("0x{other:02x}"),
    }
}
