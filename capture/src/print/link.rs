//! Link headers, and who takes what is behind them.

use super::{Cut, Frame, Job, Printed, after, array_at, bytes_at, first, u8_at, u16_at, u32_at};

/// Up to here the field is a length (IEEE 802.3), above it a type.
const LONGEST_8023: u16 = 1500;

pub(super) const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const REVERSE_ARP: u16 = 0x8035;
const VLAN: u16 = 0x8100;
pub(super) const IPV6: u16 = 0x86dd;
const PPP: u16 = 0x880b;
const PPPOE_DISCOVERY: u16 = 0x8863;
const PPPOE_SESSION: u16 = 0x8864;
const EAPOL: u16 = 0x888e;
const QINQ: u16 = 0x88a8;

impl Job<'_> {
    /// Prints everything but the time; gives the length of the link header.
    pub(super) fn frame(&mut self, frame: &Frame<'_>) -> usize {
        let (data, length) = (frame.data, frame.original.max(frame.data.len()));
        let (header, printed) = match frame.link {
            0 | 108 => (4, self.null(data, length, frame.link == 108)),
            1 => return self.ethernet_frame(data, length),
            9 => self.ppp_frame(data, length),
            50 => self.ppp_hdlc_frame(data, length),
            104 => self.cisco_hdlc_frame(data, length),
            12 | 14 | 101 | 228 | 229 => (0, self.raw(data, length)),
            105 => self.wifi_frame(data, length, 0),
            113 => self.sll(data, length),
            127 => self.radiotap_frame(data, length),
            149 | 258 => (0, self.pktap(data, length)),
            192 => self.ppi(data, length),
            276 => self.sll2(data, length),
            other => {
                self.put(format_args!("link type {other}, length {length}"));
                self.unknown(data);
                (0, Ok(()))
            }
        };
        if printed.is_err() {
            self.cut();
            return self.header_of_cut(header);
        }
        header
    }

    /// Where the dump of a cut packet begins: a link header that is not whole is dumped, too.
    fn header_of_cut(&self, header: usize) -> usize {
        match self.protocol {
            "ether" | "vlan" | "arp" | "null" | "loop" | "sll" | "sll2" => 0,
            _ => header,
        }
    }

    fn ethernet_frame(&mut self, data: &[u8], length: usize) -> usize {
        let mut header = 14;
        if self.ethernet(data, length, &mut header).is_err() {
            self.cut();
            return self.header_of_cut(header);
        }
        header
    }

    pub(super) fn ethernet(&mut self, data: &[u8], length: usize, header: &mut usize) -> Printed {
        self.protocol = "ether";
        if length < 14 {
            return Err(Cut);
        }
        let (destination, source) = (bytes_at(data, 0, 6)?, bytes_at(data, 6, 6)?);
        let mut kind = u16_at(data, 12)?;
        let whole = length;
        if self.options.link {
            self.macs(source, destination);
        }
        let mut told = false;
        let (mut at, mut rest) = (14, length - 14);
        loop {
            let body = after(data, at);
            match kind {
                0..=LONGEST_8023 => {
                    // what is behind that is padding
                    let inside = rest.min(usize::from(kind));
                    if self.options.link {
                        self.say("802.3");
                        if !told {
                            self.length_of(inside, &mut told);
                        }
                    }
                    *header = at;
                    let macs = Some((source, destination));
                    return self.llc(first(body, inside), inside, macs, header);
                }
                VLAN | QINQ | 0x9100 | 0x9200 => {
                    self.protocol = "vlan";
                    if rest < 4 {
                        return Err(Cut);
                    }
                    let tag = u16_at(body, 0)?;
                    let inner = u16_at(body, 2)?;
                    if self.options.link {
                        self.ethertype(kind);
                        if told {
                            self.say(", ");
                        } else {
                            self.length_of(whole, &mut told);
                        }
                        self.put(format_args!("vlan {}, p {}", tag & 0xfff, tag >> 13));
                        self.say(if tag & 0x1000 != 0 { ", DEI, " } else { ", " });
                    }
                    kind = inner;
                    at += 4;
                    rest -= 4;
                }
                _ => {
                    *header = at;
                    if self.options.link {
                        self.ethertype(kind);
                        if told {
                            self.say(", ");
                        } else {
                            self.length_of(whole, &mut told);
                        }
                    }
                    if !self.behind(kind, body, rest)? {
                        if !self.options.link {
                            self.macs(source, destination);
                            self.ethertype(kind);
                            self.put(format_args!(", length {whole}: "));
                        }
                        self.unknown(body);
                    }
                    return Ok(());
                }
            }
        }
    }

    fn macs(&mut self, source: &[u8], destination: &[u8]) {
        let (source, destination) = (self.mac(source), self.mac(destination));
        self.put(format_args!("{source} > {destination}, "));
    }

    fn length_of(&mut self, length: usize, told: &mut bool) {
        *told = true;
        self.put(format_args!(", length {length}: "));
    }

    fn ethertype(&mut self, kind: u16) {
        let name = ethertype(kind).unwrap_or("Unknown");
        if self.options.quiet {
            self.put(format_args!(
                "{}",
                ethertype(kind).unwrap_or("Unknown Ethertype")
            ));
            if ethertype(kind).is_none() {
                self.put(format_args!(" (0x{kind:04x})"));
            }
        } else {
            self.put(format_args!("ethertype {name} (0x{kind:04x})"));
        }
    }

    /// What a type of Ethernet says is next; false when we do not know it.
    pub(super) fn behind(&mut self, kind: u16, data: &[u8], length: usize) -> Result<bool, Cut> {
        match kind {
            IPV4 => self.ip(data, length)?,
            IPV6 => self.ip6(data, length)?,
            ARP | REVERSE_ARP => self.arp(data, length)?,
            PPPOE_DISCOVERY | PPPOE_SESSION => self.pppoe(data, length)?,
            PPP if length > 0 => {
                self.say(": ");
                self.ppp(data, length)?;
            }
            EAPOL => self.eapol(data)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// BSD loopback: the address family in the byte order of whoever captured (or of the network).
    fn null(&mut self, data: &[u8], length: usize, network: bool) -> Printed {
        self.protocol = if network { "loop" } else { "null" };
        if length < 4 {
            return Err(Cut);
        }
        let mut family = u32_at(data, 0)?;
        // families are small: a large number is one in the other byte order
        if !network && family & 0xffff_0000 != 0 {
            family = family.swap_bytes();
        }
        let (name, kind) = match family {
            2 => ("IPv4", IPV4),
            10 | 24 | 28 | 30 => ("IPv6", IPV6),
            7 => ("ISO", 0),
            16 => ("AppleTalk", 0),
            23 => ("IPX", 0),
            _ => ("unknown", 0),
        };
        if self.options.link {
            if self.options.quiet {
                self.say(name);
            } else {
                self.put(format_args!("AF {name} ({family})"));
            }
            self.put(format_args!(", length {length}: "));
        }
        if !self.behind(kind, after(data, 4), length - 4)? {
            if !self.options.link {
                self.put(format_args!("AF {name} ({family}), length {length}: "));
            }
            self.unknown(after(data, 4));
        }
        Ok(())
    }

    fn raw(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "raw";
        if self.options.link {
            self.say("ip: ");
        }
        self.any_ip(data, length)
    }

    /// Linux cooked: www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html
    fn sll(&mut self, data: &[u8], length: usize) -> (usize, Printed) {
        let mut header = 16;
        let printed = self.sll_to(data, length, &mut header);
        (header, printed)
    }

    fn sll_to(&mut self, data: &[u8], length: usize, header: &mut usize) -> Printed {
        self.protocol = "sll";
        if length < 16 || data.len() < 16 {
            return Err(Cut);
        }
        let kind = u16_at(data, 14)?;
        if self.options.link {
            let way = cooked_way(u16_at(data, 0)?);
            self.put(format_args!("{way:>3} "));
            self.cooked_address(usize::from(u16_at(data, 4)?), bytes_at(data, 6, 8)?);
            if !self.options.quiet {
                self.ethertype_of_cooked(kind);
                self.put(format_args!(", length {length}: "));
            }
        }
        self.cooked_body(kind, after(data, 16), length, header)
    }

    /// Linux cooked, second version: www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html
    fn sll2(&mut self, data: &[u8], length: usize) -> (usize, Printed) {
        let mut header = 20;
        let printed = self.sll2_to(data, length, &mut header);
        (header, printed)
    }

    fn sll2_to(&mut self, data: &[u8], length: usize, header: &mut usize) -> Printed {
        self.protocol = "sll2";
        if length < 20 || data.len() < 20 {
            return Err(Cut);
        }
        let kind = u16_at(data, 0)?;
        let index = u32_at(data, 4)?;
        // the one that has this index here: the packet does not say what it was called where it was captured
        let names = self.names;
        let name = names.interface(index).unwrap_or("?");
        self.put(format_args!("{name:<5} "));
        let way = cooked_way(u16::from(u8_at(data, 10)?));
        self.put(format_args!("{way:<3} "));
        if self.options.link {
            self.put(format_args!("ifindex {index} "));
            self.cooked_address(usize::from(u8_at(data, 11)?), bytes_at(data, 12, 8)?);
            if !self.options.quiet {
                self.ethertype_of_cooked(kind);
                self.put(format_args!(", length {length}: "));
            }
        }
        self.cooked_body(kind, after(data, 20), length, header)
    }

    fn cooked_address(&mut self, length: usize, address: &[u8]) {
        match length {
            1 => self.put(format_args!("{:02x} ", address.first().unwrap_or(&0))),
            6 => {
                let address = self.mac(first(address, 6));
                self.put(format_args!("{address} "));
            }
            _ => {}
        }
    }

    fn ethertype_of_cooked(&mut self, kind: u16) {
        self.put(format_args!(
            "ethertype {} (0x{kind:04x})",
            ethertype(kind).unwrap_or("Unknown")
        ));
    }

    fn cooked_body(
        &mut self,
        mut kind: u16,
        mut data: &[u8],
        whole: usize,
        header: &mut usize,
    ) -> Printed {
        let mut length = whole.saturating_sub(*header);
        while matches!(kind, VLAN | QINQ) {
            self.protocol = "vlan";
            let tag = u16_at(data, 0)?;
            kind = u16_at(data, 2)?;
            if self.options.link {
                self.put(format_args!("vlan {}, p {}", tag & 0xfff, tag >> 13));
                self.say(if tag & 0x1000 != 0 { ", DEI, " } else { ", " });
                self.ethertype_of_cooked(kind);
                self.say(", ");
            }
            data = after(data, 4);
            length = length.saturating_sub(4);
        }
        if kind == 4 {
            return self.llc(data, length, None, header);
        }
        if !self.behind(kind, data, length)? {
            if !self.options.link {
                self.ethertype_of_cooked(kind);
                self.put(format_args!(", length {whole}: "));
            }
            self.unknown(data);
        }
        Ok(())
    }

    /// Apple's header: its length, then the kind of what follows it.
    fn pktap(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "pktap";
        let word = |at| array_at(data, at).map(u32::from_le_bytes);
        let (header, link) = (word(0)? as usize, word(8)?);
        if header < 12 || header > length {
            return Err(Cut);
        }
        if self.options.link {
            let name = crate::packet::LinkType(link);
            self.put(format_args!(
                "DLT {name} ({link}) len {header}, length {length}: "
            ));
        }
        self.inner(link, after(data, header), length - header).1
    }

    /// Per-Packet Information: its length, then the kind of what follows it.
    fn ppi(&mut self, data: &[u8], length: usize) -> (usize, Printed) {
        self.protocol = "ppi";
        let Ok([version, _, low, high, kind @ ..]) = array_at::<8>(data, 0) else {
            return (data.len(), Err(Cut));
        };
        let header = usize::from(u16::from_le_bytes([low, high]));
        if header < 8 || header > data.len() {
            return (data.len(), Err(Cut));
        }
        let link = u32::from_le_bytes(kind);
        if self.options.link {
            let name = crate::packet::LinkType(link).name().unwrap_or("UNKNOWN");
            if self.options.quiet {
                self.put(format_args!("{name}, length {length}: "));
            } else {
                self.put(format_args!(
                    "V.{version} DLT {name} ({link}) len {header}, length {length}: "
                ));
            }
        }
        let (inside, printed) = self.inner(link, after(data, header), length - header);
        (header + inside, printed)
    }

    /// A frame within a frame: the length of its header, and how far it could be printed.
    fn inner(&mut self, link: u32, data: &[u8], length: usize) -> (usize, Printed) {
        match link {
            0 | 108 => (4, self.null(data, length, link == 108)),
            1 => {
                let mut header = 14;
                let printed = self.ethernet(data, length, &mut header);
                (header, printed)
            }
            12 | 14 | 101 | 228 | 229 => (0, self.raw(data, length)),
            105 => self.wifi_frame(data, length, 0),
            127 => self.radiotap_frame(data, length),
            _ => {
                self.put(format_args!("link type {link}, length {length}"));
                self.unknown(data);
                (0, Ok(()))
            }
        }
    }
}

fn cooked_way(way: u16) -> &'static str {
    match way {
        0 => "In",
        1 => "B",
        2 => "M",
        3 => "P",
        4 => "Out",
        _ => "?",
    }
}

pub(crate) fn ethertype(kind: u16) -> Option<&'static str> {
    Some(match kind {
        IPV4 => "IPv4",
        ARP => "ARP",
        REVERSE_ARP => "Reverse ARP",
        VLAN => "802.1Q",
        IPV6 => "IPv6",
        0x8808 => "MPCP",
        0x8809 => "Slow Protocols",
        PPP => "PPP",
        0x8847 => "MPLS unicast",
        0x8848 => "MPLS multicast",
        PPPOE_DISCOVERY => "PPPoE D",
        PPPOE_SESSION => "PPPoE S",
        EAPOL => "EAPOL",
        QINQ => "802.1Q-QinQ",
        0x88cc => "LLDP",
        0x88e5 => "MACsec",
        0x9000 => "Loopback",
        0x9100 => "802.1Q-9100",
        0x9200 => "802.1Q-9200",
        _ => return None,
    })
}
