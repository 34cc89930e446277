//! An HTTP proxy is asked for a tunnel: CONNECT, RFC 9110 section 9.3.6.

use super::{peer::Peer, via::failure};
use crate::{
    http1::{HeadReader, Input, send},
    target::Target,
    words::failed,
};
use bytes::BytesMut;
use overhear_store::{Failure, FailureCause};
use tokio::io::{AsyncRead, AsyncWrite};

/// Asks for a tunnel to `target`; gives what came behind the answer.
pub(super) async fn ask<S>(io: &mut S, target: &Target, peer: &Peer) -> Result<BytesMut, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(authorization) = peer.authorization() {
        head.push_str(&format!("Proxy-Authorization: {authorization}\r\n"));
    }
    head.push_str("\r\n");
    send(io, head.as_bytes())
        .await
        .map_err(|_| peer.broke(target, "broke the connection"))?;
    let mut input = Input::new(BytesMut::new());
    let mut reader = HeadReader::default();
    let wrong = |problem: crate::http1::Problem| {
        let said = problem.of_response(&peer.place.to_string());
        let text = format!(
            "the upstream proxy {peer} does not answer as an HTTP proxy does. {}",
            said.text
        );
        failed(said.cause, said.side, text)
    };
    loop {
        match reader.response_ready(input.bytes()) {
            Ok(true) => {
                let head = reader.response(input.bytes()).map_err(wrong)?;
                let (length, status) = (head.skipped + head.bytes.len(), head.status);
                match status {
                    100..=199 => {}
                    200..=299 => {
                        input.consume(length);
                        return Ok(input.into_bytes());
                    }
                    407 => return Err(peer.wants_login(&offered(head.bytes))),
                    status => return Err(refused(peer, target, status)),
                }
                input.consume(length);
                reader = HeadReader::default();
            }
            Ok(false) => match input.fill(io).await {
                Ok(1..) => {}
                Ok(0) => {
                    let problem = HeadReader::cut_response(input.bytes());
                    let closed = || peer.broke(target, "closed the connection");
                    return Err(problem.map_or_else(closed, wrong));
                }
                Err(_) => return Err(peer.broke(target, "broke the connection")),
            },
            Err(problem) => return Err(wrong(problem)),
        }
    }
}

fn refused(peer: &Peer, target: &Target, status: u16) -> Failure {
    let hint = match status {
        403 => ": it does not allow this server or this port",
        502..=504 => ": it cannot reach the server either",
        _ => "",
    };
    failure(
        FailureCause::Other,
        format!("the upstream proxy {peer} makes no tunnel to {target}: it answers {status}{hint}"),
    )
}

/// The schemes that an answer's `Proxy-Authenticate` fields name (RFC 9110 section 11.7.1), the first of each field.
pub(super) fn offered(head: &[u8]) -> Vec<String> {
    const NAME: &[u8] = b"proxy-authenticate:";
    let scheme = |line: &[u8]| {
        let (name, value) = line.split_at_checked(NAME.len())?;
        let value = name.eq_ignore_ascii_case(NAME).then_some(value)?;
        let word = value.trim_ascii().split(|b| b" ,\t".contains(b)).next()?;
        let word = String::from_utf8_lossy(word.get(..word.len().min(32))?).into_owned();
        (!word.is_empty()).then_some(word)
    };
    head.split(|b| *b == b'\n')
        .filter_map(scheme)
        .take(8)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Scheme;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn asked(answer: &[u8]) -> Result<Vec<u8>, Failure> {
        let target = Target {
            scheme: Scheme::Https,
            host: "::1".to_owned(),
            port: 443,
        };
        let peer = Peer::read("http://u:p@proxy.test:3128").expect("a proxy");
        let (mut near, mut far) = tokio::io::duplex(4096);
        let answer = answer.to_vec();
        let other = tokio::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(far.read_u8().await.expect("a byte"));
            }
            far.write_all(&answer).await.expect("room");
            head
        });
        let read = ask(&mut near, &target, &peer).await;
        let head = other.await.expect("no panic");
        assert_eq!(
            String::from_utf8_lossy(&head),
            "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
        );
        read.map(|read| read.to_vec())
    }

    #[tokio::test]
    async fn a_tunnel_begins_behind_the_answer() {
        let read = asked(b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nVia: x\r\n\r\nhello").await;
        assert_eq!(read.expect("a tunnel"), b"hello");
    }

    #[tokio::test]
    async fn whatever_else_comes_is_told() {
        for (answer, cause, told) in [
            (&b""[..], FailureCause::Closed, "closed the connection"),
            (
                b"HTTP/1.1 200",
                FailureCause::Closed,
                "closed the connection",
            ),
            (b"SS", FailureCause::Protocol, "not answer as an HTTP proxy"),
            (
                b"SSH-2.0-OpenSSH\r\n",
                FailureCause::Protocol,
                "not answer as an HTTP proxy",
            ),
            (
                b"HTTP/1.1 403 No\r\n\r\n",
                FailureCause::Other,
                "answers 403",
            ),
            (
                b"HTTP/1.1 504 No\r\n\r\n",
                FailureCause::Other,
                "cannot reach the server",
            ),
            (
                b"HTTP/1.1 407 Who\r\nproxy-authenticate: Basic realm=\"x\"\r\n\r\n",
                FailureCause::Other,
                "other credentials",
            ),
            (
                b"HTTP/1.1 407 Who\r\nProxy-Authenticate: NTLM\r\n\r\n",
                FailureCause::Other,
                "(NTLM)",
            ),
        ] {
            let failure = asked(answer).await.expect_err("no tunnel");
            assert_eq!(failure.cause, cause, "{failure:?}");
            assert!(
                failure.text.contains(told) && failure.text.contains("http://proxy.test:3128"),
                "{failure:?}"
            );
        }
    }
}
