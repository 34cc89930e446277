//! Where a page of packets begins, and how many are asked for.

use crate::api::problem::Problem;
use overhear_capture::Packet;
use overhear_store::PacketFileId;

/// The most packets of one page, and how many there are when nothing is said.
const MOST: u32 = 1000;
const USUAL: u32 = 200;

/// What of a list of packets is asked for.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) struct Place {
    /// The first packet; none is the first of all.
    pub(in crate::api) cursor: Option<Cursor>,
    /// How many.
    pub(in crate::api) limit: usize,
}

impl Place {
    pub(in crate::api) fn asked(cursor: Option<&str>, limit: Option<u32>) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(Problem::bad(format!(
                "limit is a number from 1 to {MOST}, not {limit}"
            )));
        }
        Ok(Self {
            cursor: cursor.map(Cursor::read).transpose()?,
            limit: limit as usize,
        })
    }
}

/// The packet that a page begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) struct Cursor {
    pub(in crate::api) file: i64,
    pub(in crate::api) offset: u64,
    pub(in crate::api) number: u64,
}

impl Cursor {
    pub(in crate::api) fn write(file: PacketFileId, packet: &Packet<'_>) -> String {
        format!("{}-{}-{}", file.0, packet.offset, packet.number)
    }

    fn read(text: &str) -> Result<Self, Problem> {
        let mut parts = text.split('-');
        let mut next = || parts.next().and_then(|part| part.parse().ok());
        let cursor = (next(), next(), next());
        match cursor {
            (Some(file), Some(offset), Some(number)) => Ok(Self {
                file: i64::try_from(file).unwrap_or(i64::MAX),
                offset,
                number,
            }),
            _ => Err(Problem::bad(
                "the cursor is not one that this program made: start again without it",
            )),
        }
    }
}
