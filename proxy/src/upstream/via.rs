//! The ways to a server: straight, to another place, or through another proxy.

use super::{
    Ways,
    peer::{Language, Peer},
    socks, tcp, tunnel,
};
use crate::{
    stream::Stream,
    target::{Scheme, Target},
    tls::{Connector, Wish},
    words::failed,
};
use bytes::BytesMut;
use overhear_store::{ConnectionRecorder, Failure, FailureCause, Party};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::time::timeout;

/// For a proxy to reach a server.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a connection to a server is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Via {
    /// To the server itself.
    Direct,
    /// At this host instead, with this port or the one that it had.
    Address(String, Option<u16>),
    /// Through this proxy.
    Proxy(Arc<Peer>),
}

/// A connection that leads to a server.
pub(crate) struct Reached {
    pub(crate) io: Stream,
    /// Read from it already.
    pub(crate) read: BytesMut,
    /// Whom it is connected with: the server, or a proxy.
    pub(crate) server: SocketAddr,
    /// It ends at a proxy, which takes requests in absolute form.
    pub(crate) forward: Option<Arc<Forward>>,
}

/// A proxy that takes requests in absolute form (RFC 9112 section 3.2.2).
#[derive(Debug)]
pub(crate) struct Forward {
    peer: Arc<Peer>,
}

/// What will be spoken with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// HTTP/1 without TLS, by who can write requests for a proxy.
    PlainHttp,
    /// Anything.
    Bytes,
}

impl Via {
    /// Reads `HOST`, `HOST:PORT`, `direct`, or a proxy as [`Peer::read`] does.
    ///
    /// # Errors
    /// What is wrong, and what to write.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Ok(Self::Proxy(Peer::read(text)?.into()));
        }
        if text == "direct" {
            return Ok(Self::Direct);
        }
        let (host, port) = place(text).ok_or_else(|| {
            format!(
                "{text:?} names no server: write it as 127.0.0.1:3000, [::1]:3000, http://user:password@proxy:3128, socks5://proxy:1080 or direct"
            )
        })?;
        Ok(Self::Address(host, port))
    }
}

/// Reads `HOST` or `HOST:PORT`; an IPv6 address with a port is in brackets.
pub(crate) fn place(text: &str) -> Option<(String, Option<u16>)> {
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Some((text.to_owned(), None));
    }
    if text.contains('@') {
        return None;
    }
    let url = url::Url::parse(&format!("http://{text}")).ok()?;
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    // a URL does not say that it has the port that it would have anyway
    let port = match text.ends_with(":80") {
        true => Some(80),
        false => url.port(),
    };
    let good = bare && !text.ends_with(['/', ':']) && port != Some(0);
    good.then(|| (host.trim_matches(['[', ']']).to_owned(), port))
}

impl Peer {
    /// Reaches `target` through this proxy.
    pub(super) async fn reach(
        self: &Arc<Self>,
        target: &Target,
        purpose: Purpose,
        ways: &Ways,
        connector: &Connector,
        connection: &ConnectionRecorder,
    ) -> Result<Reached, Failure> {
        connection.edit(|c| c.via = Some(self.to_string()));
        // whatever leads to this program's own ports is refused here, too; names are resolved over there
        ways.guard_literal(target)?;
        let (tcp, server) = match tcp(&self.place, ways, connection).await {
            Ok(reached) => reached,
            Err(failure) => return Err(self.unreachable(failure)),
        };
        let mut io = Stream::Tcp(tcp);
        if self.place.scheme == Scheme::Https {
            io = self.secure(io, connector).await?;
        }
        let mut reached = Reached {
            io,
            read: BytesMut::new(),
            server,
            forward: None,
        };
        if self.language == Language::Http && purpose == Purpose::PlainHttp {
            let peer = Arc::clone(self);
            reached.forward = Some(Forward { peer }.into());
            return Ok(reached);
        }
        let made = async {
            match self.language {
                Language::Http => tunnel::ask(&mut reached.io, target, self).await,
                Language::Socks5 => socks::ask(&mut reached.io, target, self).await,
            }
        };
        match timeout(PATIENCE, Box::pin(made)).await {
            Ok(read) => reached.read = read?,
            Err(_) => {
                return Err(failure(
                    FailureCause::Timeout,
                    format!(
                        "the upstream proxy {self} did not say within {} seconds whether it reaches {target}",
                        PATIENCE.as_secs()
                    ),
                ));
            }
        }
        Ok(reached)
    }

