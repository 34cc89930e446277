//! Bounded runs of the fuzz targets among the ordinary tests: the same inputs each time, made of seeds by mutation.
//!
//! The fuzzer begins with the same seeds: where `OVERHEAR_FUZZ_SEEDS` names a folder, they are written into a folder of the
//! target's name in it.

use std::{env, fs, path::Path};

/// How many inputs are made of the seeds. The fuzzer makes more, and chooses; these are there where nobody runs it.
const ROUNDS: usize = 4_000;

/// Numbers that lengths and offsets go wrong with.
const WORDS: [u32; 10] = [
    0,
    1,
    8,
    12,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffc,
    0xffff_ffff,
];

/// What texts are taken apart at.
const TOKENS: [&str; 20] = [
    "\r\n",
    "\r",
    "\n",
    " ",
    "\t",
    ":",
    "\0",
    ",",
    ";",
    "0\r\n\r\n",
    "\r\n\r\n",
    "HTTP/1.1",
    "Transfer-Encoding: chunked\r\n",
    "Content-Length: 3\r\n",
    "Host: b\r\n",
    "[",
    "@",
    "%",
    "\"",
    "\u{1f600}",
];

/// Runs a target, by its name among the fuzz targets, on its seeds and on what they mutate to.
///
/// # Panics
/// As the target does; or where the seeds cannot be written to where they are asked for.
pub fn rounds<S: AsRef<[u8]>>(name: &str, target: fn(&[u8]), seeds: &[S]) {
    if let Some(folder) = env::var_os("OVERHEAR_FUZZ_SEEDS") {
        write(&Path::new(&folder).join(name), seeds)
            .unwrap_or_else(|error| panic!("the seeds of {name} cannot be written: {error}"));
    }
    for seed in seeds {
        target(seed.as_ref());
    }
    let mut random = Random::of(name);
    for round in 0..ROUNDS {
        let Some(seed) = seeds.get(round % seeds.len().max(1)) else {
            return;
        };
        let mut data = seed.as_ref().to_vec();
        for _ in 0..=random.below(5) {
            random.mutate(&mut data, seeds);
        }
        target(&data);
    }
}

fn write<S: AsRef<[u8]>>(folder: &Path, seeds: &[S]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number}")), seed)?;
    }
    Ok(())
}

/// Pseudo-random numbers, the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn of(name: &str) -> Self {
        // FNV-1a
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, hash))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or(0)
    }

    fn mutate<S: AsRef<[u8]>>(&mut self, bytes: &mut Vec<u8>, seeds: &[S]) {
        // heads and lengths stand at the beginning
        let limit = match self.below(3) {
            0 => bytes.len().min(48),
            _ => bytes.len(),
        };
        let at = self.below(limit + 1);
        let length = self.below(24).min(bytes.len() - at);
        match self.below(9) {
            0 => drop(bytes.drain(at..at + length)),
            1 => {
                let piece = bytes.get(at..at + length).unwrap_or_default().to_vec();
                bytes.splice(at..at, piece);
            }
            2 => bytes.truncate(at),
            3 => {
                let word = WORDS.get(self.below(WORDS.len())).copied().unwrap_or(0);
                let word = match self.below(2) {
                    0 => word.to_le_bytes(),
                    _ => word.to_be_bytes(),
                };
                let size = [1, 2, 4].get(self.below(3)).copied().unwrap_or(4);
                for (place, byte) in bytes.iter_mut().skip(at).zip(word.iter().take(size)) {
                    *place = *byte;
                }
            }
            4 => {
                let piece: Vec<u8> = (0..length).map(|_| self.byte()).collect();
                bytes.splice(at..at, piece);
            }
            5 => {
                let token = TOKENS.get(self.below(TOKENS.len())).copied();
                bytes.splice(at..at, token.unwrap_or_default().bytes());
            }
            6 => {
                let other = seeds.get(self.below(seeds.len())).map(AsRef::as_ref);
                let other = other.unwrap_or_default();
                let from = self.below(other.len());
                let to = from + self.below(other.len() - from + 1);
                bytes.splice(at..at, other.get(from..to).unwrap_or_default().to_vec());
            }
            7 => {
                let bit = 1 << self.below(8);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= bit;
                }
            }
            _ => {
                let byte = self.byte();
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static INPUTS: AtomicUsize = AtomicUsize::new(0);
    static DIFFERENT: AtomicUsize = AtomicUsize::new(0);

    fn count(data: &[u8]) {
        INPUTS.fetch_add(1, Ordering::Relaxed);
        if data != b"some seed" && !data.is_empty() {
            DIFFERENT.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn seeds_come_first_and_then_what_they_mutate_to() {
        rounds("a_target", count, &["some seed", ""]);
        assert_eq!(INPUTS.load(Ordering::Relaxed), ROUNDS + 2);
        assert!(DIFFERENT.load(Ordering::Relaxed) > ROUNDS / 2);
    }
}
