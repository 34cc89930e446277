//! UDP (RFC 768).

use super::{
    Cut, Job, Printed, after, array_at, bytes_at,
    checksum::{self, Addresses},
    first,
    ip::{Datagram, UDP},
    u16_at,
};

impl Job<'_> {
    pub(super) fn udp(&mut self, data: &[u8], length: usize, datagram: &Datagram) -> Printed {
        self.protocol = "udp";
        let (source, destination) = (&datagram.source, &datagram.destination);
        let Ok(ports) = array_at::<4>(data, 0) else {
            if datagram.direct {
                self.put(format_args!("{source} > {destination}: "));
            }
            return Err(Cut);
        };
        let (sport, dport) = (u16_at(&ports, 0)?, u16_at(&ports, 2)?);
        let names = self.names;
        let tell = |port: u16| {
            if self.options.numbers {
                port.to_string()
            } else {
                names.udp(port).to_string()
            }
        };
        let (from, to) = (tell(sport), tell(dport));
        if datagram.direct {
            self.put(format_args!("{source}.{from} > {destination}.{to}: "));
        } else {
            self.put(format_args!("{from} > {to}: "));
        }
        if length < 8 {
            self.put(format_args!("truncated-udp {length}"));
            return Ok(());
        }
        let said = u16_at(data, 4)?;
        let mut said = usize::from(said);
        // a jumbogram
        if said == 0 && length > 65_535 {
            said = length;
        }
        if said < 8 {
            self.put(format_args!("truncated-udplength {said}"));
            return Ok(());
        }
        let said = said - 8;
        let inside = (length - 8).min(said);
        let found = u16_at(data, 6)?;
        let body = first(after(data, 8), inside);
        // tcpdump looks closer at IPv6, where a checksum is mandatory
        let closer = match datagram.addresses {
            Addresses::Four(..) => self.options.verbose > 1,
            Addresses::Six(..) => self.options.verbose > 0 && datagram.verifiable,
        };
        if closer && !self.options.unchecked && !datagram.fragmented {
            let six = matches!(datagram.addresses, Addresses::Six(..));
            if found == 0 && !six {
                self.say("[no cksum] ");
            } else if let Ok(covered) = bytes_at(data, 0, inside + 8) {
                let sum = datagram.addresses.sum(UDP, covered);
                if sum == 0 {
                    self.say("[udp sum ok] ");
                } else {
                    let right = checksum::expected(found, sum);
                    self.put(format_args!(
                        "[bad udp cksum 0x{found:04x} -> 0x{right:04x}!] "
                    ));
                }
            }
        }
        if !self.options.quiet {
            let is = |port: u16| sport == port || dport == port;
            if is(53) {
                return self.dns(body, inside, false);
            } else if is(5353) {
                return self.dns(body, inside, true);
            } else if is(67) || is(68) {
                return self.dhcp(body, inside);
            } else if is(123) {
                return self.ntp(body, inside);
            } else if is(4789) {
                return self.vxlan(body, inside);
            }
        }
        if said > inside && !datagram.fragmented {
            self.put(format_args!("UDP, bad length {said} > {inside}"));
        } else {
            self.put(format_args!("UDP, length {said}"));
        }
        Ok(())
    }
}
