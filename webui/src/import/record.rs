//! An entry as a flow: heads put together again, bodies decoded, times counted from its timings.

use super::entry::{Body, Entry, Frame, Message, Timings};
use base64::{
    alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    read::DecoderReader,
};
use overhear_store::{
    Connection, Failure, FailureCause, FlowRecorder, FlowStart, HeadKind, Kind, Party, Recorder,
    Side, Timestamp, Version, rule::ChangedMessage,
};
use std::{
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A body is handed on in pieces of this many bytes.
const PIECE: usize = 64 << 10;
/// A WebSocket message in base64 that is longer is taken as the text it is.
const MOST_DECODED: u64 = 64 << 20;
/// More than this is no time that a request took: 30 years in milliseconds.
const MOST_MS: f64 = 1e12;

/// What could not be taken as it was.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost {
    /// Bodies of which the file says the size only.
    pub(super) bodies: u64,
    /// Header fields that no message can have.
    pub(super) fields: u64,
    /// Entries without a readable time.
    pub(super) times: u64,
}

/// Why an entry makes no flow.
#[derive(Debug)]
pub(super) enum Failed {
    /// It is not taken.
    Entry(String),
    /// What was put aside cannot be read again.
    Read(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// Records an entry. `room` waits until there is room for more bytes.
pub(super) fn record(
    mut entry: Entry,
    recorder: &Recorder,
    room: &mut dyn FnMut(),
    lost: &mut Lost,
) -> Result<(), Failed> {
    let skip = |reason: &str| Failed::Entry(reason.to_owned());
    let mut request = entry
        .request
        .take()
        .ok_or_else(|| skip("it has no request"))?;
    let mut response = entry.response.take().unwrap_or_default();
    let target = Target::of(&request.url).map_err(Failed::Entry)?;
    if request.method.is_empty() {
        return Err(skip("its request has no method"));
    }
    if !request.method.bytes().all(is_token) {
        return Err(skip("its request's method is not valid"));
    }
    // looked at before anything is recorded: a body that is not what it says makes no flow
    for body in [&mut request.body, &mut response.body]
        .into_iter()
        .flatten()
    {
        check(body)?;
    }

    let clock = Clock::of(&entry, lost);
    let websocket = entry.resource_type.eq_ignore_ascii_case("websocket")
        || !entry.messages.is_empty()
        || matches!(target.scheme, "ws" | "wss");
    let scheme = match (websocket, target.scheme) {
        (true, "http") => "ws",
        (true, "https") => "wss",
        (_, scheme) => scheme,
    };
    let client: SocketAddr = entry
        .client
        .parse()
        .unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let server: Option<IpAddr> = entry.server.trim_matches(['[', ']']).parse().ok();
    let server = server.map(|ip| SocketAddr::new(ip, entry.port.parse().unwrap_or(target.port)));

    let connection = recorder.connection(Connection {
        host: target.host.clone(),
        port: target.port,
        server,
        accepted: clock.started,
        dns_start: clock.dns.map(|(from, _)| from),
        dns_done: clock.dns.map(|(_, to)| to),
        connect_start: clock.connect.map(|(from, _)| from),
        connected: clock.connect.map(|(_, to)| clock.ssl.unwrap_or(to)),
        server_tls_done: clock.ssl.and(clock.connect.map(|(_, to)| to)),
        closed: Some(clock.ended),
        ..Connection::accepted(client, client)
    });
    let flow = recorder.flow(FlowStart {
        connection: connection.id(),
        kind: if websocket {
            Kind::WebSocket
        } else {
            Kind::Http
        },
        method: request.method.clone(),
        scheme,
        host: target.host.clone(),
        port: target.port,
        path: target.path.clone(),
        client,
        server,
        started: clock.request_first,
        replay_of: None,
    });

    let sent_version = version(&request);
    let answer_version = version(&response).or(sent_version);
    flow.head(
        HeadKind::Request,
        clock.request_first,
        &request_head(&request, &target, sent_version, lost),
    );
    body(
        &flow,
        Side::Request,
        clock.request_last,
        &mut request,
        room,
        lost,
    )?;
    let status = match response.status {
        status if (100.0..1000.0).contains(&status) => Some(status as u16),
        _ => None,
    };
    if let Some(status) = status {
        flow.head(
            HeadKind::Response,
            clock.response_first,
            &response_head(&response, status, answer_version, lost),
        );
        // what follows the head of a WebSocket's opening are its messages
        if !websocket {
            body(
                &flow,
                Side::Response,
                clock.ended,
                &mut response,
                room,
                lost,
            )?;
        }
    }
    if let Some(mut frames) = entry.frames.take() {
        for message in &entry.messages {
            frame(&flow, message, &mut frames, &clock, room)?;
        }
    }
    flow.edit(|flow| {
        flow.status = status;
        flow.request.version = sent_version;
        flow.request.content_type = content_type(&request);
        // what was sent, if it is bytes: a text is without its codings
        if request.body.as_ref().is_some_and(|body| body.base64) {
            flow.request.content_encoding = field(&request, "content-encoding");
        }
        flow.response.version = status.and(answer_version);
        flow.response.content_type = content_type(&response);
        let times = &mut flow.times;
        times.started = clock.request_first;
        times.request_first = Some(clock.request_first);
        times.request_last = Some(clock.request_last);
        times.response_first = status.map(|_| clock.response_first);
        times.response_last = status.map(|_| clock.ended);
        times.ended = Some(clock.ended);
        flow.tags = std::mem::take(&mut entry.tags);
        flow.comment = std::mem::take(&mut entry.comment);
    });
    let error = [&entry.error, &response.error]
        .into_iter()
        .find(|error| !error.is_empty());
    let whole = match entry.state.as_str() {
        "complete" => true,
        "" => status.is_some() && error.is_none(),
        _ => false,
    };
    if whole {
        flow.complete();
    } else {
        let text = error.cloned().unwrap_or_else(|| match status {
            Some(_) => "The file says that the exchange did not end.".to_owned(),
            None => "The file has no response to this request.".to_owned(),
        });
        flow.fail(Failure {
            cause: FailureCause::Other,
            side: Party::Server,
            text,
        });
    }
    Ok(())
}

/// Reads a body in base64 to its end, and stands at its beginning again.
fn check(body: &mut Body) -> Result<(), Failed> {
    if !body.base64 {
        return Ok(());
    }
    use std::io::Seek as _;
    let read = io::copy(&mut decoder(&mut body.text), &mut io::sink());
    body.text.rewind()?;
    match read {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(Failed::Entry(format!(
            "a body is not valid base64 ({error})"
        ))),
        Err(error) => Err(error.into()),
    }
}

/// Base64 with or without padding, its line breaks left out.
fn decoder<R: Read>(text: R) -> impl Read {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    DecoderReader::new(Unbroken(text), &ENGINE)
}

/// A text without its whitespace.
struct Unbroken<R>(R);

impl<R: Read> Read for Unbroken<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.0.read(buffer)?;
            let mut kept = 0;
            for at in 0..read {
                let byte = buffer.get(at).copied().unwrap_or_default();
                if !byte.is_ascii_whitespace()
                    && let Some(place) = buffer.get_mut(kept)
                {
                    *place = byte;
                    kept += 1;
                }
            }
            if kept > 0 || read == 0 {
                return Ok(kept);
            }
        }
    }
}

