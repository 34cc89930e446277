//! TLS on both sides: what the client asks for is what the server is asked for, and what the server
//! chooses is what the client gets.
//!
//! The server is dialled first ([`Connector`]), because its certificate and its choice of protocol decide
//! what the client is answered ([`Hello::finish`]).

mod accept;
mod client_cert;
mod connect;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod key_log;
mod peek;
mod pins;
mod policy;
mod seen;
mod verify;
mod words;

pub(crate) use accept::{Hello, Unfinished, second_thoughts};
pub use client_cert::ClientCert;
pub(crate) use connect::{Connector, Failed, Wish};
pub(crate) use key_log::KeyFile;
pub(crate) use peek::peek;
pub(crate) use pins::OFTEN;
pub use pins::Passing;
pub(crate) use policy::{Decided, Policy, Why};
pub use policy::{TlsChoice, TlsRule};
pub(crate) use seen::ServerSeen;

use crate::{target::Target, words::failed};
use overhear_store::{Failure, FailureCause, Party, TlsInfo};
use rustls::{CommonState, ProtocolVersion};
use std::{io, time::Duration};

/// For a handshake, from its first byte to its last.
const PATIENCE: Duration = Duration::from_secs(10);

/// Adds what a finished handshake agreed on.
fn agreed(mut info: TlsInfo, state: &CommonState) -> TlsInfo {
    info.version = match state.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    };
    let suite = state.negotiated_cipher_suite().map(|s| s.suite());
    // rustls calls the suites of TLS 1.3 `TLS13_...`; IANA does not
    info.cipher = suite
        .and_then(|s| s.as_str())
        .map(|name| match name.strip_prefix("TLS13_") {
            Some(rest) => format!("TLS_{rest}"),
            None => name.to_owned(),
        })
        .unwrap_or_default();
    info.alpn = state.alpn_protocol().map(protocol_name);
    info
}

/// A protocol of ALPN for a person: as text where it is text.
fn protocol_name(protocol: &[u8]) -> String {
    String::from_utf8_lossy(protocol).into_owned()
}

/// What rustls said, in an error of a stream above it.
fn of_rustls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Whether the other side ended TLS with an alert.
pub(crate) fn is_alert(error: &io::Error) -> bool {
    matches!(of_rustls(error), Some(rustls::Error::AlertReceived(_)))
}

/// A server that ended TLS with an alert after the handshake, in words; none where it was something else. In TLS 1.3 a
/// server checks the client's certificate only when the client holds the handshake for done.
pub(crate) fn ended(error: &io::Error, target: &Target) -> Option<Failure> {
    let rustls::Error::AlertReceived(alert) = of_rustls(error)? else {
        return None;
    };
    let text = format!(
        "{target} ended TLS after the handshake with the alert {}{}",
        words::alert(*alert),
        words::alert_hint(*alert)
    );
    Some(failed(FailureCause::Tls, Party::Server, text))
}
