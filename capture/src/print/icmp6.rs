//! ICMP for IPv6 (RFC 4443), neighbour discovery (RFC 4861) and multicast listeners (RFC 3810).

use super::{
    Cut, Job, Printed, after, array_at, bits, bytes_at, checksum, hex,
    ip::{Datagram, TCP, UDP},
    names::{Mac, Six},
    u8_at, u16_at, u32_at,
};

const PROTOCOL: u8 = 58;

impl Job<'_> {
    pub(super) fn icmp6(&mut self, data: &[u8], length: usize, datagram: &Datagram) -> Printed {
        self.protocol = "icmp6";
        let (kind, code) = (u8_at(data, 0)?, u8_at(data, 1)?);
        let found = u16_at(data, 2)?;
        if self.verbose()
            && !datagram.fragmented
            && let Ok(covered) = bytes_at(data, 0, length)
        {
            let sum = datagram.addresses.sum(PROTOCOL, covered);
            if sum == 0 {
                self.say("[icmp6 sum ok] ");
            } else {
                let right = checksum::expected(found, sum);
                self.put(format_args!(
                    "[bad icmp6 cksum 0x{found:04x} -> 0x{right:04x}!] "
                ));
            }
        }
        self.say("ICMP6, ");
        match name(kind) {
            Some(name) => self.say(name),
            None => self.put(format_args!("unknown icmp6 type ({kind})")),
        }
        // these put their options on lines of their own
        if self.verbose() && matches!(kind, 133..=137 | 145 | 147) {
            self.put(format_args!(", length {length}"));
        }
        let six = |at| array_at::<16>(data, at).map(Six);
        match kind {
            1 => self.unreachable6(data, code)?,
            2 => {
                self.put(format_args!(", mtu {}", u32_at(data, 4)?));
            }
            3 => match code {
                0 => self.put(format_args!(" for {}", six(8 + 24)?)),
                1 => self.say(" (reassembly)"),
                other => self.put(format_args!(", unknown code ({other})")),
            },
            4 => {
                let octet = u32_at(data, 4)?;
                match code {
                    0 => self.put(format_args!(", erroneous - octet {octet}")),
                    1 => self.put(format_args!(", next header - octet {octet}")),
                    2 => self.put(format_args!(", option - octet {octet}")),
                    3 => self.put(format_args!(", incomplete header chain - octet {octet}")),
                    other => self.put(format_args!(", code-#{other}")),
                }
            }
            128 | 129 => {
                let (id, seq) = (u16_at(data, 4)?, u16_at(data, 6)?);
                self.put(format_args!(", id {id}, seq {seq}"));
            }
            130 if length > 24 => {
                self.say(" v2");
                self.listener_query(data, length)?;
            }
            130..=132 => {
                let delay = u16_at(data, 4)?;
                self.put(format_args!("max resp delay: {delay} addr: {}", six(8)?));
            }
            133 => {
                u32_at(data, 4)?;
                self.neighbour_options(data, 8, length)?;
            }
            134 => {
                let header: [u8; 16] = array_at(data, 0)?;
                if self.verbose() {
                    let flags = header[5];
                    let set = bits(
                        u32::from(flags),
                        &[
                            (0x80, "managed"),
                            (0x40, "other stateful"),
                            (0x20, "home agent"),
                        ],
                        ", ",
                    );
                    self.put(format_args!(
                        "\n\thop limit {}, Flags [{set}], pref {}, router lifetime {}s, reachable time {}ms, retrans timer {}ms",
                        header[4],
                        preference(flags),
                        u16_at(&header, 6)?,
                        u32_at(&header, 8)?,
                        u32_at(&header, 12)?
                    ));
                }
                self.neighbour_options(data, 16, length)?;
            }
            135 => {
                self.put(format_args!(", who has {}", six(8)?));
                self.neighbour_options(data, 24, length)?;
            }
            136 => {
                self.put(format_args!(", tgt is {}", six(8)?));
                if self.verbose() {
                    let set = bits(
                        u32_at(data, 4)?,
                        &[
                            (0x8000_0000, "router"),
                            (0x4000_0000, "solicited"),
                            (0x2000_0000, "override"),
                        ],
                        ", ",
                    );
                    self.put(format_args!(", Flags [{set}]"));
                }
                self.neighbour_options(data, 24, length)?;
            }
            137 => {
                let (target, destination) = (six(8)?, six(24)?);
                self.put(format_args!(", {destination} to {target}"));
                self.neighbour_options(data, 40, length)?;
            }
            143 => self.listener_report(data, length)?,
            _ => {
                self.put(format_args!(", length {length}"));
                if self.options.verbose <= 1 {
                    hex(&mut self.out, "\n\t", super::first(data, length));
                }
                return Ok(());
            }
        }
        if !self.verbose() {
            self.put(format_args!(", length {length}"));
        }
        Ok(())
    }

    fn unreachable6(&mut self, data: &[u8], code: u8) -> Printed {
        match code {
            0 => self.say(", unreachable route"),
            // two spaces, as tcpdump has them
            1 => self.say(",  unreachable prohibited"),
            2 => self.say(", beyond scope"),
            3 => self.say(", unreachable address"),
            4 => self.say(", unreachable port"),
            other => self.put(format_args!(", unknown unreach code ({other})")),
        }
        let about = after(data, 8);
        match code {
            2 => {
                let (target, source) = (Six(array_at(about, 24)?), Six(array_at(about, 8)?));
                self.put(format_args!(" {target}, source address {source}"));
            }
            0..=3 => self.put(format_args!(" {}", Six(array_at(about, 24)?))),
            4 => {
                let target = Six(array_at(about, 24)?);
                let (protocol, at) = upper(about)?;
                let port = u16_at(about, at + 2)?;
                let names = self.names;
                match protocol {
                    TCP if self.options.numbers => {
                        self.put(format_args!(", {target} tcp port {port}"));
                    }
                    UDP if self.options.numbers => {
                        self.put(format_args!(", {target} udp port {port}"));
                    }
                    TCP => self.put(format_args!(", {target} tcp port {}", names.tcp(port))),
                    UDP => self.put(format_args!(", {target} udp port {}", names.udp(port))),
                    _ => self.put(format_args!(
                        ", {target} protocol {} port {port} unreachable",
                        u8_at(about, 6)?
                    )),
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Options of neighbour discovery, with `-v` only.
    fn neighbour_options(&mut self, data: &[u8], from: usize, length: usize) -> Printed {
        if !self.verbose() {
            return Ok(());
        }
        let mut at = from;
        while at < length {
            self.bounded()?;
            let kind = u8_at(data, at)?;
            let units = u8_at(data, at + 1)?;
            let size = usize::from(units) * 8;
            if size == 0 || at + size > length {
                return Err(Cut);
            }
            let option = bytes_at(data, at, size)?;
            let name = match kind {
                1 => "source link-address",
                2 => "destination link-address",
                3 => "prefix info",
                4 => "redirected header",
                5 => "mtu",
                7 => "advertisement interval",
                8 => "homeagent information",
                24 => "route info",
                25 => "rdnss",
                31 => "dnssl",
                _ => "unknown",
            };
            self.put(format_args!(
                "\n\t  {name} option ({kind}), length {size} ({units}): "
            ));
            match kind {
                1 | 2 => self.put(format_args!("{}", Mac(after(option, 2)))),
                3 => {
                    let set = bits(
                        u32::from(u8_at(option, 3)?),
                        &[(0x80, "onlink"), (0x40, "auto"), (0x20, "router")],
                        ", ",
                    );
                    self.put(format_args!(
                        "{}/{}{}, Flags [{set}], valid time {}, pref. time {}",
                        Six(array_at(option, 16)?),
                        u8_at(option, 2)?,
                        if units == 4 { "" } else { "badlen" },
                        lifetime(u32_at(option, 4)?),
                        lifetime(u32_at(option, 8)?)
                    ));
                }
                5 => {
                    self.put(format_args!(" {}", u32_at(option, 4)?));
                    if units != 1 {
                        self.put(format_args!(", bad option length {units}"));
                    }
                }
                25 => {
                    self.put(format_args!(" lifetime {}s,", u32_at(option, 4)?));
                    for server in after(option, 8).chunks_exact(16) {
                        self.put(format_args!(" addr: {}", Six(array_at(server, 0)?)));
                    }
                }
                31 => {
                    self.put(format_args!(
                        " lifetime {}s, domain(s):",
                        u32_at(option, 4)?
                    ));
                    let mut place = 8;
                    while place < option.len() && u8_at(option, place)? != 0 {
                        self.say(" ");
                        place = self.domain_name(option, place)?;
                    }
                }
                24 => {
                    let mut prefix = [0; 16];
                    for (to, from) in prefix.iter_mut().zip(after(option, 8)) {
                        *to = *from;
                    }
                    self.put(format_args!(
                        " {}/{}, pref={}, lifetime={}",
                        Six(prefix),
                        u8_at(option, 2)?,
                        preference(u8_at(option, 3)?),
                        lifetime(u32_at(option, 4)?)
                    ));
                }
                _ if self.options.verbose > 1 => {}
                _ => hex(&mut self.out, "\n\t  ", after(option, 2)),
            }
            if self.options.verbose > 1 {
                hex(&mut self.out, "\n\t    ", after(option, 2));
            }
            at += size;
        }
        Ok(())
    }

    fn listener_query(&mut self, data: &[u8], length: usize) -> Printed {
        if length < 28 {
            self.say(" (invalid)");
            return Ok(());
        }
        let mrc = u16_at(data, 4)?;
        let delay = if mrc < 32_768 {
            u32::from(mrc)
        } else {
            (u32::from(mrc & 0xfff) | 0x1000) << (((mrc >> 12) & 7) + 3)
        };
        if self.verbose() {
            self.put(format_args!(" [max resp delay={delay}]"));
        }
        self.put(format_args!(" [gaddr {}", Six(array_at(data, 8)?)));
        if self.verbose() {
            let flags = u8_at(data, 24)?;
            if flags & 8 != 0 {
                self.say(" sflag");
            }
            if flags & 7 != 0 {
                self.put(format_args!(" robustness={}", flags & 7));
            }
            let qqic = u8_at(data, 25)?;
            let interval = if qqic < 128 {
                u32::from(qqic)
            } else {
                (u32::from(qqic & 0xf) | 0x10) << (((qqic >> 4) & 7) + 3)
            };
            self.put(format_args!(" qqi={interval}"));
        }
        let sources = usize::from(u16_at(data, 26)?);
        if sources > 0 {
            if self.options.verbose > 1 {
                self.say(" {");
                for source in 0..sources {
                    self.put(format_args!(" {}", Six(array_at(data, 28 + source * 16)?)));
                }
                self.say(" }");
            } else {
                self.put(format_args!(", {sources} source(s)"));
            }
        }
        self.say("]");
        Ok(())
    }

    fn listener_report(&mut self, data: &[u8], length: usize) -> Printed {
        if length < 8 {
            self.say(" (invalid)");
            return Ok(());
        }
        let groups = u16_at(data, 6)?;
        self.put(format_args!(", {groups} group record(s)"));
        if !self.verbose() {
            return Ok(());
        }
        let mut at = 8;
        for _ in 0..groups {
            self.bounded()?;
            let (kind, extra) = (u8_at(data, at)?, usize::from(u8_at(data, at + 1)?));
            let sources = usize::from(u16_at(data, at + 2)?);
            self.put(format_args!(" [gaddr {}", Six(array_at(data, at + 4)?)));
            let name = match kind {
                1 => " is_in",
                2 => " is_ex",
                3 => " to_in",
                4 => " to_ex",
                5 => " allow",
                6 => " block",
                _ => "",
            };
            if name.is_empty() {
                self.put(format_args!(" [v2-report-#{kind}]"));
            } else {
                self.say(name);
            }
            if self.options.verbose > 1 {
                self.say(" {");
                for source in 0..sources {
                    let source = Six(array_at(data, at + 20 + source * 16)?);
                    self.put(format_args!(" {source}"));
                }
                self.say(" }]");
            } else {
                self.put(format_args!(", {sources} source(s)]"));
            }
            at += 20 + sources * 16 + extra * 4;
        }
        Ok(())
    }
}

/// What carries the ports behind an IPv6 header, and where it begins.
fn upper(data: &[u8]) -> Result<(u8, usize), Cut> {
    let (mut protocol, mut at) = (u8_at(data, 6)?, 40);
    loop {
        match protocol {
            0 | 43 | 60 => {
                protocol = u8_at(data, at)?;
                at += (usize::from(u8_at(data, at + 1)?) + 1) * 8;
            }
            44 => {
                protocol = u8_at(data, at)?;
                at += 8;
            }
            _ => return Ok((protocol, at)),
        }
    }
}

fn preference(flags: u8) -> &'static str {
    match flags >> 3 & 3 {
        0 => "medium",
        1 => "high",
        3 => "low",
        _ => "*reserved*",
    }
}

fn lifetime(seconds: u32) -> String {
    match seconds {
        u32::MAX => "infinity".to_owned(),
        seconds => format!("{seconds}s"),
    }
}

fn name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "destination unreachable",
        2 => "packet too big",
        3 => "time exceeded in-transit",
        4 => "parameter problem",
        128 => "echo request",
        129 => "echo reply",
        130 => "multicast listener query",
        131 => "multicast listener report",
        132 => "multicast listener done",
        133 => "router solicitation",
        134 => "router advertisement",
        135 => "neighbor solicitation",
        136 => "neighbor advertisement",
        137 => "redirect",
        138 => "router renumbering",
        139 => "node information query",
        140 => "node information reply",
        141 => "inverse neighbor solicitation",
        142 => "inverse neighbor advertisement",
        143 => "multicast listener report v2",
        144 => "dhaad request",
        145 => "dhaad reply",
        146 => "mobile router solicitation",
        147 => "mobile router advertisement",
        155 => "RPL",
        _ => return None,
    })
}
