//! What happens on a connection as TCP segments: sequence numbers, acknowledgements, windows (RFC 9293).
//!
//! The conversation is an ideal one: nothing is lost, and what is sent is acknowledged at once. Every
//! burst of data is acknowledged by one empty segment at its end, and within a burst at least every
//! 64 KiB, so that the window that both sides announce is never near full.

use overhear_store::Side;

/// Announced by both sides: times 2^8 with the window scale option, 16 MiB.
const WINDOW: u16 = 65_535;

/// Acknowledge at least after this many bytes.
const ACKNOWLEDGE_AFTER: usize = 64 * 1024;

/// Something that happens on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// The client asks for a connection.
    Syn,
    /// The server accepts it: SYN and ACK, and the client's ACK.
    Accept,
    /// The server refuses it: RST to the SYN.
    Refuse,
    /// Bytes of the application.
    Data(Side, &'a [u8]),
    /// The connection ends in order, beginning with this side's FIN.
    Close(Side),
    /// This side resets the connection.
    Reset(Side),
}

/// A TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    /// Who sends it.
    pub(crate) from: Side,
    /// Sequence number.
    pub(crate) seq: u32,
    /// Acknowledgement number; none without the ACK flag.
    pub(crate) ack: Option<u32>,
    /// The other flags.
    pub(crate) flags: Flags,
    /// Window as written, not scaled.
    pub(crate) window: u16,
    /// Options, padded to four bytes.
    pub(crate) options: &'static [u8],
    /// Bytes of the application.
    pub(crate) payload: &'a [u8],
}

/// The flags of a segment, without ACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    pub(crate) psh: bool,
}

impl Flags {
    pub(crate) const NONE: Self = Self {
        syn: false,
        fin: false,
        rst: false,
        psh: false,
    };
    const SYN: Self = Self {
        syn: true,
        ..Self::NONE
    };
    const FIN: Self = Self {
        fin: true,
        ..Self::NONE
    };
    const RST: Self = Self {
        rst: true,
        ..Self::NONE
    };
}

/// One connection's counters.
#[derive(Debug)]
pub(crate) struct Tcp {
    /// Payload bytes in a segment at most.
    mss: usize,
    /// Options of the SYN segments.
    options: &'static [u8],
    /// The next sequence number of the client and of the server.
    next: [u32; 2],
}

impl Tcp {
    /// A connection with these initial sequence numbers. `v6` chooses segments of 1440 bytes instead of 1460,
    /// what fits into Ethernet's 1500.
    pub(crate) fn new(v6: bool, initial: [u32; 2]) -> Self {
        Self {
            mss: if v6 { 1440 } else { 1460 },
            options: if v6 { &SYN_OPTIONS_V6 } else { &SYN_OPTIONS_V4 },
            next: initial,
        }
    }

    /// The segments of an event, in order.
    pub(crate) fn segments(&mut self, event: &Event<'_>, mut emit: impl FnMut(Segment<'_>)) {
        match *event {
            Event::Syn => emit(self.syn(Side::Request, false)),
            Event::Accept => {
                emit(self.syn(Side::Response, true));
                emit(self.empty(Side::Request, Flags::NONE));
            }
            Event::Refuse => {
                let refusal = Segment {
                    seq: 0,
                    window: 0,
                    ..self.empty(Side::Response, Flags::RST)
                };
                emit(refusal);
            }
            Event::Data(from, bytes) => self.data(from, bytes, emit),
            Event::Close(first) => {
                let second = other(first);
                emit(self.fin(first));
                emit(self.fin(second));
                emit(self.empty(first, Flags::NONE));
            }
            Event::Reset(by) => emit(self.empty(by, Flags::RST)),
        }
    }

    fn data(&mut self, from: Side, bytes: &[u8], mut emit: impl FnMut(Segment<'_>)) {
        let mut unacknowledged = 0;
        let mut pieces = bytes.chunks(self.mss).peekable();
        while let Some(payload) = pieces.next() {
            let last = pieces.peek().is_none();
            let flags = Flags {
                psh: last,
                ..Flags::NONE
            };
            let segment = Segment {
                payload,
                ..self.empty(from, flags)
            };
            emit(segment);
            self.advance(from, payload.len());
            unacknowledged += payload.len();
            if last || unacknowledged + self.mss > ACKNOWLEDGE_AFTER {
                unacknowledged = 0;
                emit(self.empty(other(from), Flags::NONE));
            }
        }
    }

    fn syn(&mut self, from: Side, answer: bool) -> Segment<'static> {
        let segment = Segment {
            ack: answer.then(|| self.next[other(from) as usize]),
            options: self.options,
            ..self.empty(from, Flags::SYN)
        };
        self.advance(from, 1);
        segment
    }

    fn fin(&mut self, from: Side) -> Segment<'static> {
        let segment = self.empty(from, Flags::FIN);
        self.advance(from, 1);
        segment
    }

    /// A segment without data that acknowledges all that the other side has sent.
    fn empty(&self, from: Side, flags: Flags) -> Segment<'static> {
        Segment {
            from,
            seq: self.next[from as usize],
            ack: Some(self.next[other(from) as usize]),
            flags,
            window: WINDOW,
            options: &[],
            payload: &[],
        }
    }

    /// Sequence numbers wrap at 2^32. `count` is at most a segment's payload.
    fn advance(&mut self, from: Side, count: usize) {
        let next = &mut self.next[from as usize];
        *next = next.wrapping_add(count as u32);
    }
}

