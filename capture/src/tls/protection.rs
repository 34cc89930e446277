//! How the records of one direction are protected: RFC 8446 sections 5.2, 5.3 and 7.3 (TLS 1.3), RFC 5246 sections 5, 6.2.3.3 and
//! 6.3 with RFC 5288, RFC 6655 and RFC 7905 (TLS 1.2). Only ciphers that authenticate what they encrypt: what does not open is
//! not what was sent, so nothing wrong ever comes out.

use super::{ContentType, Record, ccm, keylog::Secret};
use aws_lc_rs::{
    aead::{self, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf, hmac,
};
use overhear_store::Side;
use tls_parser::{TlsCipherEnc, TlsCipherEncMode, TlsCipherSuite, TlsPRF};

/// What a cipher suite asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suite {
    cipher: Cipher,
    /// SHA-384 and not SHA-256.
    long_hash: bool,
    is_13: bool,
}

/// What encrypts and authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cipher {
    Lib(&'static aead::Algorithm),
    Ccm(ccm::Kind),
}

impl Cipher {
    fn key_len(self) -> usize {
        match self {
            Self::Lib(cipher) => cipher.key_len(),
            Self::Ccm(kind) => kind.key_len(),
        }
    }

    fn tag_len(self) -> usize {
        match self {
            Self::Lib(cipher) => cipher.tag_len(),
            Self::Ccm(kind) => kind.tag_len(),
        }
    }
}

#[derive(Debug)]
enum Key {
    Lib(LessSafeKey),
    Ccm(Box<ccm::Key>),
}

/// Keys of one direction.
#[derive(Debug)]
pub(super) struct Protection {
    key: Key,
    tag: usize,
    /// With the number of the record in its last bytes; but AES-GCM and AES-CCM in TLS 1.2 send the last 8 bytes with each record.
    iv: [u8; 12],
    sent_nonce: bool,
    is_13: bool,
    /// The next record's number.
    sequence: u64,
}

impl Suite {
    /// The suite of that number; none when it is not one that can be opened.
    pub(super) fn new(number: u16, version: u16) -> Option<Self> {
        let is_13 = version == 0x0304;
        let known = TlsCipherSuite::from_id(number)?;
        let cipher = match (known.enc, known.enc_mode, known.enc_size) {
            (TlsCipherEnc::Aes, TlsCipherEncMode::Gcm, 128) => Cipher::Lib(&aead::AES_128_GCM),
            (TlsCipherEnc::Aes, TlsCipherEncMode::Gcm, 256) => Cipher::Lib(&aead::AES_256_GCM),
            (TlsCipherEnc::Aes, TlsCipherEncMode::Ccm, bits @ (128 | 256)) => {
                Cipher::Ccm(ccm::Kind {
                    long_key: bits == 256,
                    short_tag: known.name.contains("_CCM_8"),
                })
            }
            (TlsCipherEnc::Chacha20_Poly1305, ..) => Cipher::Lib(&aead::CHACHA20_POLY1305),
            _ => return None,
        };
        let long_hash = known.prf == TlsPRF::Sha384;
        let is_of_13 = number >> 8 == 0x13;
        (is_of_13 == is_13 && (is_13 || version == 0x0303)).then_some(Self {
            cipher,
            long_hash,
            is_13,
        })
    }

    fn hash_length(self) -> usize {
        match self.long_hash {
            true => 48,
            false => 32,
        }
    }

    /// The keys of TLS 1.3 that a traffic secret makes.
    pub(super) fn of_secret(self, secret: &Secret) -> Option<Protection> {
        let key = self.expand(secret, b"key", self.cipher.key_len())?;
        let iv = self.expand(secret, b"iv", 12)?;
        self.protection(&key, &iv)
    }

    /// The traffic secret that comes after a KeyUpdate, RFC 8446 section 7.2.
    pub(super) fn next(self, secret: &Secret) -> Option<Secret> {
        self.expand(secret, b"traffic upd", self.hash_length())
            .map(Secret)
    }

    /// The keys of TLS 1.2 that a master secret makes for that side's records, RFC 5246 section 6.3.
    pub(super) fn of_master(
        self,
        master: &Secret,
        client_random: &[u8; 32],
        server_random: &[u8; 32],
        side: Side,
    ) -> Option<Protection> {
        let (key, iv) = (self.cipher.key_len(), self.fixed_iv());
        let seed = [b"key expansion".as_slice(), server_random, client_random].concat();
        let block = self.expand_12(&master.0, &seed, 2 * (key + iv));
        let (keys, ivs) = block.split_at_checked(2 * key)?;
        let part = |bytes: &[u8], length: usize| {
            let begin = length * side as usize;
            bytes.get(begin..begin + length).map(<[u8]>::to_vec)
        };
        let mut whole = part(ivs, iv)?;
        whole.resize(12, 0);
        self.protection(&part(keys, key)?, &whole)
    }

