//! What went wrong in a connection, in words.

use super::{Direction, PATIENCE, Reset, Track, When, is_after};
use crate::{
    diagnose::{Cause, Finding, Proof},
    tcp::Side,
};

/// What is known of a connection beside its segments.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// The end that is `A`, in words.
    pub a: &'a str,
    /// The end that is `B`.
    pub b: &'a str,
    /// Who is the client, where its SYN is missing and something else says so.
    pub client: Option<Side>,
    /// The name that the ClientHello asks for.
    pub name: Option<&'a str>,
    /// Every message was said to its end.
    pub whole: bool,
    /// A side has ended TLS in order, which is to TLS what a FIN is to TCP.
    pub closed: bool,
    /// The capture goes on until then: nanoseconds since the epoch.
    pub end: i64,
}

impl Known<'_> {
    fn end_of(&self, side: Side) -> &str {
        match side {
            Side::A => self.a,
            Side::B => self.b,
        }
    }
}

/// The two ends, and which of them is the client.
struct Ends<'a> {
    known: &'a Known<'a>,
    client: Option<Side>,
}

impl Ends<'_> {
    /// An end with what it is.
    fn who(&self, side: Side) -> String {
        let end = self.known.end_of(side);
        match self.client {
            Some(client) if client == side => format!("{end} (the client)"),
            Some(_) => format!("{end} (the server)"),
            None => format!(
                "{end} (client or server: the capture does not show who opened the connection)"
            ),
        }
    }

    fn about(&self) -> String {
        let (a, b) = (self.known.a, self.known.b);
        match self.client {
            Some(Side::A) => format!("{a} > {b}"),
            Some(Side::B) => format!("{b} > {a}"),
            None => format!("{a} <-> {b}"),
        }
    }
}

impl Track {
    /// What went wrong.
    pub fn findings(&self, known: &Known<'_>) -> Vec<Finding> {
        let client = self.syn.map(|(by, _)| by).or(known.client);
        let ends = Ends { known, client };
        let mut found = Vec::new();
        if let Some(reset) = &self.reset {
            found.extend(self.told(reset, &ends));
        }
        if let Some((client, since)) = self.syn {
            let server = known.end_of(client.other());
            let waited = self.syns.count() > 1 || known.end.saturating_sub(since) >= PATIENCE;
            if !self.answered && self.reset.is_none() && waited {
                let text = match self.syns.count() {
                    1 => format!("{server} did not answer the SYN."),
                    count => format!("{server} did not answer {count} SYNs."),
                };
                found.push(Finding::new(
                    Cause::NoAnswer,
                    String::new(),
                    text,
                    &self.syns,
                ));
            } else if self.is_unheard() {
                let (client, count) = (known.end_of(client), self.answers.count());
                let text = format!(
                    "{server} answered the SYN {count} times, and {client} never acknowledged that."
                );
                let proof = Proof::of(self.syns.named().chain(self.answers.named()));
                found.push(Finding::new(Cause::AnswerLost, String::new(), text, &proof));
            }
        }
        for side in [Side::A, Side::B] {
            self.way(side, known, &mut found);
        }
        for finding in &mut found {
            finding.about = ends.about();
        }
        found
    }

    /// What went wrong on the way from a side, and at its receiver.
    fn way(&self, side: Side, known: &Known<'_>, found: &mut Vec<Finding>) {
        let (direction, name) = (&self.sides[side as usize], known.end_of(side));
        let opposite: &Direction = &self.sides[side.other() as usize];
        // what passed before the capture began is not known, and who has no room takes no packets of any size
        let is_seen = self.syn.is_some() && !opposite.is_closed();
        if let Some(stuck) = direction.sizes.stuck().filter(|_| is_seen) {
            let (length, count) = (stuck.length, stuck.packets.count());
            let text = match stuck.overcome {
                true => format!(
                    "A segment of {length} bytes from {name} was sent {count} times in vain, and arrived in smaller pieces; no \
                     ICMP error said why."
                ),
                false => format!(
                    "A segment of {length} bytes from {name} was sent {count} times and never arrived, while smaller packets \
                     did; no ICMP error said why."
                ),
            };
            let mut finding = Finding::new(Cause::BlackHole, String::new(), text, &stuck.packets);
            finding.overcome = stuck.overcome;
            found.push(finding);
        } else if let Some(packet) = self.swallowed(side) {
            let named = known.name.map(|name| format!(" for {name}"));
            let (named, server) = (named.unwrap_or_default(), known.end_of(side.other()));
            let text = format!(
                "{server} answered nothing to the ClientHello{named}: {} segments were sent again in vain.",
                direction.again.count()
            );
            let proof = Proof::of(direction.again.named().chain([packet]));
            let mut finding = Finding::new(Cause::NoAnswer, String::new(), text, &proof);
            finding.count = direction.again.count() + 1;
            finding.means = SWALLOWED;
            found.push(finding);
        } else if direction.is_lossy() {
            let (again, all) = (direction.again.count(), direction.segments);
            let heard = match opposite.duplicates {
                0 => String::new(),
                1 => ", and 1 duplicate acknowledgement came back".to_owned(),
                count => format!(", and {count} duplicate acknowledgements came back"),
            };
            let text = format!("{again} of {all} segments from {name} were sent again{heard}.");
            found.push(Finding::new(
                Cause::Loss,
                String::new(),
                text,
                &direction.again,
            ));
        }
        let lasted = self.last.saturating_sub(self.first);
        if let Some((how, proof)) = direction.full(self.last, lasted) {
            let text = format!("{name} said that it has no room for more (window 0): {how}.");
            found.push(Finding::new(Cause::ZeroWindow, String::new(), text, proof));
        }
    }

