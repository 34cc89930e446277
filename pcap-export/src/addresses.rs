//! Between whom a conversation is written: the real addresses, in one family, and the ports as a reader of
//! the file will find them.
//!
//! Readers dissect by port. So what went over TLS is written, decrypted, to the port where its protocol is
//! spoken in the clear, and no two conversations of a file have the same addresses and ports: readers take
//! the second for a mistake of the first.

use overhear_store::{Connection, Kind};
use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// The two hosts of a conversation, both of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Hosts {
    V4 { client: Ipv4Addr, server: Ipv4Addr },
    V6 { client: Ipv6Addr, server: Ipv6Addr },
}

/// Who talks to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Addresses {
    pub(crate) hosts: Hosts,
    pub(crate) client_port: u16,
    pub(crate) server_port: u16,
}

impl Addresses {
    /// None when the families differ. IPv4 addresses in IPv6 form (`::ffff:192.0.2.1`) are IPv4.
    pub(crate) fn new(client: SocketAddr, server: SocketAddr) -> Option<Self> {
        let hosts = match (client.ip().to_canonical(), server.ip().to_canonical()) {
            (IpAddr::V4(client), IpAddr::V4(server)) => Hosts::V4 { client, server },
            (IpAddr::V6(client), IpAddr::V6(server)) => Hosts::V6 { client, server },
            _ => return None,
        };
        Some(Self {
            hosts,
            client_port: client.port(),
            server_port: server.port(),
        })
    }

    /// The addresses of a connection as they really were; none when no server's address is known, because the
    /// connection never came that far.
    ///
    /// A client that is unknown, or whose address is of another family than the server's, is written as our own
    /// address on the server's side, which is what the server saw.
    pub(crate) fn of(connection: &Connection) -> Option<Self> {
        let named = || {
            let ip = connection.host.parse::<IpAddr>().ok()?;
            Some(SocketAddr::new(ip, connection.port))
        };
        let server = connection.server.or_else(named)?;
        let known = |a: &SocketAddr| !a.ip().is_unspecified() && a.port() != 0;
        [Some(connection.client), connection.upstream_local]
            .into_iter()
            .flatten()
            .filter(known)
            .find_map(|client| Self::new(client, server))
            .or_else(|| Some(stand_in(connection.client, server)))
    }

    /// Whether the packets are IPv6.
    pub(crate) fn is_v6(&self) -> bool {
        matches!(self.hosts, Hosts::V6 { .. })
    }

    /// The client's address and port.
    pub(crate) fn client(&self) -> SocketAddr {
        let ip = match self.hosts {
            Hosts::V4 { client, .. } => IpAddr::V4(client),
            Hosts::V6 { client, .. } => IpAddr::V6(client),
        };
        SocketAddr::new(ip, self.client_port)
    }

    /// The server's address and port.
    pub(crate) fn server(&self) -> SocketAddr {
        let ip = match self.hosts {
            Hosts::V4 { server, .. } => IpAddr::V4(server),
            Hosts::V6 { server, .. } => IpAddr::V6(server),
        };
        SocketAddr::new(ip, self.server_port)
    }
}

/// The port where the content of a TLS connection is spoken without TLS.
pub(crate) fn plain_port(kind: Kind, tls_port: u16) -> u16 {
    match (kind, tls_port) {
        (Kind::Tcp, 465) => 25,    // submissions to SMTP
        (Kind::Tcp, 563) => 119,   // NNTP
        (Kind::Tcp, 636) => 389,   // LDAP
        (Kind::Tcp, 853) => 53,    // DNS
        (Kind::Tcp, 990) => 21,    // FTP
        (Kind::Tcp, 993) => 143,   // IMAP
        (Kind::Tcp, 995) => 110,   // POP3
        (Kind::Tcp, 5223) => 5222, // XMPP
        (Kind::Tcp, 5671) => 5672, // AMQP
        (Kind::Tcp, 6697) => 6667, // IRC
        (Kind::Tcp, 8883) => 1883, // MQTT
        _ => 80,
    }
}

/// A client's address in the server's family, for a connection that failed before it had one of its own.
fn stand_in(client: SocketAddr, server: SocketAddr) -> Addresses {
    let hosts = match (client.ip().to_canonical(), server.ip().to_canonical()) {
        (IpAddr::V4(client), IpAddr::V4(server)) => Hosts::V4 { client, server },
        (IpAddr::V6(_), IpAddr::V4(server)) => Hosts::V4 {
            client: Ipv4Addr::UNSPECIFIED,
            server,
        },
        (IpAddr::V4(client), IpAddr::V6(server)) => Hosts::V6 {
            client: client.to_ipv6_mapped(),
            server,
        },
        (IpAddr::V6(client), IpAddr::V6(server)) => Hosts::V6 { client, server },
    };
    Addresses {
        hosts,
        client_port: client.port(),
        server_port: server.port(),
    }
}

