//! The times before the lines: `-t` and its repetitions.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use std::io::Write;

/// How the time of a packet is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stamp {
    /// Local time of day.
    #[default]
    Local,
    /// `-t`: none.
    None,
    /// `-tt`: seconds since the Unix epoch.
    Unix,
    /// `-ttt`: since the packet before.
    SincePrevious,
    /// `-tttt`: local date and time of day.
    LocalDate,
    /// `-ttttt`: since the first packet.
    SinceFirst,
}

impl Stamp {
    /// For so many `-t`.
    pub fn of(count: u8) -> Self {
        match count {
            0 => Self::Local,
            1 => Self::None,
            2 => Self::Unix,
            3 => Self::SincePrevious,
            4 => Self::LocalDate,
            _ => Self::SinceFirst,
        }
    }
}

/// Prints times, which some forms measure from the first or the previous one.
#[derive(Debug)]
pub struct Clock {
    stamp: Stamp,
    nanoseconds: bool,
    zone: TimeZone,
    reference: Option<i64>,
}

impl Clock {
    /// For the local time zone of this machine.
    pub fn new(stamp: Stamp, nanoseconds: bool) -> Self {
        Self {
            stamp,
            nanoseconds,
            zone: TimeZone::system(),
            reference: None,
        }
    }

    /// Appends the time of a packet (nanoseconds since the Unix epoch) and a space.
    pub fn print(&mut self, out: &mut Vec<u8>, time: i64) {
        // writing into memory cannot fail
        let _ = match self.stamp {
            Stamp::None => Ok(()),
            Stamp::Unix => {
                let seconds = time.div_euclid(1_000_000_000);
                let fraction = self.fraction(time);
                write!(out, "{seconds}.{fraction} ")
            }
            Stamp::Local => {
                let fraction = self.fraction(time);
                write!(out, "{}.{fraction} ", self.local(time).strftime("%H:%M:%S"))
            }
            Stamp::LocalDate => {
                let fraction = self.fraction(time);
                let local = self.local(time);
                write!(out, "{}.{fraction} ", local.strftime("%Y-%m-%d %H:%M:%S"))
            }
            Stamp::SincePrevious | Stamp::SinceFirst => {
                let reference = *self.reference.get_or_insert(time);
                if self.stamp == Stamp::SincePrevious {
                    self.reference = Some(time);
                }
                self.since(out, time.saturating_sub(reference))
            }
        };
    }

    fn since(&self, out: &mut Vec<u8>, elapsed: i64) -> std::io::Result<()> {
        let sign = if elapsed < 0 { "-" } else { " " };
        let elapsed = i64::try_from(elapsed.unsigned_abs()).unwrap_or(i64::MAX);
        let seconds = elapsed / 1_000_000_000;
        let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
        let fraction = self.fraction(elapsed);
        write!(
            out,
            "{sign}{hours:02}:{minutes:02}:{:02}.{fraction} ",
            seconds % 60
        )
    }

    fn fraction(&self, time: i64) -> String {
        let nanoseconds = time.rem_euclid(1_000_000_000);
        if self.nanoseconds {
            format!("{nanoseconds:09}")
        } else {
            format!("{:06}", nanoseconds / 1000)
        }
    }

    fn local(&self, time: i64) -> DateTime {
        let since = SignedDuration::from_nanos(time);
        // sixty-four bits of nanoseconds are within what a timestamp can be
        let at = Timestamp::from_duration(since).unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(stamp: Stamp, nanoseconds: bool, times: &[i64]) -> String {
        let mut clock = Clock::new(stamp, nanoseconds);
        clock.zone = TimeZone::fixed(jiff::tz::offset(2));
        let mut out = Vec::new();
        for time in times {
            clock.print(&mut out, *time);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_form() {
        let at = 1_700_000_000_123_456_789;
        let minute = 61_000_001_000;
        let times = [at, at + minute, at];
        assert_eq!(printed(Stamp::of(0), false, &[at]), "00:13:20.123456 ");
        assert_eq!(printed(Stamp::of(0), true, &[at]), "00:13:20.123456789 ");
        assert_eq!(printed(Stamp::of(1), false, &[at]), "");
        assert_eq!(printed(Stamp::of(2), false, &[at]), "1700000000.123456 ");
        assert_eq!(
            printed(Stamp::of(3), false, &times),
            " 00:00:00.000000  00:01:01.000001 -00:01:01.000001 "
        );
        assert_eq!(
            printed(Stamp::of(4), false, &[at]),
            "2023-11-15 00:13:20.123456 "
        );
        assert_eq!(
            printed(Stamp::of(5), false, &times),
            " 00:00:00.000000  00:01:01.000001  00:00:00.000000 "
        );
        for time in [i64::MIN, -1, 0, i64::MAX] {
            for count in 0..6 {
                printed(Stamp::of(count), true, &[time, i64::MIN, i64::MAX]);
            }
        }
    }
}
