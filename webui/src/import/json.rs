//! Reading JSON (RFC 8259) value by value, from a file of any size: nothing is held but what the caller asks for.
//!
//! The caller says what it expects and is told the place of what is wrong. Long texts go into a writer. A
//! surrogate without its other half, which browsers write, becomes U+FFFD.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write},
    str,
};

/// How deep arrays and objects may be within each other.
const DEEPEST: u32 = 128;

/// The longest name of a member and the longest number.
const MOST_NAME: usize = 64 << 10;

/// Why a file cannot be read (any further).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not JSON, or too large where that is not foreseen.
    #[error("line {line}, column {column}: {reason}")]
    Wrong {
        /// From 1.
        line: u64,
        /// In characters, from 1.
        column: u64,
        /// What was found, and what was expected.
        reason: String,
    },
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Read(#[source] io::Error),
    /// What is put aside while reading cannot be kept.
    #[error("what was read cannot be put aside: {0}")]
    Write(#[source] io::Error),
}

/// What sort of value comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    Text,
    Number,
    Bool,
    Null,
}

/// Reads one document.
pub(super) struct Reader<R> {
    input: BufReader<R>,
    line: u64,
    column: u64,
    depth: u32,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input: BufReader::with_capacity(64 << 10, input),
            line: 1,
            column: 1,
            depth: 0,
        }
    }

    /// An error at this place.
    pub(super) fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::Wrong {
            line: self.line,
            column: self.column,
            reason: reason.into(),
        }
    }

    /// Skips the byte order mark that some programs write before a document.
    pub(super) fn mark(&mut self) -> Result<(), Error> {
        if self.peek()? == Some(0xef) {
            for byte in [0xef, 0xbb, 0xbf] {
                self.expect(byte, "a JSON text")?;
            }
            self.column = 1;
        }
        Ok(())
    }

    /// Reads true or false.
    pub(super) fn boolean(&mut self) -> Result<bool, Error> {
        let yes = self.next_byte()? == Some(b't');
        self.skip()?;
        Ok(yes)
    }

    /// What comes next.
    pub(super) fn kind(&mut self) -> Result<Kind, Error> {
        match self.next_byte()? {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::Text),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            other => Err(self.unexpected(other, "a value")),
        }
    }

    /// Reads an object: `member` is given each name and must read its value.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.enter(b'{')?;
        if self.next_byte()? == Some(b'}') {
            return self.leave();
        }
        loop {
            if self.next_byte()? != Some(b'"') {
                let found = self.peek()?;
                return Err(self.unexpected(found, "the name of a member"));
            }
            let name = self.text(MOST_NAME)?;
            self.next_byte()?;
            self.expect(b':', "a colon")?;
            member(self, &name)?;
            match self.next_byte()? {
                Some(b',') => self.bump(b','),
                Some(b'}') => return self.leave(),
                other => return Err(self.unexpected(other, "a comma or the end of the object")),
            }
        }
    }

    /// Reads an array: `item` must read each of its values.
    pub(super) fn array(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.enter(b'[')?;
        if self.next_byte()? == Some(b']') {
            return self.leave();
        }
        loop {
            item(self)?;
            match self.next_byte()? {
                Some(b',') => self.bump(b','),
                Some(b']') => return self.leave(),
                other => return Err(self.unexpected(other, "a comma or the end of the array")),
            }
        }
    }

    /// Reads a text of at most `most` bytes.
    pub(super) fn text(&mut self, most: usize) -> Result<String, Error> {
        let mut bytes = Vec::new();
        self.text_into(&mut bytes, most as u64)?;
        // it was checked piece by piece
        String::from_utf8(bytes).map_err(|_| self.wrong("the text is not UTF-8"))
    }

    /// Reads a text of at most `most` bytes into a writer; gives its length.
    pub(super) fn text_into(&mut self, out: &mut impl Write, most: u64) -> Result<u64, Error> {
        self.next_byte()?;
        self.expect(b'"', "a text")?;
        let mut length = 0;
        // the beginning of a character that the buffer's end cut
        let mut cut: Vec<u8> = Vec::new();
        loop {
            let buffer = self.input.fill_buf().map_err(Error::Read)?;
            if buffer.is_empty() {
                return Err(self.wrong("the file ends within a text"));
            }
            let plain = |byte: &u8| !matches!(*byte, b'"' | b'\\' | 0..0x20);
            let run = buffer.iter().position(|byte| !plain(byte));
            let run = buffer
                .get(..run.unwrap_or(buffer.len()))
                .unwrap_or_default();
            let (taken, stop) = (run.len(), buffer.get(run.len()).copied());
            cut.extend_from_slice(run);
            let characters = run.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
            self.input.consume(taken);
            self.column += characters as u64;
            let whole = match str::from_utf8(&cut) {
                Ok(_) => cut.len(),
                Err(error) if error.error_len().is_none() && stop.is_none() => error.valid_up_to(),
                Err(_) => return Err(self.wrong("the text is not UTF-8")),
            };
            length += whole as u64;
            if length > most {
                return Err(self.wrong(format!("a text is longer than {most} bytes")));
            }
            out.write_all(cut.get(..whole).unwrap_or_default())
                .map_err(Error::Write)?;
            cut.drain(..whole);
            match stop {
                None => {}
                Some(b'"') => {
                    self.bump(b'"');
                    return Ok(length);
                }
                Some(b'\\') => {
                    let mut buffer = [0; 8];
                    for character in self.escape()?.into_iter().flatten() {
                        let bytes = character.encode_utf8(&mut buffer).as_bytes();
                        length += bytes.len() as u64;
                        out.write_all(bytes).map_err(Error::Write)?;
                    }
                }
                Some(byte) => {
                    let reason = format!("the control character U+{byte:04X} stands within a text");
                    return Err(self.wrong(reason));
                }
            }
        }
    }

    /// Reads a number.
    pub(super) fn number(&mut self) -> Result<f64, Error> {
        self.next_byte()?;
        let mut text = String::new();
        while let Some(byte @ (b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) = self.peek()? {
            self.bump(byte);
            text.push(char::from(byte));
            if text.len() > MOST_NAME {
                return Err(self.wrong("a number has too many digits"));
            }
        }
        if !is_number(text.as_bytes()) {
            return Err(self.wrong(format!("{text:.40} is not a number")));
        }
        text.parse()
            .map_err(|_| self.wrong(format!("{text:.40} is not a number")))
    }

    /// Reads any value and forgets it.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        match self.kind()? {
            Kind::Object => self.object(|reader, _| reader.skip()),
            Kind::Array => self.array(Self::skip),
            Kind::Text => self.text_into(&mut io::sink(), u64::MAX).map(drop),
            Kind::Number => self.number().map(drop),
            Kind::Bool | Kind::Null => self.word(),
        }
    }

    /// Nothing may follow the document.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        match self.next_byte()? {
            None => Ok(()),
            other => Err(self.unexpected(other, "the end of the file")),
        }
    }

    fn word(&mut self) -> Result<(), Error> {
        let word: &[u8] = match self.next_byte()? {
            Some(b't') => b"true",
            Some(b'f') => b"false",
            _ => b"null",
        };
        word.iter()
            .try_for_each(|byte| self.expect(*byte, "true, false or null"))
    }

    /// What follows a backslash: one character, or two when half a surrogate pair stands before another escape.
    fn escape(&mut self) -> Result<[Option<char>; 2], Error> {
        self.bump(b'\\');
        let character = match self.peek()? {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.bump(b'u');
                return self.unit();
            }
            other => return Err(self.unexpected(other, "an escape sequence")),
        };
        // all of them are one byte in the file
        self.bump(b'\\');
        Ok([Some(character), None])
    }

    /// A UTF-16 unit in four digits, with the other half of its pair.
    fn unit(&mut self) -> Result<[Option<char>; 2], Error> {
        const LONE: char = char::REPLACEMENT_CHARACTER;
        let mut unit = self.digits()?;
        let mut lone = None;
        while (0xd800..0xdc00).contains(&unit) {
            if self.peek()? != Some(b'\\') {
                return Ok([Some(LONE), lone]);
            }
            self.bump(b'\\');
            if self.peek()? != Some(b'u') {
                // another escape follows a half: both are there, in this order
                let [next, _] = self.escape_after()?;
                return Ok([Some(LONE), next]);
            }
            self.bump(b'u');
            let low = self.digits()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                let character = char::from_u32(code).unwrap_or(LONE);
                return Ok(match lone {
                    Some(lone) => [Some(lone), Some(character)],
                    None => [Some(character), None],
                });
            }
            // one half without its other; a row of them becomes one
            lone = Some(LONE);
            unit = low;
        }
        let character = char::from_u32(unit).unwrap_or(LONE);
        Ok(match lone {
            Some(lone) => [Some(lone), Some(character)],
            None => [Some(character), None],
        })
    }

    /// An escape sequence whose backslash is read.
    fn escape_after(&mut self) -> Result<[Option<char>; 2], Error> {
        let character = match self.peek()? {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            other => return Err(self.unexpected(other, "an escape sequence")),
        };
        self.bump(b'\\');
        Ok([Some(character), None])
    }

    fn digits(&mut self) -> Result<u32, Error> {
        let mut unit = 0;
        for _ in 0..4 {
            let found = self.peek()?;
            let digit = found.and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.unexpected(found, "a hexadecimal digit"));
            };
            unit = unit << 4 | digit;
            self.bump(b'0');
        }
        Ok(unit)
    }

    fn enter(&mut self, bracket: u8) -> Result<(), Error> {
        self.next_byte()?;
        let what = if bracket == b'{' {
            "an object"
        } else {
            "an array"
        };
        self.expect(bracket, what)?;
        self.depth += 1;
        match self.depth > DEEPEST {
            true => Err(self.wrong(format!(
                "arrays and objects are more than {DEEPEST} deep within each other"
            ))),
            false => Ok(()),
        }
    }

    fn leave(&mut self) -> Result<(), Error> {
        self.depth -= 1;
        self.bump(b'}');
        Ok(())
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<(), Error> {
        match self.peek()? {
            Some(found) if found == byte => {
                self.bump(byte);
                Ok(())
            }
            other => Err(self.unexpected(other, what)),
        }
    }

    fn unexpected(&self, found: Option<u8>, expected: &str) -> Error {
        self.wrong(match found {
            None => format!("the file ends where {expected} is expected"),
            Some(byte @ 0x21..0x7f) => {
                format!("{:?} stands where {expected} is expected", char::from(byte))
            }
            Some(byte) => format!("the byte 0x{byte:02x} stands where {expected} is expected"),
        })
    }

    /// The next byte that is no whitespace; it is not consumed.
    fn next_byte(&mut self) -> Result<Option<u8>, Error> {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek()? {
            self.bump(byte);
        }
        self.peek()
    }

    fn peek(&mut self) -> Result<Option<u8>, Error> {
        let buffer = self.input.fill_buf().map_err(Error::Read)?;
        Ok(buffer.first().copied())
    }

    /// Goes past a byte that was peeked at.
    fn bump(&mut self, byte: u8) {
        self.input.consume(1);
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
    }
}

