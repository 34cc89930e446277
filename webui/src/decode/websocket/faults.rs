//! How what one side of a WebSocket sent breaks the protocol (RFC 6455, RFC 7692), in words. The bytes were relayed as they came.

use super::Frame;
use overhear_store::Side;

/// Finds what is wrong in the order of one side's frames.
pub(super) struct Faults {
    side: Side,
    /// permessage-deflate was agreed.
    compresses: bool,
    inside: bool,
    closed: bool,
    found: Vec<String>,
}

impl Faults {
    pub(super) fn new(side: Side, compresses: bool) -> Self {
        Self {
            side,
            compresses,
            inside: false,
            closed: false,
            found: Vec::new(),
        }
    }

    pub(super) fn frame(&mut self, frame: &Frame) {
        let (opcode, size) = (frame.opcode, frame.end - frame.begin);
        let control = opcode >= 8;
        let faults = [
            (
                self.side == Side::Request && frame.mask.is_none(),
                "a client masks every frame (RFC 6455 section 5.1)",
            ),
            (
                self.side == Side::Response && frame.mask.is_some(),
                "a server masks no frame (RFC 6455 section 5.1)",
            ),
            (
                frame.reserved,
                "it sets reserved bits (RFC 6455 section 5.2)",
            ),
            (
                frame.compressed && !self.compresses,
                "it says that it is compressed, which was not agreed (RFC 6455 section 5.2)",
            ),
            (
                frame.compressed && self.compresses && (control || opcode == 0),
                "only the first frame of a message says that it is compressed (RFC 7692 section 6)",
            ),
            (
                frame.wide == 2 && size < 126 || frame.wide == 8 && size < 65_536,
                "its length takes more bytes than it needs (RFC 6455 section 5.2)",
            ),
            (
                control && !frame.last,
                "a control frame is not fragmented (RFC 6455 section 5.5)",
            ),
            (
                control && size > 125,
                "a control frame has at most 125 bytes (RFC 6455 section 5.5)",
            ),
            (
                opcode == 0 && !self.inside,
                "it goes on with a message that did not begin (RFC 6455 section 5.4)",
            ),
            (
                !control && opcode != 0 && self.inside,
                "it begins before the message before it has ended (RFC 6455 section 5.4)",
            ),
            (
                !control && self.closed,
                "it comes after a close frame (RFC 6455 section 5.5.1)",
            ),
        ];
        for (_, fault) in faults.into_iter().filter(|(is, _)| *is) {
            self.say(fault);
        }
        if !matches!(opcode, 0..=2 | 8..=10) {
            self.say(&format!(
                "opcode {opcode} is reserved (RFC 6455 section 5.2)"
            ));
        }
        self.closed |= opcode == 8;
        if !control {
            self.inside = !frame.last;
        }
    }

    /// Of a message that is whole, inflated.
    pub(super) fn message(&mut self, opcode: u8, data: &[u8]) {
        if opcode == 1 && std::str::from_utf8(data).is_err() {
            self.say("a text is UTF-8, and these bytes are not (RFC 6455 section 8.1)");
        }
        if opcode != 8 {
            return;
        }
        match data {
            [] => {}
            [_] => {
                self.say(
                    "a close frame has a code of two bytes, or nothing (RFC 6455 section 5.5.1)",
                );
            }
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                if !is_sent(code) {
                    self.say(&format!(
                        "the code {code} is not to be sent (RFC 6455 section 7.4)"
                    ));
                }
                if std::str::from_utf8(reason).is_err() {
                    self.say("the reason of a close frame is UTF-8 (RFC 6455 section 5.5.1)");
                }
            }
        }
    }

    /// What was found since, in one line; empty where nothing is wrong.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.found).join("; ")
    }

    /// Once, however often a message's frames do it.
    fn say(&mut self, fault: &str) {
        if !self.found.iter().any(|found| found == fault) {
            self.found.push(fault.to_owned());
        }
    }
}

/// Codes that an endpoint may send: the RFC's, those that IANA has registered since (1012 to 1014), and those of applications.
fn is_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::super::Messages;
    use overhear_store::Side;

    /// What is wrong with the messages that one side sent, without the RFC.
    fn wrong(side: Side, bytes: &[u8]) -> Vec<String> {
        let found = Messages::new("").take(side, bytes).unwrap();
        let short = |text: &str| text.split(" (RFC").next().unwrap_or_default().to_owned();
        found.iter().map(|one| short(&one.wrong)).collect()
    }

    #[test]
    fn what_breaks_the_protocol_is_said_and_read_on() {
        let client = |bytes: &[u8]| wrong(Side::Request, bytes);
        let server = |bytes: &[u8]| wrong(Side::Response, bytes);
        assert_eq!(server(b"\x81\x02ok\x88\x02\x03\xe8"), ["", ""]);
        assert_eq!(
            client(b"\x81\x02no\x81\x82\0\0\0\0ok"),
            ["a client masks every frame", ""]
        );
        assert_eq!(server(b"\x81\x82\0\0\0\0no"), ["a server masks no frame"]);
        assert_eq!(
            server(b"\xb1\0\xc1\0"),
            [
                "it sets reserved bits",
                "it says that it is compressed, which was not agreed"
            ]
        );
        assert_eq!(
            server(b"\x83\0\x8b\0"),
            ["opcode 3 is reserved", "opcode 11 is reserved"]
        );
        let long = [&b"\x09\x01a\x89\x7e\0\x7e"[..], &[b'a'; 126]].concat();
        assert_eq!(
            server(&long),
            [
                "a control frame is not fragmented",
                "a control frame has at most 125 bytes"
            ]
        );
        assert_eq!(
            server(b"\x81\x7e\0\x01a\x81\x7f\0\0\0\0\0\0\0\x01a"),
            ["its length takes more bytes than it needs"; 2]
        );
        assert_eq!(
            server(b"\x80\x01a\x01\x01b\x81\x01c\x81\x01d"),
            [
                "it goes on with a message that did not begin",
                "it begins before the message before it has ended",
                ""
            ]
        );
        assert_eq!(
            server(b"\x81\x01\xff\x88\x01\x03\x88\x02\x03\xee\x88\x03\x03\xe8\xff\x81\0"),
            [
                "a text is UTF-8, and these bytes are not",
                "a close frame has a code of two bytes, or nothing",
                "the code 1006 is not to be sent",
                "the reason of a close frame is UTF-8",
                "it comes after a close frame"
            ]
        );
    }
}
