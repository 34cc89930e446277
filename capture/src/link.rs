//! The link layer: from a packet's first byte to where the network layer begins.
//!
//! One file a family: Ethernet with its tags, PPP, IEEE 802.11, and those that only put a few bytes in front.

mod ethernet;
mod ieee80211;
mod ppp;
mod prefix;

#[cfg(test)]
mod tests;

pub(crate) use prefix::{inside_pktap, is_pktap};

use crate::packet::{LinkType, Mac};

/// What the link layer of a packet says, and what it carries.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'a> {
    /// The protocols passed on the way, outermost first.
    pub path: Path,
    /// Who sent the frame, where the link layer has addresses.
    pub source: Option<Mac>,
    /// Whom it was for.
    pub destination: Option<Mac>,
    /// VLAN tags, outermost first.
    pub vlans: Vlans,
    /// What is carried.
    pub network: Network,
    /// The bytes of that, as far as they were captured.
    pub payload: &'a [u8],
    /// What IEEE 802.11 and the radio said.
    pub wlan: Option<Wlan>,
    /// Whose packet it is, where PKTAP says.
    pub process: Option<Process<'a>>,
    /// Which interface saw it, and whether as incoming or outgoing: Linux's index (0 in the first version of its cooked
    /// header, which has none) and packet type.
    pub interface: Option<(u32, u16)>,
}

/// What a link layer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// Address resolution.
    Arp,
    /// Something else that has an EtherType.
    EtherType(u16),
    /// Something else that has a PPP protocol number.
    Ppp(u16),
    /// Something else behind an IEEE 802.2 header: its two service access points.
    Llc(u8, u8),
    /// A frame of IEEE 802.11 that carries nothing, or nothing that can be read (it is encrypted).
    Wlan,
    /// The packet ends before it is told.
    Cut,
    /// Nothing here can tell.
    Unknown,
}

/// A protocol of the hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "names of protocols")]
pub enum Protocol {
    Ethernet,
    Vlan,
    LinuxCooked,
    Null,
    Raw,
    Ppp,
    Pppoe,
    CiscoHdlc,
    Mpls,
    Radiotap,
    Ppi,
    Prism,
    Avs,
    Pktap,
    Wlan,
    Llc,
}

impl Protocol {
    /// Its usual short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ethernet => "eth",
            Self::Vlan => "vlan",
            Self::LinuxCooked => "sll",
            Self::Null => "null",
            Self::Raw => "raw",
            Self::Ppp => "ppp",
            Self::Pppoe => "pppoe",
            Self::CiscoHdlc => "chdlc",
            Self::Mpls => "mpls",
            Self::Radiotap => "radiotap",
            Self::Ppi => "ppi",
            Self::Prism => "prism",
            Self::Avs => "avs",
            Self::Pktap => "pktap",
            Self::Wlan => "wlan",
            Self::Llc => "llc",
        }
    }
}

/// A short list, which is all that a packet has; what does not fit is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Short<T, const N: usize> {
    items: [T; N],
    length: u8,
}

/// The protocols of a packet's link layer, outermost first.
pub type Path = Short<Protocol, 8>;

/// The VLAN tags of a packet, outermost first.
pub type Vlans = Short<Vlan, 4>;

impl<T: Copy, const N: usize> Short<T, N> {
    fn new(filler: T) -> Self {
        Self {
            items: [filler; N],
            length: 0,
        }
    }

    fn push(&mut self, item: T) {
        if let Some(place) = self.items.get_mut(usize::from(self.length)) {
            *place = item;
            self.length += 1;
        }
    }

    /// What is in it.
    pub fn as_slice(&self) -> &[T] {
        let length = usize::from(self.length);
        self.items.get(..length).unwrap_or_default()
    }
}

/// A VLAN tag (IEEE 802.1Q).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vlan {
    /// The EtherType that announced it: 0x8100, 0x88a8, 0x9100 or 0x9200.
    pub tpid: u16,
    /// Priority (3 bits), drop eligible (1 bit), VLAN identifier (12 bits).
    pub tci: u16,
}

impl Vlan {
    /// The VLAN identifier.
    pub fn id(self) -> u16 {
        self.tci & 0x0fff
    }
}

/// What IEEE 802.11 and the radio said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wlan {
    /// 0 management, 1 control, 2 data.
    pub kind: u8,
    /// The subtype within that.
    pub subtype: u8,
    /// The frame was sent before, and not acknowledged.
    pub retry: bool,
    /// The frame is encrypted.
    pub protected: bool,
    /// The number of the frame and of the fragment (12 and 4 bits), where there is one.
    pub sequence: Option<u16>,
    /// The network (BSSID), where it is told.
    pub network: Option<Mac>,
    /// Who sent it over the air: a station or an access point, not who made it.
    pub transmitter: Option<Mac>,
    /// Whom it was sent to over the air.
    pub receiver: Option<Mac>,
    /// Signal strength in dBm, where the radio said.
    pub signal: Option<i8>,
}