    /// A ClientHello that was sent again and again, and never acknowledged: its first packet. The connection stood before.
    fn swallowed(&self, side: Side) -> Option<u64> {
        let (packet, from) = self.sides[side as usize].hello?;
        let heard = self.sides[side.other() as usize].heard;
        let arrived = heard.is_none_or(|heard| is_after(heard, from));
        let again = self.sides[side as usize].again.count();
        (!arrived && again > 1 && self.reset.is_none()).then_some(packet)
    }

    /// What a reset says.
    fn told(&self, reset: &Reset, ends: &Ends<'_>) -> Option<Finding> {
        let who = ends.who(reset.by);
        let (by, other) = (
            ends.known.end_of(reset.by),
            ends.known.end_of(reset.by.other()),
        );
        let is_client = ends.client == Some(reset.by);
        let proof = |others: &[u64]| Proof::of(others.iter().copied().chain(reset.packets.named()));
        let syns: Vec<_> = self.syns.named().collect();
        let only = || reset.packets.clone();
        let mut overcome = false;
        let (cause, mut text, proof, means) = match reset.when {
            When::Ended => return None,
            When::Middle | When::Idle(_) if ends.known.closed => return None,
            When::Refusal => {
                let text = format!("{by} answered the SYN with a RST.");
                (Cause::Refused, text, only(), None)
            }
            When::Unanswered => {
                let text = format!("{by} gave up with a RST before {other} had answered.");
                (Cause::NoAnswer, text, proof(&syns), Some(GAVE_UP))
            }
            When::Stale => {
                let text = format!(
                    "{other} answered the SYN as a part of another, older connection, which {by} then reset."
                );
                (
                    Cause::Reset,
                    text,
                    proof(self.stale.as_slice()),
                    Some(STALE),
                )
            }
            When::Opened => {
                let text =
                    format!("{who} reset the connection as soon as it stood: nothing was said.");
                (Cause::Reset, text, only(), Some(PROBE))
            }
            When::Idle(silence) => {
                let seconds = silence / 1_000_000_000;
                let text = format!("{who} reset the connection after {seconds} s of silence.");
                (Cause::IdleReset, text, only(), None)
            }
            When::Hello(hello) => {
                let named = ends.known.name.map(|name| format!(" for {name}"));
                let named = named.unwrap_or_default();
                let text =
                    format!("{who} reset the connection right after the ClientHello{named}.");
                (Cause::Reset, text, proof(&[hello]), Some(HELLO))
            }
            When::Middle if ends.known.whole => {
                overcome = true;
                let text = format!(
                    "{who} reset the connection when every message had been said to its end."
                );
                let means = if is_client {
                    WHOLE_CLIENT
                } else {
                    WHOLE_SERVER
                };
                (Cause::Reset, text, only(), Some(means))
            }
            When::Middle => {
                let text = format!("{who} reset the connection in the middle.");
                (Cause::Reset, text, only(), None)
            }
        };
        if let Some((ttl, usual)) = reset.ttl.filter(|(ttl, usual)| ttl != usual) {
            text.push_str(&format!(
                " Its TTL is {ttl}, that of all before it from there {usual}: something on the way may have sent it."
            ));
        }
        let mut finding = Finding::new(cause, String::new(), text, &proof);
        finding.means = means.unwrap_or(finding.means);
        finding.overcome = overcome;
        Some(finding)
    }
}

const GAVE_UP: &str = "The client waits for too short a time, was ended, or only looked whether somebody answers (a port scan). Look at its \
    limit of time, and whether the SYN arrives at the server.";
const STALE: &str = "The server still has a connection of the same addresses and ports, of which the client knows nothing any more: the \
    client was started anew, or a NAT gave the port to somebody else. The next SYN is answered. Look how soon the NAT gives ports away \
    again, and whether the client ends its connections when it ends.";
const PROBE: &str = "A port scan, or a load balancer that looks whether the server is there, does so on purpose. Else the client's program \
    ended or gave up: look into its log at that moment.";
const HELLO: &str = "A filter on the way that reads the name (SNI) and does not let it pass looks so; or the server speaks no TLS on that \
    port, or does not want that name. Look whether another name, or the same over another network, is answered, and into the server's log: \
    when it never saw the ClientHello, something on the way sent the RST.";
const SWALLOWED: &str = "A filter on the way that reads the name (SNI) lets the connection stand and drops what has the name, looks so; or the \
    server has died just now. Look whether another name, or the same over another network, is answered, and whether the ClientHello arrives \
    at the server.";
const WHOLE_CLIENT: &str = "Usually harmless: nothing was lost. Programs that only look whether a server is well, or that save ports, end \
    their connections so (SO_LINGER 0), and so does one that has not read all that came.";
const WHOLE_SERVER: &str = "Usually harmless: nothing was lost. But a request that is sent at that moment is, and its client has to send it \
    again. Look whether the server's time for connections without requests is shorter than the client's.";
