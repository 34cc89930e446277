//! What must hold for any bytes at all. Run by the fuzz targets in `fuzz/`, and by tests that mutate captures.

use crate::{
    LinkType, Packet, Reader,
    dns::Message,
    filter::Filter,
    flows::Flows,
    http::{ExchangeId, Head, Http1, Http2, Position, Sink, Upgrade},
    icmp::IcmpError,
    ip::{self, Fragments},
    link,
    overview::{Overview, Row, Wanted as Counted},
    packet::{Span, Spot},
    tcp::{self, Connection, Event, Place, Side, Tcp, Wanted},
    tls::{KeyLog, Observer},
    walk::walk,
};
use overhear_store::Timestamp;
use std::{collections::HashMap, io::Cursor, ops::ControlFlow};

/// A file: it is read to its end or to a damage that has a place in it, and everything in it is taken apart.
pub fn file(data: &[u8]) {
    let Ok(mut reader) = Reader::new(Cursor::new(data.to_vec())) else {
        return;
    };
    let gzip = reader.kind().gzip;
    let mut overview = Overview::new(Counted {
        talk: true,
        hierarchy: true,
    });
    let mut numbers = 0;
    // what gzip inflates to is not bounded by the input
    let limit = 10_000;
    let damage = walk(
        &mut reader,
        |_| true,
        |packet, layers, ip| {
            numbers += 1;
            assert_eq!(packet.number, numbers);
            overview.packet(packet, layers, ip);
            match numbers < limit {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        },
    );
    if let Some(damage) = damage {
        assert_eq!(damage.packets, numbers);
        assert!(gzip || damage.offset <= data.len() as u64);
        assert!(
            matches!(reader.next(), Ok(None)),
            "it goes on after {damage}"
        );
        assert!(!damage.to_string().is_empty());
    }
    assert_eq!(overview.all.packets, numbers);
    let roots = overview.hierarchy();
    let counted: u64 = roots.iter().map(|root| root.count.packets).sum();
    assert!(counted <= numbers);
}

/// A file again, and what flows are made of it.
pub fn flows(data: &[u8]) {
    let Ok(mut reader) = Reader::new(Cursor::new(data.to_vec())) else {
        return;
    };
    let mut flows = Flows::new(None, "fuzz");
    // what gzip inflates to is not bounded by the input
    for _ in 0..10_000 {
        match reader.next() {
            Ok(Some(packet)) => flows.packet(&packet),
            _ => break,
        }
    }
    flows.finish();
}

/// What chooses packets, as a person writes it: it is taken apart, and a row that is read is written as the same row.
pub fn filter(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = Filter::new(&text, true);
    if let Ok(row) = text.parse::<Row>() {
        let again = row.to_string();
        assert_eq!(again.parse::<Row>().as_ref(), Ok(&row), "{again}");
    }
}

/// A packet of the link type that its first byte chooses: what is found in it lies in it.
pub fn packet(data: &[u8]) {
    const LINKS: [u32; 24] = [
        0, 1, 9, 12, 14, 50, 51, 101, 104, 105, 108, 113, 119, 127, 149, 163, 166, 192, 204, 228,
        229, 258, 276, 147,
    ];
    let Some((first, data)) = data.split_first() else {
        return;
    };
    let link = LINKS.get(usize::from(*first) % LINKS.len()).copied();
    let link = LinkType(link.unwrap_or(1));
    dissected(&crate::dissect::dissect(link, data), data.len());
    let layers = link::decode(link, data);
    assert!(inside(layers.payload, data));
    assert!(!layers.path.as_slice().is_empty() || layers.payload.len() == data.len());
    let found = ip::decode(&layers);
    if let Ok(ip) = &found {
        assert!(inside(ip.payload, data));
        assert!(ip.payload.len() <= ip.payload_length);
        if let Some(error) = IcmpError::read(ip) {
            assert!(!error.text().is_empty());
        }
        if let Some(segment) = tcp::decode(ip) {
            assert!(inside(segment.payload, data) && segment.payload.len() <= segment.length);
            let _ = segment.options();
        }
    }
    let mut overview = Overview::new(Counted {
        talk: true,
        hierarchy: true,
    });
    let packet = Packet {
        number: 1,
        time: 0,
        link,
        interface: 0,
        original_length: u32::try_from(data.len()).unwrap_or(u32::MAX),
        offset: 0,
        data,
    };
    overview.packet(&packet, &layers, found.as_ref().ok());
    // each row that it is counted in finds it
    let rows = overview.conversations();
    let rows = rows.iter().map(|one| Row::conversation(&one.ends));
    let addresses = overview.endpoints();
    let addresses = addresses.iter().map(|one| Row::Endpoint(one.address));
    for row in rows.chain(addresses) {
        assert!(row.matches(&layers, found.as_ref().ok()), "{row}");
    }
}

/// Fragments of IPv4, or of IPv6 where the number says so: records of a length, a place, a number, then bytes. What is put together is what came first.
pub fn fragments(data: &[u8]) {
    let mut fragments = Fragments::default();
    let mut rest = data;
    let mut number = 0;
    while let Some(([length, place, id, time], after)) = rest.split_first_chunk::<4>() {
        let length = usize::from(length & 0x3f).min(after.len());
        let (bytes, after) = after.split_at(length);
        rest = after;
        number += 1;
        let offset = u16::from(place & 0x3f);
        let more = u16::from(place >> 7);
        let datagram = match id & 4 {
            0 => fragment_of_ipv4(*id & 3, offset | more << 13, bytes),
            _ => fragment_of_ipv6(*id & 3, offset << 3 | more, bytes),
        };
        let ip = match id & 4 {
            0 => ip::ipv4(&datagram),
            _ => ip::ipv6(&datagram),
        };
        let Ok(ip) = ip else {
            continue;
        };
        if let Some(whole) = fragments.add(
            &ip,
            number,
            Spot::default(),
            i64::from(*time) * 1_000_000_000,
        ) {
            assert!(whole.packets.len() as u64 <= number);
            assert_eq!(whole.ip().payload_length, whole.bytes.len());
        }
    }
}

fn fragment_of_ipv4(id: u8, place: u16, bytes: &[u8]) -> Vec<u8> {
    let total = u16::try_from(20 + bytes.len()).unwrap_or(u16::MAX);
    let mut datagram = vec![0x45, 0];
    datagram.extend(total.to_be_bytes());
    datagram.extend([0, id]);
    datagram.extend(place.to_be_bytes());
    datagram.extend([64, 17, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    datagram.extend_from_slice(bytes);
    datagram
}

fn fragment_of_ipv6(id: u8, place: u16, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + bytes.len()).unwrap_or(u16::MAX);
    let mut datagram = vec![0x60, 0, 0, 0];
    datagram.extend(length.to_be_bytes());
    datagram.extend([44, 64]);
    datagram.extend([1; 16]);
    datagram.extend([2; 16]);
    datagram.extend([17, 0]);
    datagram.extend(place.to_be_bytes());
    datagram.extend([0, 0, 0, id]);
    datagram.extend_from_slice(bytes);
    datagram
}

/// Segments of a few connections: the streams have no hole that was not told, and nothing is told twice.
pub fn segments(data: &[u8]) {
    let mut tcp = Tcp::new(Wanted {
        streams: true,
        account: true,
    });
    let mut told: HashMap<(u64, Side), (i64, bool)> = HashMap::new();
    let mut closed = 0_u64;
    let mut sink = |connection: &Connection, event: Event<'_>| match event {
        Event::Data(data) => {
            let (next, over) = told.entry((connection.number, data.side)).or_default();
            assert_eq!(data.offset, *next);
            assert!(!*over && !data.bytes.is_empty());
            *next += data.bytes.len() as i64;
        }
        Event::Gap {
            side,
            offset,
            length,
            ..
        } => {
            let (next, over) = told.entry((connection.number, side)).or_default();
            assert_eq!(offset, *next);
            assert!(!*over && length > 0);
            *next = next.saturating_add_unsigned(length);
        }
        Event::Late(data) => {
            let (next, _) = told
                .get(&(connection.number, data.side))
                .copied()
                .unwrap_or_default();
            assert!(data.offset + data.bytes.len() as i64 <= next.max(0));
        }
        Event::Finished { side, length } => {
            let (next, over) = told.entry((connection.number, side)).or_default();
            assert_eq!(*next, length);
            assert!(!std::mem::replace(over, true));
        }
        Event::Closed(_) => closed += 1,
        _ => {}
    };
    let mut rest = data;
    let mut packet = 0;
    let mut time = 0_i64;
    while let Some((record, after)) = rest.split_first_chunk::<8>() {
        let [who, flags, s0, s1, a0, a1, length, wait] = *record;
        let length = usize::from(length & 0x7f).min(after.len());
        let (bytes, after) = after.split_at(length);
        rest = after;
        packet += 1;
        time += i64::from(wait) << (wait >> 3);
        let port = 1000 + u16::from(who >> 1 & 1);
        let (from, to) = if who & 1 == 0 { (port, 80) } else { (80, port) };
        // near the end of the numbers, so that they wrap
        let near = |high: u8, low: u8| {
            0xffff_ff00_u32.wrapping_add(u32::from(u16::from_be_bytes([high & 3, low])))
        };
        let sequence = if who & 0x80 == 0 {
            near(s0, s1)
        } else {
            u32::from_be_bytes([s0, s1, a0, a1])
        };
        let mut header = Vec::with_capacity(40 + bytes.len());
        let total = u16::try_from(40 + bytes.len()).unwrap_or(u16::MAX) + u16::from(who >> 4 & 3);
        header.extend([0x45, 0]);
        header.extend(total.to_be_bytes());
        header.extend([0, 0, 0, 0, 64, 6, 0, 0]);
        let (client, server) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let ends = if who & 1 == 0 {
            (client, server)
        } else {
            (server, client)
        };
        header.extend(ends.0);
        header.extend(ends.1);
        header.extend(from.to_be_bytes());
        header.extend(to.to_be_bytes());
        header.extend(sequence.to_be_bytes());
        header.extend(near(a0, a1).to_be_bytes());
        header.extend([0x50, flags, s0, s1, 0, 0, 0, 0]);
        header.extend_from_slice(bytes);
        let Ok(ip) = ip::ipv4(&header) else {
            continue;
        };
        let Some(segment) = tcp::decode(&ip) else {
            continue;
        };
        let place = Place {
            packet,
            time,
            vlan: None,
            span: Span::default(),
        };
        tcp.segment(place, &ip, &segment, &mut sink);
    }
    tcp.finish(&mut sink);
    assert_eq!(tcp.open(), 0);
    assert_eq!(closed, tcp.begun());
}

/// Pieces of the two directions of an HTTP/2 connection, some of them missing: every exchange is told as it must be.
pub fn http2(data: &[u8]) {
    let mut told = Told::default();
    let mut http = match data.first() {
        Some(1) => {
            told.exchanges.insert(Http2::UPGRADED, [0, 0]);
            Http2::upgraded()
        }
        _ => Http2::default(),
    };
    let mut rest = data.get(1..).unwrap_or_default();
    let mut packet = 0;
    while let Some(([what, high, low], after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high & 3, *low]));
        let (bytes, after) = after.split_at(length.min(after.len()));
        rest = after;
        packet += 1;
        let side = match what & 1 {
            0 => overhear_store::Side::Request,
            _ => overhear_store::Side::Response,
        };
        let at = Position {
            at: Timestamp(packet),
            packet: packet.cast_unsigned(),
            ..Position::default()
        };
        match what & 0x80 {
            0 => http.push(side, at, bytes, &mut told),
            _ => http.gap(side, at, u64::from(*low), &mut told),
        }
    }
    http.finish(Position::default(), "The end.", &mut told);
}

