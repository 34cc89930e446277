//! What can go wrong between us and libpcap.

/// What can go wrong between us and libpcap.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such library.
    #[error("libpcap is not installed ({tried}): {advice}")]
    NotInstalled {
        /// What the loader said.
        tried: String,
        /// What to do about it on this system.
        advice: &'static str,
    },
    /// It lacks a function that has been there since libpcap 1.0 (2008).
    #[error("this libpcap has no {0}: it is older than 1.0; install a newer one")]
    TooOld(&'static str),
    /// The system does not let this user capture.
    #[error("not allowed to capture on {interface}{}", reason(.text))]
    Permission {
        /// The interface.
        interface: String,
        /// What libpcap says.
        text: String,
    },
    /// There is no such interface.
    #[error("there is no interface {interface}{}", reason(.text))]
    NoSuchInterface {
        /// The interface.
        interface: String,
        /// What libpcap says.
        text: String,
    },
    /// The interface does not do what was asked for.
    #[error("cannot capture on {interface}: {text}")]
    Interface {
        /// The interface.
        interface: String,
        /// What libpcap says.
        text: String,
    },
    /// The expression is none of pcap-filter(7).
    #[error("the filter expression cannot be read: {text}\n  {expression}")]
    Expression {
        /// The expression.
        expression: String,
        /// What libpcap says of it, or who reads rows.
        text: String,
    },
    /// Anything else that libpcap says.
    #[error("{0}")]
    Other(String),
}

fn reason(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(" ({text})")
    }
}
