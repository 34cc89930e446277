//! Field blocks of HTTP/2: HPACK, RFC 7541.
//!
//! Read by our own decoder: who reads packets follows whatever size the sender says its table has, needs every field in
//! its order, and must not be kept busy by a block that was made for that. What a block makes is bounded by
//! [`LARGEST_TABLE`] and by the list that the caller takes, the work by the block's length.

use super::huffman;
use std::{collections::VecDeque, sync::Arc};

/// A dynamic table that is larger is not followed: bytes as RFC 7541 section 4.1 counts them. Browsers ask for 64 KiB.
pub(super) const LARGEST_TABLE: usize = 256 << 10;
/// What a table has before anything else is said, RFC 9113 section 6.5.2.
const FIRST_TABLE: usize = 4096;
/// What an entry costs beside its bytes.
const ENTRY: usize = 32;

/// Why a block cannot be read; nothing that follows in that direction can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Wrong {
    #[error("a field block ends in the middle of a field")]
    Short,
    #[error("a field block names a table entry that there is not")]
    Index,
    #[error("a number in a field block is too large")]
    Number,
    #[error("a string in a field block is not valid Huffman code")]
    Huffman,
    #[error("the table of a field block is larger than 256 KiB")]
    Table,
}

#[derive(Debug, Clone)]
struct Field {
    name: Arc<[u8]>,
    value: Arc<[u8]>,
}

impl Field {
    fn size(&self) -> usize {
        self.name.len() + self.value.len() + ENTRY
    }
}

/// One direction's table.
#[derive(Debug)]
pub(super) struct Decoder {
    /// The newest first.
    table: VecDeque<Field>,
    size: usize,
    most: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            table: VecDeque::new(),
            size: 0,
            most: FIRST_TABLE,
        }
    }
}

impl Decoder {
    /// Reads a whole block and hands out its fields in their order.
    pub(super) fn decode(
        &mut self,
        mut block: &[u8],
        mut each: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), Wrong> {
        while let Some(first) = block.first().copied() {
            let at = &mut block;
            if first & 0x80 != 0 {
                let index = number(at, 7)?;
                match self.get(index)? {
                    Found::Static(name, value) => each(name.as_bytes(), value.as_bytes()),
                    Found::Dynamic(field) => each(&field.name, &field.value),
                }
            } else if first & 0xe0 == 0x20 {
                self.most = number(at, 5)?;
                if self.most > LARGEST_TABLE {
                    return Err(Wrong::Table);
                }
                self.evict();
            } else {
                let is_kept = first & 0x40 != 0;
                let index = number(at, if is_kept { 6 } else { 4 })?;
                let name = match index {
                    0 => string(at)?.into(),
                    index => match self.get(index)? {
                        Found::Static(name, _) => name.as_bytes().into(),
                        Found::Dynamic(field) => field.name.clone(),
                    },
                };
                let value = string(at)?;
                each(&name, &value);
                if is_kept {
                    self.keep(Field {
                        name,
                        value: value.into(),
                    });
                }
            }
        }
        Ok(())
    }

    fn get(&self, index: usize) -> Result<Found<'_>, Wrong> {
        let place = index.checked_sub(1).ok_or(Wrong::Index)?;
        if let Some((name, value)) = STATIC.get(place) {
            return Ok(Found::Static(name, value));
        }
        let field = self.table.get(place - STATIC.len());
        field.map(Found::Dynamic).ok_or(Wrong::Index)
    }

    fn keep(&mut self, field: Field) {
        self.size += field.size();
        self.table.push_front(field);
        // one that is larger than the table empties it, section 4.4
        self.evict();
    }

    fn evict(&mut self) {
        while self.size > self.most
            && let Some(oldest) = self.table.pop_back()
        {
            self.size -= oldest.size();
        }
    }
}

enum Found<'a> {
    Static(&'static str, &'static str),
    Dynamic(&'a Field),
}

/// A number with a prefix of so many bits, section 5.1; at most 2^28.
fn number(bytes: &mut &[u8], prefix: u32) -> Result<usize, Wrong> {
    let (first, rest) = bytes.split_first().ok_or(Wrong::Short)?;
    *bytes = rest;
    let mask = 0xff_usize >> (8 - prefix);
    let mut value = usize::from(*first) & mask;
    if value < mask {
        return Ok(value);
    }
    for shift in [0, 7, 14, 21] {
        let (byte, rest) = bytes.split_first().ok_or(Wrong::Short)?;
        *bytes = rest;
        value += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Wrong::Number)
}

/// A string, section 5.2.
fn string(bytes: &mut &[u8]) -> Result<Vec<u8>, Wrong> {
    let is_huffman = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let length = number(bytes, 7)?;
    let (taken, rest) = bytes.split_at_checked(length).ok_or(Wrong::Short)?;
    *bytes = rest;
    match is_huffman {
        true => huffman::decode(taken).ok_or(Wrong::Huffman),
        false => Ok(taken.to_vec()),
    }
}

