//! Alerts, RFC 8446 section 6, and what they usually mean.

/// How grave an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The connection may go on (or closes in good order).
    Warning,
    /// The connection is over.
    Fatal,
}

/// An alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// How grave it is.
    pub level: Level,
    /// The number of its description.
    pub description: u8,
}

impl Alert {
    /// close_notify: the sender has said everything.
    pub const CLOSE_NOTIFY: u8 = 0;

    /// Reads the two bytes of an alert; none when they are encrypted or no alert.
    pub fn read(fragment: &[u8]) -> Option<Self> {
        let [level, description] = *fragment else {
            return None;
        };
        let level = match level {
            1 => Level::Warning,
            2 => Level::Fatal,
            _ => return None,
        };
        name(description)?;
        Some(Self { level, description })
    }

    /// Its name in the IANA registry of TLS alerts.
    pub fn name(self) -> &'static str {
        name(self.description).unwrap_or("unknown")
    }

    /// Whether it says that something went wrong.
    pub fn is_failure(self) -> bool {
        // user_canceled and no_renegotiation end nothing
        !matches!(self.description, Self::CLOSE_NOTIFY | 90 | 100)
    }

    /// What it usually means and where to look.
    pub fn meaning(self) -> &'static str {
        match self.description {
            40 => {
                "They found no protocol version, cipher suite or group in common, or a client certificate is wanted."
            }
            42..=46 => {
                "The sender does not accept the other side's certificate: look at its chain, dates and key."
            }
            48 => {
                "The sender does not know the authority that signed the certificate: a proxy in between, a missing root, or an incomplete chain."
            }
            49 => "The certificate is valid, but the sender does not let its owner in.",
            70 => {
                "The sender does not speak any of the protocol versions offered: one of the two is too old."
            }
            71 => "The sender wants stronger cryptography than was offered.",
            80 => "The sender failed by itself: look at its log.",
            86 => {
                "The client tried again with an older version, and the server knows a newer one: something between them breaks handshakes."
            }
            109 => "The server wants an extension that the client did not send.",
            112 => {
                "The server does not know the name that was asked for (SNI): look at the name and at the server's configuration."
            }
            115 => "The pre-shared key's identity is not known.",
            116 => "The server wants a client certificate.",
            120 => "They have no application protocol in common (ALPN).",
            0 => "The sender closed the connection in good order.",
            10 | 20 | 21 | 22 | 47 | 50 | 51 => {
                "What arrived is not what the protocol allows: a broken implementation, or something that changes bytes on the way."
            }
            _ => "The sender gave up the handshake.",
        }
    }
}

fn name(description: u8) -> Option<&'static str> {
    Some(match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        52 => "too_many_cids_requested",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        111 => "certificate_unobtainable",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        114 => "bad_certificate_hash_value",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        121 => "ech_required",
        _ => return None,
    })
}
