//! Expressions of pcap-filter(7) on packets that come from a file, where every packet may have another link type.

use crate::{
    libpcap::{Error, Handle, Program},
    link,
    live::{SNAPLEN, datalink},
    packet::{LinkType, Packet},
};

/// An expression, compiled for each link type that comes along.
///
/// An expression can be right and have no meaning for some link type (`vlan` for raw IP): packets of such a one do not match, and
/// [`Filter::end`] tells of them. Only what means nothing at all is a mistake.
pub struct Filter {
    expression: String,
    optimize: bool,
    all: bool,
    programs: Vec<Compiled>,
}

struct Compiled {
    link: LinkType,
    /// Or why there is none for this link type.
    program: Result<Program, Error>,
    /// Packets that came along.
    packets: u64,
}

/// A link type for which an expression has no meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaningless {
    /// The link type.
    pub link: LinkType,
    /// How many packets of it there were.
    pub packets: u64,
    /// Why it has none.
    pub reason: String,
}

/// Every expression that can be right has a meaning for one of these.
const USUAL: [LinkType; 3] = [LinkType::ETHERNET, LinkType::LINUX_SLL2, LinkType::RADIOTAP];

impl Filter {
    /// Reads an expression; an empty one lets everything through and needs no libpcap.
    pub fn new(expression: &str, optimize: bool) -> Result<Self, Error> {
        Ok(Self {
            expression: expression.to_owned(),
            optimize,
            all: expression.trim().is_empty(),
            programs: Vec::new(),
        })
    }

    /// Compiles the expression for a link type, so that a mistake is told before packets are.
    pub fn prepare(&self, link: LinkType) -> Result<(), Error> {
        match self.all {
            true => Ok(()),
            false => self.compile(link).map(|_| ()),
        }
    }

    /// Whether a packet matches.
    ///
    /// # Errors
    /// The expression is wrong whatever the link type, or libpcap is not there.
    pub fn matches(&mut self, packet: &Packet<'_>) -> Result<bool, Error> {
        if self.all {
            return Ok(true);
        }
        // where libpcap cannot look behind Apple's header, we can
        let (link, data) = match link::inside_pktap(packet.link, packet.data) {
            Some(inside) if !cfg!(target_os = "macos") => inside,
            _ => (packet.link, packet.data),
        };
        let header = u32::try_from(packet.data.len() - data.len()).unwrap_or(u32::MAX);
        let length = packet.original_length.saturating_sub(header);
        let known = self.programs.iter().position(|one| one.link == link);
        let place = match known {
            Some(place) => place,
            None => {
                let program = self.compile(link);
                // a mistake, or only a question that this link type does not answer?
                if program.is_err() && !USUAL.iter().any(|usual| self.compile(*usual).is_ok()) {
                    return program.map(|_| false);
                }
                self.programs.push(Compiled {
                    link,
                    program,
                    packets: 0,
                });
                self.programs.len() - 1
            }
        };
        let Some(compiled) = self.programs.get_mut(place) else {
            return Ok(false);
        };
        compiled.packets += 1;
        let program = compiled.program.as_ref();
        Ok(program.is_ok_and(|program| program.matches(data, length)))
    }

    /// Ends: tells for which link types the expression had no meaning.
    ///
    /// # Errors
    /// It had none for any that came along.
    pub fn end(self) -> Result<Vec<Meaningless>, Error> {
        let some = self.programs.iter().any(|one| one.program.is_ok());
        let mut without = Vec::new();
        for one in self.programs {
            match one.program {
                Ok(_) => {}
                Err(error) if !some => return Err(error),
                Err(error) => without.push(Meaningless {
                    link: one.link,
                    packets: one.packets,
                    reason: match error {
                        Error::Expression { text, .. } => text,
                        other => other.to_string(),
                    },
                }),
            }
        }
        Ok(without)
    }

    fn compile(&self, link: LinkType) -> Result<Program, Error> {
        let mut handle = Handle::dead(datalink(link), SNAPLEN)?;
        handle.compile(&self.expression, self.optimize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(link: LinkType, data: &[u8]) -> Packet<'_> {
        Packet {
            number: 1,
            time: 0,
            link,
            interface: 0,
            original_length: data.len() as u32,
            offset: 0,
            data,
        }
    }

    #[test]
    fn a_link_type_without_the_thing_does_not_match() {
        let mut tagged = vec![0; 12];
        tagged.extend([0x81, 0, 0, 7, 8, 0]);
        tagged.resize(60, 0);
        let raw = [0x45; 40];
        let mut filter = Filter::new("vlan 7", true).unwrap();
        assert!(!filter.matches(&packet(LinkType::RAW, &raw)).unwrap());
        assert!(
            filter
                .matches(&packet(LinkType::ETHERNET, &tagged))
                .unwrap()
        );
        assert!(!filter.matches(&packet(LinkType::RAW, &raw)).unwrap());
        let without = filter.end().unwrap();
        assert_eq!(without.len(), 1);
        assert_eq!((without[0].link, without[0].packets), (LinkType::RAW, 2));
        assert!(without[0].reason.contains("VLAN"), "{}", without[0].reason);
        // for nothing that came along
        let mut filter = Filter::new("vlan 7", true).unwrap();
        assert!(!filter.matches(&packet(LinkType::RAW, &raw)).unwrap());
        assert!(matches!(filter.end(), Err(Error::Expression { .. })));
        // a mistake is told at once
        let mut filter = Filter::new("port port", true).unwrap();
        assert!(filter.matches(&packet(LinkType::RAW, &raw)).is_err());
    }

    #[test]
    fn what_is_behind_apples_header_is_looked_at() {
        let mut ip = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1];
        ip.extend([10, 0, 0, 2, 0x30, 0x39, 0, 53, 0, 8, 0, 0]);
        let mut packets = Vec::new();
        for link in [LinkType::RAW.0, 0] {
            let mut pktap = vec![108, 0, 0, 0, 1, 0, 0, 0];
            pktap.extend(link.to_le_bytes());
            pktap.resize(108, 0);
            pktap.extend(&ip);
            packets.push(pktap);
        }
        let mut filter = Filter::new("udp port 53 and less 28", true).unwrap();
        for data in &packets {
            for link in [LinkType::PKTAP, LinkType::USER2] {
                assert!(filter.matches(&packet(link, data)).unwrap());
            }
        }
        let mut other = Filter::new("port 54", true).unwrap();
        assert!(
            !other
                .matches(&packet(LinkType::PKTAP, &packets[0]))
                .unwrap()
        );
    }

    #[test]
    fn each_link_type_has_its_own_program() {
        let mut ip = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1];
        ip.extend([10, 0, 0, 2, 0x30, 0x39, 0, 53, 0, 8, 0, 0]);
        let mut ethernet = vec![0; 12];
        ethernet.extend([8, 0]);
        ethernet.extend(&ip);
        let mut filter = Filter::new("udp and dst port 53", true).unwrap();
        for _ in 0..2 {
            assert!(filter.matches(&packet(LinkType::RAW, &ip)).unwrap());
            let cooked = packet(LinkType::ETHERNET, &ethernet);
            assert!(filter.matches(&cooked).unwrap());
        }
        let wrong = packet(LinkType::ETHERNET, &ip);
        assert!(!filter.matches(&wrong).unwrap());
        let mut all = Filter::new(" ", true).unwrap();
        assert!(all.matches(&wrong).unwrap());
        assert!(
            Filter::new("port port", true)
                .unwrap()
                .prepare(LinkType::RAW)
                .is_err()
        );
    }
}
