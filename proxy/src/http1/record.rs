//! What the relay tells the recorder of heads.

use crate::{
    http1::{
        Session,
        head::{Fields, RequestHead, ResponseHead},
        target::{self, Absolute, Form},
    },
    target::Target,
};
use overhear_store::{
    Connection, ConnectionRecorder, Flow, FlowId, FlowRecorder, FlowStart, HeadKind, Kind,
    MessageInfo, Recorder, Replayed, Timestamp, Version,
};
use parking_lot::Mutex;
use std::net::SocketAddr;
use tokio::sync::oneshot;

/// Where flows go, and what they have in common.
pub(crate) struct Journal<'a> {
    pub(crate) recorder: &'a Recorder,
    pub(crate) accepted: &'a Connection,
    replay_of: Option<Replayed>,
    announce: Mutex<Option<oneshot::Sender<FlowId>>>,
    /// A person built the requests: they go as they were built.
    pub(crate) built: bool,
}

/// The server that a request goes to, as it is recorded.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) target: &'a Target,
    pub(crate) connection: &'a ConnectionRecorder,
    pub(crate) server: Option<SocketAddr>,
}

impl<'a> Journal<'a> {
    pub(crate) fn new(session: &mut Session<'a>) -> Self {
        Self {
            recorder: session.recorder,
            accepted: session.accepted,
            replay_of: session.replay_of,
            built: session.announce.is_some(),
            announce: Mutex::new(session.announce.take()),
        }
    }

    /// Begins a flow with its request's head. `absolute` is the target of a plain proxy request.
    pub(crate) fn request(
        &self,
        head: &RequestHead<'_>,
        absolute: Option<&Absolute<'_>>,
        place: Place<'_>,
        first: Timestamp,
    ) -> FlowRecorder {
        let start = self.start(head, absolute, place, first);
        self.begun(self.recorder, start, head, first)
    }

    /// Begins the flow of a request that rules touch; unrecorded when they say so.
    pub(crate) fn touched(
        &self,
        hidden: bool,
        start: FlowStart,
        head: &RequestHead<'_>,
        first: Timestamp,
    ) -> FlowRecorder {
        match hidden {
            true => self.begun(&self.recorder.never(), start, head, first),
            false => self.begun(self.recorder, start, head, first),
        }
    }

    fn begun(
        &self,
        recorder: &Recorder,
        start: FlowStart,
        head: &RequestHead<'_>,
        first: Timestamp,
    ) -> FlowRecorder {
        let flow = self.begin(recorder, start);
        flow.head(HeadKind::Request, first, head.bytes);
        flow.edit(|flow| describe(&mut flow.request, head.version, &head.fields));
        flow
    }

    /// What would be in the row of a flow that begins so.
    pub(crate) fn preview(&self, start: FlowStart, head: &RequestHead<'_>) -> Flow {
        let mut flow = self.recorder.preview(start);
        describe(&mut flow.request, head.version, &head.fields);
        flow
    }

    /// What is known when the flow of a request begins.
    pub(crate) fn start(
        &self,
        head: &RequestHead<'_>,
        absolute: Option<&Absolute<'_>>,
        place: Place<'_>,
        first: Timestamp,
    ) -> FlowStart {
        let mut host = place.target.host.clone();
        let mut port = place.target.port;
        let mut scheme = place.target.scheme.as_str();
        // a request that is refused before anybody was asked is for whom it names
        let nowhere = host.is_empty();
        let path = match absolute {
            Some(absolute) => {
                if nowhere {
                    (host, port) = (absolute.target.host.clone(), absolute.target.port);
                    scheme = absolute.target.scheme.as_str();
                }
                path(absolute, head.method)
            }
            None if head.target.starts_with(b"/") => text(head.target),
            None => match target::form(head.method, head.target) {
                Ok(Form::Absolute(absolute)) => path(&absolute, head.method),
                Ok(Form::Authority(target)) => {
                    (host, port) = (target.host, target.port);
                    if nowhere {
                        scheme = "tcp";
                    }
                    String::new()
                }
                Ok(Form::Origin | Form::Asterisk) | Err(_) => text(head.target),
            },
        };
        FlowStart {
            connection: place.connection.id(),
            kind: Kind::Http,
            method: head.method.to_owned(),
            scheme,
            host,
            port,
            path,
            client: self.accepted.client,
            server: place.server,
            started: first,
            replay_of: self.replay_of,
        }
    }

