//! What must hold for whatever was recorded: heads that are none, bodies that are cut, times that go back. Run by the fuzz target
//! in `fuzz/`, and by the test here on mutated recordings.

use crate::{
    ExportOptions, Format,
    export::Export,
    source::memory::{Entry, Memory, connection, flow},
};
use etherparse::{SlicedPacket, TransportSlice};
use futures_util::FutureExt as _;
use overhear_store::{FailureCause, HeadKind, Kind, Party, Side};
use std::collections::HashMap;

/// Flows of two connections, as records of what, a time, a length and bytes. The file is whole, its packets stand in the order
/// of time, and the bytes of each direction follow each other without a hole.
pub fn export(data: &[u8]) {
    for format in [Format::Pcap, Format::Pcapng] {
        let options = ExportOptions {
            format,
            ids: None,
            filter: None,
            keep_tls_port: data.len() % 2 == 1,
        };
        let mut out = Vec::new();
        let making = async {
            let mut export = Export::new(recorded(data), &options, &mut out).await?;
            while export.step(&mut out).await? {}
            Ok::<_, overhear_store::Error>(export.summary())
        };
        let made = making.now_or_never();
        let made = made.unwrap_or_else(|| panic!("it waits for what is in memory"));
        let summary = made.unwrap_or_else(|error| panic!("{error}"));
        let packets = match format {
            Format::Pcap => pcap(&out),
            Format::Pcapng => pcapng(&out),
        };
        assert_eq!(packets.len() as u64, summary.packets);
        check(&packets);
    }
}

fn recorded(data: &[u8]) -> Memory {
    let mut flows: Vec<Entry> = Vec::new();
    let mut rest = data;
    while let Some(([what, time, length], after)) = rest.split_first_chunk() {
        let (bytes, after) = after.split_at(usize::from(*length).min(after.len()));
        rest = after;
        let (side, at) = match what & 0x10 {
            0 => (Side::Request, i64::from(*time)),
            _ => (Side::Response, i64::from(*time)),
        };
        let head = |entry: Entry, kind| entry.head(kind, at, &String::from_utf8_lossy(bytes));
        let entry = match (what & 0x0f, flows.pop()) {
            (0, last) => {
                flows.extend(last);
                begun(&flows, *what)
            }
            (_, None) => begun(&flows, *what),
            (1, Some(last)) => head(last, HeadKind::Request),
            (2, Some(last)) => head(last, HeadKind::Response),
            (3, Some(last)) => head(last, HeadKind::Interim),
            (4, Some(last)) => head(last, HeadKind::RequestTrailers),
            (5, Some(last)) => head(last, HeadKind::ResponseTrailers),
            (6, Some(last)) => last.raw(side, at, bytes),
            (7, Some(last)) => last.running(),
            (8, Some(last)) => last.failed(at, FailureCause::Reset, Party::Server, "It was reset."),
            (9, Some(last)) => last.without_server(),
            (_, Some(last)) => last.body(side, at, bytes),
        };
        flows.push(entry);
    }
    Memory::new(vec![connection(1), connection(2)], flows)
}

fn begun(flows: &[Entry], what: u8) -> Entry {
    let id = flows.len() as i64 + 1;
    let kind = match what >> 5 & 3 {
        0 | 1 => Kind::Http,
        2 => Kind::WebSocket,
        _ => Kind::Tcp,
    };
    flow(id, 1 + i64::from(what >> 7), kind)
}

/// Time and bytes of a packet.
type Packet<'a> = (u64, &'a [u8]);

fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk());
    u32::from_le_bytes(*word.unwrap_or_else(|| panic!("the file ends at {at}")))
}

fn pcap(file: &[u8]) -> Vec<Packet<'_>> {
    let mut packets = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let time = u64::from(word(file, at)) * 1_000_000_000 + u64::from(word(file, at + 4));
        let length = word(file, at + 8) as usize;
        assert_eq!(word(file, at + 12) as usize, length);
        packets.push((time, &file[at + 16..at + 16 + length]));
        at += 16 + length;
    }
    packets
}

fn pcapng(file: &[u8]) -> Vec<Packet<'_>> {
    let mut packets = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let length = word(file, at + 4) as usize;
        assert!(length >= 12 && length.is_multiple_of(4));
        assert_eq!(word(file, at + length - 4) as usize, length);
        if word(file, at) == 6 {
            let time = u64::from(word(file, at + 12)) << 32 | u64::from(word(file, at + 16));
            let captured = word(file, at + 20) as usize;
            assert!(32 + captured <= length);
            packets.push((time, &file[at + 28..at + 28 + captured]));
        }
        at += length;
    }
    packets
}

fn check(packets: &[Packet<'_>]) {
    let mut next: HashMap<(u16, u16), u32> = HashMap::new();
    let mut last = 0;
    for (time, bytes) in packets {
        assert!(*time >= last, "time goes back");
        last = *time;
        let sliced = SlicedPacket::from_ip(bytes).unwrap_or_else(|error| panic!("{error}"));
        let Some(TransportSlice::Tcp(tcp)) = sliced.transport else {
            panic!("it is no TCP");
        };
        let side = (tcp.source_port(), tcp.destination_port());
        let taken = tcp.payload().len() as u32 + u32::from(tcp.syn()) + u32::from(tcp.fin());
        let after = tcp.sequence_number().wrapping_add(taken);
        let before = next.insert(side, after);
        let expected = before.filter(|_| !tcp.syn());
        assert!(
            expected.is_none_or(|expected| expected == tcp.sequence_number()),
            "a hole in {side:?}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutated_recordings_become_whole_files() {
        let record = |what: u8, time: u8, bytes: &[u8]| {
            let length = u8::try_from(bytes.len()).unwrap();
            [&[what, time, length], bytes].concat()
        };
        let http = [
            record(0, 0, b""),
            record(
                1,
                5,
                b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            ),
            record(10, 6, b"hello"),
            record(4, 7, b"a: b\r\n\r\n"),
            record(3, 8, b"HTTP/1.1 103 Early\r\n\r\n"),
            record(2, 9, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"),
            record(0x1a, 10, b"yes"),
            record(0x80, 0, b""),
            record(1, 12, b"GET / HTTP/1.1\r\n\r\n"),
            record(8, 13, b""),
        ];
        let http2 = [
            record(0, 0, b""),
            record(
                1,
                5,
                b":method: GET\r\n:scheme: https\r\n:authority: a\r\n:path: /\r\nx: y\r\n\r\n",
            ),
            record(2, 9, b":status: 200\r\ncontent-type: text/plain\r\n\r\n"),
            record(0x1a, 10, b"yes"),
            record(5, 11, b"grpc-status: 0\r\n\r\n"),
            record(0, 0, b""),
            record(1, 7, b":method: POST\r\n:path: /b\r\n\r\n"),
            record(7, 0, b""),
        ];
        let raw = [
            record(0x40, 0, b""),
            record(1, 5, b"GET /c HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
            record(2, 6, b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\n\r\n"),
            record(0x1a, 8, b"\x81\x02hi"),
            record(10, 7, b"\x81\x82\0\0\0\0hi"),
            record(0xe0, 0, b""),
            record(10, 3, b"220 mail"),
            record(0x16, 4, b"?"),
            record(9, 0, b""),
        ];
        let seeds = [http.concat(), http2.concat(), raw.concat()];
        overhear_fuzz_rounds::rounds("pcap_export_export", export, &seeds);
    }
}
