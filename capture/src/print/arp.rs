//! ARP (RFC 826) and its relatives.

use super::{Job, Printed, bytes_at, link::ethertype, u8_at, u16_at};
use std::net::Ipv4Addr;

const IPV4: u16 = 0x0800;
/// Trailer encapsulation (RFC 893).
const TRAILER: u16 = 0x1000;

impl Job<'_> {
    pub(super) fn arp(&mut self, data: &[u8], length: usize) -> Printed {
        self.protocol = "arp";
        let (hardware, protocol) = (u16_at(data, 0)?, u16_at(data, 2)?);
        let (h, p) = (usize::from(u8_at(data, 4)?), usize::from(u8_at(data, 5)?));
        let operation = u16_at(data, 6)?;
        let sender = bytes_at(data, 8, h)?;
        let sender_ip = bytes_at(data, 8 + h, p)?;
        let target = bytes_at(data, 8 + h + p, h)?;
        let target_ip = bytes_at(data, 8 + h + p + h, p)?;
        if !self.options.link {
            self.say("ARP, ");
        }
        let usual = matches!(protocol, IPV4 | TRAILER);
        if !usual || p != 4 || h == 0 || self.verbose() {
            match hardware_name(hardware) {
                Some(name) => self.say(name),
                None => self.put(format_args!("Unknown Hardware ({hardware})")),
            }
            self.put(format_args!(" (len {h}), "));
            match ethertype(protocol) {
                Some(name) => self.say(name),
                None => self.put(format_args!("Unknown Protocol (0x{protocol:04x})")),
            }
            self.put(format_args!(" (len {p})"));
            if !self.verbose() {
                self.put(format_args!(", length {length}"));
                return Ok(());
            }
            self.say(", ");
        }
        match operation {
            1 => self.say("Request "),
            2 => self.say("Reply "),
            3 => self.say("Reverse Request "),
            4 => self.say("Reverse Reply "),
            8 => self.say("Inverse Request "),
            9 => self.say("Inverse Reply "),
            10 => self.say("NACK Reply "),
            other => self.put(format_args!("Unknown ({other}) ")),
        }
        let address = |bytes: &[u8]| match <[u8; 4]>::try_from(bytes) {
            _ if !usual => "<wrong proto type>".to_owned(),
            Ok(four) => Ipv4Addr::from(four).to_string(),
            Err(_) => "<wrong len>".to_owned(),
        };
        let (sender, target) = (self.mac(sender), self.mac(target));
        match operation {
            1 => {
                self.put(format_args!("who-has {}", address(target_ip)));
                if target.address.iter().any(|b| *b != 0) {
                    self.put(format_args!(" ({})", target));
                }
                self.put(format_args!(" tell {}", address(sender_ip)));
            }
            2 => self.put(format_args!("{} is-at {}", address(sender_ip), sender)),
            3 | 8 => self.put(format_args!("who-is {} tell {}", target, sender)),
            4 => self.put(format_args!("{} at {}", target, address(target_ip))),
            9 => self.put(format_args!("{} at {}", sender, address(sender_ip))),
            _ => {
                self.unknown(data);
                return Ok(());
            }
        }
        self.put(format_args!(", length {length}"));
        Ok(())
    }
}

fn hardware_name(number: u16) -> Option<&'static str> {
    Some(match number {
        1 => "Ethernet",
        6 => "TokenRing",
        7 => "ArcNet",
        15 => "FrameRelay",
        19 => "ATM",
        23 => "Strip",
        24 => "IEEE 1394",
        32 => "InfiniBand",
        _ => return None,
    })
}
