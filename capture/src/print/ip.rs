//! IPv4 (RFC 791), and who takes what it carries.

use super::{
    Cut, DEEPEST, Job, Printed, after, array_at, bits, bytes_at,
    checksum::{self, Addresses},
    first,
    names::ip_protocol,
    u8_at, u16_at,
};
use std::net::Ipv4Addr;

pub(super) const ICMP: u8 = 1;
const IGMP: u8 = 2;
const IPIP: u8 = 4;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
const DCCP: u8 = 33;
const IPV6: u8 = 41;
const GRE: u8 = 47;
const ESP: u8 = 50;
const ICMPV6: u8 = 58;
const NOTHING: u8 = 59;
const SCTP: u8 = 132;

/// What the protocols above IP need to know of it.
#[derive(Debug, Clone)]
pub(super) struct Datagram {
    /// Source and destination as printed.
    pub(super) source: String,
    pub(super) destination: String,
    pub(super) addresses: Addresses,
    /// More fragments follow, or this is one.
    pub(super) fragmented: bool,
    /// The protocol stands right behind the header (in IPv6 there may be others between).
    pub(super) direct: bool,
    /// Checksums can be verified (IPv6 jumbograms say no length).
    pub(super) verifiable: bool,
}

impl Job<'_> {
    /// IPv4 or IPv6, as the first byte says.
    pub(super) fn any_ip(&mut self, data: &[u8], length: usize) -> Printed {
        if length < 1 {
            self.put(format_args!("truncated-ip {length}"));
            return Ok(());
        }
        match u8_at(data, 0)? >> 4 {
            4 => self.ip(data, length),
            6 => self.ip6(data, length),
            other => {
                self.put(format_args!("unknown ip {other}"));
                Ok(())
            }
        }
    }

    pub(super) fn ip(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "ip";
        let version = u8_at(data, 0)? >> 4;
        if version != 4 {
            if version == 6 {
                self.say("IP6, wrong link-layer encapsulation");
            } else {
                self.put(format_args!("IP{version}"));
            }
            self.say(" (invalid)");
            return Ok(());
        }
        if !self.options.link {
            self.say("IP ");
        }
        let header: [u8; 20] = array_at(data, 0)?;
        if length < header.len() {
            self.put(format_args!("truncated-ip {length}"));
            return Ok(());
        }
        let header_length = usize::from(header[0] & 0xf) * 4;
        if header_length < header.len() {
            self.put(format_args!("bad-hlen {header_length}"));
            return Ok(());
        }
        let said = usize::from(u16_at(&header, 2)?);
        let mut total = said;
        if length < total {
            let missing = total - length;
            self.put(format_args!("truncated-ip - {missing} bytes missing! "));
        }
        if total < header_length {
            if total > 0 {
                self.put(format_args!("bad-len {total}"));
                return Ok(());
            }
            // segmentation is left to the card, which knows the length
            total = length;
        }
        // what comes after the datagram is padding
        let data = first(data, total);
        let offset = u16_at(&header, 6)?;
        let protocol = header[9];
        let source = Ipv4Addr::from(array_at::<4>(&header, 12)?);
        let destination = Ipv4Addr::from(array_at::<4>(&header, 16)?);
        if self.verbose() && !self.ip_details(data, &header, header_length, said)? {
            self.put(format_args!("{source} > {destination}: "));
            return Err(Cut);
        }
        if offset & 0x1fff != 0 {
            self.put(format_args!("{source} > {destination}:"));
            self.protocol_number(protocol);
            return Ok(());
        }
        if !matches!(protocol, TCP | UDP | SCTP | DCCP) {
            self.put(format_args!("{source} > {destination}: "));
        }
        if data.len() < header_length {
            self.put(format_args!(
                " [remaining caplen({}) < header length({header_length})]",
                data.len()
            ));
            return Err(Cut);
        }
        let last = final_destination(&header, after(first(data, header_length), 20));
        let datagram = Datagram {
            source: source.to_string(),
            destination: destination.to_string(),
            addresses: Addresses::Four(source.octets(), last),
            fragmented: offset & 0x2000 != 0,
            direct: true,
            verifiable: true,
        };
        let inside = total - header_length;
        self.above_ip(protocol, after(data, header_length), inside, &datagram)
    }

    /// What `-v` adds; false when the options are cut.
    fn ip_details(
        &mut self,
        data: &[u8],
        header: &[u8; 20],
        header_length: usize,
        total: usize,
    ) -> Result<bool, Cut> {
        let tos = header[1];
        self.put(format_args!("(tos 0x{tos:x}"));
        self.say(match tos & 3 {
            1 => ",ECT(1)",
            2 => ",ECT(0)",
            3 => ",CE",
            _ => "",
        });
        if header[8] >= 1 {
            self.put(format_args!(", ttl {}", header[8]));
        }
        let offset = u16_at(header, 6)?;
        let flags = bits(
            u32::from(offset),
            &[(0x2000, "+"), (0x4000, "DF"), (0x8000, "rsvd")],
            ", ",
        );
        self.put(format_args!(
            ", id {}, offset {}, flags [{flags}], proto {} ({}), length {total}",
            u16_at(header, 4)?,
            u32::from(offset & 0x1fff) * 8,
            ip_protocol(header[9]),
            header[9],
        ));
        let mut whole = true;
        if header_length > 20 {
            self.say(", options (");
            if self
                .ip_options(after(data, 20), header_length - 20)
                .is_err()
            {
                self.say(" [truncated-option]");
                whole = false;
            }
            self.say(")");
        }
        if !self.options.unchecked
            && let Ok(covered) = bytes_at(data, 0, header_length)
        {
            let sum = checksum::sum(&[covered]);
            if sum != 0 {
                let found = u16_at(header, 10)?;
                let right = checksum::expected(found, sum);
                self.put(format_args!(", bad cksum {found:x} (->{right:x})!"));
            }
        }
        self.say(")\n    ");
        Ok(whole)
    }

    fn ip_options(&mut self, data: &[u8], length: usize) -> Printed {
        let mut at = 0;
        while at < length {
            if at > 0 {
                self.say(",");
            }
            let code = u8_at(data, at)?;
            match code {
                0 => self.say("EOL"),
                1 => self.say("NOP"),
                7 => self.say("RR"),
                68 => self.say("timestamp"),
                82 => self.say("traceroute"),
                130 => self.say("security"),
                131 => self.say("LSRR"),
                137 => self.say("SSRR"),
                148 => self.say("RA"),
                code => self.put(format_args!("unknown {code}")),
            }
            let option = match code {
                0 => return Ok(()),
                1 => 1,
                _ => usize::from(u8_at(data, at + 1)?),
            };
            if (code > 1 && option < 2) || option > length - at {
                self.put(format_args!(" [bad length {option}]"));
                return Ok(());
            }
            let body = bytes_at(data, at, option)?;
            match code {
                7 | 131 | 137 => self.ip_route(body)?,
                148 if option < 4 => self.put(format_args!(" [bad length {option}]")),
                148 if u16_at(body, 2)? != 0 => {
                    self.put(format_args!(" value {}", u16_at(body, 2)?));
                }
                _ => {}
            }
            at += option;
        }
        Ok(())
    }

    fn ip_route(&mut self, option: &[u8]) -> Printed {
        let length = option.len();
        if length < 3 {
            self.put(format_args!(" [bad length {length}]"));
            return Ok(());
        }
        if (length + 1) & 3 != 0 {
            self.put(format_args!(" [bad length {length}]"));
        }
        let pointer = usize::from(u8_at(option, 2)?);
        let next = pointer.wrapping_sub(1);
        if pointer < 4 || pointer & 3 != 0 || next > length + 1 {
            self.put(format_args!(" [bad ptr {pointer}]"));
        }
        let mut at = 3;
        while at < length {
            let address = Ipv4Addr::from(array_at::<4>(option, at)?);
            self.put(format_args!(" {address}"));
            if next > at {
                self.say(",");
            }
            at += 4;
        }
        Ok(())
    }

    fn protocol_number(&mut self, protocol: u8) {
        let names = self.names;
        match names.protocol(protocol).filter(|_| !self.options.numbers) {
            Some(name) => self.put(format_args!(" {name}")),
            None => self.put(format_args!(" ip-proto-{protocol}")),
        }
    }

    /// What an IP datagram carries.
    pub(super) fn above_ip(
        &mut self,
        protocol: u8,
        data: &[u8],
        length: usize,
        datagram: &Datagram,
    ) -> Printed {
        self.depth += 1;
        if self.depth > DEEPEST {
            self.say("[nested too deep]");
            return Ok(());
        }
        match protocol {
            TCP => self.tcp(data, length, datagram),
            UDP => self.udp(data, length, datagram),
            ICMP if matches!(datagram.addresses, Addresses::Four(..)) => {
                self.icmp(data, length, datagram.fragmented)
            }
            ICMPV6 if matches!(datagram.addresses, Addresses::Six(..)) => {
                self.icmp6(data, length, datagram)
            }
            IGMP => self.igmp(data, length),
            IPIP => self.ip(data, length),
            IPV6 => self.ip6(data, length),
            GRE => self.gre(data, length),
            ESP => self.esp(data, length),
            SCTP => self.sctp(data, length, datagram),
            NOTHING => {
                self.say("no next header");
                Ok(())
            }
            other => {
                self.protocol_number(other);
                self.put(format_args!(" {length}"));
                Ok(())
            }
        }
    }
}

/// Behind a source route, the checksums of TCP and UDP cover the last address of the route.
fn final_destination(header: &[u8; 20], options: &[u8]) -> [u8; 4] {
    let direct = [header[16], header[17], header[18], header[19]];
    let mut rest = options;
    while let [code, tail @ ..] = rest {
        let length = match code {
            0 => break,
            1 => 1,
            _ => usize::from(tail.first().copied().unwrap_or(0)),
        };
        if length == 0 || (*code > 1 && length < 2) || length > rest.len() {
            break;
        }
        if matches!(code, 131 | 137) && length >= 7 {
            return array_at(rest, length - 4).unwrap_or(direct);
        }
        rest = after(rest, length);
    }
    direct
}
