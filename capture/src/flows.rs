//! Packets as flows: what the TCP streams, datagrams and ICMP errors of a capture say goes through
//! [`overhear_store::Recorder`], as the proxy's flows do, with the packets' times and the addresses of both ends.
//!
//! A flow's comment names its packets (`packets 3 to 17 of shop.pcapng`), its tags what slowed it down
//! (`retransmissions`, `zero-window`, `wifi-retries`), its error why it failed. Memory is bounded by what is open at once.

mod alerts;
mod closing;
mod conversation;
mod copies;
mod datagrams;
mod dns_stream;
mod exchanges;
mod recognize;
mod row;
mod secure;
mod sides;

use crate::{
    diagnose::{Cause, Finding, Known, Proof, Track, Wifi},
    http::Position,
    icmp::{IcmpError, Reason},
    ip::{self, Fragments, Ip, protocol},
    link,
    packet::{Packet, Spot},
    tcp::{self, Ending, Event, Place, Segment, Tcp, Wanted},
    tls::KeyLog,
};
use conversation::{Conversation, Ended};
use copies::Copies;
use datagrams::{Datagrams, undelivered};
use foldhash::{HashMap, HashMapExt as _};
use overhear_store::{
    App, Connection, ConnectionRecorder, Failure, FailureCause, PacketFileId, Party, Recorder,
    Side, Timestamp,
};
use row::Context;
use std::{
    collections::{BTreeSet, VecDeque},
    net::SocketAddr,
    sync::Arc,
};

/// So many findings are kept; of more only the number is told.
const MOST_FINDINGS: usize = 10_000;
/// So many ICMP errors about TCP connections are remembered until these end.
const MOST_UNDELIVERED: usize = 65_536;

/// Reads a capture, packet by packet.
pub struct Flows {
    tcp: Tcp,
    fragments: Fragments,
    copies: Copies,
    work: Work,
}

/// What is found.
struct Work {
    recorder: Option<Recorder>,
    file: Arc<str>,
    keys: KeyLog,
    others: Option<Arc<dyn Others>>,
    /// Connections of a capture that goes on, and when they began: whether they were answered is looked at later.
    opening: VecDeque<(Pair, i64)>,
    /// Connections that wait for their keys.
    awaiting: BTreeSet<u64>,
    /// Whose the packet is, where the system that captured it says so.
    app: Option<App>,
    /// The file that the packets are kept in; 0 is none.
    kept_in: i64,
    flows: u64,
    streams: HashMap<u64, Stream>,
    tracks: HashMap<Pair, Track>,
    datagrams: Datagrams,
    findings: Vec<Finding>,
    left_out: u64,
    /// ICMP errors about TCP connections that are open, by whether the packet was too big: the last of them.
    undelivered: HashMap<(Pair, bool), (IcmpError, Proof)>,
    now: Timestamp,
    wifi: Wifi,
}

/// Connections that somebody else records.
pub trait Others: Send + Sync {
    /// Whether a TCP connection between these two is one of them. It was opened at `opened`, and whether that succeeded is
    /// known. May wait a moment, when that is just being decided.
    fn has(&self, client: SocketAddr, server: SocketAddr, opened: Timestamp, stood: bool) -> bool;
}

/// What is over stays so long in a capture that goes on, until its flow ends: nanoseconds.
const LINGER: i64 = 1_000_000_000;
/// A SYN that was not answered for so long will hardly be: nanoseconds. By then it was sent three times, RFC 6298.
const UNANSWERED: i64 = 4_000_000_000;
/// So many connections are looked at again.
const MOST_OPENING: usize = 65_536;

/// Two ends, in the order of their numbers.
type Pair = (SocketAddr, SocketAddr);

fn pair(a: SocketAddr, b: SocketAddr) -> Pair {
    if a <= b { (a, b) } else { (b, a) }
}

/// When a connection was heard of last; which packet that was is not told, but where it lies.
fn moment(connection: &tcp::Connection) -> Position {
    Position {
        at: Timestamp(connection.last_time),
        packet: 0,
        span: connection.last_span,
    }
}

