//! What must hold for any bytes at all that come in a WebSocket. Run by the fuzz targets in `fuzz/`, and by the tests here on
//! mutated ones.

use super::{
    assemble::{About, Assembler, Unit, Walker},
    deflate::Agreed,
    encode::Coding,
};
use crate::intercept::Content;
use overhear_store::Side;
use std::collections::VecDeque;

/// One direction: what goes on untouched is what came, the same messages are found however the bytes are cut, also by who only
/// walks over them, and where some are left out the receiver reads all others. The first byte says what was agreed, who
/// sends, whether pings may overtake, and which messages are left out; the second how the rest is cut.
pub fn websocket(data: &[u8]) {
    let Some(([how, step], bytes)) = data.split_first_chunk::<2>().map(|(c, b)| (*c, b)) else {
        return;
    };
    let agreed = match how & 3 {
        0 => "",
        1 => "permessage-deflate",
        2 => "permessage-deflate; server_no_context_takeover; client_max_window_bits=9",
        _ => "permessage-deflate; client_no_context_takeover",
    };
    let agreed = Agreed::read(agreed);
    let side = match how & 4 {
        0 => Side::Request,
        _ => Side::Response,
    };
    let overtake = how & 8 != 0;
    let step = usize::from(step) + 1;
    let (units, rest, control) = assembled(bytes, bytes.len().max(1), overtake);
    let found = messages(&units);
    let cut = assembled(bytes, step, overtake);
    assert_eq!(messages(&cut.0), found);
    for (units, rest, control) in [(&units, &rest, &control), (&cut.0, &cut.1, &cut.2)] {
        let wire: Vec<_> = units.iter().flat_map(wire).chain(rest).copied().collect();
        assert_eq!(wire.len() + control.len(), bytes.len());
        // a ping or a pong within a message stands before it
        let is_ping = |unit: &Unit| matches!(unit, Unit::Raw(raw) if raw.first().is_some_and(|b| b & 0x0f > 8));
        assert!(!control.is_empty() || units.iter().any(is_ping) || wire == bytes);
        assert!(overtake || control.is_empty());
    }
    walked(bytes, step, &found);
    if overtake {
        left_out(units, side, &agreed, how >> 4);
    }
}

/// What the server says was agreed on: read, or unknown with the words that are.
pub fn websocket_extensions(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Agreed::read(&text) {
        Agreed::Nothing => {
            let mut names = text.split(',').filter_map(|one| one.split(';').next());
            assert!(names.all(|name| name.trim().is_empty()), "{text}");
        }
        Agreed::Deflate { client, server } => {
            assert!((8..=15).contains(&client.bits) && (8..=15).contains(&server.bits));
        }
        Agreed::Unknown(what) => assert!(!what.is_empty() && text.contains(&what)),
    }
}

type Assembled = (Vec<Unit>, Vec<u8>, Vec<u8>);

/// What is made of the bytes, what is left at the end, and the pings that overtook.
fn assembled(bytes: &[u8], step: usize, overtake: bool) -> Assembled {
    let mut assembler = Assembler::at(0);
    let (mut units, mut control) = (VecDeque::new(), Vec::new());
    for piece in bytes.chunks(step) {
        assembler.feed(piece, overtake, &mut units, &mut control);
        assert!(assembler.border() <= bytes.len() as u64);
    }
    let rest = assembler.rest();
    (units.into(), rest, control)
}

fn wire(unit: &Unit) -> &[u8] {
    match unit {
        Unit::Whole(whole) => &whole.wire,
        Unit::Piece(piece) => &piece.wire,
        Unit::Raw(bytes) => bytes,
    }
}

/// Messages that came to their ends, with their payload; pieces stand in order.
fn messages(units: &[Unit]) -> Vec<(About, Vec<u8>)> {
    let mut found = Vec::new();
    let mut begun: Option<(About, Vec<u8>)> = None;
    for unit in units {
        match unit {
            Unit::Whole(whole) => {
                assert!(begun.is_none(), "one message within another");
                found.push((whole.about, whole.payload.clone()));
            }
            Unit::Piece(piece) => {
                assert_eq!(piece.first, begun.is_none());
                let (_, payload) = begun.get_or_insert_with(|| (piece.about, Vec::new()));
                payload.extend_from_slice(&piece.payload);
                if piece.last {
                    found.extend(begun.take());
                }
            }
            Unit::Raw(_) => {}
        }
    }
    found
}

