//! A row of an overview in words that choose its packets, where no expression of pcap-filter(7) does: libpcap finds no port
//! behind IPv6's extension headers, in a later fragment or behind a stack of labels, and what stands behind a tag or in a
//! tunnel of PPPoE cannot be asked for beside what does not.
//!
//! `conversation tcp 10.0.0.1:40000 [fd00::1]:443`, `endpoint 02:00:00:00:00:01`, `protocol eth/vlan/ip/tcp`.

use super::{Address, Ends, path, talk};
use crate::{ip::Ip, link::Layers, packet::Mac};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

/// What chooses the packets of a row: by the same reading of them by which they were counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// Between two ends, in both directions.
    Conversation {
        /// The name that it was counted under.
        protocol: String,
        /// The lower end, then the higher.
        ends: [(Address, Option<u16>); 2],
    },
    /// From and to an address.
    Endpoint(Address),
    /// In which these protocols are the outermost ones, from the outside in.
    Protocol(Vec<String>),
}

/// Why a text is no row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoRow {
    /// Something is missing, or there is more.
    #[error(
        "`conversation PROTOCOL END END`, `endpoint ADDRESS` or `protocol OUTER/INNER` was expected; other expressions are joined to it \
         with `and`, each in parentheses"
    )]
    Form,
    /// An address cannot be read.
    #[error("{0} is no address of IP or of the link layer, with or without a port")]
    Address(String),
}

impl Row {
    /// Whether a text begins as one does.
    pub fn begins(text: &str) -> bool {
        let word = text.split_whitespace().next();
        matches!(word, Some("conversation" | "endpoint" | "protocol"))
    }

    /// The conversation between two ends.
    pub fn conversation(ends: &Ends) -> Self {
        let Ends { protocol, a, b } = *ends;
        Self::Conversation {
            protocol: protocol.to_owned(),
            ends: if a <= b { [a, b] } else { [b, a] },
        }
    }

    /// What is inside these protocols.
    pub fn protocol(path: &[&str]) -> Self {
        Self::Protocol(path.iter().map(|name| (*name).to_owned()).collect())
    }

    /// Whether a packet belongs to it.
    pub fn matches(&self, layers: &Layers<'_>, ip: Option<&Ip<'_>>) -> bool {
        match self {
            Self::Conversation { protocol, ends } => talk(layers, ip).is_some_and(|talk| {
                let between = [talk.a, talk.b] == *ends || [talk.b, talk.a] == *ends;
                talk.protocol == protocol && between
            }),
            Self::Endpoint(address) => {
                talk(layers, ip).is_some_and(|talk| [talk.a.0, talk.b.0].contains(address))
            }
            Self::Protocol(names) => {
                let path = path(layers, ip);
                let outer = path.get(..names.len());
                outer.is_some_and(|outer| outer.iter().zip(names).all(|(has, name)| has == name))
            }
        }
    }
}

impl FromStr for Row {
    type Err = NoRow;

    fn from_str(text: &str) -> Result<Self, NoRow> {
        let (kind, rest) = text
            .trim()
            .split_once(char::is_whitespace)
            .ok_or(NoRow::Form)?;
        let words: Vec<_> = rest.split_whitespace().collect();
        match (kind, words.as_slice()) {
            ("conversation", [protocol, a, b]) => {
                let (a, b) = (end(a)?, end(b)?);
                Ok(Self::Conversation {
                    protocol: (*protocol).to_owned(),
                    ends: if a <= b { [a, b] } else { [b, a] },
                })
            }
            ("endpoint", [address]) => match end(address)? {
                (address, None) => Ok(Self::Endpoint(address)),
                (_, Some(_)) => Err(NoRow::Address((*address).to_owned())),
            },
            // a name may have spaces: `ip, malformed`
            ("protocol", [_, ..]) => {
                let names = rest.trim().split('/').map(str::to_owned);
                Ok(Self::Protocol(names.collect()))
            }
            _ => Err(NoRow::Form),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversation { protocol, ends } => {
                write!(f, "conversation {protocol}")?;
                ends.iter().try_for_each(|end| match end {
                    (Address::Ip(ip), Some(port)) => write!(f, " {}", SocketAddr::new(*ip, *port)),
                    (address, _) => write!(f, " {address}"),
                })
            }
            Self::Endpoint(address) => write!(f, "endpoint {address}"),
            Self::Protocol(names) => write!(f, "protocol {}", names.join("/")),
        }
    }
}

fn end(text: &str) -> Result<(Address, Option<u16>), NoRow> {
    if let Ok(end) = text.parse::<SocketAddr>() {
        return Ok((Address::Ip(end.ip()), Some(end.port())));
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok((Address::Ip(ip), None));
    }
    let mac = mac(text).ok_or_else(|| NoRow::Address(text.to_owned()))?;
    Ok((Address::Mac(mac), None))
}

/// Six bytes in hexadecimal, with colons between them.
fn mac(text: &str) -> Option<Mac> {
    let mut bytes = text.split(':').map(|byte| u8::from_str_radix(byte, 16));
    let mut mac = [0; 6];
    for place in &mut mac {
        *place = bytes.next()?.ok()?;
    }
    bytes.next().is_none().then_some(Mac(mac))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in [
            "conversation tcp 10.0.0.1:40000 10.0.0.2:443",
            "conversation udp [fd00::1]:5353 [ff02::fb]:5353",
            "conversation icmp 10.0.0.1 10.0.0.2",
            "conversation arp 02:00:00:00:00:01 ff:ff:ff:ff:ff:ff",
            "endpoint fd00::1",
            "endpoint 02:00:00:00:00:0a",
            "protocol eth/vlan/ip/tcp",
            "protocol eth/ip, malformed",
        ] {
            assert!(Row::begins(text));
            assert_eq!(text.parse::<Row>().unwrap().to_string(), text);
        }
        let swapped: Row = "conversation tcp 10.0.0.2:443 10.0.0.1:40000"
            .parse()
            .unwrap();
        assert_eq!(
            swapped.to_string(),
            "conversation tcp 10.0.0.1:40000 10.0.0.2:443"
        );
    }

    #[test]
    fn what_is_none_says_why() {
        for text in [
            "conversation",
            "conversation tcp 10.0.0.1:1",
            "conversation tcp 10.0.0.1:1 10.0.0.2:2 and arp",
            "endpoint",
            "protocol ",
        ] {
            assert_eq!(text.parse::<Row>(), Err(NoRow::Form), "{text}");
        }
        for (text, wrong) in [
            ("endpoint 10.0.0.1:80", "10.0.0.1:80"),
            ("endpoint 02:00:00:00:00", "02:00:00:00:00"),
            ("endpoint 02:00:00:00:00:01:02", "02:00:00:00:00:01:02"),
            ("conversation tcp a.test:1 10.0.0.2:2", "a.test:1"),
        ] {
            assert_eq!(text.parse::<Row>(), Err(NoRow::Address(wrong.to_owned())));
        }
        assert!(!Row::begins("host conversation") && !Row::begins(""));
    }
}
