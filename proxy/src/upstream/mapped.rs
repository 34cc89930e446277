//! Hosts that stand for another place than the resolver says.

use super::via::{Via, place};
use overhear_store::filter::HostPattern;
use std::{fmt, str::FromStr};

/// A host that stands for another place: `api.example.com=127.0.0.1:3000`. What is asked for there (SNI, `Host`) stays as
/// the client asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostMap {
    text: String,
    hosts: HostPattern,
    host: String,
    port: Option<u16>,
}

impl HostMap {
    pub(super) fn is_for(&self, host: &str) -> bool {
        self.hosts.matches(host)
    }

    pub(super) fn via(&self) -> Via {
        Via::Address(self.host.clone(), self.port)
    }
}

impl FromStr for HostMap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (hosts, to) = HostPattern::split(text, "");
        let hosts = hosts.ok_or_else(|| {
            format!(
                "{text:?} maps no host: write HOST=ADDRESS or HOST=ADDRESS:PORT, as api.example.com=127.0.0.1:3000"
            )
        })?;
        let (host, port) = place(to).ok_or_else(|| {
            format!("{to:?} is no place: write ADDRESS, ADDRESS:PORT or [IPV6]:PORT")
        })?;
        Ok(Self {
            text: text.to_owned(),
            hosts: hosts.parse()?,
            host,
            port,
        })
    }
}

impl fmt::Display for HostMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read() {
        for (text, host, place, port) in [
            (
                "api.example.com=127.0.0.1:3000",
                "api.example.com",
                "127.0.0.1",
                Some(3000),
            ),
            ("*.test=localhost", "a.test", "localhost", None),
            ("a=[::1]:80", "a", "::1", Some(80)),
            ("a=::1", "a", "::1", None),
            ("10.0.0.1=10.0.0.2", "10.0.0.1", "10.0.0.2", None),
        ] {
            let map: HostMap = text.parse().expect(text);
            assert!(map.is_for(host), "{text}");
            assert_eq!(map.via(), Via::Address(place.to_owned(), port));
            assert_eq!(map.to_string(), text);
        }
        for wrong in [
            "",
            "a",
            "a=",
            "=b",
            "a=b:0",
            "a=b:c",
            "a=http://b",
            "a=b/c",
            "a=u@b",
        ] {
            assert!(wrong.parse::<HostMap>().is_err(), "{wrong:?}");
        }
    }
}
