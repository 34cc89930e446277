//! A TLS connection: one flow, or, where a key log has its secrets, the flows of what it carries.
//!
//! Until something that was encrypted is read, what comes is kept, 64 KiB at most: then it is known which of the two it
//! becomes. What cannot be decrypted any further is a flow again, which says why.

use super::{
    conversation::{Conversation, Ended},
    row::{Context, Row},
};
use crate::{
    http::Position,
    tls::{ClientHello, Observed, Observer},
};
use overhear_store::{Kind, Side, Timestamp};
use std::mem;

/// So many bytes are kept.
const MOST_KEPT: usize = 64 << 10;

pub(super) struct Secure {
    observer: Observer,
    /// What it carries.
    pub(super) inside: Option<Box<Conversation>>,
    /// Its own flow, once it is known to be one.
    row: Option<Row>,
    named: bool,
    kept: Vec<(Side, Position, Vec<u8>)>,
    size: usize,
    first: Position,
    last: Position,
    /// Something was read.
    read: bool,
}

impl Secure {
    pub(super) fn new(context: &Context, first: Position) -> Self {
        Self {
            observer: Observer::new(context.keys.clone()),
            inside: None,
            row: None,
            named: false,
            kept: Vec::new(),
            size: 0,
            first,
            last: first,
            read: false,
        }
    }

    /// What is known of TLS.
    pub(super) fn seen(&self) -> &Observed {
        self.observer.seen()
    }

    /// Takes bytes of a side, in order.
    pub(super) fn push(&mut self, context: &mut Context, side: Side, at: Position, bytes: &[u8]) {
        self.last = at;
        self.observer.push(side, at, bytes);
        self.hear(context);
        self.name();
        let decrypts = self.observer.decrypts();
        match &mut self.row {
            Some(row) => row.chunk(side, at, bytes),
            // what it says is in the flows inside
            None if self.read && decrypts => {}
            None => {
                self.kept.push((side, at, bytes.to_vec()));
                self.size += bytes.len();
                let full = self.size > MOST_KEPT && !self.observer.awaits_keys();
                if !decrypts || full {
                    self.begin(context);
                }
            }
        }
        if !decrypts {
            self.give_up(context, at);
        }
    }

    /// Takes another look for the keys: at `now`.
    pub(super) fn look(&mut self, context: &mut Context, now: Timestamp) {
        if !self.awaits_keys() {
            return;
        }
        self.observer.look(now);
        self.hear(context);
        if self.row.is_none() && !self.read && !self.awaits_keys() {
            let full = self.size > MOST_KEPT;
            if full || !self.observer.decrypts() {
                self.begin(context);
            }
        }
        if !self.observer.decrypts() {
            self.give_up(context, self.last);
        }
    }

    /// Whether it waits for keys that may still come.
    pub(super) fn awaits_keys(&self) -> bool {
        self.observer.awaits_keys()
    }

    /// Whether a side has ended TLS in order.
    pub(super) fn has_closed(&self) -> bool {
        let mut sides = [Side::Request, Side::Response].into_iter();
        sides.any(|side| self.observer.has_closed(side))
    }

    /// Hands on what was said under encryption.
    fn hear(&mut self, context: &Context) {
        for said in self.observer.take_said() {
            let inside = match &mut self.inside {
                Some(inside) => inside,
                None if self.read => continue,
                None => {
                    self.read = true;
                    self.kept = Vec::new();
                    let begins = !self.observer.is_partial();
                    let inside = Conversation::new(self.surroundings(context), begins);
                    self.inside.insert(Box::new(inside))
                }
            };
            match said.bytes.as_slice() {
                [] => inside.close(said.side, said.at),
                bytes => inside.push(said.side, said.at, bytes),
            }
        }
    }

    /// Bytes of a side are missing.
    pub(super) fn gap(&mut self, context: &mut Context, side: Side, at: Position, missing: u64) {
        self.look(context, Timestamp(i64::MAX));
        self.observer.gap(side, missing);
        self.give_up(context, at);
    }

    /// Something was seen of it.
    pub(super) fn seen_at(&mut self, at: Position) {
        match &mut self.row {
            Some(row) => row.seen(at),
            None => self.last = at,
        }
    }

    /// Tags of its own flow.
    pub(super) fn mark(&self, marks: &[&str]) {
        if let Some(row) = &self.row {
            row.mark(marks);
        }
    }

    /// Nothing more comes: its own flow, unless all of it is told by what was inside.
    pub(super) fn into_row(mut self, context: &mut Context) -> Option<Row> {
        if self.row.is_none() && !self.read {
            self.begin(context);
        }
        let mut row = self.row?;
        row.seen(self.last);
        if let Some(note) = self.observer.note() {
            row.note(note);
        }
        Some(row)
    }

    /// What is inside is not read any further.
    fn give_up(&mut self, context: &mut Context, at: Position) {
        if let Some(inside) = &mut self.inside
            && !inside.is_over()
        {
            inside.finish(at, Ended::Undecrypted, None);
            context.begun += inside.take_begun();
        }
    }

    /// Its own flow begins with what was kept.
    fn begin(&mut self, context: &mut Context) {
        let first = self.kept.first().map_or(self.first, |(_, at, _)| *at);
        let mut row = context.begin_plain(first, Kind::Tls, "tls");
        for (side, at, bytes) in mem::take(&mut self.kept) {
            row.chunk(side, at, &bytes);
        }
        self.row = Some(row);
        self.name();
    }

    /// The server's name stands in its flow as soon as it is known.
    fn name(&mut self) {
        if let Some(row) = &self.row
            && !self.named
            && let Some(name) = self.asked_for()
        {
            row.edit(|flow| flow.host = name);
            self.named = true;
        }
    }

    fn asked_for(&self) -> Option<String> {
        self.seen()
            .client_hello
            .as_ref()
            .and_then(ClientHello::server_name)
    }

    fn surroundings(&self, context: &Context) -> Context {
        Context {
            secure: true,
            host: self.asked_for().unwrap_or_else(|| context.host.clone()),
            begun: 0,
            ..context.clone()
        }
    }
}
