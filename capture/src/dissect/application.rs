//! What TCP and UDP carry, where a person can read it: DNS, TLS records, text.

use super::{
    Layer, Layers,
    fields::{Bytes, Fields, visible},
};
use crate::{dns, tls};

/// Ports of DNS and of its multicast and link-local forms (RFC 1035, 6762, 4795).
const DNS: [u16; 3] = [53, 5353, 5355];

/// So many lines of text become fields.
const MOST_LINES: usize = 100;

impl Layers {
    pub(super) fn over_tcp(&mut self, ports: [u16; 2], bytes: Bytes<'_>) {
        if bytes.data.is_empty() || self.is_full() {
            return;
        }
        if tls::begins_like(bytes.data) {
            return self.tls(bytes);
        }
        // one message behind its length (RFC 1035, 4.2.2), if it begins and ends with the segment
        let framed = bytes.be16(0).map(usize::from) == bytes.data.len().checked_sub(2);
        if ports.contains(&53) && framed {
            return self.dns(bytes.from(2));
        }
        self.text(bytes);
    }

    pub(super) fn over_udp(&mut self, ports: [u16; 2], bytes: Bytes<'_>) {
        if bytes.data.is_empty() || self.is_full() {
            return;
        }
        if ports.iter().any(|port| DNS.contains(port)) {
            return self.dns(bytes);
        }
        self.data("Data", bytes);
    }

    /// RFC 1035, 4.1.
    fn dns(&mut self, bytes: Bytes<'_>) {
        let Some(message) = dns::Message::read(bytes.data) else {
            return self.data("Data", bytes);
        };
        let mut fields = Fields::new(bytes);
        let mut read = || {
            fields.hex("Identifier", 2)?;
            let flags = fields.hex("Flags", 2)?;
            let kind = if message.response {
                "answer"
            } else {
                "question"
            };
            fields.part("Kind", kind.to_owned());
            fields.part("Operation", (flags >> 11 & 0xf).to_string());
            fields.flag("Authoritative", message.authoritative);
            fields.flag("Truncated", message.truncated);
            fields.flag("Recursion desired", flags & 0x100 != 0);
            fields.flag("Recursion available", flags & 0x80 != 0);
            fields.part("Response code", dns::code_name(message.code));
            fields.plain("Questions", 2)?;
            fields.plain("Answers", 2)?;
            fields.plain("Authorities", 2)?;
            fields.plain("Additional records", 2)?;
            Some(())
        };
        let read = read();
        let records = fields.rest();
        for question in &message.questions {
            let text = format!("{} {}", question.name, dns::kind_name(question.kind));
            fields.push("Question", text, records.range());
        }
        let sections = [
            ("Answer", &message.answers),
            ("Authority", &message.authorities),
            ("Additional", &message.additional),
        ];
        for (name, section) in sections {
            for record in section {
                let text = format!(
                    "{} {} {} s: {}",
                    record.name,
                    dns::kind_name(record.kind),
                    record.ttl,
                    record.data
                );
                fields.push(name, text, records.range());
            }
        }
        let question = message.questions.first();
        let asked =
            question.map(|question| format!("{} {}", dns::kind_name(question.kind), question.name));
        let asked = asked.unwrap_or_default();
        let summary = if message.response {
            format!("{asked}: {}", message.answer())
        } else {
            format!("{asked}?")
        };
        let whole = read.filter(|()| !message.damaged);
        let fields = fields.fields;
        self.push(Layer {
            name: "DNS",
            summary,
            range: bytes.range(),
            fields,
            problem: whole
                .is_none()
                .then_some("It ends before it should, or contradicts itself."),
        });
    }

    /// A head of HTTP, or any protocol of lines: as far as lines of text go.
    fn text(&mut self, bytes: Bytes<'_>) {
        // what follows a head may be anything
        let line = bytes.data.iter().position(|byte| *byte == b'\n');
        let first = line.and_then(|end| bytes.data.get(..end));
        let readable = first.is_some_and(|line| {
            let mut beginning = line.iter().take(64);
            beginning.all(|byte| matches!(byte, b'\r' | b'\t' | b' '..=b'~'))
        });
        if !readable {
            return self.data("Data", bytes);
        }
        let mut fields = Fields::new(bytes);
        let mut first = None;
        let mut is_head = false;
        while let Some(end) = fields.rest().data.iter().position(|byte| *byte == b'\n') {
            let Some(line) = fields.take(end + 1) else {
                break;
            };
            let text = line.data.strip_suffix(b"\n").unwrap_or(line.data);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            if first.is_none() {
                first = Some(visible(text));
                is_head = text.starts_with(b"HTTP/1.") || is_request(text);
            }
            match text.iter().position(|byte| *byte == b':') {
                Some(colon) if is_head && !fields.fields.is_empty() && colon > 0 => {
                    let (name, value) = text.split_at(colon);
                    let value = value.get(1..).unwrap_or_default().trim_ascii();
                    fields.push(&visible(name), visible(value), line.range());
                }
                _ if !text.is_empty() => {
                    let name = match (is_head, fields.fields.is_empty()) {
                        (true, true) => "Start line",
                        _ => "Line",
                    };
                    fields.push(name, visible(text), line.range());
                }
                _ => {}
            }
            if (is_head && text.is_empty()) || fields.fields.len() >= MOST_LINES {
                break;
            }
        }
        let name = if is_head { "HTTP" } else { "Text" };
        let (layer, rest) = fields.layer(name, first.unwrap_or_default(), Some(()));
        self.push(layer);
        if !rest.data.is_empty() {
            let name = if is_head { "Content" } else { "Data" };
            self.data(name, rest);
        }
    }
}

/// A request line of RFC 9112.
fn is_request(line: &[u8]) -> bool {
    let mut words = line.split(|byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    !method.is_empty()
        && method.iter().all(u8::is_ascii_uppercase)
        && words
            .next_back()
            .is_some_and(|last| last.starts_with(b"HTTP/1."))
}

/// How many there are, for a summary.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::bytes_text;

    #[test]
    fn what_is_a_request() {
        assert!(is_request(b"GET / HTTP/1.1"));
        assert!(!is_request(b"M-SEARCH * HTTP/1.1"));
        assert!(!is_request(b"hello there"));
        assert!(!is_request(b""));
        assert_eq!(counted(1, "record", "records"), "1 record");
        assert_eq!(bytes_text(1), "1 byte");
    }
}
