//! DNS messages, RFC 1035: the question, the answers, and whether it went well.
//!
//! A reader of our own and not a crate's: it reads as far as a damaged message goes, and writes every record type as text,
//! unknown ones as RFC 3597 does.

use std::{
    fmt::Write as _,
    net::{Ipv4Addr, Ipv6Addr},
};

/// A name is at most so long, RFC 1035 section 2.3.4; escapes may take four characters an octet.
const LONGEST_NAME: usize = 255;
/// So many records are read.
const MOST_RECORDS: usize = 256;

/// A message, as far as it could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// The identifier that an answer repeats.
    pub id: u16,
    /// It is an answer.
    pub response: bool,
    /// What is wanted; 0 is a question.
    pub opcode: u8,
    /// The answer comes from an authority for the name.
    pub authoritative: bool,
    /// The rest of the answer did not fit.
    pub truncated: bool,
    /// The response code; 0 is no error.
    pub code: u8,
    /// The names that are asked for.
    pub questions: Vec<Question>,
    /// Records of the answer section.
    pub answers: Vec<Record>,
    /// Records of the authority section.
    pub authorities: Vec<Record>,
    /// Records of the additional section, without EDNS's own (RFC 6891).
    pub additional: Vec<Record>,
    /// It ends before it should, or contradicts itself.
    pub damaged: bool,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The name, without the dot at its end; `.` is the root.
    pub name: String,
    /// The type of record.
    pub kind: u16,
    /// The class; 1 is the Internet.
    pub class: u16,
}

/// A resource record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Whose it is.
    pub name: String,
    /// Its type.
    pub kind: u16,
    /// Its class.
    pub class: u16,
    /// Seconds that it may be kept.
    pub ttl: u32,
    /// What it says, as in a zone file.
    pub data: String,
}

impl Message {
    /// Reads a message; none when not even its header is there.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; 12] = bytes.first_chunk()?;
        let number = |at: usize| {
            let pair = header.get(at..at + 2).and_then(|pair| pair.first_chunk());
            u16::from_be_bytes(pair.copied().unwrap_or_default())
        };
        let flags = number(2);
        let mut message = Self {
            id: number(0),
            response: flags & 0x8000 != 0,
            opcode: (flags >> 11 & 0xf) as u8,
            authoritative: flags & 0x0400 != 0,
            truncated: flags & 0x0200 != 0,
            code: (flags & 0xf) as u8,
            ..Self::default()
        };
        let mut reader = Reader { bytes, at: 12 };
        let whole = message.sections(&mut reader, [number(4), number(6), number(8), number(10)]);
        message.damaged = whole.is_none();
        Some(message)
    }

    /// Whether bytes of port 53 look like a message: a known opcode, and as many questions as these have.
    pub fn is_likely(&self) -> bool {
        matches!(self.opcode, 0 | 2 | 4 | 5) && (self.response || !self.questions.is_empty())
    }

    fn sections(&mut self, reader: &mut Reader<'_>, counts: [u16; 4]) -> Option<()> {
        let [questions, answers, authorities, additional] = counts;
        for _ in 0..questions {
            let name = reader.name()?;
            let (kind, class) = (reader.u16()?, reader.u16()?);
            if self.questions.len() < MOST_RECORDS {
                self.questions.push(Question { name, kind, class });
            }
        }
        let sections = [
            (answers, &mut self.answers),
            (authorities, &mut self.authorities),
            (additional, &mut self.additional),
        ];
        for (count, records) in sections {
            for _ in 0..count {
                let record = reader.record()?;
                // EDNS
                if record.kind != 41 && records.len() < MOST_RECORDS {
                    records.push(record);
                }
            }
        }
        Some(())
    }

    /// The message in words: a start line and a field a record, as heads are recorded.
    pub fn head(&self) -> String {
        let mut head = match self.response {
            true => code_name(self.code),
            false => opcode_name(self.opcode),
        };
        if let (false, Some(question)) = (self.response, self.questions.first()) {
            let _ = write!(head, " {} {}", question.name, kind_name(question.kind));
        }
        head += "\r\n";
        let _ = write!(head, "id: {:#06x}\r\n", self.id);
        for (flag, name) in [
            (self.authoritative, "authoritative"),
            (self.truncated, "truncated"),
            (self.damaged, "damaged"),
        ] {
            if flag {
                let _ = write!(head, "{name}: yes\r\n");
            }
        }
        for question in &self.questions {
            let (name, kind) = (&question.name, kind_name(question.kind));
            let _ = write!(head, "question: {name} {kind}\r\n");
        }
        let sections = [
            ("answer", &self.answers),
            ("authority", &self.authorities),
            ("additional", &self.additional),
        ];
        for (section, records) in sections {
            for Record {
                name,
                kind,
                ttl,
                data,
                ..
            } in records
            {
                let kind = kind_name(*kind);
                let _ = write!(head, "{section}: {name} {ttl} {kind} {data}\r\n");
            }
        }
        head + "\r\n"
    }

    /// What the answers say, in short.
    pub fn answer(&self) -> String {
        let answers = self.answers.iter().map(|record| record.data.as_str());
        answers.collect::<Vec<_>>().join(", ")
    }
}