/// Records a message's body.
fn body(
    flow: &FlowRecorder,
    side: Side,
    at: Timestamp,
    message: &mut Message,
    room: &mut dyn FnMut(),
    lost: &mut Lost,
) -> Result<(), Failed> {
    let form = message.mime.to_ascii_lowercase();
    let form = form.starts_with("application/x-www-form-urlencoded") && !message.files;
    match &mut message.body {
        Some(body) if body.base64 => pieces(flow, side, at, &mut decoder(&mut body.text), room),
        Some(body) => pieces(flow, side, at, &mut body.text, room),
        None if form && !message.form.is_empty() => {
            let mut text = url::form_urlencoded::Serializer::new(String::new());
            text.extend_pairs(&message.form);
            flow.chunk(side, at, text.finish().as_bytes());
            Ok(())
        }
        None => {
            lost.bodies += u64::from(message.said > 0.0 || !message.form.is_empty());
            Ok(())
        }
    }
}

fn pieces(
    flow: &FlowRecorder,
    side: Side,
    at: Timestamp,
    from: &mut impl Read,
    room: &mut dyn FnMut(),
) -> Result<(), Failed> {
    let mut buffer = vec![0; PIECE];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        flow.chunk(side, at, buffer.get(..read).unwrap_or_default());
        room();
    }
}

