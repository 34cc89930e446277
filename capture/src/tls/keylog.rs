//! Secrets that a TLS client or server wrote down, RFC 9850 (`SSLKEYLOGFILE`): a line a secret, found by the random of
//! the ClientHello.

use foldhash::HashMap;
use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
};

/// So many connections' secrets are kept: those that came last.
const MOST: usize = 1 << 18;
/// What a pcapng Decryption Secrets Block with such lines is called.
pub const PCAPNG_KEY_LOG: u32 = 0x544c_534b;

/// A key log. Clones share what they know.
#[derive(Debug, Clone, Default)]
pub struct KeyLog(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    connections: HashMap<[u8; 32], Secrets>,
    /// In the order in which they came.
    order: VecDeque<[u8; 32]>,
    /// Lines were given.
    is_given: bool,
    /// Lines come while packets are read.
    grows: bool,
    left_out: u64,
    used: u64,
}

/// A connection's secrets.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets {
    /// The master secret of TLS 1.2: 48 bytes.
    pub(super) master: Option<Secret>,
    pub(super) early: Option<Secret>,
    /// By side: those of the client, those of the server.
    pub(super) handshake: [Option<Secret>; 2],
    pub(super) traffic: [Option<Secret>; 2],
}

/// 32 to 48 bytes.
#[derive(Debug, Clone)]
pub(super) struct Secret(pub(super) Vec<u8>);

impl KeyLog {
    /// One to which lines are added while the packets are read that they open: who misses secrets waits for them.
    pub fn growing() -> Self {
        let known = Known {
            is_given: true,
            grows: true,
            ..Known::default()
        };
        Self(Arc::new(RwLock::new(known)))
    }

    /// Takes the lines of a key log; what is none is left out (comments, other labels, lines that are cut).
    ///
    /// Returns how many secrets were found in it.
    pub fn add(&self, text: &[u8]) -> u64 {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.is_given = true;
        let mut found = 0;
        for line in text.split(|byte| *byte == b'\n') {
            found += u64::from(known.line(line).is_some());
        }
        found
    }

    /// Whether lines were given, whatever was in them.
    pub fn is_given(&self) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.is_given
    }

    /// Connections whose secrets were given up for those of later ones.
    pub fn left_out(&self) -> u64 {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.left_out
    }

    /// How many handshakes were found whose secrets are here.
    pub fn used(&self) -> u64 {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.used
    }

    pub(super) fn grows(&self) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.grows
    }

    /// Whether all that opens a connection is here.
    pub(super) fn has_all(&self, random: &[u8; 32], is_13: bool) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let secrets = known.connections.get(random);
        secrets.is_some_and(|secrets| match is_13 {
            true => secrets
                .handshake
                .iter()
                .chain(&secrets.traffic)
                .all(Option::is_some),
            false => secrets.master.is_some(),
        })
    }

    pub(super) fn find(&self, random: &[u8; 32]) -> Option<Secrets> {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let found = known.connections.get(random).cloned();
        known.used += u64::from(found.is_some());
        found
    }
}

impl Known {
    /// Reads `LABEL RANDOM SECRET`, the latter two in hexadecimal.
    fn line(&mut self, line: &[u8]) -> Option<()> {
        let mut words = line
            .trim_ascii()
            .split(|b| *b == b' ')
            .filter(|w| !w.is_empty());
        let label = words.next()?;
        let random: [u8; 32] = hex(words.next()?)?.try_into().ok()?;
        let secret = Secret(hex(words.next()?)?);
        let right = match label {
            b"CLIENT_RANDOM" => secret.0.len() == 48,
            _ => matches!(secret.0.len(), 32 | 48),
        };
        if !right || words.next().is_some() {
            return None;
        }
        let before = self.connections.remove(&random);
        let is_new = before.is_none();
        let mut secrets = before.unwrap_or_default();
        let place = match label {
            b"CLIENT_RANDOM" => Some(&mut secrets.master),
            b"CLIENT_EARLY_TRAFFIC_SECRET" => Some(&mut secrets.early),
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => secrets.handshake.get_mut(0),
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => secrets.handshake.get_mut(1),
            b"CLIENT_TRAFFIC_SECRET_0" => secrets.traffic.get_mut(0),
            b"SERVER_TRAFFIC_SECRET_0" => secrets.traffic.get_mut(1),
            // EXPORTER_SECRET, ECH_SECRET and the like open no records
            _ => None,
        };
        let found = place.map(|place| *place = Some(secret));
        if secrets.is_empty() {
            return found;
        }
        self.connections.insert(random, secrets);
        if is_new {
            self.order.push_back(random);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.connections.remove(&oldest);
            self.left_out += 1;
        }
        found
    }
}

impl Secrets {
    fn is_empty(&self) -> bool {
        let both = self.handshake.iter().chain(&self.traffic);
        let mut all = both.chain([&self.master, &self.early]);
        all.all(Option::is_none)
    }
}

fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    if digits.len() > 2 * 64 || digits.len() % 2 == 1 {
        return None;
    }
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let pairs = digits.as_chunks::<2>().0.iter();
    pairs
        .map(|[high, low]| Some(digit(high)? << 4 | digit(low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_the_clients_random() {
        let random = "ab".repeat(32);
        let text = format!(
            "# made by a test\r\nCLIENT_RANDOM {random} {}\r\n\
             CLIENT_TRAFFIC_SECRET_0 {random} {}\nEXPORTER_SECRET {random} {}\n\
             SERVER_TRAFFIC_SECRET_0 {random} 12\nCLIENT_RANDOM {random} {}\nnonsense\n",
            "01".repeat(48),
            "02".repeat(32),
            "03".repeat(32),
            "04".repeat(32),
        );
        let keys = KeyLog::default();
        assert!(!keys.is_given());
        assert_eq!(keys.add(text.as_bytes()), 2);
        let found = keys.find(&[0xab; 32]).unwrap();
        assert_eq!(found.master.unwrap().0, [1; 48]);
        assert_eq!(found.traffic[0].as_ref().unwrap().0, [2; 32]);
        assert!(found.traffic[1].is_none() && found.early.is_none());
        assert!(keys.find(&[0xac; 32]).is_none());
    }

    #[test]
    fn more_than_can_be_kept_is_counted() {
        let keys = KeyLog::default();
        let secret = "00".repeat(48);
        let line = |n: usize| format!("CLIENT_RANDOM {n:064x} {secret}\n");
        let text: String = (0..MOST + 2).map(line).collect();
        assert_eq!(keys.add(text.as_bytes()), MOST as u64 + 2);
        assert_eq!(keys.left_out(), 2);
        let random = |n: usize| {
            let mut random = [0; 32];
            random[24..].copy_from_slice(&n.to_be_bytes());
            random
        };
        assert!(keys.find(&random(1)).is_none(), "the oldest go");
        assert!(keys.find(&random(2)).is_some() && keys.find(&random(MOST + 1)).is_some());
        assert_eq!(keys.used(), 2);
    }
}
