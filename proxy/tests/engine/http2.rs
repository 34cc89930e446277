//! HTTP/2 from end to end.

use crate::support::{
    Running,
    origin::{Origin, Whole, client2, echo2, read_whole},
    pki::{Flaw, Pki},
    soon,
};
use bytes::Bytes;
use h2::{Reason, client::SendRequest};
use http::{HeaderMap, Method, Request};
use overhear_store::{FailureCause, Flow, HeadKind, Kind, Party, Side, State, Version};
use std::future::poll_fn;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A proxy, an origin, and a client of it through the proxy.
async fn through() -> (Running, Origin, SendRequest<Bytes>) {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = Origin::http2(pki.server(&["localhost"], &["h2"], Flaw::None)).await;
    let sender = sender(&proxy, &origin).await;
    (proxy, origin, sender)
}

async fn sender(proxy: &Running, origin: &Origin) -> SendRequest<Bytes> {
    client2(
        proxy
            .tls(&origin.named(), "localhost", &["h2", "http/1.1"])
            .await,
    )
    .await
}

fn request(method: Method, origin: &Origin, path: &str) -> Request<()> {
    let uri = format!("https://{}{path}", origin.named());
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .version(http::Version::HTTP_2);
    request
        .header("x-two", "1")
        .header("accept", "*/*")
        .header("x-two", "2")
        .body(())
        .expect("a request")
}

