//! A packet as it was captured, and the number that says how its bytes begin.

use std::fmt;

/// A captured packet; its bytes are borrowed from whoever read it.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Its place in the capture, from 1.
    pub number: u64,
    /// When it was captured: nanoseconds since the Unix epoch.
    pub time: i64,
    /// How its bytes begin.
    pub link: LinkType,
    /// Which interface saw it: an index into [`Reader::interfaces`](crate::Reader::interfaces).
    pub interface: u32,
    /// How long it was on the wire; more than `data` when the capture cut it.
    pub original_length: u32,
    /// Where its record (pcap) or block (pcapng) begins in the file, of what is inside the gzip; 0 where there is no file.
    pub offset: u64,
    /// The bytes that were captured.
    pub data: &'a [u8],
}

/// Where a packet lies in the files that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Spot {
    /// The number of the file in the store; 0: it is not kept.
    pub file: i64,
    /// Where its record or block begins there.
    pub offset: u64,
    /// Its place in the capture, from 1.
    pub number: u64,
}

/// The packets that a datagram came in: two when it was put together from fragments, else the same one twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Of its fragments, the one that came first.
    pub first: Spot,
    /// The one that came last.
    pub last: Spot,
}

impl From<Spot> for Span {
    fn from(spot: Spot) -> Self {
        Self {
            first: spot,
            last: spot,
        }
    }
}

/// A link-layer header type: a `LINKTYPE_` number of <https://www.tcpdump.org/linktypes.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u32);

macro_rules! link_types {
    ($($(#[$doc:meta])* $constant:ident = $number:literal, $name:literal, $description:literal;)*) => {
        impl LinkType {
            $($(#[$doc])* pub const $constant: Self = Self($number);)*

            /// Its name without `LINKTYPE_` or `DLT_`, as `tcpdump -L` prints it.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($name),)*
                    _ => None,
                }
            }

            /// What it is, in words.
            pub fn description(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($description),)*
                    _ => None,
                }
            }
        }
    };
}

link_types! {
    /// BSD loopback: address family in the byte order of the machine that captured.
    NULL = 0, "NULL", "BSD loopback";
    /// IEEE 802.3.
    ETHERNET = 1, "EN10MB", "Ethernet";
    /// PPP, with or without HDLC-like framing.
    PPP = 9, "PPP", "PPP";
    /// IPv4 or IPv6 without a header (the number that most systems use for `DLT_RAW`).
    DLT_RAW = 12, "RAW", "Raw IP";
    /// The same on OpenBSD.
    DLT_RAW_OPENBSD = 14, "RAW", "Raw IP";
    /// PPP with HDLC-like framing (RFC 1662).
    PPP_HDLC = 50, "PPP_SERIAL", "PPP over serial";
    /// A PPPoE session's frames, without Ethernet.
    PPP_ETHER = 51, "PPP_ETHER", "PPP over Ethernet";
    /// IPv4 or IPv6 without a header.
    RAW = 101, "RAW", "Raw IP";
    /// Cisco PPP with HDLC framing.
    C_HDLC = 104, "C_HDLC", "Cisco HDLC";
    /// IEEE 802.11.
    IEEE802_11 = 105, "IEEE802_11", "802.11";
    /// OpenBSD loopback: address family in network byte order.
    LOOP = 108, "LOOP", "OpenBSD loopback";
    /// Linux "cooked" capture.
    LINUX_SLL = 113, "LINUX_SLL", "Linux cooked v1";
    /// IEEE 802.11 behind a Prism header.
    PRISM = 119, "PRISM_HEADER", "802.11 plus Prism header";
    /// IEEE 802.11 behind radiotap.
    RADIOTAP = 127, "IEEE802_11_RADIO", "802.11 plus radiotap header";
    /// Apple's PKTAP, as Apple's own tools number it (`DLT_USER2`).
    USER2 = 149, "USER2", "DLT_USER2";
    /// IEEE 802.11 behind an AVS header.
    AVS = 163, "IEEE802_11_RADIO_AVS", "802.11 plus AVS radio information header";
    /// PPP behind a byte of direction, as Linux's pppd logs it.
    PPP_PPPD = 166, "PPP_PPPD", "PPP for pppd, with direction flag";
    /// Per-packet information, then what that says.
    PPI = 192, "PPI", "Per-Packet Information";
    /// PPP behind a byte of direction.
    PPP_WITH_DIR = 204, "PPP_WITH_DIRECTION", "PPP with direction flag";
    /// IPv4.
    IPV4 = 228, "IPV4", "Raw IPv4";
    /// IPv6.
    IPV6 = 229, "IPV6", "Raw IPv6";
    /// Apple's PKTAP.
    PKTAP = 258, "PKTAP", "Apple PKTAP";
    /// Linux "cooked" capture, second version.
    LINUX_SLL2 = 276, "LINUX_SLL2", "Linux cooked v2";
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "link type {}", self.0),
        }
    }
}

/// An address of the link layer, mostly EUI-48.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
