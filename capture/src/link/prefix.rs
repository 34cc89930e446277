//! Link types that put a few bytes before the packet: BSD's loopback, Linux's "cooked", Apple's PKTAP.

use super::{Layers, Network, Process, Protocol, by_type, by_version, ethernet, llc, mac, short};
use crate::packet::LinkType;

/// An address family in whichever byte order: the numbers are small, and those of IPv6 differ by system.
pub(super) fn null<'a>(layers: &mut Layers<'a>, data: &'a [u8]) {
    layers.path.push(Protocol::Null);
    let Some((family, rest)) = data.split_first_chunk() else {
        return layers.cut(data);
    };
    let family = u32::from_be_bytes(*family);
    let family = if family > 0xffff {
        family.swap_bytes()
    } else {
        family
    };
    layers.payload = rest;
    layers.network = match family {
        2 => Network::Ipv4,
        // NetBSD and OpenBSD, FreeBSD, macOS, Linux
        24 | 28 | 30 | 10 => Network::Ipv6,
        _ => Network::Unknown,
    };
}

/// <https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html>
pub(super) fn cooked<'a>(layers: &mut Layers<'a>, data: &'a [u8]) {
    layers.path.push(Protocol::LinuxCooked);
    let (Some(length), Some(protocol), Some(rest)) =
        (short(data, 4), short(data, 14), data.get(16..))
    else {
        return layers.cut(data);
    };
    if length == 6 {
        layers.source = mac(data, 6);
    }
    layers.interface = short(data, 0).map(|kind| (0, kind));
    cooked_payload(layers, protocol, rest);
}

/// <https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html>
pub(super) fn cooked2<'a>(layers: &mut Layers<'a>, data: &'a [u8]) {
    layers.path.push(Protocol::LinuxCooked);
    let (Some(protocol), Some(length), Some(rest)) = (short(data, 0), data.get(11), data.get(20..))
    else {
        return layers.cut(data);
    };
    if *length == 6 {
        layers.source = mac(data, 12);
    }
    let index = data.get(4..8).and_then(|index| index.first_chunk());
    let index = index.map(|index| u32::from_be_bytes(*index));
    layers.interface = index.zip(data.get(10).copied().map(u16::from));
    cooked_payload(layers, protocol, rest);
}

fn cooked_payload<'a>(layers: &mut Layers<'a>, protocol: u16, rest: &'a [u8]) {
    match protocol {
        // Linux's own numbers: 802.2, and Novell's frames without it
        4 => llc(layers, rest),
        1 => {
            layers.network = Network::EtherType(1);
            layers.payload = rest;
        }
        number => ethernet::typed(layers, number.max(1501), rest),
    }
}

const PKTAP_SHORTEST: u32 = 108;

/// Whether a packet of the number that Apple shares with others has Apple's header.
pub(crate) fn is_pktap(data: &[u8]) -> bool {
    let (Some(length), Some(kind)) = (little(data, 0), little(data, 4)) else {
        return false;
    };
    (PKTAP_SHORTEST..=1024).contains(&length) && kind <= 1
}

/// What is behind Apple's header, where a packet has one: the link type and the bytes.
pub(crate) fn inside_pktap(link: LinkType, data: &[u8]) -> Option<(LinkType, &[u8])> {
    if !(link == LinkType::PKTAP || link == LinkType::USER2 && is_pktap(data)) {
        return None;
    }
    let (length, inside) = (little(data, 0)?, little(data, 8)?);
    let rest = data.get(usize::try_from(length).ok()?..)?;
    let inside = match inside {
        // where it does not say, only IP tells itself
        0 if rest.first().is_some_and(|byte| matches!(byte >> 4, 4 | 6)) => LinkType::RAW,
        inside => LinkType(inside),
    };
    (length >= PKTAP_SHORTEST).then_some((inside, rest))
}

/// Apple's header, in little-endian byte order (`struct pktap_header` of XNU's `bsd/net/pktap.h`).
pub(super) fn pktap<'a>(layers: &mut Layers<'a>, data: &'a [u8], depth: u8) {
    layers.path.push(Protocol::Pktap);
    let (Some(length), Some(link)) = (little(data, 0), little(data, 8)) else {
        return layers.cut(data);
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let rest = data.get(length..);
    let (Some(rest), true) = (rest, length >= PKTAP_SHORTEST as usize && depth > 0) else {
        return layers.cut(data);
    };
    layers.process = Some(Process {
        interface: text(data, 12, 24),
        pid: little(data, 52).map_or(-1, u32::cast_signed),
        name: text(data, 56, 20),
    });
    match link {
        0 if rest.first().is_some_and(|byte| matches!(byte >> 4, 4 | 6)) => {
            by_version(layers, rest)
        }
        link => by_type(layers, LinkType(link), rest, depth - 1),
    }
}

fn little(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*data.get(at..)?.first_chunk()?))
}

/// A name in a field of fixed length.
fn text(data: &[u8], at: usize, length: usize) -> &str {
    let field = data.get(at..at + length).unwrap_or_default();
    let end = field.iter().position(|byte| *byte == 0);
    let field = field.get(..end.unwrap_or(field.len())).unwrap_or_default();
    std::str::from_utf8(field).unwrap_or_default()
}
