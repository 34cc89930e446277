//! ICMP for IPv4 (RFC 792 and those after it).

use super::{Job, Printed, after, array_at, bytes_at, checksum, u8_at, u16_at, u32_at};
use std::net::Ipv4Addr;

impl Job<'_> {
    pub(super) fn icmp(&mut self, data: &[u8], length: usize, fragmented: bool) -> Printed {
        self.protocol = "icmp";
        let (kind, code) = (u8_at(data, 0)?, u8_at(data, 1)?);
        let address = |at| array_at::<4>(data, at).map(Ipv4Addr::from);
        // of the datagram that this is about
        let target = || address(8 + 16);
        let text = match kind {
            0 | 8 => {
                let what = if kind == 8 { "request" } else { "reply" };
                format!(
                    "echo {what}, id {}, seq {}",
                    u16_at(data, 4)?,
                    u16_at(data, 6)?
                )
            }
            3 => self.unreachable(data, code, target()?)?,
            4 => "source quench".to_owned(),
            5 => {
                let (target, gateway) = (target()?, address(4)?);
                match code {
                    0 => format!("redirect {target} to net {gateway}"),
                    1 => format!("redirect {target} to host {gateway}"),
                    2 => format!("redirect-tos {target} to net {gateway}"),
                    3 => format!("redirect-tos {target} to host {gateway}"),
                    other => format!("redirect-#{other} {target} to net {gateway}"),
                }
            }
            9 => router_advertisement(data)?,
            10 => "router solicitation".to_owned(),
            11 => {
                target()?;
                match code {
                    0 => "time exceeded in-transit".to_owned(),
                    1 => "ip reassembly time exceeded".to_owned(),
                    other => format!("time exceeded-#{other}"),
                }
            }
            12 if code != 0 => format!("parameter problem - code {code}"),
            12 => format!("parameter problem - octet {}", u8_at(data, 4)?),
            13 => format!(
                "time stamp query id {} seq {}",
                u16_at(data, 4)?,
                u16_at(data, 6)?
            ),
            14 => format!(
                "time stamp reply id {} seq {}: org {}, recv {}, xmit {}",
                u16_at(data, 4)?,
                u16_at(data, 6)?,
                time_of_day(u32_at(data, 8)?),
                time_of_day(u32_at(data, 12)?),
                time_of_day(u32_at(data, 16)?)
            ),
            15 => "information request".to_owned(),
            16 => "information reply".to_owned(),
            17 => "address mask request".to_owned(),
            18 => format!("address mask is 0x{:08x}", u32_at(data, 8)?),
            other => format!("type-#{other}"),
        };
        self.put(format_args!("ICMP {text}, length {length}"));
        if self.verbose() && !fragmented {
            let found = u16_at(data, 2)?;
            if let Ok(covered) = bytes_at(data, 0, length) {
                let sum = checksum::sum(&[covered]);
                if sum != 0 {
                    let right = checksum::expected(found, sum);
                    self.put(format_args!(" (wrong icmp cksum {found:x} (->{right:x})!)"));
                }
            }
        }
        if self.verbose() && matches!(kind, 3 | 4 | 5 | 11 | 12) {
            self.say("\n\t");
            let about = after(data, 8);
            let said = usize::from(u16_at(about, 2)?);
            self.depth += 1;
            if self.depth > super::DEEPEST {
                return Ok(());
            }
            self.ip(about, said)?;
        }
        Ok(())
    }

    fn unreachable(&self, data: &[u8], code: u8, target: Ipv4Addr) -> Result<String, super::Cut> {
        let about = after(data, 8);
        Ok(match code {
            0 => format!("net {target} unreachable"),
            1 => format!("host {target} unreachable"),
            2 => format!("{target} protocol {} unreachable", u8_at(about, 9)?),
            3 => {
                let header = usize::from(u8_at(about, 0)? & 0xf) * 4;
                let port = u16_at(about, header + 2)?;
                match u8_at(about, 9)? {
                    6 if !self.options.numbers => {
                        format!("{target} tcp port {} unreachable", self.names.tcp(port))
                    }
                    17 if !self.options.numbers => {
                        format!("{target} udp port {} unreachable", self.names.udp(port))
                    }
                    6 => format!("{target} tcp port {port} unreachable"),
                    17 => format!("{target} udp port {port} unreachable"),
                    other => format!("{target} protocol {other} port {port} unreachable"),
                }
            }
            4 => match u16_at(data, 6)? {
                0 => format!("{target} unreachable - need to frag"),
                mtu => format!("{target} unreachable - need to frag (mtu {mtu})"),
            },
            5 => format!("{target} unreachable - source route failed"),
            6 => format!("net {target} unreachable - unknown"),
            7 => format!("host {target} unreachable - unknown"),
            8 => format!("{target} unreachable - source host isolated"),
            9 => format!("net {target} unreachable - admin prohibited"),
            10 => format!("host {target} unreachable - admin prohibited"),
            11 => format!("net {target} unreachable - tos prohibited"),
            12 => format!("host {target} unreachable - tos prohibited"),
            13 => format!("host {target} unreachable - admin prohibited filter"),
            14 => format!("host {target} unreachable - host precedence violation"),
            15 => format!("host {target} unreachable - precedence cutoff"),
            other => format!("{target} unreachable - #{other}"),
        })
    }
}

/// RFC 1256.
fn router_advertisement(data: &[u8]) -> Result<String, super::Cut> {
    let (count, size, lifetime) = (u8_at(data, 4)?, u8_at(data, 5)?, u16_at(data, 6)?);
    let lifetime = match lifetime {
        0..60 => format!("{lifetime}"),
        60..3600 => format!("{}:{:02}", lifetime / 60, lifetime % 60),
        _ => format!(
            "{}:{:02}:{:02}",
            lifetime / 3600,
            lifetime % 3600 / 60,
            lifetime % 60
        ),
    };
    let mut text = format!("router advertisement lifetime {lifetime} {count}:");
    if size != 2 {
        return Ok(text + &format!(" [size {size}]"));
    }
    for entry in 0..usize::from(count) {
        let at = 8 + entry * 8;
        let address = Ipv4Addr::from(array_at::<4>(data, at)?);
        text += &format!(" {{{address} {}}}", u32_at(data, at + 4)?);
    }
    Ok(text)
}

/// Milliseconds since midnight UTC; the highest bit says that they are something else.
fn time_of_day(milliseconds: u32) -> String {
    if milliseconds & 0x8000_0000 != 0 {
        return format!("{milliseconds}");
    }
    let seconds = milliseconds / 1000;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        milliseconds % 1000
    )
}