/// Records a WebSocket message as the frame that it was, RFC 6455 section 5.2; masked with nothing.
fn frame(
    flow: &FlowRecorder,
    message: &Frame,
    frames: &mut impl Read,
    clock: &Clock,
    room: &mut dyn FnMut(),
) -> Result<(), Failed> {
    // as Chromium does it: texts are texts, all else is in base64
    let is_text = message.opcode == 1;
    let by_hand = message.by_hand && matches!(message.opcode, 1 | 2);
    let decoded = (!is_text || by_hand) && message.length <= MOST_DECODED;
    let mut payload = Vec::new();
    if decoded {
        let mut text = Vec::new();
        frames
            .by_ref()
            .take(message.length)
            .read_to_end(&mut text)?;
        if is_text || decoder(text.as_slice()).read_to_end(&mut payload).is_err() {
            payload = text;
        }
    }
    let at = match message.time {
        seconds if seconds > 0.0 => Timestamp((seconds * 1e9) as i64),
        _ => clock.response_first,
    };
    let side = if message.sent {
        Side::Request
    } else {
        Side::Response
    };
    if by_hand && decoded {
        let row = flow.get();
        let before = match side {
            Side::Request => row.request.body_size,
            Side::Response => row.response.body_size,
        };
        flow.message_changed(ChangedMessage {
            side,
            offset: before,
            length: 0,
            text: is_text,
            dropped: false,
            sent: Some(payload),
            done: Vec::new(),
            by_hand: Some(at),
        });
        return Ok(());
    }
    let length = if decoded {
        payload.len() as u64
    } else {
        message.length
    };
    let mask = if message.sent { 0x80 } else { 0 };
    let mut bytes = vec![0x80 | message.opcode];
    match length {
        0..126 => bytes.push(mask | length as u8),
        126..0x1_0000 => {
            bytes.push(mask | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(mask | 127);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
    }
    if message.sent {
        bytes.extend_from_slice(&[0; 4]);
    }
    bytes.append(&mut payload);
    flow.chunk(side, at, &bytes);
    match decoded {
        true => Ok(()),
        false => pieces(flow, side, at, &mut frames.take(length), room),
    }
}

/// What must hold of any entry that was read: its times are in order, and its heads have nothing in them that ends a line.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz(mut entry: Entry) {
    let mut lost = Lost::default();
    let clock = Clock::of(&entry, &mut lost);
    let times = [
        clock.started,
        clock.request_first,
        clock.request_last,
        clock.response_first,
        clock.ended,
    ];
    assert!(times.is_sorted());
    for (from, to) in [clock.dns, clock.connect].into_iter().flatten() {
        assert!(from <= to && from >= clock.started);
    }
    let (request, response) = (entry.request.take(), entry.response.take());
    let whole = |head: Vec<u8>| {
        let text = String::from_utf8(head).unwrap_or_else(|error| panic!("{error}"));
        let lines = text.strip_suffix("\r\n\r\n");
        let lines = lines.unwrap_or_else(|| panic!("it has no end: {text:?}"));
        for line in lines.split("\r\n") {
            assert!(!line.is_empty() || lines.is_empty(), "{text:?}");
            assert!(
                !line.contains(|c: char| c.is_control() && c != '\t'),
                "{text:?}"
            );
        }
    };
    if let Some(mut message) = request
        && message.method.bytes().all(is_token)
        && let Ok(target) = Target::of(&message.url)
    {
        assert!(target.path.starts_with('/') && !target.host.is_empty() && target.port > 0);
        if let Some(body) = &mut message.body {
            let _ = check(body);
        }
        for version in [version(&message), Some(Version::Http2)] {
            whole(request_head(&message, &target, version, &mut lost));
        }
    }
    if let Some(message) = response {
        whole(response_head(&message, 200, version(&message), &mut lost));
    }
}

/// Where a URL leads.
struct Target {
    scheme: &'static str,
    host: String,
    port: u16,
    authority: String,
    /// With its query, as it stands in the URL.
    path: String,
}

impl Target {
    fn of(text: &str) -> Result<Self, String> {
        let shown: String = text.chars().take(80).collect();
        let wrong = || format!("its URL {shown:?} is not one of HTTP");
        let url = url::Url::parse(text).map_err(|_| wrong())?;
        let (scheme, usual) = match url.scheme() {
            "http" => ("http", 80),
            "https" => ("https", 443),
            "ws" => ("ws", 80),
            "wss" => ("wss", 443),
            _ => return Err(wrong()),
        };
        let host = url.host_str().ok_or_else(wrong)?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let port = url.port().unwrap_or(usual);
        // as it was written: the parser would normalize the path
        let rest = text.split_once("://").map_or("", |(_, rest)| rest);
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let path = path.split('#').next().unwrap_or_default();
        let path: String = path
            .chars()
            .filter(|c| !c.is_control())
            .map(|c| {
                if c == ' ' {
                    "%20".to_owned()
                } else {
                    c.to_string()
                }
            })
            .collect();
        let path = match path.as_str() {
            "" => "/".to_owned(),
            path if path.starts_with('?') => format!("/{path}"),
            _ => path,
        };
        Ok(Self {
            scheme,
            host,
            port,
            authority: authority.to_owned(),
            path,
        })
    }
}

/// When things happened.
struct Clock {
    started: Timestamp,
    dns: Option<(Timestamp, Timestamp)>,
    /// With TLS.
    connect: Option<(Timestamp, Timestamp)>,
    /// When TLS began.
    ssl: Option<Timestamp>,
    request_first: Timestamp,
    request_last: Timestamp,
    response_first: Timestamp,
    ended: Timestamp,
}

impl Clock {
    fn of(entry: &Entry, lost: &mut Lost) -> Self {
        let started = moment(&entry.started).unwrap_or_else(|| {
            lost.times += 1;
            Timestamp::now()
        });
        let Timings {
            blocked,
            dns,
            connect,
            ssl,
            send,
            wait,
            receive,
        } = entry.timings;
        let after = |at: Timestamp, ms: f64| {
            Timestamp(at.0.saturating_add((ms.clamp(0.0, MOST_MS) * 1e6).round() as i64))
        };
        let span = |from: Timestamp, ms: Option<f64>| ms.map(|ms| (from, after(from, ms)));
        let queued = after(started, blocked.unwrap_or(0.0));
        let dns = span(queued, dns);
        let resolved = dns.map_or(queued, |(_, to)| to);
        let connect = span(resolved, connect);
        let request_first = connect.map_or(resolved, |(_, to)| to);
        let ssl = connect.and_then(|(from, to)| {
            let tls = ssl?.clamp(0.0, MOST_MS);
            Some(Timestamp(to.0.saturating_sub((tls * 1e6) as i64)).max(from))
        });
        let request_last = after(request_first, send.unwrap_or(0.0));
        let response_first = after(request_last, wait.unwrap_or(0.0));
        let mut ended = after(response_first, receive.unwrap_or(0.0));
        if [blocked, send, wait, receive].iter().all(Option::is_none) {
            ended = after(started, entry.total.unwrap_or(0.0)).max(ended);
        }
        Self {
            started,
            dns,
            connect,
            ssl,
            request_first,
            request_last,
            response_first,
            ended,
        }
    }
}

/// RFC 3339; also without an offset (then it is UTC), and with one without a colon.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let colon = || {
        let at = text.len().checked_sub(2)?;
        Some(format!("{}:{}", text.get(..at)?, text.get(at..)?))
    };
    let at = parse(text)
        .or_else(|| parse(&format!("{text}Z")))
        .or_else(|| parse(&colon()?))?;
    i64::try_from(at.unix_timestamp_nanos()).ok().map(Timestamp)
}

