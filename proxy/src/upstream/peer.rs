//! A proxy that leads to servers, and the rules that say which servers it leads to.

use super::Via;
use crate::target::{Scheme, Target};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use overhear_store::filter::HostPattern;
use std::{fmt, str::FromStr};

/// What a password is shown as.
pub(crate) const MASK: &str = "***";

/// What another proxy is spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// HTTP/1.1, over TLS where the place says so.
    Http,
    /// SOCKS version 5 (RFC 1928); names are resolved there.
    Socks5,
}

/// A proxy that leads to servers.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) language: Language,
    /// Where it is; the scheme says whether TLS is spoken with it.
    pub(crate) place: Target,
    /// User and password.
    pub(crate) login: Option<(String, String)>,
}

impl Peer {
    /// Reads `http://`, `https://`, `socks5://` or `socks5h://`, `[user:password@]host[:port]`.
    ///
    /// # Errors
    /// What is wrong, and what to write. Never with the password.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "{} names no proxy{why}: write http://, https:// or socks5://, then [user:password@]host[:port]",
                shown(text)
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong(""))?;
        let (language, tls, usual) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Language::Http, Scheme::Http, 80),
            "https" => (Language::Http, Scheme::Https, 443),
            "socks5" | "socks5h" => (Language::Socks5, Scheme::Http, 1080),
            other => {
                return Err(wrong(&format!(" ({other}:// is no way to a server here)")));
            }
        };
        // a scheme that is not special to the parser keeps port 80 and has no other rules
        let url = url::Url::parse(&format!("http://{rest}")).map_err(|_| wrong(""))?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| wrong(""))?;
        let bare =
            matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if !bare {
            return Err(wrong(" (nothing stands behind its port)"));
        }
        let port = match rest.trim_end_matches('/').ends_with(":80") {
            true => 80,
            false => url.port().unwrap_or(usual),
        };
        if port == 0 {
            return Err(wrong(" (0 is no port)"));
        }
        let plain = |text: &str| {
            let bytes = percent_encoding::percent_decode_str(text);
            bytes.decode_utf8_lossy().into_owned()
        };
        let named = !url.username().is_empty() || url.password().is_some();
        let login = named.then(|| {
            let password = plain(url.password().unwrap_or_default());
            (plain(url.username()), password)
        });
        // RFC 1929: each has one to 255 bytes
        if language == Language::Socks5
            && let Some((user, password)) = &login
            && [user, password]
                .iter()
                .any(|text| !(1..=255).contains(&text.len()))
        {
            return Err(wrong(
                " (in SOCKS5 a user and a password have 1 to 255 bytes each)",
            ));
        }
        if login.as_ref().is_some_and(|(user, password)| {
            user.contains(':') && language == Language::Http
                || format!("{user}{password}").contains(char::is_control)
        }) {
            return Err(wrong(
                " (a user name has no colon, and neither it nor the password a control character)",
            ));
        }
        Ok(Self {
            language,
            place: Target {
                scheme: tls,
                host: host.trim_matches(['[', ']']).to_owned(),
                port,
            },
            login,
        })
    }

    /// The credentials as `Proxy-Authorization` has them (RFC 7617).
    pub(crate) fn authorization(&self) -> Option<String> {
        let (user, password) = self.login.as_ref()?;
        Some(format!(
            "Basic {}",
            STANDARD.encode(format!("{user}:{password}"))
        ))
    }

    pub(super) fn scheme(&self) -> &'static str {
        match (self.language, self.place.scheme) {
            (Language::Socks5, _) => "socks5",
            (Language::Http, Scheme::Https) => "https",
            (Language::Http, Scheme::Http) => "http",
        }
    }
}

/// Without credentials, which are nobody else's.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.place)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which servers are reached through which proxy: `[PATTERN=]http://proxy:3128`, or `direct` for none.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamRule {
    /// As it was written, with the password.
    text: String,
    hosts: Option<HostPattern>,
    pub(crate) via: Via,
}

impl UpstreamRule {
    /// As it was written. With the password: nothing to show.
    pub fn with_password(&self) -> &str {
        &self.text
    }

    /// Whether `host` goes this way.
    pub(crate) fn is_for(&self, host: &str) -> bool {
        self.hosts.as_ref().is_none_or(|hosts| hosts.matches(host))
    }
}

