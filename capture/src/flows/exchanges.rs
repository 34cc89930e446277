//! HTTP exchanges as flows.

use super::{
    closing::Closing,
    conversation::{Conversation, Ended},
    row::{Context, Row, Start},
};
use crate::http::{ExchangeId, Head, Http2, Position, Sink, Start as StartLine, Upgrade};
use overhear_store::{Failure, FailureCause, HeadKind, Kind, MessageInfo, Party, Side};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    mem,
};

/// So many exchanges of a connection go on at once; beyond that, the oldest ends as it is.
const MOST_OPEN: usize = 4096;

/// The exchanges of a connection that are going on.
pub(super) struct Exchanges {
    pub(super) context: Context,
    open: BTreeMap<ExchangeId, Exchange>,
    /// The exchange that ended last.
    last: Closing,
    /// What a tunnel carries.
    pub(super) tunnel: Option<Box<Conversation>>,
}

struct Exchange {
    row: Row,
    ended: [bool; 2],
    broken: Option<(Side, String)>,
    /// What it became.
    stays: bool,
    authority: String,
}

impl Exchanges {
    pub(super) fn new(context: Context) -> Self {
        Self {
            context,
            open: BTreeMap::new(),
            last: Closing::default(),
            tunnel: None,
        }
    }

    /// Nothing more comes after `at`. `failure` is why the connection ended, where it failed.
    pub(super) fn finish(&mut self, at: Position, ended: Ended, failure: Option<&Failure>) {
        for exchange in mem::take(&mut self.open).into_values() {
            let whole = exchange.stays && exchange.broken.is_none();
            let failure = failure.filter(|_| !whole).cloned();
            exchange.end(&self.context, failure, &mut self.last);
        }
        // the packets that close the connection are those of what came last
        match ended == Ended::Undecrypted || self.tunnel.is_some() {
            true => self.last.settle(&self.context),
            false => self.last.finish(&self.context, at),
        }
    }

    /// Whether there were exchanges, and all of them are at their end.
    pub(super) fn is_whole(&self) -> bool {
        match &self.tunnel {
            Some(tunnel) => tunnel.is_whole(),
            None => self.open.is_empty() && self.last.has_any(),
        }
    }

    /// The surroundings of what the connection carries inside.
    fn inside(&self) -> Context {
        Context {
            begun: 0,
            ..self.context.clone()
        }
    }

    fn exchange(&mut self, id: ExchangeId, at: Position) -> &mut Exchange {
        let context = &mut self.context;
        self.open.entry(id).or_insert_with(|| {
            // its request is not in the capture
            let scheme = if context.secure { "https" } else { "http" };
            Exchange::new(context.begin_plain(at, Kind::Http, scheme))
        })
    }

    /// Ends an exchange when both of its messages are whole, or as whole as they will be.
    fn settle(&mut self, id: ExchangeId) {
        let done = |exchange: &Exchange| exchange.ended == [true; 2];
        if self.open.get(&id).is_some_and(done)
            && let Some(exchange) = self.open.remove(&id)
        {
            exchange.end(&self.context, None, &mut self.last);
        }
    }
}

impl Exchange {
    fn new(row: Row) -> Self {
        Self {
            row,
            ended: [false; 2],
            broken: None,
            stays: false,
            authority: String::new(),
        }
    }

    fn end(self, context: &Context, failure: Option<Failure>, last: &mut Closing) {
        let broken = self.broken.map(|(side, why)| {
            let (party, what) = match side {
                Side::Request => (Party::Client, "request"),
                Side::Response => (Party::Server, "response"),
            };
            let cause = match &why {
                why if why.contains("not well formed") => FailureCause::Protocol,
                why if why.contains("reset the stream") => FailureCause::Reset,
                _ => FailureCause::Closed,
            };
            match failure {
                Some(failure) => Failure {
                    text: format!("{} ({what}: {why})", failure.text),
                    ..failure
                },
                None => Failure {
                    cause,
                    side: party,
                    text: match cause {
                        FailureCause::Protocol => format!("The {what} cannot be read. {why}"),
                        _ => format!("The {what} is not whole. {why}"),
                    },
                },
            }
        });
        last.end(self.row, context, broken);
    }
}

fn describe(info: &mut MessageInfo, head: &Head<'_>) {
    info.version = head.version;
    info.content_type.clone_from(&head.content_type);
    info.content_encoding.clone_from(&head.content_encoding);
}

/// Host and port of an authority; the port where it has none is `usual`.
fn authority(text: &str, usual: u16) -> (String, u16) {
    let text = text.rsplit('@').next().unwrap_or_default();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port))
            if !port.contains(']') && (host.ends_with(']') || !host.contains(':')) =>
        {
            (host, port)
        }
        _ => (text, ""),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (host.to_owned(), port.parse().unwrap_or(usual))
}

