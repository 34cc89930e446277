//! Searching bytes: what the SQL functions behind a filter do.

use regex::bytes::{Regex, RegexBuilder};
use std::{net::IpAddr, str::FromStr};

/// How much of a body is looked at together: a match across the borders of pieces is found when it is not
/// longer than [`OVERLAP`].
const WINDOW: usize = 512 * 1024;

/// How much of a window is looked at again with the next.
const OVERLAP: usize = 64 * 1024;

/// A regular expression takes at most this much memory.
const LARGEST: usize = 1024 * 1024;

/// Makes a pattern ready.
pub(crate) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    let mut builder = RegexBuilder::new(pattern);
    builder.size_limit(LARGEST).dfa_size_limit(2 * LARGEST);
    builder.build()
}

/// Searches a body that comes in pieces.
pub(crate) struct BodySearch<'p> {
    pattern: &'p Regex,
    window: Vec<u8>,
}

impl<'p> BodySearch<'p> {
    pub(crate) fn new(pattern: &'p Regex) -> Self {
        Self {
            pattern,
            window: Vec::new(),
        }
    }

    /// Adds a piece; true when the pattern was found in what came so far.
    pub(crate) fn add(&mut self, piece: &[u8]) -> bool {
        self.window.extend_from_slice(piece);
        if self.window.len() < WINDOW {
            return false;
        }
        if self.pattern.is_match(&self.window) {
            return true;
        }
        let done = self.window.len() - OVERLAP;
        self.window.drain(..done);
        false
    }

    /// The body is at its end.
    pub(crate) fn finish(&mut self) -> bool {
        let found = self.pattern.is_match(&self.window);
        self.window.clear();
        found
    }
}

/// A range of addresses, as CIDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u8,
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, prefix) = text.split_once('/').ok_or(())?;
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let prefix = prefix.parse().map_err(|_| ())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        if prefix > most {
            return Err(());
        }
        Ok(Self { address, prefix })
    }
}

impl Network {
    /// Whether an address as it is recorded (`ip:port`) is in the range.
    pub(crate) fn contains(&self, address: &str) -> bool {
        let Ok(address) = address.parse::<std::net::SocketAddr>() else {
            return false;
        };
        match (self.address, address.ip().to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let shift = 32 - u32::from(self.prefix);
                let cut = |ip: std::net::Ipv4Addr| u64::from(ip.to_bits()) >> shift;
                cut(net) == cut(ip)
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let shift = 128 - u32::from(self.prefix);
                let cut = |ip: std::net::Ipv6Addr| ip.to_bits().checked_shr(shift).unwrap_or(0);
                cut(net) == cut(ip)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, pieces: &[&[u8]]) -> bool {
        let pattern = compile(pattern).unwrap_or_else(|e| panic!("{e}"));
        let mut search = BodySearch::new(&pattern);
        pieces.iter().any(|piece| search.add(piece)) || search.finish()
    }

    #[test]
    fn finds_across_borders() {
        assert!(found("needle", &[b"a nee", b"dle b"]));
        assert!(!found("needle", &[b"a nee", b"ddle b"]));
        let large = vec![b'x'; WINDOW - 3];
        assert!(found("needle", &[&large, b"nee", b"dle"]));
        assert!(found("needle", &[&large, b"need", b"l", b"e"]));
        assert!(found("needle", &[b"needle", &large, &large]));
        assert!(!found("needle", &[&large, b"nee", b"xxx", &large, b"dle"]));
    }

    #[test]
    fn networks() {
        let within = |network: &str, address: &str| {
            let network: Result<Network, ()> = network.parse();
            network.is_ok_and(|n| n.contains(address))
        };
        assert!(within("192.168.0.0/16", "192.168.7.8:90"));
        assert!(!within("192.168.0.0/16", "192.169.7.8:90"));
        assert!(within("10.0.0.1/32", "[::ffff:10.0.0.1]:5"));
        assert!(within("0.0.0.0/0", "1.2.3.4:5"));
        assert!(within("fe80::/10", "[fe80::1]:80"));
        assert!(within("::/0", "[2001:db8::1]:80"));
        assert!(!within("::1/128", "127.0.0.1:80"));
        for wrong in ["10.0.0.0", "10.0.0.0/33", "a/8", "::/129"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
