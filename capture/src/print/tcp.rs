//! TCP (RFC 9293) and its options.

use super::{
    Cut, Job, Printed, after, array_at, bits, bytes_at,
    checksum::{self, Addresses},
    first,
    ip::{Datagram, TCP},
    text, u8_at, u16_at, u32_at,
};
use std::collections::HashMap;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;
const URG: u8 = 0x20;

/// Where the sequence numbers of connections began, for relative ones.
#[derive(Debug, Default)]
pub(super) struct Connections {
    newer: HashMap<Key, Began>,
    older: HashMap<Key, Began>,
}

/// Both ends; the one with the lower port (or address) first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    low: ([u8; 16], u16),
    high: ([u8; 16], u16),
}

#[derive(Debug, Clone, Copy)]
struct Began {
    /// Of the end with the lower port.
    low: u32,
    /// Of the other.
    high: u32,
}

impl Connections {
    /// A capture with more connections than this at a time prints those that were silent for long as new ones.
    const MOST: usize = 200_000;

    fn remember(&mut self, key: Key, began: Began) {
        if self.newer.len() >= Self::MOST {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(key, began);
    }

    fn find(&mut self, key: &Key) -> Option<Began> {
        if let Some(began) = self.newer.get(key) {
            return Some(*began);
        }
        let began = self.older.remove(key)?;
        self.remember(*key, began);
        Some(began)
    }
}

impl Job<'_> {
    pub(super) fn tcp(&mut self, data: &[u8], length: usize, datagram: &Datagram) -> Printed {
        self.protocol = "tcp";
        let (source, destination) = (&datagram.source, &datagram.destination);
        let Ok(ports) = array_at::<4>(data, 0) else {
            self.put(format_args!("{source} > {destination}:"));
            return Err(Cut);
        };
        let (sport, dport) = (u16_at(&ports, 0)?, u16_at(&ports, 2)?);
        let names = self.names;
        let (from, to) = (names.tcp(sport), names.tcp(dport));
        let tell = |port: u16, name: String| {
            if self.options.numbers {
                port.to_string()
            } else {
                name
            }
        };
        let (from, to) = (tell(sport, from.to_string()), tell(dport, to.to_string()));
        if datagram.direct {
            self.put(format_args!("{source}.{from} > {destination}.{to}: "));
        } else {
            self.put(format_args!("{from} > {to}: "));
        }
        let header: [u8; 20] = array_at(data, 0)?;
        let header_length = usize::from(header[12] >> 4) * 4;
        if header_length < header.len() {
            // the difference wraps in 32 bits where the header is longer than the segment
            let rest = (length as u32).wrapping_sub(header_length as u32);
            self.put(format_args!(
                " tcp {rest} [bad hdr length {header_length} - too short, < 20]"
            ));
            return Ok(());
        }
        let too_long = header_length > length;
        if self.options.quiet {
            let rest = (length as u32).wrapping_sub(header_length as u32);
            self.put(format_args!("tcp {rest}"));
            if too_long {
                self.put(format_args!(
                    " [bad hdr length {header_length} - too long, > {length}]"
                ));
            }
            return Ok(());
        }
        let flags = header[13];
        let set = bits(
            u32::from(flags),
            &[
                (1, "F"),
                (2, "S"),
                (4, "R"),
                (8, "P"),
                (16, "."),
                (32, "U"),
                (64, "E"),
                (128, "W"),
            ],
            "",
        );
        self.put(format_args!("Flags [{set}]"));
        let mut seen = Sequence {
            seq: u32_at(&header, 4)?,
            ack: u32_at(&header, 8)?,
            other: 0,
        };
        if !self.options.absolute && flags & ACK != 0 {
            self.relative(&mut seen, datagram, sport, dport, flags);
        }
        if too_long {
            self.put(format_args!(
                " [bad hdr length {header_length} - too long, > {length}]"
            ));
            return Ok(());
        }
        if self.verbose() && !self.options.unchecked && !datagram.fragmented {
            self.tcp_checksum(data, length, u16_at(&header, 16)?, datagram);
        }
        let inside = length - header_length;
        if self.options.verbose > 1 || inside > 0 || flags & (SYN | FIN | RST) != 0 {
            self.put(format_args!(", seq {}", seen.seq));
            if inside > 0 {
                self.put(format_args!(":{}", seen.seq.wrapping_add(inside as u32)));
            }
        }
        if flags & ACK != 0 {
            self.put(format_args!(", ack {}", seen.ack));
        }
        self.put(format_args!(", win {}", u16_at(&header, 14)?));
        if flags & URG != 0 {
            self.put(format_args!(", urg {}", u16_at(&header, 18)?));
        }
        if header_length > 20 {
            self.say(", options [");
            let mut any = false;
            let options = first(after(data, 20), header_length - 20);
            match self.tcp_options(options, header_length - 20, seen.other, &mut any) {
                Ok(()) => self.say("]"),
                Err(Wrong::Bad) => {
                    self.say("[bad opt]");
                    if any {
                        self.say("]");
                    }
                    return Ok(());
                }
                Err(Wrong::Cut) => {
                    self.cut();
                    if any {
                        self.say("]");
                    }
                    return Ok(());
                }
            }
        }
        self.put(format_args!(", length {inside}"));
        if inside == 0 {
            return Ok(());
        }
        let body = after(data, header_length);
        if flags & RST != 0 && self.verbose() {
            self.reset_reason(body, inside);
            return Ok(());
        }
        self.tcp_payload(body, inside, sport, dport)
    }

