//! What is in a capture, by numbers: who spoke with whom, and in which protocols.
//!
//! Bytes are those of whole packets on the wire, link layer included. Memory is bounded: conversations and endpoints
//! beyond [`MOST`] are counted together.

mod application;
pub mod expression;
mod row;

#[cfg(test)]
mod tests;

pub use row::{NoRow, Row};

use crate::{
    ip::{Ip, protocol},
    link::{Layers, Network, Protocol},
    packet::{LinkType, Mac, Packet},
};
use foldhash::{HashMap, HashMapExt};
use std::{fmt, net::IpAddr};

/// Conversations, and endpoints, that are told apart.
pub const MOST: usize = 262_144;

/// Packets and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
}

impl Count {
    fn add(&mut self, bytes: u64) {
        self.packets += 1;
        self.bytes += bytes;
    }
}

/// An address that packets come from and go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// Of the link layer: the packet carries no IP.
    Mac(Mac),
    /// Of the network layer.
    Ip(IpAddr),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(mac) => mac.fmt(f),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

/// Two ends and what they speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ends {
    /// The name of the protocol: `tcp`, `udp`, `sctp`, another of IP's, or one below.
    pub protocol: &'static str,
    /// Who sent the first packet.
    pub a: (Address, Option<u16>),
    /// The other.
    pub b: (Address, Option<u16>),
}

/// What passed between two ends.
#[derive(Debug, Clone, Copy)]
pub struct Conversation {
    /// Which.
    pub ends: Ends,
    /// From a to b.
    pub a_to_b: Count,
    /// From b to a.
    pub b_to_a: Count,
    /// When the first packet was captured: nanoseconds since the epoch.
    pub first: i64,
    /// When the last was.
    pub last: i64,
    /// libpcap, asked for its ends, finds each of its packets.
    pub plain: bool,
}

/// What an address sent and received.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// Which.
    pub address: Address,
    /// What it sent.
    pub sent: Count,
    /// What it received.
    pub received: Count,
    /// libpcap, asked for the address, finds each of its packets.
    pub plain: bool,
}

/// A protocol, and what is inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub protocol: &'static str,
    /// Packets that have it.
    pub count: Count,
    /// The protocols in it, most bytes first.
    pub inside: Vec<Node>,
}

/// What is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Who speaks with whom, and who speaks at all.
    pub talk: bool,
    /// In which protocols.
    pub hierarchy: bool,
}

/// The longest path of protocols that is told apart.
const DEEPEST: usize = 12;