/// Which of the two is A is known by the connection only; a track tells them apart by their addresses.
fn side_of(from: SocketAddr, to: SocketAddr) -> tcp::Side {
    match from <= to {
        true => tcp::Side::A,
        false => tcp::Side::B,
    }
}

/// Two sorts of ICMP errors: smaller packets would arrive, or none does.
fn is_too_big(error: &IcmpError) -> bool {
    matches!(error.reason, Reason::TooBig(_))
}

/// A TCP connection.
struct Stream {
    recorder: Option<ConnectionRecorder>,
    conversation: Conversation,
    client: tcp::Side,
    /// That is so, and no guess.
    is_client_known: bool,
    reset: Option<tcp::Side>,
    /// That it stands is written.
    stands: bool,
}

impl Flows {
    /// Reads a capture called `file`. Flows go into `recorder`; without one, only findings are collected.
    pub fn new(recorder: Option<Recorder>, file: &str) -> Self {
        Self {
            tcp: Tcp::new(Wanted {
                streams: true,
                account: false,
            }),
            fragments: Fragments::default(),
            copies: Copies::default(),
            work: Work {
                recorder,
                file: file.into(),
                keys: KeyLog::default(),
                others: None,
                opening: VecDeque::new(),
                awaiting: BTreeSet::new(),
                app: None,
                kept_in: 0,
                flows: 0,
                streams: HashMap::new(),
                tracks: HashMap::new(),
                datagrams: Datagrams::default(),
                findings: Vec::new(),
                left_out: 0,
                undelivered: HashMap::new(),
                now: Timestamp(0),
                wifi: Wifi::default(),
            },
        }
    }

    /// Connections whose secrets are in this key log are decrypted; more may be added to it while packets are read.
    pub fn with_keys(mut self, keys: KeyLog) -> Self {
        self.work.keys = keys;
        self
    }

    /// Reads what is being captured: connections end soon after they are over, and those of `others` are left out.
    pub fn live(recorder: Recorder, name: &str, others: Arc<dyn Others>) -> Self {
        let mut flows = Self::new(Some(recorder), name);
        flows.tcp = flows.tcp.lingering(LINGER);
        flows.work.others = Some(others);
        flows
    }

    /// It is at least `now` (nanoseconds since the epoch), although no packet came: what was silent for too long ends.
    pub fn tick(&mut self, now: i64) {
        self.work.now = self.work.now.max(Timestamp(now));
        self.tcp.tick(now, &mut self.work);
        while let Some((a, b)) = self.work.next_opened(now) {
            if let Some(connection) = self.tcp.connection(a, b) {
                self.work.silent(connection, now);
            }
        }
        self.work.look(Timestamp(now));
        let mut findings = Vec::new();
        self.work.datagrams.expire(Timestamp(now), &mut findings);
        findings
            .into_iter()
            .for_each(|finding| self.work.found(finding));
    }

    /// Radio links (IEEE 802.11) that turned out bad since this was asked, for who reads what is being captured: frames
    /// that are encrypted belong to no flow that could say so.
    pub fn bad_links(&mut self) -> Vec<Finding> {
        self.work.wifi.news()
    }

    /// Whether what was read waits for keys that may still be added to the key log; then [`keys_came`](Self::keys_came)
    /// tells that they were.
    pub fn awaits_keys(&self) -> bool {
        !self.work.awaiting.is_empty()
    }

    /// Keys were added to the key log.
    pub fn keys_came(&mut self) {
        let now = self.work.now;
        self.work.look(now);
    }

    /// The packets that come now are kept in this file (or nowhere), so that each flow can say where its packets lie.
    pub fn kept_in(&mut self, file: Option<PacketFileId>) {
        self.work.kept_in = file.map_or(0, |file| file.0);
    }