/// Whose packet it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process<'a> {
    /// The interface's name.
    pub interface: &'a str,
    /// The process's number, -1 when it is not known.
    pub pid: i32,
    /// The process's name, of at most 20 bytes.
    pub name: &'a str,
}

/// Takes a packet's link layer apart.
#[inline]
pub fn decode(link: LinkType, data: &[u8]) -> Layers<'_> {
    let mut layers = Layers {
        path: Path::new(Protocol::Ethernet),
        source: None,
        destination: None,
        vlans: Vlans::new(Vlan { tpid: 0, tci: 0 }),
        network: Network::Unknown,
        payload: data,
        wlan: None,
        process: None,
        interface: None,
    };
    if link == LinkType::ETHERNET {
        ethernet::frame(&mut layers, data);
    } else {
        by_type(&mut layers, link, data, 4);
    }
    layers
}

/// `depth` bounds headers that say what link type follows.
fn by_type<'a>(layers: &mut Layers<'a>, link: LinkType, data: &'a [u8], depth: u8) {
    match link {
        LinkType::ETHERNET => ethernet::frame(layers, data),
        LinkType::NULL => prefix::null(layers, data),
        LinkType::LOOP => prefix::null(layers, data),
        LinkType::RAW
        | LinkType::DLT_RAW
        | LinkType::DLT_RAW_OPENBSD
        | LinkType::IPV4
        | LinkType::IPV6 => {
            layers.path.push(Protocol::Raw);
            by_version(layers, data);
        }
        LinkType::LINUX_SLL => prefix::cooked(layers, data),
        LinkType::LINUX_SLL2 => prefix::cooked2(layers, data),
        LinkType::PPP | LinkType::PPP_HDLC => ppp::hdlc(layers, data),
        LinkType::PPP_PPPD | LinkType::PPP_WITH_DIR => ppp::directed(layers, data),
        LinkType::PPP_ETHER => ppp::pppoe(layers, data),
        LinkType::C_HDLC => ppp::cisco(layers, data),
        LinkType::IEEE802_11 => ieee80211::frame(layers, data, ieee80211::Radio::default()),
        LinkType::RADIOTAP => ieee80211::radiotap(layers, data),
        LinkType::PRISM => ieee80211::prism(layers, data),
        LinkType::AVS => ieee80211::avs(layers, data),
        LinkType::PPI => ieee80211::ppi(layers, data, depth),
        LinkType::PKTAP => prefix::pktap(layers, data, depth),
        LinkType::USER2 if prefix::is_pktap(data) => prefix::pktap(layers, data, depth),
        _ => {
            layers.network = Network::Unknown;
            layers.payload = data;
        }
    }
}

/// What an EtherType announces.
fn by_ethertype<'a>(layers: &mut Layers<'a>, ethertype: u16, payload: &'a [u8]) {
    layers.payload = payload;
    layers.network = match ethertype {
        0x0800 => Network::Ipv4,
        0x86dd => Network::Ipv6,
        0x0806 => Network::Arp,
        0x8100 | 0x88a8 | 0x9100 | 0x9200 => return ethernet::tag(layers, ethertype, payload),
        0x8847 | 0x8848 => return ethernet::mpls(layers, payload),
        0x8864 => return ppp::pppoe(layers, payload),
        other => Network::EtherType(other),
    };
}

/// IP, told by the first four bits.
fn by_version<'a>(layers: &mut Layers<'a>, payload: &'a [u8]) {
    layers.payload = payload;
    layers.network = match payload.first().map(|byte| byte >> 4) {
        Some(4) => Network::Ipv4,
        Some(6) => Network::Ipv6,
        Some(_) => Network::Unknown,
        None => Network::Cut,
    };
}

/// The 802.2 header: what follows is named by SNAP or not at all (IEEE 802.2, RFC 1042).
fn llc<'a>(layers: &mut Layers<'a>, data: &'a [u8]) {
    layers.path.push(Protocol::Llc);
    match data {
        // encapsulated Ethernet; bridges use 00-00-F8, Cisco's own protocols have numbers of their own
        [0xaa, 0xaa, 3, 0, 0, 0 | 0xf8, a, b, rest @ ..] => {
            by_ethertype(layers, u16::from_be_bytes([*a, *b]), rest);
        }
        // IP has a service access point of its own
        [6, 6, 3, rest @ ..] => by_version(layers, rest),
        [to, from, ..] => {
            layers.network = Network::Llc(*to, *from);
            layers.payload = data;
        }
        _ => layers.cut(data),
    }
}

impl<'a> Layers<'a> {
    fn cut(&mut self, data: &'a [u8]) {
        self.network = Network::Cut;
        self.payload = data;
    }
}

/// The 16 bits at `at`, in network byte order.
fn short(data: &[u8], at: usize) -> Option<u16> {
    let bytes = data.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*bytes))
}

fn mac(data: &[u8], at: usize) -> Option<Mac> {
    Some(Mac(*data.get(at..)?.first_chunk()?))
}