impl Sink for Exchanges {
    fn request(&mut self, id: ExchangeId, at: Position, head: &Head<'_>) {
        let StartLine::Request(method, target) = &head.start else {
            return;
        };
        let scheme = match self.context.secure {
            true => "https",
            false => "http",
        };
        let (mut host, mut port) = match head.authority.as_str() {
            "" => (self.context.host.clone(), self.context.port),
            named => authority(named, self.context.port),
        };
        let mut path = target.clone();
        // one of RFC 8441 has a path
        let is_connect = method == "CONNECT" && !target.starts_with('/');
        if is_connect {
            (host, port) = authority(target, self.context.port);
            path = String::new();
        } else if !target.starts_with('/')
            && let Some((name, rest)) = target.split_once("://")
        {
            // a request to a proxy
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (named, rest) = rest.split_at(end);
            let usual = if name.eq_ignore_ascii_case("https") {
                443
            } else {
                80
            };
            (host, port) = authority(named, usual);
            path = match rest.starts_with('/') {
                true => rest.to_owned(),
                false => format!("/{rest}"),
            };
        }
        let start = Start {
            kind: Kind::Http,
            scheme,
            method: method.clone(),
            host,
            port,
            path,
        };
        if self.open.len() >= MOST_OPEN
            && !self.open.contains_key(&id)
            && let Some((_, exchange)) = self.open.pop_first()
        {
            exchange.end(&self.context, None, &mut self.last);
        }
        let context = &mut self.context;
        let exchange = match self.open.entry(id) {
            Entry::Vacant(place) => place.insert(Exchange::new(context.begin(at, start))),
            // its response was seen first
            Entry::Occupied(place) => {
                let exchange = place.into_mut();
                exchange.row.edit(|flow| {
                    flow.method = start.method;
                    flow.host = start.host;
                    flow.port = start.port;
                    flow.path = start.path;
                });
                exchange
            }
        };
        exchange.authority = match is_connect {
            true => target.clone(),
            false => head.authority.clone(),
        };
        exchange.row.head(HeadKind::Request, at, head.bytes);
        exchange.row.edit(|flow| describe(&mut flow.request, head));
    }

    fn interim(&mut self, id: ExchangeId, at: Position, head: &Head<'_>) {
        self.exchange(id, at)
            .row
            .head(HeadKind::Interim, at, head.bytes);
    }

    fn response(&mut self, id: ExchangeId, at: Position, head: &Head<'_>) {
        let exchange = self.exchange(id, at);
        exchange.row.head(HeadKind::Response, at, head.bytes);
        exchange.row.edit(|flow| {
            if let StartLine::Response(status) = head.start {
                flow.status = Some(status);
            }
            describe(&mut flow.response, head);
        });
    }

    fn body(&mut self, id: ExchangeId, side: Side, at: Position, bytes: &[u8]) {
        self.exchange(id, at).row.chunk(side, at, bytes);
    }

    fn trailers(&mut self, id: ExchangeId, side: Side, at: Position, bytes: &[u8]) {
        let kind = match side {
            Side::Request => HeadKind::RequestTrailers,
            Side::Response => HeadKind::ResponseTrailers,
        };
        self.exchange(id, at).row.head(kind, at, bytes);
    }

    fn end(&mut self, id: ExchangeId, side: Side, at: Position) {
        let exchange = self.exchange(id, at);
        exchange.row.seen(at);
        exchange.ended[side as usize] = true;
        if !exchange.stays || side == Side::Response {
            self.settle(id);
        }
    }

    fn upgraded(&mut self, id: ExchangeId, at: Position, upgrade: Upgrade) {
        let exchange = self.exchange(id, at);
        exchange.row.seen(at);
        let named = exchange.authority.clone();
        match upgrade {
            Upgrade::WebSocket => {
                exchange.stays = true;
                exchange.ended = [false; 2];
                exchange.row.edit(|flow| {
                    flow.kind = Kind::WebSocket;
                    flow.scheme = match flow.scheme.as_str() {
                        "https" => "wss".to_owned(),
                        _ => "ws".to_owned(),
                    };
                });
            }
            Upgrade::Other => {
                exchange.stays = true;
                exchange.ended = [false; 2];
            }
            Upgrade::Tunnel => {
                let mut inside = self.inside();
                (inside.host, inside.port) = authority(&named, inside.port);
                self.tunnel = Some(Box::new(Conversation::new(inside, true)));
            }
            Upgrade::Http2 => {
                let inside = self.inside();
                let mut exchanges = Self::new(inside.clone());
                let exchange = self.open.remove(&id);
                exchanges
                    .open
                    .extend(exchange.map(|exchange| (Http2::UPGRADED, exchange)));
                let http = Http2::upgraded();
                self.tunnel = Some(Box::new(Conversation::http2(inside, http, exchanges)));
            }
        }
    }

    fn tunnel(&mut self, side: Side, at: Position, bytes: &[u8]) {
        if let Some(tunnel) = &mut self.tunnel {
            tunnel.push(side, at, bytes);
        }
    }

    fn broken(&mut self, id: ExchangeId, side: Side, at: Position, why: &str) {
        let exchange = self.exchange(id, at);
        exchange
            .broken
            .get_or_insert_with(|| (side, why.to_owned()));
    }

    fn unreadable(&mut self, _: Position, why: &str) {
        let inside = self.inside();
        self.tunnel = Some(Box::new(Conversation::rest(inside, why.to_owned())));
    }
}
