//! Requests that a person built.

use crate::support::{
    Running,
    origin::{Origin, echo1, free_port},
    pki::{Flaw, Pki},
    soon,
};
use bytes::Bytes;
use overhear_proxy::{Error, ReplayRequest};
use overhear_store::{FailureCause, Flow, FlowId, HeadKind, Replayed, Side, State, Version};

fn build(method: &str, url: String, headers: &[(&str, &str)], body: &'static str) -> ReplayRequest {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    ReplayRequest {
        of: Some(Replayed {
            flow: FlowId(77),
            modified: true,
        }),
        method: method.to_owned(),
        url,
        headers: headers.iter().map(own).collect(),
        body: Bytes::from_static(body.as_bytes()),
        ..ReplayRequest::default()
    }
}

async fn replay(proxy: &Running, request: ReplayRequest) -> Flow {
    let sent = soon("a number", proxy.handle.replay(request)).await;
    let id = sent.expect("sent").flow;
    proxy.flow("the replay", |f| f.id == id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_1_as_built() {
    let proxy = Running::start(&Pki::new()).await;
    let origin = Origin::tcp(echo1).await;
    let url = format!("http://{}/a/../b?c", origin.named());
    let headers = [("x-B", "1"), ("X-b", "2")];
    let flow = replay(&proxy, build("POST", url, &headers, "body")).await;
    assert_eq!(
        (flow.state, flow.status, flow.replay_of),
        (State::Complete, Some(200), Some(FlowId(77)))
    );
    let expected = format!(
        "POST /a/../b?c HTTP/1.1\r\nHost: {}\r\nx-B: 1\r\nX-b: 2\r\nContent-Length: 4\r\n\r\n",
        origin.named()
    );
    assert_eq!(
        proxy.body(flow.id, Side::Response).await,
        format!("{expected}body").as_bytes()
    );
    assert_eq!(proxy.head(flow.id, HeadKind::Request).await, Some(expected));
    assert_eq!(proxy.body(flow.id, Side::Request).await, b"body");
    let connection = proxy.closed_connection(&flow).await;
    assert_eq!(connection.server, Some(origin.address));
    assert_eq!(
        Some(connection.client),
        connection.upstream_local,
        "our own end stands for the client"
    );
    assert_eq!(flow.client, connection.client);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_by_alpn() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let one = Origin::tls(pki.server(&["localhost"], &["http/1.1"], Flaw::None), echo1).await;
    let flow = replay(
        &proxy,
        build("GET", format!("https://{}/one", one.named()), &[], ""),
    )
    .await;
    assert_eq!(
        (flow.status, flow.request.version),
        (Some(200), Some(Version::Http11))
    );
    let two = Origin::http2(pki.server(&["localhost"], &["h2", "http/1.1"], Flaw::None)).await;
    let url = format!("https://{}/echo", two.named());
    let flow = replay(
        &proxy,
        build(
            "POST",
            url,
            &[(":method", "GET"), ("X-A", "b"), ("Connection", "close")],
            "body",
        ),
    )
    .await;
    assert_eq!(
        (flow.state, flow.status, flow.request.version),
        (State::Complete, Some(200), Some(Version::Http2))
    );
    assert_eq!(proxy.body(flow.id, Side::Request).await, b"body");
    assert_eq!(proxy.body(flow.id, Side::Response).await, b"body");
    let head = proxy
        .head(flow.id, HeadKind::Request)
        .await
        .expect("a head");
    assert!(head.starts_with(":method: POST\r\n"), "{head}");
    assert!(head.ends_with("x-a: b\r\n\r\n"), "{head}");
    assert!(
        proxy
            .head(flow.id, HeadKind::ResponseTrailers)
            .await
            .is_some()
    );
    let tls = proxy.connection(&flow).await.server_tls.expect("TLS");
    assert_eq!(tls.alpn.as_deref(), Some("h2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_can_be_chosen() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let plain = Origin::tcp(|io| async move { crate::support::origin::echo2(io).await }).await;
    let mut request = build("GET", format!("http://{}/x", plain.named()), &[], "");
    request.version = Some(Version::Http2);
    let flow = replay(&proxy, request).await;
    assert_eq!(
        (flow.status, flow.request.version),
        (Some(200), Some(Version::Http2))
    );
    let old = Origin::tcp(echo1).await;
    let mut request = build("GET", format!("http://{}/x", old.named()), &[], "");
    request.version = Some(Version::Http10);
    let flow = replay(&proxy, request).await;
    assert_eq!(
        (flow.status, flow.request.version),
        (Some(200), Some(Version::Http10))
    );
    let one = Origin::tls(pki.server(&["localhost"], &["http/1.1"], Flaw::None), echo1).await;
    let mut request = build("GET", format!("https://{}/x", one.named()), &[], "");
    request.version = Some(Version::Http2);
    let flow = replay(&proxy, request).await;
    assert_eq!(
        flow.error.expect("the server has no HTTP/2").cause,
        FailureCause::Protocol
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_flows() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let expired = Origin::tls(pki.server(&["localhost"], &[], Flaw::Expired), echo1).await;
    let own = proxy.address.port();
    let cases = [
        (
            format!("http://localhost:{}/", free_port().await),
            FailureCause::Refused,
        ),
        ("http://no-such-name.invalid/".to_owned(), FailureCause::Dns),
        (
            format!("https://{}/", expired.named()),
            FailureCause::Certificate,
        ),
        (format!("http://127.0.0.1:{own}/"), FailureCause::Loop),
    ];
    for (url, cause) in cases {
        let flow = replay(&proxy, build("GET", url.clone(), &[], "")).await;
        assert_eq!(flow.replay_of, Some(FlowId(77)), "{url}");
        assert!(flow.modified, "{url}");
        assert_eq!(flow.error.expect("a failure").cause, cause, "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_ends_by_itself() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let proxy = Running::start(&Pki::new()).await;
    let origin = Origin::tcp(|mut io| async move {
        crate::support::read_head(&mut io).await;
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        io.write_all(answer).await.expect("sent");
        let mut rest = Vec::new();
        io.read_to_end(&mut rest).await.expect("the client closes");
    })
    .await;
    let headers = [("Connection", "Upgrade"), ("Upgrade", "websocket")];
    let flow = replay(
        &proxy,
        build("GET", format!("http://{}/", origin.named()), &headers, ""),
    )
    .await;
    assert_eq!((flow.state, flow.status), (State::Complete, Some(101)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_is_no_flow() {
    let proxy = Running::start(&Pki::new()).await;
    for (method, url) in [
        ("GET", "nonsense"),
        ("G T", "http://a/"),
        ("GET", "gopher://a/"),
    ] {
        let error = proxy
            .handle
            .replay(build(method, url.to_owned(), &[], ""))
            .await
            .map(|sent| sent.flow);
        assert!(matches!(error, Err(Error::Replay(_))), "{error:?}");
    }
    assert!(proxy.flows().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_listening() {
    let mut proxy = Running::start_with(&Pki::new(), |o| o.listen = Vec::new()).await;
    let origin = Origin::tcp(echo1).await;
    let flow = replay(
        &proxy,
        build("GET", format!("http://{}/", origin.named()), &[], ""),
    )
    .await;
    assert_eq!(flow.status, Some(200));
    proxy.stop();
    proxy.stopped().await;
}
