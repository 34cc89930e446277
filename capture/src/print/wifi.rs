//! IEEE 802.11.

use super::{Cut, Job, Printed, after, array_at, bytes_at, first, u8_at};

/// A bit of the frame control field: the body is encrypted.
const PROTECTED: u16 = 0x4000;

/// A bit of the capabilities: the network encrypts.
const PRIVACY: u16 = 0x0010;

impl Job<'_> {
    /// The length of the header, and how far the frame could be printed. `radio` are the flags of radiotap.
    pub(super) fn wifi_frame(&mut self, data: &[u8], length: usize, radio: u8) -> (usize, Printed) {
        self.protocol = "802.11";
        let control = match array_at::<2>(data, 0) {
            Ok(bytes) => u16::from_le_bytes(bytes),
            Err(cut) => return (data.len(), Err(cut)),
        };
        let Some(mut header) = header_length(control) else {
            match control >> 2 & 3 {
                1 => self.put(format_args!(
                    "unknown 802.11 ctrl frame subtype ({})",
                    control >> 4 & 0xf
                )),
                kind => self.put(format_args!("unknown 802.11 frame type ({kind})")),
            }
            return (0, Ok(()));
        };
        // the body may begin at the next word
        if radio & 0x20 != 0 {
            header = header.next_multiple_of(4);
        }
        if length < header || data.len() < header {
            return (data.len(), Err(Cut));
        }
        let printed = self.wifi(data, length, control, &mut header);
        (header, printed)
    }

    /// `header` becomes where the network layer begins.
    fn wifi(&mut self, data: &[u8], length: usize, control: u16, header: &mut usize) -> Printed {
        let (kind, subtype) = (control >> 2 & 3, control >> 4 & 0xf);
        if self.options.link {
            if self.verbose() {
                self.wifi_flags(data, control)?;
            }
            match kind {
                0 => self.addresses(data, &[("BSSID", 16), ("DA", 4), ("SA", 10)])?,
                1 => self.control_header(data, subtype)?,
                _ => {
                    contention_free(&mut self.out, subtype);
                    self.addresses(data, &named_addresses(control))?;
                }
            }
        }
        let body = after(data, *header);
        let inside = length - *header;
        match kind {
            0 => self.management(control, data, body),
            1 => self.control(data, subtype),
            // bit 2 of the subtype: no data
            _ if subtype & 4 != 0 => Ok(()),
            _ if control & PROTECTED != 0 => {
                self.say("Data ");
                self.sealed(body)
            }
            _ => {
                let addresses = named_addresses(control);
                let named = |name| addresses.iter().find(|(known, _)| *known == name);
                let at = |name| named(name).map_or(Ok(&[][..]), |(_, at)| bytes_at(data, *at, 6));
                // the network itself is one end when its letters stand for it
                let macs = (at("SA")?, at("DA")?);
                self.llc(body, inside, Some(macs), header)
            }
        }
    }

    fn wifi_flags(&mut self, data: &[u8], control: u16) -> Printed {
        for (bit, text) in [
            (0x2000, "More Data "),
            (0x0400, "More Fragments "),
            (0x1000, "Pwr Mgmt "),
            (0x0800, "Retry "),
            (0x8000, "Strictly Ordered "),
            (PROTECTED, "Protected "),
        ] {
            if control & bit != 0 {
                self.say(text);
            }
        }
        // a Power Save-Poll has an identifier there
        if control & 0x00fc != 0x00a4 {
            let duration = half(data, 2)?;
            self.put(format_args!("{duration}us "));
        }
        Ok(())
    }

    fn addresses(&mut self, data: &[u8], addresses: &[(&str, usize)]) -> Printed {
        for (name, at) in addresses {
            let address = self.mac(bytes_at(data, *at, 6)?);
            self.put(format_args!("{name}:{address} "));
        }
        Ok(())
    }

    fn control_header(&mut self, data: &[u8], subtype: u16) -> Printed {
        match subtype {
            8 => self.block_request(data),
            10 => self.addresses(data, &[("BSSID", 4), ("TA", 10)]),
            11 => self.addresses(data, &[("RA", 4), ("TA", 10)]),
            14 | 15 => self.addresses(data, &[("RA", 4), ("BSSID", 10)]),
            _ => self.addresses(data, &[("RA", 4)]),
        }
    }

    fn block_request(&mut self, data: &[u8]) -> Printed {
        self.say(" ");
        self.addresses(data, &[("RA", 4), ("TA", 10)])?;
        let (control, sequence) = (half(data, 16)?, half(data, 18)?);
        self.put(format_args!("CTL({control:x}) SEQ({sequence}) "));
        Ok(())
    }

    fn control(&mut self, data: &[u8], subtype: u16) -> Printed {
        self.say(match subtype {
            8 => "BAR",
            9 => "BA",
            10 => "Power Save-Poll",
            11 => "Request-To-Send",
            12 => "Clear-To-Send",
            13 => "Acknowledgment",
            14 => "CF-End",
            15 => "CF-End+CF-Ack",
            _ => "Control Wrapper",
        });
        if subtype == 10 {
            let identifier = half(data, 2)?;
            self.put(format_args!(" AID({identifier:x})"));
            return Ok(());
        }
        if self.options.link || subtype == 7 {
            return Ok(());
        }
        match subtype {
            8 => self.block_request(data),
            11 => {
                self.say(" ");
                self.addresses(data, &[("TA", 10)])
            }
            _ => {
                self.say(" ");
                self.addresses(data, &[("RA", 4)])
            }
        }
    }

    /// What is encrypted: its number, and which key it was.
    fn sealed(&mut self, body: &[u8]) -> Printed {
        let [a, b, c, key] = array_at(body, 0)?;
        let vector = u32::from_le_bytes([a, b, c, 0]);
        self.put(format_args!(
            "IV:{vector:3x} Pad {:x} KeyID {:x}",
            key & 0x3f,
            key >> 6
        ));
        Ok(())
    }

    fn management(&mut self, control: u16, data: &[u8], body: &[u8]) -> Printed {
        let subtype = control >> 4 & 0xf;
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
                self.put(format_args!(" AID({id:x}) :"));
                if half(body, 0)? & PRIVACY != 0 {
                    self.say(" PRIVACY ");
                }
                self.say(": ");
                self.status(status);
                Ok(())
            }
            2 => {
                self.say("ReAssoc Request");
                self.name_of_network(after(body, 10))?;
                let point = self.mac(bytes_at(body, 4, 6)?);
                self.put(format_args!(" AP : {point}"));
                Ok(())
            }
            4 => {
                self.say("Probe Request");
                self.network(body)
            }
            5 => {
                self.say("Probe Response");
                let capabilities = half(body, 10)?;
                self.network(after(body, 12))?;
                self.channel_of_network(after(body, 12), capabilities);
                Ok(())
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
                self.channel_of_network(after(body, 12), capabilities);
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
                self.say("Authentication ");
                if control & PROTECTED != 0 {
                    return self.sealed(body);
                }
                let (algorithm, step) = (half(body, 0)?, half(body, 2)?);
                let name = match algorithm {
                    0 => "Open System",
                    1 => "Shared Key",
                    2 => "EAP",
                    _ => "Reserved",
                };
                let challenge = algorithm == 1 && element(after(body, 6), 16).is_some();
                self.put(format_args!(
                    "({name})-{step:x}{} ",
                    if challenge { " [Challenge Text]" } else { ":" }
                ));
                if step % 2 == 1 {
                    self.status(half(body, 4)?);
                }
                Ok(())
            }
            12 => {
                self.say("DeAuthentication");
                self.sender(data)?;
                self.put(format_args!(": reason {}", half(body, 0)?));
                Ok(())
            }
            13 => {
                self.say("Action");
                self.sender(data)?;
                self.action(u8_at(body, 0)?, u8_at(body, 1)?);
                Ok(())
            }
            other => {
                self.put(format_args!("Unhandled Management subtype({other:x})"));
                Ok(())
            }
        }
    }

    fn status(&mut self, status: u16) {
        match status {
            0 => self.say("Successful"),
            status => self.put(format_args!("status {status}")),
        }
    }

    /// Who it is, where the link header is not printed.
    fn sender(&mut self, data: &[u8]) -> Printed {
        if !self.options.link {
            let sender = self.mac(bytes_at(data, 10, 6)?);
            self.put(format_args!(" ({sender})"));
        }
        Ok(())
    }

    fn action(&mut self, category: u8, action: u8) {
        match category {
            0 => self.say(": Spectrum Management "),
            1 => self.say(": QoS "),
            2 => self.say(": DLS "),
            3 => self.say(": BA "),
            127 => self.say(": Vendor "),
            other => self.put(format_args!(": category {other} ")),
        }
        match (category, action) {
            (3, 0) => self.say("ADDBA Request"),
            (3, 1) => self.say("ADDBA Response"),
            (3, 2) => self.say("DELBA"),
            _ => self.put(format_args!("Act#{action}")),
        }
    }

    fn channel_of_network(&mut self, elements: &[u8], capabilities: u16) {
        if let Some(channel) = element(elements, 3).and_then(|e| e.first()) {
            self.put(format_args!(" CH: {channel}"));
        }
        if capabilities & PRIVACY != 0 {
            self.say(", PRIVACY");
        }
    }

    fn name_of_network(&mut self, elements: &[u8]) -> Printed {
        if !are_whole(elements) {
            return Err(Cut);
        }
        if let Some(name) = element(elements, 0) {
            self.say(" (");
            for byte in name {
                super::text::put_safely(&mut self.out, *byte);
            }
            self.say(")");
        }
        Ok(())
    }

    /// The name of the network and the rates, among the elements of a management frame.
    fn network(&mut self, elements: &[u8]) -> Printed {
        self.name_of_network(elements)?;
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

/// Where the addresses of a frame with data stand, in the order in which they are told.
fn named_addresses(control: u16) -> Vec<(&'static str, usize)> {
    match (control >> 8 & 1, control >> 9 & 1) {
        (0, 0) => vec![("DA", 4), ("SA", 10), ("BSSID", 16)],
        (0, _) => vec![("DA", 4), ("BSSID", 10), ("SA", 16)],
        (_, 0) => vec![("BSSID", 4), ("SA", 10), ("DA", 16)],
        _ => vec![("RA", 4), ("TA", 10), ("DA", 16), ("SA", 24)],
    }
}

/// What the contention-free period left in the subtypes of frames with data, of which that for quality of service is in use.
fn contention_free(out: &mut Vec<u8>, subtype: u16) {
    if subtype & 0xb == 0 {
        return;
    }
    out.extend_from_slice(match subtype & 3 {
        0 => b"CF ",
        1 => b"CF Ack",
        2 => b"CF Poll",
        _ => b"CF Ack/Poll",
    });
    out.extend_from_slice(if subtype & 8 != 0 { b"+QoS " } else { b" " });
}

pub(super) fn half(data: &[u8], at: usize) -> Result<u16, Cut> {
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

/// No element goes beyond the end.
fn are_whole(mut elements: &[u8]) -> bool {
    while let [_, length, rest @ ..] = elements {
        let Some(next) = rest.get(usize::from(*length)..) else {
            return false;
        };
        elements = next;
    }
    elements.is_empty()
}

/// How long the header of a frame is, from its frame control field; none when that is of no kind we know.
fn header_length(control: u16) -> Option<usize> {
    let (kind, subtype) = (control >> 2 & 3, control >> 4 & 0xf);
    Some(match kind {
        // with a field for high throughput
        0 if control & 0x8000 != 0 => 28,
        0 => 24,
        1 => match subtype {
            7 => 24,
            8 => 20,
            10 | 11 | 14 | 15 => 16,
            9 | 12 | 13 => 10,
            _ => return None,
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
        _ => return None,
    })
}
