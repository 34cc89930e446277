//! IMAP: a tagged `STARTTLS` (RFC 9051 section 6.2.1, RFC 3501 section 6.2.1).

use super::lines::{Dialogue, Said, word};

#[derive(Default)]
pub(super) struct Imap {
    greeted: bool,
    /// The tag of the STARTTLS that is not answered.
    tag: Option<Vec<u8>>,
}

impl Dialogue for Imap {
    const GREETING: &'static [u8] = b"* ";

    fn client(&mut self, line: &[u8]) -> Said {
        // a literal follows, which has no lines (RFC 9051 section 4.3)
        if line.ends_with(b"}") {
            return Said::Out;
        }
        let (tag, command) = word(line);
        let is_tag = !tag.is_empty() && !tag.iter().any(|byte| b"+*".contains(byte));
        if is_tag && command.trim_ascii_end().eq_ignore_ascii_case(b"STARTTLS") {
            self.tag = Some(tag.to_vec());
            return Said::Asked;
        }
        Said::On
    }

    fn server(&mut self, line: &[u8]) -> Said {
        let (tag, answer) = word(line);
        let (status, _) = word(answer);
        let is = |name: &str| status.eq_ignore_ascii_case(name.as_bytes());
        if !self.greeted {
            self.greeted = tag == b"*" && is("OK");
            // a client that is logged in already cannot turn to TLS, and BYE is the end
            return match self.greeted {
                true => Said::On,
                false => Said::Out,
            };
        }
        if self.tag.as_deref() != Some(tag) {
            return Said::On;
        }
        self.tag = None;
        match is("OK") {
            true => Said::Agreed,
            false => Said::Refused,
        }
    }

    fn name(&self) -> Option<&'static str> {
        self.greeted.then_some("IMAP")
    }
}
