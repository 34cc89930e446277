//! Before a connection that is not admitted yet goes on: a visit passes, a proxy request waits for the
//! person's answer, and is refused without one.

use super::Client;
use crate::{
    admit::{Decision, Verdict},
    engine::{Row, is_site},
    failure,
    stream::Stream,
    target::Target,
    words::failed,
};
use bytes::BytesMut;
use overhear_store::{Failure, FailureCause, HeadKind, Kind, Party, Timestamp};
use std::{sync::atomic::Ordering, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use url::Url;

/// For the head of a request that is looked at before the relay sees it.
const PATIENCE: Duration = Duration::from_secs(10);
/// A longer head is not waited for.
const HEAD_MAX: usize = 64 * 1024;

/// What the first request wants.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    /// The proxy's own page.
    Page,
    /// A server.
    Server {
        method: String,
        host: String,
        port: u16,
        path: String,
    },
}

impl Client {
    /// Lets the connection pass, or answers it; none when it was answered.
    pub(super) async fn gate(
        &self,
        mut stream: Stream,
        mut read: BytesMut,
        _secure: bool,
    ) -> Option<(Stream, BytesMut)> {
        if self.is_admitted() {
            return Some((stream, read));
        }
        read_head(&mut stream, &mut read).await;
        self.learn_user_agent(&read);
        let wish = wish(&read);
        let refusal = match (self.verdict, &wish) {
            (Verdict::Asked, Wish::Page) => return Some((stream, read)),
            (Verdict::Asked, Wish::Server { .. }) => self.admit().await.err(),
            (Verdict::Allowed, _) => None,
            (Verdict::Refused | Verdict::Public, _) => Some(self.refusal()),
        };
        let Some(refusal) = refusal else {
            return Some((stream, read));
        };
        self.refuse(stream, &read, &wish, refusal).await;
        None
    }

    /// Waits, if need be, until a person lets the device use the proxy.
    pub(super) async fn admit(&self) -> Result<(), Failure> {
        if self.is_admitted() {
            return Ok(());
        }
        if self.verdict != Verdict::Asked {
            return Err(self.refusal());
        }
        let answer = tokio::select! {
            answer = self.engine.admission.answer(self.ip()) => answer,
            () = self.engine.stop.cancelled() => None,
        };
        match answer {
            Some(Decision::Allow) => {
                self.admitted.store(true, Ordering::Relaxed);
                Ok(())
            }
            Some(Decision::Refuse) => Err(refusal(self, Verdict::Refused)),
            None => Err(self.refusal()),
        }
    }

    pub(super) fn refusal(&self) -> Failure {
        refusal(self, self.verdict)
    }

    /// Turns away a client that wanted to reach `target` without naming it.
    pub(super) async fn turn_away(
        &self,
        mut stream: Stream,
        mut read: BytesMut,
        target: &Target,
        refusal: Failure,
    ) {
        read_head(&mut stream, &mut read).await;
        let mut lines = read.as_ref().split(|b: &u8| *b == b'\n');
        let line = String::from_utf8_lossy(lines.next().unwrap_or_default());
        let mut words = line.split_ascii_whitespace().map(str::to_owned);
        let wish = Wish::Server {
            method: words.next().unwrap_or_default(),
            path: words.next().unwrap_or_default(),
            host: target.host.clone(),
            port: target.port,
        };
        self.refuse(stream, &read, &wish, refusal).await;
    }

    /// Answers with the reason; the first time a device is refused is a flow.
    async fn refuse(&self, mut stream: Stream, head: &[u8], wish: &Wish, refusal: Failure) {
        let engine = &self.engine;
        let page = failure::page(&refusal, head);
        let status = failure::status(&refusal);
        if self.is_recorded() {
            let connection = engine.recorder.connection(self.accepted.clone());
            let local = self.accepted.local;
            let own = local.ip().to_string();
            let (method, host, port, path) = match wish {
                Wish::Page => ("", own.as_str(), local.port(), ""),
                Wish::Server {
                    method,
                    host,
                    port,
                    path,
                } => (method.as_str(), host.as_str(), *port, path.as_str()),
            };
            connection.edit(|c| {
                host.clone_into(&mut c.host);
                c.port = port;
                c.closed_by = Some(Party::Proxy);
            });
            let row = Row {
                kind: Kind::Http,
                method,
                scheme: "http",
                host,
                port,
                started: self.accepted.accepted,
            };
            let flow = engine.row(&connection, row);
            flow.head(HeadKind::Request, self.accepted.accepted, head);
            flow.edit(|f| {
                path.clone_into(&mut f.path);
                f.status = Some(status);
                f.times.request_last = Some(Timestamp::now());
            });
            flow.fail(refusal);
        }
        // the client may have gone
        let _ = stream.write_all(&page).await;
        stream.close().await;
    }
}

