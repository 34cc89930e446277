//! IEEE 802.11 frames and the headers that radios put before them.

use super::{
    Layers, bytes_text,
    fields::{Bytes, Fields, short_hex},
};
use crate::packet::LinkType;

/// The fields of radiotap that stand first, by their bit: name, size and alignment
/// (<https://www.radiotap.org/fields/defined>).
const RADIOTAP: [(&str, usize, usize); 15] = [
    ("Time of the radio", 8, 8),
    ("Flags", 1, 1),
    ("Rate", 1, 1),
    ("Channel", 4, 2),
    ("Hopping", 2, 1),
    ("Signal", 1, 1),
    ("Noise", 1, 1),
    ("Lock quality", 2, 2),
    ("Transmit attenuation", 2, 2),
    ("Transmit attenuation (dB)", 2, 2),
    ("Transmit power", 1, 1),
    ("Antenna", 1, 1),
    ("Signal above reference", 1, 1),
    ("Noise above reference", 1, 1),
    ("Receive flags", 2, 2),
];

impl Layers {
    /// <https://www.radiotap.org>
    pub(super) fn radiotap(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let (mut check, mut padded) = (false, false);
        let mut length = 0;
        let mut summary = Vec::new();
        let mut read = || {
            fields.plain("Version", 1)?;
            fields.hex("Padding", 1)?;
            length = fields.little("Length", 2, |length| bytes_text(length as usize))? as usize;
            fields.limit(length.checked_sub(4)?);
            let present = fields.little("Present", 4, |bits| format!("0x{bits:08x}"))?;
            let mut more = present;
            while more & 0x8000_0000 != 0 {
                more = fields.little("Present", 4, |bits| format!("0x{bits:08x}"))?;
            }
            for (bit, (name, size, align)) in RADIOTAP.into_iter().enumerate() {
                if present & 1 << bit == 0 {
                    continue;
                }
                let at = fields.rest().at - bytes.at;
                fields.take(at.next_multiple_of(align) - at)?;
                let value = fields.take(size)?;
                let first = value.data.first().copied()?;
                let text = match bit {
                    1 => {
                        check = first & 0x10 != 0;
                        padded = first & 0x20 != 0;
                        format!("0x{first:02x}")
                    }
                    2 => format!("{}.{} Mb/s", first / 2, first % 2 * 5),
                    3 => {
                        let low = value.data.get(1).copied()?;
                        format!("{} MHz", u16::from_le_bytes([first, low]))
                    }
                    5 | 6 => format!("{} dBm", first.cast_signed()),
                    _ => short_hex(value.data),
                };
                if matches!(bit, 2 | 3 | 5) {
                    summary.push(text.clone());
                }
                fields.push(name, text, value.range());
            }
            let rest = fields.rest().data.len();
            if rest > 0 {
                fields.raw("Further fields", rest)?;
            }
            Some(())
        };
        let read = read();
        let (layer, _) = fields.layer("Radiotap", summary.join(", "), read);
        self.push(layer);
        if length >= 8 {
            self.wlan(bytes.from(length), check, padded);
        }
    }

    /// Per-Packet Information.
    pub(super) fn ppi(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let (mut length, mut link) = (0, LinkType::IEEE802_11);
        let mut check = false;
        let mut read = || {
            fields.plain("Version", 1)?;
            fields.hex("Flags", 1)?;
            length = fields.little("Length", 2, |length| bytes_text(length as usize))? as usize;
            link = LinkType(
                fields.little("Link type", 4, |link| LinkType(link as u32).to_string())? as u32,
            );
            fields.limit(length.checked_sub(8)?);
            while !fields.is_empty() {
                let kind = fields.little("Field type", 2, |kind| kind.to_string())?;
                let size = fields.little("Field length", 2, |size| bytes_text(size as usize))?;
                let size = size as usize;
                if kind == 2 {
                    check = fields
                        .rest()
                        .data
                        .get(8)
                        .is_some_and(|flags| flags & 1 != 0);
                }
                fields.raw("Field", size.min(fields.rest().data.len()))?;
            }
            Some(())
        };
        let read = read();
        let (layer, _) = fields.layer("PPI", link.to_string(), read);
        self.push(layer);
        if length < 8 {
            return;
        }
        match link {
            LinkType::IEEE802_11 => self.wlan(bytes.from(length), check, false),
            link => self.link(link, bytes.from(length)),
        }
    }

    pub(super) fn prism(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let read = fields.raw("Header", 144);
        let (layer, rest) = fields.layer("Prism", String::new(), read);
        self.push(layer);
        self.wlan(rest, false, false);
    }

    pub(super) fn avs(&mut self, bytes: Bytes<'_>) {
        let mut fields = Fields::new(bytes);
        let mut read = || {
            fields.hex("Version", 4)?;
            let length = fields.number("Length", 4, |length| bytes_text(length as usize))?;
            fields.raw("Header", usize::try_from(length).ok()?.checked_sub(8)?)
        };
        let read = read();
        let (layer, rest) = fields.layer("AVS", String::new(), read);
        self.push(layer);
        self.wlan(rest, false, false);
    }