/// Counts packets.
#[derive(Debug)]
pub struct Overview {
    wanted: Wanted,
    /// All packets.
    pub all: Count,
    /// Bytes that were captured.
    pub captured: u64,
    /// When the earliest and the latest packet were captured: nanoseconds since the epoch.
    pub times: Option<(i64, i64)>,
    /// Packets of which not everything was captured.
    pub cut: u64,
    /// Packets older than the one before them.
    pub out_of_time: u64,
    last_time: i64,
    /// Packets by interface.
    pub interfaces: Vec<Count>,
    conversations: HashMap<Ends, Conversation>,
    endpoints: HashMap<Address, Endpoint>,
    /// Those of too many conversations.
    pub others: Count,
    paths: HashMap<[&'static str; DEEPEST], Count>,
    /// The outermost protocol of all packets so far.
    root: Option<Protocol>,
    /// libpcap reads every packet of the capture as it was counted.
    pub plain: bool,
}

impl Overview {
    /// Nothing was counted yet.
    pub fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            all: Count::default(),
            captured: 0,
            times: None,
            cut: 0,
            out_of_time: 0,
            last_time: i64::MIN,
            interfaces: Vec::new(),
            conversations: HashMap::new(),
            endpoints: HashMap::new(),
            others: Count::default(),
            paths: HashMap::new(),
            root: None,
            plain: true,
        }
    }

    /// Counts a packet.
    pub fn packet(&mut self, packet: &Packet<'_>, layers: &Layers<'_>, ip: Option<&Ip<'_>>) {
        let bytes = u64::from(packet.original_length).max(packet.data.len() as u64);
        self.all.add(bytes);
        self.captured += packet.data.len() as u64;
        self.cut += u64::from(packet.data.len() < packet.original_length as usize);
        let (first, last) = self.times.unwrap_or((packet.time, packet.time));
        self.times = Some((first.min(packet.time), last.max(packet.time)));
        self.out_of_time += u64::from(packet.time < self.last_time);
        self.last_time = packet.time;
        let interface = packet.interface as usize;
        if self.interfaces.len() <= interface {
            self.interfaces.resize(interface + 1, Count::default());
        }
        if let Some(count) = self.interfaces.get_mut(interface) {
            count.add(bytes);
        }
        let root = layers.path.as_slice().first().copied();
        let malformed = ip.is_none() && matches!(layers.network, Network::Ipv4 | Network::Ipv6);
        self.plain &= !malformed && ip.is_none_or(|ip| begins_at_once(packet.link, ip));
        let has_root = matches!(
            root,
            Some(Protocol::Ethernet | Protocol::LinuxCooked | Protocol::Raw)
        );
        self.plain &= has_root && (self.root == root || self.root.is_none());
        self.root = root;
        if self.wanted.talk {
            self.talk(packet, bytes, layers, ip);
        }
        if self.wanted.hierarchy {
            let path = path(layers, ip);
            if self.paths.len() < 4096 || self.paths.contains_key(&path) {
                self.paths.entry(path).or_default().add(bytes);
            }
        }
    }

    fn talk(&mut self, packet: &Packet<'_>, bytes: u64, layers: &Layers<'_>, ip: Option<&Ip<'_>>) {
        let time = packet.time;
        let Some(ends) = talk(layers, ip) else {
            return;
        };
        let plain = is_plain(packet.link, layers, ip);
        let Ends {
            protocol,
            a: from,
            b: to,
        } = ends;
        for (address, sent) in [(from.0, true), (to.0, false)] {
            if self.endpoints.len() >= MOST && !self.endpoints.contains_key(&address) {
                continue;
            }
            let endpoint = self.endpoints.entry(address).or_insert(Endpoint {
                address,
                sent: Count::default(),
                received: Count::default(),
                plain: true,
            });
            endpoint.plain &= plain;
            match sent {
                true => endpoint.sent.add(bytes),
                false => endpoint.received.add(bytes),
            }
        }
        let forward = from <= to;
        let (low, high) = if forward { (from, to) } else { (to, from) };
        let key = Ends {
            protocol,
            a: low,
            b: high,
        };
        if self.conversations.len() >= MOST && !self.conversations.contains_key(&key) {
            self.others.add(bytes);
            return;
        }
        let conversation = self.conversations.entry(key).or_insert(Conversation {
            ends,
            a_to_b: Count::default(),
            b_to_a: Count::default(),
            first: time,
            last: time,
            plain: true,
        });
        conversation.last = time;
        conversation.plain &= plain;
        match conversation.ends.a == from && conversation.ends.b == to {
            true => conversation.a_to_b.add(bytes),
            false => conversation.b_to_a.add(bytes),
        }
    }

    /// Conversations, most bytes first.
    pub fn conversations(&self) -> Vec<Conversation> {
        let mut all: Vec<_> = self.conversations.values().copied().collect();
        all.sort_by_key(|one| {
            let bytes = one.a_to_b.bytes + one.b_to_a.bytes;
            (std::cmp::Reverse(bytes), one.first, one.ends)
        });
        all
    }

    /// How many conversations were told apart.
    pub fn conversation_count(&self) -> usize {
        self.conversations.len()
    }

    /// Endpoints, most bytes first.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let mut all: Vec<_> = self.endpoints.values().copied().collect();
        all.sort_by_key(|one| {
            let bytes = one.sent.bytes + one.received.bytes;
            (std::cmp::Reverse(bytes), one.address)
        });
        all
    }

    /// The protocols, each inside the one that carries it.
    pub fn hierarchy(&self) -> Vec<Node> {
        let mut roots = Vec::new();
        for (path, count) in &self.paths {
            let mut level = &mut roots;
            for protocol in path.iter().filter(|protocol| !protocol.is_empty()) {
                level = enter(level, protocol, *count);
            }
        }
        sort(&mut roots);
        roots
    }
}

/// Who sends a packet to whom in which protocol: `a` to `b`; none where nobody is told.
fn talk(layers: &Layers<'_>, ip: Option<&Ip<'_>>) -> Option<Ends> {
    let (protocol, a, b) = match (ip, layers.source, layers.destination) {
        (Some(ip), _, _) => {
            let (from, to) = ports(ip).unzip();
            let name = ip_protocol(ip.protocol, ip.source.is_ipv6());
            let (a, b) = (Address::Ip(ip.source), Address::Ip(ip.destination));
            (name, (a, from), (b, to))
        }
        (None, Some(from), Some(to)) => {
            let name = network(layers.network).unwrap_or("other");
            let (a, b) = (Address::Mac(from), Address::Mac(to));
            (name, (a, None), (b, None))
        }
        _ => return None,
    };
    Some(Ends { protocol, a, b })
}

