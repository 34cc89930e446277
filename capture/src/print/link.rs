//! Link headers, and who takes what is behind them.

use super::{
    Cut, Frame, Job, Printed, after, array_at, bytes_at, first, names::Mac, u8_at, u16_at, u32_at,
};

/// Up to here the field is a length (IEEE 802.3), above it a type.
const LONGEST_8023: u16 = 1500;

const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const REVERSE_ARP: u16 = 0x8035;
const VLAN: u16 = 0x8100;
const IPV6: u16 = 0x86dd;
const PPPOE_SESSION: u16 = 0x8864;
const QINQ: u16 = 0x88a8;

impl Job<'_> {
    /// Prints everything but the time; gives the length of the link header.
    pub(super) fn frame(&mut self, frame: &Frame<'_>) -> usize {
        let (data, length) = (frame.data, frame.original.max(frame.data.len()));
        let (header, printed) = match frame.link {
            0 | 108 => (4, self.null(data, length, frame.link == 108)),
            1 => return self.ethernet_frame(data, length),
            9 | 50 => (2, self.ppp_frame(data, length)),
            12 | 14 | 101 | 228 | 229 => (0, self.raw(data, length)),
            105 => self.wifi_frame(data, length, 0),
            113 => (16, self.sll(data, length)),
            127 => self.radiotap_frame(data, length),
            149 | 258 => (0, self.pktap(data, length)),
            192 => (
                array_at::<2>(data, 2).map_or(0, |bytes| usize::from(u16::from_le_bytes(bytes))),
                self.ppi(data, length),
            ),
            276 => (20, self.sll2(data, length)),
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
                    if self.options.link {
                        self.say("802.3");
                        self.length_of(whole, &mut told);
                    }
                    let inside = rest.min(usize::from(kind));
                    *header = at;
                    return self.llc(
                        first(body, inside),
                        inside,
                        Some((source, destination)),
                        whole,
                    );
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
        self.put(format_args!("{} > {}, ", Mac(source), Mac(destination)));
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
            PPPOE_SESSION => self.pppoe(data, length)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// IEEE 802.2, and SNAP behind it.
    pub(super) fn llc(
        &mut self,
        data: &[u8],
        length: usize,
        macs: Option<(&[u8], &[u8])>,
        whole: usize,
    ) -> Printed {
        self.protocol = "llc";
        if length < 3 {
            return Err(Cut);
        }
        let (dsap, ssap, control) = (u8_at(data, 0)?, u8_at(data, 1)?, u8_at(data, 2)?);
        if (dsap, ssap, control) == (0xaa, 0xaa, 3) && length >= 8 {
            self.protocol = "snap";
            let vendor: [u8; 3] = array_at(data, 3)?;
            let kind = u16_at(data, 6)?;
            if self.options.link {
                let name = match vendor {
                    [0, 0, 0] => "Ethernet",
                    [0, 0, 0x0c] => "Cisco",
                    [0, 0x80, 0xc2] => "RFC2684",
                    _ => "Unknown",
                };
                let number = u32::from_be_bytes([0, vendor[0], vendor[1], vendor[2]]);
                self.put(format_args!(
                    "LLC, dsap SNAP (0xaa) Individual, ssap SNAP (0xaa) Command, ctrl 0x03: oui {name} (0x{number:06x}), "
                ));
                if vendor == [0, 0, 0] {
                    self.put(format_args!(
                        "ethertype {} (0x{kind:04x}), length {}: ",
                        ethertype(kind).unwrap_or("Unknown"),
                        length - 5
                    ));
                } else {
                    self.put(format_args!("pid 0x{kind:04x}, length {}: ", length - 5));
                }
            }
            if vendor == [0, 0, 0] && self.behind(kind, after(data, 8), length - 8)? {
                return Ok(());
            }
        }
        if !self.options.link
            && let Some((source, destination)) = macs
        {
            self.macs(source, destination);
            self.put(format_args!("802.3, length {whole}: "));
        }
        self.put(format_args!(
            "LLC, dsap 0x{:02x} {}, ssap 0x{:02x} {}, ctrl 0x{control:02x}: length {length}",
            dsap & 0xfe,
            if dsap & 1 == 0 { "Individual" } else { "Group" },
            ssap & 0xfe,
            if ssap & 1 == 0 { "Command" } else { "Response" },
        ));
        self.unknown(after(data, 3));
        Ok(())
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
    fn sll(&mut self, data: &[u8], length: usize) -> Printed {
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
        self.cooked_body(kind, after(data, 16), length - 16, length)
    }

    /// Linux cooked, second version: www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html
    fn sll2(&mut self, data: &[u8], length: usize) -> Printed {
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
        self.cooked_body(kind, after(data, 20), length - 20, length)
    }

    fn cooked_address(&mut self, length: usize, address: &[u8]) {
        match length {
            1 => self.put(format_args!("{:02x} ", address.first().unwrap_or(&0))),
            6 => self.put(format_args!("{} ", Mac(first(address, 6)))),
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
        mut length: usize,
        whole: usize,
    ) -> Printed {
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
            return self.llc(data, length, None, whole);
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

    /// PPP, bare or in HDLC-like framing (RFC 1661, 1662).
    fn ppp_frame(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "ppp";
        let skipped = if data.starts_with(&[0xff, 0x03]) {
            2
        } else {
            0
        };
        self.ppp(after(data, skipped), length.saturating_sub(skipped), length)
    }

    fn ppp(&mut self, data: &[u8], length: usize, whole: usize) -> Printed {
        self.protocol = "ppp";
        // a compressed protocol field is odd in its first byte
        let first_byte = u8_at(data, 0)?;
        let (kind, header) = if first_byte & 1 == 1 {
            (u16::from(first_byte), 1)
        } else {
            (u16_at(data, 0)?, 2)
        };
        let (name, ethertype) = match kind {
            0x0021 => ("IP", IPV4),
            0x0057 => ("IP6", IPV6),
            0xc021 => ("LCP", 0),
            0x8021 => ("IPCP", 0),
            0x8057 => ("IP6CP", 0),
            0xc023 => ("PAP", 0),
            0xc223 => ("CHAP", 0),
            _ => ("unknown", 0),
        };
        if self.options.link {
            self.put(format_args!("{name} (0x{kind:04x}), length {whole}: "));
        }
        let body = after(data, header);
        if !self.behind(ethertype, body, length.saturating_sub(header))? {
            self.put(format_args!(
                "{name}, length {}",
                length.saturating_sub(header)
            ));
            self.unknown(body);
        }
        Ok(())
    }

    /// RFC 2516.
    fn pppoe(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "pppoe";
        let inside = usize::from(u16_at(data, 4)?).min(length.saturating_sub(6));
        if self.options.link {
            self.put(format_args!("PPPoE  [ses 0x{:x}] ", u16_at(data, 2)?));
        }
        self.ppp(first(after(data, 6), inside), inside, inside)
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
        self.inner(link, after(data, header), length - header)
    }

    /// Per-Packet Information: its length, then the kind of what follows it.
    fn ppi(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "ppi";
        let header = usize::from(u16::from_le_bytes(array_at(data, 2)?));
        let link = u32::from_le_bytes(array_at(data, 4)?);
        if header < 8 || header > length {
            return Err(Cut);
        }
        self.inner(link, after(data, header), length - header)
    }

    /// A frame within a frame.
    fn inner(&mut self, link: u32, data: &[u8], length: usize) -> Printed {
        match link {
            0 | 108 => self.null(data, length, link == 108),
            1 => self.ethernet(data, length, &mut 0),
            12 | 14 | 101 | 228 | 229 => self.raw(data, length),
            105 => self.wifi_frame(data, length, 0).1,
            127 => self.radiotap_frame(data, length).1,
            _ => {
                self.put(format_args!("link type {link}, length {length}"));
                self.unknown(data);
                Ok(())
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
        0x880b => "PPP",
        0x8847 => "MPLS unicast",
        0x8848 => "MPLS multicast",
        0x8863 => "PPPoE D",
        PPPOE_SESSION => "PPPoE S",
        0x888e => "EAPOL",
        QINQ => "802.1Q-QinQ",
        0x88cc => "LLDP",
        0x88e5 => "MACsec",
        0x9000 => "Loopback",
        0x9100 => "802.1Q-9100",
        0x9200 => "802.1Q-9200",
        _ => return None,
    })
}
