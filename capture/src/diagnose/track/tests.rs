use super::*;
use crate::{
    diagnose::{Cause, Finding},
    tcp::Flags,
};

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
const MS: i64 = 1_000_000;

struct Talk {
    track: Track,
    packet: u64,
    time: i64,
    ttl: u8,
}

impl Talk {
    fn new() -> Self {
        Self {
            track: Track::default(),
            packet: 0,
            time: 1_000_000_000,
            ttl: 64,
        }
    }

    fn after(mut self, time: i64) -> Self {
        self.time += time;
        self
    }

    fn says(
        self,
        side: Side,
        flags: u8,
        sequence: u32,
        acknowledgement: u32,
        length: usize,
        window: u16,
    ) -> Self {
        let numbers = (sequence, acknowledgement);
        self.says_with(&[], side, flags, numbers, length, window)
    }

    fn says_with(
        mut self,
        options: &[u8],
        side: Side,
        flags: u8,
        (sequence, acknowledgement): (u32, u32),
        length: usize,
        window: u16,
    ) -> Self {
        self.packet += 1;
        self.time += MS;
        let segment = Segment {
            source_port: 1,
            destination_port: 2,
            sequence,
            acknowledgement,
            flags: Flags(flags),
            window,
            urgent: 0,
            options,
            payload: &[],
            length,
        };
        self.track
            .segment(side, self.time, self.packet, self.ttl, &segment);
        self
    }

    fn ttl(mut self, ttl: u8) -> Self {
        self.ttl = ttl;
        self
    }

    fn opened() -> Self {
        Self::new()
            .says(Side::A, SYN, 100, 0, 0, 1000)
            .says(Side::B, SYN | ACK, 500, 101, 0, 1000)
            .says(Side::A, ACK, 101, 501, 0, 1000)
    }

    fn all(&self, end: i64) -> Vec<Finding> {
        self.track.findings(&Known {
            a: "a",
            b: "b",
            end,
            ..Known::default()
        })
    }

    /// What is found when TLS was ended in order.
    fn closed(&self) -> Vec<Finding> {
        self.track.findings(&Known {
            a: "a",
            b: "b",
            closed: true,
            end: self.time,
            ..Known::default()
        })
    }

    /// Causes with their packets.
    fn found(&self) -> Vec<(Cause, Vec<u64>)> {
        let found = self.all(self.time + 5000 * MS);
        found
            .into_iter()
            .map(|finding| (finding.cause, finding.packets))
            .collect()
    }
}

#[test]
fn a_healthy_connection_has_no_findings() {
    let healthy = Talk::opened()
        .says(Side::A, ACK, 101, 501, 10, 1000)
        .says(Side::B, ACK, 501, 111, 0, 1000)
        .says(Side::B, ACK, 501, 111, 100, 1000)
        .says(Side::A, ACK, 111, 601, 0, 1000)
        // a keep-alive and its answer
        .says(Side::A, ACK, 110, 601, 0, 1000)
        .says(Side::B, ACK, 601, 111, 0, 1000)
        // out of order within a millisecond
        .says(Side::B, ACK, 701, 111, 100, 1000)
        .says(Side::B, ACK, 601, 111, 100, 1000)
        .says(Side::A, ACK | FIN, 111, 801, 0, 1000)
        .says(Side::B, ACK | FIN, 801, 112, 0, 1000)
        // after the end
        .says(Side::A, RST, 112, 0, 0, 0);
    assert_eq!(healthy.found(), []);
    assert_eq!(healthy.track.marks().count(), 0);
}

#[test]
fn a_syn_without_answer() {
    let silent = Talk::new()
        .says(Side::A, SYN, 100, 0, 0, 1000)
        .after(1000 * MS)
        .says(Side::A, SYN, 100, 0, 0, 1000);
    assert_eq!(silent.found(), [(Cause::NoAnswer, vec![1, 2])]);
    // the capture ends before an answer could come
    let track = Talk::new().says(Side::A, SYN, 100, 0, 0, 1000);
    assert_eq!(track.all(track.time), []);
}

#[test]
fn a_syn_that_is_refused() {
    let refused =
        Talk::new()
            .says(Side::A, SYN, 100, 0, 0, 1000)
            .says(Side::B, RST | ACK, 0, 101, 0, 0);
    assert_eq!(refused.found(), [(Cause::Refused, vec![2])]);
}