/// The grammar of RFC 8259 section 6.
fn is_number(text: &[u8]) -> bool {
    fn digits(text: &[u8]) -> Option<&[u8]> {
        let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count > 0).then(|| text.get(count..).unwrap_or_default())
    }
    let parts = || {
        let text = text.strip_prefix(b"-").unwrap_or(text);
        let mut rest = match text.strip_prefix(b"0") {
            Some(rest) => rest,
            None => digits(text)?,
        };
        if let Some(fraction) = rest.strip_prefix(b".") {
            rest = digits(fraction)?;
        }
        if let Some(exponent) = rest.strip_prefix(b"e").or(rest.strip_prefix(b"E")) {
            let sign = exponent.strip_prefix(b"+").or(exponent.strip_prefix(b"-"));
            rest = digits(sign.unwrap_or(exponent))?;
        }
        Some(rest.is_empty())
    };
    parts() == Some(true)
}

/// Reading whole documents, to compare with others that read JSON.
#[cfg(any(test, fuzzing))]
pub(super) mod check {
    use super::{Error, Kind, Reader};
    use serde_json::Value;
    use std::io::Read;

    /// Reads a document as serde_json would.
    fn read(reader: &mut Reader<impl Read>) -> Result<Value, Error> {
        Ok(match reader.kind()? {
            Kind::Object => {
                let mut members = serde_json::Map::new();
                reader.object(|reader, name| {
                    members.insert(name.to_owned(), read(reader)?);
                    Ok(())
                })?;
                members.into()
            }
            Kind::Array => {
                let mut items = Vec::new();
                reader.array(|reader| {
                    items.push(read(reader)?);
                    Ok(())
                })?;
                items.into()
            }
            Kind::Text => reader.text(usize::MAX)?.into(),
            Kind::Number => reader.number()?.into(),
            Kind::Bool => {
                let yes = reader.peek()? == Some(b't');
                reader.word()?;
                yes.into()
            }
            Kind::Null => {
                reader.word()?;
                Value::Null
            }
        })
    }

