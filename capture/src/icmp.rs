//! ICMP errors, RFC 792 and RFC 4443: what could not be delivered, and why.

use crate::ip::{self, Ip, protocol};
use std::net::{IpAddr, SocketAddr};

/// An error about a packet that was sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpError {
    /// Who reports it.
    pub reporter: IpAddr,
    /// Why.
    pub reason: Reason,
    /// The transport protocol of the packet that it is about.
    pub protocol: u8,
    /// Who sent that packet; port 0 where there is none.
    pub source: SocketAddr,
    /// Whom it was for.
    pub destination: SocketAddr,
    /// The sequence number of that packet, where it was TCP.
    pub sequence: Option<u32>,
}

/// Why a packet was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is no way to the network.
    Network,
    /// The host does not answer on its link.
    Host,
    /// The host does not know the protocol.
    Protocol,
    /// Nobody listens on the port.
    Port,
    /// It is larger than the next link takes, and may not be fragmented; bytes of that link, 0 when not told.
    TooBig(u32),
    /// A filter on the way does not let it pass.
    Prohibited,
    /// It went round until its time to live was used up.
    Expired,
    /// Fragments did not all come.
    Reassembly,
    /// Its header is not understood.
    Header,
    /// Another type and code.
    Other(u8, u8),
}

impl IcmpError {
    /// Reads an error; none when the datagram is something else.
    pub fn read(outer: &Ip<'_>) -> Option<Self> {
        let [kind, code, _, _, a, b, c, d, inner @ ..] = outer.payload else {
            return None;
        };
        let rest = u32::from_be_bytes([*a, *b, *c, *d]);
        let (kind, code) = (*kind, *code);
        let reason = match outer.protocol {
            protocol::ICMP => match (kind, code) {
                (3, 0 | 6 | 11) => Reason::Network,
                (3, 1 | 7 | 12) => Reason::Host,
                (3, 2) => Reason::Protocol,
                (3, 3) => Reason::Port,
                (3, 4) => Reason::TooBig(rest & 0xffff),
                (3, 9 | 10 | 13) => Reason::Prohibited,
                (11, 0) => Reason::Expired,
                (11, 1) => Reason::Reassembly,
                (12, _) => Reason::Header,
                (3, _) => Reason::Other(kind, code),
                _ => return None,
            },
            protocol::ICMPV6 => match (kind, code) {
                (1, 0) => Reason::Network,
                (1, 1 | 5 | 6) => Reason::Prohibited,
                (1, 3) => Reason::Host,
                (1, 4) => Reason::Port,
                (2, _) => Reason::TooBig(rest),
                (3, 0) => Reason::Expired,
                (3, 1) => Reason::Reassembly,
                (4, _) => Reason::Header,
                (1, _) => Reason::Other(kind, code),
                _ => return None,
            },
            _ => return None,
        };
        let inner = match inner.first()? >> 4 {
            4 => ip::ipv4(inner),
            6 => ip::ipv6(inner),
            _ => return None,
        };
        let inner = inner.ok()?;
        let sequence = match (inner.protocol, inner.payload) {
            (protocol::TCP, [_, _, _, _, a, b, c, d, ..]) => {
                Some(u32::from_be_bytes([*a, *b, *c, *d]))
            }
            _ => None,
        };
        let ports = match (inner.protocol, inner.payload) {
            (protocol::TCP | protocol::UDP | protocol::SCTP, [a, b, c, d, ..]) => {
                [u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])]
            }
            _ => [0, 0],
        };
        Some(Self {
            reporter: outer.source,
            reason,
            protocol: inner.protocol,
            source: SocketAddr::new(inner.source, ports[0]),
            destination: SocketAddr::new(inner.destination, ports[1]),
            sequence,
        })
    }

    /// What the reason usually means, and where to look.
    pub fn means(&self) -> &'static str {
        match self.reason {
            Reason::Network => {
                "That router has no route there, or lost it. Look at the address, at the router's table, and at the VPN or tunnel \
                 that should lead there."
            }
            Reason::Host => {
                "The last router (or this host itself, on its own network) asked who has that address, and nobody said so. Look at \
                 the address, whether the host is up, and at its cable or virtual network."
            }
            Reason::Protocol => {
                "The host is up, and does not speak this protocol. Look whether its support is switched on there."
            }
            Reason::Port if self.is_late_answer() => {
                "This was an answer, and who had asked did not wait for it any more: it had given up, or had another server's \
                 answer already. Look how long answers take, and how long is waited for them."
            }
            Reason::Port => {
                "The host is up and the way there works, but no program has that port open. Look whether the service runs, and on \
                 which address and port."
            }
            Reason::TooBig(_) => {
                "A link on the way has a smaller MTU. When the sender does not hear of it (ICMP filtered), large packets vanish \
                 and small ones pass. Look at tunnels and VPNs, let ICMP through, or lower the MSS."
            }
            Reason::Prohibited => {
                "A rule of a firewall, or a router's access list, rejects it. Look at the rules of who reports it: for this \
                 address, port and protocol."
            }
            Reason::Expired => {
                "Routers send it round to each other, or the way is longer than the sender allowed; traceroute makes such packets on \
                 purpose. Look with traceroute whether the same routers come again and again, and at their routes."
            }
            Reason::Reassembly => {
                "A fragment was lost, or a filter on the way drops fragments. Look at filters, and make the packets so small (MTU, \
                 size of EDNS answers) that nothing is fragmented."
            }
            Reason::Header => {
                "The header was damaged, or has an option that this host or router does not know. Look at what sends such packets."
            }
            Reason::Other(..) => {
                "Look at routes, at whether the host is up, and at filters on the way."
            }
        }
    }

    /// It went from a service's port to one that a client has for a while.
    pub(crate) fn is_late_answer(&self) -> bool {
        self.protocol == protocol::UDP
            && (1..1024).contains(&self.source.port())
            && self.destination.port() >= 1024
    }

    /// What happened, in one sentence.
    pub fn text(&self) -> String {
        let Self {
            reporter,
            destination,
            ..
        } = self;
        let to = match destination.port() {
            0 => destination.ip().to_string(),
            _ => destination.to_string(),
        };
        match self.reason {
            Reason::Network => format!("{reporter} has no route to {to}."),
            Reason::Host => {
                format!("{reporter} cannot reach {to}: the host does not answer on its network.")
            }
            Reason::Protocol => format!("{to} does not know the protocol {}.", self.protocol),
            Reason::Port => format!("Nobody listens on {to}."),
            Reason::TooBig(0) => {
                format!("A packet to {to} is larger than the link behind {reporter} takes.")
            }
            Reason::TooBig(mtu) => {
                format!(
                    "A packet to {to} is larger than the link behind {reporter} takes: {mtu} bytes at most."
                )
            }
            Reason::Prohibited => {
                format!("{reporter} does not let packets to {to} pass (a filter).")
            }
            Reason::Expired => {
                format!("A packet to {to} was given up at {reporter}: too many hops, or a loop.")
            }
            Reason::Reassembly => {
                format!("{reporter} waited for fragments to {to} that did not come.")
            }
            Reason::Header => {
                format!("{reporter} does not understand the header of a packet to {to}.")
            }
            Reason::Other(kind, code) => {
                format!(
                    "{reporter} could not deliver a packet to {to} (ICMP type {kind}, code {code})."
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packet_that_it_is_about_is_found() {
        let mut inner = vec![
            0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ];
        inner.extend([0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 9]);
        let mut message = vec![3, 4, 0, 0, 0, 0, 0x05, 0x14];
        message.extend(&inner);
        let mut datagram = vec![
            0x45,
            0,
            0,
            20 + message.len() as u8,
            0,
            0,
            0,
            0,
            64,
            1,
            0,
            0,
        ];
        datagram.extend([192, 0, 2, 1, 10, 0, 0, 1]);
        datagram.extend(&message);
        let error = IcmpError::read(&ip::ipv4(&datagram).unwrap()).unwrap();
        assert_eq!(error.reason, Reason::TooBig(1300));
        assert_eq!(error.destination, "10.0.0.2:443".parse().unwrap());
        assert_eq!(
            error.text(),
            "A packet to 10.0.0.2:443 is larger than the link behind 192.0.2.1 takes: 1300 bytes at most."
        );
        assert_eq!(error.sequence, Some(9));
        // an echo is no error
        datagram[20] = 8;
        assert_eq!(IcmpError::read(&ip::ipv4(&datagram).unwrap()), None);
    }

    #[test]
    fn each_reason_says_where_to_look() {
        let [asker, server] = ["10.0.0.1:40000", "10.0.0.2:53"].map(|end| end.parse().unwrap());
        let means = |reason, source, destination| {
            IcmpError {
                reporter: "10.0.0.2".parse().unwrap(),
                reason,
                protocol: protocol::UDP,
                source,
                destination,
                sequence: None,
            }
            .means()
        };
        // the host has answered: neither routes nor whether it is up are in question
        let closed = means(Reason::Port, asker, server);
        assert!(
            closed.contains("is up") && closed.contains("service runs"),
            "{closed}"
        );
        let late = means(Reason::Port, server, asker);
        assert!(late.contains("was an answer"), "{late}");
        let others = [
            Reason::Network,
            Reason::Host,
            Reason::Protocol,
            Reason::TooBig(1300),
            Reason::Prohibited,
            Reason::Expired,
            Reason::Reassembly,
            Reason::Header,
            Reason::Other(3, 5),
        ];
        let mut all: Vec<_> = others.map(|reason| means(reason, asker, server)).into();
        all.extend([closed, late]);
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
