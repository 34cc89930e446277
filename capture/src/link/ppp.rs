//! PPP in its framings (RFC 1661, 1662), PPPoE (RFC 2516), Cisco's HDLC.

use super::{Layers, Network, Protocol, by_ethertype, ethernet, short};

/// With address and control bytes, or without, as the two ends agreed.
pub(super) fn hdlc<'a>(layers: &mut Layers<'a>, data: &'a [u8]) {
    match data {
        [0xff, 3, rest @ ..] => payload(layers, rest),
        // Cisco's addresses: unicast, multicast
        [0x0f | 0x8f, _, ..] => cisco(layers, data),
        _ => payload(layers, data),
    }
}

/// A byte of direction stands before the frame, or in place of the address.
pub(super) fn directed<'a>(layers: &mut Layers<'a>, data: &'a [u8]) {
    match data {
        [_, 0xff, 3, rest @ ..] | [_, 3, rest @ ..] => payload(layers, rest),
        [_, rest @ ..] => payload(layers, rest),
        [] => layers.cut(data),
    }
}

pub(super) fn pppoe<'a>(layers: &mut Layers<'a>, data: &'a [u8]) {
    layers.path.push(Protocol::Pppoe);
    let (Some([_, code, ..]), Some(length), Some(rest)) =
        (data.first_chunk::<6>(), short(data, 4), data.get(6..))
    else {
        return layers.cut(data);
    };
    if *code != 0 {
        layers.network = Network::EtherType(0x8863);
        layers.payload = data;
        return;
    }
    // what is behind the length is padding
    payload(layers, rest.get(..usize::from(length)).unwrap_or(rest));
}

pub(super) fn cisco<'a>(layers: &mut Layers<'a>, data: &'a [u8]) {
    layers.path.push(Protocol::CiscoHdlc);
    let (Some(ethertype), Some(rest)) = (short(data, 2), data.get(4..)) else {
        return layers.cut(data);
    };
    by_ethertype(layers, ethertype, rest);
}

/// A protocol number, in one byte when it is odd and compressed, then what it announces.
fn payload<'a>(layers: &mut Layers<'a>, data: &'a [u8]) {
    layers.path.push(Protocol::Ppp);
    let (number, rest) = match data {
        [low, rest @ ..] if low & 1 == 1 => (u16::from(*low), rest),
        [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        _ => return layers.cut(data),
    };
    layers.payload = rest;
    layers.network = match number {
        0x0021 => Network::Ipv4,
        0x0057 => Network::Ipv6,
        0x0281 | 0x0283 => return ethernet::mpls(layers, rest),
        other => Network::Ppp(other),
    };
}
