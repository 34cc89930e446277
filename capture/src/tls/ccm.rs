//! AES-CCM as TLS has it (RFC 6655, RFC 8446 section B.4): a nonce of 12 bytes, a tag of 16 or of 8. aws-lc-rs has none of it.

use aes::{Aes128, Aes256};
use ccm::{
    KeyInit as _,
    aead::{Aead as _, Payload},
    consts::{U8, U12, U16},
};
use std::fmt;

/// Which of the four it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// The key has 256 bits and not 128.
    pub(super) long_key: bool,
    /// The tag has 8 bytes and not 16.
    pub(super) short_tag: bool,
}

impl Kind {
    pub(super) fn key_len(self) -> usize {
        if self.long_key { 32 } else { 16 }
    }

    pub(super) fn tag_len(self) -> usize {
        if self.short_tag { 8 } else { 16 }
    }
}

/// A key that opens.
pub(super) struct Key(Cipher);

enum Cipher {
    Aes128(ccm::Ccm<Aes128, U16, U12>),
    Aes256(ccm::Ccm<Aes256, U16, U12>),
    Aes128Short(ccm::Ccm<Aes128, U8, U12>),
    Aes256Short(ccm::Ccm<Aes256, U8, U12>),
}

impl Key {
    /// None when the key has another length.
    pub(super) fn new(kind: Kind, key: &[u8]) -> Option<Self> {
        use ccm::Ccm;
        let cipher = match (kind.long_key, kind.short_tag) {
            (false, false) => Cipher::Aes128(Ccm::new_from_slice(key).ok()?),
            (true, false) => Cipher::Aes256(Ccm::new_from_slice(key).ok()?),
            (false, true) => Cipher::Aes128Short(Ccm::new_from_slice(key).ok()?),
            (true, true) => Cipher::Aes256Short(Ccm::new_from_slice(key).ok()?),
        };
        Some(Self(cipher))
    }

    /// What was sealed; none when it is not what was sent.
    pub(super) fn open(&self, nonce: &[u8; 12], extra: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let nonce = nonce.into();
        let sealed = Payload {
            msg: sealed,
            aad: extra,
        };
        let opened = match &self.0 {
            Cipher::Aes128(cipher) => cipher.decrypt(nonce, sealed),
            Cipher::Aes256(cipher) => cipher.decrypt(nonce, sealed),
            Cipher::Aes128Short(cipher) => cipher.decrypt(nonce, sealed),
            Cipher::Aes256Short(cipher) => cipher.decrypt(nonce, sealed),
        };
        opened.ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST SP 800-38C appendix C, example 3: a nonce of 12 bytes and a tag of 8.
    #[test]
    fn the_example_of_nist() {
        let kind = Kind {
            long_key: false,
            short_tag: true,
        };
        let key: Vec<u8> = (0x40..0x50).collect();
        let nonce = std::array::from_fn(|n| 0x10 + n as u8);
        let extra: Vec<u8> = (0..20).collect();
        let sealed = b"\xe3\xb2\x01\xa9\xf5\xb7\x1a\x7a\x9b\x1c\xea\xec\xcd\x97\xe7\x0b\x61\x76\xaa\xd9\xa4\x42\x8a\xa5\x48\x43\x92\xfb\xc1\xb0\x99\x51";
        let key = Key::new(kind, &key).unwrap();
        let plain: Vec<u8> = (0x20..0x38).collect();
        assert_eq!(key.open(&nonce, &extra, sealed), Some(plain));
        // what was changed does not open
        assert_eq!(key.open(&nonce, &extra[1..], sealed), None);
        assert_eq!(key.open(&nonce, &extra, &sealed[..7]), None);
        assert!(Key::new(kind, &[0; 32]).is_none());
    }
}
