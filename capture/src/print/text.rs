//! Protocols that are text: the first line, or with `-v` all of them.

use super::{Job, Printed, after, first};

const HTTP: &[&str] = &[
    "GET",
    "PUT",
    "COPY",
    "HEAD",
    "LOCK",
    "MOVE",
    "POLL",
    "POST",
    "BCOPY",
    "BMOVE",
    "MKCOL",
    "TRACE",
    "LABEL",
    "MERGE",
    "DELETE",
    "SEARCH",
    "UNLOCK",
    "REPORT",
    "UPDATE",
    "NOTIFY",
    "BDELETE",
    "CONNECT",
    "OPTIONS",
    "CHECKIN",
    "PROPFIND",
    "CHECKOUT",
    "CCM_POST",
    "SUBSCRIBE",
    "PROPPATCH",
    "BPROPFIND",
    "BPROPPATCH",
    "UNCHECKOUT",
    "MKACTIVITY",
    "MKWORKSPACE",
    "UNSUBSCRIBE",
    "RPC_CONNECT",
    "VERSION-CONTROL",
    "BASELINE-CONTROL",
];

const RTSP: &[&str] = &[
    "ANNOUNCE",
    "DESCRIBE",
    "GET_PARAMETER",
    "OPTIONS",
    "PAUSE",
    "PLAY",
    "RECORD",
    "REDIRECT",
    "SET_PARAMETER",
    "SETUP",
    "TEARDOWN",
];

/// The longest first word that is looked at.
const LONGEST_WORD: usize = 126;

impl Job<'_> {
    pub(super) fn http(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "http";
        self.lines("HTTP", data, length, Some(HTTP));
        Ok(())
    }

    pub(super) fn rtsp(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "rtsp";
        self.lines("RTSP", data, length, Some(RTSP));
        Ok(())
    }

    pub(super) fn smtp(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "smtp";
        self.lines("SMTP", data, length, None);
        Ok(())
    }

    pub(super) fn ftp(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "ftp";
        self.lines("FTP", data, length, None);
        Ok(())
    }

    /// The identification string (RFC 4253 section 4.2), which is all that can be read.
    pub(super) fn ssh(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "ssh";
        let line = first(data, length);
        let end = line.iter().position(|b| matches!(b, b'\r' | b'\n'));
        let readable = |line: &&[u8]| line.iter().all(|b| (0x20..0x7f).contains(b));
        match end.map(|end| first(line, end)).filter(readable) {
            Some(line) if line.starts_with(b"SSH-") => {
                self.say(": SSH: ");
                self.out.extend_from_slice(line);
            }
            _ => {}
        }
        Ok(())
    }

    /// `commands` are the first words of requests; a status code in the second word makes a response. Without them
    /// everything that is text counts.
    fn lines(&mut self, name: &str, data: &[u8], length: usize, commands: Option<&[&str]>) {
        self.say(name);
        let talks = match commands {
            None => true,
            Some(commands) => is_message(data, length, commands),
        };
        if talks && self.verbose() {
            self.put(format_args!(", length: {length}"));
            let mut at = 0;
            while at < length {
                match self.line("\n\t", data, at, length) {
                    Some(next) => at = next,
                    None => break,
                }
            }
        } else if talks {
            self.line(": ", data, 0, length);
        }
    }

    /// One line of text after `prefix`; where the next begins, if this one is text and has an end.
    fn line(&mut self, prefix: &str, data: &[u8], from: usize, length: usize) -> Option<usize> {
        let rest = first(after(data, from), length - from);
        for (place, byte) in rest.iter().enumerate() {
            let end = match byte {
                b'\n' => place + 1,
                b'\r' => match rest.get(place + 1) {
                    Some(b'\n') => place + 2,
                    // cut before the line feed
                    None if from + place + 1 < length => break,
                    _ => return None,
                },
                b'\t' | b' '..=b'~' => continue,
                _ => return None,
            };
            self.say(prefix);
            self.out.extend_from_slice(first(rest, place));
            return Some(from + end);
        }
        // a line that goes on in the next segment; one that the capture cut is not shown
        if from + rest.len() == length {
            self.say(prefix);
            self.out.extend_from_slice(rest);
        }
        self.cut();
        None
    }
}

/// Whether the first words are those of a request or a response.
fn is_message(data: &[u8], length: usize, commands: &[&str]) -> bool {
    let Some((word, next)) = word(data, 0, length) else {
        return false;
    };
    let is = |command: &&str| command.as_bytes().eq_ignore_ascii_case(word);
    if commands.iter().any(is) {
        return true;
    }
    let code = self::word(data, next, length);
    code.is_some_and(|(code, _)| code.len() == 3 && code.iter().all(u8::is_ascii_digit))
}

/// A word and where the next one may begin.
fn word(data: &[u8], from: usize, length: usize) -> Option<(&[u8], usize)> {
    let rest = first(after(data, from), length.saturating_sub(from));
    let end = rest.iter().position(|b| b.is_ascii_whitespace());
    // cut in the middle of a word that goes on
    let end = match end {
        Some(end) => end,
        None if from + rest.len() < length => return None,
        None => rest.len(),
    };
    let word = first(rest, end);
    let readable = word.iter().all(|b| (0x21..0x7f).contains(b));
    if word.is_empty() || word.len() > LONGEST_WORD || !readable {
        return None;
    }
    let space = after(rest, end)
        .iter()
        .take_while(|b| b.is_ascii_whitespace() && !matches!(b, b'\r' | b'\n'))
        .count();
    Some((word, from + end + space))
}

/// A character as the names of the DNS and reasons of resets are printed: control characters as `^X`, what is not ASCII
/// with `M-` before it.
pub(super) fn put_safely(out: &mut Vec<u8>, byte: u8) {
    let mut byte = byte;
    if byte >= 0x80 {
        out.extend_from_slice(b"M-");
        byte &= 0x7f;
    }
    if !(0x20..0x7f).contains(&byte) {
        out.push(b'^');
        byte ^= 0x40;
    }
    out.push(byte);
}