    /// Takes the next packet.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        self.work.now = self.work.now.max(Timestamp(packet.time));
        let layers = link::decode(packet.link, packet.data);
        if let Some(wlan) = &layers.wlan {
            self.work.wifi.frame(packet.number, wlan);
        }
        let process = layers.process.filter(|process| !process.name.is_empty());
        self.work.app = process.map(|process| App {
            name: process.name.to_owned(),
            pid: u32::try_from(process.pid).unwrap_or_default(),
        });
        let Ok(ip) = ip::decode(&layers) else {
            return;
        };
        let spot = Spot {
            file: self.work.kept_in,
            offset: packet.offset,
            number: packet.number,
        };
        let place = Place {
            packet: packet.number,
            time: packet.time,
            span: spot.into(),
            vlan: layers.vlans.as_slice().first().map(|vlan| vlan.id()),
        };
        let is_copy = self.copies.is_copy(packet, &layers, &ip);
        if ip.fragment.is_none() {
            let retried = layers.wlan.map(|wlan| wlan.retry);
            return self.datagram(place, &ip, is_copy, retried);
        }
        if is_copy {
            return;
        }
        if let Some(whole) = self.fragments.add(&ip, packet.number, spot, packet.time) {
            let place = Place {
                span: whole.span,
                ..place
            };
            self.datagram(place, &whole.ip(), false, None);
        }
    }

    /// Takes a datagram; `retried` is whether the frame of IEEE 802.11 that it came in was sent again.
    fn datagram(&mut self, place: Place, ip: &Ip<'_>, is_copy: bool, retried: Option<bool>) {
        match ip.protocol {
            protocol::TCP => {
                let Some(segment) = tcp::decode(ip) else {
                    return;
                };
                self.tcp.segment(place, ip, &segment, &mut self.work);
                self.work.watch(place, ip, &segment, is_copy, retried);
            }
            protocol::UDP => {
                if !is_copy {
                    self.work.udp(place, ip);
                }
                if let Some(retried) = retried {
                    self.work.datagrams.frame(ip, retried);
                }
            }
            _ if is_copy => {}
            protocol::ICMP | protocol::ICMPV6 => self.work.icmp(place, ip),
            _ => {}
        }
    }

    /// The capture goes on until then, with packets that are not given: what has no answer has none.
    pub fn until(&mut self, end: Timestamp) {
        self.work.now = self.work.now.max(end);
    }

    /// The capture is at its end.
    pub fn finish(&mut self) {
        self.tcp.finish(&mut self.work);
        self.work.finish();
    }

    /// How many flows were found so far.
    pub fn flows(&self) -> u64 {
        self.work.flows
    }

    /// What went wrong, in the order of the packets that prove it; and how many findings more were not kept.
    pub fn findings(self) -> (Vec<Finding>, u64) {
        let mut findings = self.work.findings;
        findings.sort_by_key(|finding| finding.packets.first().copied());
        (findings, self.work.left_out)
    }
}

impl tcp::Sink for Work {
    fn event(&mut self, connection: &tcp::Connection, event: Event<'_>) {
        match event {
            Event::Opened => {
                let pair = (connection.a, connection.b);
                if self.others.is_some() && self.opening.len() < MOST_OPENING {
                    self.opening.push_back((pair, connection.first_time));
                }
            }
            Event::Late(_) => {}
            Event::Data(data) => {
                let at = Position {
                    at: Timestamp(data.time),
                    packet: data.packet,
                    span: data.span,
                };
                let stream = self.stream(connection, Some((data.side, data.bytes)));
                let side = stream.side(data.side);
                stream.conversation.push(side, at, data.bytes);
                stream.tell();
                if stream.conversation.awaits_keys() {
                    self.awaiting.insert(connection.number);
                }
            }
            Event::Gap { side, length, .. } => {
                let at = moment(connection);
                let stream = self.stream(connection, None);
                let side = stream.side(side);
                stream.conversation.gap(side, at, length);
            }
            Event::Finished { side, .. } => {
                let at = moment(connection);
                let stream = self.stream(connection, None);
                let side = stream.side(side);
                stream.conversation.close(side, at);
            }
            Event::Reset { by } => self.stream(connection, None).reset = Some(by),
            Event::Closed(ending) => self.closed(connection, ending),
        }
    }
}

