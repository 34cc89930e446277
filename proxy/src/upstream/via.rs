//! Another way to a server: a connection made elsewhere, or through an HTTP proxy that is asked for a tunnel.

use super::{Ways, reach};
use crate::{
    http1::{HeadReader, Input, send},
    target::{Scheme, Target},
    words::failed,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::BytesMut;
use overhear_store::{ConnectionRecorder, Failure, FailureCause, Party};
use std::{fmt, net::SocketAddr, time::Duration};
use tokio::{net::TcpStream, time::timeout};

/// For a proxy to make the tunnel.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a connection is made instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Via {
    /// At this host, with this port or the one that it had.
    Address(String, Option<u16>),
    /// Through this HTTP proxy, with these credentials.
    Proxy(Target, Option<String>),
}

impl Via {
    /// Reads `HOST`, `HOST:PORT`, or an `http` URL without a path.
    ///
    /// # Errors
    /// What is wrong, and what to write.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Some("http"), rest),
            Some((scheme, _)) => {
                return Err(format!(
                    "{scheme}:// is no way to a server here: write HOST:PORT, or http://HOST:PORT for an HTTP proxy"
                ));
            }
            None => (None, text),
        };
        let wrong = || {
            format!(
                "{text:?} names no server: write it as 127.0.0.1:3000, [::1]:3000, or http://user:password@proxy:3128"
            )
        };
        let url = url::Url::parse(&format!("http://{rest}")).map_err(|_| wrong())?;
        let host = url.host_str().ok_or_else(wrong)?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let bare =
            matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let named = !url.username().is_empty();
        if !bare || (named && scheme.is_none()) {
            return Err(wrong());
        }
        // a URL does not say that it has the port that it would have anyway
        let port = match rest.trim_end_matches('/').ends_with(":80") {
            true => Some(80),
            false => url.port(),
        };
        if port == Some(0) {
            return Err(wrong());
        }
        if scheme.is_none() {
            return Ok(Self::Address(host, port));
        }
        let plain = |text: &str| {
            let bytes = percent_encoding::percent_decode_str(text);
            bytes.decode_utf8_lossy().into_owned()
        };
        let credentials = named.then(|| {
            let password = plain(url.password().unwrap_or_default());
            STANDARD.encode(format!("{}:{password}", plain(url.username())))
        });
        let place = Target {
            scheme: Scheme::Http,
            host,
            port: port.unwrap_or(80),
        };
        Ok(Self::Proxy(place, credentials))
    }

    /// Reaches `target` this way; also gives what was read of it already.
    pub(crate) async fn reach(
        &self,
        target: &Target,
        ways: &Ways,
        connection: &ConnectionRecorder,
    ) -> Result<(TcpStream, BytesMut, SocketAddr), Failure> {
        let reached = match self {
            Self::Address(host, port) => {
                let place = Target {
                    scheme: target.scheme,
                    host: host.clone(),
                    port: port.unwrap_or(target.port),
                };
                let reached = reach(&place, ways, connection).await;
                reached.map(|(tcp, server)| (tcp, BytesMut::new(), server))
            }
            Self::Proxy(place, credentials) => match reach(place, ways, connection).await {
                Ok((tcp, server)) => {
                    let tunnel = tunnel(tcp, target, place, credentials.as_deref());
                    match timeout(PATIENCE, tunnel).await {
                        Ok(tunnel) => tunnel.map(|(tcp, read)| (tcp, read, server)),
                        Err(_) => Err(failure(
                            FailureCause::Timeout,
                            format!(
                                "the proxy {place} did not say within {} seconds whether it reaches {target}",
                                PATIENCE.as_secs()
                            ),
                        )),
                    }
                }
                Err(failure) => Err(failure),
            },
        };
        connection.edit(|connection| {
            connection.host.clone_from(&target.host);
            connection.port = target.port;
        });
        reached
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(host, Some(port)) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Address(host, Some(port)) => write!(f, "{host}:{port}"),
            Self::Address(host, None) => write!(f, "{host}"),
            // credentials are nobody else's
            Self::Proxy(place, _) => write!(f, "the proxy {place}"),
        }
    }
}

/// Asks a proxy for a tunnel, RFC 9110 section 9.3.6.
async fn tunnel(
    mut tcp: TcpStream,
    target: &Target,
    place: &Target,
    credentials: Option<&str>,
) -> Result<(TcpStream, BytesMut), Failure> {
    let host = match target.host.contains(':') {
        true => format!("[{}]:{}", target.host, target.port),
        false => format!("{}:{}", target.host, target.port),
    };
    let mut head = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n");
    if let Some(credentials) = credentials {
        head.push_str(&format!("Proxy-Authorization: Basic {credentials}\r\n"));
    }
    head.push_str("\r\n");
    let broke = |how: &str| {
        let text = format!("the proxy {place} {how} instead of making a tunnel to {target}");
        failure(FailureCause::Closed, text)
    };
    send(&mut tcp, head.as_bytes())
        .await
        .map_err(|_| broke("broke the connection"))?;
    let mut input = Input::new(BytesMut::new());
    let mut reader = HeadReader::default();
    let status = loop {
        match reader.response_ready(input.bytes()) {
            Ok(true) => {
                let head = reader.response(input.bytes());
                let head = head.map_err(|problem| problem.of_response(&place.to_string()))?;
                let (length, status) = (head.skipped + head.bytes.len(), head.status);
                input.consume(length);
                if status >= 200 {
                    break status;
                }
                reader = HeadReader::default();
            }
            Ok(false) => match input.fill(&mut tcp).await {
                Ok(1..) => {}
                _ => return Err(broke("closed the connection")),
            },
            Err(problem) => return Err(problem.of_response(&place.to_string())),
        }
    };
    match status {
        200..=299 => Ok((tcp, input.into_bytes())),
        407 => Err(failure(
            FailureCause::Other,
            format!(
                "the proxy {place} wants other credentials (407): write them as http://user:password@{place}"
            ),
        )),
        status => Err(failure(
            FailureCause::Other,
            format!("the proxy {place} makes no tunnel to {target}: it answers {status}"),
        )),
    }
}

fn failure(cause: FailureCause, text: String) -> Failure {
    failed(cause, Party::Server, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_read() {
        let address = |host: &str, port| Ok(Via::Address(host.to_owned(), port));
        assert_eq!(
            Via::read("127.0.0.1:3000"),
            address("127.0.0.1", Some(3000))
        );
        assert_eq!(
            Via::read("staging.test:80"),
            address("staging.test", Some(80))
        );
        assert_eq!(Via::read("staging.test"), address("staging.test", None));
        assert_eq!(Via::read("[::1]:8080"), address("::1", Some(8080)));
        let Ok(Via::Proxy(place, Some(credentials))) = Via::read("http://a%40b:c@proxy.test:3128")
        else {
            panic!("no proxy");
        };
        assert_eq!((place.host.as_str(), place.port), ("proxy.test", 3128));
        assert_eq!(STANDARD.decode(credentials).expect("base64"), b"a@b:c");
        for wrong in [
            "",
            "socks5://a:1",
            "https://a",
            "a/b",
            "a:0",
            "a b",
            "u@a:1",
            "http://a/b",
        ] {
            assert!(Via::read(wrong).is_err(), "{wrong:?}");
        }
    }
}
