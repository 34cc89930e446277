//! DNS over TCP, RFC 7766: messages behind their lengths, several on a connection, answers in any order.
//!
//! It is DNS only when its first message is one; from where one is none, the rest is a raw flow that says so.

use super::{
    closing::Closing,
    datagrams::failed,
    row::{Context, Row, Start},
};
use crate::{
    diagnose::{Cause, Finding, Proof},
    dns::{Message, kind_name},
    http::Position,
};
use foldhash::{HashMap, HashMapExt as _};
use overhear_store::{Failure, FailureCause, HeadKind, Kind, Party, Side};
use std::mem;

pub(super) const PORT: u16 = 53;
/// So many questions of a connection may be open.
const MOST_OPEN: usize = 4096;
/// Zone transfers, RFC 5936 and RFC 1995: their answers are many messages.
const TRANSFERS: [u16; 2] = [251, 252];
/// A capture may have an answer before its question: so long before, in nanoseconds.
pub(super) const EARLY: i64 = 1_000_000_000;

/// A connection.
pub(super) struct DnsStream {
    /// What of a message is there, by side.
    kept: [Vec<u8>; 2],
    /// Where that began.
    first: [Position; 2],
    questions: HashMap<u16, Question>,
    /// How many of them were answered and not asked so far.
    early: usize,
    /// What ended last.
    last: Closing,
    /// From here on it is no DNS, or cannot be read: why, and what follows.
    rest: Option<(String, Option<Row>)>,
}

struct Question {
    row: Row,
    name: String,
    packets: Proof,
    is_transfer: bool,
    asked: bool,
    answered: bool,
    failure: Option<Failure>,
}

/// Whether these are the first bytes of a side that speaks DNS; none: more are needed.
pub(super) fn begins_like(side: Side, bytes: &[u8]) -> Option<bool> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    // a header, RFC 1035 section 4.1.1
    if length < 12 {
        return Some(false);
    }
    let Some(message) = rest.get(..length) else {
        // what its flags say is known before it is whole
        let says = rest.get(2).map(|flags| flags & 0x80 != 0);
        return match says {
            Some(response) if response != (side == Side::Response) => Some(false),
            _ => None,
        };
    };
    Some(read(side, message).is_some())
}

fn read(side: Side, message: &[u8]) -> Option<Message> {
    let read = Message::read(message).filter(Message::is_likely);
    read.filter(|read| !read.damaged && read.response == (side == Side::Response))
}

impl DnsStream {
    pub(super) fn new() -> Self {
        Self {
            kept: Default::default(),
            first: Default::default(),
            questions: HashMap::new(),
            early: 0,
            last: Closing::default(),
            rest: None,
        }
    }

    pub(super) fn push(
        &mut self,
        context: &mut Context,
        side: Side,
        at: Position,
        bytes: &[u8],
        findings: &mut Vec<Finding>,
    ) {
        if self.rest.is_some() {
            return self.pass(context, side, at, bytes);
        }
        self.expire(context, at);
        let kept = &mut self.kept[side as usize];
        if kept.is_empty() {
            self.first[side as usize] = at;
        }
        kept.extend_from_slice(bytes);
        let mut kept = mem::take(kept);
        let mut taken = 0;
        while let Some((length, rest)) = kept.get(taken..).and_then(<[u8]>::split_first_chunk) {
            let length = usize::from(u16::from_be_bytes(*length));
            let Some(message) = rest.get(..length) else {
                break;
            };
            let Some(said) = read(side, message) else {
                let left = kept.split_off(taken);
                self.stop("This is no DNS, though the connection began with it.");
                return self.pass(context, side, at, &left);
            };
            taken += 2 + length;
            match side {
                Side::Request => self.asked(context, at, &said, message),
                Side::Response => self.answered(context, at, &said, message, findings),
            }
            self.first[side as usize] = at;
        }
        kept.drain(..taken);
        self.kept[side as usize] = kept;
    }

    /// Bytes are missing: where messages begin is not known any more.
    pub(super) fn gap(&mut self) {
        self.stop("Bytes of this DNS connection are not in the capture; where its messages begin is not known.");
    }

    /// Nothing more comes; `failure` is why, where the connection failed.
    pub(super) fn finish(
        &mut self,
        context: &Context,
        at: Position,
        failure: Option<&Failure>,
        waited: bool,
        findings: &mut Vec<Finding>,
    ) {
        let mut open: Vec<_> = self.questions.drain().collect();
        open.sort_unstable_by_key(|(_, question)| question.row.last());
        for (_, question) in open {
            let text = format!(
                "{} did not answer the question for {} on this connection.",
                context.server, question.name
            );
            let missing = failure.cloned().or_else(|| {
                waited.then(|| Failure {
                    cause: FailureCause::Dns,
                    side: Party::Server,
                    text: format!("{text} {}", Cause::DnsNoAnswer.means()),
                })
            });
            let failure = match question.answered {
                true => question.failure,
                false => missing,
            };
            if !question.answered && waited {
                let (name, packets) = (question.name, &question.packets);
                findings.push(Finding::new(Cause::DnsNoAnswer, name, text, packets));
            }
            self.last.end(question.row, context, failure);
        }
        if let Some((why, Some(mut row))) = self.rest.take() {
            row.note(&why);
            self.last.end(row, context, failure.cloned());
        }
        self.last.finish(context, at);
    }

