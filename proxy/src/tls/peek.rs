//! A ClientHello is looked at and left where it is: it may go on as it came.

use super::{PATIENCE, protocol_name};
use crate::stream::Stream;
use bytes::BytesMut;
use overhear_store::TlsInfo;
use rustls::server::Acceptor;
use tokio::{io::AsyncReadExt, time::timeout};

/// Reads until a whole ClientHello is in `read`, and what it asks for; none where this is none, or none comes.
pub(crate) async fn peek(stream: &mut Stream, read: &mut BytesMut) -> Option<TlsInfo> {
    let reading = async {
        loop {
            if whole_records(read)? {
                match asked(read) {
                    Peeked::Whole(info) => return Some(*info),
                    Peeked::More => {}
                    Peeked::Wrong => return None,
                }
            }
            match stream.read_buf(read).await {
                Ok(1..) => {}
                _ => return None,
            }
        }
    };
    // who reads it after this tells what is wrong with it
    timeout(PATIENCE, reading).await.ok().flatten()
}

/// What is known of a ClientHello.
#[derive(Debug, PartialEq)]
pub(super) enum Peeked {
    Whole(Box<TlsInfo>),
    More,
    Wrong,
}

/// Whether the last record has come to its end; none where it is no handshake, or longer than any.
pub(super) fn whole_records(bytes: &[u8]) -> Option<bool> {
    let mut rest = bytes;
    loop {
        match rest {
            [] => return Some(!bytes.is_empty()),
            [22, _, _, high, low, content @ ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                match content.get(length..) {
                    Some(after) => rest = after,
                    None => return Some(false),
                }
            }
            [22, ..] if rest.len() < 5 => return Some(false),
            _ => return None,
        }
        if bytes.len() > 0x2_0000 {
            return None;
        }
    }
}

pub(super) fn asked(bytes: &[u8]) -> Peeked {
    let mut acceptor = Acceptor::default();
    let mut rest = bytes;
    loop {
        match acceptor.read_tls(&mut rest) {
            Ok(1..) => {}
            Ok(0) => return Peeked::More,
            Err(_) => return Peeked::Wrong,
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => {
                let hello = accepted.client_hello();
                let alpn = hello.alpn().into_iter().flatten();
                return Peeked::Whole(Box::new(TlsInfo {
                    sni: hello.server_name().map(str::to_owned),
                    alpn_offered: alpn.map(protocol_name).collect(),
                    ..TlsInfo::default()
                }));
            }
            Ok(None) => {}
            Err(_) => return Peeked::Wrong,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, crypto::aws_lc_rs};
    use std::sync::Arc;
    use tokio::io::AsyncWriteExt;

    pub(in crate::tls) fn hello() -> Vec<u8> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = "a.test".try_into().expect("a name");
        let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).expect("memory");
        bytes
    }

    #[tokio::test]
    async fn it_stays_where_it_is() {
        let hello = hello();
        for size in [1, 100, 4096] {
            let (mut far, near) = tokio::io::duplex(1 << 16);
            let (mut stream, mut read) = (Stream::Memory(near), BytesMut::new());
            let bytes = hello.clone();
            let writing = tokio::spawn(async move {
                for piece in bytes.chunks(size) {
                    far.write_all(piece).await.expect("room");
                    tokio::task::yield_now().await;
                }
                far
            });
            let info = peek(&mut stream, &mut read).await.expect("a hello");
            assert_eq!(info.sni.as_deref(), Some("a.test"));
            assert_eq!(info.alpn_offered, ["h2"]);
            assert_eq!(read, hello[..]);
            writing.await.expect("no panic");
        }
    }

    #[tokio::test]
    async fn what_is_none() {
        let hello = hello();
        for bytes in [
            &hello[..hello.len() - 1],
            b"GET / HTTP/1.1\r\n",
            b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
            b"\x16\x03\x01\x00\x01\x02",
            b"",
        ] {
            let (mut far, near) = tokio::io::duplex(1 << 16);
            far.write_all(bytes).await.expect("room");
            drop(far);
            let (mut stream, mut read) = (Stream::Memory(near), BytesMut::new());
            assert_eq!(peek(&mut stream, &mut read).await, None, "{bytes:?}");
        }
    }
}
