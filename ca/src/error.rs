//! What can go wrong with certificates and keys, in words.

use std::path::PathBuf;

/// Everything that can go wrong with the certificate authority.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written.
    #[error("cannot use {}: {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said, and what to do.
        reason: String,
    },
    /// A certificate or key that was given cannot be used.
    #[error("{what} cannot be used: {reason}")]
    Unusable {
        /// What was given, for a person: a path, "the PKCS#12 file"...
        what: String,
        /// Why, and what would be right.
        reason: String,
    },
    /// Signing failed.
    #[error("signing a certificate failed: {0}")]
    Sign(String),
}
