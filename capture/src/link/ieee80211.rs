//! IEEE 802.11 frames, and the headers in which radios say how they heard them: radiotap
//! (<https://www.radiotap.org>), PPI, Prism, AVS.

use super::{Layers, Network, Protocol, Wlan, by_type, llc, mac, short};
use crate::packet::LinkType;

/// What a radio said.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Radio {
    signal: Option<i8>,
    /// The frame's check sequence stands behind it.
    check: bool,
    /// The header is padded to 32 bits before the content.
    padded: bool,
}

/// IEEE 802.11-2020, 9.2 and 9.3; numbers are little-endian.
pub(super) fn frame<'a>(layers: &mut Layers<'a>, data: &'a [u8], radio: Radio) {
    layers.path.push(Protocol::Wlan);
    layers.network = Network::Wlan;
    layers.payload = data;
    let data = match radio.check {
        true => data.get(..data.len().saturating_sub(4)).unwrap_or_default(),
        false => data,
    };
    let [Some(control), Some(flags)] = [data.first(), data.get(1)] else {
        return layers.cut(data);
    };
    let (kind, subtype) = (control >> 2 & 3, control >> 4);
    let (to_ds, from_ds) = (flags & 1 != 0, flags & 2 != 0);
    let mut wlan = Wlan {
        kind,
        subtype,
        retry: flags & 8 != 0,
        protected: flags & 0x40 != 0,
        sequence: None,
        network: None,
        transmitter: None,
        receiver: None,
        signal: radio.signal,
    };
    let [first, second, third] = [mac(data, 4), mac(data, 10), mac(data, 16)];
    (wlan.receiver, wlan.transmitter) = (first, second);
    let (mut source, mut destination) = (second, first);
    if kind != 1 {
        wlan.sequence = short(data, 22).map(u16::swap_bytes);
        wlan.network = third;
    }
    if kind == 2 {
        (destination, source, wlan.network) = match (to_ds, from_ds) {
            (false, false) => (first, second, third),
            (false, true) => (first, third, second),
            (true, false) => (third, second, first),
            (true, true) => (third, mac(data, 24), None),
        };
    }
    layers.source = source;
    layers.destination = destination;
    layers.wlan = Some(wlan);
    // a data frame may carry nothing (subtype's bit 2), or what only its receiver can read
    if kind != 2 || subtype & 4 != 0 || wlan.protected {
        return;
    }
    let quality = subtype & 8 != 0;
    let mut length = 24;
    if to_ds && from_ds {
        length += 6;
    }
    let several = quality && data.get(length).is_some_and(|byte| byte & 0x80 != 0);
    // the mesh header, which nothing here reads, is announced by a bit of the quality field
    if quality {
        length += 2;
        if flags & 0x80 != 0 {
            length += 4;
        }
    }
    if radio.padded {
        length = usize::next_multiple_of(length, 4);
    }
    let Some(body) = data.get(length..) else {
        return layers.cut(data);
    };
    // later fragments do not begin with a header
    if wlan.sequence.is_some_and(|sequence| sequence & 0xf != 0) {
        return;
    }
    if !several {
        return llc(layers, body);
    }
    // several frames in one: the first, whose addresses say more
    let Some(length) = short(body, 12) else {
        return layers.cut(data);
    };
    let content = body.get(14..).unwrap_or_default();
    layers.destination = mac(body, 0).or(layers.destination);
    layers.source = mac(body, 6).or(layers.source);
    llc(
        layers,
        content.get(..usize::from(length)).unwrap_or(content),
    );
}

pub(super) fn radiotap<'a>(layers: &mut Layers<'a>, data: &'a [u8]) {
    layers.path.push(Protocol::Radiotap);
    let length = short(data, 2).map(|length| usize::from(length.swap_bytes()));
    let Some((header, rest)) = length.and_then(|length| data.split_at_checked(length)) else {
        return layers.cut(data);
    };
    frame(layers, rest, radiotap_fields(header).unwrap_or_default());
}