/// The name of a record type in the IANA registry; `TYPE65280` when it has none (RFC 3597).
pub fn kind_name(kind: u16) -> String {
    let name = match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        13 => "HINFO",
        15 => "MX",
        16 => "TXT",
        24 => "SIG",
        25 => "KEY",
        28 => "AAAA",
        29 => "LOC",
        33 => "SRV",
        35 => "NAPTR",
        39 => "DNAME",
        41 => "OPT",
        43 => "DS",
        44 => "SSHFP",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        50 => "NSEC3",
        51 => "NSEC3PARAM",
        52 => "TLSA",
        64 => "SVCB",
        65 => "HTTPS",
        249 => "TKEY",
        250 => "TSIG",
        251 => "IXFR",
        252 => "AXFR",
        255 => "ANY",
        257 => "CAA",
        _ => return format!("TYPE{kind}"),
    };
    name.to_owned()
}

/// The name of a response code.
pub fn code_name(code: u8) -> String {
    let names = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
        "NXRRSET", "NOTAUTH", "NOTZONE",
    ];
    let name = names.get(usize::from(code)).map(|name| (*name).to_owned());
    name.unwrap_or_else(|| format!("RCODE{code}"))
}

fn opcode_name(opcode: u8) -> String {
    match opcode {
        0 => "QUERY".to_owned(),
        2 => "STATUS".to_owned(),
        4 => "NOTIFY".to_owned(),
        5 => "UPDATE".to_owned(),
        _ => format!("OPCODE{opcode}"),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.take(2)?.first_chunk()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(*self.take(4)?.first_chunk()?))
    }

    /// A name with its compression, RFC 1035 section 4.1.4: pointers lead back only, so that it always ends.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut octets = 0;
        let (mut at, mut before) = (self.at, self.at);
        let mut after = None;
        loop {
            let length = usize::from(*self.bytes.get(at)?);
            match length {
                0 => break,
                1..64 => {
                    octets += length + 1;
                    if octets > LONGEST_NAME {
                        return None;
                    }
                    if !name.is_empty() {
                        name.push('.');
                    }
                    let label = self.bytes.get(at + 1..at + 1 + length)?;
                    escape(label, b".\\", &mut name);
                    at += 1 + length;
                }
                192.. => {
                    let low = usize::from(*self.bytes.get(at + 1)?);
                    after.get_or_insert(at + 2);
                    at = (length & 0x3f) << 8 | low;
                    if at >= before {
                        return None;
                    }
                    before = at;
                }
                _ => return None,
            }
        }
        self.at = after.unwrap_or(at + 1);
        if name.is_empty() {
            name.push('.');
        }
        Some(name)
    }

    fn record(&mut self) -> Option<Record> {
        let name = self.name()?;
        let (kind, class, ttl) = (self.u16()?, self.u16()?, self.u32()?);
        let length = usize::from(self.u16()?);
        let start = self.at;
        let raw = self.take(length)?;
        let mut inside = Reader {
            bytes: self.bytes.get(..start + length)?,
            at: start,
        };
        let data = match inside.data(kind) {
            Some(data) if inside.at == start + length => data,
            _ => unknown(raw),
        };
        Some(Record {
            name,
            kind,
            class,
            ttl,
            data,
        })
    }

    fn data(&mut self, kind: u16) -> Option<String> {
        Some(match kind {
            1 => Ipv4Addr::from(*self.take(4)?.first_chunk::<4>()?).to_string(),
            28 => Ipv6Addr::from(*self.take(16)?.first_chunk::<16>()?).to_string(),
            2 | 5 | 12 | 39 => self.name()?,
            15 => format!("{} {}", self.u16()?, self.name()?),
            6 => {
                let (server, mailbox) = (self.name()?, self.name()?);
                let mut text = format!("{server} {mailbox}");
                for _ in 0..5 {
                    let _ = write!(text, " {}", self.u32()?);
                }
                text
            }
            16 | 13 => self.strings()?,
            33 => {
                let (priority, weight, port) = (self.u16()?, self.u16()?, self.u16()?);
                format!("{priority} {weight} {port} {}", self.name()?)
            }
            64 | 65 => self.service()?,
            257 => {
                let flags = self.take(1)?.first()?;
                let tag = usize::from(*self.take(1)?.first()?);
                let mut text = format!("{flags} ");
                escape(self.take(tag)?, b" \\", &mut text);
                text += " \"";
                escape(self.rest()?, b"\"\\", &mut text);
                text + "\""
            }
            _ => return None,
        })
    }

    fn rest(&mut self) -> Option<&'a [u8]> {
        self.take(self.bytes.len().checked_sub(self.at)?)
    }

    fn strings(&mut self) -> Option<String> {
        let mut text = String::new();
        while self.at < self.bytes.len() {
            let length = usize::from(*self.take(1)?.first()?);
            if !text.is_empty() {
                text.push(' ');
            }
            text.push('"');
            escape(self.take(length)?, b"\"\\", &mut text);
            text.push('"');
        }
        Some(text)
    }

    /// SVCB and HTTPS, RFC 9460.
    fn service(&mut self) -> Option<String> {
        let mut text = format!("{} {}", self.u16()?, self.name()?);
        while self.at < self.bytes.len() {
            let (key, length) = (self.u16()?, self.u16()?);
            let value = self.take(length.into())?;
            let name = match key {
                0 => "mandatory",
                1 => "alpn",
                2 => "no-default-alpn",
                3 => "port",
                4 => "ipv4hint",
                5 => "ech",
                6 => "ipv6hint",
                _ => "",
            };
            match name {
                "" => _ = write!(text, " key{key}="),
                "no-default-alpn" => _ = write!(text, " {name}"),
                name => _ = write!(text, " {name}="),
            }
            let listed = match key {
                1 => {
                    let mut inside = Reader {
                        bytes: value,
                        at: 0,
                    };
                    let mut names = Vec::new();
                    while inside.at < value.len() {
                        let length = usize::from(*inside.take(1)?.first()?);
                        let mut name = String::new();
                        escape(inside.take(length)?, b"\",\\", &mut name);
                        names.push(name);
                    }
                    names
                }
                3 => vec![u16::from_be_bytes(*value.first_chunk()?).to_string()],
                4 => value
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|ip| Ipv4Addr::from(*ip).to_string())
                    .collect(),
                6 => value
                    .as_chunks::<16>()
                    .0
                    .iter()
                    .map(|ip| Ipv6Addr::from(*ip).to_string())
                    .collect(),
                2 => Vec::new(),
                _ => vec![hex(value)],
            };
            text += &listed.join(",");
        }
        Some(text)
    }
}

