//! Where a page of the list ended: the sort key of its last row and the row's number.
//!
//! A key, not a count: rows that are added, changed or deleted elsewhere move nothing.

use super::Sort;
use crate::error::Error;
use std::cmp::Ordering;

/// A cursor's text, as a client sends it: of whichever order it belongs to, the place is the one that its own text leads to.
#[cfg(any(test, fuzzing))]
pub fn fuzz(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let sorts = [
        Sort::Id,
        Sort::Duration,
        Sort::Size,
        Sort::Status,
        Sort::Host,
        Sort::Method,
        Sort::Path,
        Sort::Type,
        Sort::Client,
        Sort::Upload,
        Sort::Kind,
    ];
    let mut read = 0;
    for (sort, descending) in sorts
        .iter()
        .flat_map(|sort| [(*sort, false), (*sort, true)])
    {
        if let Ok(place) = Place::from_cursor(&text, sort, descending) {
            let again = place.to_cursor(sort, descending);
            let again = Place::from_cursor(&again, sort, descending);
            assert_eq!(again.ok().as_ref(), Some(&place));
            read += 1;
        }
    }
    assert!(read <= 1, "it belongs to one order");
}

/// The value that a list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// A number; -1 for a flow that has none.
    Int(i64),
    /// A text.
    Text(String),
}

/// The place of a row in a sorted list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) key: Key,
    pub(super) id: i64,
}

impl Place {
    /// How two rows stand in the list.
    pub(super) fn order(&self, other: &Self, descending: bool) -> Ordering {
        let order = (&self.key, self.id).cmp(&(&other.key, other.id));
        if descending { order.reverse() } else { order }
    }

    /// The cursor's text: letters and digits, `.` and `-`.
    pub(super) fn to_cursor(&self, sort: Sort, descending: bool) -> String {
        let kind = letter(sort, descending);
        let key = match &self.key {
            Key::Int(int) => int.to_string(),
            Key::Text(text) => text.bytes().map(|b| format!("{b:02x}")).collect(),
        };
        format!("{kind}.{key}.{}", self.id)
    }

    /// Reads a cursor's text; it must belong to the same order.
    pub(super) fn from_cursor(text: &str, sort: Sort, descending: bool) -> Result<Self, Error> {
        Self::read(text, sort, descending).ok_or(Error::Cursor)
    }

    fn read(text: &str, sort: Sort, descending: bool) -> Option<Self> {
        let mut parts = text.split('.');
        let (kind, key, id) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || kind != letter(sort, descending) {
            return None;
        }
        let key = match sort {
            sort if sort.by_text() => Key::Text(unhex(key)?),
            _ => Key::Int(key.parse().ok()?),
        };
        let id = id.parse().ok()?;
        Some(Self { key, id })
    }
}

fn letter(sort: Sort, descending: bool) -> &'static str {
    match (sort, descending) {
        (Sort::Id, false) => "i",
        (Sort::Id, true) => "I",
        (Sort::Duration, false) => "d",
        (Sort::Duration, true) => "D",
        (Sort::Size, false) => "s",
        (Sort::Size, true) => "S",
        (Sort::Status, false) => "c",
        (Sort::Status, true) => "C",
        (Sort::Host, false) => "h",
        (Sort::Host, true) => "H",
        (Sort::Method, false) => "m",
        (Sort::Method, true) => "M",
        (Sort::Path, false) => "p",
        (Sort::Path, true) => "P",
        (Sort::Type, false) => "t",
        (Sort::Type, true) => "T",
        (Sort::Client, false) => "a",
        (Sort::Client, true) => "A",
        (Sort::Upload, false) => "u",
        (Sort::Upload, true) => "U",
        (Sort::Kind, false) => "k",
        (Sort::Kind, true) => "K",
    }
}

fn unhex(text: &str) -> Option<String> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let bytes = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
}
