//! RESP, what Redis speaks (the protocol's specification, version 2, and inline commands).

use super::{Job, Printed, after, first, text::put_safely};

/// Arrays inside arrays that are followed.
const DEEPEST: usize = 64;

/// It ends before it is whole.
struct Ends;

/// What stands where a string or an array says its length.
enum Length {
    Is(usize),
    Null,
    Wrong(&'static str),
}

impl Job<'_> {
    pub(super) fn resp(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "resp";
        self.say(": RESP");
        let mut rest = first(data, length);
        let mut left = length;
        while left > 0 {
            match self.value(rest, 0) {
                Ok(after) => {
                    left = left.saturating_sub(rest.len() - after.len());
                    rest = after;
                }
                Err(Ends) => {
                    self.cut();
                    break;
                }
            }
        }
        Ok(())
    }

    /// One value; what is behind it.
    fn value<'d>(&mut self, data: &'d [u8], depth: usize) -> Result<&'d [u8], Ends> {
        let (kind, rest) = data.split_first().ok_or(Ends)?;
        match kind {
            b'+' | b'-' | b':' => {
                let end = line_end(rest).ok_or(Ends)?;
                self.quoted(first(rest, end));
                Ok(after(rest, end + 2))
            }
            b'$' => {
                let (length, rest) = length(rest)?;
                let behind = match length {
                    Length::Is(0) => {
                        self.say(" empty");
                        rest
                    }
                    Length::Is(length) => {
                        self.quoted(rest.get(..length).ok_or(Ends)?);
                        after(rest, length)
                    }
                    other => {
                        self.other(&other);
                        return Ok(rest);
                    }
                };
                Ok(after(behind, line_end(behind).ok_or(Ends)? + 2))
            }
            b'*' => {
                let (length, mut rest) = length(rest)?;
                match length {
                    Length::Is(0) => self.say(" empty"),
                    Length::Is(_) if depth >= DEEPEST => return Err(Ends),
                    Length::Is(members) => {
                        for _ in 0..members {
                            rest = self.value(rest, depth + 1)?;
                        }
                    }
                    other => self.other(&other),
                }
                Ok(rest)
            }
            _ => self.inline(data),
        }
    }

    /// A command as people type it.
    fn inline<'d>(&mut self, data: &'d [u8]) -> Result<&'d [u8], Ends> {
        // tcpdump looks for line ends before it, too, and gives up where there are none
        let breaks = |data: &[u8]| {
            data.iter()
                .take_while(|b| matches!(b, b'\r' | b'\n'))
                .count()
        };
        let line = after(data, breaks(data));
        let end = line
            .iter()
            .position(|b| matches!(b, b'\r' | b'\n'))
            .ok_or(Ends)?;
        self.quoted(first(line, end));
        Ok(after(line, end + breaks(after(line, end))))
    }

    fn other(&mut self, length: &Length) {
        match length {
            Length::Wrong(why) => self.say(why),
            _ => self.say(" null"),
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        self.say(" \"");
        for byte in text {
            put_safely(&mut self.out, *byte);
        }
        self.say("\"");
    }
}

/// Where CR LF stands.
fn line_end(data: &[u8]) -> Option<usize> {
    data.windows(2).position(|pair| pair == b"\r\n")
}

/// A length, and what is behind its line; behind the byte that is wrong, if one is.
fn length(data: &[u8]) -> Result<(Length, &[u8]), Ends> {
    let negative = data.first() == Some(&b'-');
    let digits = after(data, usize::from(negative));
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = after(digits, count);
    for (at, wanted) in [b'\r', b'\n'].into_iter().enumerate() {
        let found = rest.get(at).ok_or(Ends)?;
        if count == 0 || *found != wanted {
            return Ok((Length::Wrong(" invalid"), after(rest, at + 1)));
        }
    }
    let value = std::str::from_utf8(first(digits, count))
        .ok()
        .and_then(|digits| digits.parse::<i32>().ok())
        .and_then(|value| usize::try_from(value).ok());
    let length = match (negative, value) {
        (false, Some(value)) => Length::Is(value),
        (false, None) => Length::Wrong(" length too large"),
        (true, Some(1)) => Length::Null,
        (true, _) => Length::Wrong(" length negative and not -1"),
    };
    Ok((length, after(rest, 2)))
}
