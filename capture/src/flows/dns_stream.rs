//! DNS over TCP, RFC 7766: messages behind their lengths, several on a connection, answers in any order.
//!
//! It is DNS only when its first message is one; from where one is none, the rest is a raw flow that says so.

use super::{
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

/// A connection.
pub(super) struct DnsStream {
    /// What of a message is there, by side.
    kept: [Vec<u8>; 2],
    /// Where that began.
    first: [Position; 2],
    questions: HashMap<u16, Question>,
    /// From here on it is no DNS, or cannot be read: why, and what follows.
    rest: Option<(String, Option<Row>)>,
}

struct Question {
    row: Row,
    name: String,
    packets: Proof,
    is_transfer: bool,
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
            question.row.end(&context.file, &context.marks, failure);
        }
        if let Some((why, Some(mut row))) = self.rest.take() {
            row.note(&why);
            row.end(&context.file, &context.marks, failure.cloned());
        }
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
        if self.questions.len() >= MOST_OPEN {
            return;
        }
        let mut question = self.begin(context, Side::Request, at, said);
        question
            .row
            .head(HeadKind::Request, at, said.head().as_bytes());
        question.row.datagram(Side::Request, at, message);
        if let Some(before) = self.questions.insert(said.id, question) {
            before
                .row
                .end(&context.file, &context.marks, before.failure);
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
            // its question is not in the capture
            None => self.begin(context, Side::Response, at, said),
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
        match question.is_transfer && question.failure.is_none() {
            true => drop(self.questions.insert(said.id, question)),
            false => question
                .row
                .end(&context.file, &context.marks, question.failure),
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
            answered: false,
            failure: None,
        }
    }
}