#[test]
fn a_reset_in_the_middle_and_one_after_silence() {
    let cut = Talk::opened().says(Side::B, RST, 501, 0, 0, 0);
    assert_eq!(cut.found(), [(Cause::Reset, vec![4])]);
    let text = cut.all(cut.time).remove(0).text;
    assert_eq!(text, "b (the server) reset the connection in the middle.");
    let idle = Talk::opened()
        .after(60_000 * MS)
        .says(Side::A, RST, 101, 0, 0, 0);
    assert_eq!(idle.found(), [(Cause::IdleReset, vec![4])]);
    // what is said of TLS that was ended in order: nothing
    assert_eq!((cut.closed(), idle.closed()), (vec![], vec![]));
    let refused =
        Talk::new()
            .says(Side::A, SYN, 100, 0, 0, 1000)
            .says(Side::B, RST | ACK, 0, 101, 0, 0);
    assert_eq!(refused.closed().len(), 1);
}

#[test]
fn segments_that_are_sent_again() {
    let again = Talk::opened()
        .says(Side::A, ACK, 101, 501, 10, 1000)
        .after(300 * MS)
        .says(Side::A, ACK, 101, 501, 10, 1000);
    assert_eq!(again.found(), [(Cause::Loss, vec![5])]);
    assert!(again.track.marks().eq(["retransmissions"]));
    // lost before it was captured: a hole that is filled late
    let hole = Talk::opened()
        .says(Side::B, ACK, 601, 101, 100, 1000)
        .says(Side::A, ACK, 101, 501, 0, 1000)
        .says(Side::A, ACK, 101, 501, 0, 1000)
        .after(50 * MS)
        .says(Side::B, ACK, 501, 101, 100, 1000);
    assert_eq!(hole.found(), [(Cause::Loss, vec![7])]);
    let text = hole.all(0).remove(0).text;
    assert_eq!(
        text,
        "1 of 2 segments from b were sent again, and 2 duplicate acknowledgements came back."
    );
}

#[test]
fn what_had_arrived_already_was_not_lost() {
    let again = Talk::opened()
        .says(Side::A, ACK, 101, 501, 10, 1000)
        .says(Side::A, ACK, 111, 501, 10, 1000)
        .after(40 * MS)
        .says(Side::A, ACK, 111, 501, 10, 1000);
    assert_eq!(again.found(), [(Cause::Loss, vec![6])]);
    // RFC 2883: the first block is what came twice
    let twice = [1, 1, 5, 10, 0, 0, 0, 111, 0, 0, 0, 121];
    let again = again.says_with(&twice, Side::B, ACK, (501, 121), 0, 1000);
    assert_eq!(again.found(), []);
    // a block behind the acknowledgement says that something is missing
    let lost = Talk::opened()
        .says(Side::A, ACK, 101, 501, 10, 1000)
        .says(Side::A, ACK, 111, 501, 10, 1000)
        .says_with(&twice, Side::B, ACK, (501, 101), 0, 1000)
        .after(40 * MS)
        .says(Side::A, ACK, 101, 501, 10, 1000)
        .says_with(&twice, Side::B, ACK, (501, 101), 0, 1000);
    assert_eq!(lost.found(), [(Cause::Loss, vec![7])]);
}

#[test]
fn one_lost_segment_among_hundreds_is_ordinary() {
    let mut talk = Talk::opened();
    for at in 0..300 {
        talk = talk.says(Side::A, ACK, 101 + at * 10, 501, 10, 1000);
    }
    talk = talk.says(Side::A, ACK, 101, 501, 10, 1000);
    assert_eq!(talk.found(), []);
}

#[test]
fn a_receiver_without_room() {
    let full = Talk::opened()
        .says(Side::A, ACK, 101, 501, 10, 1000)
        .says(Side::B, ACK, 501, 111, 0, 0)
        .after(1500 * MS)
        .says(Side::B, ACK, 501, 111, 0, 1000)
        .says(Side::A, ACK, 111, 501, 10, 1000)
        .says(Side::B, ACK, 501, 121, 0, 0)
        // it is asked whether there is room
        .after(300 * MS)
        .says(Side::A, ACK, 120, 501, 0, 1000)
        .says(Side::B, ACK, 501, 121, 0, 0);
    assert_eq!(full.found(), [(Cause::ZeroWindow, vec![5, 8, 10])]);
    assert_eq!(
        full.all(0).remove(0).text,
        "b said that it has no room for more (window 0): 2 times, for 1.8 s in all and 1.5 s at the longest."
    );
    assert!(full.track.marks().eq(["zero-window"]));
}

