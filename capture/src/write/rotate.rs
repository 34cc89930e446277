//! Files one after the other: by size, by time, only so many; with the names that tcpdump gives them.

use jiff::{SignedDuration, Timestamp, Zoned, tz::TimeZone};

/// When a file is full and what the next one is called. Decides; somebody else opens and closes.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The name as it was given; with a time limit, a pattern of strftime(3).
    name: String,
    /// `-C`: bytes after which a file is full.
    size: Option<u64>,
    /// `-G`: seconds after which a file is full.
    seconds: Option<u64>,
    /// `-W`: how many files there are; 0 is no limit.
    files: u32,
    zone: TimeZone,
    /// When the file of this time limit began: seconds since the Unix epoch.
    began: i64,
    /// Files of this time limit.
    by_size: u32,
    /// Time limits that are over.
    by_time: u32,
}

/// What is to be done before a packet is written.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing: it goes into the file that is open.
    Stay,
    /// Close the file and open this one.
    Open(String),
    /// Close the file and end: there are enough.
    End,
}

impl Rotation {
    /// Files that begin now (seconds since the Unix epoch): `-C` bytes, `-G` seconds, `-W` files (0: no limit).
    pub fn new(name: &str, size: Option<u64>, seconds: Option<u64>, files: u32, now: i64) -> Self {
        Self {
            name: name.to_owned(),
            size,
            seconds,
            files,
            zone: TimeZone::system(),
            began: now,
            by_size: 0,
            by_time: 0,
        }
    }

    /// What the file is called that is open now.
    pub fn current(&self) -> String {
        let name = match self.seconds {
            Some(_) => self.expanded(),
            None => self.name.clone(),
        };
        let width = match self.size {
            Some(_) => digits(self.files),
            None => 0,
        };
        if self.by_size == 0 && width == 0 {
            return name;
        }
        format!("{name}{:0width$}", self.by_size)
    }

    /// Before a packet is written: `written` bytes are in the file, and it is `now` (seconds since the Unix epoch).
    pub fn turn(&mut self, written: u64, now: i64) -> Turn {
        if let Some(seconds) = self.seconds
            && now.saturating_sub(self.began) >= i64::try_from(seconds).unwrap_or(i64::MAX)
        {
            self.began = now;
            self.by_time += 1;
            if self.size.is_none() && self.files > 0 && self.by_time >= self.files {
                return Turn::End;
            }
            self.by_size = 0;
            return Turn::Open(self.current());
        }
        if let Some(size) = self.size
            && written > size
        {
            self.by_size += 1;
            if self.files > 0 && self.by_size >= self.files {
                self.by_size = 0;
            }
            return Turn::Open(self.current());
        }
        Turn::Stay
    }

    fn expanded(&self) -> String {
        let since = SignedDuration::from_secs(self.began);
        let at = Timestamp::from_duration(since).unwrap_or(Timestamp::UNIX_EPOCH);
        let local: Zoned = at.to_zoned(self.zone.clone());
        // a pattern that means nothing stands for itself
        jiff::fmt::strtime::format(&self.name, &local).unwrap_or_else(|_| self.name.clone())
    }
}

/// Digits of the highest number among so many files, counted from 0.
fn digits(files: u32) -> usize {
    match files {
        0 | 1 => 0,
        files => (files - 1).ilog10() as usize + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotation(name: &str, size: Option<u64>, seconds: Option<u64>, files: u32) -> Rotation {
        let mut rotation = Rotation::new(name, size, seconds, files, 1_700_000_000);
        rotation.zone = TimeZone::UTC;
        rotation
    }

    fn open(name: &str) -> Turn {
        Turn::Open(name.to_owned())
    }

    #[test]
    fn by_size_without_an_end() {
        let mut by_size = rotation("x.pcap", Some(1000), None, 0);
        assert_eq!(by_size.current(), "x.pcap");
        assert_eq!(by_size.turn(1000, 0), Turn::Stay);
        assert_eq!(by_size.turn(1001, 0), open("x.pcap1"));
        assert_eq!(by_size.turn(24, 0), Turn::Stay);
        assert_eq!(by_size.turn(1001, 0), open("x.pcap2"));
    }

    #[test]
    fn by_size_in_a_ring() {
        let mut ring = rotation("x", Some(10), None, 11);
        assert_eq!(ring.current(), "x00");
        for file in 1..11 {
            assert_eq!(ring.turn(11, 0), open(&format!("x{file:02}")));
        }
        assert_eq!(ring.turn(11, 0), open("x00"));
        // one file has no number, and is written again and again
        let mut one = rotation("x", Some(10), None, 1);
        assert_eq!(one.turn(11, 0), open("x"));
    }

    #[test]
    fn by_time() {
        let mut by_time = rotation("x-%Y%m%d-%H%M%S.pcap", None, Some(60), 2);
        assert_eq!(by_time.current(), "x-20231114-221320.pcap");
        assert_eq!(by_time.turn(99, 1_700_000_059), Turn::Stay);
        let second = open("x-20231114-221421.pcap");
        assert_eq!(by_time.turn(99, 1_700_000_061), second);
        assert_eq!(by_time.turn(99, 1_700_000_122), Turn::End);
    }

    #[test]
    fn by_time_and_size() {
        let mut both = rotation("%s-", Some(10), Some(60), 3);
        assert_eq!(both.current(), "1700000000-0");
        assert_eq!(both.turn(11, 1_700_000_001), open("1700000000-1"));
        assert_eq!(both.turn(11, 1_700_000_060), open("1700000060-0"));
        for _ in 0..100 {
            assert_ne!(both.turn(11, 1_700_000_061), Turn::End);
        }
        // nonsense stands for itself
        assert_eq!(rotation("%!%", None, Some(1), 0).current(), "%!%");
    }
}