fn version(message: &Message) -> Option<Version> {
    let version = message.version.to_ascii_lowercase();
    if message.fields.iter().any(|(name, _)| name.starts_with(':')) {
        return Some(Version::Http2);
    }
    match version.as_str() {
        "http/1.0" => Some(Version::Http10),
        "http/1.1" => Some(Version::Http11),
        "h2" | "http/2" | "http/2.0" => Some(Version::Http2),
        _ => None,
    }
}

fn request_head(
    message: &Message,
    target: &Target,
    version: Option<Version>,
    lost: &mut Lost,
) -> Vec<u8> {
    let mut head = String::new();
    if version == Some(Version::Http2) {
        let own = |name: &str| message.fields.iter().any(|(n, _)| n == name);
        let scheme = target.scheme.replace("ws", "http");
        for (name, value) in [
            (":method", message.method.as_str()),
            (":scheme", &scheme),
            (":authority", &target.authority),
            (":path", &target.path),
        ] {
            if !own(name) {
                head += &format!("{name}: {value}\r\n");
            }
        }
    } else {
        let number = if version == Some(Version::Http10) {
            "1.0"
        } else {
            "1.1"
        };
        head = format!("{} {} HTTP/{number}\r\n", message.method, target.path);
    }
    head += &lines(message, version, lost);
    head.into_bytes()
}

