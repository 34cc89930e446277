//! What went wrong in a connection, with the packets that prove it.
//!
//! Nothing is said of a connection that is healthy: a lost segment among hundreds, a reset after a FIN, a keep-alive, a
//! window that was closed for a moment, a packet that was too large and then went in smaller ones, or a SYN with which the
//! capture ends are ordinary.

mod track;
pub(crate) mod wifi;

pub use track::{Known, Track};
pub use wifi::Wifi;

use serde::Serialize;

/// So many packets of a kind are named.
const MOST_PACKETS: usize = 10;

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What sort.
    pub cause: Cause,
    /// Who and whom it is about: `client > server`, or a name.
    pub about: String,
    /// What happened.
    pub text: String,
    /// What that usually means, and where to look.
    pub means: &'static str,
    /// The numbers of the packets that prove it, from 1; the first ten.
    pub packets: Vec<u64>,
    /// How many packets there are in all.
    pub count: u64,
    /// Nothing failed for it: it was overcome, or came when everything was said.
    #[serde(skip)]
    pub overcome: bool,
}

/// The sorts of what goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// SYNs were not answered.
    NoAnswer,
    /// The answer to a SYN was never acknowledged.
    AnswerLost,
    /// A SYN was answered with a RST.
    Refused,
    /// A RST after silence.
    IdleReset,
    /// A RST in the middle.
    Reset,
    /// Segments were sent again.
    Loss,
    /// A receiver had no room.
    ZeroWindow,
    /// ICMP: not delivered.
    Unreachable,
    /// ICMP: larger than a link takes.
    PacketTooBig,
    /// Larger than a link takes, and no ICMP error says so.
    BlackHole,
    /// A TLS alert.
    TlsAlert,
    /// A name server's error.
    Dns,
    /// A name server did not answer.
    DnsNoAnswer,
    /// IEEE 802.11 frames were sent again.
    WifiRetries,
}

impl Cause {
    /// What it usually means, and where to look.
    pub fn means(self) -> &'static str {
        match self {
            Self::NoAnswer => {
                "A firewall drops the packets, the address is wrong, or the host is down. Look at the address, at filters on \
                 the way and on the host, and whether the SYN arrives there."
            }
            Self::AnswerLost => {
                "The answer does not get back to the client: it goes another way than the question (asymmetric routes), a firewall \
                 or NAT on the way back does not know the connection, or nobody is at that address (a forged one: SYN flood). \
                 Capture at the client to see whether the SYN-ACK arrives there, and look at the server's route back."
            }
            Self::Refused => {
                "Nothing listens on that port, or a firewall rejects with a reset. Look whether the service runs, and on which \
                 address and port."
            }
            Self::IdleReset => {
                "An idle timeout: of the program, or of a load balancer, NAT or firewall that had forgotten the connection. Look \
                 at keep-alive settings, and at the shortest timeout on the way."
            }
            Self::Reset => {
                "The program ended or gave up the connection (with data unread, or on purpose), or something on the way cut it. \
                 Look into the sender's log at that moment."
            }
            Self::Loss => {
                "Packets are lost on the way: a bad or crowded link, a full queue, an overloaded receiver. Look where they are \
                 lost by capturing on both ends."
            }
            Self::ZeroWindow => {
                "The receiver's program does not read as fast as data comes. Look at what it does in the meantime: it, not the \
                 network, is slow."
            }
            // what ICMP says is more exact: `IcmpError::means`
            Self::Unreachable => {
                "Look at routes, at whether the host is up, and at filters on the way."
            }
            Self::PacketTooBig => {
                "A link on the way has a smaller MTU. When the sender does not hear of it (ICMP filtered), large packets vanish \
                 and small ones pass. Look at tunnels and VPNs, let ICMP through, or lower the MSS."
            }
            Self::BlackHole => {
                "A link on the way has a smaller MTU, and the router before it does not say so, or its ICMP is filtered: large packets \
                 vanish and small ones pass. Look at tunnels, VPNs and PPPoE on the way, let ICMP \"fragmentation needed\" (IPv6: \
                 \"packet too big\") through, or lower the MTU or the MSS. `ping -M do -s SIZE` finds what passes."
            }
            Self::TlsAlert => "One side refused the handshake.",
            Self::Dns => "Look at the name, and at the name server that was asked.",
            Self::DnsNoAnswer => {
                "The name server is down or not reachable, or drops the question. Look at its address and at filters on port 53."
            }
            Self::WifiRetries => {
                "The radio link is bad: far away, disturbed, or a crowded channel. Look at signal strength and channel."
            }
        }
    }
}

impl Finding {
    /// A finding; `means` is that of its cause.
    pub fn new(cause: Cause, about: String, text: String, packets: &Proof) -> Self {
        Self {
            cause,
            about,
            text,
            means: cause.means(),
            packets: packets.first.clone(),
            count: packets.count,
            overcome: false,
        }
    }
}

/// Packets that prove something: the first of them, and how many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    first: Vec<u64>,
    count: u64,
}

impl Proof {
    /// These packets, each once and in their order.
    pub fn of(packets: impl IntoIterator<Item = u64>) -> Self {
        let mut packets: Vec<_> = packets.into_iter().collect();
        packets.sort_unstable();
        packets.dedup();
        let mut proof = Self::default();
        packets.into_iter().for_each(|packet| proof.add(packet));
        proof
    }

    /// One more.
    pub fn add(&mut self, packet: u64) {
        self.count += 1;
        if self.first.len() < MOST_PACKETS {
            self.first.push(packet);
        }
    }

    /// One that was added proves nothing after all.
    pub fn take_back(&mut self, packet: u64) {
        self.count = self.count.saturating_sub(1);
        self.first.retain(|named| *named != packet);
    }

    /// Those that are named.
    pub fn named(&self) -> impl Iterator<Item = u64> {
        self.first.iter().copied()
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }
}
