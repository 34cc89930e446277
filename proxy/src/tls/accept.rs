//! TLS with a client: read what it offers, and, once the server's side is known, answer it with our leaf.

use super::{PATIENCE, agreed, of_rustls, protocol_name, words};
use crate::{
    stream::{ReadAhead, Stream},
    words::failed,
};
use bytes::BytesMut;
use overhear_ca::Leaf;
use overhear_store::{Failure, FailureCause, Party, TlsInfo};
use rustls::{AlertDescription, server::Acceptor};
use std::{io, time::Duration};
use tokio::time::timeout;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};

/// A client may ask its user, or the network, what to think of a certificate.
const CLIENT_PATIENCE: Duration = Duration::from_secs(30);

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
    pub(crate) async fn read(stream: Stream, read: BytesMut) -> Result<Self, Failure> {
        let stream = ReadAhead::new(stream, read);
        let mut acceptor = Box::pin(LazyConfigAcceptor::new(Acceptor::default(), stream));
        let start = match timeout(PATIENCE, &mut acceptor).await {
            Ok(Ok(start)) => start,
            Ok(Err(error)) => return Err(broken_hello(&error)),
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

    /// Answers with `leaf`. `trusted` says whether the device has accepted a leaf of ours before.
    pub(crate) async fn finish(
        self,
        leaf: &Leaf,
        trusted: Option<bool>,
    ) -> Result<(Stream, TlsInfo), Unfinished> {
        let mut info = self.info();
        info.certificates = leaf.certificates.clone();
        let accepting = Box::pin(self.start.into_stream(leaf.config.clone()));
        match timeout(CLIENT_PATIENCE, accepting).await {
            Ok(Ok(stream)) => {
                let info = agreed(info, stream.get_ref().1);
                Ok((Stream::Accepted(Box::new(stream)), info))
            }
            Ok(Err(error)) => {
                let (failure, distrusts) = refused(&error, trusted);
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
        return Some(refused(error, None));
    }
    quick.then(|| {
        let text = "the client closed the connection right after the TLS handshake, without a request: a program that accepts only the certificates it knows (pinning) does so, and cannot be read";
        (failure(FailureCause::Tls, text), false)
    })
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
fn refused(error: &io::Error, trusted: Option<bool>) -> (Failure, bool) {
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
    let advice = match (distrusts, trusted) {
        (false, _) => "",
        (true, Some(true)) => {
            ". The device trusts overhear's certificate, so this program probably accepts only the certificates it knows (pinning): it cannot be read"
        }
        (true, _) => {
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
    fn why_a_client_goes_away() {
        let said = |error: &io::Error, trusted| refused(error, trusted);
        let (failure, distrusts) = said(&alert(AlertDescription::UnknownCA), None);
        assert!(
            distrusts && failure.text.contains("http://overhear.internal"),
            "{failure:?}"
        );
        assert_eq!(
            (failure.cause, failure.side),
            (FailureCause::Tls, Party::Client)
        );
        let (failure, distrusts) = said(&alert(AlertDescription::BadCertificate), Some(true));
        assert!(distrusts && failure.text.contains("pinning"), "{failure:?}");
        assert!(
            !failure.text.contains("http://overhear.internal"),
            "{failure:?}"
        );
        let (failure, distrusts) = said(&alert(AlertDescription::ProtocolVersion), None);
        assert!(
            !distrusts && failure.text.ends_with("protocol_version (70)."),
            "{failure:?}"
        );
        let (_, distrusts) = said(&io::ErrorKind::UnexpectedEof.into(), None);
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
