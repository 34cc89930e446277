use super::*;
use crate::tcp::Flags;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
const MS: i64 = 1_000_000;

struct Talk {
    track: Track,
    packet: u64,
    time: i64,
}

impl Talk {
    fn new() -> Self {
        Self {
            track: Track::default(),
            packet: 0,
            time: 1_000_000_000,
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
        self.track.segment(side, self.time, self.packet, &segment);
        self
    }

    fn opened() -> Self {
        Self::new()
            .says(Side::A, SYN, 100, 0, 0, 1000)
            .says(Side::B, SYN | ACK, 500, 101, 0, 1000)
            .says(Side::A, ACK, 101, 501, 0, 1000)
    }

    /// Causes with their packets.
    fn found(&self) -> Vec<(Cause, Vec<u64>)> {
        let found = self.track.findings("a", "b", self.time + 5000 * MS);
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
    assert_eq!(track.track.findings("a", "b", track.time), []);
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
    let text = cut.track.findings("a", "b", cut.time).remove(0).text;
    assert_eq!(text, "b (the server) reset the connection in the middle.");
    let idle = Talk::opened()
        .after(60_000 * MS)
        .says(Side::A, RST, 101, 0, 0, 0);
    assert_eq!(idle.found(), [(Cause::IdleReset, vec![4])]);
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
    let text = hole.track.findings("a", "b", 0).remove(0).text;
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
        full.track.findings("a", "b", 0).remove(0).text,
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
    let text = |talk: &Talk| talk.track.findings("a", "b", talk.time).remove(0).text;
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
