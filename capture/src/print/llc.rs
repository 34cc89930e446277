//! IEEE 802.2, SNAP behind it (RFC 1042), and the spanning tree that speaks over it (IEEE 802.1D, 802.1w).

use super::{
    Cut, Job, Printed, after, array_at, bits, hex::hex_and_ascii, link::ethertype, names, u8_at,
    u16_at,
};

/// Source and destination of a frame.
pub(super) type Macs<'a> = Option<(&'a [u8], &'a [u8])>;

/// An information frame without sequence numbers.
const UNNUMBERED_INFORMATION: u16 = 3;

impl Job<'_> {
    /// `header` is where this begins in the packet, and becomes where what it carries begins.
    pub(super) fn llc(
        &mut self,
        data: &[u8],
        length: usize,
        macs: Macs<'_>,
        header: &mut usize,
    ) -> Printed {
        self.protocol = "llc";
        let &[to, from, first, ..] = data else {
            return self.cut_llc(data, header);
        };
        let unnumbered = first & 3 == 3;
        let (control, size) = match array_at(data, 2).map(u16::from_le_bytes) {
            _ if unnumbered => (u16::from(first), 3),
            Ok(control) => (control, 4),
            Err(Cut) => return self.cut_llc(data, header),
        };
        let (dsap, ssap) = (to & 0xfe, from & 0xfe);
        if self.options.link {
            let name = |point| point_name(point).unwrap_or("Unknown");
            self.put(format_args!(
                "LLC, dsap {} (0x{dsap:02x}) {}, ssap {} (0x{ssap:02x}) {}, ctrl ",
                name(dsap),
                ["Individual", "Group"][usize::from(to & 1)],
                name(ssap),
                ["Command", "Response"][usize::from(from & 1)],
            ));
            match unnumbered {
                true => self.put(format_args!("0x{control:02x}: ")),
                false => self.put(format_args!("0x{control:04x}: ")),
            }
        }
        *header += size;
        let (body, rest) = (after(data, size), length.saturating_sub(size));
        match (dsap, ssap, control) {
            (0x42, 0x42, UNNUMBERED_INFORMATION) => return self.spanning_tree(body, rest),
            (0x06, 0x06, UNNUMBERED_INFORMATION) => return self.ip(body, rest),
            (0xaa, 0xaa, UNNUMBERED_INFORMATION) => {
                *header += 5;
                if !self.snap(body, rest, macs)? {
                    self.unknown(data);
                }
                return Ok(());
            }
            _ => {}
        }
        if !self.options.link {
            self.service_points(dsap, ssap, macs);
        }
        let poll = if unnumbered { 0x10 } else { 0x100 };
        let flags = match (from & 1 != 0, control & poll != 0) {
            (false, false) => "Command",
            (true, false) => "Response",
            (false, true) => "Poll",
            (true, true) => "Final",
        };
        if unnumbered {
            let command = first & 0xef;
            self.say("Unnumbered, ");
            match command_name(command) {
                Some(name) => self.say(name),
                None => self.put(format_args!("{command:02x}")),
            }
            self.put(format_args!(", Flags [{flags}], length {length}"));
            if let (0xaf, &[0x81, class, window, ..]) = (command, body) {
                self.put(format_args!(": {class:02x} {window:02x}"));
                return Ok(());
            }
            self.unknown(data);
        } else if control & 3 == 1 {
            let name = match control >> 2 & 3 {
                0 => "Receiver Ready",
                1 => "Receiver not Ready",
                2 => "Reject",
                _ => "?",
            };
            let received = control >> 9;
            self.put(format_args!(
                "Supervisory, {name}, rcv seq {received}, Flags [{flags}], length {length}"
            ));
        } else {
            let (sent, received) = (control >> 1 & 0x7f, control >> 9);
            self.put(format_args!(
                "Information, send seq {sent}, rcv seq {received}, Flags [{flags}], length {length}"
            ));
            self.unknown(data);
        }
        Ok(())
    }

    /// What is not even a header of 802.2 is dumped, also where the packet is.
    fn cut_llc(&mut self, data: &[u8], header: &mut usize) -> Printed {
        *header += data.len();
        self.cut();
        hex_and_ascii(&mut self.out, "\n\t", data);
        Ok(())
    }

    /// Who speaks with whom, where the link header is not printed.
    fn service_points(&mut self, dsap: u8, ssap: u8, macs: Macs<'_>) {
        let named = |point: u8, which: &str| match point_name(point) {
            Some(name) => name.to_owned(),
            None => format!("Unknown {which} 0x{point:02x}"),
        };
        let (to, from) = (named(dsap, "DSAP"), named(ssap, "SSAP"));
        let macs = macs.map(|(source, destination)| (self.mac(source), self.mac(destination)));
        match (macs, dsap == ssap) {
            (None, true) => self.put(format_args!("{to} ")),
            (None, false) => self.put(format_args!("{from} > {to} ")),
            (Some((source, destination)), true) => {
                self.put(format_args!("{source} > {destination} {to} "));
            }
            (Some((source, destination)), false) => {
                self.put(format_args!("{source} {from} > {destination} {to} "));
            }
        }
    }

    /// False when nobody here knows what it carries.
    fn snap(&mut self, data: &[u8], length: usize, macs: Macs<'_>) -> Result<bool, Cut> {
        self.protocol = "snap";
        let vendor: [u8; 3] = array_at(data, 0)?;
        let kind = u16_at(data, 3)?;
        let (body, rest) = (after(data, 5), length.saturating_sub(5));
        // bridges of Cisco have a number of their own for what is Ethernet otherwise
        let ethernet = matches!(vendor, [0, 0, 0 | 0xf8]);
        let known = match vendor {
            _ if ethernet => ethertype(kind),
            [0, 0, 0x0c] => cisco_name(kind),
            _ => None,
        };
        let known = known.unwrap_or("Unknown");
        let oui = names::oui(vendor).unwrap_or("Unknown");
        let number = u32::from_be_bytes([0, vendor[0], vendor[1], vendor[2]]);
        let what = if number == 0 { "ethertype" } else { "pid" };
        if self.options.link {
            self.put(format_args!(
                "oui {oui} (0x{number:06x}), {what} {known} (0x{kind:04x}), length {rest}: "
            ));
        }
        if ethernet && self.behind(kind, body, rest)? {
            return Ok(true);
        }
        if !self.options.link {
            if let Some((source, destination)) = macs {
                let (source, destination) = (self.mac(source), self.mac(destination));
                self.put(format_args!("{source} > {destination} "));
            }
            self.say("SNAP, ");
            if number != 0 {
                self.put(format_args!("oui {oui} (0x{number:06x}), "));
            }
            self.put(format_args!(
                "{what} {known} (0x{kind:04x}), length {rest}: "
            ));
        }
        Ok(false)
    }

    /// Bridges that agree on a tree.
    fn spanning_tree(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "stp";
        let (version, kind) = (u8_at(data, 2)?, u8_at(data, 3)?);
        self.say("STP ");
        match version {
            0 => self.say("802.1d"),
            2 => self.say("802.1w"),
            3 => self.say("802.1s"),
            4 => self.say("802.1aq"),
            _ => {
                self.put(format_args!("Unknown STP protocol (0x{version:02x})"));
                return Ok(());
            }
        }
        match kind {
            0 => self.say(", Config"),
            2 => self.say(", Rapid STP"),
            0x80 => {
                self.say(", Topology Change");
                return Ok(());
            }
            _ => {
                self.put(format_args!(", Unknown BPDU Type (0x{kind:02x})"));
                return Ok(());
            }
        }
        let flags = u8_at(data, 4)?;
        let names = bits(
            flags.into(),
            &[
                (0x01, "Topology change"),
                (0x02, "Proposal"),
                (0x10, "Learn"),
                (0x20, "Forward"),
                (0x40, "Agreement"),
                (0x80, "Topology change ACK"),
            ],
            ", ",
        );
        let port = u16_at(data, 25)?;
        let bridge = bridge(data, 17)?;
        self.put(format_args!(
            ", Flags [{names}], bridge-id {bridge}.{port:04x}, length {length}"
        ));
        if !self.verbose() {
            return Ok(());
        }
        // in 256ths of a second
        let time = |at| u16_at(data, at).map(|time| f64::from(time) / 256.0);
        self.put(format_args!(
            "\n\tmessage-age {:.2}s, max-age {:.2}s, hello-time {:.2}s, forwarding-delay {:.2}s",
            time(27)?,
            time(29)?,
            time(31)?,
            time(33)?
        ));
        let cost = u32::from_be_bytes(array_at(data, 13)?);
        let root = self::bridge(data, 5)?;
        self.put(format_args!("\n\troot-id {root}, root-pathcost {cost}"));
        if kind == 2 {
            let role = ["Unknown", "Alternate", "Root", "Designated"];
            let role = role[usize::from(flags >> 2 & 3)];
            self.put(format_args!(", port-role {role}"));
        }
        Ok(())
    }

    /// Port authentication (IEEE 802.1X): also the four messages of WPA's handshake.
    pub(super) fn eapol(&mut self, data: &[u8]) -> Printed {
        self.protocol = "eap";
        let (version, kind, length) = (u8_at(data, 0)?, u8_at(data, 1)?, u16_at(data, 2)?);
        let name = match kind {
            0 => "EAP packet",
            1 => "EAPOL start",
            2 => "EAPOL logoff",
            3 => "EAPOL key",
            4 => "Encap ASF alert",
            _ => "unknown",
        };
        self.put(format_args!("{name} ({kind}) v{version}, len {length}"));
        Ok(())
    }
}

