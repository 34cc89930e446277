//! PPP (RFC 1661), bare, in HDLC's framing (RFC 1662, Cisco's), or over Ethernet (RFC 2516).

use super::{
    Job, Printed, after, array_at, first,
    hex::hex,
    link::{IPV4, IPV6, ethertype},
    u8_at, u16_at,
};

/// Address, control and protocol.
const HEADER: usize = 4;

impl Job<'_> {
    /// The length of the link header, and how far the frame could be printed.
    pub(super) fn ppp_frame(&mut self, data: &[u8], length: usize) -> (usize, Printed) {
        self.protocol = "ppp";
        if data.len() < HEADER {
            return (data.len(), Err(super::Cut));
        }
        let printed = self.ppp(data, length);
        // where nothing is behind the header, that is what there is to dump
        let header = if data.len() == HEADER { 0 } else { HEADER };
        (header, printed)
    }

    pub(super) fn ppp(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "ppp";
        let whole = length;
        let skipped = if data.starts_with(&[0xff, 0x03]) {
            2
        } else {
            0
        };
        let (data, length) = (after(data, skipped), length.saturating_sub(skipped));
        array_at::<2>(data, 0)?;
        // a compressed protocol field is odd in its first byte
        let (kind, header) = match u8_at(data, 0)? {
            odd if odd & 1 == 1 => (u16::from(odd), 1),
            _ => (u16_at(data, 0)?, 2),
        };
        let name = ppp_name(kind);
        if self.options.link {
            let name = name.unwrap_or("unknown");
            self.put(format_args!("{name} (0x{kind:04x}), length {whole}"));
            if ppp_name(kind).is_none() {
                return Ok(());
            }
            self.say(": ");
        }
        self.behind_ppp(kind, after(data, header), length.saturating_sub(header))
    }

    fn behind_ppp(&mut self, kind: u16, data: &[u8], length: usize) -> Printed {
        match kind {
            0x0021 => return self.ip(data, length),
            0x0057 => return self.ip6(data, length),
            0x8021 | 0x8057 | 0x80fd | 0xc021 => return self.ppp_control(kind, data, length),
            _ => {}
        }
        match ppp_name(kind) {
            Some(name) => self.put(format_args!("{name} ")),
            None => self.put(format_args!("unknown PPP protocol (0x{kind:04x}) ")),
        }
        hex(&mut self.out, "\n\t", data);
        Ok(())
    }

    /// What sets up the link and the protocols above it.
    fn ppp_control(&mut self, kind: u16, data: &[u8], length: usize) -> Printed {
        let (code, id) = (u8_at(data, 0)?, u8_at(data, 1)?);
        let name = match code {
            0 => "Vendor-Extension",
            1 => "Conf-Request",
            2 => "Conf-Ack",
            3 => "Conf-Nack",
            4 => "Conf-Reject",
            5 => "Term-Request",
            6 => "Term-Ack",
            7 => "Code-Reject",
            8 => "Prot-Reject",
            9 => "Echo-Request",
            10 => "Echo-Reply",
            11 => "Disc-Request",
            _ => "Unknown Opcode",
        };
        self.put(format_args!(
            "{}, {name} (0x{code:02x}), id {id}, length {}",
            ppp_name(kind).unwrap_or_default(),
            length + 2
        ));
        Ok(())
    }

    /// PPP over serial lines, and Cisco's framing, which is told by its address.
    pub(super) fn ppp_hdlc_frame(&mut self, data: &[u8], length: usize) -> (usize, Printed) {
        self.protocol = "ppp_hdlc";
        let Ok([address, control, high, low]) = array_at(data, 0) else {
            return (data.len(), Err(super::Cut));
        };
        if matches!(address, 0x0f | 0x8f) {
            return self.cisco_hdlc_frame(data, length);
        }
        if self.options.link {
            self.put(format_args!("{address:02x} {control:02x} {length} "));
        }
        if address != 0xff {
            self.put(format_args!("unknown addr {high:02x}; ctrl {low:02x}"));
            return (2, Ok(()));
        }
        let kind = u16::from_be_bytes([high, low]);
        match ppp_name(kind) {
            Some(name) => self.put(format_args!("{name}: ")),
            None => self.put(format_args!("unknown PPP protocol (0x{kind:04x}): ")),
        }
        let length = length.saturating_sub(HEADER);
        let printed = self.behind_ppp(kind, after(data, HEADER), length);
        let header = if data.len() == HEADER { 0 } else { HEADER };
        (header, printed)
    }

    /// Cisco's framing: an EtherType behind two bytes.
    pub(super) fn cisco_hdlc_frame(&mut self, data: &[u8], length: usize) -> (usize, Printed) {
        self.protocol = "chdlc";
        let (Ok(address), Ok(kind)) = (u8_at(data, 0), u16_at(data, 2)) else {
            return (data.len(), Err(super::Cut));
        };
        if self.options.link {
            match address {
                0x0f => self.say("unicast"),
                0x8f => self.say("bcast"),
                address => self.put(format_args!("0x{address:02x}")),
            }
            self.put(format_args!(
                ", ethertype {} (0x{kind:04x}), length {length}: ",
                ethertype(kind).unwrap_or("Unknown")
            ));
        }
        let (body, rest) = (after(data, HEADER), length.saturating_sub(HEADER));
        let printed = match kind {
            IPV4 => self.ip(body, rest),
            IPV6 => self.ip6(body, rest),
            _ => {
                if !self.options.link {
                    self.put(format_args!("unknown CHDLC protocol (0x{kind:04x})"));
                }
                Ok(())
            }
        };
        (HEADER, printed)
    }

    pub(super) fn pppoe(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "pppoe";
        if length < 6 {
            self.put(format_args!(" (length {length} < 6) (invalid)"));
            return Ok(());
        }
        let [version, code, rest @ ..] = array_at::<6>(data, 0)?;
        let session = u16::from_be_bytes([rest[0], rest[1]]);
        let said = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        if version >> 4 != 1 {
            self.put(format_args!(" [ver {}]", version >> 4));
        }
        if version & 0xf != 1 {
            self.put(format_args!(" [type {}]", version & 0xf));
        }
        self.say("PPPoE ");
        match code {
            0 => {}
            0x07 => self.say("PADO"),
            0x09 => self.say("PADI"),
            0x19 => self.say("PADR"),
            0x65 => self.say("PADS"),
            0xa7 => self.say("PADT"),
            _ => self.put(format_args!("PAD-{code:x}")),
        }
        // what one frame of Ethernet can hold
        if code == 0x09 && said > 1484 - 6 {
            self.put(format_args!(" [len {said}!]"));
        }
        let there = length - 6;
        if said > there {
            self.put(format_args!(" [len {said} > {there}!]"));
        }
        if session != 0 {
            self.put(format_args!(" [ses 0x{session:x}]"));
        }
        let inside = said.min(there);
        let body = first(after(data, 6), inside);
        if code != 0 {
            return self.pppoe_tags(body, inside);
        }
        self.say(" ");
        self.ppp(body, inside)
    }

    /// What is offered and asked for before there is a session.
    fn pppoe_tags(&mut self, data: &[u8], length: usize) -> Printed {
        let mut at = 0;
        while at < length {
            self.bounded()?;
            let (kind, size) = (u16_at(data, at)?, usize::from(u16_at(data, at + 2)?));
            let value = super::bytes_at(data, at + 4, size)?;
            self.say(" [");
            match tag_name(kind) {
                Some(name) => self.say(name),
                None => self.put(format_args!("TAG-0x{kind:x}")),
            }
            let shown = first(value, LONGEST_TEXT);
            let readable = |byte: &&u8| (b' '..=b'~').contains(*byte);
            if 2 * shown.iter().filter(readable).count() > shown.len() {
                let text = shown.iter().map(|byte| match byte {
                    b' '..=b'~' => char::from(*byte),
                    _ => '.',
                });
                let text: String = text.collect();
                self.put(format_args!(" \"{text}\""));
            } else if !value.is_empty() {
                self.say(" 0x");
                for byte in value {
                    self.put(format_args!("{byte:02X}"));
                }
            }
            self.say("]");
            at += 4 + size;
            if kind == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// Of a tag so many characters are shown.
const LONGEST_TEXT: usize = 79;

fn tag_name(kind: u16) -> Option<&'static str> {
    Some(match kind {
        0x0000 => "EOL",
        0x0101 => "Service-Name",
        0x0102 => "AC-Name",
        0x0103 => "Host-Uniq",
        0x0104 => "AC-Cookie",
        0x0105 => "Vendor-Specific",
        0x0110 => "Relay-Session-ID",
        0x0120 => "PPP-Max-Payload",
        0x0201 => "Service-Name-Error",
        0x0202 => "AC-System-Error",
        0x0203 => "Generic-Error",
        _ => return None,
    })
}

fn ppp_name(kind: u16) -> Option<&'static str> {
    Some(match kind {
        0x0021 => "IP",
        0x0057 => "IP6",
        0x8021 => "IPCP",
        0x8057 => "IP6CP",
        0x80fd => "CCP",
        0xc021 => "LCP",
        0xc023 => "PAP",
        0xc223 => "CHAP",
        _ => return None,
    })
}