    fn fixed_iv(self) -> usize {
        match self.sends_nonce() {
            true => 4,
            false => 12,
        }
    }

    fn sends_nonce(self) -> bool {
        !self.is_13 && self.cipher != Cipher::Lib(&aead::CHACHA20_POLY1305)
    }

    fn protection(self, key: &[u8], iv: &[u8]) -> Option<Protection> {
        let made = match self.cipher {
            Cipher::Lib(cipher) => Key::Lib(LessSafeKey::new(UnboundKey::new(cipher, key).ok()?)),
            Cipher::Ccm(kind) => Key::Ccm(Box::new(ccm::Key::new(kind, key)?)),
        };
        Some(Protection {
            key: made,
            tag: self.cipher.tag_len(),
            iv: iv.try_into().ok()?,
            sent_nonce: self.sends_nonce(),
            is_13: self.is_13,
            sequence: 0,
        })
    }

    /// HKDF-Expand-Label with an empty context, RFC 8446 section 7.1.
    fn expand(self, secret: &Secret, label: &[u8], length: usize) -> Option<Vec<u8>> {
        if secret.0.len() != self.hash_length() {
            return None;
        }
        let hash = match self.long_hash {
            true => hkdf::HKDF_SHA384,
            false => hkdf::HKDF_SHA256,
        };
        let size = u16::try_from(length).ok()?.to_be_bytes();
        let name = [u8::try_from(6 + label.len()).ok()?];
        let info: [&[u8]; 5] = [&size, &name, b"tls13 ", label, &[0]];
        let mut made = vec![0; length];
        let secret = hkdf::Prk::new_less_safe(hash, &secret.0);
        secret
            .expand(&info, Length(length))
            .ok()?
            .fill(&mut made)
            .ok()?;
        Some(made)
    }

    /// P_hash, RFC 5246 section 5; the seed begins with the label.
    fn expand_12(self, secret: &[u8], seed: &[u8], length: usize) -> Vec<u8> {
        let hash = match self.long_hash {
            true => hmac::HMAC_SHA384,
            false => hmac::HMAC_SHA256,
        };
        let key = hmac::Key::new(hash, secret);
        let mut made = Vec::new();
        let mut step = hmac::sign(&key, seed);
        while made.len() < length {
            made.extend_from_slice(hmac::sign(&key, &[step.as_ref(), seed].concat()).as_ref());
            step = hmac::sign(&key, step.as_ref());
        }
        made.truncate(length);
        made
    }
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Protection {
    /// Opens the next record: what it carries. One that does not open leaves everything as it was.
    pub(super) fn open(&mut self, record: &Record<'_>) -> Option<(ContentType, Vec<u8>)> {
        let mut nonce = self.iv;
        let mut sealed = record.fragment;
        if self.sent_nonce {
            let (sent, rest) = sealed.split_first_chunk::<8>()?;
            nonce.last_chunk_mut::<8>()?.copy_from_slice(sent);
            sealed = rest;
        } else {
            for (byte, number) in nonce.iter_mut().skip(4).zip(self.sequence.to_be_bytes()) {
                *byte ^= number;
            }
        }
        let header = record.header;
        let extra = match self.is_13 {
            true => header.to_vec(),
            false => {
                let [kind, major, minor, ..] = header;
                let length = sealed.len().checked_sub(self.tag)?;
                let [high, low] = u16::try_from(length).ok()?.to_be_bytes();
                let number = self.sequence.to_be_bytes();
                [number.as_slice(), &[kind, major, minor, high, low]].concat()
            }
        };
        let mut plain = match &self.key {
            Key::Lib(key) => {
                let mut plain = sealed.to_vec();
                let nonce = Nonce::assume_unique_for_key(nonce);
                let opened = key.open_in_place(nonce, Aad::from(extra), &mut plain);
                let length = opened.ok()?.len();
                plain.truncate(length);
                plain
            }
            Key::Ccm(key) => key.open(&nonce, &extra, sealed)?,
        };
        let content = match self.is_13 {
            false => record.content,
            true => {
                // zeros pad it, then comes its type, RFC 8446 section 5.4
                while plain.last() == Some(&0) {
                    plain.pop();
                }
                plain.pop().and_then(ContentType::new)?
            }
        };
        self.sequence = self.sequence.checked_add(1)?;
        Some((content, plain))
    }
}