/// Priority and address.
fn bridge(data: &[u8], at: usize) -> Result<String, Cut> {
    let priority = u16_at(data, at)?;
    let address: [u8; 6] = array_at(data, at + 2)?;
    Ok(format!("{priority:04x}.{}", names::Mac(&address)))
}

/// Service access points.
fn point_name(point: u8) -> Option<&'static str> {
    Some(match point {
        0x00 => "Null",
        0x02 => "802.1B I",
        0x04 => "SNA",
        0x06 => "IP",
        0x0e => "ProWay NM",
        0x42 => "STP",
        0x4e => "RS511",
        0x7e => "ISO8208",
        0x8e => "ProWay",
        0xaa => "SNAP",
        0xe0 => "IPX",
        0xf0 => "NetBeui",
        0xfe => "OSI",
        _ => return None,
    })
}

/// Frames without sequence numbers, without their poll bit.
fn command_name(command: u8) -> Option<&'static str> {
    Some(match command {
        0x03 => "ui",
        0x0f => "dm",
        0x43 => "disc",
        0x63 => "ua",
        0x6f => "sabme",
        0x87 => "frmr",
        0xaf => "xid",
        0xe3 => "test",
        _ => return None,
    })
}

/// Protocols that Cisco numbers.
fn cisco_name(kind: u16) -> Option<&'static str> {
    Some(match kind {
        0x010b => "PVST",
        0x0111 => "UDLD",
        0x2000 => "CDP",
        0x2003 => "VTP",
        0x2004 => "DTP",
        _ => return None,
    })
}
