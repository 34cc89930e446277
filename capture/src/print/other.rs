//! Protocols of which little is printed: what is there, and what tells one packet from another.

use super::{Job, Printed, after, array_at, bits, ip::Datagram, u8_at, u16_at, u32_at};
use std::net::Ipv4Addr;

impl Job<'_> {
    /// RFC 1112, 2236, 3376.
    pub(super) fn igmp(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "igmp";
        if self.options.quiet {
            self.say("igmp");
            return Ok(());
        }
        let kind = u8_at(data, 0)?;
        let group = |at| array_at::<4>(data, at).map(Ipv4Addr::from);
        match kind {
            0x11 if length >= 12 => self.igmp_query(data)?,
            0x11 => {
                let delay = u8_at(data, 1)?;
                if delay == 0 {
                    self.say("igmp query v1");
                } else {
                    self.say("igmp query v2");
                    // in tenths of a second, as it stands there
                    if delay != 100 {
                        self.put(format_args!(" [max resp time {delay}]"));
                    }
                }
                let group = group(4)?;
                if !group.is_unspecified() {
                    self.put(format_args!(" [gaddr {group}]"));
                }
            }
            0x12 => self.put(format_args!("igmp v1 report {}", group(4)?)),
            0x16 => self.put(format_args!("igmp v2 report {}", group(4)?)),
            0x17 => self.put(format_args!("igmp leave {}", group(4)?)),
            0x22 => {
                let groups = u16_at(data, 6)?;
                self.put(format_args!("igmp v3 report, {groups} group record(s)"));
                if self.verbose() {
                    let mut at = 8;
                    for _ in 0..groups {
                        self.bounded()?;
                        let (kind, extra) = (u8_at(data, at)?, usize::from(u8_at(data, at + 1)?));
                        let sources = usize::from(u16_at(data, at + 2)?);
                        let name = match kind {
                            1 => "is_in",
                            2 => "is_ex",
                            3 => "to_in",
                            4 => "to_ex",
                            5 => "allow",
                            6 => "block",
                            _ => "",
                        };
                        self.put(format_args!(" [gaddr {} {name}", group(at + 4)?));
                        if name.is_empty() {
                            self.put(format_args!(" [v3-report-#{kind}]"));
                        }
                        if self.options.verbose > 1 {
                            self.say(" {");
                            for source in 0..sources {
                                self.put(format_args!(" {}", group(at + 8 + source * 4)?));
                            }
                            self.say(" }");
                        } else {
                            self.put(format_args!(", {sources} source(s)"));
                        }
                        self.say("]");
                        at += 8 + sources * 4 + extra * 4;
                    }
                }
            }
            other => self.put(format_args!("igmp-{other}")),
        }
        Ok(())
    }

    /// Version 3 (RFC 3376 section 4.1).
    fn igmp_query(&mut self, data: &[u8]) -> Printed {
        self.say("igmp query v3");
        let code = u8_at(data, 1)?;
        let tenths = match code {
            0..128 => u32::from(code),
            _ => (u32::from(code & 0x0f) | 0x10) << ((code >> 4 & 7) + 3),
        };
        match tenths {
            100 => {}
            0..600 => {
                let (seconds, rest) = (tenths / 10, tenths % 10);
                self.put(format_args!(" [max resp time {seconds}.{rest}s]"));
            }
            _ => {
                let time = super::dns::elapsed(tenths / 10);
                self.put(format_args!(" [max resp time {time}]"));
            }
        }
        let group = Ipv4Addr::from(array_at::<4>(data, 4)?);
        if group.is_unspecified() {
            return Ok(());
        }
        self.put(format_args!(" [gaddr {group}"));
        let sources = usize::from(u16_at(data, 10)?);
        if sources > 0 && self.options.verbose > 1 {
            self.say(" {");
            for source in 0..sources {
                self.bounded()?;
                let source = Ipv4Addr::from(array_at::<4>(data, 12 + source * 4)?);
                self.put(format_args!(" {source}"));
            }
            self.say(" }");
        } else if sources > 0 {
            self.put(format_args!(", {sources} source(s)"));
        }
        self.say("]");
        Ok(())
    }

    /// RFC 2784, 2890.
    pub(super) fn gre(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "gre";
        let (flags, kind) = (u16_at(data, 0)?, u16_at(data, 2)?);
        let version = flags & 7;
        self.put(format_args!("GREv{version}"));
        let set = bits(
            u32::from(flags),
            &[
                (0x8000, "checksum present"),
                (0x4000, "routing present"),
                (0x2000, "key present"),
                (0x1000, "sequence# present"),
                (0x0800, "source routing present"),
                (0x0080, "ack present"),
            ],
            ", ",
        );
        if self.verbose() {
            self.put(format_args!(", Flags [{set}]"));
        }
        let mut at = 4;
        if flags & 0xc000 != 0 {
            let (sum, offset) = (u16_at(data, at)?, u16_at(data, at + 2)?);
            if flags & 0x8000 != 0 && self.verbose() {
                self.put(format_args!(", sum 0x{sum:x}"));
            }
            self.put(format_args!(", off 0x{offset:x}"));
            at += 4;
        }
        if flags & 0x2000 != 0 {
            self.put(format_args!(", key=0x{:x}", u32_at(data, at)?));
            at += 4;
        }
        if flags & 0x1000 != 0 {
            self.put(format_args!(", seq {}", u32_at(data, at)?));
            at += 4;
        }
        let name = super::link::ethertype(kind).unwrap_or("unknown");
        if self.options.link {
            self.put(format_args!(", proto {name} (0x{kind:04x})"));
        }
        self.put(format_args!(", length {length}"));
        if version != 0 || length < at {
            return Ok(());
        }
        self.say(if self.verbose() { "\n\t" } else { ": " });
        let (body, inside) = (after(data, at), length - at);
        if kind == 0x6558 {
            return self.ethernet(body, inside, &mut 0);
        }
        if !self.behind(kind, body, inside)? {
            self.put(format_args!("gre-proto-0x{kind:x}"));
        }
        Ok(())
    }

    /// RFC 4303.
    pub(super) fn esp(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "esp";
        let (spi, sequence) = (u32_at(data, 0)?, u32_at(data, 4)?);
        self.put(format_args!(
            "ESP(spi=0x{spi:08x},seq=0x{sequence:x}), length {length}"
        ));
        Ok(())
    }

    /// RFC 9260: the ports and the kinds of chunks.
    pub(super) fn sctp(&mut self, data: &[u8], length: usize, datagram: &Datagram) -> Printed {
        self.protocol = "sctp";
        let (sport, dport) = (u16_at(data, 0)?, u16_at(data, 2)?);
        self.put(format_args!(
            "{}.{sport} > {}.{dport}: sctp",
            datagram.source, datagram.destination
        ));
        let mut at = 12;
        let mut number = 1;
        while at + 4 <= length {
            self.bounded()?;
            let (kind, size) = (u8_at(data, at)?, usize::from(u16_at(data, at + 2)?));
            let name = match kind {
                0 => "DATA",
                1 => "INIT",
                2 => "INIT ACK",
                3 => "SACK",
                4 => "HB REQ",
                5 => "HB ACK",
                6 => "ABORT",
                7 => "SHUTDOWN",
                8 => "SHUTDOWN ACK",
                9 => "OP ERR",
                10 => "COOKIE ECHO",
                11 => "COOKIE ACK",
                14 => "SHUTDOWN COMPLETE",
                _ => "unknown",
            };
            self.put(format_args!(" ({number}) [{name}]"));
            if size < 4 {
                break;
            }
            at += size.next_multiple_of(4);
            number += 1;
        }
        Ok(())
    }

    /// DHCP and BOOTP (RFC 2131).
    pub(super) fn dhcp(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "bootp";
        let operation = u8_at(data, 0)?;
        match operation {
            1 => self.say("BOOTP/DHCP, Request"),
            2 => self.say("BOOTP/DHCP, Reply"),
            other => self.put(format_args!("BOOTP/DHCP, unknown (0x{other:02x})")),
        }
        let (hardware, size) = (u8_at(data, 1)?, u8_at(data, 2)?);
        if hardware == 1 && size == 6 && operation == 1 {
            let from = self.mac(super::bytes_at(data, 28, 6)?);
            self.put(format_args!(" from {from}"));
        }
        self.put(format_args!(", length {length}"));
        if !self.verbose() {
            return Ok(());
        }
        if let Some(kind) = dhcp_kind(after(data, 236)) {
            self.put(format_args!(", xid 0x{:x}, {kind}", u32_at(data, 4)?));
        }
        Ok(())
    }

    /// RFC 5905.
    pub(super) fn ntp(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "ntp";
        let first = u8_at(data, 0)?;
        let mode = match first & 7 {
            0 => "unspecified",
            1 => "symmetric active",
            2 => "symmetric passive",
            3 => "Client",
            4 => "Server",
            5 => "Broadcast",
            6 => "Control Message",
            _ => "Reserved",
        };
        self.put(format_args!(
            "NTPv{}, {mode}, length {length}",
            first >> 3 & 7
        ));
        if self.verbose() && matches!(first & 7, 3 | 4) {
            self.put(format_args!(", stratum {}", u8_at(data, 1)?));
        }
        Ok(())
    }

    /// RFC 7348.
    pub(super) fn vxlan(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "vxlan";
        if length < 8 {
            return Err(super::Cut);
        }
        let flags = u8_at(data, 0)?;
        let vni = u32_at(data, 4)? >> 8;
        self.put(format_args!(
            "VXLAN, flags [{}] (0x{flags:02x}), vni {vni}\n",
            if flags & 8 != 0 { "I" } else { "invalid" }
        ));
        self.depth += 1;
        if self.depth > super::DEEPEST {
            return Ok(());
        }
        self.ethernet(after(data, 8), length - 8, &mut 0)
    }
}

/// The kind of a DHCP message, from its options.
fn dhcp_kind(options: &[u8]) -> Option<&'static str> {
    let mut rest = options.strip_prefix(&[0x63, 0x82, 0x53, 0x63])?;
    loop {
        match rest {
            [0, tail @ ..] => rest = tail,
            [53, 1, kind, ..] => {
                return Some(match kind {
                    1 => "Discover",
                    2 => "Offer",
                    3 => "Request",
                    4 => "Decline",
                    5 => "ACK",
                    6 => "NACK",
                    7 => "Release",
                    8 => "Inform",
                    _ => "unknown",
                });
            }
            [255, ..] | [] | [_] => return None,
            [_, length, tail @ ..] => rest = after(tail, usize::from(*length)),
        }
    }
}