/// The static table, appendix A; the first has the index 1.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// Field blocks, each behind two bytes of length: the table stays within its bounds and knows its size.
#[cfg(any(test, fuzzing))]
pub fn check(mut data: &[u8]) {
    let mut decoder = Decoder::default();
    while let Some((length, rest)) = data.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length));
        let (block, rest) = rest.split_at(length.min(rest.len()));
        data = rest;
        let mut fields = 0;
        let read = decoder.decode(block, |_, _| fields += 1);
        assert!(fields <= block.len());
        let size: usize = decoder.table.iter().map(Field::size).sum();
        assert!(size == decoder.size && (size <= decoder.most || read.is_err()));
        if read.is_err() {
            return;
        }
        assert!(decoder.most <= LARGEST_TABLE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type List = Vec<(Vec<u8>, Vec<u8>)>;

    fn read(decoder: &mut Decoder, block: &[u8]) -> Result<List, Wrong> {
        let mut list = List::new();
        let read = decoder.decode(block, |n, v| list.push((n.to_vec(), v.to_vec())));
        read.map(|()| list)
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text
            .chars()
            .filter_map(|c| Some(c.to_digit(16)? as u8))
            .collect();
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect()
    }

    fn text(list: List) -> String {
        let line =
            |(n, v): (Vec<u8>, Vec<u8>)| [n, v].map(|t| String::from_utf8(t).unwrap()).join(": ");
        list.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// RFC 7541 appendix C.4 and C.6: Huffman code, a table of 256 bytes that evicts.
    #[test]
    fn the_examples_of_the_standard() {
        let mut requests = Decoder::default();
        let first = hex("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff");
        assert_eq!(
            text(read(&mut requests, &first).unwrap()),
            ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com"
        );
        let second = hex("8286 84be 5886 a8eb 1064 9cbf");
        assert!(
            text(read(&mut requests, &second).unwrap())
                .ends_with("www.example.com\ncache-control: no-cache")
        );
        let third = hex("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf");
        assert!(text(read(&mut requests, &third).unwrap()).ends_with("custom-key: custom-value"));
        assert_eq!(requests.size, 164);

        let mut responses = Decoder::default();
        let blocks = [
            "3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
            "4883 640e ffc1 c0bf",
            "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
        ];
        let lists = blocks.map(|block| text(read(&mut responses, &hex(block)).unwrap()));
        assert!(
            lists[0].starts_with(":status: 302\ncache-control: private\ndate: Mon, 21 Oct 2013")
        );
        assert!(lists[1].starts_with(":status: 307\n"));
        assert!(
            lists[2]
                .ends_with("set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1")
        );
        assert_eq!(responses.size, 215);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (block, wrong) in [
            ("80", Wrong::Index),
            ("be", Wrong::Index),
            ("ff ff ff ff ff ff", Wrong::Number),
            ("40 0a 61", Wrong::Short),
            ("3f e1 ff 7f", Wrong::Table),
            // EOS, then padding that is a byte long, then padding that is not of ones
            ("00 84 ff ff ff ff 00", Wrong::Huffman),
            ("00 82 1f ff 00", Wrong::Huffman),
            ("00 81 00 00", Wrong::Huffman),
        ] {
            assert_eq!(
                read(&mut Decoder::default(), &hex(block)),
                Err(wrong),
                "{block}"
            );
        }
    }

    /// Any bytes: what another decoder reads is what we read.
    #[test]
    fn it_reads_what_another_decoder_reads() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 16) as usize % below
        };
        let mut agreed = 0;
        for _ in 0..5_000 {
            let (mut ours, mut theirs) = (Decoder::default(), loona_hpack::Decoder::new());
            theirs.set_max_allowed_table_size(LARGEST_TABLE);
            for _ in 0..6 {
                let mut block = Vec::new();
                for _ in 0..random(6) {
                    match random(4) {
                        0 => block.push(0x80 | random(70) as u8),
                        kind => {
                            block.push([0, 0x40, 0x10][kind - 1] | random(12) as u8);
                            for _ in 0..2 {
                                let string: Vec<_> =
                                    (0..random(8)).map(|_| random(256) as u8).collect();
                                block.push((u8::from(random(5) == 0) * 0x80) | string.len() as u8);
                                block.extend(string);
                            }
                        }
                    }
                }
                let theirs = theirs.decode(&block);
                // which does no harm
                if theirs == Err(loona_hpack::decoder::DecoderError::SizeUpdateAtEnd) {
                    break;
                }
                let (ours, theirs) = (read(&mut ours, &block).ok(), theirs.ok());
                assert_eq!(ours, theirs, "{block:02x?}");
                match ours {
                    Some(list) => agreed += usize::from(!list.is_empty()),
                    None => break,
                }
            }
        }
        assert!(agreed > 300, "{agreed}");
    }
}
