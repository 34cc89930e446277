//! Expressions of pcap-filter(7) on packets that come from a file, where every packet may have another link type.
//!
//! A [`Row`] of an overview may stand in the place of an expression, and beside others: `(conversation tcp 10.0.0.1:40000
//! 10.0.0.2:443) and (greater 1000)`.

use crate::{
    ip,
    libpcap::{Error, Handle, Program},
    link,
    live::{SNAPLEN, datalink},
    overview::Row,
    packet::{LinkType, Packet},
};

/// What chooses packets; an expression is compiled for each link type that comes along.
///
/// An expression can be right and have no meaning for some link type (`vlan` for raw IP): packets of such a one do not match, and
/// [`Filter::end`] tells of them. Only what means nothing at all is a mistake.
pub struct Filter {
    expressions: Vec<Expression>,
    rows: Vec<Row>,
}

struct Expression {
    text: String,
    optimize: bool,
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

/// Parentheses in others in which rows are looked for.
const DEEPEST: usize = 32;

impl Filter {
    /// Reads an expression; an empty one lets everything through and needs no libpcap, and neither does a row.
    ///
    /// # Errors
    /// It has a row that cannot be read.
    pub fn new(text: &str, optimize: bool) -> Result<Self, Error> {
        let mut filter = Self {
            expressions: Vec::new(),
            rows: Vec::new(),
        };
        let mut all = Vec::new();
        parts(text.trim(), DEEPEST, &mut all);
        for part in all {
            if Row::begins(part) {
                let row = part.parse::<Row>().map_err(|wrong| Error::Expression {
                    expression: part.to_owned(),
                    text: wrong.to_string(),
                })?;
                filter.rows.push(row);
            } else if !part.is_empty() {
                filter.expressions.push(Expression {
                    text: part.to_owned(),
                    optimize,
                    programs: Vec::new(),
                });
            }
        }
        Ok(filter)
    }

    /// Compiles what needs it for a link type, so that a mistake is told before packets are.
    ///
    /// # Errors
    /// An expression is wrong for that link type, or libpcap is not there.
    pub fn prepare(&self, link: LinkType) -> Result<(), Error> {
        self.expressions
            .iter()
            .try_for_each(|one| one.compile(link).map(|_| ()))
    }

    /// Whether a packet matches.
    ///
    /// # Errors
    /// The expression is wrong whatever the link type, or libpcap is not there.
    pub fn matches(&mut self, packet: &Packet<'_>) -> Result<bool, Error> {
        let mut matches = true;
        // all of them, so that each of their mistakes is told
        for expression in &mut self.expressions {
            matches &= expression.matches(packet)?;
        }
        if !self.rows.is_empty() {
            let layers = link::decode(packet.link, packet.data);
            let ip = ip::decode(&layers).ok();
            let has = |row: &Row| row.matches(&layers, ip.as_ref());
            matches &= self.rows.iter().all(has);
        }
        Ok(matches)
    }