    /// IEEE 802.11-2020, 9.2 and 9.3. `check`: its check sequence stands behind it; `padded`: its header is padded to 32 bits.
    pub(super) fn wlan(&mut self, bytes: Bytes<'_>, check: bool, padded: bool) {
        if bytes.data.is_empty() || self.is_full() {
            return;
        }
        let behind = if check { 4 } else { 0 };
        let (frame, trailer) = bytes.split(bytes.data.len().saturating_sub(behind));
        let mut fields = Fields::new(frame);
        let mut summary = String::new();
        let mut carries = None;
        let mut read = || {
            let control =
                fields.number("Frame control", 2, |control| format!("0x{control:04x}"))?;
            let (first, flags) = ((control >> 8) as u8, control as u8);
            let (kind, subtype) = (first >> 2 & 3, first >> 4);
            fields.part("Type", kind_name(kind).to_owned());
            fields.part("Subtype", subtype.to_string());
            for (name, bit) in [
                ("To the distribution system", 1),
                ("From the distribution system", 2),
                ("More fragments", 4),
                ("Retry", 8),
                ("Power management", 0x10),
                ("More data", 0x20),
                ("Protected", 0x40),
                ("Order", 0x80),
            ] {
                fields.flag(name, flags & bit != 0);
            }
            summary = frame_name(kind, subtype);
            if flags & 8 != 0 {
                summary.push_str(", sent again");
            }
            fields.little("Duration", 2, |duration| duration.to_string())?;
            fields.mac("Receiver address")?;
            if kind == 1 {
                if fields.rest().data.len() >= 6 {
                    fields.mac("Transmitter address")?;
                }
                return Some(());
            }
            fields.mac("Transmitter address")?;
            fields.mac("Address 3")?;
            let sequence = fields.little("Sequence control", 2, |sequence| {
                format!("0x{sequence:04x}")
            })?;
            fields.part("Sequence number", (sequence >> 4).to_string());
            fields.part("Fragment number", (sequence & 0xf).to_string());
            if kind != 2 {
                return Some(());
            }
            if flags & 3 == 3 {
                fields.mac("Address 4")?;
            }
            let mut several = false;
            if subtype & 8 != 0 {
                let quality = fields.little("Quality of service", 2, |quality| {
                    format!("0x{quality:04x}")
                })?;
                several = quality & 0x80 != 0;
                if flags & 0x80 != 0 {
                    fields.hex("High throughput control", 4)?;
                }
            }
            if padded {
                let at = fields.rest().at - frame.at;
                fields.take(at.next_multiple_of(4) - at)?;
            }
            if subtype & 4 == 0 && flags & 0x40 == 0 && sequence & 0xf == 0 {
                carries = Some(several);
            }
            Some(())
        };
        let read = read();
        let (layer, rest) = fields.layer("IEEE 802.11", summary, read);
        self.push(layer);
        match carries {
            Some(false) => self.llc(rest),
            Some(true) => self.aggregated(rest),
            None => self.data("Data", rest),
        }
        self.data("Frame check sequence", trailer);
    }

    /// Several frames in one (A-MSDU, 9.3.2.2).
    fn aggregated(&mut self, mut bytes: Bytes<'_>) {
        while !bytes.data.is_empty() && !self.is_full() {
            let mut fields = Fields::new(bytes);
            let mut length = 0;
            let mut read = || {
                fields.mac("Destination")?;
                fields.mac("Source")?;
                length = fields.number("Length", 2, |length| bytes_text(length as usize))? as usize;
                Some(())
            };
            let read = read();
            let (layer, rest) = fields.layer("Aggregated frame", bytes_text(length), read);
            self.push(layer);
            let (content, after) = rest.split(length);
            self.llc(content);
            // each begins at a multiple of four bytes
            bytes = after.from((14 + length).next_multiple_of(4) - (14 + length));
        }
    }
}

fn kind_name(kind: u8) -> &'static str {
    match kind {
        0 => "management",
        1 => "control",
        2 => "data",
        _ => "extension",
    }
}

fn frame_name(kind: u8, subtype: u8) -> String {
    let name = match (kind, subtype) {
        (0, 0) => "Association request",
        (0, 1) => "Association response",
        (0, 4) => "Probe request",
        (0, 5) => "Probe response",
        (0, 8) => "Beacon",
        (0, 10) => "Disassociation",
        (0, 11) => "Authentication",
        (0, 12) => "Deauthentication",
        (0, 13) => "Action",
        (1, 8) => "Block acknowledgement request",
        (1, 9) => "Block acknowledgement",
        (1, 10) => "PS-Poll",
        (1, 11) => "Request to send",
        (1, 12) => "Clear to send",
        (1, 13) => "Acknowledgement",
        (2, 0) => "Data",
        (2, 4) => "No data",
        (2, 8) => "Data with quality of service",
        (2, 12) => "No data with quality of service",
        _ => return format!("{} frame, subtype {subtype}", kind_name(kind)),
    };
    name.to_owned()
}