impl Work {
    /// The stream of a connection; it begins with the first thing that happens.
    fn stream(
        &mut self,
        connection: &tcp::Connection,
        data: Option<(tcp::Side, &[u8])>,
    ) -> &mut Stream {
        let track = self.tracks.get(&pair(connection.a, connection.b));
        let marks: Vec<_> = track.into_iter().flat_map(Track::marks).collect();
        let established = track.and_then(Track::established);
        let (recorder, file, flows) = (&self.recorder, &self.file, &mut self.flows);
        let (keys, app) = (&self.keys, &self.app);
        let others = self.others.as_deref();
        let live = others.is_some();
        let stream = self.streams.entry(connection.number).or_insert_with(|| {
            let (client, is_client_known) = sides::client(connection, data);
            let (from, to) = (connection.end(client), connection.end(client.other()));
            let first = Timestamp(connection.first_time);
            let opened = connection.opened_by.is_some();
            let stood = established.is_some() || data.is_some();
            let known = others.is_some_and(|others| others.has(from, to, first, stood));
            let recorder = recorder.as_ref().filter(|_| !known).map(|recorder| {
                let mut begun = Connection::accepted(from, to);
                begun.host = to.ip().to_string();
                begun.port = to.port();
                begun.server = Some(to);
                begun.upstream_local = Some(from);
                begun.app.clone_from(app);
                begun.accepted = first;
                begun.connect_start = opened.then_some(first);
                begun.connected = match (established, data) {
                    (Some(at), _) => Some(Timestamp(at)),
                    // it stood before the capture began
                    (None, Some(_)) => Some(first),
                    (None, None) => None,
                };
                (recorder, recorder.connection(begun))
            });
            let context = Context {
                recorder: recorder.as_ref().map(|(r, c)| ((*r).clone(), c.id())),
                client: from,
                server: to,
                host: to.ip().to_string(),
                port: to.port(),
                secure: false,
                keys: keys.clone(),
                file: file.clone(),
                app: app.clone(),
                live,
                opened: Position {
                    at: first,
                    packet: connection.first_packet,
                    span: connection.first_span,
                },
                handshake: opened.then_some(connection.first_span),
                begun: 0,
                marks: Vec::new(),
            };
            Stream {
                recorder: recorder.map(|(_, connection)| connection),
                conversation: Conversation::new(context, opened),
                client,
                is_client_known,
                reset: None,
                stands: stood,
            }
        });
        if let Some(at) = established.filter(|_| !stream.stands) {
            stream.stands = true;
            if let Some(recorder) = &stream.recorder {
                recorder.edit(|connection| connection.connected = Some(Timestamp(at)));
            }
        }
        *flows += stream.conversation.take_begun();
        stream.conversation.mark(marks);
        if connection.opened_by.is_some() {
            stream.conversation.opens(established.is_some());
        }
        stream
    }

    /// The next connection that began so long ago that it should have been answered.
    fn next_opened(&mut self, now: i64) -> Option<Pair> {
        let is_old = |(_, began): &mut (Pair, i64)| now.saturating_sub(*began) >= UNANSWERED;
        while let Some((ends, began)) = self.opening.pop_front_if(is_old) {
            let track = self.tracks.get(&pair(ends.0, ends.1));
            if track.and_then(Track::opening_since) == Some(began) {
                return Some(ends);
            }
        }
        None
    }

    /// Nobody answered the SYN of a connection so far: a flow that says so.
    fn silent(&mut self, connection: &tcp::Connection, now: i64) {
        let key = pair(connection.a, connection.b);
        let (a, b) = (key.0.to_string(), key.1.to_string());
        let track = self.tracks.get(&key);
        let known = Known {
            a: &a,
            b: &b,
            end: now,
            ..Known::default()
        };
        let mut findings = track.map_or_else(Vec::new, |track| track.findings(&known));
        for big in [true, false] {
            if let Some((error, packets)) = self.undelivered.get(&(key, big)) {
                findings.insert(0, undelivered(error, format!("{a} > {b}"), packets));
            }
        }
        let at = moment(connection);
        let stream = self.stream(connection, None);
        let failure = findings.iter().find_map(|finding| stream.failure(finding));
        stream.conversation.silent(at, failure);
        self.flows += stream.conversation.take_begun();
    }

