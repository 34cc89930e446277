//! What a port is for: a proxy that is asked, a server in whose place we stand, or connections that were led here.

use crate::{
    http1::authority,
    target::{Scheme, Target},
};
use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// The port of transparent mode when nobody says otherwise.
const TRANSPARENT_PORT: u16 = 8082;

/// What a port is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// A proxy that clients ask: HTTP, CONNECT, SOCKS, TLS to the proxy itself, and visits.
    Mixed,
    /// Everything goes to one server.
    Reverse(Reverse),
    /// Connections that the system led here on their way to somebody else.
    Transparent,
}

/// The one server of a reverse listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reverse {
    /// What is spoken with it.
    pub spoken: Spoken,
    /// DNS name or IP address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// What is spoken with the server of a reverse listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP.
    Http,
    /// HTTP over TLS.
    Https,
    /// Bytes over TLS.
    Tls,
    /// Bytes.
    Tcp,
}

/// A port and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Where.
    pub address: SocketAddr,
    /// For what.
    pub mode: Mode,
}

/// A mode as it is written: `reverse:https://example.org@127.0.0.1:9000`, `transparent`, `transparent@0.0.0.0:9001`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeSpec {
    mode: Mode,
    at: Option<SocketAddr>,
}

impl ModeSpec {
    /// The ports; `ipv6`: this computer has IPv6.
    pub fn listen(&self, ipv6: bool) -> Vec<Listen> {
        let usual = || {
            let four = SocketAddr::from((Ipv4Addr::UNSPECIFIED, TRANSPARENT_PORT));
            let six = SocketAddr::from((Ipv6Addr::UNSPECIFIED, TRANSPARENT_PORT));
            [Some(four), ipv6.then_some(six)]
                .into_iter()
                .flatten()
                .collect()
        };
        let addresses = self.at.map_or_else(usual, |at| vec![at]);
        let listen = |address| Listen {
            address,
            mode: self.mode.clone(),
        };
        addresses.into_iter().map(listen).collect()
    }
}

impl FromStr for ModeSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const SHAPES: &str = "write reverse:https://HOST[:PORT]@ADDR:PORT (also http, tls, tcp) or transparent[@ADDR:PORT]";
        let text = text.trim();
        let (mode, at) = match text.rsplit_once('@') {
            Some((mode, at)) => (mode, Some(at)),
            None => (text, None),
        };
        let at = at.map(|at| {
            at.parse::<SocketAddr>().map_err(|_| {
                format!("{at:?} is not where to listen: write an address and a port, for example 127.0.0.1:9000 or [::1]:9000")
            })
        });
        let at = at.transpose()?;
        let mode = match mode.split_once(':') {
            None if mode == "transparent" => Mode::Transparent,
            Some(("reverse", server)) if at.is_some() => Mode::Reverse(server.parse()?),
            Some(("reverse", _)) => {
                return Err(format!("{text:?} does not say where to listen: {SHAPES}"));
            }
            _ => return Err(format!("{text:?} is no mode: {SHAPES}")),
        };
        Ok(Self { mode, at })
    }
}

impl FromStr for Reverse {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{text:?} names no server: {why}");
        let (scheme, rest) = text.split_once("://").ok_or_else(|| {
            wrong("write http://HOST, https://HOST, tls://HOST:PORT or tcp://HOST:PORT")
        })?;
        let (spoken, usual) = match scheme {
            "http" => (Spoken::Http, Some(80)),
            "https" => (Spoken::Https, Some(443)),
            "tls" => (Spoken::Tls, None),
            "tcp" => (Spoken::Tcp, None),
            _ => return Err(wrong("it begins with http://, https://, tls:// or tcp://")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = authority(rest.as_bytes()).map_err(|why| wrong(&format!("it {why}")))?;
        let port = port.or(usual).ok_or_else(|| wrong("it needs a port"))?;
        Ok(Self { spoken, host, port })
    }
}

impl Reverse {
    pub(crate) fn target(&self) -> Target {
        Target {
            scheme: match self.spoken {
                Spoken::Http | Spoken::Tcp => Scheme::Http,
                Spoken::Https | Spoken::Tls => Scheme::Https,
            },
            host: self.host.clone(),
            port: self.port,
        }
    }
}

impl fmt::Display for Reverse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.spoken {
            Spoken::Http => "http",
            Spoken::Https => "https",
            Spoken::Tls => "tls",
            Spoken::Tcp => "tcp",
        };
        write!(f, "{scheme}://{}", self.target())
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mixed => f.write_str("proxy"),
            Self::Reverse(server) => write!(f, "reverse:{server}"),
            Self::Transparent => f.write_str("transparent"),
        }
    }
}

impl fmt::Display for ModeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "{}@{at}", self.mode),
            None => self.mode.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_and_written() {
        for (text, written) in [
            (
                "reverse:https://example.org@127.0.0.1:9000",
                "reverse:https://example.org:443@127.0.0.1:9000",
            ),
            (
                "reverse:http://example.org/@127.0.0.1:9000",
                "reverse:http://example.org:80@127.0.0.1:9000",
            ),
            (
                "reverse:tcp://[::1]:25@[::1]:9000",
                "reverse:tcp://[::1]:25@[::1]:9000",
            ),
            (
                "reverse:tls://mail.test:993@0.0.0.0:0",
                "reverse:tls://mail.test:993@0.0.0.0:0",
            ),
            ("transparent", "transparent"),
            (" transparent@[::]:9001 ", "transparent@[::]:9001"),
        ] {
            let spec: ModeSpec = text.parse().expect(text);
            assert_eq!(spec.to_string(), written);
            assert_eq!(written.parse(), Ok(spec));
        }
        let usual: ModeSpec = "transparent".parse().expect("a mode");
        let at = |ipv6| -> Vec<_> {
            usual
                .listen(ipv6)
                .iter()
                .map(|l| l.address.to_string())
                .collect()
        };
        assert_eq!(at(false), ["0.0.0.0:8082"]);
        assert_eq!(at(true), ["0.0.0.0:8082", "[::]:8082"]);
    }

    #[test]
    fn what_is_no_mode_in_words() {
        for (text, why) in [
            ("", "is no mode"),
            ("reverse", "is no mode"),
            ("upstream:http://a@127.0.0.1:1", "is no mode"),
            ("reverse:https://a", "where to listen"),
            ("reverse:https://a@9000", "where to listen"),
            ("reverse:a@127.0.0.1:1", "names no server"),
            ("reverse:ftp://a@127.0.0.1:1", "begins with"),
            ("reverse:tcp://a@127.0.0.1:1", "needs a port"),
            ("reverse:https://@127.0.0.1:1", "has no host"),
            ("reverse:https://a:0@127.0.0.1:1", "port"),
            ("reverse:https://a/path@127.0.0.1:1", "cannot have"),
        ] {
            let said = text.parse::<ModeSpec>().expect_err(text);
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