impl FromStr for UpstreamRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (hosts, way) = HostPattern::split(text, "://");
        let hosts = hosts.map(str::parse::<HostPattern>).transpose()?;
        let via = match way {
            "direct" => Via::Direct,
            proxy => Via::Proxy(Peer::read(proxy)?.into()),
        };
        Ok(Self {
            text: text.to_owned(),
            hosts,
            via,
        })
    }
}

/// With `***` for the password.
impl fmt::Display for UpstreamRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.text))
    }
}

impl fmt::Debug for UpstreamRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A URL, or a rule with one, as it may be shown: `***` for the password.
pub(crate) fn shown(text: &str) -> String {
    let parts = text.split_once("://").and_then(|(before, rest)| {
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, after) = (rest.get(..end)?, rest.get(end..)?);
        // a password may hold an at sign or a slash that should have been encoded
        let (login, host) = rest.rsplit_once('@').or(authority.rsplit_once('@'))?;
        let (user, _) = login.split_once(':')?;
        let host = match login.len() > end {
            true => host.to_owned(),
            false => format!(
                "{}{after}",
                authority.rsplit_once('@').map_or(host, |(_, host)| host)
            ),
        };
        Some(format!("{before}://{user}:{MASK}@{host}"))
    });
    parts.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read() {
        for (text, shown, port) in [
            ("http://proxy.test:3128", "http://proxy.test:3128", 3128),
            ("http://proxy.test", "http://proxy.test:80", 80),
            ("HTTPS://proxy.test/", "https://proxy.test:443", 443),
            ("https://u:p@proxy.test:80", "https://proxy.test:80", 80),
            ("socks5://[::1]", "socks5://[::1]:1080", 1080),
            ("socks5h://10.0.0.1:9050", "socks5://10.0.0.1:9050", 9050),
        ] {
            let peer = Peer::read(text).expect(text);
            assert_eq!((peer.to_string().as_str(), peer.place.port), (shown, port));
            assert_eq!(format!("{peer:?}"), shown);
        }
        let peer = Peer::read("http://a%40b:c%2Cd@proxy.test").expect("a proxy");
        let authorization = peer.authorization().expect("credentials");
        assert_eq!(
            authorization,
            format!("Basic {}", STANDARD.encode("a@b:c,d"))
        );
        let long = format!("socks5://{}:p@a", "u".repeat(256));
        for wrong in [
            "",
            "proxy.test:3128",
            "socks4://a:1",
            "ftp://a",
            "http://",
            "http://a/b",
            "http://a:0",
            "http://a:99999",
            "http://a b",
            "socks5://user@a",
            "http://u%0d:p@a",
            "http://u%3a:p@a",
            &long,
        ] {
            assert!(Peer::read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let secret = "s3cret";
        for text in [
            "a.test=http://user:s3cret@proxy:1",
            "http://user:s3cret@proxy:1",
            "socks5://user:s3cret@[::1]",
            "http://user:s3cret/@proxy:1/b",
            "http://user:s3@cret@proxy:1",
            "ftp://user:s3cret@proxy",
        ] {
            let said = match text.parse::<UpstreamRule>() {
                Ok(rule) => {
                    assert_eq!(rule.with_password(), text);
                    format!("{rule} {rule:?}")
                }
                Err(said) => said,
            };
            assert!(!said.contains(secret) && !said.contains("cret"), "{said}");
            assert!(said.contains("user:***@"), "{said}");
        }
        assert_eq!(shown("http://user@proxy"), "http://user@proxy");
        assert_eq!(shown("direct"), "direct");
    }

    #[test]
    fn rules_say_for_whom_they_are() {
        let rule: UpstreamRule = "*.test=direct".parse().expect("a rule");
        assert!(rule.is_for("a.test") && !rule.is_for("a.example"));
        assert_eq!(rule.via, Via::Direct);
        let rule: UpstreamRule = "http://p:1".parse().expect("a rule");
        assert!(rule.is_for("anything"));
        for wrong in [
            "",
            "=direct",
            "a.test=",
            "a:1=direct",
            "a.test",
            "a.test=elsewhere",
        ] {
            assert!(wrong.parse::<UpstreamRule>().is_err(), "{wrong:?}");
        }
    }
}