    /// Reads one document to its end.
    pub(in crate::import) fn document(input: impl Read) -> Result<Value, Error> {
        let mut reader = Reader::new(input);
        let value = read(&mut reader)?;
        reader.end()?;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::{check::document, *};
    use serde_json::Value;

    /// One byte at a time, as the worst of disks.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let (Some((first, rest)), Some(place)) = (self.0.split_first(), buffer.first_mut())
            else {
                return Ok(0);
            };
            *place = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    #[test]
    fn documents_are_read_as_others_read_them() {
        let texts = [
            r#" {"a":[1,-2.5e+3,0,true,false,null,"x"],"":{},"b":[ ],"é😀":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀"} "#,
            "[]",
            "\"\"",
            "0",
            "[[[[]]]]",
        ];
        for text in texts {
            let plain: Value = serde_json::from_str(text).expect("JSON");
            // numbers are all floats here
            let floats = |value: Value| value.to_string().replace(".0", "");
            let read = document(Drops(text.as_bytes())).expect(text);
            assert_eq!(floats(read), floats(plain));
        }
    }

    #[test]
    fn half_a_pair_is_replaced() {
        for (text, expected) in [
            (r#""\ud800""#, "\u{fffd}"),
            (r#""a\udc00b""#, "a\u{fffd}b"),
            (r#""\ud800\n""#, "\u{fffd}\n"),
            (r#""\ud800\u0041""#, "\u{fffd}A"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
        ] {
            assert_eq!(document(text.as_bytes()).expect(text), expected);
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let deep = "[".repeat(200);
        for (text, place) in [
            (
                "",
                "line 1, column 1: the file ends where a value is expected",
            ),
            (
                "{\n \"a\": tru}",
                "line 2, column 10: '}' stands where true, false or null",
            ),
            ("[1,]", "line 1, column 4: ']' stands where a value"),
            (
                "{,}",
                "line 1, column 2: ',' stands where the name of a member",
            ),
            ("{\"a\" 1}", "line 1, column 6: '1' stands where a colon"),
            ("[1 2]", "line 1, column 4: '2' stands where a comma"),
            (
                "\"é\u{1}\"",
                "line 1, column 3: the control character U+0001",
            ),
            ("\"abc", "line 1, column 5: the file ends within a text"),
            ("\"\\x\"", "line 1, column 3: 'x' stands where an escape"),
            (
                "\"\\u12g4\"",
                "line 1, column 6: 'g' stands where a hexadecimal",
            ),
            ("01", "01 is not a number"),
            ("-", "- is not a number"),
            ("1.e3", "is not a number"),
            ("nul", "line 1, column 4: the file ends where true"),
            (
                "[] x",
                "line 1, column 4: 'x' stands where the end of the file",
            ),
            (&deep, "deep within each other"),
        ] {
            let said = document(text.as_bytes()).expect_err(text).to_string();
            assert!(said.contains(place), "{text}: {said}");
            assert!(document(Drops(text.as_bytes())).is_err());
        }
        let said = document(&b"\"a\xff\""[..])
            .expect_err("not UTF-8")
            .to_string();
        assert!(said.contains("not UTF-8"), "{said}");
        assert!(document(&b"\"\xc3\""[..]).is_err());
    }

    #[test]
    fn texts_have_a_bound() {
        let mut reader = Reader::new(&b"\"abcdef\""[..]);
        assert!(reader.text(5).is_err());
        let mut reader = Reader::new(&b"\"\\n\\n\\n\""[..]);
        assert_eq!(reader.text(3).expect("a text"), "\n\n\n");
    }
}