fn response_head(
    message: &Message,
    status: u16,
    version: Option<Version>,
    lost: &mut Lost,
) -> Vec<u8> {
    let mut head = String::new();
    if version == Some(Version::Http2) {
        if !message.fields.iter().any(|(name, _)| name == ":status") {
            head = format!(":status: {status}\r\n");
        }
    } else {
        let number = if version == Some(Version::Http10) {
            "1.0"
        } else {
            "1.1"
        };
        let reason: String = message.reason.chars().filter(|c| !c.is_control()).collect();
        head = format!("HTTP/{number} {status} {reason}\r\n");
    }
    head += &lines(message, version, lost);
    head.into_bytes()
}

/// The field lines and the empty line. Browsers put a repeated field's values into one, with line breaks between.
fn lines(message: &Message, version: Option<Version>, lost: &mut Lost) -> String {
    let mut lines = String::new();
    let pseudo = |name: &str| name.starts_with(':');
    // pseudo-header fields stand first, RFC 9113 section 8.3
    let (first, rest): (Vec<_>, Vec<_>) = message.fields.iter().partition(|(name, _)| pseudo(name));
    for (name, value) in first.into_iter().chain(rest) {
        let bare = name.strip_prefix(':').unwrap_or(name);
        let misplaced = pseudo(name) && version != Some(Version::Http2);
        if misplaced || bare.is_empty() || !bare.bytes().all(is_token) {
            lost.fields += 1;
            continue;
        }
        for value in value.split('\n') {
            let value: String = value
                .chars()
                .filter(|c| *c == '\t' || !c.is_control())
                .collect();
            lines += &format!("{name}: {}\r\n", value.trim());
        }
    }
    lines + "\r\n"
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn field(message: &Message, name: &str) -> String {
    let mut fields = message.fields.iter();
    let found = fields.find(|(n, _)| n.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

fn content_type(message: &Message) -> String {
    match field(message, "content-type") {
        given if !given.is_empty() => given,
        _ if message.mime == "x-unknown" => String::new(),
        _ => message.mime.clone(),
    }
}
