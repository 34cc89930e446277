//! IPv4 (RFC 791) and IPv6 (RFC 8200) with its extension headers.

mod fragments;

#[cfg(test)]
mod tests;

pub use fragments::{Fragments, Whole};

use crate::link::{Layers, Network};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Protocol numbers (<https://www.iana.org/assignments/protocol-numbers>) that are looked into.
pub mod protocol {
    /// Internet Control Message Protocol.
    pub const ICMP: u8 = 1;
    /// Transmission Control Protocol.
    pub const TCP: u8 = 6;
    /// User Datagram Protocol.
    pub const UDP: u8 = 17;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// Stream Control Transmission Protocol.
    pub const SCTP: u8 = 132;
}

/// A datagram, or a fragment of one.
#[derive(Debug, Clone, Copy)]
pub struct Ip<'a> {
    /// Who sent it.
    pub source: IpAddr,
    /// Whom it is for.
    pub destination: IpAddr,
    /// What it carries, behind all extension headers.
    pub protocol: u8,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// Type of service, or traffic class.
    pub traffic_class: u8,
    /// Identification: 16 bits in IPv4, 32 in an IPv6 fragment.
    pub id: u32,
    /// IPv4: it may not be fragmented on its way.
    pub dont_fragment: bool,
    /// Its place, when it is a fragment.
    pub fragment: Option<Fragment>,
    /// Bytes of the header with its options, or extension headers.
    pub header_length: usize,
    /// What it carries, as far as it was captured; without padding of the link layer.
    pub payload: &'a [u8],
    /// How long that was on the wire, as the header says.
    pub payload_length: usize,
}

/// A fragment's place in its datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Bytes of the datagram's payload before it.
    pub offset: u32,
    /// It is not the last.
    pub more: bool,
}

/// Why it is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The link layer carries something else.
    #[error("not IP")]
    NotIp,
    /// The capture ends within the header.
    #[error("the packet ends within the IP header")]
    Cut,
    /// The header contradicts itself.
    #[error("the IP header contradicts itself")]
    Malformed,
}

/// Reads the datagram that a link layer carries.
///
/// # Errors
/// It carries none, or one whose header cannot be read.
#[inline]
pub fn decode<'a>(layers: &Layers<'a>) -> Result<Ip<'a>, Problem> {
    match layers.network {
        Network::Ipv4 => ipv4(layers.payload),
        Network::Ipv6 => ipv6(layers.payload),
        Network::Cut => Err(Problem::Cut),
        _ => Err(Problem::NotIp),
    }
}

/// Reads an IPv4 datagram.
///
/// # Errors
/// Its header cannot be read.
#[inline]
pub fn ipv4(data: &[u8]) -> Result<Ip<'_>, Problem> {
    let header: &[u8; 20] = data.first_chunk().ok_or(Problem::Cut)?;
    let [first, tos, l0, l1, i0, i1, f0, f1, ttl, protocol, ..] = *header;
    let [.., s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    let header_length = usize::from(first & 0xf) * 4;
    if first >> 4 != 4 || header_length < 20 {
        return Err(Problem::Malformed);
    }
    let total = match usize::from(u16::from_be_bytes([l0, l1])) {
        // the network card was to fill it in (segmentation offload)
        0 => data.len(),
        total => total,
    };
    if total < header_length {
        return Err(Problem::Malformed);
    }
    let there = data.get(..total).unwrap_or(data);
    let payload = there.get(header_length..).ok_or(Problem::Cut)?;
    let flags = u16::from_be_bytes([f0, f1]);
    let fragment = Fragment {
        offset: u32::from(flags & 0x1fff) * 8,
        more: flags & 0x2000 != 0,
    };
    Ok(Ip {
        source: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
        destination: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
        protocol,
        ttl,
        traffic_class: tos,
        id: u32::from(u16::from_be_bytes([i0, i1])),
        dont_fragment: flags & 0x4000 != 0,
        fragment: (fragment.more || fragment.offset > 0).then_some(fragment),
        header_length,
        payload,
        payload_length: total - header_length,
    })
}

/// Reads an IPv6 datagram up to what its last extension header announces.
///
/// # Errors
/// Its header cannot be read.
#[inline]
pub fn ipv6(data: &[u8]) -> Result<Ip<'_>, Problem> {
    let (header, rest) = data.split_first_chunk::<40>().ok_or(Problem::Cut)?;
    let [v0, v1, _, _, l0, l1, next, ttl, addresses @ ..] = header;
    if v0 >> 4 != 6 {
        return Err(Problem::Malformed);
    }
    let address = |at: usize| {
        let bytes: Option<&[u8; 16]> = addresses.get(at..).and_then(|bytes| bytes.first_chunk());
        IpAddr::V6(Ipv6Addr::from(bytes.copied().unwrap_or_default()))
    };
    let length = match usize::from(u16::from_be_bytes([*l0, *l1])) {
        // a jumbogram (RFC 2675), or for the network card to fill in
        0 => rest.len(),
        length => length,
    };
    let mut ip = Ip {
        source: address(0),
        destination: address(16),
        protocol: *next,
        ttl: *ttl,
        traffic_class: v0 << 4 | v1 >> 4,
        id: 0,
        dont_fragment: false,
        fragment: None,
        header_length: 40,
        payload: rest.get(..length).unwrap_or(rest),
        payload_length: length,
    };
    ip.extensions()?;
    Ok(ip)
}

impl Ip<'_> {
    /// Goes on behind the extension headers (RFC 8200, 4; authentication: RFC 4302, mobility: RFC 6275, host
    /// identity: RFC 7401, multihoming: RFC 5533).
    fn extensions(&mut self) -> Result<(), Problem> {
        loop {
            let length = match (self.protocol, self.payload) {
                (0 | 43 | 60 | 135 | 139 | 140, [_, length, ..]) => (usize::from(*length) + 1) * 8,
                (51, [_, length, ..]) => (usize::from(*length) + 2) * 4,
                (44, [next, _, o0, o1, i0, i1, i2, i3, ..]) => {
                    let place = u16::from_be_bytes([*o0, *o1]);
                    let fragment = Fragment {
                        offset: u32::from(place & 0xfff8),
                        more: place & 1 != 0,
                    };
                    // an atomic fragment (RFC 6946) is whole
                    if fragment.more || fragment.offset > 0 {
                        self.fragment = Some(fragment);
                        self.id = u32::from_be_bytes([*i0, *i1, *i2, *i3]);
                        self.protocol = *next;
                        return self.advance(8);
                    }
                    8
                }
                (0 | 43 | 44 | 51 | 60 | 135 | 139 | 140, _) => return Err(Problem::Cut),
                _ => return Ok(()),
            };
            self.protocol = self.payload.first().copied().unwrap_or(59);
            self.advance(length)?;
        }
    }

    fn advance(&mut self, length: usize) -> Result<(), Problem> {
        if length > self.payload_length {
            return Err(Problem::Malformed);
        }
        self.payload = self.payload.get(length..).ok_or(Problem::Cut)?;
        self.payload_length -= length;
        self.header_length += length;
        Ok(())
    }
}