/// What was told of HTTP exchanges, and what must hold of it.
#[derive(Default)]
struct Told {
    /// How often each message ended.
    exchanges: HashMap<ExchangeId, [u8; 2]>,
    unreadable: bool,
    /// HTTP/1 in a tunnel or after an upgrade: what comes is not its own any more.
    upgraded: bool,
    is_http1: bool,
}

impl Told {
    fn open(&mut self, id: ExchangeId) -> &mut [u8; 2] {
        assert!(!self.unreadable);
        self.exchanges.entry(id).or_default()
    }

    fn of(&mut self, id: ExchangeId, side: overhear_store::Side) {
        let ended = self.open(id)[side as usize];
        assert!(ended == 0 || self.upgraded, "{id} goes on after its end");
    }
}

impl Sink for Told {
    fn request(&mut self, id: ExchangeId, _: Position, head: &Head<'_>) {
        self.of(id, overhear_store::Side::Request);
        assert!(head.bytes.len() < 1 << 20 && (self.is_http1 || head.bytes.ends_with(b"\r\n")));
    }
    fn interim(&mut self, id: ExchangeId, _: Position, _: &Head<'_>) {
        self.of(id, overhear_store::Side::Response);
    }
    fn response(&mut self, id: ExchangeId, _: Position, head: &Head<'_>) {
        self.of(id, overhear_store::Side::Response);
        assert!(head.bytes.len() < 1 << 20 && (self.is_http1 || head.bytes.ends_with(b"\r\n")));
    }
    fn body(&mut self, id: ExchangeId, side: overhear_store::Side, _: Position, bytes: &[u8]) {
        self.of(id, side);
        assert!(self.is_http1 || !bytes.is_empty());
    }
    fn trailers(&mut self, id: ExchangeId, side: overhear_store::Side, _: Position, _: &[u8]) {
        self.of(id, side);
    }
    fn end(&mut self, id: ExchangeId, side: overhear_store::Side, _: Position) {
        self.of(id, side);
        self.open(id)[side as usize] = 1;
    }
    fn upgraded(&mut self, id: ExchangeId, _: Position, upgrade: Upgrade) {
        self.open(id);
        self.upgraded |= self.is_http1;
        assert!(self.is_http1 || upgrade == Upgrade::WebSocket);
    }
    fn tunnel(&mut self, _: overhear_store::Side, _: Position, bytes: &[u8]) {
        assert!((self.unreadable || self.upgraded) && !bytes.is_empty());
    }
    fn broken(&mut self, id: ExchangeId, _: overhear_store::Side, _: Position, why: &str) {
        self.open(id);
        assert!(why.ends_with('.'));
    }
    fn unreadable(&mut self, _: Position, why: &str) {
        assert!(!std::mem::replace(&mut self.unreadable, true));
        assert!(why.ends_with('.'));
    }
}