#[test]
fn what_a_full_receiver_had_no_room_for_is_not_lost() {
    let full = Talk::opened()
        .says(Side::A, ACK, 101, 501, 10, 1000)
        .says(Side::A, ACK, 111, 501, 10, 1000)
        .says(Side::B, ACK, 501, 111, 0, 0)
        .after(1500 * MS)
        .says(Side::B, ACK, 501, 111, 0, 1000)
        .says(Side::A, ACK, 111, 501, 10, 1000)
        .says(Side::B, ACK, 501, 121, 0, 1000);
    assert_eq!(full.found(), [(Cause::ZeroWindow, vec![6])]);
    // it was asked by sending again before it said so
    let asked = Talk::opened()
        .says(Side::A, ACK, 101, 501, 10, 1000)
        .after(300 * MS)
        .says(Side::A, ACK, 101, 501, 10, 1000)
        .says(Side::B, ACK, 501, 101, 0, 0)
        .after(300 * MS)
        .says(Side::B, ACK, 501, 101, 0, 1000);
    assert_eq!(asked.found(), [(Cause::ZeroWindow, vec![6])]);
    // what is lost later is
    let lost = full
        .says(Side::A, ACK, 121, 501, 10, 1000)
        .after(300 * MS)
        .says(Side::A, ACK, 121, 501, 10, 1000);
    assert_eq!(lost.found()[0], (Cause::Loss, vec![11]));
}

#[test]
fn a_window_that_is_closed_for_a_moment_is_ordinary() {
    let mut talk = Talk::opened();
    for at in 0..20 {
        talk = talk
            .says(Side::A, ACK, 101 + at * 10, 501, 10, 1000)
            .says(Side::B, ACK, 501, 111 + at * 10, 0, 0)
            .says(Side::B, ACK, 501, 111 + at * 10, 0, 1000);
    }
    assert_eq!(talk.found(), []);
    assert_eq!(talk.track.marks().count(), 0);
    // moments that are much of the time together
    for at in 20..150 {
        talk = talk
            .says(Side::A, ACK, 101 + at * 10, 501, 10, 1000)
            .says(Side::B, ACK, 501, 111 + at * 10, 0, 0)
            .says(Side::B, ACK, 501, 111 + at * 10, 0, 1000);
    }
    assert_eq!(talk.found()[0].0, Cause::ZeroWindow);
}

#[test]
fn a_reset_that_does_not_acknowledge_the_syn_is_ignored() {
    let injected = Talk::new()
        .says(Side::A, SYN, 100, 0, 0, 1000)
        .says(Side::B, RST | ACK, 0, 100, 0, 1000)
        .says(Side::B, SYN | ACK, 500, 101, 0, 1000)
        .says(Side::A, ACK, 101, 501, 0, 1000)
        .says(Side::A, ACK, 101, 501, 25, 1000)
        .says(Side::B, ACK, 501, 126, 0, 1000);
    assert_eq!(injected.found(), []);
    // and one that hits, with what comes of the data that was on its way
    let cut = injected
        .says(Side::B, RST | ACK, 501, 126, 0, 0)
        .says(Side::A, ACK, 126, 501, 150, 1000)
        .says(Side::B, RST, 501, 0, 0, 0);
    assert_eq!(cut.found(), [(Cause::Reset, vec![7, 9])]);
    assert!(cut.track.is_reset());
}

#[test]
fn a_reset_after_which_the_connection_goes_on_is_ignored() {
    let talk =
        Talk::opened()
            .says(Side::A, ACK, 101, 501, 10, 1000)
            .says(Side::B, RST, 501, 0, 0, 0);
    assert_eq!(talk.found(), [(Cause::Reset, vec![5])]);
    let talk = talk
        .says(Side::B, ACK, 501, 111, 10, 1000)
        .says(Side::A, ACK, 111, 511, 0, 1000);
    assert_eq!(talk.found(), []);
    assert!(!talk.track.is_reset());
}

