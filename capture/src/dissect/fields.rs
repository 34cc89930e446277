//! Takes bytes from the front of a layer and makes fields of them.

use super::{Field, Layer, MOST_FIELDS};
use crate::packet::Mac;
use std::{
    net::{Ipv4Addr, Ipv6Addr},
    ops::Range,
};

/// Bytes, and where in the packet they begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a> {
    pub(super) data: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    pub(super) fn range(self) -> Range<usize> {
        self.at..self.at + self.data.len()
    }

    /// The first bytes and the rest; all of them when there are fewer.
    pub(super) fn split(self, length: usize) -> (Self, Self) {
        let (first, rest) = self.data.split_at(length.min(self.data.len()));
        let behind = Self {
            data: rest,
            at: self.at + first.len(),
        };
        (
            Self {
                data: first,
                at: self.at,
            },
            behind,
        )
    }

    /// Without the first bytes.
    pub(super) fn from(self, length: usize) -> Self {
        self.split(length).1
    }

    pub(super) fn be16(self, at: usize) -> Option<u16> {
        Some(u16::from_be_bytes(*self.data.get(at..)?.first_chunk()?))
    }
}

/// A layer, or a part of one, on its way.
pub(super) struct Fields<'a> {
    rest: Bytes<'a>,
    begin: usize,
    pub(super) fields: Vec<Field>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: Bytes<'a>) -> Self {
        Self {
            rest: bytes,
            begin: bytes.at,
            fields: Vec::new(),
        }
    }

    pub(super) fn rest(&self) -> Bytes<'a> {
        self.rest
    }

    /// Only so many bytes of what follows belong to this.
    pub(super) fn limit(&mut self, length: usize) {
        self.rest = self.rest.split(length).0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.data.is_empty()
    }

    /// Takes bytes without making a field of them.
    pub(super) fn take(&mut self, length: usize) -> Option<Bytes<'a>> {
        if self.rest.data.len() < length {
            return None;
        }
        let (first, rest) = self.rest.split(length);
        self.rest = rest;
        Some(first)
    }

    pub(super) fn push(&mut self, name: &str, value: String, range: Range<usize>) {
        if self.fields.len() < MOST_FIELDS {
            self.fields.push(Field {
                name: name.to_owned(),
                value,
                range,
                fields: Vec::new(),
            });
        }
    }

    /// A part of the field that came last, in the same bytes.
    pub(super) fn part(&mut self, name: &str, value: String) {
        if let Some(field) = self.fields.last_mut() {
            let range = field.range.clone();
            field.fields.push(Field {
                name: name.to_owned(),
                value,
                range,
                fields: Vec::new(),
            });
        }
    }

    /// A bit of the field that came last.
    pub(super) fn flag(&mut self, name: &str, set: bool) {
        self.part(name, if set { "set" } else { "not set" }.to_owned());
    }

    /// A number in network byte order, of at most eight bytes.
    pub(super) fn number(
        &mut self,
        name: &str,
        length: usize,
        show: impl FnOnce(u64) -> String,
    ) -> Option<u64> {
        self.sum(name, length, show, |all| all.iter().fold(0, shifted))
    }

    /// A number whose lowest byte comes first.
    pub(super) fn little(
        &mut self,
        name: &str,
        length: usize,
        show: impl FnOnce(u64) -> String,
    ) -> Option<u64> {
        self.sum(name, length, show, |all| all.iter().rev().fold(0, shifted))
    }

    fn sum(
        &mut self,
        name: &str,
        length: usize,
        show: impl FnOnce(u64) -> String,
        add: impl FnOnce(&[u8]) -> u64,
    ) -> Option<u64> {
        let bytes = self.take(length)?;
        let number = add(bytes.data);
        self.push(name, show(number), bytes.range());
        Some(number)
    }

    /// A number as it is.
    pub(super) fn plain(&mut self, name: &str, length: usize) -> Option<u64> {
        self.number(name, length, |number| number.to_string())
    }

    /// A number as a person knows its bits.
    pub(super) fn hex(&mut self, name: &str, length: usize) -> Option<u64> {
        self.number(name, length, |number| {
            format!("0x{number:0width$x}", width = length * 2)
        })
    }

    pub(super) fn mac(&mut self, name: &str) -> Option<Mac> {
        let bytes = self.take(6)?;
        let mac = Mac(*bytes.data.first_chunk()?);
        self.push(name, mac.to_string(), bytes.range());
        Some(mac)
    }

    pub(super) fn ipv4(&mut self, name: &str) -> Option<Ipv4Addr> {
        let bytes = self.take(4)?;
        let address = Ipv4Addr::from(*bytes.data.first_chunk::<4>()?);
        self.push(name, address.to_string(), bytes.range());
        Some(address)
    }

    pub(super) fn ipv6(&mut self, name: &str) -> Option<Ipv6Addr> {
        let bytes = self.take(16)?;
        let address = Ipv6Addr::from(*bytes.data.first_chunk::<16>()?);
        self.push(name, address.to_string(), bytes.range());
        Some(address)
    }

    /// Bytes that are shown as such.
    pub(super) fn raw(&mut self, name: &str, length: usize) -> Option<()> {
        let bytes = self.take(length)?;
        self.push(name, short_hex(bytes.data), bytes.range());
        Some(())
    }

    /// Text in a field of fixed length, up to its first zero.
    pub(super) fn text(&mut self, name: &str, length: usize) -> Option<()> {
        let bytes = self.take(length)?;
        let end = bytes.data.iter().position(|byte| *byte == 0);
        let text = bytes.data.get(..end.unwrap_or(length)).unwrap_or_default();
        self.push(name, visible(text), bytes.range());
        Some(())
    }

    /// The layer that ends here; the rest belongs to the next. `read` is what came of reading it.
    pub(super) fn layer(
        self,
        name: &'static str,
        summary: String,
        read: Option<()>,
    ) -> (Layer, Bytes<'a>) {
        // of what could not be read, all bytes are its own
        let (end, rest) = match read {
            Some(()) => (self.rest.at, self.rest),
            None => (
                self.rest.at + self.rest.data.len(),
                self.rest.from(usize::MAX),
            ),
        };
        let layer = Layer {
            name,
            summary,
            range: self.begin..end,
            fields: self.fields,
            problem: read
                .is_none()
                .then_some("It ends before it should, or contradicts itself."),
        };
        (layer, rest)
    }
}

/// Bytes in hexadecimal digits; of many, the first.
pub(super) fn short_hex(data: &[u8]) -> String {
    const SHOWN: usize = 32;
    let mut text: String = data
        .iter()
        .take(SHOWN)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if data.len() > SHOWN {
        text.push_str(&format!(" and {} more bytes", data.len() - SHOWN));
    }
    text
}

/// Text whose control characters are shown as escapes; of much, the beginning.
pub(super) fn visible(data: &[u8]) -> String {
    const SHOWN: usize = 300;
    let shown = data.get(..SHOWN).unwrap_or(data);
    let mut text = String::new();
    for character in String::from_utf8_lossy(shown).chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    if data.len() > SHOWN {
        text.push('…');
    }
    text
}

/// A number with another byte behind it.
fn shifted(number: u64, byte: &u8) -> u64 {
    number << 8 | u64::from(*byte)
}
