//! IEEE 802.11, and the radiotap header before it (www.radiotap.org).

use super::{Cut, Job, Printed, after, array_at, first, names::Mac, u8_at};

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
        let half = |at| array_at(header, at).map(u16::from_le_bytes);
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

    /// The length of the header, and how far the frame could be printed. `radio` are the flags of radiotap.
    pub(super) fn wifi_frame(&mut self, data: &[u8], length: usize, radio: u8) -> (usize, Printed) {
        self.protocol = "802.11";
        let control = match array_at::<2>(data, 0) {
            Ok(bytes) => u16::from_le_bytes(bytes),
            Err(cut) => return (data.len(), Err(cut)),
        };
        let mut header = header_length(control);
        // the body may begin at the next word
        if radio & 0x20 != 0 {
            header = header.next_multiple_of(4);
        }
        if length < header || data.len() < header {
            return (data.len(), Err(Cut));
        }
        let printed = self.wifi(data, length, control, header);
        // data in the clear begins with LLC and SNAP
        let clear = control & 0x400c == 0x0008 && control & 0x0040 == 0;
        let snap = clear && after(data, header).starts_with(&[0xaa, 0xaa, 3]);
        (header + if snap { 8 } else { 0 }, printed)
    }

    fn wifi(&mut self, data: &[u8], length: usize, control: u16, header: usize) -> Printed {
        let (kind, subtype) = (control >> 2 & 3, control >> 4 & 0xf);
        for (bit, text) in [
            (0x1000, "More Data "),
            (0x0400, "More Fragments "),
            (0x2000 | 0x1000 << 16, ""),
            (0x0800, "Retry "),
            (0x8000, "+Order "),
        ] {
            if u32::from(control) & bit != 0 && !text.is_empty() {
                self.say(text);
            }
        }
        let address = |at: usize| super::bytes_at(data, at, 6).map(Mac);
        if self.options.link && kind == 2 {
            // data of the contention-free period, of which the bit for quality of service is left over today
            if subtype & 8 != 0 {
                self.say("CF +QoS ");
            }
        }
        if self.options.link {
            match kind {
                0 => self.put(format_args!(
                    "BSSID:{} DA:{} SA:{} ",
                    address(16)?,
                    address(4)?,
                    address(10)?
                )),
                1 => self.put(format_args!("RA:{} ", address(4)?)),
                2 => match (control >> 8 & 1, control >> 9 & 1) {
                    (0, 0) => self.put(format_args!(
                        "DA:{} SA:{} BSSID:{} ",
                        address(4)?,
                        address(10)?,
                        address(16)?
                    )),
                    (0, _) => self.put(format_args!(
                        "DA:{} BSSID:{} SA:{} ",
                        address(4)?,
                        address(10)?,
                        address(16)?
                    )),
                    (_, 0) => self.put(format_args!(
                        "BSSID:{} SA:{} DA:{} ",
                        address(4)?,
                        address(10)?,
                        address(16)?
                    )),
                    _ => self.put(format_args!(
                        "RA:{} TA:{} DA:{} SA:{} ",
                        address(4)?,
                        address(10)?,
                        address(16)?,
                        address(24)?
                    )),
                },
                _ => {}
            }
        }
        let body = after(data, header);
        let inside = length - header;
        match kind {
            0 => self.management(subtype, body, inside),
            1 => {
                self.say(match subtype {
                    8 => "Block Ack Request",
                    9 => "BA",
                    10 => "Power Save-Poll",
                    11 => "Request-To-Send",
                    12 => "Clear-To-Send",
                    13 => "Acknowledgment",
                    14 => "CF-End",
                    15 => "CF-End+CF-Ack",
                    _ => "Unknown control",
                });
                if !self.options.link && !matches!(subtype, 9) {
                    self.put(format_args!(" RA:{}", address(4)?));
                }
                Ok(())
            }
            2 => {
                // bit 2 of the subtype: no data
                if subtype & 4 != 0 {
                    self.say(match subtype {
                        4 => "Null",
                        12 => "QoS Null",
                        _ => "No data",
                    });
                    return Ok(());
                }
                if control & 0x4000 != 0 {
                    let (iv, key) = (array_at::<3>(body, 0)?, u8_at(body, 3)?);
                    let iv = u32::from_be_bytes([0, iv[2], iv[1], iv[0]]);
                    self.put(format_args!(
                        "Data IV:{iv:3x} Pad {:x} KeyID {:x}",
                        key & 0x3f,
                        key >> 6
                    ));
                    return Ok(());
                }
                let addresses = (super::bytes_at(data, 10, 6)?, super::bytes_at(data, 4, 6)?);
                self.llc(body, inside, Some(addresses), length)
            }
            _ => {
                self.put(format_args!("unknown 802.11 frame type ({kind})"));
                Ok(())
            }
        }
    }

    fn management(&mut self, subtype: u16, body: &[u8], length: usize) -> Printed {
        match subtype {
            0 => {
                self.say("Assoc Request");
                self.network(after(body, 4))
            }
            1 | 3 => {
                self.say(if subtype == 1 {
                    "Assoc Response"
                } else {
                    "ReAssoc Response"
                });
                let (id, status) = (half(body, 4)? & 0x3fff, half(body, 2)?);
                self.put(format_args!(" AID({id:x}) : "));
                if status == 0 {
                    self.say(": Successful");
                } else {
                    self.put(format_args!(": status {status}"));
                }
                Ok(())
            }
            2 => {
                self.say("ReAssoc Request");
                self.network(after(body, 10))
            }
            4 => {
                self.say("Probe Request");
                self.network(body)
            }
            5 => {
                self.say("Probe Response");
                self.network(after(body, 12))
            }
            8 => {
                self.say("Beacon");
                let capabilities = half(body, 10)?;
                self.network(after(body, 12))?;
                self.say(if capabilities & 1 != 0 {
                    " ESS"
                } else {
                    " IBSS"
                });
                if let Some(channel) = element(after(body, 12), 3).and_then(|e| e.first()) {
                    self.put(format_args!(" CH: {channel}"));
                }
                if capabilities & 0x10 != 0 {
                    self.say(", PRIVACY");
                }
                Ok(())
            }
            9 => {
                self.say("ATIM");
                Ok(())
            }
            10 => {
                self.put(format_args!("Disassociation: reason {}", half(body, 0)?));
                Ok(())
            }
            11 => {
                self.put(format_args!(
                    "Authentication ({})-{}",
                    match half(body, 0)? {
                        0 => "Open System",
                        1 => "Shared Key",
                        _ => "Reserved",
                    },
                    half(body, 2)?
                ));
                if half(body, 4)? == 0 {
                    self.say(" Successful");
                }
                Ok(())
            }
            12 => {
                self.put(format_args!("DeAuthentication: reason {}", half(body, 0)?));
                Ok(())
            }
            13 => {
                self.say("Action");
                Ok(())
            }
            other => {
                self.put(format_args!(
                    "Unhandled Management subtype({other:x}), length {length}"
                ));
                Ok(())
            }
        }
    }

    /// The name of the network and the rates, among the elements of a management frame.
    fn network(&mut self, elements: &[u8]) -> Printed {
        let name = element(elements, 0).unwrap_or_default();
        self.say(" (");
        for byte in name {
            super::text::put_safely(&mut self.out, *byte);
        }
        self.say(")");
        if let Some(rates) = element(elements, 1) {
            self.say(" [");
            for (place, rate) in rates.iter().enumerate() {
                let between = if place == 0 { "" } else { " " };
                let basic = if rate & 0x80 != 0 { "*" } else { "" };
                let rate = rate & 0x7f;
                self.put(format_args!(
                    "{between}{}.{}{basic}",
                    rate / 2,
                    rate % 2 * 5
                ));
            }
            self.say(" Mbit]");
        }
        Ok(())
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

fn half(data: &[u8], at: usize) -> Result<u16, Cut> {
    array_at(data, at).map(u16::from_le_bytes)
}

fn element(mut elements: &[u8], wanted: u8) -> Option<&[u8]> {
    while let [kind, length, rest @ ..] = elements {
        let body = first(rest, usize::from(*length));
        if *kind == wanted {
            return Some(body);
        }
        elements = after(rest, usize::from(*length));
    }
    None
}

/// How long the header of a frame is, from its frame control field.
fn header_length(control: u16) -> usize {
    let (kind, subtype) = (control >> 2 & 3, control >> 4 & 0xf);
    match kind {
        // with a field for high throughput
        0 if control & 0x8000 != 0 => 28,
        0 => 24,
        1 => match subtype {
            8..=11 | 14 | 15 => 16,
            12 | 13 => 10,
            _ => 10,
        },
        2 => {
            let mut length = 24;
            if control & 0x0300 == 0x0300 {
                length += 6;
            }
            if subtype & 8 != 0 {
                length += 2;
            }
            length
        }
        _ => 2,
    }
}