async fn send(
    sender: &mut SendRequest<Bytes>,
    request: Request<()>,
    body: Option<&[u8]>,
) -> Result<Whole, h2::Error> {
    let (response, mut to) = sender.send_request(request, body.is_none())?;
    if let Some(body) = body {
        to.send_data(Bytes::copy_from_slice(body), true)?;
    }
    soon("a response", async { read_whole(response.await?).await }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_and_its_response() {
    let (proxy, origin, mut sender) = through().await;
    let whole = send(&mut sender, request(Method::GET, &origin, "/a?b"), None)
        .await
        .expect("answered");
    let said = format!("GET {} /a", origin.named());
    assert_eq!(String::from_utf8_lossy(&whole.body), said);
    let twice: Vec<_> = whole
        .response
        .headers()
        .get_all("x-origin")
        .iter()
        .collect();
    assert_eq!(twice, ["one", "two"]);
    let flow = proxy.only_flow().await;
    assert_eq!(
        (flow.kind, flow.state, flow.status),
        (Kind::Http, State::Complete, Some(200))
    );
    assert_eq!(flow.url(), format!("https://{}/a?b", origin.named()));
    assert_eq!(flow.request.version, Some(Version::Http2));
    assert_eq!(flow.response.version, Some(Version::Http2));
    assert_eq!(flow.response.body_size, said.len() as u64);
    assert!(flow.times.request_last.is_some() && flow.times.response_last.is_some());
    let expected = format!(
        ":method: GET\r\n:scheme: https\r\n:authority: {}\r\n:path: /a?b\r\nx-two: 1\r\nx-two: 2\r\naccept: */*\r\n\r\n",
        origin.named()
    );
    assert_eq!(proxy.head(flow.id, HeadKind::Request).await, Some(expected));
    let head = proxy
        .head(flow.id, HeadKind::Response)
        .await
        .expect("a head");
    assert!(
        head.starts_with(":status: 200\r\nx-origin: one\r\nx-origin: two\r\n"),
        "{head}"
    );
    assert_eq!(proxy.body(flow.id, Side::Response).await, said.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn head_has_no_body() {
    let (proxy, origin, mut sender) = through().await;
    let whole = send(&mut sender, request(Method::HEAD, &origin, "/a"), None)
        .await
        .expect("answered");
    assert!(whole.body.is_empty());
    assert!(whole.response.headers().contains_key("content-length"));
    assert_eq!(proxy.only_flow().await.state, State::Complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_trailers_both_ways() {
    let (proxy, origin, mut sender) = through().await;
    let body = vec![b'y'; 3_000_000];
    let (response, mut to) = sender
        .send_request(request(Method::POST, &origin, "/echo"), false)
        .expect("open");
    let sent = async {
        for piece in body.chunks(50_000) {
            to.reserve_capacity(piece.len());
            let mut piece = Bytes::copy_from_slice(piece);
            while !piece.is_empty() {
                let room = poll_fn(|cx| to.poll_capacity(cx))
                    .await
                    .expect("open")
                    .expect("open");
                to.send_data(piece.split_to(room.min(piece.len())), false)
                    .expect("open");
                to.reserve_capacity(piece.len());
            }
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("x-check", "sum".parse().expect("a value"));
        to.send_trailers(trailers).expect("open");
    };
    let received = async { read_whole(response.await?).await };
    let (whole, ()) = soon("the echo", async { tokio::join!(received, sent) }).await;
    let whole = whole.expect("answered");
    assert!(whole.body == body);
    let trailers = whole.trailers.expect("trailers");
    assert_eq!(
        (&trailers["x-check"], &trailers["x-sum"]),
        (
            &"sum".parse().expect("a value"),
            &"done".parse().expect("a value")
        )
    );
    let flow = proxy.only_flow().await;
    assert_eq!(flow.state, State::Complete);
    assert!(proxy.body(flow.id, Side::Request).await == body);
    assert!(proxy.body(flow.id, Side::Response).await == body);
    let trailers = proxy.head(flow.id, HeadKind::RequestTrailers).await;
    assert_eq!(trailers.as_deref(), Some("x-check: sum\r\n\r\n"));
    assert!(
        proxy
            .head(flow.id, HeadKind::ResponseTrailers)
            .await
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn interim_responses_pass() {
    let (proxy, origin, mut sender) = through().await;
    let (mut response, _) = sender
        .send_request(request(Method::GET, &origin, "/hints"), true)
        .expect("open");
    let interim = soon("103", poll_fn(|cx| response.poll_informational(cx))).await;
    let interim = interim.expect("an interim response").expect("open");
    assert_eq!(interim.status(), 103);
    assert_eq!(interim.headers()["link"], "</a.css>; rel=preload");
    let whole = read_whole(soon("200", response).await.expect("answered"))
        .await
        .expect("whole");
    assert_eq!(whole.body, b"hinted");
    let flow = proxy.only_flow().await;
    let head = proxy.head(flow.id, HeadKind::Interim).await;
    assert_eq!(
        head.as_deref(),
        Some(":status: 103\r\nlink: </a.css>; rel=preload\r\n\r\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_waits_for_100() {
    let (_proxy, origin, mut sender) = through().await;
    let (mut response, mut to) = sender
        .send_request(request(Method::POST, &origin, "/continue"), false)
        .expect("open");
    let interim = soon("100", poll_fn(|cx| response.poll_informational(cx))).await;
    assert_eq!(
        interim
            .expect("an interim response")
            .expect("open")
            .status(),
        100
    );
    to.send_data(Bytes::from_static(b"now"), true)
        .expect("open");
    let whole = read_whole(soon("200", response).await.expect("answered"))
        .await
        .expect("whole");
    assert_eq!(whole.body, b"now");
}

#[tokio::test(flavor = "multi_thread")]
async fn resets_of_the_server_are_mirrored() {
    let (proxy, origin, mut sender) = through().await;
    let error = send(&mut sender, request(Method::GET, &origin, "/reset"), None)
        .await
        .err()
        .expect("reset");
    assert_eq!(error.reason(), Some(Reason::REFUSED_STREAM));
    let flow = proxy.flow("reset", |f| f.path == "/reset").await;
    let failure = flow.error.expect("a failure");
    assert_eq!(
        (failure.cause, failure.side),
        (FailureCause::Reset, Party::Server)
    );
    assert!(failure.text.contains("REFUSED_STREAM"), "{}", failure.text);
    let error = send(&mut sender, request(Method::GET, &origin, "/cut"), None)
        .await
        .err()
        .expect("reset");
    assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
    let flow = proxy.flow("cut", |f| f.path == "/cut").await;
    assert_eq!((flow.state, flow.status), (State::Failed, Some(200)));
    // the connection goes on
    send(&mut sender, request(Method::GET, &origin, "/on"), None)
        .await
        .expect("answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_before_the_end_of_the_request_arrives_whole() {
    let (proxy, origin, mut sender) = through().await;
    // more than the origin takes unread: it answers, and says that it does not want the rest
    let body = Bytes::from(vec![b'x'; 300_000]);
    for n in 0..50 {
        let path = format!("/early/{n}");
        let asked = request(Method::POST, &origin, &path);
        let (response, mut to) = sender.send_request(asked, false).expect("open");
        // the answer may be here before that
        let _ = to.send_data(body.clone(), true);
        let answered = async { read_whole(response.await.expect("answered")).await };
        let whole = soon("a response", answered).await.expect("whole");
        assert!(String::from_utf8_lossy(&whole.body).ends_with(&path));
        let flow = proxy.flow("early", |f| f.path == path).await;
        assert_eq!((flow.state, flow.status), (State::Complete, Some(200)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_cancels() {
    let (proxy, origin, mut sender) = through().await;
    let (response, mut to) = sender
        .send_request(request(Method::POST, &origin, "/wait"), false)
        .expect("open");
    to.send_data(Bytes::from_static(b"begun"), false)
        .expect("open");
    let running = proxy.any_flow("begun", |f| f.request.body_size == 5).await;
    assert_eq!(running.state, State::Running);
    to.send_reset(Reason::CANCEL);
    drop(response);
    let flow = proxy.only_flow().await;
    let failure = flow.error.expect("a failure");
    assert_eq!(
        (failure.cause, failure.side),
        (FailureCause::Reset, Party::Client)
    );
    assert!(failure.text.contains("cancelled"), "{}", failure.text);
    send(&mut sender, request(Method::GET, &origin, "/on"), None)
        .await
        .expect("answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away() {
    let (proxy, origin, mut sender) = through().await;
    let (response, _to) = sender
        .send_request(request(Method::POST, &origin, "/wait"), false)
        .expect("open");
    proxy.any_flow("begun", |f| f.path == "/wait").await;
    drop((response, _to, sender));
    let flow = proxy.only_flow().await;
    assert_eq!(flow.state, State::Failed);
    assert_eq!(flow.error.clone().expect("a failure").side, Party::Client);
    let connection = proxy.closed_connection(&flow).await;
    assert_eq!(connection.closed_by, Some(Party::Client));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_leaves_says_so_to_the_client() {
    let (proxy, origin, mut sender) = through().await;
    let whole = send(&mut sender, request(Method::GET, &origin, "/goaway"), None)
        .await
        .expect("answered");
    assert!(String::from_utf8_lossy(&whole.body).starts_with("GET"));
    // the client hears that the connection takes no more
    soon("GOAWAY", async {
        while poll_fn(|cx| sender.poll_ready(cx)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let flow = proxy.only_flow().await;
    assert_eq!(flow.state, State::Complete);
    let connection = proxy.closed_connection(&flow).await;
    assert_eq!(connection.closed_by, Some(Party::Server));
}

/// A frame (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short");
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Waits for two requests, says GOAWAY (last stream 1) with this code, and answers the first.
async fn reads_one_of_two(mut io: impl AsyncRead + AsyncWrite + Unpin, code: u32) {
    let mut preface = [0; 24];
    io.read_exact(&mut preface).await.expect("a preface");
    io.write_all(&frame(4, 0, 0, &[])).await.expect("SETTINGS");
    let mut requests = 0;
    while requests < 2 {
        let mut head = [0; 9];
        io.read_exact(&mut head).await.expect("a frame");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        io.read_exact(&mut payload).await.expect("a payload");
        requests += usize::from(head[3] == 1);
    }
    let mut last = 1_u32.to_be_bytes().to_vec();
    last.extend(code.to_be_bytes());
    let mut frames = frame(7, 0, 0, &last);
    // `:status: 200` is number 8 of the static table (RFC 7541 appendix A)
    frames.extend(frame(1, 4 | 1, 1, &[0x88]));
    io.write_all(&frames).await.expect("sent");
    let mut rest = Vec::new();
    let _ = io.read_to_end(&mut rest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_that_leaves_has_not_read_may_be_sent_again() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    for code in [Reason::NO_ERROR, Reason::ENHANCE_YOUR_CALM] {
        let number = u32::from(code);
        let config = pki.server(&["localhost"], &["h2"], Flaw::None);
        let origin = Origin::tls(config, move |io| reads_one_of_two(io, number)).await;
        let sender = sender(&proxy, &origin).await;
        let (mut one, mut two) = (sender.clone(), sender);
        let (one, two) = tokio::join!(
            send(&mut one, request(Method::GET, &origin, "/read"), None),
            send(&mut two, request(Method::POST, &origin, "/unread"), None),
        );
        assert_eq!(one.expect("answered").response.status(), 200);
        let error = two.err().expect("not answered");
        assert!(error.is_reset() && error.is_remote(), "{error}");
        assert_eq!(error.reason(), Some(Reason::REFUSED_STREAM));
        let unread = |f: &Flow| f.port == origin.port() && f.path == "/unread";
        let flow = proxy.flow("the second", unread).await;
        let failure = flow.error.expect("a failure");
        assert_eq!(failure.cause, FailureCause::Closed);
        assert!(
            failure.text.contains("send this one again"),
            "{}",
            failure.text
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_a_certificate_of_its_client() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let config = pki.demanding(&["localhost"], &["h2"]);
    let origin = Origin::tls(config, |io| async move { echo2(io).await }).await;
    for n in 0..10_u32 {
        let mut sender = sender(&proxy, &origin).await;
        let path = format!("/{n}");
        let whole = send(&mut sender, request(Method::GET, &origin, &path), None)
            .await
            .expect("a page");
        assert_eq!(whole.response.status(), 502);
        let flow = proxy.flow("a failure", |f| f.path == path).await;
        let failure = flow.error.expect("a failure");
        assert_eq!(failure.cause, FailureCause::Tls);
        assert!(
            failure.text.contains("wants a client certificate"),
            "{}",
            failure.text
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_streams_and_much_data() {
    let (proxy, origin, sender) = through().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..60_usize {
        let mut sender = sender.clone();
        let size = 100_000 + n;
        let request = request(Method::GET, &origin, &format!("/big/{size}"));
        tasks.spawn(async move {
            let whole = send(&mut sender, request, None).await.expect("answered");
            assert_eq!(whole.body.len(), size);
        });
    }
    soon("all", async {
        while let Some(done) = tasks.join_next().await {
            done.expect("no panic");
        }
    })
    .await;
    let mut one = sender.clone();
    let whole = send(
        &mut one,
        request(Method::GET, &origin, "/big/30000000"),
        None,
    )
    .await
    .expect("answered");
    assert_eq!(whole.body.len(), 30_000_000);
    let big = proxy
        .flow("the big one", |f| f.response.body_size == 30_000_000)
        .await;
    assert_eq!(big.state, State::Complete);
    let flows = proxy.flows().await;
    assert_eq!(flows.len(), 61);
    assert!(
        flows.iter().all(|f| f.connection == big.connection),
        "one connection to the server"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn prior_knowledge_in_a_tunnel() {
    let proxy = Running::start(&Pki::new()).await;
    let origin = Origin::tcp(|io| async move { echo2(io).await }).await;
    let mut sender = client2(proxy.tunnel(&origin.named()).await).await;
    let uri = format!("http://{}/plain", origin.named());
    let request = Request::builder()
        .uri(uri)
        .version(http::Version::HTTP_2)
        .body(())
        .expect("a request");
    let whole = send(&mut sender, request, None).await.expect("answered");
    assert_eq!(
        String::from_utf8_lossy(&whole.body),
        format!("GET {} /plain", origin.named())
    );
    let flow = proxy.only_flow().await;
    assert_eq!(flow.url(), format!("http://{}/plain", origin.named()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_server_for_a_client_of_http_2_only() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = Origin::http2(pki.server(&["localhost"], &["h2"], Flaw::Expired)).await;
    let mut sender = client2(proxy.tls(&origin.named(), "localhost", &["h2"]).await).await;
    for path in ["/one", "/two"] {
        let whole = send(&mut sender, request(Method::GET, &origin, path), None)
            .await
            .expect("answered");
        assert_eq!(whole.response.status(), 502);
        let page = String::from_utf8_lossy(&whole.body).into_owned();
        assert!(page.contains("expired on 2021-02-03"), "{page}");
        let flow = proxy.flow("failed", |f| f.path == path).await;
        assert_eq!(flow.status, Some(502));
        assert_eq!(
            flow.error.expect("a failure").cause,
            FailureCause::Certificate
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_h2_and_does_not_speak_it() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = Origin::http2(pki.server(&["localhost"], &["h2"], Flaw::None)).await;
    let mut client = proxy.tls(&origin.named(), "localhost", &["h2"]).await;
    let _ = crate::support::ask(&mut client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let flow = proxy.only_flow().await;
    assert_eq!(
        (flow.kind, flow.state),
        (Kind::Http, State::Failed),
        "what it does speak"
    );
    assert_eq!(flow.request.version, Some(Version::Http11));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let config = pki.server(&["localhost"], &["h2"], Flaw::None);
    let origin = Origin::tls(config, |io| async move {
        let mut connection = h2::server::handshake(io).await.expect("HTTP/2");
        let _request = connection.accept().await;
    })
    .await;
    let mut sender = sender(&proxy, &origin).await;
    let whole = send(&mut sender, request(Method::GET, &origin, "/"), None).await;
    let flow = proxy.only_flow().await;
    assert_eq!(flow.state, State::Failed);
    assert_eq!(flow.error.clone().expect("a failure").side, Party::Server);
    match whole {
        Ok(whole) => assert_eq!(whole.response.status(), 502),
        Err(error) => assert!(error.is_reset(), "{error}"),
    }
}
