//! Radiotap: what the radio said of a frame of IEEE 802.11 (www.radiotap.org).

use super::{Cut, Job, Printed, after, array_at, first, u8_at, wifi::half};

impl Job<'_> {
    /// The length of the link header, and how far it could be printed.
    pub(super) fn radiotap_frame(&mut self, data: &[u8], length: usize) -> (usize, Printed) {
        self.protocol = "802.11_radio";
        let header = match array_at::<2>(data, 2) {
            Ok(bytes) => usize::from(u16::from_le_bytes(bytes)),
            Err(cut) => return (data.len(), Err(cut)),
        };
        if header < 8 || header > data.len() {
            return (data.len(), Err(Cut));
        }
        let flags = match self.radiotap(first(data, header)) {
            Ok(flags) => flags,
            Err(cut) => return (header, Err(cut)),
        };
        // the frame check sequence is no data
        let fcs = if flags & 0x10 != 0 { 4 } else { 0 };
        let frame = after(data, header);
        let length = length.saturating_sub(header);
        let frame = first(frame, length.saturating_sub(fcs));
        let (inside, printed) = self.wifi_frame(frame, length.saturating_sub(fcs), flags);
        (header + inside, printed)
    }

    /// The fields in the order of their bits, each aligned to its size; gives the field of flags.
    fn radiotap(&mut self, header: &[u8]) -> Result<u8, Cut> {
        let word = |at| array_at(header, at).map(u32::from_le_bytes);
        let half = |at| half(header, at);
        let present = word(4)?;
        let mut at = 8;
        let mut more = present;
        while more & 0x8000_0000 != 0 {
            more = word(at)?;
            at += 4;
        }
        let mut flags = 0;
        for bit in 0..20 {
            if present & (1 << bit) == 0 {
                continue;
            }
            let Some((size, align)) = FIELDS.get(bit) else {
                break;
            };
            at = at.next_multiple_of(*align);
            match bit {
                0 => {
                    let time = u64::from(word(at)?) | u64::from(word(at + 4)?) << 32;
                    self.put(format_args!("{time}us tsft "));
                }
                1 => {
                    flags = u8_at(header, at)?;
                    if flags & 0x01 != 0 {
                        self.say("cfp ");
                    }
                    if flags & 0x02 != 0 {
                        self.say("short preamble ");
                    }
                    if flags & 0x04 != 0 {
                        self.say("wep ");
                    }
                    if flags & 0x08 != 0 {
                        self.say("fragmented ");
                    }
                    if flags & 0x40 != 0 {
                        self.say("bad-fcs ");
                    }
                }
                2 => {
                    let rate = u8_at(header, at)?;
                    if (0x80..=0x8f).contains(&rate) {
                        self.put(format_args!("MCS {} ", rate & 0x7f));
                    } else {
                        self.put(format_args!("{}.{} Mb/s ", rate / 2, rate % 2 * 5));
                    }
                }
                // said again by the extended channel field
                3 if present & 1 << 18 == 0 => {
                    let (frequency, kind) = (half(at)?, half(at + 2)?);
                    self.channel(frequency, u32::from(kind), present);
                }
                4 => {
                    let [set, pattern] = array_at(header, at)?;
                    self.put(format_args!("fhset {set} fhpat {pattern} "));
                }
                5 => self.put(format_args!("{}dBm signal ", u8_at(header, at)? as i8)),
                6 => self.put(format_args!("{}dBm noise ", u8_at(header, at)? as i8)),
                7 => self.put(format_args!("{} sq ", half(at)?)),
                8 => self.put(format_args!("{} tx power ", -i32::from(half(at)?))),
                9 => self.put(format_args!(
                    "{:.2}dB tx attenuation ",
                    -f64::from(half(at)?) / 100.0
                )),
                10 => self.put(format_args!("{}dBm tx power ", u8_at(header, at)? as i8)),
                11 => self.put(format_args!("antenna {} ", u8_at(header, at)?)),
                12 => self.put(format_args!("{}dB signal ", u8_at(header, at)?)),
                13 => self.put(format_args!("{}dB noise ", u8_at(header, at)?)),
                18 => {
                    let (kind, frequency) = (word(at)?, half(at + 4)?);
                    self.channel(frequency, kind, present);
                }
                19 => {
                    let field: [u8; 3] = array_at(header, at)?;
                    self.modulation(field);
                }
                _ => {}
            }
            at += size;
        }
        Ok(flags)
    }

    fn channel(&mut self, frequency: u16, kind: u32, present: u32) {
        self.put(format_args!("{frequency} MHz"));
        let all = |bits: u32| kind & bits == bits;
        if present & 1 << 19 != 0 {
            // whatever else the flags say
            self.say(" 11n");
        } else {
            if all(0x140) {
                self.say(" 11a");
            }
            if all(0x480) || all(0xc0) {
                self.say(" 11g");
            } else if all(0xa0) {
                self.say(" 11b");
            }
            if all(0x10) {
                self.say(" Turbo");
            }
        }
        if all(0x1_0000) {
            self.say(" ht/20");
        } else if all(0x4_0000) {
            self.say(" ht/40-");
        } else if all(0x2_0000) {
            self.say(" ht/40+");
        }
        self.say(" ");
    }

    /// The field `MCS`: what is known, flags, index.
    fn modulation(&mut self, [known, flags, index]: [u8; 3]) {
        let short = flags & 4 != 0;
        if known & 2 != 0 {
            if known & 5 != 0 && index < 32 {
                // megabits a second and stream at 20 MHz (IEEE 802.11n, table 20-30), in tenths
                let rate = [65, 130, 195, 260, 390, 520, 585, 650][usize::from(index & 7)];
                let wide = [135, 270, 405, 540, 810, 1080, 1215, 1350][usize::from(index & 7)];
                let rate = if flags & 3 == 1 { wide } else { rate };
                let rate = f64::from(rate * u32::from(index / 8 + 1)) / 10.0;
                let rate = if short { rate * 10.0 / 9.0 } else { rate };
                self.put(format_args!("{rate:.1} Mb/s "));
            }
            self.put(format_args!("MCS {index} "));
        }
        if known & 1 != 0 {
            self.say(match flags & 3 {
                0 => "20 MHz ",
                1 => "40 MHz ",
                2 => "20 MHz (L) ",
                _ => "20 MHz (U) ",
            });
        }
        if known & 4 != 0 {
            self.say(if short { "short GI " } else { "long GI " });
        }
        if known & 8 != 0 {
            self.say(if flags & 8 != 0 {
                "greenfield "
            } else {
                "mixed "
            });
        }
        if known & 0x10 != 0 {
            self.say(if flags & 0x10 != 0 {
                "LDPC FEC "
            } else {
                "BCC FEC "
            });
        }
        if known & 0x20 != 0 {
            self.put(format_args!("RX-STBC{} ", flags >> 5 & 3));
        }
    }
}

/// Sizes and alignments of the fields, by bit.
const FIELDS: [(usize, usize); 20] = [
    (8, 8),
    (1, 1),
    (1, 1),
    (4, 2),
    (2, 2),
    (1, 1),
    (1, 1),
    (2, 2),
    (2, 2),
    (2, 2),
    (1, 1),
    (1, 1),
    (1, 1),
    (1, 1),
    (2, 2),
    (2, 2),
    (1, 1),
    (1, 1),
    (8, 4),
    (3, 1),
];