#[test]
fn a_client_that_gives_up_and_one_that_only_looks() {
    let text = |talk: &Talk| talk.all(talk.time).remove(0).text;
    let gave_up = Talk::new()
        .says(Side::A, SYN, 100, 0, 0, 1000)
        .says(Side::A, RST, 101, 0, 0, 0);
    assert_eq!(gave_up.found(), [(Cause::NoAnswer, vec![1, 2])]);
    assert_eq!(
        text(&gave_up),
        "a gave up with a RST before b had answered."
    );
    // half open: RFC 9293 section 3.5.1
    let stale = Talk::new()
        .says(Side::A, SYN, 400, 0, 0, 1000)
        .says(Side::B, ACK, 300, 100, 0, 1000)
        .says(Side::A, RST, 100, 0, 0, 0);
    assert_eq!(stale.found(), [(Cause::Reset, vec![2, 3])]);
    assert_eq!(
        text(&stale),
        "b answered the SYN as a part of another, older connection, which a then reset."
    );
    let looked = Talk::opened().says(Side::A, RST, 101, 0, 0, 0);
    assert_eq!(looked.found(), [(Cause::Reset, vec![4])]);
    assert_eq!(
        text(&looked),
        "a (the client) reset the connection as soon as it stood: nothing was said."
    );
}

#[test]
fn frames_that_a_radio_sent_again() {
    let mut talk = Talk::opened();
    for at in 0..60 {
        talk.track.frame(at % 5 == 0);
    }
    assert!(talk.track.marks().eq(["wifi-retries"]));
    // the radios are told, not the connection
    assert_eq!(talk.found(), []);
}

#[test]
fn who_sent_a_reset_is_said_only_where_it_is_known() {
    let talk = Talk::new()
        .says(Side::A, ACK, 101, 501, 10, 1000)
        .says(Side::B, ACK, 501, 111, 10, 1000)
        .says(Side::A, RST, 111, 0, 0, 0);
    let with = |client| {
        let known = Known {
            a: "a",
            b: "b",
            client,
            ..Known::default()
        };
        let found = talk.track.findings(&known).remove(0);
        (found.about, found.text)
    };
    let told = |about: &str, text: &str| (about.to_owned(), text.to_owned());
    assert_eq!(
        with(Some(Side::B)),
        told(
            "b > a",
            "a (the server) reset the connection in the middle."
        )
    );
    assert_eq!(
        with(Some(Side::A)),
        told(
            "a > b",
            "a (the client) reset the connection in the middle."
        )
    );
    assert_eq!(
        with(None),
        told(
            "a <-> b",
            "a (client or server: the capture does not show who opened the connection) reset the connection in the middle."
        )
    );
}

#[test]
fn a_reset_that_comes_from_nearer_by_is_told() {
    let talk = Talk::opened()
        .says(Side::A, ACK, 101, 501, 10, 1000)
        .ttl(57)
        .says(Side::B, RST, 501, 0, 0, 0);
    let text = talk.all(talk.time).remove(0).text;
    assert!(text.ends_with("Its TTL is 57, that of all before it from there 64: something on the way may have sent it."), "{text}");
    // whose packets come by several ways tells nothing by it
    let talk = Talk::opened()
        .ttl(63)
        .says(Side::B, ACK, 501, 101, 10, 1000)
        .ttl(57)
        .says(Side::B, RST, 511, 0, 0, 0);
    assert!(!talk.all(talk.time).remove(0).text.contains("TTL"));
}

#[test]
fn an_answer_that_does_not_get_back() {
    let lost = Talk::new()
        .says(Side::A, SYN, 100, 0, 0, 1000)
        .says(Side::B, SYN | ACK, 500, 101, 0, 1000)
        .after(1000 * MS)
        .says(Side::B, SYN | ACK, 500, 101, 0, 1000);
    assert_eq!(lost.found(), [(Cause::AnswerLost, vec![1, 2, 3])]);
    assert!(lost.track.opening_since().is_some());
    // it came after all
    let late = lost.says(Side::A, ACK, 101, 501, 0, 1000);
    assert_eq!(late.found(), []);
    // one answer may have been captured last
    let one =
        Talk::new()
            .says(Side::A, SYN, 100, 0, 0, 1000)
            .says(Side::B, SYN | ACK, 500, 101, 0, 1000);
    assert_eq!(one.found(), []);
}