    /// TLS with the proxy itself.
    async fn secure(&self, io: Stream, connector: &Connector) -> Result<Stream, Failure> {
        let named = self.place.host.parse::<IpAddr>().is_err();
        let wish = Wish {
            target: &self.place,
            sni: named.then_some(self.place.host.as_str()),
            alpn: Vec::new(),
        };
        match connector.connect(io, BytesMut::new(), wish).await {
            Ok((io, _)) => Ok(io),
            Err(failed) => Err(self.unreachable(failed.failure)),
        }
    }

    /// A failure on the way to the proxy.
    fn unreachable(&self, failure: Failure) -> Failure {
        failed(
            failure.cause,
            failure.side,
            format!("the upstream proxy {self} cannot be used. {}", failure.text),
        )
    }

    /// It broke off before it said whether it reaches a server.
    pub(super) fn broke(&self, target: &Target, how: &str) -> Failure {
        let text = format!("the upstream proxy {self} {how} instead of leading to {target}");
        failure(FailureCause::Closed, text)
    }

    /// It wants to know who asks. `offered`: the names of the ways to say so, where it tells.
    pub(super) fn wants_login(&self, offered: &[String]) -> Failure {
        let example = format!("{}://user:password@{}", self.scheme(), self.place);
        let basic = offered
            .iter()
            .any(|name| name.eq_ignore_ascii_case("basic"));
        let text = match (&self.login, offered) {
            (_, [_, ..]) if !basic => format!(
                "the upstream proxy {self} asks who uses it (407) in a way that is not known here ({}): overhear sends a user and a password (Basic). Let a local helper such as cntlm or px log in, and name that as the upstream proxy",
                offered.join(", ")
            ),
            (None, _) => format!(
                "the upstream proxy {self} asks who uses it (407): write user and password into its address, as {example}, where it is named (--upstream, the settings, or a rule)"
            ),
            (Some((user, _)), _) => format!(
                "the upstream proxy {self} wants other credentials (407) than those of the user {user:?}: correct them where it is named (--upstream, the settings, or a rule), as {example}"
            ),
        };
        failure(FailureCause::Other, text)
    }
}

impl Forward {
    /// The credentials for the proxy.
    pub(crate) fn authorization(&self) -> Option<String> {
        self.peer.authorization()
    }

    /// What a 407 of the proxy means: it asks us, not the client. `head` is its answer's.
    pub(crate) fn wants_login(&self, head: &[u8]) -> Failure {
        self.peer.wants_login(&tunnel::offered(head))
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => write!(f, "the server itself"),
            Self::Address(host, Some(port)) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Address(host, Some(port)) => write!(f, "{host}:{port}"),
            Self::Address(host, None) => write!(f, "{host}"),
            Self::Proxy(peer) => write!(f, "the proxy {peer}"),
        }
    }
}

pub(super) fn failure(cause: FailureCause, text: String) -> Failure {
    failed(cause, Party::Server, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_read() {
        for (text, host, port) in [
            ("127.0.0.1:3000", "127.0.0.1", Some(3000)),
            ("staging.test:80", "staging.test", Some(80)),
            ("staging.test", "staging.test", None),
            ("[::1]:8080", "::1", Some(8080)),
            ("::1", "::1", None),
        ] {
            let address = Via::Address(host.to_owned(), port);
            assert_eq!(Via::read(text), Ok(address), "{text}");
        }
        assert_eq!(Via::read("direct"), Ok(Via::Direct));
        let Ok(Via::Proxy(peer)) = Via::read("http://a%40b:c@proxy.test:3128") else {
            panic!("no proxy");
        };
        assert_eq!(peer.to_string(), "http://proxy.test:3128");
        assert!(matches!(Via::read("socks5://a:1"), Ok(Via::Proxy(_))));
        for wrong in [
            "",
            "a/b",
            "a:0",
            "a b",
            "u@a:1",
            "a:",
            "ftp://a",
            "http://a/b",
        ] {
            assert!(Via::read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_a_proxy_wants_is_told_with_what_to_do() {
        let said = |proxy: &str, offered: &[&str]| {
            let offered: Vec<_> = offered.iter().map(|name| (*name).to_owned()).collect();
            Peer::read(proxy).expect(proxy).wants_login(&offered).text
        };
        let none = said("http://p:1", &["Basic", "NTLM"]);
        assert!(none.contains("as http://user:password@p:1"), "{none}");
        let other = said("http://me:secret@p:1", &[]);
        assert!(
            other.contains("other credentials") && other.contains("\"me\""),
            "{other}"
        );
        assert!(!other.contains("secret"), "{other}");
        let unknown = said("http://p:1", &["Negotiate", "NTLM"]);
        assert!(unknown.contains("Negotiate, NTLM"), "{unknown}");
    }
}
