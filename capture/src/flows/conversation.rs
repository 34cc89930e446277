//! What a TCP connection speaks, by its first bytes, and the flows that this makes.

use super::{
    alerts::{self, warned},
    closing::Closing,
    dns_stream::DnsStream,
    exchanges::Exchanges,
    recognize::{self, Protocol},
    row::{Context, Row},
    secure::Secure,
};
use crate::{
    diagnose::Finding,
    http::{Http1, Http2, Position, begins_like_request, begins_like_response},
    tls::{self, Observed},
};
use overhear_store::{Failure, FailureCause, Kind, Party, Side, Timestamp, TlsInfo};
use std::{mem, net::SocketAddr};

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Both sides closed it.
    Closed,
    /// A side reset it.
    Reset(Side),
    /// Nothing was heard of it any more.
    Forgotten,
    /// The capture ends before it does.
    CaptureEnds,
    /// The rest of it is not decrypted.
    Undecrypted,
}

impl Ended {
    /// Why a message is not whole.
    fn why(self) -> &'static str {
        match self {
            Self::Closed => "The connection was closed in the middle of it.",
            Self::Reset(Side::Request) => "The client reset the connection in the middle of it.",
            Self::Reset(Side::Response) => "The server reset the connection in the middle of it.",
            Self::Forgotten => "Nothing more was heard of the connection.",
            Self::CaptureEnds => "The capture ends before it does.",
            Self::Undecrypted => "The rest of the connection is not decrypted.",
        }
    }
}

/// What is known of TLS.
pub(super) struct Tls {
    pub(super) info: TlsInfo,
    pub(super) done: Option<Timestamp>,
}

/// A conversation of two sides.
pub(super) struct Conversation {
    context: Context,
    speaks: Speaks,
    /// Its beginning is in the capture.
    whole: bool,
    tls: Option<Tls>,
    findings: Vec<Finding>,
    /// Bytes that are not in the capture.
    missing: u64,
    /// Of each side, before anything was said.
    unsaid: [u64; 2],
    /// Its SYN was seen, and the answer to it.
    opens: bool,
    stands: bool,
}

enum Speaks {
    /// Not known yet: what was said so far.
    Unknown(Vec<(Side, Position, Vec<u8>)>),
    Http1(Box<(Http1, Exchanges)>),
    Http2(Box<(Http2, Exchanges)>),
    Tls(Box<Secure>),
    Dns(Box<DnsStream>),
    Raw(Row),
    /// Its SYN was not answered in time, which is a flow that has ended.
    Silent(Closing),
    /// What follows cannot be read: why. It is a flow when there is any of it.
    Rest(String),
    /// Nothing more comes.
    Over,
}

/// What is said of HTTP/2 whose beginning is not in the capture.
const HTTP2_MIDWAY: &str = "This looks like HTTP/2 without its beginning, which is not in the capture: its heads are \
    compressed with what was said before, and cannot be read.";

impl Conversation {
    pub(super) fn new(context: Context, whole: bool) -> Self {
        Self {
            context,
            speaks: Speaks::Unknown(Vec::new()),
            whole,
            tls: None,
            findings: Vec::new(),
            missing: 0,
            unsaid: [0; 2],
            opens: false,
            stands: false,
        }
    }

    /// It is a connection that began in the capture; whether it was answered so far.
    pub(super) fn opens(&mut self, stands: bool) {
        (self.opens, self.stands) = (true, stands);
    }

    /// HTTP/2 of which something is known already.
    pub(super) fn http2(context: Context, http: Http2, exchanges: Exchanges) -> Self {
        Self {
            speaks: Speaks::Http2(Box::new((http, exchanges))),
            ..Self::new(context, true)
        }
    }

    /// The rest of a connection that cannot be read further; `why` is a sentence.
    pub(super) fn rest(context: Context, why: String) -> Self {
        Self {
            speaks: Speaks::Rest(why),
            ..Self::new(context, true)
        }
    }

