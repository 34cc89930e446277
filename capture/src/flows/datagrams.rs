//! UDP conversations, DNS questions with their answers, and ICMP errors as flows.

use super::{
    dns_stream::EARLY,
    row::{Context, Row, Start},
};
use crate::{
    diagnose::{Cause, Finding, Proof, wifi},
    dns::{Message, code_name, kind_name},
    http::Position,
    icmp::{IcmpError, Reason},
    ip::Ip,
    tcp::Place,
    tls::KeyLog,
};
use foldhash::HashMap;
use overhear_store::{
    App, Connection, ConnectionRecorder, Failure, FailureCause, HeadKind, Kind, Party, Recorder,
    Side, Timestamp,
};
use std::{collections::VecDeque, net::SocketAddr, sync::Arc};

/// A UDP conversation ends after so long a silence: nanoseconds.
const IDLE: i64 = 120_000_000_000;
/// A question that is asked so long before the capture's end, and has no answer, was not answered: nanoseconds.
const PATIENCE: i64 = 2_000_000_000;
/// So many conversations, and questions, are followed at once.
const MOST_OPEN: usize = 65_536;

/// So many answers may wait for their questions.
const MOST_EARLY: usize = 1024;

const DNS: u16 = 53;

type Key = (SocketAddr, SocketAddr);

/// What is going on.
#[derive(Default)]
pub(super) struct Datagrams {
    talks: HashMap<Key, Talk>,
    questions: HashMap<(Key, u16), Question>,
    /// In the order in which they began; some are over.
    asked: VecDeque<((Key, u16), Timestamp)>,
    /// Answers whose questions were not seen so far, and what failed; in the order in which they came.
    early: VecDeque<((Key, u16), Question, Option<String>)>,
    looked: Timestamp,
    /// Whose the datagram is that comes now, where that is said.
    pub(super) app: Option<App>,
}

struct Talk {
    client: SocketAddr,
    radio: wifi::Counts,
    row: Row,
    file: Arc<str>,
    connection: Option<ConnectionRecorder>,
}

struct Question {
    row: Row,
    file: Arc<str>,
    name: String,
    server: SocketAddr,
    packets: Proof,
    asked: Timestamp,
    connection: Option<ConnectionRecorder>,
}

/// A flow's surroundings, with the connection that it is on.
fn context(
    recorder: Option<Recorder>,
    file: Arc<str>,
    (client, server): Key,
    app: Option<&App>,
    at: Position,
) -> (Context, Option<ConnectionRecorder>) {
    let connection = recorder.as_ref().map(|recorder| {
        let mut begun = Connection::accepted(client, server);
        begun.host = server.ip().to_string();
        begun.port = server.port();
        begun.server = Some(server);
        begun.upstream_local = Some(client);
        begun.app = app.cloned();
        begun.accepted = at.at;
        recorder.connection(begun)
    });
    let context = Context {
        recorder: recorder.zip(connection.as_ref().map(ConnectionRecorder::id)),
        client,
        server,
        host: server.ip().to_string(),
        port: server.port(),
        secure: false,
        keys: KeyLog::default(),
        file,
        app: app.cloned(),
        live: false,
        opened: at,
        handshake: None,
        begun: 0,
        marks: Vec::new(),
    };
    (context, connection)
}

/// What an ICMP error says.
pub(super) fn undelivered(error: &IcmpError, about: String, packets: &Proof) -> Finding {
    let cause = match error.reason {
        Reason::TooBig(_) => Cause::PacketTooBig,
        _ => Cause::Unreachable,
    };
    let mut finding = Finding::new(cause, about, error.text(), packets);
    finding.means = error.means();
    finding
}

/// What it is in the list of flows.
fn failure_cause(error: &IcmpError) -> FailureCause {
    match error.reason {
        // the way is there
        Reason::TooBig(_) => FailureCause::Other,
        Reason::Port if error.is_late_answer() => FailureCause::Other,
        Reason::Port => FailureCause::Refused,
        _ => FailureCause::Unreachable,
    }
}

