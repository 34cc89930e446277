//! A request of HTTP/2 that rules lead to another server, or another way: it goes there over HTTP/2 where TLS agrees on that,
//! else over HTTP/1.1, and its answer is translated.

use super::{
    client_builder,
    exchange::{Broken, Exchange, Upload, on},
    failure::{page, send_page},
    head::request_head,
    source::{Source, broken_off},
    touched::{gave_up, request_of, response_of},
    waiting::Waiting,
    websocket::is_websocket,
};
use crate::{
    failure::Format,
    http1::{self, Body, Framed, HeadReader, Input, Upstream},
    intercept::{self, Message, Seen, Start, is_hop, type_of},
    stream::Stream,
    target::Target,
};
use bytes::{Bytes, BytesMut};
use futures_util::future::poll_fn;
use h2::{SendStream, server::SendResponse};
use http::{Request, request::Parts as RequestParts};
use overhear_store::{FlowRecorder, HeadKind, Party, Side, Timestamp, Version};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// Where a request goes instead, and what it was.
pub(super) struct Other {
    pub(super) to: Target,
    pub(super) parts: RequestParts,
}

impl Exchange<'_> {
    /// Sends a request to another server.
    #[expect(clippy::too_many_arguments, reason = "a whole exchange")]
    pub(super) async fn elsewhere(
        &self,
        flow: FlowRecorder,
        message: Message,
        other: Other,
        upload: Upload,
        seen: &mut Seen,
        mut respond: SendResponse<Bytes>,
        format: Format,
    ) {
        let Some(dial) = self.dial else {
            return flow.fail(gave_up());
        };
        let Other { to, parts } = other;
        let via = message.via.clone();
        // a WebSocket is opened over HTTP/1.1 there: few servers take it over HTTP/2
        let socket = parts.extensions.get().is_some_and(is_websocket);
        let alpn: &[&[u8]] = match socket {
            true => &[b"http/1.1"],
            false => &[b"h2", b"http/1.1"],
        };
        let reached = tokio::select! {
            biased;
            reached = dial.reach(&to, via.as_deref(), alpn) => reached,
            _ = poll_fn(|cx| respond.poll_reset(cx)) => return flow.fail(http1::given_up(&to)),
        };
        let upstream = match reached {
            Ok(upstream) => upstream,
            Err(failed) => {
                flow.edit(|flow| flow.connection = failed.connection.id());
                let page = page(&failed.failure, format);
                flow.edit(|flow| flow.status = Some(page.status().as_u16()));
                send_page(&mut respond, page);
                return flow.fail(failed.failure);
            }
        };
        let Upstream {
            io,
            connection,
            server,
            ..
        } = upstream;
        flow.edit(|flow| {
            flow.connection = connection.id();
            flow.server = server;
        });
        let outcome = match (io.alpn().as_deref(), upload) {
            (_, Upload::Stream(from_client)) if socket => {
                let opened = self.websocket_over_http1(
                    &flow,
                    message,
                    &to,
                    from_client,
                    seen,
                    &mut respond,
                    io,
                );
                Box::pin(opened).await
            }
            (Some(b"h2"), upload) => {
                let there = Exchange {
                    recorder: self.recorder,
                    target: &to,
                    connection: &connection,
                    client: self.client,
                    server,
                    waiting: Waiting::default(),
                    rules: self.rules,
                    dial: None,
                    reverse: false,
                };
                let request = request_of(&message, &parts, &to);
                there
                    .over_http2(&flow, request, upload, seen, &mut respond, io)
                    .await
            }
            (_, upload) => {
                self.over_http1(&flow, message, &to, upload, seen, &mut respond, io)
                    .await
            }
        };
        connection.edit(|connection| connection.closed_by = Some(Party::Proxy));
        if let Err(Broken {
            side: Party::Server,
            failure: Some(failure),
            ..
        }) = &outcome
        {
            let page = page(failure, format);
            let status = page.status().as_u16();
            if send_page(&mut respond, page) {
                flow.edit(|flow| flow.status = Some(status));
            }
        }
        self.finish(flow, outcome, format, respond);
    }

    /// Over a connection of HTTP/2 that is for this exchange alone.
    async fn over_http2(
        &self,
        flow: &FlowRecorder,
        request: Option<Request<()>>,
        upload: Upload,
        seen: &mut Seen,
        respond: &mut SendResponse<Bytes>,
        io: Stream,
    ) -> Result<(), Broken> {
        let Some(mut request) = request else {
            return Err(broken_off(
                "What rules made of the request cannot be sent over HTTP/2: look at the URL and the fields that they set."
                    .to_owned(),
            ));
        };
        if request.uri().authority().is_none() {
            self.name_authority(&mut request);
        }
        let now = Timestamp::now();
        flow.head(HeadKind::RequestSent, now, &request_head(&request));
        let dialled = client_builder().handshake::<_, Bytes>(io).await;
        let (sender, connection) = dialled.map_err(|error| {
            broken_off(format!(
                "the HTTP/2 connection to {} failed at its beginning: {error}",
                self.target
            ))
        })?;
        let mut connection = std::pin::pin!(connection);
        let mut sent =
            std::pin::pin!(self.send(flow, request, upload, sender, respond, Some(seen)));
        tokio::select! {
            biased;
            outcome = &mut sent => outcome,
            // what of the exchange is not over hears of it
            _ = &mut connection => sent.await,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a whole exchange")]
    async fn over_http1(
        &self,
        flow: &FlowRecorder,
        mut message: Message,
        to: &Target,
        upload: Upload,
        seen: &mut Seen,
        respond: &mut SendResponse<Bytes>,
        io: Stream,
    ) -> Result<(), Broken> {
        if message.first("host").is_none() {
            message.add("Host", intercept::authority(self.target).as_bytes());
        }
        for_http1(&mut message);
        let chunked =
            !matches!(upload, Upload::Whole(_)) && message.first("content-length").is_none();
        if chunked {
            message.set("Transfer-Encoding", b"chunked");
        }
        let head = message.to_http1(1);
        flow.head(HeadKind::RequestSent, Timestamp::now(), &head);
        let (from, mut io) = tokio::io::split(io);
        let throttle = seen.throttle.clone();
        let mut up = std::pin::pin!(async {
            // a server that takes no more may still answer
            let _ = send_over(self, flow, &mut io, &head, upload, chunked, throttle).await;
            io
        });
        let is_head = matches!(&message.start, Start::Request { method, .. } if method == "HEAD");
        let mut sent = None;
        let (answer, source, bytes) = {
            let input = Input::new(BytesMut::new());
            let mut down = std::pin::pin!(read_response(from, input, to, is_head));
            loop {
                tokio::select! {
                    io = &mut up, if sent.is_none() => {
                        sent = Some(io);
                        flow.edit(|flow| flow.times.request_last = Some(Timestamp::now()));
                    }
                    read = &mut down => break read?,
                    cancelled = poll_fn(|cx| respond.poll_reset(cx)) => {
                        let error = cancelled.map_or_else(|error| error, h2::Error::from);
                        return Err(on(Party::Client)(error));
                    }
                }
            }
        };
        let delivered = self.translated(flow, (answer, bytes), source, seen, respond);
        let mut delivered = std::pin::pin!(delivered);
        // a server may answer while it is still sent to
        let delivered = loop {
            tokio::select! {
                io = &mut up, if sent.is_none() => sent = Some(io),
                delivered = &mut delivered => break delivered,
            }
        };
        delivered.map(drop)
    }

    /// Passes a response of a server of HTTP/1.1 on, with the bytes of its head, as rules want it.
    pub(super) async fn translated(
        &self,
        flow: &FlowRecorder,
        (answer, head): (Message, Vec<u8>),
        source: Source,
        seen: &mut Seen,
        respond: &mut SendResponse<Bytes>,
    ) -> Result<Option<SendStream<Bytes>>, Broken> {
        flow.head(HeadKind::Response, Timestamp::now(), &head);
        let (content_type, content_encoding) = type_of(&answer);
        flow.edit(|flow| {
            flow.status = Some(answer.status());
            flow.response.version = Some(Version::Http11);
            flow.response.content_type = content_type;
            flow.response.content_encoding = content_encoding;
        });
        let plan = intercept::on_response(seen, flow, &head);
        if !plan.is_empty() {
            return self
                .deliver(flow, answer, source, plan, seen, respond)
                .await;
        }
        let response = response_of(&answer);
        self.stream(flow, response, Bytes::new(), source, seen, respond)
            .await
    }
}

/// Writes a request to a server of HTTP/1.1.
async fn send_over<W: AsyncWrite + Unpin>(
    exchange: &Exchange<'_>,
    flow: &FlowRecorder,
    io: &mut W,
    head: &[u8],
    upload: Upload,
    chunked: bool,
    throttle: Option<Arc<intercept::throttle::Throttle>>,
) -> std::io::Result<()> {
    let throttle = throttle.as_deref();
    http1::send_slowly(io, head, Side::Request, throttle).await?;
    let (begun, rest) = match upload {
        Upload::Whole(body) => (body, None),
        Upload::Begun(begun, rest) => (begun, Some(rest)),
        Upload::Stream(rest) => (Bytes::new(), Some(rest)),
    };
    let piece = |data: &[u8]| match chunked {
        false => data.to_vec(),
        true => [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat(),
    };
    if !begun.is_empty() {
        http1::send_slowly(io, &piece(&begun), Side::Request, throttle).await?;
    }
    if let Some(mut rest) = rest {
        while let Some(data) = rest.data().await {
            let data = data.map_err(std::io::Error::other)?;
            exchange.recorder.room().await;
            if !data.is_empty() {
                flow.chunk(Side::Request, Timestamp::now(), &data);
                http1::send_slowly(io, &piece(&data), Side::Request, throttle).await?;
            }
            let released = rest.flow_control().release_capacity(data.len());
            released.map_err(std::io::Error::other)?;
        }
        if chunked {
            http1::send_slowly(io, b"0\r\n\r\n", Side::Request, throttle).await?;
        }
    }
    io.flush().await
}

/// Reads the final response of a server of HTTP/1.1: the message, its body, and the bytes of its head.
pub(super) async fn read_response<R: AsyncRead + Send + Unpin + 'static>(
    mut io: R,
    mut input: Input,
    to: &Target,
    is_head: bool,
) -> Result<(Message, Source, Vec<u8>), Broken> {
    loop {
        let reader = read_head(&mut io, &mut input, to).await?;
        let wrong = |problem: http1::Problem| broken_off(problem.of_response(&to.to_string()).text);
        let head = reader.response(input.bytes()).map_err(wrong)?;
        let length = head.skipped + head.bytes.len();
        if (100..200).contains(&head.status) {
            input.consume(length);
            continue;
        }
        let framed = match is_head {
            true => Framed::Head,
            false => Framed::Other,
        };
        let body = Body::of_response(&head.fields, head.version, head.status, framed);
        let body = body.map_err(wrong)?;
        let message = Message::response(head.bytes, head.status);
        let bytes = head.bytes.to_vec();
        input.consume(length);
        let source = Source::Http1 {
            io: Box::new(io),
            input,
            body,
        };
        return Ok((message, source, bytes));
    }
}

/// Reads until `input` begins with the whole head of a response.
pub(super) async fn read_head<R: AsyncRead + Unpin>(
    io: &mut R,
    input: &mut Input,
    to: &Target,
) -> Result<HeadReader, Broken> {
    let mut reader = HeadReader::default();
    loop {
        match reader.response_ready(input.bytes()) {
            Ok(true) => return Ok(reader),
            Ok(false) => {}
            Err(problem) => return Err(broken_off(problem.of_response(&to.to_string()).text)),
        }
        if !matches!(input.fill(io).await, Ok(1..)) {
            return Err(broken_off(format!(
                "{to} closed the connection before the end of a response's head."
            )));
        }
    }
}

/// Makes a request of HTTP/2 one of HTTP/1.1: `Host` first, the cookies in one field (RFC 9113 section 8.2.3).
pub(super) fn for_http1(message: &mut Message) {
    let mut cookies: Vec<Vec<u8>> = Vec::new();
    message.fields.retain(|(name, value)| {
        let is_cookie = name.eq_ignore_ascii_case("cookie");
        if is_cookie {
            cookies.push(value.clone());
        }
        !is_cookie && !is_hop(name) && !name.eq_ignore_ascii_case("te")
    });
    if !cookies.is_empty() {
        message.add("Cookie", &cookies.join(&b"; "[..]));
    }
    if let Some(at) = message
        .fields
        .iter()
        .position(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        let host = message.fields.remove(at);
        message.fields.insert(0, host);
    }
}