/// Who walks over the bytes stops where messages begin, however they are cut.
fn walked(bytes: &[u8], step: usize, found: &[(About, Vec<u8>)]) {
    let mut walker = Walker::default();
    let mut borders = vec![0];
    for piece in bytes.chunks(step) {
        let mut piece = piece;
        while !piece.is_empty() {
            // a walker that stands at a border does not leave it when it is to stop at one
            let moved = match walker.is_between() {
                true => walker.walk(&piece[..1], false),
                false => walker.walk(piece, true),
            };
            assert!(moved > 0 && moved <= piece.len());
            piece = &piece[moved..];
            if walker.is_between() {
                borders.push(walker.position());
            }
        }
    }
    assert_eq!(walker.position(), bytes.len() as u64);
    for (about, _) in found {
        assert!(borders.contains(&about.offset), "{about:?} {borders:?}");
    }
}

/// Some messages are left out: what the receiver reads are all others, until one cannot be read.
fn left_out(units: Vec<Unit>, side: Side, agreed: &Agreed, which: u8) {
    let mut coding = Coding::new(side, agreed, false);
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for (at, unit) in units.into_iter().enumerate() {
        let Unit::Whole(mut whole) = unit else {
            break;
        };
        let about = whole.about;
        let (content, rest) = coding.read(&mut whole).into_parts();
        let Content::Held(held) = &content else {
            break;
        };
        match which >> (at % 4) & 1 {
            0 => {
                expected.push((about.text, held.clone()));
                sent.extend(coding.as_it_came(whole, content, rest).bytes);
            }
            _ => coding.dropped(about, rest),
        }
    }
    let mut receiver = Coding::new(side, agreed, false);
    let mut read = Vec::new();
    for unit in assembled(&sent, sent.len().max(1), true).0 {
        let Unit::Whole(mut whole) = unit else {
            panic!("what is sent is no whole message: {unit:?}");
        };
        let about = whole.about;
        match receiver.read(&mut whole).into_parts().0 {
            Content::Held(held) => read.push((about.text, held)),
            Content::Unseen(why) => panic!("the receiver cannot read it: {why}"),
        }
    }
    assert_eq!(read, expected);
}

#[cfg(test)]
mod tests {
    use super::*;
    use overhear_fuzz_rounds::rounds;

    #[test]
    fn mutated_messages_reach_the_receiver() {
        // RFC 6455 section 5.7 and RFC 7692 section 7.2.3: masked; in fragments with a ping between; compressed twice, the second
        // referring to the first; in fragments; a block that says to be the last; a close
        let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        let fragments = b"\x01\x03Hel\x89\x05Hello\x80\x02lo";
        let shared = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00";
        let parts = b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00\x81\x02hi";
        let last = b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
        let close = b"\x88\x02\x03\xe8";
        let long = [b"\x82\x7e\x01\x00".as_slice(), &[7; 256]].concat();
        let mut seeds = Vec::new();
        for how in [0x00, 0x09, 0x19, 0x2d, 0x1a, 0x5b] {
            let all: [&[u8]; 7] = [masked, fragments, shared, parts, last, &long, close];
            seeds.push([&[how, 4], all.concat().as_slice()].concat());
            seeds.push([&[how, 1], [shared.as_slice(), shared].concat().as_slice()].concat());
        }
        rounds("proxy_websocket", websocket, &seeds);
    }

    #[test]
    fn mutated_extensions_are_known_or_not() {
        let seeds = [
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=\"10\"",
            " , permessage-deflate;client_no_context_takeover;server_max_window_bits=8",
            "permessage-bzip2, x-other",
        ];
        rounds("proxy_websocket_extensions", websocket_extensions, &seeds);
    }
}