#[test]
fn large_segments_that_never_arrive() {
    let mut talk =
        Talk::opened()
            .says(Side::A, ACK, 101, 501, 10, 1000)
            .says(Side::B, ACK, 501, 111, 0, 1000);
    for _ in 0..3 {
        talk = talk
            .says(Side::A, ACK, 111, 501, 1448, 1000)
            .after(300 * MS);
    }
    assert_eq!(talk.found(), [(Cause::BlackHole, vec![6, 7, 8])]);
    assert!(!talk.all(0).remove(0).overcome);
    // in pieces it arrives
    let talk = talk
        .says(Side::A, ACK, 111, 501, 512, 1000)
        .says(Side::B, ACK, 501, 623, 0, 1000);
    assert_eq!(talk.found(), [(Cause::BlackHole, vec![6, 7, 8])]);
    assert!(talk.all(0).remove(0).overcome);
}

#[test]
fn large_segments_that_are_lost_by_chance_are_lost() {
    let mut talk = Talk::opened();
    for _ in 0..4 {
        talk = talk
            .says(Side::A, ACK, 101, 501, 1448, 1000)
            .after(300 * MS);
    }
    // it arrived as it was
    let talk = talk.says(Side::B, ACK, 501, 1549, 0, 1000);
    assert_eq!(talk.found(), [(Cause::Loss, vec![5, 6, 7])]);
    // as large a one arrived before
    let mut talk = Talk::opened()
        .says(Side::A, ACK, 101, 501, 1448, 1000)
        .says(Side::B, ACK, 501, 1549, 0, 1000);
    for _ in 0..4 {
        talk = talk
            .says(Side::A, ACK, 1549, 501, 1448, 1000)
            .after(300 * MS);
    }
    assert_eq!(talk.found()[0].0, Cause::Loss);
    // who does not hear smaller ones either
    let mut talk = Talk::opened();
    for _ in 0..4 {
        talk = talk
            .says(Side::A, ACK, 101, 501, 1448, 1000)
            .after(300 * MS);
    }
    assert_eq!(talk.found()[0].0, Cause::Loss);
    // but it was heard of since
    let talk = talk.says(Side::B, ACK, 501, 101, 0, 1000);
    assert_eq!(talk.found()[0].0, Cause::BlackHole);
    // of what passed before the capture began nothing is known
    let mut talk = Talk::new().says(Side::B, ACK, 501, 101, 0, 1000);
    for _ in 0..4 {
        talk = talk
            .says(Side::A, ACK, 101, 501, 1448, 1000)
            .after(300 * MS)
            .says(Side::B, ACK, 501, 101, 0, 1000);
    }
    assert_eq!(talk.found()[0].0, Cause::Loss);
}

#[test]
fn a_client_hello_that_is_swallowed() {
    let mut hello = vec![22, 3, 1, 0, 47, 1, 0, 0, 43, 3, 3];
    hello.extend([0; 41]);
    let says = |talk: Talk, side, numbers: (u32, u32), payload: &[u8]| {
        let mut talk = talk.after(300 * MS);
        talk.packet += 1;
        let segment = Segment {
            source_port: 1,
            destination_port: 2,
            sequence: numbers.0,
            acknowledgement: numbers.1,
            flags: Flags(ACK),
            window: 1000,
            urgent: 0,
            options: &[],
            payload,
            length: payload.len(),
        };
        talk.track
            .segment(side, talk.time, talk.packet, 64, &segment);
        talk
    };
    let mut talk = Talk::opened();
    for _ in 0..3 {
        talk = says(talk, Side::A, (101, 501), &hello);
    }
    assert_eq!(talk.found(), [(Cause::NoAnswer, vec![4, 5, 6])]);
    assert_eq!(
        talk.all(0).remove(0).text,
        "b answered nothing to the ClientHello: 2 segments were sent again in vain."
    );
    // it arrived, and is only answered late
    let talk = says(talk, Side::B, (501, 153), b"");
    assert_eq!(talk.found(), [(Cause::Loss, vec![5, 6])]);
}
