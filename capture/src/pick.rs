//! The packets of one conversation, out of a file in which it knows where its packets lie.
//!
//! What belongs to a conversation is decided as the flows were made: the same link layers, the same addresses and ports
//! in both directions; fragments whose first one was seen; and ICMP errors that quote a packet of it.

use crate::{
    file::{Error, Interface, Reader},
    icmp::IcmpError,
    ip::{self, Ip, protocol},
    link,
    packet::Packet,
};
use overhear_store::{Flow, Kind, Side, read::PacketRange};
use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    ops::ControlFlow,
    path::Path,
};

/// Fragmented datagrams that are remembered.
const MOST_FRAGMENTED: usize = 4096;

/// Whose packets are wanted.
#[derive(Debug, Clone)]
pub struct Talk {
    /// [`protocol::TCP`], [`protocol::UDP`] (a DNS flow does not say which), or [`protocol::ICMP`] for errors about a
    /// packet between these two.
    protocols: [u8; 2],
    client: SocketAddr,
    server: SocketAddr,
    /// Datagrams of the conversation of which the first fragment was seen.
    fragmented: HashSet<(IpAddr, IpAddr, u32)>,
}

/// A packet of a conversation.
#[derive(Debug)]
pub struct Picked<'a> {
    /// The packet; its number is its place in the capture.
    pub packet: Packet<'a>,
    /// Whose it is; an ICMP error about what the client sent counts as the server's.
    pub side: Side,
    /// It is a fragment, not the first of its datagram.
    pub continues: bool,
    /// What the file says of the interface.
    pub interface: Option<&'a Interface>,
}

impl Talk {
    /// The conversation of a flow; `None` when its server is not known.
    pub fn of(flow: &Flow) -> Option<Self> {
        let protocols = match flow.kind {
            Kind::Dns => [protocol::UDP, protocol::TCP],
            Kind::Udp => [protocol::UDP; 2],
            Kind::Icmp => [protocol::ICMP; 2],
            _ => [protocol::TCP; 2],
        };
        Some(Self {
            protocols,
            ..Self::new(protocol::UDP, flow.client, flow.server?)
        })
    }

    /// The conversation between two ends.
    pub fn new(protocol: u8, client: SocketAddr, server: SocketAddr) -> Self {
        Self {
            protocols: [protocol; 2],
            client,
            server,
            fragmented: HashSet::new(),
        }
    }

    /// Gives the packets of the conversation in a range of a file to `each`, until that has seen enough; from `offset`
    /// on (with the `number` of the packet there), or from the beginning of the range. A file that ends too early, as
    /// one that is being written, is read as far as it goes.
    ///
    /// # Errors
    /// The file cannot be opened, or is no capture; [`std::io::ErrorKind::NotFound`] when it is gone.
    pub fn pick(
        &mut self,
        path: &Path,
        range: &PacketRange,
        from: Option<(u64, u64)>,
        mut each: impl FnMut(&Picked<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        let (offset, number) = from.unwrap_or((range.first_offset, range.first_number));
        let mut reader = Reader::open_at(path, range.described, offset, number)?;
        loop {
            let Ok(Some((packet, interface))) = reader.next_described() else {
                return Ok(ControlFlow::Continue(()));
            };
            if packet.offset > range.last_offset {
                return Ok(ControlFlow::Continue(()));
            }
            let Some((side, continues)) = self.side(&packet) else {
                continue;
            };
            let picked = Picked {
                packet,
                side,
                continues,
                interface,
            };
            if each(&picked).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }

    /// Whose a packet is; `None` when it belongs to something else.
    fn side(&mut self, packet: &Packet<'_>) -> Option<(Side, bool)> {
        let layers = link::decode(packet.link, packet.data);
        let ip = ip::decode(&layers).ok()?;
        let key = (ip.source, ip.destination, ip.id);
        if ip.fragment.is_some_and(|fragment| fragment.offset > 0) {
            let ours = self.fragmented.contains(&key);
            return ours.then(|| (self.by_addresses(ip.source), true));
        }
        if matches!(ip.protocol, protocol::ICMP | protocol::ICMPV6) {
            return self.error(&ip).map(|side| (side, false));
        }
        let [a, b, c, d, ..] = *ip.payload else {
            return None;
        };
        let from = SocketAddr::new(ip.source, u16::from_be_bytes([a, b]));
        let to = SocketAddr::new(ip.destination, u16::from_be_bytes([c, d]));
        if !self.protocols.contains(&ip.protocol) {
            return None;
        }
        let side = match (from, to) {
            (from, to) if (from, to) == (self.client, self.server) => Side::Request,
            (from, to) if (from, to) == (self.server, self.client) => Side::Response,
            _ => return None,
        };
        if ip.fragment.is_some() {
            if self.fragmented.len() >= MOST_FRAGMENTED {
                self.fragmented.clear();
            }
            self.fragmented.insert(key);
        }
        Some((side, false))
    }

    /// The side that an ICMP error about a packet of the conversation counts as.
    fn error(&self, ip: &Ip<'_>) -> Option<Side> {
        let error = IcmpError::read(ip)?;
        if !self.protocols.contains(&protocol::ICMP) && !self.protocols.contains(&error.protocol) {
            return None;
        }
        match (error.source, error.destination) {
            (from, to) if (from, to) == (self.client, self.server) => Some(Side::Response),
            (from, to) if (from, to) == (self.server, self.client) => Some(Side::Request),
            _ => None,
        }
    }

    fn by_addresses(&self, source: IpAddr) -> Side {
        match source == self.client.ip() {
            true => Side::Request,
            false => Side::Response,
        }
    }
}

#[cfg(test)]
mod tests;