    /// Makes sequence numbers relative to where they began, as far as that was seen.
    fn relative(
        &mut self,
        seen: &mut Sequence,
        datagram: &Datagram,
        sport: u16,
        dport: u16,
        flags: u8,
    ) {
        let (source, destination) = match datagram.addresses {
            Addresses::Four(source, destination) => {
                let wide = |four: [u8; 4]| {
                    let mut wide = [0; 16];
                    wide[..4].copy_from_slice(&four);
                    wide
                };
                (wide(source), wide(destination))
            }
            Addresses::Six(source, destination) => (source, destination),
        };
        let reversed = sport > dport || (sport == dport && source > destination);
        let (here, there) = ((source, sport), (destination, dport));
        let key = if reversed {
            Key {
                low: there,
                high: here,
            }
        } else {
            Key {
                low: here,
                high: there,
            }
        };
        let known = self.connections.find(&key);
        let began = match known {
            Some(began) if flags & SYN == 0 => {
                let (own, other) = if reversed {
                    (began.high, began.low)
                } else {
                    (began.low, began.high)
                };
                seen.seq = seen.seq.wrapping_sub(own);
                seen.ack = seen.ack.wrapping_sub(other);
                began
            }
            _ => {
                let other = seen.ack.wrapping_sub(1);
                let began = if reversed {
                    Began {
                        low: other,
                        high: seen.seq,
                    }
                } else {
                    Began {
                        low: seen.seq,
                        high: other,
                    }
                };
                self.connections.remember(key, began);
                began
            }
        };
        seen.other = if reversed { began.low } else { began.high };
    }

    fn tcp_checksum(&mut self, data: &[u8], length: usize, found: u16, datagram: &Datagram) {
        let Ok(segment) = bytes_at(data, 0, length) else {
            return;
        };
        if !datagram.verifiable {
            return;
        }
        let sum = datagram.addresses.sum(TCP, segment);
        self.put(format_args!(", cksum 0x{found:04x}"));
        if sum == 0 {
            self.say(" (correct)");
        } else {
            let right = checksum::expected(found, sum);
            self.put(format_args!(" (incorrect -> 0x{right:04x})"));
        }
    }