/// MSS 1460, SACK permitted, window scale 8: as common stacks order them.
const SYN_OPTIONS_V4: [u8; 12] = syn_options(1460);
const SYN_OPTIONS_V6: [u8; 12] = syn_options(1440);

const fn syn_options(mss: u16) -> [u8; 12] {
    let [high, low] = mss.to_be_bytes();
    [2, 4, high, low, 1, 1, 4, 2, 1, 3, 3, 8]
}

/// The opposite side.
pub(crate) fn other(side: Side) -> Side {
    match side {
        Side::Request => Side::Response,
        Side::Response => Side::Request,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs events and writes each segment as a line, tcpdump's way: who, flags, seq:end, ack, length.
    fn transcript(tcp: &mut Tcp, events: &[Event<'_>]) -> Vec<String> {
        let mut lines = Vec::new();
        for event in events {
            tcp.segments(event, |s| lines.push(line(&s)));
        }
        lines
    }

    fn line(s: &Segment<'_>) -> String {
        let who = match s.from {
            Side::Request => ">",
            Side::Response => "<",
        };
        let mut flags = String::new();
        for (set, name) in [
            (s.flags.syn, 'S'),
            (s.flags.fin, 'F'),
            (s.flags.rst, 'R'),
            (s.flags.psh, 'P'),
            (s.ack.is_some(), '.'),
        ] {
            flags.extend(set.then_some(name));
        }
        let ack = s.ack.map_or("-".to_owned(), |a| a.to_string());
        format!("{who} {flags} {} {ack} {}", s.seq, s.payload.len())
    }

    #[test]
    fn a_whole_connection() {
        let mut tcp = Tcp::new(false, [100, 200]);
        let events = [
            Event::Syn,
            Event::Accept,
            Event::Data(Side::Request, &[0; 10]),
            Event::Data(Side::Response, &[0; 3000]),
            Event::Close(Side::Response),
        ];
        let expected = [
            "> S 100 - 0",
            "< S. 200 101 0",
            "> . 101 201 0",
            "> P. 101 201 10",
            "< . 201 111 0",
            "< . 201 111 1460",
            "< . 1661 111 1460",
            "< P. 3121 111 80",
            "> . 111 3201 0",
            "< F. 3201 111 0",
            "> F. 111 3202 0",
            "< . 3202 112 0",
        ];
        assert_eq!(transcript(&mut tcp, &events), expected);
    }

    #[test]
    fn refused_and_reset() {
        let mut tcp = Tcp::new(false, [100, 200]);
        let refused = transcript(&mut tcp, &[Event::Syn, Event::Refuse]);
        assert_eq!(refused, ["> S 100 - 0", "< R. 0 101 0"]);
        let mut tcp = Tcp::new(false, [100, 200]);
        let events = [Event::Syn, Event::Accept, Event::Reset(Side::Response)];
        assert_eq!(transcript(&mut tcp, &events)[3..], ["< R. 201 101 0"]);
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut tcp = Tcp::new(false, [u32::MAX - 5, 0]);
        let events = [
            Event::Syn,
            Event::Accept,
            Event::Data(Side::Request, &[0; 10]),
            Event::Data(Side::Request, &[0; 1]),
        ];
        let expected = [
            "> P. 4294967291 1 10",
            "< . 1 5 0",
            "> P. 5 1 1",
            "< . 1 6 0",
        ];
        assert_eq!(transcript(&mut tcp, &events)[3..], expected);
    }

    #[test]
    fn no_more_than_64_kib_are_unacknowledged() {
        for v6 in [false, true] {
            let mut tcp = Tcp::new(v6, [0, 0]);
            let (mut flight, mut total, mut largest) = (0, 0, 0);
            let data = vec![0; 1 << 20];
            tcp.segments(&Event::Data(Side::Request, &data), |s| {
                flight += s.payload.len();
                total += s.payload.len();
                largest = largest.max(s.payload.len());
                assert!(flight <= 65_536);
                if s.payload.is_empty() {
                    flight = 0;
                    assert_eq!(s.ack.map(|a| a as usize), Some(total));
                }
            });
            let mss = if v6 { 1440 } else { 1460 };
            assert_eq!((flight, total, largest), (0, data.len(), mss));
        }
    }

    #[test]
    fn the_options_of_a_syn() {
        let mut tcp = Tcp::new(true, [0, 0]);
        tcp.segments(&Event::Syn, |s| {
            assert_eq!(s.options, [2, 4, 0x05, 0xa0, 1, 1, 4, 2, 1, 3, 3, 8]);
        });
    }
}