    /// Begins a flow with a request that cannot be read: `bytes` is what came of it.
    pub(crate) fn broken_request(
        &self,
        bytes: &[u8],
        place: Place<'_>,
        first: Timestamp,
    ) -> FlowRecorder {
        let line = bytes
            .split(|b| *b == b'\n')
            .find(|l| !l.trim_ascii().is_empty());
        let mut words = line.unwrap_or_default().trim_ascii().split(|b| *b == b' ');
        let mut word = |most| {
            let word = words.next().unwrap_or_default();
            word.get(..most).unwrap_or(word)
        };
        let (method, target) = (text(word(32)), word(2048));
        let (mut host, mut port) = (place.target.host.clone(), place.target.port);
        let mut scheme = place.target.scheme.as_str();
        let path = match target::form(&method, target) {
            Ok(Form::Absolute(absolute)) if host.is_empty() => {
                let path = path(&absolute, &method);
                (host, port) = (absolute.target.host, absolute.target.port);
                scheme = absolute.target.scheme.as_str();
                path
            }
            Ok(Form::Authority(target)) if host.is_empty() => {
                (host, port, scheme) = (target.host, target.port, "tcp");
                String::new()
            }
            _ => text(target),
        };
        let flow = self.begin(
            self.recorder,
            FlowStart {
                connection: place.connection.id(),
                kind: Kind::Http,
                method,
                scheme,
                host,
                port,
                path,
                client: self.accepted.client,
                server: None,
                started: first,
                replay_of: self.replay_of,
            },
        );
        flow.head(HeadKind::Request, first, bytes);
        flow
    }

    fn begin(&self, recorder: &Recorder, start: FlowStart) -> FlowRecorder {
        let flow = recorder.flow(start);
        if let Some(announce) = self.announce.lock().take() {
            // who replays may have gone away
            let _ = announce.send(flow.id());
        }
        flow
    }
}

/// Records the head of a final response.
pub(crate) fn response(flow: &FlowRecorder, head: &ResponseHead<'_>, first: Timestamp) {
    flow.head(HeadKind::Response, first, head.bytes);
    flow.edit(|flow| {
        flow.status = Some(head.status);
        describe(&mut flow.response, head.version, &head.fields);
    });
}

/// The request offered to go over to HTTP/2, which was not passed on.
pub(crate) fn declined(flow: &mut Flow) {
    "no-h2c".clone_into(&mut flow.tags);
}

/// The flow becomes a WebSocket, RFC 6455.
pub(crate) fn becomes_websocket(flow: &mut Flow) {
    flow.kind = Kind::WebSocket;
    let scheme = match flow.scheme.as_str() {
        "https" => "wss",
        _ => "ws",
    };
    scheme.clone_into(&mut flow.scheme);
}

fn describe(info: &mut MessageInfo, version: Version, fields: &Fields<'_>) {
    info.version = Some(version);
    if let Some(value) = fields.content_type {
        info.content_type = text(value);
    }
    if let Some(value) = fields.content_encoding {
        info.content_encoding = text(value);
    }
}

fn path(absolute: &Absolute<'_>, method: &str) -> String {
    let mut path = Vec::with_capacity(absolute.rest.len() + 1);
    absolute.origin_form(method, &mut path);
    text(&path)
}

/// Bytes as text: UTF-8, or else ISO-8859-1, as the store reads heads.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    }
}