/// The addresses and ports that the conversations of a file have so far.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pairs: HashSet<[SocketAddr; 2]>,
    /// Where the search for another port of the client goes on, by client and server; none when all are taken.
    next: HashMap<(IpAddr, SocketAddr), Option<u16>>,
}

impl Taken {
    /// Takes these addresses; when another conversation has them, moves the client's port (downwards from
    /// 65,535) to one that makes them different. When the client has used every port, nothing is moved.
    pub(crate) fn claim(&mut self, mut wanted: Addresses) -> Addresses {
        if self.pairs.insert(pair(&wanted)) {
            return wanted;
        }
        let original = wanted;
        let next = self
            .next
            .entry((wanted.client().ip(), wanted.server()))
            .or_insert(Some(u16::MAX));
        while let Some(port) = *next {
            *next = port.checked_sub(1).filter(|p| *p >= 1024);
            wanted.client_port = port;
            let distinct = wanted.client() != wanted.server();
            if distinct && self.pairs.insert(pair(&wanted)) {
                return wanted;
            }
        }
        original
    }
}

/// Readers know a conversation by its two ends, without a direction.
fn pair(addresses: &Addresses) -> [SocketAddr; 2] {
    let mut ends = [addresses.client(), addresses.server()];
    ends.sort_unstable();
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(client: &str, server: Option<&str>, ours: Option<&str>) -> Connection {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mut connection = Connection::accepted(address(client), address("127.0.0.1:8080"));
        connection.server = server.map(address);
        connection.upstream_local = ours.map(address);
        connection
    }

    fn ends(connection: &Connection) -> Option<(String, String)> {
        let addresses = Addresses::of(connection)?;
        Some((
            addresses.client().to_string(),
            addresses.server().to_string(),
        ))
    }

    #[test]
    fn real_addresses_in_one_family() {
        let cases = [
            // as they are, and IPv4 written as IPv6 by a listener for both families
            ("192.0.2.1:5000", "203.0.113.1:443", None, "192.0.2.1:5000"),
            (
                "[::ffff:192.0.2.1]:5000",
                "203.0.113.1:443",
                None,
                "192.0.2.1:5000",
            ),
            // another family: what the server saw
            (
                "192.0.2.1:5000",
                "[2001:db8::1]:443",
                Some("[2001:db8::9]:6000"),
                "[2001:db8::9]:6000",
            ),
            (
                "[2001:db8::5]:5000",
                "203.0.113.1:443",
                Some("192.0.2.9:6000"),
                "192.0.2.9:6000",
            ),
            // a request that the program itself sent
            (
                "0.0.0.0:0",
                "203.0.113.1:443",
                Some("192.0.2.9:6000"),
                "192.0.2.9:6000",
            ),
            // another family, and failed before there was an address of ours
            (
                "192.0.2.1:5000",
                "[2001:db8::1]:443",
                None,
                "[::ffff:192.0.2.1]:5000",
            ),
            (
                "[2001:db8::5]:5000",
                "203.0.113.1:443",
                None,
                "0.0.0.0:5000",
            ),
        ];
        for (client, server, ours, expected) in cases {
            let connection = connection(client, Some(server), ours);
            let expected = Some((expected.to_owned(), server.to_owned()));
            assert_eq!(ends(&connection), expected);
        }
    }

    #[test]
    fn an_address_in_the_url_is_one_too() {
        let mut connection = connection("192.0.2.1:5000", None, None);
        "203.0.113.7".clone_into(&mut connection.host);
        connection.port = 81;
        let expected = ("192.0.2.1:5000".to_owned(), "203.0.113.7:81".to_owned());
        assert_eq!(ends(&connection), Some(expected));
        "unknown.example".clone_into(&mut connection.host);
        assert_eq!(ends(&connection), None);
    }

    #[test]
    fn no_two_conversations_have_the_same_ends() {
        let mut taken = Taken::default();
        let address = |text: &str| text.parse().unwrap();
        let one = Addresses::new(address("192.0.2.1:65535"), address("192.0.2.1:80"));
        let one = one.unwrap();
        assert_eq!(taken.claim(one), one);
        assert_eq!(taken.claim(one).client_port, 65_534);
        assert_eq!(taken.claim(one).client_port, 65_533);
        // the other way round is the same conversation for a reader
        let back = Addresses::new(address("192.0.2.1:80"), address("192.0.2.1:65535"));
        assert_eq!(taken.claim(back.unwrap()).client_port, 65_534);
        for _ in 0..70_000 {
            taken.claim(one);
        }
        assert_eq!(taken.claim(one), one, "every port is taken");
        let ports: HashSet<_> = taken
            .pairs
            .iter()
            .map(|p| p[0].port().max(p[1].port()))
            .collect();
        assert!(ports.contains(&1024) && !ports.contains(&1023));
    }
}
