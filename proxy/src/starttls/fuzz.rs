//! What must hold for any conversation at all that may turn to TLS. Run by the fuzz target, and by a test that mutates
//! conversations.

use super::{Agreed, Watch, lines::LONGEST};
use overhear_store::Side;

/// What is held at most: lines of both sides for each protocol of lines, and the beginnings of packets.
const MOST_HELD: usize = 6 * LONGEST + 4096;

/// The bytes are turns: the highest bit of the first says whose (set: the server's), the others how many bytes follow; or
/// 256 times as many as the second says, when they are zero. What is made of them is the same however they are cut.
pub fn conversation(bytes: &[u8]) {
    let turns = turns(bytes);
    let whole = watch(&turns, usize::MAX);
    for size in [1, 3] {
        assert_eq!(watch(&turns, size), whole, "{turns:?}");
    }
}

/// Turns of a conversation, those of one side that follow each other put together.
fn turns(mut bytes: &[u8]) -> Vec<(Side, Vec<u8>)> {
    let mut turns: Vec<(Side, Vec<u8>)> = Vec::new();
    while let [head, rest @ ..] = bytes {
        let side = match head & 0x80 {
            0 => Side::Request,
            _ => Side::Response,
        };
        let (length, rest) = match (usize::from(head & 0x7f), rest) {
            (0, [many, rest @ ..]) => (usize::from(*many) << 8, rest),
            (length, rest) => (length, rest),
        };
        // as much as is there, and then the same again
        let (said, rest) = rest.split_at(length.min(rest.len()));
        let again = said.iter().copied().cycle().take(match said {
            [] => 0,
            _ => length,
        });
        match turns.last_mut() {
            Some((last, all)) if *last == side => all.extend(again),
            _ => turns.push((side, again.collect())),
        }
        bytes = rest;
    }
    turns.retain(|(_, said)| !said.is_empty());
    turns
}

/// What is told: the name, and what was agreed on, how far into the side that settled it.
fn watch(
    turns: &[(Side, Vec<u8>)],
    size: usize,
) -> (Option<&'static str>, Option<(Agreed, usize)>) {
    let (mut watch, mut said) = (Watch::new(), [0; 2]);
    for (side, bytes) in turns {
        for piece in bytes.chunks(size.min(bytes.len())) {
            let said = &mut said[usize::from(*side == Side::Response)];
            if let Some(agreed) = watch.saw(*side, piece) {
                assert_eq!(agreed.by, *side);
                assert!(0 < agreed.at && agreed.at <= piece.len());
                assert_eq!(watch.name(), Some(agreed.name));
                assert_eq!(watch.held(), 0, "it is over");
                assert_eq!(watch.saw(*side, piece), None, "it is told once");
                return (
                    watch.name(),
                    Some((Agreed { at: 0, ..agreed }, *said + agreed.at)),
                );
            }
            *said += piece.len();
            assert!(watch.held() <= MOST_HELD, "{} bytes are held", watch.held());
        }
    }
    (watch.name(), None)
}
