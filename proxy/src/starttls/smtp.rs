//! SMTP and LMTP: `STARTTLS` (RFC 3207). Commands may be sent together (RFC 2920), so answers are counted.

use super::lines::{Dialogue, Said, word};
use std::collections::VecDeque;

/// So many commands may wait for their answers.
const MOST_WAITING: usize = 100;

#[derive(Default)]
pub(super) struct Smtp {
    name: Option<&'static str>,
    greeted: bool,
    /// The commands that are not answered; true: STARTTLS.
    waiting: VecDeque<bool>,
    /// The client's next line belongs to a dialogue of AUTH (RFC 4954 section 4), and is no command.
    continues: bool,
}

impl Dialogue for Smtp {
    const GREETING: &'static [u8] = b"220";

    fn client(&mut self, line: &[u8]) -> Said {
        if self.waiting.len() >= MOST_WAITING {
            return Said::Out;
        }
        if self.continues {
            self.continues = false;
            self.waiting.push_back(false);
            return Said::On;
        }
        let (verb, rest) = word(line);
        let is = |name: &str| verb.eq_ignore_ascii_case(name.as_bytes());
        if is("DATA") || is("BDAT") {
            // a mail goes in the clear; lines in it are no commands
            return Said::Out;
        }
        if is("EHLO") || is("HELO") {
            self.name.get_or_insert("SMTP");
        } else if is("LHLO") {
            self.name.get_or_insert("LMTP");
        }
        let asks = is("STARTTLS") && rest.trim_ascii().is_empty();
        self.waiting.push_back(asks);
        if !asks {
            return Said::On;
        }
        self.name.get_or_insert("SMTP");
        Said::Asked
    }

    fn server(&mut self, line: &[u8]) -> Said {
        let Some((code, rest)) = line.split_first_chunk::<3>() else {
            return Said::Out;
        };
        if !code.iter().all(u8::is_ascii_digit) {
            return Said::Out;
        }
        match rest.first() {
            // the answer goes on: RFC 5321 section 4.2.1
            Some(b'-') if self.greeted || code == b"220" => return Said::On,
            None | Some(b' ') => {}
            Some(_) => return Said::Out,
        }
        if !self.greeted {
            self.greeted = code == b"220";
            return match self.greeted {
                true => Said::On,
                false => Said::Out,
            };
        }
        match (self.waiting.pop_front(), code) {
            (Some(true), b"220") => Said::Agreed,
            (Some(true), _) => Said::Refused,
            (Some(false), _) => {
                self.continues = code == b"334";
                Said::On
            }
            // it was not asked: it says goodbye
            (None, _) => Said::Out,
        }
    }

    fn name(&self) -> Option<&'static str> {
        self.name
    }
}