/// Whether a slice is a part of another, by where it lies.
fn inside(part: &[u8], whole: &[u8]) -> bool {
    let (range, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    part.is_empty() || (range.start >= whole.start && range.end <= whole.end)
}

pub use crate::{http::check_field_blocks as hpack, print::fuzz as print};

/// A key log, then pieces of the two directions of a TLS connection, some of them missing: what is opened was sealed,
/// and what is not says why.
pub fn tls(data: &[u8]) {
    let Some((length, rest)) = data.split_first_chunk() else {
        return;
    };
    let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
    let (log, mut rest) = rest.split_at(length);
    let keys = KeyLog::default();
    keys.add(log);
    let mut observer = Observer::new(keys);
    let (mut given, mut said) = (0, 0);
    while let Some(([what, high, low], after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (bytes, after) = after.split_at(length.min(after.len()));
        rest = after;
        let side = match what & 1 {
            0 => overhear_store::Side::Request,
            _ => overhear_store::Side::Response,
        };
        match what & 0x80 {
            0 => observer.push(side, Position::default(), bytes),
            _ => observer.gap(side, u64::from(*low)),
        }
        given += bytes.len();
        let before = observer.decrypts();
        said += observer
            .take_said()
            .iter()
            .map(|said| said.bytes.len())
            .sum::<usize>();
        assert!(said <= given);
        assert!(before || observer.note().is_none_or(|note| note.ends_with('.')));
    }
    let _ = observer.seen().info();
}

/// Lines of a key log: no more is found than there are lines.
pub fn keylog(data: &[u8]) {
    let found = KeyLog::default().add(data);
    let lines = data.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    assert!(found <= lines);
}

/// Pieces of the two directions of an HTTP/1 connection, some of them missing: every exchange is told as it must be.
pub fn http1(data: &[u8]) {
    let mut told = Told {
        is_http1: true,
        ..Told::default()
    };
    let mut http = match data.first() {
        Some(1) => Http1::midway(),
        _ => Http1::default(),
    };
    let mut rest = data.get(1..).unwrap_or_default();
    while let Some(([what, high, low], after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high & 3, *low]));
        let (bytes, after) = after.split_at(length.min(after.len()));
        rest = after;
        let side = match what & 1 {
            0 => overhear_store::Side::Request,
            _ => overhear_store::Side::Response,
        };
        let at = Position::default();
        match what & 0xc0 {
            0x80 => http.gap(side, at, u64::from(*low), &mut told),
            0x40 => http.close(side, at, &mut told),
            _ => http.push(side, at, bytes, &mut told),
        }
    }
    http.finish(Position::default(), "The end.", &mut told);
}