fn closed(connection: Option<ConnectionRecorder>, at: Timestamp) {
    if let Some(connection) = connection {
        connection.edit(|connection| connection.closed = Some(at));
    }
}

impl Datagrams {
    /// Takes a UDP datagram; returns how many flows began with it.
    pub(super) fn udp(
        &mut self,
        recorder: Option<Recorder>,
        file: Arc<str>,
        place: Place,
        ip: &Ip<'_>,
        findings: &mut Vec<Finding>,
    ) -> u64 {
        let Some((header, rest)) = ip.payload.split_first_chunk::<8>() else {
            return 0;
        };
        let [a, b, c, d, l0, l1, _, _] = *header;
        let from = SocketAddr::new(ip.source, u16::from_be_bytes([a, b]));
        let to = SocketAddr::new(ip.destination, u16::from_be_bytes([c, d]));
        let length = usize::from(u16::from_be_bytes([l0, l1])).saturating_sub(8);
        let payload = rest.get(..length).unwrap_or(rest);
        let at = Position {
            at: Timestamp(place.time),
            packet: place.packet,
            span: place.span,
        };
        self.expire(at.at, findings);
        if (to.port() == DNS || from.port() == DNS)
            && let Some(message) = Message::read(payload).filter(Message::is_likely)
            // a server may ask another from its own port
            && (if message.response { from } else { to }).port() == DNS
        {
            return match !message.response {
                true => self.question(recorder, file, (from, to), at, &message, payload, findings),
                false => self.answer(recorder, file, (to, from), at, &message, payload, findings),
            };
        }
        self.talk(recorder, file, from, to, at, payload)
    }