    /// Whether it was finished.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.speaks, Speaks::Over)
    }

    /// The SYN was not answered so far, which is what `failure` says: a flow, unless something was said.
    pub(super) fn silent(&mut self, at: Position, failure: Option<Failure>) {
        if !matches!(&self.speaks, Speaks::Unknown(early) if early.is_empty()) {
            return;
        }
        let opened = self.context.opened;
        let mut row = self.context.begin_plain(opened, Kind::Tcp, "tcp");
        row.seen(at);
        let mut closing = Closing::default();
        closing.end(row, &self.context, failure);
        self.speaks = Speaks::Silent(closing);
    }

    /// Takes another look at what waits for its keys: at `now`.
    pub(super) fn look(&mut self, now: Timestamp) {
        if let Speaks::Tls(tls) = &mut self.speaks {
            let known = knows(tls.seen());
            tls.look(&mut self.context, now);
            if knows(tls.seen()) != known {
                self.observed();
            }
        }
        if let Some(tunnel) = self.tunnel() {
            tunnel.look(now);
        }
    }

    /// Whether something of it waits for keys that may still come.
    pub(super) fn awaits_keys(&self) -> bool {
        match &self.speaks {
            Speaks::Tls(tls) => tls.awaits_keys(),
            Speaks::Http1(http) => http.1.tunnel.as_ref().is_some_and(|t| t.awaits_keys()),
            Speaks::Http2(http) => http.1.tunnel.as_ref().is_some_and(|t| t.awaits_keys()),
            _ => false,
        }
    }

    pub(super) fn client(&self) -> SocketAddr {
        self.context.client
    }

    /// The name that the client's TLS asks for.
    pub(super) fn server_name(&self) -> Option<String> {
        match &self.speaks {
            Speaks::Tls(tls) => {
                let hello = tls.seen().client_hello.as_ref();
                hello.and_then(tls::ClientHello::server_name)
            }
            _ => None,
        }
    }

    /// Whether what is said shows which side is the client.
    pub(super) fn shows_sides(&self) -> bool {
        match &self.speaks {
            Speaks::Http1(_) | Speaks::Http2(_) | Speaks::Dns(_) => true,
            Speaks::Tls(tls) => {
                let seen = tls.seen();
                seen.client_hello.is_some() || seen.server_hello.is_some()
            }
            _ => false,
        }
    }

    /// Whether all that was said is messages of HTTP, each to its end.
    pub(super) fn is_whole(&self) -> bool {
        match &self.speaks {
            Speaks::Http1(http) => http.1.is_whole(),
            Speaks::Http2(http) => http.1.is_whole(),
            Speaks::Tls(tls) => tls.inside.as_ref().is_some_and(|inside| inside.is_whole()),
            _ => false,
        }
    }

    /// Whether a side has ended TLS in order, also behind a CONNECT.
    pub(super) fn has_closed(&self) -> bool {
        match &self.speaks {
            Speaks::Tls(tls) => tls.has_closed(),
            Speaks::Http1(http) => http.1.tunnel.as_ref().is_some_and(|t| t.has_closed()),
            Speaks::Http2(http) => http.1.tunnel.as_ref().is_some_and(|t| t.has_closed()),
            _ => false,
        }
    }

    pub(super) fn server(&self) -> SocketAddr {
        self.context.server
    }

    /// Takes bytes of a side, in order.
    pub(super) fn push(&mut self, side: Side, at: Position, bytes: &[u8]) {
        match &mut self.speaks {
            Speaks::Unknown(early) => {
                early.push((side, at, bytes.to_vec()));
                self.recognize(false);
            }
            Speaks::Http1(http) => http.0.push(side, at, bytes, &mut http.1),
            Speaks::Http2(http) => http.0.push(side, at, bytes, &mut http.1),
            Speaks::Over => {}
            Speaks::Silent(_) => {
                // it was answered after all, and what is said is told on its own
                if let Speaks::Silent(mut closing) =
                    mem::replace(&mut self.speaks, Speaks::Unknown(Vec::new()))
                {
                    closing.settle(&self.context);
                }
                self.push(side, at, bytes);
            }
            Speaks::Dns(dns) => {
                dns.push(&mut self.context, side, at, bytes, &mut self.findings);
            }
            Speaks::Rest(why) => {
                let mut row = self.context.begin_plain(at, Kind::Tcp, "tcp");
                row.note(why);
                row.chunk(side, at, bytes);
                self.speaks = Speaks::Raw(row);
            }
            Speaks::Tls(tls) => {
                let known = knows(tls.seen());
                tls.push(&mut self.context, side, at, bytes);
                if knows(tls.seen()) != known {
                    self.observed();
                }
            }
            Speaks::Raw(_) if side == Side::Request && tls::is_client_hello(bytes) => {
                // STARTTLS, or what a database has of its own
                let secure = Secure::new(&self.context, at);
                let before = mem::replace(&mut self.speaks, Speaks::Tls(Box::new(secure)));
                if let Speaks::Raw(mut row) = before {
                    row.note("What follows is TLS.");
                    row.end(&self.context.file, &self.context.marks, None);
                }
                self.push(side, at, bytes);
            }
            Speaks::Raw(row) if self.whole => row.chunk(side, at, bytes),
            Speaks::Raw(row) => {
                // the capture began in the middle: HTTP is recognized where a head begins
                let begins = match side {
                    Side::Request => begins_like_request(bytes),
                    Side::Response => begins_like_response(bytes),
                };
                if begins != Some(true) {
                    row.chunk(side, at, bytes);
                    return;
                }
                let http = (Http1::midway(), Exchanges::new(self.context.clone()));
                self.context.begun = 0;
                let before = mem::replace(&mut self.speaks, Speaks::Http1(Box::new(http)));
                if let Speaks::Raw(row) = before {
                    row.end(&self.context.file, &self.context.marks, None);
                }
                self.push(side, at, bytes);
            }
        }
    }

    /// Bytes of a side are missing.
    pub(super) fn gap(&mut self, side: Side, at: Position, missing: u64) {
        self.missing = self.missing.saturating_add(missing);
        self.recognize(true);
        match &mut self.speaks {
            Speaks::Unknown(_) => self.unsaid[side as usize] += missing,
            Speaks::Http1(http) => http.0.gap(side, at, missing, &mut http.1),
            Speaks::Http2(http) => http.0.gap(side, at, missing, &mut http.1),
            Speaks::Tls(tls) => return tls.gap(&mut self.context, side, at, missing),
            Speaks::Dns(dns) => dns.gap(),
            Speaks::Raw(row) => row.gap(side, at, missing),
            Speaks::Silent(_) | Speaks::Rest(_) | Speaks::Over => {}
        }
        if let Some(tunnel) = self.tunnel() {
            tunnel.gap(side, at, missing);
        }
    }

    /// A side has closed.
    pub(super) fn close(&mut self, side: Side, at: Position) {
        match &mut self.speaks {
            Speaks::Http1(http) => http.0.close(side, at, &mut http.1),
            Speaks::Tls(tls) => tls.seen_at(at),
            Speaks::Raw(row) => row.seen(at),
            // a stream of HTTP/2 says itself where it ends
            Speaks::Unknown(_)
            | Speaks::Http2(_)
            | Speaks::Dns(_)
            | Speaks::Silent(_)
            | Speaks::Rest(_)
            | Speaks::Over => {}
        }
        if let Some(tunnel) = self.tunnel() {
            tunnel.close(side, at);
        }
    }

    /// Nothing more comes; `failure` is why, where the connection failed.
    pub(super) fn finish(&mut self, at: Position, ended: Ended, failure: Option<Failure>) {
        self.look(Timestamp(i64::MAX));
        self.recognize(true);
        let alert = match &self.speaks {
            Speaks::Tls(tls) => {
                let over = matches!(ended, Ended::Closed | Ended::Reset(_) | Ended::Forgotten);
                alerts::fatal(&self.context, tls.seen(), over)
            }
            _ => None,
        };
        let (finding, alert) = alert.unzip();
        self.findings.extend(finding);
        let failure = alert.or(failure);
        if let Some(tunnel) = self.tunnel() {
            tunnel.finish(at, ended, failure.clone());
        }
        let reset = || match ended {
            Ended::Reset(side) => Some(Failure {
                cause: FailureCause::Reset,
                side: match side {
                    Side::Request => Party::Client,
                    Side::Response => Party::Server,
                },
                text: "The connection was reset.".to_owned(),
            }),
            _ => None,
        };
        match mem::replace(&mut self.speaks, Speaks::Over) {
            Speaks::Unknown(_) => {
                // it never said anything
                let opened = self.context.opened;
                let mut row = self.context.begin_plain(opened, Kind::Tcp, "tcp");
                unsaid(&row, opened, self.unsaid);
                row.seen(at);
                row.closes(at);
                let failure = failure.or_else(|| self.unanswered(ended));
                let failure = failure.or_else(|| self.lacks());
                row.end(&self.context.file, &self.context.marks, failure);
            }
            Speaks::Raw(mut row) => {
                // what was sent again, and the end, say nothing, and are packets of it all the same
                row.closes(at);
                let failure = failure.or_else(|| self.lacks());
                row.end(&self.context.file, &self.context.marks, failure);
            }
            Speaks::Silent(mut closing) => closing.finish(&self.context, at),
            Speaks::Rest(_) | Speaks::Over => {}
            Speaks::Dns(mut dns) => {
                // with the capture's end the answer may only be late
                let waited = ended != Ended::CaptureEnds;
                let failure = failure.or_else(reset);
                dns.finish(
                    &self.context,
                    at,
                    failure.as_ref(),
                    waited,
                    &mut self.findings,
                );
            }
            Speaks::Http1(http) => {
                let (mut http, mut exchanges) = *http;
                http.finish(at, ended.why(), &mut exchanges);
                self.settle(exchanges, at, ended, failure.or_else(reset).as_ref());
            }
            Speaks::Http2(http) => {
                let (mut http, mut exchanges) = *http;
                http.finish(at, ended.why(), &mut exchanges);
                self.settle(exchanges, at, ended, failure.or_else(reset).as_ref());
            }
            Speaks::Tls(mut tls) => {
                if let Some(mut inside) = tls.inside.take() {
                    self.gather(&mut inside);
                }
                self.tls = Some(told(tls.seen()));
                let warning = failure.is_none().then(|| warned(tls.seen())).flatten();
                if let Some(mut row) = tls.into_row(&mut self.context) {
                    if let Some(warning) = warning {
                        row.note(&warning);
                    }
                    row.closes(at);
                    row.end(&self.context.file, &self.context.marks, failure);
                }
            }
        }
    }

    /// What of a flow is not in the capture: it has holes that nobody sees in its bytes.
    fn lacks(&self) -> Option<Failure> {
        let what = match self.missing {
            0 => return None,
            1 => "One byte of this connection is".to_owned(),
            missing => format!("{missing} bytes of this connection are"),
        };
        Some(Failure {
            cause: FailureCause::Other,
            side: Party::Proxy,
            text: format!(
                "{what} not in the capture: packets were not captured, or cut (snap length)."
            ),
        })
    }

    /// Of a connection that said nothing: that nobody answered before the capture ended.
    fn unanswered(&self, ended: Ended) -> Option<Failure> {
        let waits = self.opens && !self.stands && ended == Ended::CaptureEnds;
        waits.then(|| Failure {
            cause: FailureCause::Other,
            side: Party::Server,
            text: "The capture ends before the SYN was answered.".to_owned(),
        })
    }

    /// Ends what was said in HTTP.
    fn settle(
        &mut self,
        mut exchanges: Exchanges,
        at: Position,
        ended: Ended,
        failure: Option<&Failure>,
    ) {
        exchanges.finish(at, ended, failure);
        if let Some(tunnel) = &mut exchanges.tunnel {
            self.gather(tunnel);
            self.tls = tunnel.take_tls();
        }
        self.context.begun += exchanges.context.begun;
    }

    /// Takes what a conversation inside has told.
    fn gather(&mut self, inside: &mut Self) {
        self.findings.append(&mut inside.findings);
        self.context.begun += inside.take_begun();
    }

    /// Tags for what slows the connection down.
    pub(super) fn mark(&mut self, marks: Vec<&'static str>) {
        if let Some(tunnel) = self.tunnel() {
            tunnel.mark(marks.clone());
        }
        if let Some(exchanges) = self.exchanges() {
            exchanges.context.marks.clone_from(&marks);
        }
        if marks == self.context.marks {
            return;
        }
        // a connection may stay open for hours
        match &self.speaks {
            Speaks::Raw(row) => row.mark(&marks),
            Speaks::Tls(tls) => tls.mark(&marks),
            _ => {}
        }
        self.context.marks = marks;
    }

    /// How many flows began since this was asked.
    pub(super) fn take_begun(&mut self) -> u64 {
        let inside = self.exchanges();
        let inside = inside.map_or(0, |exchanges| mem::take(&mut exchanges.context.begun));
        let tunnel = self.tunnel().map_or(0, Self::take_begun);
        mem::take(&mut self.context.begun) + inside + tunnel
    }

    /// What is known of TLS, when that has changed.
    pub(super) fn take_tls(&mut self) -> Option<Tls> {
        let inside = self.tunnel().and_then(Self::take_tls);
        self.tls.take().or(inside)
    }

    /// What went wrong in what was said.
    pub(super) fn findings(&mut self) -> Vec<Finding> {
        mem::take(&mut self.findings)
    }

    fn exchanges(&mut self) -> Option<&mut Exchanges> {
        match &mut self.speaks {
            Speaks::Http1(http) => Some(&mut http.1),
            Speaks::Http2(http) => Some(&mut http.1),
            _ => None,
        }
    }

    fn tunnel(&mut self) -> Option<&mut Self> {
        match &mut self.speaks {
            Speaks::Http1(http) => http.1.tunnel.as_deref_mut(),
            Speaks::Http2(http) => http.1.tunnel.as_deref_mut(),
            Speaks::Tls(tls) => tls.inside.as_deref_mut(),
            _ => None,
        }
    }

    /// Looks at what was said so far; `now` decides whatever it is.
    fn recognize(&mut self, now: bool) {
        let Speaks::Unknown(early) = &mut self.speaks else {
            return;
        };
        let Some((_, first, _)) = early.first() else {
            return;
        };
        let first = *first;
        let mut said = [Vec::new(), Vec::new()];
        for (side, _, bytes) in early.iter() {
            said[*side as usize].extend_from_slice(bytes);
        }
        let port = self.context.server.port();
        let Some(protocol) = recognize::protocol(&said, port, self.whole, now) else {
            return;
        };
        let early = mem::take(early);
        let context = || Context {
            begun: 0,
            ..self.context.clone()
        };
        self.speaks = match protocol {
            Protocol::Dns => Speaks::Dns(Box::new(DnsStream::new())),
            Protocol::Tls => Speaks::Tls(Box::new(Secure::new(&self.context, first))),
            Protocol::Http1 => {
                let http = match self.whole {
                    true => Http1::default(),
                    false => Http1::midway(),
                };
                Speaks::Http1(Box::new((http, Exchanges::new(context()))))
            }
            Protocol::Http2 => {
                Speaks::Http2(Box::new((Http2::default(), Exchanges::new(context()))))
            }
            Protocol::Http2Midway | Protocol::Other => {
                let mut row = self.context.begin_plain(first, Kind::Tcp, "tcp");
                unsaid(&row, first, self.unsaid);
                if protocol == Protocol::Http2Midway {
                    row.note(HTTP2_MIDWAY);
                }
                Speaks::Raw(row)
            }
        };
        for (side, at, bytes) in early {
            self.push(side, at, &bytes);
        }
    }

    /// Something new is known of TLS.
    fn observed(&mut self) {
        let Speaks::Tls(tls) = &self.speaks else {
            return;
        };
        self.tls = Some(told(tls.seen()));
    }
}

/// Marks what is missing of each side before anything was said.
fn unsaid(row: &Row, at: Position, missing: [u64; 2]) {
    for side in [Side::Request, Side::Response] {
        row.gap(side, at, missing[side as usize]);
    }
}

/// What of it is known, so that news are noticed.
fn knows(seen: &Observed) -> [bool; 4] {
    [
        seen.client_hello.is_some(),
        seen.server_hello.is_some(),
        !seen.certificates.is_empty() || seen.protocol.is_some(),
        seen.done.is_some(),
    ]
}

fn told(seen: &Observed) -> Tls {
    let mut info = seen.info();
    if let Some(hello) = &seen.client_hello {
        info.ja3 = Some(tls::ja3(hello).hash);
        info.ja4 = Some(tls::ja4(hello));
    }
    Tls {
        info,
        done: seen.done,
    }
}