/// The first fields, each aligned to its size, in the order of their bits; none when the header is too short.
fn radiotap_fields(header: &[u8]) -> Option<Radio> {
    let word = |at: usize| Some(u32::from_le_bytes(*header.get(at..)?.first_chunk()?));
    let present = word(4)?;
    let mut at = 8;
    let mut more = present;
    // further words of what is present
    while more & 0x8000_0000 != 0 {
        more = word(at)?;
        at += 4;
    }
    let mut radio = Radio::default();
    // size, which here is also the alignment but for the two fields of two halves
    for (bit, size, align) in [
        (0, 8, 8),
        (1, 1, 1),
        (2, 1, 1),
        (3, 4, 2),
        (4, 2, 1),
        (5, 1, 1),
    ] {
        if present & 1 << bit == 0 {
            continue;
        }
        at = usize::next_multiple_of(at, align);
        let value = *header.get(at)?;
        match bit {
            1 => {
                radio.check = value & 0x10 != 0;
                radio.padded = value & 0x20 != 0;
            }
            5 => radio.signal = Some(value.cast_signed()),
            _ => {}
        }
        at += size;
    }
    Some(radio)
}

/// Per-Packet Information (<https://www.cacetech.com/documents/PPI%20Header%20format%201.0.7.pdf>).
pub(super) fn ppi<'a>(layers: &mut Layers<'a>, data: &'a [u8], depth: u8) {
    layers.path.push(Protocol::Ppi);
    let little = |at| short(data, at).map(u16::swap_bytes);
    let length = little(2).map(usize::from).filter(|length| *length >= 8);
    let link = data.get(4..8).and_then(|link| link.first_chunk());
    let split = length.and_then(|length| data.split_at_checked(length));
    let (Some((header, rest)), Some(link), true) = (split, link, depth > 0) else {
        return layers.cut(data);
    };
    let link = LinkType(u32::from_le_bytes(*link));
    if link != LinkType::IEEE802_11 {
        return by_type(layers, link, rest, depth - 1);
    }
    let aligned = header.get(1).is_some_and(|flags| flags & 1 != 0);
    let mut radio = Radio::default();
    let mut at = 8;
    while let (Some(kind), Some(size)) = (short(header, at), short(header, at + 2)) {
        let (kind, size) = (kind.swap_bytes(), usize::from(size.swap_bytes()));
        let field = header.get(at + 4..at + 4 + size).unwrap_or_default();
        // 802.11-Common: timer, flags, rate, channel and its flags, hops, signal, noise
        if kind == 2 && field.len() >= 20 {
            radio.check = field.get(8).is_some_and(|flags| flags & 1 != 0);
            let signal = field.get(18).map(|signal| signal.cast_signed());
            radio.signal = signal.filter(|signal| *signal != -128);
        }
        at += 4 + if aligned {
            size.next_multiple_of(4)
        } else {
            size
        };
    }
    frame(layers, rest, radio);
}

/// Prism: 144 bytes, unless it is AVS under the same number.
pub(super) fn prism<'a>(layers: &mut Layers<'a>, data: &'a [u8]) {
    if data.starts_with(&[0x80, 0x21, 0x10]) {
        return avs(layers, data);
    }
    layers.path.push(Protocol::Prism);
    match data.get(144..) {
        Some(rest) => frame(layers, rest, Radio::default()),
        None => layers.cut(data),
    }
}

/// AVS: a cookie, then its length, in network byte order.
pub(super) fn avs<'a>(layers: &mut Layers<'a>, data: &'a [u8]) {
    layers.path.push(Protocol::Avs);
    let length = data.get(4..8).and_then(|length| length.first_chunk());
    let length = length.map(|length| u32::from_be_bytes(*length) as usize);
    match length
        .filter(|length| *length >= 8)
        .and_then(|length| data.get(length..))
    {
        Some(rest) => frame(layers, rest, Radio::default()),
        None => layers.cut(data),
    }
}
