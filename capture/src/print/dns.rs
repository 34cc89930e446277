//! The DNS (RFC 1035), over UDP and TCP, and its multicast sister (RFC 6762).

use super::{
    Cut, Job, Printed, after, array_at, bytes_at, first, names::Six, text::put_safely, u8_at,
    u16_at, u32_at,
};
use std::net::Ipv4Addr;

const HEADER: usize = 12;
/// RFC 1035 section 2.3.4, and some more for those that do not keep to it.
const LONGEST_NAME: usize = 1024;

const OPT: u16 = 41;

impl Job<'_> {
    /// A message after its two bytes of length (RFC 1035 section 4.2.2).
    pub(super) fn dns_over_tcp(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "domain";
        let said = usize::from(u16_at(data, 0)?);
        let inside = length.saturating_sub(2);
        self.say(" ");
        if inside != said {
            // the rest is in other segments, or there is more than one message in this one
            self.put(format_args!(
                "[prefix length({said}) != length({inside})] (invalid)"
            ));
            return Ok(());
        }
        self.dns(first(after(data, 2), inside), inside, false)
    }

    pub(super) fn dns(&mut self, data: &[u8], length: usize, multicast: bool) -> Printed {
        self.protocol = "domain";
        if length < HEADER {
            self.put(format_args!(
                "domain [length {length} < {HEADER}] (invalid)"
            ));
            return Ok(());
        }
        let header: [u8; HEADER] = array_at(data, 0)?;
        let flags = u16_at(&header, 2)?;
        let count = |at| u16_at(&header, at);
        let (questions, answers) = (count(4)?, count(6)?);
        let (authorities, additional) = (count(8)?, count(10)?);
        let operation = usize::from(flags >> 11 & 0xf);
        let operation = OPERATIONS.get(operation).copied().unwrap_or_default();
        let set = |bit: u16, text: &'static str| if flags & bit != 0 { text } else { "" };
        let id = count(0)?;
        let mut at = HEADER;
        if flags & 0x8000 != 0 {
            let result = usize::from(flags & 0xf);
            let result = RESULTS.get(result).copied().unwrap_or_default();
            self.put(format_args!(
                "{id}{operation}{result}{}{}{}{}",
                set(0x0400, "*"),
                if flags & 0x0080 != 0 { "" } else { "-" },
                set(0x0200, "|"),
                set(0x0020, "$"),
            ));
            if questions != 1 {
                self.put(format_args!(" [{questions}q]"));
            }
            for question in 0..questions {
                if question > 0 {
                    self.say(",");
                }
                if self.options.verbose > 1 {
                    self.say(" q:");
                    at = self.question(data, at, multicast)?;
                } else {
                    at = skip_name(data, at)? + 4;
                }
            }
            self.put(format_args!(" {answers}/{authorities}/{additional}"));
            at = self.records(data, at, answers, "", multicast)?;
        } else {
            self.put(format_args!(
                "{id}{operation}{}{}",
                set(0x0100, "+"),
                set(0x0010, "%"),
            ));
            if flags & 0x06cf != 0 {
                self.put(format_args!(" [b2&3=0x{flags:x}]"));
            }
            // an inverse query brings its answer
            let inverse = flags >> 11 & 0xf == 1;
            if inverse {
                if questions != 0 {
                    self.put(format_args!(" [{questions}q]"));
                }
                if answers != 1 {
                    self.put(format_args!(" [{answers}a]"));
                }
            } else {
                if answers != 0 {
                    self.put(format_args!(" [{answers}a]"));
                }
                if questions != 1 {
                    self.put(format_args!(" [{questions}q]"));
                }
            }
            if authorities != 0 {
                self.put(format_args!(" [{authorities}n]"));
            }
            if additional != 0 {
                self.put(format_args!(" [{additional}au]"));
            }
            for _ in 0..questions {
                at = self.question(data, at, multicast)?;
            }
            if self.options.verbose > 1 {
                at = self.records(data, at, answers, "", multicast)?;
            }
        }
        if self.options.verbose > 1 {
            at = self.records(data, at, authorities, " ns:", multicast)?;
            self.records(data, at, additional, " ar:", multicast)?;
        }
        self.put(format_args!(" ({length})"));
        Ok(())
    }

    fn question(&mut self, data: &[u8], at: usize, multicast: bool) -> Result<usize, Cut> {
        self.bounded()?;
        let rest = skip_name(data, at)?;
        let kind = u16_at(data, rest)?;
        let mut class = u16_at(data, rest + 2)?;
        self.kind(kind);
        if multicast {
            // the highest bit asks for an answer to the one who asked (RFC 6762 section 5.4)
            self.say(if class & 0x8000 != 0 {
                " (QU)"
            } else {
                " (QM)"
            });
            class &= 0x7fff;
        }
        self.class(class);
        self.say("? ");
        self.domain_name(data, at)?;
        Ok(rest + 4)
    }

    fn kind(&mut self, kind: u16) {
        match kind_name(kind) {
            Some(name) => self.put(format_args!(" {name}")),
            None => self.put(format_args!(" Type{kind}")),
        }
    }

    fn class(&mut self, class: u16) {
        match class {
            1 => {}
            3 => self.say(" CHAOS"),
            4 => self.say(" HS"),
            255 => self.say(" ANY"),
            other => self.put(format_args!(" (Class {other})")),
        }
    }

    fn records(
        &mut self,
        data: &[u8],
        mut at: usize,
        count: u16,
        title: &str,
        multicast: bool,
    ) -> Result<usize, Cut> {
        for record in 0..count {
            self.bounded()?;
            // the first record of the answer may be missing without a mark, as with tcpdump
            if at >= data.len() && (record > 0 || !title.is_empty()) {
                return Err(Cut);
            }
            self.say(if record == 0 { title } else { "," });
            at = self.record(data, at, multicast)?;
        }
        Ok(at)
    }

    /// One resource record; where the next begins.
    fn record(&mut self, data: &[u8], at: usize, multicast: bool) -> Result<usize, Cut> {
        let mut at = if self.verbose() {
            self.say(" ");
            self.domain_name(data, at)?
        } else {
            skip_name(data, at).unwrap_or(data.len())
        };
        let Ok(head) = array_at::<10>(data, at) else {
            return Ok(data.len());
        };
        at += head.len();
        let kind = u16_at(&head, 0)?;
        let mut class = u16_at(&head, 2)?;
        if multicast && class & 0x8000 != 0 {
            self.say(" (Cache flush)");
            class &= 0x7fff;
        }
        if kind != OPT {
            self.class(class);
            if self.options.verbose > 2 {
                self.say(" [");
                self.put(format_args!("{}", elapsed(u32_at(&head, 4)?)));
                self.say("]");
            }
        }
        self.kind(kind);
        let length = usize::from(u16_at(&head, 8)?);
        let next = at + length;
        let body = bytes_at(data, at, length)?;
        match kind {
            1 => {
                let address = Ipv4Addr::from(array_at::<4>(data, at)?);
                self.put(format_args!(" {address}"));
            }
            // NS, CNAME, PTR, DNAME
            2 | 5 | 12 | 39 => {
                self.say(" ");
                self.domain_name(data, at)?;
            }
            // SOA
            6 if self.verbose() => {
                self.say(" ");
                let place = self.domain_name(data, at)?;
                self.say(" ");
                let place = self.domain_name(data, place)?;
                for number in 0..5 {
                    self.put(format_args!(" {}", u32_at(data, place + number * 4)?));
                }
            }
            // MX
            15 => {
                self.say(" ");
                let preference = u16_at(data, at)?;
                self.domain_name(data, at + 2)?;
                self.put(format_args!(" {preference}"));
            }
            16 => {
                let mut rest = body;
                while let [length, text @ ..] = rest {
                    self.bounded()?;
                    self.say(" \"");
                    self.text(first(text, usize::from(*length)));
                    self.say("\"");
                    rest = after(text, usize::from(*length));
                }
            }
            28 => self.put(format_args!(" {}", Six(array_at(data, at)?))),
            // SRV
            33 => {
                self.say(" ");
                let (priority, weight) = (u16_at(data, at)?, u16_at(data, at + 2)?);
                let port = u16_at(data, at + 4)?;
                self.domain_name(data, at + 6)?;
                self.put(format_args!(":{port} {priority} {weight}"));
            }
            OPT => {
                self.put(format_args!(" UDPsize={class}"));
                if u16_at(&head, 6)? & 0x8000 != 0 {
                    self.say(" DO");
                }
                self.edns(body)?;
            }
            // A6 (RFC 2874)
            38 => {
                let bits = u8_at(body, 0)?;
                let skipped = usize::from(bits / 8);
                if bits > 128 {
                    self.put(format_args!(" {bits}(bad plen)"));
                } else {
                    if bits < 128 {
                        let mut address = [0; 16];
                        let suffix = bytes_at(body, 1, 16 - skipped)?;
                        for (to, from) in address.iter_mut().skip(skipped).zip(suffix) {
                            *to = *from;
                        }
                        self.put(format_args!(" {bits} {}", Six(address)));
                    }
                    if bits > 0 {
                        self.say(" ");
                        self.domain_name(data, at + 17 - skipped)?;
                    }
                }
            }
            // UNSPECA
            104 => self.text(body),
            // TSIG (RFC 8945)
            250 if self.options.verbose > 1 => {
                self.say(" ");
                let at = self.domain_name(data, at)? + 6;
                let (fudge, mac) = (u16_at(data, at)?, u16_at(data, at + 2)?);
                let at = at + 4 + usize::from(mac);
                self.put(format_args!(
                    " fudge={fudge} maclen={mac} origid={} error={} otherlen={}",
                    u16_at(data, at)?,
                    u16_at(data, at + 2)?,
                    u16_at(data, at + 4)?
                ));
            }
            // URI
            256 => {
                let (priority, weight) = (u16_at(data, at)?, u16_at(data, at + 2)?);
                self.put(format_args!(" {priority} {weight} "));
                self.text(after(body, 4));
            }
            _ => {}
        }
        Ok(next)
    }

    /// Options of EDNS (RFC 6891).
    fn edns(&mut self, mut options: &[u8]) -> Printed {
        if options.is_empty() {
            return Ok(());
        }
        self.say(" [");
        let mut any = false;
        while !options.is_empty() {
            self.bounded()?;
            if any {
                self.say(",");
            }
            any = true;
            let (code, length) = (u16_at(options, 0)?, usize::from(u16_at(options, 2)?));
            let name = edns_name(code);
            match name {
                Some(name) => self.say(name),
                None => self.put(format_args!("Opt{code}")),
            }
            let body = bytes_at(options, 4, length)?;
            self.edns_value(code, body)?;
            options = after(options, 4 + length);
        }
        self.say("]");
        Ok(())
    }

    fn edns_value(&mut self, code: u16, body: &[u8]) -> Printed {
        match code {
            _ if body.is_empty() => {}
            // client subnet (RFC 7871)
            8 => {
                let (family, bits) = (u16_at(body, 0)?, u8_at(body, 2)?);
                let scope = u8_at(body, 3)?;
                let mut address = [0; 16];
                for (to, from) in address.iter_mut().zip(after(body, 4)) {
                    *to = *from;
                }
                let [a, b, c, d, ..] = address;
                match family {
                    1 => self.put(format_args!(" {}", Ipv4Addr::new(a, b, c, d))),
                    2 => self.put(format_args!(" {}", Six(address))),
                    _ => {
                        self.say("  (invalid)");
                        return Ok(());
                    }
                }
                self.put(format_args!("/{bits}/{scope}"));
            }
            // cookies: the client's, then the server's (RFC 7873)
            10 => {
                for (place, byte) in body.iter().enumerate() {
                    let space = if place == 0 || place == 8 { " " } else { "" };
                    self.put(format_args!("{space}{byte:02x}"));
                }
            }
            // RFC 7828, in tenths of a second
            11 if body.len() == 2 => {
                let tenths = u16_at(body, 0)?;
                self.put(format_args!(" {}.{} sec", tenths / 10, tenths % 10));
            }
            12 => self.put(format_args!(" ({})", body.len())),
            _ => {
                self.say(" ");
                for byte in body {
                    self.put(format_args!("{byte:02x}"));
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, bytes: &[u8]) {
        for byte in bytes {
            put_safely(&mut self.out, *byte);
        }
    }

    /// A name, with a dot after each label; where what follows it begins.
    pub(super) fn domain_name(&mut self, data: &[u8], from: usize) -> Result<usize, Cut> {
        let mut at = from;
        let mut end = None;
        let mut length = 0;
        if u8_at(data, at)? == 0 {
            self.say(".");
            return Ok(at + 1);
        }
        loop {
            let byte = u8_at(data, at)?;
            match byte >> 6 {
                3 => {
                    let to = usize::from(u16_at(data, at)? & 0x3fff);
                    end.get_or_insert(at + 2);
                    // a name is written before it is pointed to; this also ends every loop
                    if to >= at {
                        self.say("<BAD PTR>");
                        return Err(Cut);
                    }
                    at = to;
                }
                0 if byte == 0 => {
                    // a pointer to the root writes no label
                    if length == 0 {
                        self.say(".");
                    }
                    return Ok(end.unwrap_or(at + 1));
                }
                0 => {
                    let size = usize::from(byte);
                    self.text(first(after(data, at + 1), size));
                    bytes_at(data, at + 1, size)?;
                    self.say(".");
                    length += size + 1;
                    if length > LONGEST_NAME {
                        return Err(Cut);
                    }
                    at += size + 1;
                }
                _ => {
                    self.put(format_args!("<ELT {}>", byte & 0x3f));
                    return Err(Cut);
                }
            }
        }
    }
}

/// Where what follows a name begins.
fn skip_name(data: &[u8], from: usize) -> Result<usize, Cut> {
    let mut at = from;
    loop {
        let byte = u8_at(data, at)?;
        match byte >> 6 {
            3 => return Ok(at + 2),
            0 if byte == 0 => return Ok(at + 1),
            0 => at += usize::from(byte) + 1,
            _ => return Err(Cut),
        }
    }
}

/// Seconds as `1w2d3h4m5s`.
pub(super) fn elapsed(mut seconds: u32) -> String {
    if seconds == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, name) in [
        (604_800, 'w'),
        (86_400, 'd'),
        (3600, 'h'),
        (60, 'm'),
        (1, 's'),
    ] {
        if seconds >= unit {
            text += &format!("{}{name}", seconds / unit);
            seconds %= unit;
        }
    }
    text
}

const OPERATIONS: [&str; 16] = [
    "",
    " inv_q",
    " stat",
    " op3",
    " notify",
    " update",
    " op6",
    " op7",
    " op8",
    " updateA",
    " updateD",
    " updateDA",
    " updateM",
    " updateMA",
    " zoneInit",
    " zoneRef",
];

const RESULTS: [&str; 16] = [
    "",
    " FormErr",
    " ServFail",
    " NXDomain",
    " NotImp",
    " Refused",
    " YXDomain",
    " YXRRSet",
    " NXRRSet",
    " NotAuth",
    " NotZone",
    " Resp11",
    " Resp12",
    " Resp13",
    " Resp14",
    " NoChange",
];

/// Types of records (RFC 1035 and those after it).
fn kind_name(kind: u16) -> Option<&'static str> {
    Some(match kind {
        1 => "A",
        2 => "NS",
        3 => "MD",
        4 => "MF",
        5 => "CNAME",
        6 => "SOA",
        7 => "MB",
        8 => "MG",
        9 => "MR",
        10 => "NULL",
        11 => "WKS",
        12 => "PTR",
        13 => "HINFO",
        14 => "MINFO",
        15 => "MX",
        16 => "TXT",
        17 => "RP",
        18 => "AFSDB",
        19 => "X25",
        20 => "ISDN",
        21 => "RT",
        22 => "NSAP",
        23 => "NSAP_PTR",
        24 => "SIG",
        25 => "KEY",
        26 => "PX",
        27 => "GPOS",
        28 => "AAAA",
        29 => "LOC",
        30 => "NXT",
        31 => "EID",
        32 => "NIMLOC",
        33 => "SRV",
        34 => "ATMA",
        35 => "NAPTR",
        36 => "KX",
        37 => "CERT",
        38 => "A6",
        39 => "DNAME",
        40 => "SINK",
        41 => "OPT",
        42 => "APL",
        43 => "DS",
        44 => "SSHFP",
        45 => "IPSECKEY",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        64 => "SVCB",
        65 => "HTTPS",
        99 => "SPF",
        100 => "UINFO",
        101 => "UID",
        102 => "GID",
        103 => "UNSPEC",
        104 => "UNSPECA",
        249 => "TKEY",
        250 => "TSIG",
        251 => "IXFR",
        252 => "AXFR",
        253 => "MAILB",
        254 => "MAILA",
        255 => "ANY",
        256 => "URI",
        _ => return None,
    })
}

fn edns_name(code: u16) -> Option<&'static str> {
    Some(match code {
        1 => "LLQ",
        2 => "UL",
        3 => "NSID",
        5 => "DAU",
        6 => "DHU",
        7 => "N3U",
        8 => "ECS",
        9 => "EXPIRE",
        10 => "COOKIE",
        11 => "KEEPALIVE",
        12 => "PADDING",
        13 => "CHAIN",
        14 => "KEY-TAG",
        16 => "CLIENT-TAG",
        17 => "SERVER-TAG",
        _ => return None,
    })
}
