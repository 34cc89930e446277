//! TLS with a client: read what it offers, and, once the server's side is known, answer it with our leaf.

use super::{PATIENCE, agreed, of_rustls, protocol_name, words};
use crate::{
    http1::{MOST_AHEAD, left},
    stream::{ReadAhead, Stream},
    words::failed,
};
use bytes::BytesMut;
use overhear_ca::Leaf;
use overhear_store::{Failure, FailureCause, Party, TlsInfo};
use rustls::{AlertDescription, server::Acceptor};
use std::{future::pending, io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};

/// A client may ask its user, or the network, what to think of a certificate.
const CLIENT_PATIENCE: Duration = Duration::from_secs(30);

/// The longest ClientHello that is waited for, bytes; `rustls` takes none that is longer. Browsers send about 2 KiB.
const MOST_HELLO: u32 = 0xffff;
/// A fatal alert `decode_error`, RFC 8446 sections 5.1 and 6.2.
const DECODE_ERROR: [u8; 7] = [21, 3, 3, 0, 2, 2, 50];

/// A fatal alert `internal_error`, the same sections: nothing is wrong with the client.
const INTERNAL_ERROR: [u8; 7] = [21, 3, 3, 0, 2, 2, 80];

/// A ClientHello that was read and not answered.
pub(crate) struct Hello {
    start: StartHandshake<ReadAhead>,
    /// The server name that is asked for, if any.
    pub(crate) sni: Option<String>,
    /// The protocols that are offered, in order.
    pub(crate) alpn: Vec<Vec<u8>>,
}

/// A client that did not finish the handshake.
pub(crate) struct Unfinished {
    pub(crate) failure: Failure,
    /// What is known of the handshake.
    pub(crate) info: TlsInfo,
    /// It went away because of our certificate.
    pub(crate) distrusts: bool,
}

impl Hello {
    /// Reads a ClientHello; `read` holds its beginning.
    pub(crate) async fn read(mut stream: Stream, mut read: BytesMut) -> Result<Self, Failure> {
        let reading = async {
            if let Some(length) = announced(&mut stream, &mut read).await
                && length > MOST_HELLO
            {
                // the client may be gone already
                let _ = stream.write_all(&DECODE_ERROR).await;
                stream.close().await;
                return Err(too_long(length));
            }
            let stream = ReadAhead::new(stream, read);
            let acceptor = LazyConfigAcceptor::new(Acceptor::default(), stream);
            acceptor.await.map_err(|error| broken_hello(&error))
        };
        let start = match timeout(PATIENCE, Box::pin(reading)).await {
            Ok(Ok(start)) => start,
            Ok(Err(failure)) => return Err(failure),
            Err(_) => {
                return Err(failure(
                    FailureCause::Timeout,
                    format!(
                        "the client did not finish its TLS ClientHello within {} seconds",
                        PATIENCE.as_secs()
                    ),
                ));
            }
        };
        let hello = start.client_hello();
        let sni = hello.server_name().map(str::to_owned);
        let alpn = hello
            .alpn()
            .map(|offered| offered.map(<[u8]>::to_vec).collect())
            .unwrap_or_default();
        Ok(Self { start, sni, alpn })
    }

    /// What is known before it is answered.
    pub(crate) fn info(&self) -> TlsInfo {
        TlsInfo {
            sni: self.sni.clone(),
            alpn_offered: self.alpn.iter().map(|p| protocol_name(p)).collect(),
            ..TlsInfo::default()
        }
    }

    /// Whether `protocol` is offered.
    pub(crate) fn offers(&self, protocol: &[u8]) -> bool {
        self.alpn.iter().any(|p| p == protocol)
    }

    /// Ends when the client, which waits for an answer, is gone; what it sends meanwhile is kept, as far as there is room for it.
    pub(crate) async fn gone(&mut self, ends: (SocketAddr, SocketAddr)) {
        while self.start.io.held() < MOST_AHEAD {
            match self.start.io.more().await {
                Ok(0) => return left(Some(ends)).await,
                Ok(_) => {}
                Err(_) => return,
            }
        }
        pending().await
    }

    /// Answers with an alert, and closes: there is nothing to be spoken with.
    pub(crate) async fn refuse(mut self) {
        // the client may be gone already
        let _ = self.start.io.write_all(&INTERNAL_ERROR).await;
        let _ = self.start.io.shutdown().await;
    }

