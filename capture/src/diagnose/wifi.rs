//! Frames of IEEE 802.11 that were sent again, for each pair of radios: one bad station among good ones is told.

use super::{Cause, Finding, Proof};
use crate::{link::Wlan, packet::Mac};
use foldhash::HashMap;

/// The tag of a flow whose frames were sent again.
pub const MARK: &str = "wifi-retries";

/// Of so many frames, so many in a hundred are ordinarily sent again.
const FRAMES: u64 = 50;
const ORDINARY: u64 = 10;
/// Pairs of radios that are counted; stations that only look for a network change their address.
const MOST_PAIRS: usize = 4096;

/// Frames, and how many of them were sent again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    frames: u64,
    again: u64,
}

impl Counts {
    /// One more.
    pub fn add(&mut self, retried: bool) {
        self.frames += 1;
        self.again += u64::from(retried);
    }

    /// Whether that is more than ordinary.
    pub fn is_bad(&self) -> bool {
        self.frames >= FRAMES && self.again * 100 >= self.frames * ORDINARY
    }
}

/// Counts the data frames of each pair of radios.
#[derive(Debug, Default)]
pub struct Wifi {
    pairs: HashMap<(Mac, Mac), Pair>,
}

#[derive(Debug, Default)]
struct Pair {
    counts: Counts,
    again: Proof,
    told: bool,
}

impl Wifi {
    /// Takes a frame. Those for everybody are not acknowledged, and so are never sent again.
    pub fn frame(&mut self, packet: u64, wlan: &Wlan) {
        let (Some(from), Some(to)) = (wlan.transmitter, wlan.receiver) else {
            return;
        };
        let everybody = to.0.first().is_some_and(|byte| byte & 1 != 0);
        if wlan.kind != 2 || everybody {
            return;
        }
        if self.pairs.len() >= MOST_PAIRS && !self.pairs.contains_key(&(from, to)) {
            return;
        }
        let pair = self.pairs.entry((from, to)).or_default();
        pair.counts.add(wlan.retry);
        if wlan.retry {
            pair.again.add(packet);
        }
    }

    /// What went wrong and was not told before.
    pub fn news(&mut self) -> Vec<Finding> {
        let bad = |pair: &&mut Pair| !pair.told && pair.counts.is_bad();
        let pairs = self.pairs.iter_mut();
        let bad = pairs.filter_map(|(radios, pair)| Some(radios).zip(Some(pair).filter(bad)));
        let findings = bad.map(|((from, to), pair)| {
            pair.told = true;
            let Counts { frames, again } = pair.counts;
            let text =
                format!("{again} of {frames} data frames from {from} to {to} were sent again.");
            Finding::new(
                Cause::WifiRetries,
                format!("{from} > {to}"),
                text,
                &pair.again,
            )
        });
        let mut findings: Vec<_> = findings.collect();
        findings.sort_by(|a, b| (&a.packets, &a.about).cmp(&(&b.packets, &b.about)));
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(from: u8, to: u8, retry: bool) -> Wlan {
        Wlan {
            kind: 2,
            subtype: 8,
            retry,
            protected: true,
            sequence: None,
            network: None,
            transmitter: Some(Mac([2, 0, 0, 0, 0, from])),
            receiver: Some(Mac([2, 0, 0, 0, 0, to])),
            signal: None,
        }
    }

    #[test]
    fn one_bad_station_among_good_ones_is_told_once() {
        let mut wifi = Wifi::default();
        let mut packet = 0;
        for round in 0..100 {
            for station in 1..=10 {
                packet += 1;
                wifi.frame(packet, &frame(station, 99, station == 3 && round % 5 == 0));
                wifi.frame(packet, &frame(99, station, false));
            }
        }
        let found = wifi.news();
        assert_eq!(found.len(), 1);
        let [first, ..] = found.as_slice() else {
            return;
        };
        assert_eq!(first.about, "02:00:00:00:00:03 > 02:00:00:00:00:63");
        assert_eq!(
            first.text,
            "20 of 100 data frames from 02:00:00:00:00:03 to 02:00:00:00:00:63 were sent again."
        );
        assert_eq!((first.packets[1], first.count), (53, 20));
        assert_eq!(wifi.news(), []);
    }

    #[test]
    fn few_frames_and_those_for_everybody_tell_nothing() {
        let mut wifi = Wifi::default();
        for packet in 0..40 {
            wifi.frame(packet, &frame(1, 99, true));
        }
        let mut everybody = frame(2, 99, true);
        everybody.receiver = Some(Mac([0xff; 6]));
        for packet in 40..200 {
            wifi.frame(packet, &everybody);
        }
        assert_eq!(wifi.news(), []);
    }
}
