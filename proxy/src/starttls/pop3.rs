//! POP3: `STLS` (RFC 2595 section 4). Commands may be sent together (RFC 2449 section 6.6), so answers are counted.

use super::lines::{Dialogue, Said, word};
use std::collections::VecDeque;

/// So many commands may wait for their answers.
const MOST_WAITING: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Command {
    Stls,
    /// Its answer is a list, up to a line of a dot.
    Capa,
    Other,
}

#[derive(Default)]
pub(super) struct Pop3 {
    greeted: bool,
    waiting: VecDeque<Command>,
    /// The answer's list has not ended.
    lists: bool,
}

impl Dialogue for Pop3 {
    const GREETING: &'static [u8] = b"+OK";

    fn client(&mut self, line: &[u8]) -> Said {
        let (verb, rest) = word(line);
        let is = |name: &str| verb.eq_ignore_ascii_case(name.as_bytes());
        // AUTH leads a dialogue of its own; what comes with a mailbox comes after the login
        let other = ["AUTH", "LIST", "RETR", "TOP", "UIDL"];
        if self.waiting.len() >= MOST_WAITING || other.into_iter().any(is) {
            return Said::Out;
        }
        let command = match (is("STLS") && rest.trim_ascii().is_empty(), is("CAPA")) {
            (true, _) => Command::Stls,
            (_, true) => Command::Capa,
            _ => Command::Other,
        };
        self.waiting.push_back(command);
        match command {
            Command::Stls => Said::Asked,
            _ => Said::On,
        }
    }

    fn server(&mut self, line: &[u8]) -> Said {
        if self.lists {
            self.lists = line != b".";
            return Said::On;
        }
        let fine = line.starts_with(b"+OK");
        if !fine && !line.starts_with(b"-ERR") {
            return Said::Out;
        }
        if !self.greeted {
            self.greeted = fine;
            return match fine {
                true => Said::On,
                false => Said::Out,
            };
        }
        match (self.waiting.pop_front(), fine) {
            (Some(Command::Stls), true) => Said::Agreed,
            (Some(Command::Stls), false) => Said::Refused,
            (Some(Command::Capa), true) => {
                self.lists = true;
                Said::On
            }
            (Some(_), _) => Said::On,
            (None, _) => Said::Out,
        }
    }

    fn name(&self) -> Option<&'static str> {
        self.greeted.then_some("POP3")
    }
}