    /// Answers with `leaf`. `has_trusted` says whether the device has accepted a leaf of ours before.
    pub(crate) async fn finish(
        self,
        leaf: &Leaf,
        has_trusted: bool,
    ) -> Result<(Stream, TlsInfo), Unfinished> {
        let mut info = self.info();
        info.certificates = leaf.certificates.clone();
        let accepting = Box::pin(self.start.into_stream(leaf.config.clone()));
        match timeout(CLIENT_PATIENCE, accepting).await {
            Ok(Ok(stream)) => {
                let mut info = agreed(info, stream.get_ref().1);
                // it is there only when clients are asked for it
                if let Some(chain) = stream.get_ref().1.peer_certificates() {
                    info.client_certificates = chain.iter().map(|c| c.to_vec()).collect();
                }
                Ok((Stream::Accepted(Box::new(stream)), info))
            }
            Ok(Err(error)) => {
                let (failure, distrusts) = refused(&error, has_trusted);
                Err(Unfinished {
                    failure,
                    info,
                    distrusts,
                })
            }
            Err(_) => Err(Unfinished {
                failure: failure(
                    FailureCause::Timeout,
                    format!(
                        "the client did not finish the TLS handshake within {} seconds",
                        CLIENT_PATIENCE.as_secs()
                    ),
                ),
                info,
                distrusts: false,
            }),
        }
    }
}

/// Why a client that finished the handshake went away without a word, and whether it is because of our
/// certificate; none when there is nothing to be said: connections are opened ahead and given up. `quick` says that
/// it went at once, and had no other connection to the server.
pub(crate) fn second_thoughts(error: Option<&io::Error>, quick: bool) -> Option<(Failure, bool)> {
    if let Some(error) = error
        && let Some(rustls::Error::AlertReceived(_)) = of_rustls(error)
    {
        return Some(refused(error, false));
    }
    quick.then(|| {
        let text = "the client closed the connection right after the TLS handshake, without a request: a program that accepts only the certificates it knows (pinning) does so, and cannot be read";
        (failure(FailureCause::Tls, text), false)
    })
}

/// Reads until it is known how long the ClientHello says that it is: `rustls` looks only when a whole record has come.
/// None where that does not stand in the first record, or this is no ClientHello.
async fn announced(stream: &mut Stream, read: &mut BytesMut) -> Option<u32> {
    loop {
        match hello_length(read) {
            Length::Is(length) => return Some(length),
            Length::Elsewhere => return None,
            // what ends here is told by who reads on
            Length::NotYet => match stream.read_buf(read).await {
                Ok(1..) => {}
                _ => return None,
            },
        }
    }
}

/// What the beginning of a stream says about its ClientHello's length.
#[derive(Debug, PartialEq, Eq)]
enum Length {
    /// It is so many bytes, without its header.
    Is(u32),
    /// More bytes will tell.
    NotYet,
    /// The first record is not the beginning of a ClientHello, or too short for the message's header.
    Elsewhere,
}

/// A record's header (RFC 8446 section 5.1: type, version, length), then a message's (section 4: type, length).
fn hello_length(bytes: &[u8]) -> Length {
    match bytes {
        [22, _, _, 0, 0..4, ..] => Length::Elsewhere,
        [22, _, _, _, _, 1, high, middle, low, ..] => {
            Length::Is(u32::from_be_bytes([0, *high, *middle, *low]))
        }
        [] | [22, _, _, _, _, 1, ..] => Length::NotYet,
        [22, ..] if bytes.len() < 6 => Length::NotYet,
        _ => Length::Elsewhere,
    }
}

fn too_long(length: u32) -> Failure {
    let text = format!(
        "the client's TLS ClientHello says that it is {length} bytes long; no more than {MOST_HELLO} are taken, and it was refused with the alert {} (RFC 8446 section 6.2). It is probably not TLS",
        words::alert(AlertDescription::DecodeError)
    );
    failure(FailureCause::Tls, text)
}

fn broken_hello(error: &io::Error) -> Failure {
    match (of_rustls(error), error.kind()) {
        (Some(tls), _) => failure(
            FailureCause::Tls,
            format!(
                "the TLS handshake with the client failed: {}",
                words::error(tls, "the client")
            ),
        ),
        (None, io::ErrorKind::UnexpectedEof) => failure(
            FailureCause::Tls,
            "the client closed the connection in the middle of its TLS ClientHello".to_owned(),
        ),
        (None, _) => failure(
            FailureCause::Tls,
            format!("the client's connection failed in the middle of its TLS ClientHello: {error}"),
        ),
    }
}

