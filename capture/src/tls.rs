//! What a TLS connection shows to whoever reads its packets: records, hellos, certificates, alerts.
//!
//! RFC 8446 (1.3), RFC 5246 (1.2), RFC 6066 (extensions), RFC 7301 (ALPN). Bytes in, facts out: what is encrypted stays
//! so unless `decrypt` has the secrets.

mod alert;
mod ccm;
mod cursor;
mod decrypt;
mod ending;
mod fingerprint;
mod hello;
mod keylog;
mod observer;
mod protection;
mod record;

pub use alert::{Alert, Level};
pub use fingerprint::{Ja3, ja3, ja4};
pub use hello::{ClientHello, Extension, ServerHello};
pub use keylog::{KeyLog, PCAPNG_KEY_LOG};
pub use observer::{Observed, Observer, Said, SeenAlert};
pub use record::{ContentType, Record, Records};

#[cfg(test)]
pub(crate) use decrypt::tests::talks;

use tls_parser::TlsCipherSuite;

/// The name of a protocol version, as [`overhear_store::TlsInfo`] has it.
pub fn version_name(version: u16) -> Option<&'static str> {
    Some(match version {
        0x0002 => "SSLv2",
        0x0300 => "SSLv3",
        0x0301 => "TLSv1.0",
        0x0302 => "TLSv1.1",
        0x0303 => "TLSv1.2",
        0x0304 => "TLSv1.3",
        _ => return None,
    })
}

/// The IANA name of a cipher suite; its number in hexadecimal when it has none.
pub fn suite_name(suite: u16) -> String {
    match TlsCipherSuite::from_id(suite) {
        Some(known) => known.name.to_owned(),
        None => format!("0x{suite:04x}"),
    }
}

/// Whether a value is one that clients throw in so that servers keep ignoring what they do not know, RFC 8701.
pub fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// Whether these may be the first bytes of a TLS connection's direction; more of them say it better.
pub fn begins_like(bytes: &[u8]) -> bool {
    let expected: [&[u8]; 3] = [&[20, 21, 22], &[3], &[0, 1, 2, 3, 4]];
    let mut pairs = bytes.iter().zip(expected);
    !bytes.is_empty() && pairs.all(|(byte, expected)| expected.contains(byte))
}

/// Whether these begin with a record in which a ClientHello begins: what a connection says that turns to TLS in its middle.
pub fn is_client_hello(bytes: &[u8]) -> bool {
    let [22, 3, 0..=4, r0, r1, 1, m0, m1, m2, 3, 0..=3, ..] = *bytes else {
        return false;
    };
    let record = u32::from_be_bytes([0, 0, r0, r1]);
    let message = u32::from_be_bytes([0, m0, m1, m2]);
    // version, random, and the lengths of what follows; it may go on in the next record
    (38..=1 << 14).contains(&message) && (5..=message + 4).contains(&record)
}