    /// Ends: tells for which link types the expression had no meaning.
    ///
    /// # Errors
    /// It had none for any that came along.
    pub fn end(self) -> Result<Vec<Meaningless>, Error> {
        let mut without = Vec::new();
        for expression in self.expressions {
            without.append(&mut expression.end()?);
        }
        Ok(without)
    }
}

impl Expression {
    fn matches(&mut self, packet: &Packet<'_>) -> Result<bool, Error> {
        // not every libpcap looks behind Apple's header
        let inside = link::inside_pktap(packet.link, packet.data);
        let (link, data) = inside.unwrap_or((packet.link, packet.data));
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

    fn end(self) -> Result<Vec<Meaningless>, Error> {
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
        handle.compile(&self.text, self.optimize)
    }
}

/// Takes `(A) and (B)` apart where a row is among them; all else is one expression, which libpcap understands as a whole.
fn parts<'a>(text: &'a str, depth: usize, found: &mut Vec<&'a str>) {
    let before = found.len();
    let mut rest = text;
    while let Some((inside, after)) = group(rest) {
        if depth > 0 {
            parts(inside.trim(), depth - 1, found);
        } else {
            found.push(inside.trim());
        }
        let after = after.trim_start();
        let and = after
            .strip_prefix("and")
            .filter(|next| next.starts_with([' ', '(']))
            .or_else(|| after.strip_prefix("&&"));
        match and {
            Some(next) => rest = next.trim_start(),
            None => {
                rest = after;
                break;
            }
        }
    }
    if Row::begins(rest) {
        found.push(std::mem::take(&mut rest));
    }
    let has_row = found.iter().skip(before).any(|part| Row::begins(part));
    if has_row && rest.is_empty() {
        return;
    }
    found.truncate(before);
    found.push(text);
}

/// What stands in the parentheses with which a text begins, and what follows them.
fn group(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('(')?;
    let mut open = 1_usize;
    for (at, letter) in inside.char_indices() {
        match letter {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((inside.get(..at)?, inside.get(at + 1..)?));
        }
    }
    None
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

    fn taken_apart(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        parts(text.trim(), DEEPEST, &mut found);
        found
    }

    #[test]
    fn rows_stand_beside_expressions() {
        let row = "conversation tcp 10.0.0.1:1 10.0.0.2:2";
        assert_eq!(taken_apart(row), [row]);
        assert_eq!(taken_apart(&format!("({row})")), [row]);
        let joined = format!("((arp or vlan) and ( {row} )) and (endpoint 10.0.0.1)&&(greater 9)");
        assert_eq!(
            taken_apart(&joined),
            ["arp or vlan", row, "endpoint 10.0.0.1", "greater 9"]
        );
        // one expression, in which `vlan` changes what follows
        for whole in [
            "",
            "(vlan) and (port 53)",
            "(port 53) or (port 54)",
            "(tcp[0] = (1 + 2)) and",
            "((arp)",
        ] {
            assert_eq!(taken_apart(whole), [whole]);
        }
        for mistaken in [
            format!("({row}) or (arp)"),
            format!("({row}) and arp"),
            format!("({row}) android"),
        ] {
            assert_eq!(taken_apart(&mistaken), [mistaken.as_str()]);
        }
        let deep = format!("{}{row}{}", "(".repeat(10_000), ")".repeat(10_000));
        assert_eq!(taken_apart(&deep), [deep.as_str()]);
        let wrong = Filter::new("conversation tcp a b", true).err().unwrap();
        assert!(wrong.to_string().contains("a is no address"), "{wrong}");
        let empty = Filter::new(" ( ) ", true).unwrap();
        assert_eq!(empty.expressions.len(), 1);
    }

    #[test]
    fn a_row_finds_what_an_expression_does_not() {
        let mut ip = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1];
        ip.extend([10, 0, 0, 2, 0x30, 0x39, 0, 53, 0, 8, 0, 0]);
        let frame = |header: &[u8]| [&[2; 12], header, ip.as_slice()].concat();
        let plain = frame(&[8, 0]);
        let tagged = frame(&[0x81, 0, 0, 7, 8, 0]);
        let session = frame(&[0x88, 0x64, 0x11, 0, 0, 1, 0, 30, 0, 0x21]);
        let labels = frame(&[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]);
        let mut row = Filter::new("conversation udp 10.0.0.2:53 10.0.0.1:12345", true).unwrap();
        let mut other = Filter::new("conversation udp 10.0.0.2:53 10.0.0.1:12346", true).unwrap();
        let mut endpoint = Filter::new("endpoint 10.0.0.1", true).unwrap();
        let mut path = Filter::new("protocol eth/mpls/ip", true).unwrap();
        for data in [&plain, &tagged, &session, &labels] {
            let packet = packet(LinkType::ETHERNET, data);
            assert!(row.matches(&packet).unwrap() && endpoint.matches(&packet).unwrap());
            assert!(!other.matches(&packet).unwrap());
            assert_eq!(path.matches(&packet).unwrap(), *data == labels);
        }
        let both = "(conversation udp 10.0.0.1:12345 10.0.0.2:53) and (ether proto 0x8864)";
        let mut both = Filter::new(both, true).unwrap();
        let all = [&plain, &tagged, &session, &labels];
        let found = all.map(|data| both.matches(&packet(LinkType::ETHERNET, data)).unwrap());
        assert_eq!(found, [false, false, true, false]);
        assert_eq!(both.end().unwrap(), []);
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