    fn stop(&mut self, why: &str) {
        self.rest.get_or_insert_with(|| (why.to_owned(), None));
    }

    fn pass(&mut self, context: &mut Context, side: Side, at: Position, bytes: &[u8]) {
        if let Some((_, row)) = &mut self.rest {
            let row = row.get_or_insert_with(|| context.begin_plain(at, Kind::Tcp, "tcp"));
            row.chunk(side, at, bytes);
        }
    }

    fn asked(&mut self, context: &mut Context, at: Position, said: &Message, message: &[u8]) {
        let answered = self.answered_already(said);
        if self.questions.len() >= MOST_OPEN {
            return;
        }
        let mut question = match answered {
            Some(question) => question,
            None => self.begin(context, Side::Request, at, said),
        };
        question.asked = true;
        question
            .row
            .head(HeadKind::Request, at, said.head().as_bytes());
        question.row.datagram(Side::Request, at, message);
        if question.answered && !question.goes_on() {
            return self.last.end(question.row, context, question.failure);
        }
        if let Some(before) = self.questions.insert(said.id, question) {
            self.early -= usize::from(!before.asked);
            self.last.end(before.row, context, before.failure);
        }
    }

    /// What was answered before it was asked.
    fn answered_already(&mut self, said: &Message) -> Option<Question> {
        let name = said.questions.first().map(|asked| asked.name.as_str());
        let early = self.questions.get(&said.id)?;
        if early.asked || !name.is_some_and(|name| name.eq_ignore_ascii_case(&early.name)) {
            return None;
        }
        self.early -= 1;
        self.questions.remove(&said.id)
    }

    /// What was answered so long ago was asked before the capture began.
    fn expire(&mut self, context: &Context, now: Position) {
        if self.early == 0 {
            return;
        }
        let is_over = |question: &Question| {
            !question.asked
                && !question.goes_on()
                && now.at.0.saturating_sub(question.row.last().0) > EARLY
        };
        let over = self.questions.extract_if(|_, question| is_over(question));
        let mut over: Vec<_> = over.collect();
        over.sort_unstable_by_key(|(_, question)| question.row.last());
        self.early -= over.len();
        for (_, question) in over {
            self.last.end(question.row, context, question.failure);
        }
    }

    fn answered(
        &mut self,
        context: &mut Context,
        at: Position,
        said: &Message,
        message: &[u8],
        findings: &mut Vec<Finding>,
    ) {
        let mut question = match self.questions.remove(&said.id) {
            Some(question) => question,
            // its question is not in the capture, or comes behind it
            None => {
                self.early += 1;
                self.begin(context, Side::Response, at, said)
            }
        };
        question.packets.add(at.packet);
        if !mem::replace(&mut question.answered, true) {
            question
                .row
                .head(HeadKind::Response, at, said.head().as_bytes());
            let answer = said.answer();
            question.row.edit(|flow| flow.path = answer);
        }
        question.row.datagram(Side::Response, at, message);
        if let Some((text, means)) = failed(said, &question.name, context.server) {
            let name = question.name.clone();
            let mut finding = Finding::new(Cause::Dns, name, text.clone(), &question.packets);
            finding.means = means;
            findings.push(finding);
            question.failure = Some(Failure {
                cause: FailureCause::Dns,
                side: Party::Server,
                text: format!("{text} {means}"),
            });
        }
        match question.goes_on() || (!question.asked && self.questions.len() < MOST_OPEN) {
            true => drop(self.questions.insert(said.id, question)),
            false => {
                self.early -= usize::from(!question.asked);
                self.last.end(question.row, context, question.failure);
            }
        }
    }

    fn begin(&self, context: &mut Context, side: Side, at: Position, said: &Message) -> Question {
        let first = said.questions.first();
        let name = first.map_or_else(|| context.host.clone(), |asked| asked.name.clone());
        let began = self.first[side as usize];
        let mut row = context.begin(
            began,
            Start {
                kind: Kind::Dns,
                scheme: "dns",
                method: first.map(|asked| kind_name(asked.kind)).unwrap_or_default(),
                host: name.clone(),
                port: context.port,
                path: String::new(),
            },
        );
        row.seen(at);
        Question {
            row,
            name,
            packets: match side {
                Side::Request => Proof::of([at.packet]),
                Side::Response => Proof::default(),
            },
            is_transfer: first.is_some_and(|asked| TRANSFERS.contains(&asked.kind)),
            asked: side == Side::Request,
            answered: false,
            failure: None,
        }
    }
}

impl Question {
    /// More answers may come.
    fn goes_on(&self) -> bool {
        self.is_transfer && self.failure.is_none()
    }
}