    /// What waits for its keys is looked at again.
    fn look(&mut self, now: Timestamp) {
        if self.awaiting.is_empty() {
            return;
        }
        let mut awaiting = std::mem::take(&mut self.awaiting);
        awaiting.retain(|number| {
            let Some(stream) = self.streams.get_mut(number) else {
                return false;
            };
            stream.conversation.look(now);
            stream.tell();
            self.flows += stream.conversation.take_begun();
            stream.conversation.awaits_keys()
        });
        self.awaiting = awaiting;
    }

    fn closed(&mut self, connection: &tcp::Connection, ending: Ending) {
        let key = pair(connection.a, connection.b);
        let at = moment(connection);
        let end = match ending {
            Ending::Replaced => Timestamp(connection.last_time),
            _ => self.now,
        };
        let errors = [true, false].map(|big| self.undelivered.remove(&(key, big)));
        self.stream(connection, None);
        let track = self.tracks.remove(&key).unwrap_or_default();
        let Some(mut stream) = self.streams.remove(&connection.number) else {
            return;
        };
        let (a, b) = (key.0.to_string(), key.1.to_string());
        let said = &stream.conversation;
        let name = said.server_name();
        let is_known = stream.is_client_known || said.shows_sides();
        let mut findings = track.findings(&Known {
            a: &a,
            b: &b,
            client: is_known.then(|| side_of(said.client(), said.server())),
            name: name.as_deref(),
            whole: said.is_whole(),
            closed: said.has_closed(),
            end: end.0,
        });
        for (error, packets) in errors.into_iter().flatten() {
            let (client, server) = (stream.conversation.client(), stream.conversation.server());
            let mut finding = undelivered(&error, format!("{client} > {server}"), &packets);
            let side = side_of(error.source, error.destination);
            let went_on = error
                .sequence
                .is_some_and(|sequence| track.has_arrived(side, sequence));
            match went_on {
                // path MTU discovery did its work (RFC 1191)
                true if is_too_big(&error) => {}
                // a soft error, RFC 1122 section 4.2.3.9
                true => {
                    finding.text.push_str(" The connection went on.");
                    finding.overcome = true;
                    findings.push(finding);
                }
                false => findings.push(finding),
            }
        }
        let failure = findings.iter().find_map(|finding| stream.failure(finding));
        // a RST that was ignored ended nothing
        stream.reset = stream.reset.filter(|_| track.is_reset());
        let ended = match (stream.reset, ending) {
            (Some(by), _) => Ended::Reset(stream.side(by)),
            (None, Ending::Over | Ending::Replaced) => Ended::Closed,
            (None, Ending::Idle | Ending::Crowded) => Ended::Forgotten,
            (None, _) => Ended::CaptureEnds,
        };
        stream.conversation.mark(track.marks().collect());
        stream.conversation.finish(at, ended, failure);
        findings.extend(stream.conversation.findings());
        stream.tell();
        if let Some(recorder) = &stream.recorder {
            let by = stream.reset.map(|by| stream.side(by));
            recorder.edit(|recorded| {
                recorded.closed = Some(at.at);
                recorded.reset = by.is_some();
                recorded.closed_by = by.map(|side| match side {
                    Side::Request => Party::Client,
                    Side::Response => Party::Server,
                });
            });
        }
        self.flows += stream.conversation.take_begun();
        findings.into_iter().for_each(|finding| self.found(finding));
    }

    /// Watches the way: a segment that was not seen before, and the frame that it, or a copy of it, came in.
    fn watch(
        &mut self,
        place: Place,
        ip: &Ip<'_>,
        segment: &Segment<'_>,
        is_copy: bool,
        retried: Option<bool>,
    ) {
        let from = SocketAddr::new(ip.source, segment.source_port);
        let to = SocketAddr::new(ip.destination, segment.destination_port);
        let track = self.tracks.entry(pair(from, to)).or_default();
        if let Some(retried) = retried {
            track.frame(retried);
        }
        // a stream has what was said once; what was sent how often is told by the packets
        if !is_copy {
            let side = side_of(from, to);
            track.segment(side, place.time, place.packet, ip.ttl, segment);
        }
    }

