//! What is counted of a direction as packets come, and told as it is.

use serde::Serialize;

/// What one side of a connection did, and how it was answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Packets.
    pub packets: u64,
    /// Of them, with RST.
    pub resets: u64,
    /// With ACK.
    pub acks: u64,
    /// With ACK and nothing else: no data, SYN, FIN or RST.
    pub pure_acks: u64,
    /// With selective acknowledgements.
    pub sack_packets: u64,
    /// Of them, those that report a duplicate (RFC 2883).
    pub dsack_packets: u64,
    /// The most blocks in one of them.
    pub most_sack_blocks: u64,
    /// Bytes of data, each counted once.
    pub unique_bytes: u64,
    /// Packets with data.
    pub data_packets: u64,
    /// Bytes of data, as often as they were sent.
    pub data_bytes: u64,
    /// Packets with something (data, SYN, FIN) that was sent before.
    pub retransmitted_packets: u64,
    /// How much of that; SYN and FIN count as one each.
    pub retransmitted_bytes: u64,
    /// Packets sent while the other side's window was zero.
    pub zero_window_probe_packets: u64,
    /// Their data.
    pub zero_window_probe_bytes: u64,
    /// Packets with something new that lies before what was seen already.
    pub out_of_order_packets: u64,
    /// Packets with data and PSH.
    pub pushed_packets: u64,
    /// Packets with SYN.
    pub syn_packets: u64,
    /// Packets with FIN.
    pub fin_packets: u64,
    /// The scale of its windows (bits), when it asked for that.
    pub window_scale: Option<u8>,
    /// It sends timestamps.
    pub timestamps: bool,
    /// It understands selective acknowledgements.
    pub sack_permitted: bool,
    /// Packets with data and URG.
    pub urgent_packets: u64,
    /// Their urgent pointers, added up.
    pub urgent_bytes: u64,
    /// The segments that it wants to receive: bytes at most.
    pub mss: Option<u16>,
    /// Data sent before any data was acknowledged: bytes.
    pub initial_window_bytes: u64,
    /// The same in packets.
    pub initial_window_packets: u64,
    /// Data that the capture cut off.
    pub truncated_bytes: u64,
    /// Packets of which it did.
    pub truncated_packets: u64,
    /// Acknowledgements that had waited for something sent again before it.
    pub acks_after_loss: u64,
    /// Segments acknowledged together with a later one.
    pub cumulatively_acknowledged: u64,
    /// Duplicate acknowledgements of this side's data (RFC 5681, 2).
    pub duplicate_acks: u64,
    /// How often there were three of them, which makes a sender send again.
    pub triple_duplicate_acks: u64,
    /// How often the same segment was sent again, at most.
    pub most_retransmissions: u32,
}
