//! Expressions of pcap-filter(7) on packets that come from a file, where every packet may have another link type.

use crate::{
    libpcap::{Error, Handle, Program},
    live::{SNAPLEN, datalink},
    packet::{LinkType, Packet},
};

/// An expression, compiled for each link type that comes along.
pub struct Filter {
    expression: String,
    optimize: bool,
    all: bool,
    programs: Vec<(LinkType, Program)>,
}

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
    pub fn prepare(&mut self, link: LinkType) -> Result<(), Error> {
        self.program(link).map(|_| ())
    }

    /// Whether a packet matches.
    pub fn matches(&mut self, packet: &Packet<'_>) -> Result<bool, Error> {
        if self.all {
            return Ok(true);
        }
        let program = self.program(packet.link)?;
        Ok(program.is_none_or(|program| program.matches(packet.data, packet.original_length)))
    }

    fn program(&mut self, link: LinkType) -> Result<Option<&Program>, Error> {
        if self.all {
            return Ok(None);
        }
        let place = match self.programs.iter().position(|(known, _)| *known == link) {
            Some(place) => place,
            None => {
                let mut handle = Handle::dead(datalink(link), SNAPLEN)?;
                let program = handle.compile(&self.expression, self.optimize)?;
                self.programs.push((link, program));
                self.programs.len() - 1
            }
        };
        Ok(self.programs.get(place).map(|(_, program)| program))
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
