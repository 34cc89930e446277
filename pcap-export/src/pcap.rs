//! The classic capture file, with times in nanoseconds (draft-ietf-opsawg-pcap). Little-endian.

use overhear_store::Timestamp;

/// Packets begin with their IP header.
pub(crate) const LINKTYPE_RAW: u16 = 101;

/// No packet is longer.
pub(crate) const SNAPLEN: u32 = 65_535;

const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;

/// Appends the file header.
pub(crate) fn header(out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC_NANOSECONDS.to_le_bytes());
    out.extend_from_slice(&2u16.to_le_bytes());
    out.extend_from_slice(&4u16.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&SNAPLEN.to_le_bytes());
    out.extend_from_slice(&u32::from(LINKTYPE_RAW).to_le_bytes());
}

/// Appends a packet. Times before 1970 and after 2106 do not fit: they become the nearest that does.
pub(crate) fn packet(out: &mut Vec<u8>, at: Timestamp, packet: &[u8]) {
    let nanoseconds = u64::try_from(at.0).unwrap_or(0);
    let seconds = u32::try_from(nanoseconds / 1_000_000_000).unwrap_or(u32::MAX);
    let fraction = (nanoseconds % 1_000_000_000) as u32;
    let length = packet.len() as u32;
    for word in [seconds, fraction, length, length] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(packet);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_by_byte() {
        let mut out = Vec::new();
        header(&mut out);
        packet(&mut out, Timestamp(1_700_000_000_123_456_789), b"\x45abc");
        let expected = [
            0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0,
            0, 0, // header
            0x00, 0xf1, 0x53, 0x65, 0x15, 0xcd, 0x5b, 0x07, 4, 0, 0, 0, 4, 0, 0, 0, 0x45, b'a',
            b'b', b'c',
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn another_program_reads_it() {
        let mut out = Vec::new();
        header(&mut out);
        packet(&mut out, Timestamp(1_700_000_000_123_456_789), b"one");
        packet(&mut out, Timestamp(-5), b"before 1970");
        let mut reader = pcap_file::pcap::PcapReader::new(&out[..]).unwrap();
        let mut read = Vec::new();
        while let Some(packet) = reader.next_packet() {
            let packet = packet.unwrap();
            read.push((packet.timestamp().as_nanos(), packet.data().to_vec()));
        }
        let expected = [
            (1_700_000_000_123_456_789, b"one".to_vec()),
            (0, b"before 1970".to_vec()),
        ];
        assert_eq!(read, expected);
    }
}
