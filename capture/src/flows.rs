//! Packets as flows: what the TCP streams, datagrams and ICMP errors of a capture say goes through
//! [`overhear_store::Recorder`], as the proxy's flows do, with the packets' times and the addresses of both ends.
//!
//! A flow's comment names its packets (`packets 3 to 17 of shop.pcapng`), its tags what slowed it down
//! (`retransmissions`, `zero-window`, `wifi-retries`), its error why it failed. Memory is bounded by what is open at once.

mod alerts;
mod closing;
mod connections;
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
    diagnose::{Finding, Proof, Track, Wifi},
    http::Position,
    icmp::{IcmpError, Reason},
    ip::{self, Fragments, Ip, protocol},
    link,
    packet::{Packet, Spot},
    tcp::{self, Place, Tcp, Wanted},
    tls::KeyLog,
};
use connections::{Pair, Stream, pair, side_of};
use copies::Copies;
use datagrams::{Datagrams, undelivered};
use foldhash::{HashMap, HashMapExt as _};
use overhear_store::{App, PacketFileId, Recorder, Timestamp};
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
/// Two sorts of ICMP errors: smaller packets would arrive, or none does.
fn is_too_big(error: &IcmpError) -> bool {
    matches!(error.reason, Reason::TooBig(_))
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

impl Work {
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

#[cfg(test)]
mod tests;
