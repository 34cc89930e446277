//! What the TCP connections of a capture become: each has a conversation, a track of what goes wrong on its way, and an end.

use super::{
    Work,
    conversation::{Conversation, Ended},
    datagrams::undelivered,
    is_too_big,
    row::Context,
    sides,
};
use crate::{
    diagnose::{Cause, Finding, Known, Track},
    http::Position,
    ip::Ip,
    tcp::{self, Ending, Event, Place, Segment},
};
use overhear_store::{
    Connection, ConnectionRecorder, Failure, FailureCause, Party, Side, Timestamp,
};
use std::{net::SocketAddr, sync::Arc};

/// A SYN that was not answered for so long will hardly be: nanoseconds. By then it was sent three times, RFC 6298.
const UNANSWERED: i64 = 4_000_000_000;
/// So many connections are looked at again.
const MOST_OPENING: usize = 65_536;

/// Two ends, in the order of their numbers.
pub(super) type Pair = (SocketAddr, SocketAddr);

pub(super) fn pair(a: SocketAddr, b: SocketAddr) -> Pair {
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
pub(super) fn side_of(from: SocketAddr, to: SocketAddr) -> tcp::Side {
    match from <= to {
        true => tcp::Side::A,
        false => tcp::Side::B,
    }
}

/// A TCP connection.
pub(super) struct Stream {
    recorder: Option<ConnectionRecorder>,
    conversation: Conversation,
    client: tcp::Side,
    /// That is so, and no guess.
    is_client_known: bool,
    reset: Option<tcp::Side>,
    /// That it stands is written.
    stands: bool,
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
    pub(super) fn next_opened(&mut self, now: i64) -> Option<Pair> {
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
    pub(super) fn silent(&mut self, connection: &tcp::Connection, now: i64) {
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
    pub(super) fn look(&mut self, now: Timestamp) {
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
    pub(super) fn watch(
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
