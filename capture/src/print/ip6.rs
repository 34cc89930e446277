//! IPv6 (RFC 8200) and its extension headers.

use super::{
    Cut, Job, Printed, after, array_at, bytes_at,
    checksum::Addresses,
    first,
    ip::{Datagram, TCP, UDP},
    names::{Six, ip_protocol},
    u8_at, u16_at, u32_at,
};

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;

impl Job<'_> {
    pub(super) fn ip6(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "ip6";
        let version = u8_at(data, 0)? >> 4;
        if version != 6 {
            if version == 4 {
                self.say("IP, wrong link-layer encapsulation");
            } else {
                self.put(format_args!("IP{version}"));
            }
            self.say(" (invalid)");
            return Ok(());
        }
        let header: [u8; 40] = array_at(data, 0)?;
        if !self.options.link {
            self.say("IP6 ");
        }
        if length < header.len() {
            self.put(format_args!("truncated-ip6 {length}"));
            return Ok(());
        }
        let payload = usize::from(u16_at(&header, 4)?);
        let mut total = payload + header.len();
        if length < total {
            let missing = total - length;
            self.put(format_args!("truncated-ip6 - {missing} bytes missing!"));
            total = length;
        }
        let next = header[6];
        if self.verbose() {
            let flow = u32_at(&header, 0)?;
            self.say("(");
            if flow & 0x0ff0_0000 != 0 {
                self.put(format_args!("class 0x{:02x}, ", (flow & 0x0ff0_0000) >> 20));
            }
            if flow & 0x000f_ffff != 0 {
                self.put(format_args!("flowlabel 0x{:05x}, ", flow & 0x000f_ffff));
            }
            self.put(format_args!(
                "hlim {}, next-header {} ({next}) payload length: {payload}) ",
                header[7],
                ip_protocol(next),
            ));
        }
        let data = first(data, total);
        let source: [u8; 16] = array_at(&header, 8)?;
        let destination: [u8; 16] = array_at(&header, 24)?;
        let mut datagram = Datagram {
            source: Six(source).to_string(),
            destination: Six(destination).to_string(),
            addresses: Addresses::Six(source, destination),
            fragmented: false,
            direct: next == TCP || next == UDP,
            verifiable: payload > 0,
        };
        if !matches!(next, TCP | UDP | 132 | 33) {
            self.put(format_args!("{} > {}: ", Six(source), Six(destination)));
        }
        let (mut protocol, mut at) = (next, header.len());
        // a header that says nothing new costs at least eight bytes, so this ends
        loop {
            let body = after(data, at);
            let left = total.saturating_sub(at);
            match protocol {
                HOP_BY_HOP | DESTINATION if left > 0 => {
                    let hop = protocol == HOP_BY_HOP;
                    self.protocol = if hop { "hbhopt" } else { "dstopt" };
                    let length = (usize::from(u8_at(body, 1)?) + 1) * 8;
                    let options = bytes_at(body, 0, length)?;
                    self.say(if hop { "HBH " } else { "DSTOPT " });
                    if self.verbose() {
                        self.ip6_options(after(options, 2))?;
                    }
                    protocol = u8_at(body, 0)?;
                    at += length;
                }
                ROUTING if left > 0 => {
                    self.protocol = "rt6";
                    let length = u8_at(body, 1)?;
                    let (kind, left) = (u8_at(body, 2)?, u8_at(body, 3)?);
                    self.put(format_args!(
                        "srcrt (len={length}, type={kind}, segleft={left}"
                    ));
                    let header = bytes_at(body, 0, (usize::from(length) + 1) * 8)?;
                    // RFC 5095, RFC 6275
                    if matches!(kind, 0 | 2) {
                        let reserved = u32_at(body, 4)?;
                        if reserved != 0 || self.options.verbose > 1 {
                            self.put(format_args!(", rsv=0x{reserved:x}"));
                        }
                        for (place, address) in after(header, 8).chunks_exact(16).enumerate() {
                            let address = array_at(address, 0)?;
                            self.put(format_args!(", [{place}]{}", Six(address)));
                        }
                    }
                    self.say(") ");
                    protocol = u8_at(body, 0)?;
                    at += header.len();
                }
                FRAGMENT if left > 0 => {
                    self.protocol = "frag6";
                    let offset = u16_at(body, 2)?;
                    let identity = u32_at(body, 4)?;
                    let inside = left.saturating_sub(8);
                    let from = offset & 0xfff8;
                    if self.verbose() {
                        self.put(format_args!("frag (0x{identity:08x}:{from}|{inside})"));
                    } else {
                        self.put(format_args!("frag ({from}|{inside})"));
                    }
                    // only the first fragment begins with a header
                    if from != 0 {
                        return Ok(());
                    }
                    self.say(" ");
                    protocol = u8_at(body, 0)?;
                    datagram.fragmented = true;
                    at += 8;
                    if data.len() <= at {
                        return Ok(());
                    }
                }
                _ => return self.above_ip(protocol, body, left, &datagram),
            }
        }
    }

    /// Options of a hop-by-hop or destination header (RFC 8200 section 4.2).
    fn ip6_options(&mut self, mut options: &[u8]) -> Printed {
        while let [kind, tail @ ..] = options {
            if *kind == 0 {
                self.say("(pad1)");
                options = tail;
                continue;
            }
            let length = usize::from(u8_at(options, 1)?);
            let body = bytes_at(options, 2, length)?;
            match kind {
                1 => self.say("(padn)"),
                5 if length == 2 => {
                    self.put(format_args!("(rtalert: 0x{:04x}) ", u16_at(body, 0)?))
                }
                0xc2 if length == 4 => self.put(format_args!("(jumbo: {}) ", u32_at(body, 0)?)),
                kind => self.put(format_args!("(opt_type 0x{kind:02x}: len={length}) ")),
            }
            options = after(options, 2 + length);
        }
        self.say(" ");
        Ok::<(), Cut>(())
    }
}