/// Why a device may not use the proxy, for its user.
fn refusal(client: &Client, verdict: Verdict) -> Failure {
    let ip = client.ip();
    let text = match verdict {
        Verdict::Public => format!(
            "this device ({ip}) may not use the proxy: overhear serves this computer and private networks, and {ip} is a public address. To allow it, start overhear with --allow {ip}"
        ),
        Verdict::Refused => format!(
            "this device ({ip}) was refused: allow it in overhear's page or terminal, or start overhear with --allow {ip}"
        ),
        Verdict::Asked | Verdict::Allowed => format!(
            "this device ({ip}) may not use the proxy yet: allow it in overhear's page or terminal and try again, or start overhear with --allow {ip}"
        ),
    };
    failed(FailureCause::Forbidden, Party::Proxy, text)
}

/// Reads until the head is whole, or will not be.
pub(super) async fn read_head(stream: &mut Stream, read: &mut BytesMut) {
    let whole = |read: &[u8]| {
        memchr::memmem::find(read, b"\r\n\r\n").is_some()
            || memchr::memmem::find(read, b"\n\n").is_some()
            || read.len() > HEAD_MAX
    };
    let reading = async {
        while !whole(read) {
            if !matches!(stream.read_buf(read).await, Ok(1..)) {
                break;
            }
        }
    };
    // what came by then is looked at
    let _ = timeout(PATIENCE, reading).await;
}

/// What the first line of `head` asks for. A broken one asks for a server: it waits like the others.
fn wish(head: &[u8]) -> Wish {
    let start = head.trim_ascii_start();
    let line = start.split(|b| *b == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_ascii_whitespace();
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let server = |host: &str, port: u16, path: &str| Wish::Server {
        method: method.to_owned(),
        host: host.to_owned(),
        port,
        path: path.to_owned(),
    };
    let connect = method == "CONNECT";
    if !connect && (target.starts_with('/') || target == "*") {
        return Wish::Page;
    }
    let text = if connect {
        format!("https://{target}")
    } else {
        target.to_owned()
    };
    let Ok(url) = Url::parse(&text) else {
        return server("", 0, target);
    };
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or_default();
    if is_site(host, port) {
        return Wish::Page;
    }
    server(host, port, if connect { "" } else { url.path() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(method: &str, host: &str, port: u16, path: &str) -> Wish {
        Wish::Server {
            method: method.to_owned(),
            host: host.to_owned(),
            port,
            path: path.to_owned(),
        }
    }

    #[test]
    fn what_a_first_request_wants() {
        assert_eq!(wish(b"GET / HTTP/1.1\r\n\r\n"), Wish::Page);
        assert_eq!(wish(b"\r\nGET /cert HTTP/1.1\r\n\r\n"), Wish::Page);
        assert_eq!(
            wish(b"GET http://overhear.internal/ HTTP/1.1\r\n\r\n"),
            Wish::Page
        );
        assert_eq!(
            wish(b"CONNECT Overhear.Internal:443 HTTP/1.1\r\n\r\n"),
            Wish::Page
        );
        assert_eq!(
            wish(b"CONNECT overhear.internal:25 HTTP/1.1\r\n\r\n"),
            server("CONNECT", "overhear.internal", 25, "")
        );
        assert_eq!(
            wish(b"GET http://a.test/x?y HTTP/1.1\r\nHost: overhear.internal\r\n\r\n"),
            server("GET", "a.test", 80, "/x")
        );
        assert_eq!(
            wish(b"CONNECT [::1]:8443 HTTP/1.1\r\n\r\n"),
            server("CONNECT", "::1", 8443, "")
        );
    }

    #[test]
    fn what_is_broken_waits_like_a_server() {
        for head in [
            &b""[..],
            b"\r\n",
            b"GET",
            b"CONNECT /",
            b"\xff\xfe",
            b"GET nonsense HTTP/1.1",
        ] {
            assert!(matches!(wish(head), Wish::Server { .. }), "{head:?}");
        }
    }
}
