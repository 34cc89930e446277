//! Ranges of addresses, as people write them: `192.168.0.0/16`, `fe80::/10`, `10.0.0.7`.

use crate::error::Error;
use std::{fmt, net::IpAddr, str::FromStr};

/// A range of addresses (CIDR, RFC 4632).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    /// Any address in the range.
    pub address: IpAddr,
    /// How many leading bits count: at most 32 or 128.
    pub prefix: u8,
}

impl Cidr {
    /// Whether `address` is in the range. An IPv4-mapped IPv6 address counts as the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(other)) => {
                // `::ffff:10.0.0.0/104` is `10.0.0.0/8`
                let prefix = match self.address {
                    IpAddr::V4(_) => self.prefix,
                    IpAddr::V6(_) => self.prefix.saturating_sub(96),
                };
                let differ = u32::from(ours) ^ u32::from(other);
                differ.leading_zeros() >= u32::from(prefix)
            }
            (IpAddr::V6(ours), IpAddr::V6(other)) => {
                let differ = u128::from(ours) ^ u128::from(other);
                differ.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

impl FromStr for Cidr {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::Option(format!(
                "{text} is not an address range: write for example 192.168.0.0/16 or fe80::/10"
            ))
        };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| wrong())?
            }
            Some(_) => return Err(wrong()),
            None => most,
        };
        if prefix > most {
            return Err(wrong());
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(range: &str, address: &str) -> bool {
        let range: Cidr = range.parse().expect("a range");
        range.contains(address.parse().expect("an address"))
    }

    #[test]
    fn contains() {
        assert!(within("192.168.0.0/16", "192.168.255.1"));
        assert!(!within("192.168.0.0/16", "192.169.0.1"));
        assert!(
            within("192.168.77.5/16", "192.168.0.1"),
            "host bits do not count"
        );
        assert!(within("0.0.0.0/0", "8.8.8.8"));
        assert!(!within("0.0.0.0/0", "::1"));
        assert!(within("::/0", "2001:db8::1"));
        assert!(within("10.0.0.7", "10.0.0.7"));
        assert!(!within("10.0.0.7", "10.0.0.8"));
        assert!(within("10.0.0.6/31", "10.0.0.7"));
        assert!(within("fe80::/10", "febf::1"));
        assert!(!within("fe80::/10", "fec0::1"));
        assert!(within("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(within("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(!within("::ffff:10.0.0.0/104", "11.1.2.3"));
    }

    #[test]
    fn refuses_what_is_not_a_range() {
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "10.0.0.0/+8",
            "a/8",
            "10.0.0.0/8/8",
            "::1/-1",
        ] {
            let error = text.parse::<Cidr>().expect_err(text);
            assert!(error.to_string().contains("192.168.0.0/16"), "{error}");
        }
    }
}