    fn tcp_options(
        &mut self,
        data: &[u8],
        length: usize,
        other: u32,
        any: &mut bool,
    ) -> Result<(), Wrong> {
        let mut at = 0;
        while at < length {
            if *any {
                self.say(",");
            }
            let kind = u8_at(data, at)?;
            let option = if kind < 2 {
                1
            } else {
                let option = usize::from(u8_at(data, at + 1)?);
                if option < 2 || option > length - at {
                    return Err(Wrong::Bad);
                }
                option
            };
            match option_name(kind) {
                Some(name) => self.say(name),
                None => self.put(format_args!("unknown-{kind}")),
            }
            let body = after(first(data, at + option), at + option.min(2));
            let said = option.saturating_sub(2);
            let needs = |bytes: usize| {
                if bytes > length - at - 2 {
                    Err(Wrong::Bad)
                } else {
                    bytes_at(data, at + 2, bytes).map_err(Wrong::from)
                }
            };
            // what of the option was understood: its length should be that
            let used = match kind {
                0 | 1 | 4 => 0,
                2 => {
                    self.put(format_args!(" {}", u16_at(needs(2)?, 0)?));
                    2
                }
                3 => {
                    self.put(format_args!(" {}", u8_at(needs(1)?, 0)?));
                    1
                }
                5 if said % 8 != 0 => {
                    self.say(" invalid sack");
                    said
                }
                5 => {
                    self.put(format_args!(" {} ", said / 8));
                    for edge in 0..said / 8 {
                        let (left, right) = (u32_at(needs(edge * 8 + 4)?, edge * 8)?, edge * 8 + 4);
                        let right = u32_at(needs(edge * 8 + 8)?, right)?;
                        self.put(format_args!(
                            "{{{}:{}}}",
                            left.wrapping_sub(other),
                            right.wrapping_sub(other)
                        ));
                    }
                    said
                }
                6 | 7 | 11 | 12 | 13 => {
                    self.put(format_args!(" {}", u32_at(needs(4)?, 0)?));
                    4
                }
                8 => {
                    let body = needs(8)?;
                    self.put(format_args!(
                        " val {} ecr {}",
                        u32_at(body, 0)?,
                        u32_at(body, 4)?
                    ));
                    8
                }
                19 => {
                    let body = needs(16)?;
                    self.say(" ");
                    self.digits(body);
                    16
                }
                20 => {
                    let body = needs(2)?;
                    let (cap, id) = (u8_at(body, 0)?, u8_at(body, 1)?);
                    self.put(format_args!(" cap {cap:02x} id {id}"));
                    2
                }
                28 => {
                    let value = u16_at(needs(2)?, 0)?;
                    // RFC 5482: the highest bit says minutes
                    let seconds = match value {
                        0x8000.. => u32::from(value & 0x7fff) * 60,
                        _ => u32::from(value),
                    };
                    self.put(format_args!(" 0x{value:x} {seconds}"));
                    2
                }
                29 => {
                    if said < 2 {
                        self.say(" invalid");
                    } else {
                        let body = needs(said)?;
                        let (key, next) = (u8_at(body, 0)?, u8_at(body, 1)?);
                        self.put(format_args!(" keyid {key} rnextkeyid {next} mac 0x"));
                        self.digits(after(body, 2));
                    }
                    said
                }
                34 => {
                    needs(said)?;
                    self.say(" ");
                    self.fast_open(body);
                    said
                }
                _ => {
                    if said > 0 {
                        self.say(" 0x");
                    }
                    self.digits(body);
                    needs(said)?;
                    said
                }
            };
            let understood = if kind < 2 { 1 } else { used + 2 };
            if understood != option {
                self.put(format_args!("[len {option}]"));
            }
            *any = true;
            at += understood;
            if kind == 0 {
                break;
            }
        }
        Ok(())
    }

    /// A cookie (RFC 7413).
    fn fast_open(&mut self, cookie: &[u8]) {
        if cookie.is_empty() {
            self.say(" cookiereq");
        } else if !cookie.len().is_multiple_of(2) || !(4..=16).contains(&cookie.len()) {
            self.say(" (invalid)");
        } else {
            self.say(" cookie ");
            self.digits(cookie);
        }
    }

    fn digits(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.put(format_args!("{byte:02x}"));
        }
    }

    /// A reset may say why, in words (RFC 1122 section 4.2.2.12).
    fn reset_reason(&mut self, data: &[u8], length: usize) {
        const LONGEST: usize = 30;
        let whole = data.len() >= length;
        self.say(if whole { " [RST" } else { " [!RST" });
        if length > LONGEST {
            self.say("+");
        }
        self.say(" ");
        for byte in first(data, length.min(LONGEST)) {
            text::put_safely(&mut self.out, *byte);
        }
        self.say("]");
    }

    fn tcp_payload(&mut self, data: &[u8], length: usize, sport: u16, dport: u16) -> Printed {
        let is = |port: u16| sport == port || dport == port;
        if is(25) {
            self.say(": ");
            self.smtp(data, length)
        } else if is(21) {
            self.say(": ");
            self.ftp(data, length)
        } else if is(80) || is(8080) {
            self.say(": ");
            self.http(data, length)
        } else if is(554) || is(8554) {
            self.say(": ");
            self.rtsp(data, length)
        } else if is(22) {
            self.ssh(data, length)
        } else if is(53) {
            self.dns_over_tcp(data, length)
        } else if is(6379) {
            self.resp(data, length)
        } else {
            Ok(())
        }
    }
}

/// Sequence numbers on their way to the line.
struct Sequence {
    seq: u32,
    ack: u32,
    /// Where the other end began: selective acknowledgments speak of its numbers.
    other: u32,
}

/// Why options end early.
enum Wrong {
    Cut,
    Bad,
}

impl From<Cut> for Wrong {
    fn from(_: Cut) -> Self {
        Self::Cut
    }
}

fn option_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        0 => "eol",
        1 => "nop",
        2 => "mss",
        3 => "wscale",
        4 => "sackOK",
        5 => "sack",
        6 => "echo",
        7 => "echoreply",
        8 => "TS",
        11 => "cc",
        12 => "ccnew",
        13 => "ccecho",
        19 => "md5",
        20 => "scps",
        28 => "uto",
        29 => "tcp-ao",
        30 => "mptcp",
        34 => "tfo",
        254 => "exp",
        _ => return None,
    })
}