/// Why a client did not finish, in words, and whether because of our certificate.
fn refused(error: &io::Error, has_trusted: bool) -> (Failure, bool) {
    use AlertDescription as Alert;
    let (said, distrusts) = match of_rustls(error) {
        Some(rustls::Error::AlertReceived(alert)) => {
            let distrusts = matches!(
                *alert,
                Alert::UnknownCA
                    | Alert::BadCertificate
                    | Alert::CertificateUnknown
                    | Alert::UnsupportedCertificate
                    | Alert::CertificateExpired
                    | Alert::CertificateRevoked
                    | Alert::AccessDenied
            );
            let name = words::alert(*alert);
            (
                format!("the client ended the TLS handshake with the alert {name}"),
                distrusts,
            )
        }
        Some(tls) => (
            format!(
                "the TLS handshake with the client failed: {}",
                words::error(tls, "the client")
            ),
            false,
        ),
        None => (
            "the client closed the connection when it saw overhear's certificate".to_owned(),
            true,
        ),
    };
    let advice = match (distrusts, has_trusted) {
        (false, _) => "",
        (true, true) => {
            ". The device trusted overhear's certificate before: either this program accepts only the certificates it knows (pinning) and cannot be read, or the certificate was removed from the device. http://overhear.internal on it tells which"
        }
        (true, false) => {
            ": it does not trust overhear's certificate yet. Open http://overhear.internal on it and follow the steps there; a program that accepts only the certificates it knows (pinning) cannot be read"
        }
    };
    (
        failure(FailureCause::Tls, format!("{said}{advice}")),
        distrusts,
    )
}

fn failure(cause: FailureCause, text: impl Into<String>) -> Failure {
    failed(cause, Party::Client, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(alert: AlertDescription) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidData,
            rustls::Error::AlertReceived(alert),
        )
    }

    #[test]
    fn how_long_a_hello_says_that_it_is() {
        let hello = b"\x16\x03\x01\x02\x00\x01\xff\xff\xfe\x03\x03";
        for n in 0..9 {
            assert_eq!(hello_length(&hello[..n]), Length::NotYet, "{n}");
        }
        assert_eq!(hello_length(&hello[..9]), Length::Is(0xff_fffe));
        assert_eq!(hello_length(hello), Length::Is(0xff_fffe));
        // in more than one record, another message, another record
        for other in [
            &b"\x16\x03\x01\x00\x03\x01\xff\xff"[..],
            b"\x16\x03\x01\x02\x00\x02",
            b"\x17",
            b"GET /",
        ] {
            assert_eq!(hello_length(other), Length::Elsewhere, "{other:?}");
        }
    }

    #[test]
    fn why_a_client_goes_away() {
        let said = refused;
        let (failure, distrusts) = said(&alert(AlertDescription::UnknownCA), false);
        assert!(
            distrusts && failure.text.contains("http://overhear.internal"),
            "{failure:?}"
        );
        assert_eq!(
            (failure.cause, failure.side),
            (FailureCause::Tls, Party::Client)
        );
        let (failure, distrusts) = said(&alert(AlertDescription::BadCertificate), true);
        assert!(distrusts && failure.text.contains("pinning"), "{failure:?}");
        assert!(failure.text.contains("removed"), "{failure:?}");
        let (failure, distrusts) = said(&alert(AlertDescription::ProtocolVersion), false);
        assert!(
            !distrusts && failure.text.ends_with("protocol_version (70)."),
            "{failure:?}"
        );
        let (_, distrusts) = said(&io::ErrorKind::UnexpectedEof.into(), false);
        assert!(distrusts);
    }

    #[test]
    fn why_a_client_goes_away_after_the_handshake() {
        let alert = alert(AlertDescription::CertificateUnknown);
        let (failure, distrusts) = second_thoughts(Some(&alert), false).expect("an alert is told");
        assert!(
            distrusts && failure.text.contains("certificate_unknown (46)"),
            "{failure:?}"
        );
        let reset = io::ErrorKind::ConnectionReset.into();
        assert!(second_thoughts(Some(&reset), false).is_none());
        assert!(second_thoughts(None, false).is_none());
        let (failure, distrusts) = second_thoughts(None, true).expect("at once is told");
        assert!(
            !distrusts && failure.text.contains("pinning"),
            "{failure:?}"
        );
    }
}