    fn icmp(&mut self, place: Place, ip: &Ip<'_>) {
        let Some(error) = IcmpError::read(ip) else {
            return;
        };
        let at = Timestamp(place.time);
        let others = self.others.as_deref();
        if error.protocol == protocol::TCP
            && others.is_some_and(|others| others.has(error.source, error.destination, at, false))
        {
            // who records the connection hears of the error itself
            return;
        }
        if error.protocol == protocol::TCP && self.undelivered.len() < MOST_UNDELIVERED {
            let key = pair(error.source, error.destination);
            let key = (key, is_too_big(&error));
            let (last, packets) = self
                .undelivered
                .entry(key)
                .or_insert((error, Proof::default()));
            *last = error;
            packets.add(place.packet);
            if is_too_big(&error)
                && let Some(track) = self.tracks.get_mut(&key.0)
            {
                track.too_big(side_of(error.source, error.destination));
            }
        }
        let recorder = self.recorder.clone();
        let file = self.file.clone();
        self.datagrams.app.clone_from(&self.app);
        let at = Position {
            at: Timestamp(place.time),
            packet: place.packet,
            span: place.span,
        };
        self.flows += 1;
        if let Some(finding) = self.datagrams.icmp(recorder, file, at, ip, &error) {
            self.found(finding);
        }
    }

    fn udp(&mut self, place: Place, ip: &Ip<'_>) {
        let (recorder, file) = (self.recorder.clone(), self.file.clone());
        self.datagrams.app.clone_from(&self.app);
        let mut findings = Vec::new();
        let begun = self.datagrams.udp(recorder, file, place, ip, &mut findings);
        self.flows += begun;
        findings.into_iter().for_each(|finding| self.found(finding));
    }

    fn finish(&mut self) {
        let mut findings = Vec::new();
        self.datagrams.finish(self.now, &mut findings);
        // those of connections that are not in the capture
        let mut left: Vec<_> = self.undelivered.drain().map(|(_, error)| error).collect();
        left.sort_unstable_by_key(|(_, packets)| packets.named().next());
        for (error, packets) in left {
            let about = format!("{} > {}", error.source, error.destination);
            findings.push(undelivered(&error, about, &packets));
        }
        findings.extend(self.wifi.news());
        findings.into_iter().for_each(|finding| self.found(finding));
    }

    fn found(&mut self, finding: Finding) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        } else {
            self.left_out += 1;
        }
    }
}

impl Stream {
    fn side(&self, side: tcp::Side) -> Side {
        match side == self.client {
            true => Side::Request,
            false => Side::Response,
        }
    }

    /// Writes what is known of TLS to the connection.
    fn tell(&mut self) {
        let (Some(recorder), Some(tls)) = (&self.recorder, self.conversation.take_tls()) else {
            return;
        };
        recorder.edit(|connection| {
            let mut client = tls.info.clone();
            client.certificates = Arc::from([]);
            connection.client_tls = Some(client);
            connection.server_tls = Some(tls.info);
            connection.client_tls_done = tls.done;
            connection.server_tls_done = tls.done;
        });
    }

    /// What of a finding fails the connection.
    fn failure(&self, finding: &Finding) -> Option<Failure> {
        let cause = match finding.cause {
            _ if finding.overcome => return None,
            Cause::NoAnswer | Cause::AnswerLost => FailureCause::Timeout,
            Cause::Refused => FailureCause::Refused,
            Cause::IdleReset | Cause::Reset => FailureCause::Reset,
            Cause::Unreachable => FailureCause::Unreachable,
            // the way is there: small packets pass
            Cause::PacketTooBig | Cause::BlackHole => FailureCause::Other,
            _ => return None,
        };
        let side = match self.reset.map(|by| self.side(by)) {
            Some(Side::Request) => Party::Client,
            _ => Party::Server,
        };
        Some(Failure {
            cause,
            side,
            text: format!("{} {}", finding.text, finding.means),
        })
    }
}

#[cfg(test)]
mod tests;
