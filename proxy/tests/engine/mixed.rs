//! What else may come to the proxy's port.

use crate::support::{
    Running, ask,
    origin::{Origin, echo1},
    pki::Pki,
    read_to_end, server_name, soon,
};
use overhear_store::{FailureCause, Kind, Party, Side, State};
use tokio::io::AsyncWriteExt;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_served_is_said() {
    let proxy = Running::start(&Pki::new()).await;
    let cases: [(&[u8], &str); 2] = [
        (b"\x00\x01garbage", "no protocol it knows"),
        (b"\xff\xfe\xfd", "not text"),
    ];
    for (bytes, said) in cases {
        let mut client = proxy.dial().await;
        client.write_all(bytes).await.expect("sent");
        assert_eq!(
            read_to_end(&mut client).await,
            "",
            "{said}: closed without an answer"
        );
        let error = |f: &overhear_store::Flow| f.error.clone().map(|e| e.text).unwrap_or_default();
        let flow = proxy.flow(said, |f| error(f).contains(said)).await;
        assert_eq!((flow.kind, flow.state), (Kind::Tcp, State::Failed));
        let failure = flow.error.expect("a failure");
        assert_eq!(
            (failure.cause, failure.side),
            (FailureCause::Protocol, Party::Client)
        );
        assert_eq!(proxy.body(flow.id, Side::Request).await, bytes);
    }
    assert_eq!(proxy.flows().await.len(), cases.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_no_flow() {
    let proxy = Running::start(&Pki::new()).await;
    for _ in 0..3 {
        drop(proxy.dial().await);
    }
    let answer = ask(&mut proxy.dial().await, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.contains("200 OK"));
    assert!(proxy.flows().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_to_the_proxy_itself() {
    let proxy = Running::start(&Pki::new()).await;
    for name in ["127.0.0.1", "proxy.test"] {
        let connecting = proxy
            .connector(&["h2", "http/1.1"])
            .connect(server_name(name), proxy.dial().await);
        let mut client = soon("TLS", connecting)
            .await
            .expect("our leaf names what was asked for");
        assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let answer = ask(&mut client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.ends_with("proxied=false secure=true"), "{answer}");
    }
    assert!(proxy.flows().await.is_empty());
    // and it is a proxy as well
    let origin = Origin::tcp(echo1).await;
    let connecting = proxy
        .connector(&[])
        .connect(server_name("127.0.0.1"), proxy.dial().await);
    let mut client = soon("TLS", connecting).await.expect("TLS");
    let named = origin.named();
    let request =
        format!("GET http://{named}/in HTTP/1.1\r\nHost: {named}\r\nConnection: close\r\n\r\n");
    let answer = ask(&mut client, &request).await;
    assert!(answer.contains("GET /in HTTP/1.1"), "{answer}");
    let flow = proxy.only_flow().await;
    let tls = proxy
        .connection(&flow)
        .await
        .client_tls
        .expect("TLS with the client");
    assert_eq!(tls.version, "TLSv1.3");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_in_tls() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let config = pki.server(
        &["localhost"],
        &["http/1.1"],
        crate::support::pki::Flaw::None,
    );
    let origin = Origin::tls(config, echo1).await;
    let connecting = proxy
        .connector(&["http/1.1"])
        .connect(server_name("127.0.0.1"), proxy.dial().await);
    let mut outer = soon("TLS", connecting).await.expect("TLS");
    let request = format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n", origin.named());
    outer.write_all(request.as_bytes()).await.expect("sent");
    let head = soon("an answer", crate::support::read_head(&mut outer)).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let connecting = proxy
        .connector(&["http/1.1"])
        .connect(server_name("localhost"), outer);
    let mut inner = soon("TLS in TLS", connecting).await.expect("TLS in TLS");
    let answer = ask(
        &mut inner,
        "GET /deep HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(answer.contains("GET /deep HTTP/1.1"), "{answer}");
    let flow = proxy.only_flow().await;
    assert_eq!(flow.url(), format!("https://{}/deep", origin.named()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_hello_to_the_proxy_itself() {
    let proxy = Running::start(&Pki::new()).await;
    let mut client = proxy.dial().await;
    client
        .write_all(b"\x16\x03\x01\x00\x05hello")
        .await
        .expect("sent");
    let _ = read_to_end(&mut client).await;
    let flow = proxy.only_flow().await;
    assert_eq!(flow.kind, Kind::Tls);
    let failure = flow.error.expect("a failure");
    assert_eq!(
        (failure.cause, failure.side),
        (FailureCause::Tls, Party::Client)
    );
}