/// A DNS message, and an ICMP message: what is read of them can be said.
pub fn datagrams(data: &[u8]) {
    if let Some(message) = Message::read(data) {
        let (head, answer) = (message.head(), message.answer());
        assert!(head.len() < 1 << 20 && answer.len() < 1 << 20);
        let _ = message.is_likely();
    }
    let mut packet = vec![
        0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2,
    ];
    packet.extend_from_slice(data);
    let total = u16::try_from(packet.len()).unwrap_or(u16::MAX);
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    if let Ok(ip) = ip::ipv4(&packet)
        && let Some(error) = IcmpError::read(&ip)
    {
        assert!(!error.text().is_empty());
    }
}

/// Pieces of the two directions of a TCP connection to a port that the first byte chooses, some of them missing: what it
/// speaks is found out (mail that turns to TLS, DNS over TCP, databases, HTTP, WebSocket), and what goes wrong is told with proof.
pub fn conversation(data: &[u8]) {
    const PORTS: [u16; 6] = [25, 53, 80, 443, 5432, 50_000];
    let Some((first, mut rest)) = data.split_first() else {
        return;
    };
    let port = PORTS.get(usize::from(*first) % PORTS.len()).copied();
    let port = port.unwrap_or(80);
    let mut flows = Flows::new(None, "fuzz");
    let mut next = [1_u32, 1];
    let mut number = 0;
    let mut segment = |flows: &mut Flows, side: usize, flags: u8, next: [u32; 2], bytes: &[u8]| {
        number += 1;
        let ends = [(40_000_u16, 1_u8), (port, 2)];
        let ((from, a), (to, b)) = (ends[side], ends[1 - side]);
        let total = u16::try_from(40 + bytes.len()).unwrap_or(u16::MAX);
        let [high, low] = total.to_be_bytes();
        let mut packet = vec![0x45, 0, high, low, 0, number as u8, 0, 0, 64, 6, 0, 0];
        packet.extend([10, 0, 0, a, 10, 0, 0, b]);
        packet.extend(from.to_be_bytes());
        packet.extend(to.to_be_bytes());
        packet.extend(next[side].to_be_bytes());
        packet.extend(next[1 - side].to_be_bytes());
        packet.extend([0x50, flags, 0x10, 0, 0, 0, 0, 0]);
        packet.extend_from_slice(bytes);
        flows.packet(&Packet {
            number,
            time: number.cast_signed() * 1_000_000,
            link: LinkType::RAW,
            interface: 0,
            original_length: u32::from(total),
            offset: 0,
            data: &packet,
        });
    };
    if first & 0x80 == 0 {
        segment(&mut flows, 0, 2, [0, 0], b"");
        segment(&mut flows, 1, 0x12, [1, 0], b"");
    }
    while let Some(([what, high, low], after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high & 3, *low]));
        let (bytes, after) = after.split_at(length.min(after.len()));
        rest = after;
        let side = usize::from(what & 1);
        match what & 0xc0 {
            // it passed, and was not captured
            0x80 => next[side] = next[side].wrapping_add(u32::from(*low)),
            0x40 => segment(&mut flows, side, 0x11, next, b""),
            0xc0 => segment(&mut flows, side, 4, next, b""),
            _ => {
                segment(&mut flows, side, 0x18, next, bytes);
                next[side] = next[side].wrapping_add(u32::try_from(bytes.len()).unwrap_or(0));
            }
        }
    }
    flows.finish();
    for finding in flows.findings().0 {
        assert!(!finding.text.is_empty() && !finding.means.is_empty());
        assert!(finding.packets.is_sorted() && finding.packets.len() as u64 <= finding.count);
        assert!(
            finding
                .packets
                .iter()
                .all(|packet| (1..=number).contains(packet))
        );
    }
}

#[cfg(test)]
mod tests;

/// Every layer and every field lies in the packet, and there are not too many of them.
fn dissected(layers: &[crate::dissect::Layer], length: usize) {
    fn fields(list: &[crate::dissect::Field], length: usize) -> usize {
        list.iter()
            .map(|field| {
                assert!(field.range.start <= field.range.end && field.range.end <= length);
                1 + fields(&field.fields, length)
            })
            .sum()
    }
    assert!(layers.len() <= 32);
    for layer in layers {
        assert!(layer.range.start <= layer.range.end && layer.range.end <= length);
        assert!(fields(&layer.fields, length) < 10_000);
    }
}