    fn talk(
        &mut self,
        recorder: Option<Recorder>,
        file: Arc<str>,
        from: SocketAddr,
        to: SocketAddr,
        at: Position,
        payload: &[u8],
    ) -> u64 {
        let key = super::pair(from, to);
        let mut begun = 0;
        if self.talks.len() >= MOST_OPEN && !self.talks.contains_key(&key) {
            self.silence(at.at, 0);
        }
        let talk = self.talks.entry(key).or_insert_with(|| {
            begun = 1;
            let (mut context, connection) =
                context(recorder, file.clone(), (from, to), self.app.as_ref(), at);
            Talk {
                client: from,
                radio: wifi::Counts::default(),
                row: context.begin_plain(at, Kind::Udp, "udp"),
                file,
                connection,
            }
        });
        let side = match talk.client == from {
            true => Side::Request,
            false => Side::Response,
        };
        talk.row.datagram(side, at, payload);
        begun
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what came, where it goes, and what is told"
    )]
    fn question(
        &mut self,
        recorder: Option<Recorder>,
        file: Arc<str>,
        key: Key,
        at: Position,
        message: &Message,
        payload: &[u8],
        findings: &mut Vec<Finding>,
    ) -> u64 {
        let id = (key, message.id);
        if let Some((mut question, failure)) = self.answered_already(id, message) {
            let row = &mut question.row;
            row.head(HeadKind::Request, at, message.head().as_bytes());
            row.datagram(Side::Request, at, payload);
            question.end(failure);
            return 0;
        }
        if let Some(open) = self.questions.get_mut(&id) {
            // asked again
            open.packets.add(at.packet);
            open.row.datagram(Side::Request, at, payload);
            return 0;
        }
        while self.questions.len() >= MOST_OPEN
            && let Some((oldest, _)) = self.asked.pop_front()
        {
            self.give_up(oldest, at.at, findings);
        }
        let question = self.begin(recorder, file, key, at, message);
        let mut question = question;
        question
            .row
            .head(HeadKind::Request, at, message.head().as_bytes());
        question.row.datagram(Side::Request, at, payload);
        self.questions.insert(id, question);
        self.asked.push_back((id, at.at));
        1
    }

    /// What was answered before it was asked.
    fn answered_already(
        &mut self,
        id: (Key, u16),
        message: &Message,
    ) -> Option<(Question, Option<String>)> {
        let name = &message.questions.first()?.name;
        let is_it = |(early, question, _): &((Key, u16), Question, Option<String>)| {
            *early == id && question.name.eq_ignore_ascii_case(name)
        };
        let place = self.early.iter().position(is_it)?;
        let (_, question, failure) = self.early.remove(place)?;
        Some((question, failure))
    }

    fn begin(
        &self,
        recorder: Option<Recorder>,
        file: Arc<str>,
        (client, server): Key,
        at: Position,
        message: &Message,
    ) -> Question {
        let app = self.app.as_ref();
        let (mut context, connection) = context(recorder, file.clone(), (client, server), app, at);
        let first = message.questions.first();
        let name = first.map_or_else(|| context.host.clone(), |question| question.name.clone());
        let row = context.begin(
            at,
            Start {
                kind: Kind::Dns,
                scheme: "dns",
                method: first
                    .map(|question| kind_name(question.kind))
                    .unwrap_or_default(),
                host: name.clone(),
                port: server.port(),
                path: String::new(),
            },
        );
        Question {
            row,
            file,
            name,
            server,
            packets: Proof::of([at.packet]),
            asked: at.at,
            connection,
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what came, where it goes, and what is told"
    )]
    fn answer(
        &mut self,
        recorder: Option<Recorder>,
        file: Arc<str>,
        key: Key,
        at: Position,
        message: &Message,
        payload: &[u8],
        findings: &mut Vec<Finding>,
    ) -> u64 {
        let (mut question, begun) = match self.questions.remove(&(key, message.id)) {
            Some(question) => (question, 0),
            // its question is not in the capture, or comes behind it
            None => (self.begin(recorder, file, key, at, message), 1),
        };
        let id = (key, message.id);
        question.packets.add(at.packet);
        let row = &mut question.row;
        row.head(HeadKind::Response, at, message.head().as_bytes());
        row.datagram(Side::Response, at, payload);
        let answer = message.answer();
        row.edit(|flow| flow.path = answer);
        let failure = failed(message, &question.name, question.server);
        if let Some((text, means)) = &failure {
            let text = text.clone();
            let mut finding =
                Finding::new(Cause::Dns, question.name.clone(), text, &question.packets);
            finding.means = means;
            findings.push(finding);
        }
        let failure = failure.map(|(text, means)| format!("{text} {means}"));
        match begun {
            0 => question.end(failure),
            _ => self.early.push_back((id, question, failure)),
        }
        if self.early.len() > MOST_EARLY
            && let Some((_, oldest, failure)) = self.early.pop_front()
        {
            oldest.end(failure);
        }
        begun
    }

    /// The frame of IEEE 802.11 that a datagram came in; whether it was sent again.
    pub(super) fn frame(&mut self, ip: &Ip<'_>, retried: bool) {
        let [a, b, c, d, ..] = *ip.payload else {
            return;
        };
        let from = SocketAddr::new(ip.source, u16::from_be_bytes([a, b]));
        let to = SocketAddr::new(ip.destination, u16::from_be_bytes([c, d]));
        if let Some(talk) = self.talks.get_mut(&super::pair(from, to)) {
            talk.radio.add(retried);
        }
    }

    /// Records an ICMP error; what it says of datagrams.
    pub(super) fn icmp(
        &mut self,
        recorder: Option<Recorder>,
        file: Arc<str>,
        place: Position,
        ip: &Ip<'_>,
        error: &IcmpError,
    ) -> Option<Finding> {
        let (mut context, connection) = context(
            recorder,
            file.clone(),
            (error.source, error.destination),
            self.app.as_ref(),
            place,
        );
        let mut row = context.begin_plain(place, Kind::Icmp, "icmp");
        row.chunk(Side::Response, place, ip.payload);
        let of_tcp = error.protocol == crate::ip::protocol::TCP;
        let failure = match error.reason {
            Reason::TooBig(_) if of_tcp => {
                // who hears of it sends smaller ones (RFC 1191): whether that went well is told with the connection
                row.note(&error.text());
                None
            }
            _ => Some(Failure {
                cause: failure_cause(error),
                side: Party::Server,
                text: format!("{} {}", error.text(), error.means()),
            }),
        };
        row.end(&file, &[], failure);
        closed(connection, place.at);
        // that of a TCP connection is told with the connection
        let about = format!("{} > {}", error.source, error.destination);
        (!of_tcp).then(|| undelivered(error, about, &Proof::of([place.packet])))
    }

    /// The capture is at its end.
    pub(super) fn finish(&mut self, now: Timestamp, findings: &mut Vec<Finding>) {
        self.silence(now, 0);
        for (_, question, failure) in self.early.drain(..) {
            question.end(failure);
        }
        let asked: Vec<_> = self.asked.drain(..).collect();
        for (id, _) in asked {
            self.give_up(id, now, findings);
        }
    }

    /// Ends what was silent for too long.
    pub(super) fn expire(&mut self, now: Timestamp, findings: &mut Vec<Finding>) {
        while let Some((id, at)) = self.asked.front().copied()
            && (now.0.saturating_sub(at.0) > IDLE || !self.questions.contains_key(&id))
        {
            self.asked.pop_front();
            self.give_up(id, now, findings);
        }
        while let Some((_, question, _)) = self.early.front()
            && now.0.saturating_sub(question.asked.0) > EARLY
            && let Some((_, question, failure)) = self.early.pop_front()
        {
            question.end(failure);
        }
        if now.0.saturating_sub(self.looked.0) > IDLE {
            self.looked = now;
            self.silence(now, IDLE);
        }
    }

    fn silence(&mut self, now: Timestamp, longer: i64) {
        let over = |talk: &mut Talk| now.0.saturating_sub(talk.row.last().0) >= longer;
        let mut over: Vec<_> = self.talks.extract_if(|_, talk| over(talk)).collect();
        over.sort_by_key(|(_, talk)| talk.row.last());
        for (_, talk) in over {
            let last = talk.row.last();
            let marks = talk.radio.is_bad().then_some(wifi::MARK);
            talk.row.end(&talk.file, marks.as_slice(), None);
            closed(talk.connection, last);
        }
    }

    fn give_up(&mut self, id: (Key, u16), now: Timestamp, findings: &mut Vec<Finding>) {
        let Some(question) = self.questions.remove(&id) else {
            return;
        };
        let waited =
            now.0.saturating_sub(question.asked.0) >= PATIENCE || question.packets.count() > 1;
        let failure = waited.then(|| {
            let times = match question.packets.count() {
                1 => String::new(),
                count => format!(", asked {count} times"),
            };
            let text = format!(
                "{} did not answer the question for {}{times}.",
                question.server, question.name
            );
            let name = question.name.clone();
            findings.push(Finding::new(
                Cause::DnsNoAnswer,
                name,
                text.clone(),
                &question.packets,
            ));
            format!("{text} {}", Cause::DnsNoAnswer.means())
        });
        question.end(failure);
    }
}

impl Question {
    fn end(self, failure: Option<String>) {
        let failure = failure.map(|text| Failure {
            cause: FailureCause::Dns,
            side: Party::Server,
            text,
        });
        let last = self.row.last();
        self.row.end(&self.file, &[], failure);
        closed(self.connection, last);
    }
}

/// What an answer says went wrong, and what that means.
pub(super) fn failed(
    message: &Message,
    name: &str,
    server: SocketAddr,
) -> Option<(String, &'static str)> {
    let means = match message.code {
        0 => return None,
        2 => {
            "The name server could not find out: the servers of the domain do not answer, or their answers fail DNSSEC. Ask \
             another name server, and the domain's own."
        }
        3 => "The name does not exist: look at its spelling, at search domains, and at the zone.",
        5 => {
            "The name server does not answer this client, or not for this name: look at its access rules."
        }
        _ => "The name server did not do what it was asked.",
    };
    let code = code_name(message.code);
    Some((format!("{server} answered {code} for {name}."), means))
}