/// Whether libpcap, asked for the addresses and ports of a packet, finds it: nothing stands before the network layer, and nothing
/// between that and the transport.
fn is_plain(link: LinkType, layers: &Layers<'_>, ip: Option<&Ip<'_>>) -> bool {
    match (layers.path.as_slice(), ip) {
        ([Protocol::Ethernet | Protocol::LinuxCooked | Protocol::Raw], Some(ip)) => {
            begins_at_once(link, ip)
        }
        (path, ip) => path == [Protocol::Ethernet] && ip.is_none(),
    }
}

/// Whether a datagram is whole, has no extension headers of IPv6, and is of the version that its link type says, if it says one.
fn begins_at_once(link: LinkType, ip: &Ip<'_>) -> bool {
    let other = match ip.source {
        IpAddr::V4(_) => LinkType::IPV6,
        IpAddr::V6(_) => LinkType::IPV4,
    };
    link != other && ip.fragment.is_none() && (ip.source.is_ipv4() || ip.header_length == 40)
}

/// Adds to a protocol of a level, and gives the level inside it.
fn enter<'a>(level: &'a mut Vec<Node>, protocol: &'static str, count: Count) -> &'a mut Vec<Node> {
    let known = level.iter().position(|node| node.protocol == protocol);
    let at = known.unwrap_or(level.len());
    if known.is_none() {
        level.push(Node {
            protocol,
            count: Count::default(),
            inside: Vec::new(),
        });
    }
    let node = &mut level[at];
    node.count.packets += count.packets;
    node.count.bytes += count.bytes;
    &mut node.inside
}

fn sort(level: &mut [Node]) {
    level.sort_by_key(|node| (std::cmp::Reverse(node.count.bytes), node.protocol));
    for node in level {
        sort(&mut node.inside);
    }
}

fn path(layers: &Layers<'_>, ip: Option<&Ip<'_>>) -> [&'static str; DEEPEST] {
    let mut path = [""; DEEPEST];
    let link = layers
        .path
        .as_slice()
        .iter()
        .map(|protocol| protocol.name());
    let network = ip.map(|ip| if ip.source.is_ipv6() { "ipv6" } else { "ip" });
    let network = network.or_else(|| network_name(layers.network));
    let transport = ip.map(|ip| match ip.fragment {
        Some(_) => "fragment",
        None => ip_protocol(ip.protocol, ip.source.is_ipv6()),
    });
    let application = ip.and_then(application::name);
    let all = link.chain(network).chain(transport).chain(application);
    for (place, protocol) in path.iter_mut().zip(all) {
        *place = protocol;
    }
    path
}

fn network_name(network: Network) -> Option<&'static str> {
    match network {
        Network::Ipv4 => Some("ip, malformed"),
        Network::Ipv6 => Some("ipv6, malformed"),
        other => self::network(other),
    }
}

/// What stands for a network layer that is not IP.
fn network(network: Network) -> Option<&'static str> {
    Some(match network {
        Network::Ipv4 => "ip",
        Network::Ipv6 => "ipv6",
        Network::Arp => "arp",
        Network::EtherType(0x8863) => "pppoed",
        Network::EtherType(0x88cc) => "lldp",
        Network::EtherType(0x888e) => "eapol",
        Network::EtherType(0x88e5) => "macsec",
        Network::EtherType(_) => "other",
        Network::Ppp(0xc021) => "lcp",
        Network::Ppp(0x8021) => "ipcp",
        Network::Ppp(0x8057) => "ipv6cp",
        Network::Ppp(_) => "other",
        Network::Llc(0x42, 0x42) => "stp",
        Network::Llc(..) => "other",
        Network::Wlan => return None,
        Network::Cut => "cut",
        Network::Unknown => "other",
    })
}

fn ip_protocol(number: u8, v6: bool) -> &'static str {
    match number {
        protocol::TCP => "tcp",
        protocol::UDP => "udp",
        protocol::ICMP => "icmp",
        protocol::ICMPV6 => "icmpv6",
        protocol::SCTP => "sctp",
        2 => "igmp",
        4 => "ip-in-ip",
        41 => "ipv6-in-ip",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        59 if v6 => "none",
        89 => "ospf",
        103 => "pim",
        112 => "vrrp",
        136 => "udplite",
        _ => "other",
    }
}

/// Source and destination port of what has them.
fn ports(ip: &Ip<'_>) -> Option<(u16, u16)> {
    if ip.fragment.is_some_and(|fragment| fragment.offset > 0) {
        return None;
    }
    match (ip.protocol, ip.payload) {
        (protocol::TCP | protocol::UDP | protocol::SCTP | 136, [a, b, c, d, ..]) => {
            Some((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])))
        }
        _ => None,
    }
}
