//! A TCP segment's header (RFC 9293, 3.1) and options.

use crate::ip::{Ip, protocol};

/// A segment; numbers are in the order of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// Who sent it.
    pub source_port: u16,
    /// Whom it is for.
    pub destination_port: u16,
    /// The number of its first byte, or of its SYN.
    pub sequence: u32,
    /// What its sender expects next; only with ACK.
    pub acknowledgement: u32,
    /// The control bits.
    pub flags: Flags,
    /// The window as it stands there, not scaled.
    pub window: u16,
    /// The urgent pointer.
    pub urgent: u16,
    /// The options, as far as they were captured.
    pub options: &'a [u8],
    /// What it carries, as far as it was captured.
    pub payload: &'a [u8],
    /// How much it carried on the wire.
    pub length: usize,
}

/// The control bits of a segment: the byte that has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more is sent.
    pub fn fin(self) -> bool {
        self.0 & 1 != 0
    }

    /// Numbers are synchronized.
    pub fn syn(self) -> bool {
        self.0 & 2 != 0
    }

    /// The connection is reset.
    pub fn rst(self) -> bool {
        self.0 & 4 != 0
    }

    /// What came is to be given on.
    pub fn psh(self) -> bool {
        self.0 & 8 != 0
    }

    /// The acknowledgement holds.
    pub fn ack(self) -> bool {
        self.0 & 16 != 0
    }

    /// The urgent pointer holds.
    pub fn urg(self) -> bool {
        self.0 & 32 != 0
    }
}

/// What options say (RFC 9293, RFC 7323, RFC 2018).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// By how many bits windows are shifted.
    pub window_scale: Option<u8>,
    /// Selective acknowledgements are understood.
    pub sack_permitted: bool,
    /// The sender's clock, and the receiver's that it echoes.
    pub timestamps: Option<(u32, u32)>,
    /// Blocks that were received: first byte, and the one behind the last.
    pub sack: [(u32, u32); 4],
    /// How many of them there are.
    pub sack_blocks: u8,
}

/// Reads the segment that a datagram carries; none when it carries something else, a later fragment, or less than
/// a header.
#[inline]
pub fn decode<'a>(ip: &Ip<'a>) -> Option<Segment<'a>> {
    if ip.protocol != protocol::TCP || ip.fragment.is_some() {
        return None;
    }
    let (header, rest) = ip.payload.split_first_chunk::<20>()?;
    let [
        s0,
        s1,
        d0,
        d1,
        n0,
        n1,
        n2,
        n3,
        a0,
        a1,
        a2,
        a3,
        offset,
        flags,
        w0,
        w1,
        _,
        _,
        u0,
        u1,
    ] = *header;
    let header_length = usize::from(offset >> 4) * 4;
    let options_length = header_length.checked_sub(20)?;
    let length = ip.payload_length.checked_sub(header_length)?;
    let (options, payload) = rest.split_at_checked(options_length).unwrap_or((rest, &[]));
    Some(Segment {
        source_port: u16::from_be_bytes([s0, s1]),
        destination_port: u16::from_be_bytes([d0, d1]),
        sequence: u32::from_be_bytes([n0, n1, n2, n3]),
        acknowledgement: u32::from_be_bytes([a0, a1, a2, a3]),
        flags: Flags(flags),
        window: u16::from_be_bytes([w0, w1]),
        urgent: u16::from_be_bytes([u0, u1]),
        options,
        payload,
        length,
    })
}

impl Segment<'_> {
    /// Reads the options, up to the first that contradicts itself.
    #[inline]
    pub fn options(&self) -> Options {
        let mut options = Options::default();
        let mut rest = self.options;
        // what nearly all segments have
        if let [1, 1, 8, 10, a, b, c, d, e, f, g, h] = rest {
            let (value, echo) = (
                u32::from_be_bytes([*a, *b, *c, *d]),
                u32::from_be_bytes([*e, *f, *g, *h]),
            );
            options.timestamps = Some((value, echo));
            return options;
        }
        while let [kind, after @ ..] = rest {
            match kind {
                0 => break,
                1 => {
                    rest = after;
                    continue;
                }
                _ => {}
            }
            let Some(length) = after.first().map(|length| usize::from(*length)) else {
                break;
            };
            let Some(value) = rest.get(2..length) else {
                break;
            };
            match (kind, value) {
                (2, [a, b]) => options.mss = Some(u16::from_be_bytes([*a, *b])),
                (3, [scale]) => options.window_scale = Some(*scale),
                (4, []) => options.sack_permitted = true,
                (5, blocks) => {
                    let blocks = blocks.chunks_exact(8).zip(&mut options.sack);
                    for (block, place) in blocks {
                        if let [a, b, c, d, e, f, g, h] = block {
                            *place = (
                                u32::from_be_bytes([*a, *b, *c, *d]),
                                u32::from_be_bytes([*e, *f, *g, *h]),
                            );
                            options.sack_blocks += 1;
                        }
                    }
                }
                (8, [a, b, c, d, e, f, g, h]) => {
                    let value = u32::from_be_bytes([*a, *b, *c, *d]);
                    let echo = u32::from_be_bytes([*e, *f, *g, *h]);
                    options.timestamps = Some((value, echo));
                }
                _ => {}
            }
            rest = rest.get(length..).unwrap_or_default();
        }
        options
    }
}
