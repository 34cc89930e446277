//! A sink that writes down what it is told.

use super::{ExchangeId, Head, Position, Sink, Start, Upgrade};
use overhear_store::Side;
use std::{collections::BTreeMap, fmt::Write as _};

/// Writes down what it is told, bodies put together.
#[derive(Default)]
pub(super) struct Notes {
    exchanges: BTreeMap<ExchangeId, [Message; 2]>,
    pub(super) tunnel: [Vec<u8>; 2],
    pub(super) upgrade: Option<Upgrade>,
    pub(super) unreadable: Option<String>,
}

#[derive(Default)]
struct Message {
    heads: String,
    body: Vec<u8>,
    rest: String,
}

impl Notes {
    fn message(&mut self, id: ExchangeId, side: Side) -> &mut Message {
        &mut self.exchanges.entry(id).or_default()[side as usize]
    }

    /// One line an exchange and side.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (id, sides) in &self.exchanges {
            for (sign, message) in ['>', '<'].iter().zip(sides) {
                let Message { heads, body, rest } = message;
                if !(heads.is_empty() && body.is_empty() && rest.is_empty()) {
                    let body = String::from_utf8_lossy(body);
                    let _ = writeln!(text, "{id}{sign} {heads}{body:?}{rest}");
                }
            }
        }
        for (sign, bytes) in ['>', '<'].iter().zip(&self.tunnel) {
            if !bytes.is_empty() {
                let _ = writeln!(text, "tunnel{sign} {:?}", String::from_utf8_lossy(bytes));
            }
        }
        if let Some(why) = &self.unreadable {
            let _ = writeln!(text, "unreadable: {why}");
        }
        text
    }
}

impl Sink for Notes {
    fn request(&mut self, id: ExchangeId, _: Position, head: &Head<'_>) {
        if let Start::Request(method, target) = &head.start {
            self.message(id, Side::Request).heads += &format!("{method} {target} ");
        }
    }
    fn interim(&mut self, id: ExchangeId, _: Position, head: &Head<'_>) {
        if let Start::Response(status) = &head.start {
            self.message(id, Side::Response).heads += &format!("({status}) ");
        }
    }
    fn response(&mut self, id: ExchangeId, _: Position, head: &Head<'_>) {
        if let Start::Response(status) = &head.start {
            self.message(id, Side::Response).heads += &format!("{status} ");
        }
    }
    fn body(&mut self, id: ExchangeId, side: Side, _: Position, bytes: &[u8]) {
        self.message(id, side).body.extend_from_slice(bytes);
    }
    fn trailers(&mut self, id: ExchangeId, side: Side, _: Position, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.message(id, side).rest += &format!(" trailers {text:?}");
    }
    fn end(&mut self, id: ExchangeId, side: Side, _: Position) {
        self.message(id, side).rest += " end";
    }
    fn upgraded(&mut self, id: ExchangeId, _: Position, upgrade: Upgrade) {
        self.upgrade = Some(upgrade);
        self.message(id, Side::Response).heads += &format!("{upgrade:?} ");
    }
    fn tunnel(&mut self, side: Side, _: Position, bytes: &[u8]) {
        self.tunnel[side as usize].extend_from_slice(bytes);
    }
    fn broken(&mut self, id: ExchangeId, side: Side, _: Position, why: &str) {
        self.message(id, side).rest += &format!(" BROKEN {why}");
    }
    fn unreadable(&mut self, _: Position, why: &str) {
        assert!(self.unreadable.is_none());
        self.unreadable = Some(why.to_owned());
    }
}
