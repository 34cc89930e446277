//! The record layer, RFC 8446 section 5.1, of one direction.

/// The longest fragment that is believed: 2^14 and what an old cipher may add (RFC 5246 section 6.2.3).
const LONGEST: usize = (1 << 14) + 2048;
/// Type, version and length.
const HEADER: usize = 5;

/// What a record carries. Numbers that have no meaning make the direction unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// change_cipher_spec (20).
    ChangeCipherSpec,
    /// alert (21).
    Alert,
    /// handshake (22).
    Handshake,
    /// application_data (23): in TLS 1.3 everything that is encrypted.
    ApplicationData,
    /// heartbeat (24), RFC 6520.
    Heartbeat,
}

impl ContentType {
    /// What the number says.
    pub fn new(number: u8) -> Option<Self> {
        Some(match number {
            20 => Self::ChangeCipherSpec,
            21 => Self::Alert,
            22 => Self::Handshake,
            23 => Self::ApplicationData,
            24 => Self::Heartbeat,
            _ => return None,
        })
    }
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// What it carries.
    pub content: ContentType,
    /// The five bytes before the fragment.
    pub header: [u8; 5],
    /// What it carries, encrypted or not.
    pub fragment: &'a [u8],
}

/// Finds the records in the bytes of one direction, however these are cut. Keeps less than one record.
#[derive(Debug, Default)]
pub struct Records {
    kept: Vec<u8>,
    broken: bool,
}

impl Records {
    /// Takes more bytes and hands out the records that end in them.
    pub fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(Record<'_>)) {
        while !bytes.is_empty() && !self.broken {
            if self.kept.is_empty() {
                // most records come whole
                match whole(bytes) {
                    Whole::Record(record, rest) => {
                        each(record);
                        bytes = rest;
                        continue;
                    }
                    Whole::Wrong => self.broken = true,
                    Whole::Short(_) => {}
                }
            }
            if self.broken {
                break;
            }
            let missing = match whole(&self.kept) {
                Whole::Short(missing) => missing,
                _ => 1,
            };
            let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
            self.kept.extend_from_slice(taken);
            bytes = rest;
            match whole(&self.kept) {
                Whole::Record(record, _) => {
                    each(record);
                    self.kept.clear();
                }
                Whole::Wrong => self.broken = true,
                Whole::Short(_) => {}
            }
        }
        if self.broken {
            self.kept = Vec::new();
        }
    }

    /// Bytes are missing: where records begin is not known any more.
    pub fn gap(&mut self) {
        self.broken = true;
        self.kept = Vec::new();
    }

    /// Whether nothing more can be read: bytes were missing, or are not TLS.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether the bytes so far end in the middle of a record.
    pub fn is_cut(&self) -> bool {
        !self.kept.is_empty()
    }
}

enum Whole<'a> {
    Record(Record<'a>, &'a [u8]),
    /// So many bytes are missing, at least.
    Short(usize),
    Wrong,
}

fn whole(bytes: &[u8]) -> Whole<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else {
        let starts = match bytes {
            [kind] => ContentType::new(*kind).is_some(),
            [kind, major, ..] => ContentType::new(*kind).is_some() && *major == 3,
            [] => true,
        };
        return match starts {
            true => Whole::Short(HEADER - bytes.len()),
            false => Whole::Wrong,
        };
    };
    let [kind, major, _, high, low] = *header;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let content = match ContentType::new(kind) {
        Some(content) if major == 3 && length <= LONGEST => content,
        _ => return Whole::Wrong,
    };
    match rest.split_at_checked(length) {
        Some((fragment, rest)) => Whole::Record(
            Record {
                content,
                header: *header,
                fragment,
            },
            rest,
        ),
        None => Whole::Short(length - rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> (Vec<(ContentType, Vec<u8>)>, bool) {
        let mut records = Records::default();
        let mut seen = Vec::new();
        for piece in pieces {
            records.push(piece, |r| seen.push((r.content, r.fragment.to_vec())));
        }
        (seen, records.is_broken())
    }

    #[test]
    fn records_are_the_same_however_they_are_cut() {
        let bytes = b"\x16\x03\x01\x00\x03abc\x15\x03\x03\x00\x00\x17\x03\x03\x00\x01z";
        let whole = read(&[bytes]);
        assert_eq!(whole.0.len(), 3);
        assert_eq!(whole.0[0], (ContentType::Handshake, b"abc".to_vec()));
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&single), whole);
        for cut in 0..bytes.len() {
            let (a, b) = bytes.split_at(cut);
            assert_eq!(read(&[a, b]), whole);
        }
    }

    #[test]
    fn what_is_no_record_ends_it() {
        assert_eq!(read(&[b"\x16\x03\x01\x00\x00GET / "]).0.len(), 1);
        assert!(read(&[b"\x16\x03\x01\x00\x00GET / "]).1);
        assert!(read(&[b"\x16\x02"]).1);
        assert!(read(&[b"\x17\x03\x03\xff\xff"]).1);
        assert!(!read(&[b"\x17\x03\x03\x40\x00"]).1);
    }
}
