//! What must hold for any bytes at all that another proxy answers. Run by the fuzz targets in `fuzz/`, and by tests
//! that mutate answers.

use super::{peer::Peer, socks, tunnel};
use crate::target::{Scheme, Target};
use futures_util::FutureExt as _;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Answers of a SOCKS5 proxy: what is read of them is the same however many of the bytes have come, and never longer
/// than they are.
pub fn socks_answers(bytes: &[u8]) {
    let mut rest = bytes;
    fn login(bytes: &[u8]) -> socks::Read<u8> {
        let read = socks::login(bytes)?;
        Ok(read.map(|(said, length)| (u8::from(said), length)))
    }
    type Reads = fn(&[u8]) -> socks::Read<u8>;
    let reads: [Reads; 3] = [socks::method, login, socks::connected];
    for read in reads {
        let whole = read(rest);
        let first = (0..=rest.len())
            .map(|end| read(&rest[..end]))
            .find(|read| *read != Ok(None));
        // a decision that was made with fewer bytes stands
        assert_eq!(first.unwrap_or(Ok(None)), whole, "{rest:?}");
        match whole {
            Ok(Some((_, length))) => {
                assert!(0 < length && length <= rest.len(), "{rest:?}");
                rest = &rest[length..];
            }
            _ => return,
        }
    }
}

/// Answers of an HTTP proxy to CONNECT: the same comes of them however many bytes are read at once, and what was read
/// behind an answer that makes a tunnel is what came there. The first byte says how many are read.
pub fn tunnel_answers(data: &[u8]) {
    let (size, bytes) = data.split_first().unwrap_or((&0, &[]));
    let target = Target {
        scheme: Scheme::Https,
        host: "a.test".to_owned(),
        port: 443,
    };
    let peer = Peer::read("http://u:p@proxy.test:3128").unwrap_or_else(|e| panic!("{e}"));
    let asked = |size: usize| {
        let mut answers = Answers(bytes, size.max(1));
        let asked = tunnel::ask(&mut answers, &target, &peer).now_or_never();
        let asked = asked.unwrap_or_else(|| panic!("it waits for what is there"));
        asked.map_err(|failure| {
            assert!(!failure.text.is_empty());
            failure.text
        })
    };
    match (asked(bytes.len()), asked(usize::from(*size))) {
        (Ok(whole), Ok(cut)) => assert!(bytes.ends_with(&whole) && whole.starts_with(&cut)),
        (whole, cut) => assert_eq!(whole, cut),
    }
}

/// What another proxy sends, so many bytes at a time, then the end; it takes whatever it is sent.
struct Answers<'a>(&'a [u8], usize);

impl AsyncRead for Answers<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.1.min(self.0.len()).min(buf.remaining());
        let (now, later) = self.0.split_at(length);
        buf.put_slice(now);
        self.0 = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Answers<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutated_answers_to_connect_are_read_the_same_however_they_are_cut() {
        let seeds = [
            "\u{1}HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nVia: x\r\n\r\nhello",
            "\u{5}HTTP/1.1 407 Who\r\nProxy-Authenticate: NTLM, Basic\r\nContent-Length: 3\r\n\r\nabc",
            "\u{2}HTTP/1.0 403 No\r\n\r\n",
            "\u{3}SSH-2.0-OpenSSH\r\n",
        ];
        overhear_fuzz_rounds::rounds("proxy_tunnel_answers", tunnel_answers, &seeds);
    }
}