/// As a zone file writes octets that are not plain text, RFC 1035 section 5.1.
fn escape(bytes: &[u8], special: &[u8], text: &mut String) {
    for byte in bytes {
        match byte {
            byte if special.contains(byte) => {
                text.push('\\');
                text.push(char::from(*byte));
            }
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => _ = write!(text, "\\{byte:03}"),
        }
    }
}

/// RFC 3597 section 5.
fn unknown(raw: &[u8]) -> String {
    format!("\\# {} {}", raw.len(), hex(raw))
        .trim_end()
        .to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// example.com, with an answer that points back to the question's name.
    const ANSWER: &[u8] = b"\x12\x34\x81\x80\0\x01\0\x02\0\0\0\x01\x07example\x03com\0\0\x01\0\x01\
        \xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x06\x03www\xc0\x0c\
        \xc0\x29\0\x01\0\x01\0\0\0\x3c\0\x04\x5d\xb8\xd8\x22\
        \0\0\x29\x10\0\0\0\0\0\0\0";

    #[test]
    fn an_answer_is_read() {
        let message = Message::read(ANSWER).unwrap();
        assert!(message.response && !message.damaged);
        assert_eq!(message.answer(), "www.example.com, 93.184.216.34");
        assert_eq!(
            message.head(),
            "NOERROR\r\nid: 0x1234\r\nquestion: example.com A\r\nanswer: example.com 60 CNAME www.example.com\r\n\
             answer: www.example.com 60 A 93.184.216.34\r\n\r\n"
        );
    }

    #[test]
    fn every_prefix_is_read_as_far_as_it_goes() {
        for length in 0..ANSWER.len() {
            let message = Message::read(&ANSWER[..length]);
            assert_eq!(message.is_some(), length >= 12);
            assert!(message.is_none_or(|m| m.damaged), "{length}");
        }
    }

    #[test]
    fn a_pointer_to_itself_ends() {
        let mut bytes = b"\0\x01\0\0\0\x01\0\0\0\0\0\0".to_vec();
        bytes.extend(b"\xc0\x0c\0\x01\0\x01");
        assert!(Message::read(&bytes).unwrap().damaged);
    }

    #[test]
    fn texts_are_escaped_and_unknown_types_are_in_hexadecimal() {
        let mut bytes = b"\0\x01\x80\0\0\0\0\x02\0\0\0\0".to_vec();
        bytes.extend(b"\x01a\0\0\x10\0\x01\0\0\0\x05\0\x05\x04\"\\\n.");
        bytes.extend(b"\0\xff\0\0\x01\0\0\0\x05\0\x02\xab\xcd");
        let message = Message::read(&bytes).unwrap();
        assert_eq!(message.answer(), "\"\\\"\\\\\\010.\", \\# 2 abcd");
        assert_eq!(kind_name(message.answers[1].kind), "TYPE65280");
    }

    #[test]
    fn services_are_read() {
        let mut bytes = b"\0\x01\x80\0\0\0\0\x01\0\0\0\0\0\0\x41\0\x01\0\0\0\x05\0\x16".to_vec();
        bytes.extend(b"\0\x01\0\0\x01\0\x03\x02h2\0\x04\0\x04\x01\x02\x03\x04\0\x02\0\0");
        let message = Message::read(&bytes);
        assert_eq!(
            message.unwrap().answer(),
            "1 . alpn=h2 ipv4hint=1.2.3.4 no-default-alpn"
        );
    }
}
