//! CONNECT, and what is relayed in it without TLS.

use crate::support::{
    Running, ask, connect,
    origin::{Origin, echo1, free_port},
    pki::Pki,
    read_to_end, soon,
};
use overhear_store::{FailureCause, HeadKind, Kind, Party, Side, State, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_first() {
    let proxy = Running::start(&Pki::new()).await;
    let origin = Origin::tcp(|mut io| async move {
        io.write_all(b"220 mail.test ESMTP\r\n")
            .await
            .expect("sent");
        let mut line = [0; 11];
        io.read_exact(&mut line).await.expect("a line");
        io.write_all(b"250 ").await.expect("sent");
        io.write_all(&line).await.expect("sent");
        io.shutdown().await.expect("closed");
    })
    .await;
    let mut client = proxy.tunnel(&origin.named()).await;
    let mut greeting = [0; 21];
    soon("the greeting", client.read_exact(&mut greeting))
        .await
        .expect("a greeting");
    client.write_all(b"EHLO test\r\n").await.expect("sent");
    assert_eq!(read_to_end(&mut client).await, "250 EHLO test\r\n");
    drop(client);
    let flow = proxy.only_flow().await;
    assert_eq!((flow.kind, flow.state), (Kind::Tcp, State::Complete));
    assert_eq!(flow.url(), format!("tcp://{}", origin.named()));
    assert_eq!(proxy.body(flow.id, Side::Request).await, b"EHLO test\r\n");
    assert_eq!(
        proxy.body(flow.id, Side::Response).await,
        b"220 mail.test ESMTP\r\n250 EHLO test\r\n"
    );
    let connection = proxy.closed_connection(&flow).await;
    assert_eq!(
        (connection.closed_by, connection.reset),
        (Some(Party::Server), false)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_speaks_something_else() {
    let proxy = Running::start(&Pki::new()).await;
    let origin = Origin::tcp(|mut io| async move {
        let mut all = Vec::new();
        io.read_to_end(&mut all).await.expect("bytes");
        all.reverse();
        io.write_all(&all).await.expect("sent");
    })
    .await;
    for sent in [
        &b"\x00\x01\x02binary"[..],
        b"PING\r\n",
        b"GET key\r\n",
        b"SSH-2.0-x\r\n",
        b"\x16",
    ] {
        let mut client = proxy.tunnel(&origin.named()).await;
        client.write_all(sent).await.expect("sent");
        client.shutdown().await.expect("closed");
        let mut back = Vec::new();
        soon("the answer", client.read_to_end(&mut back))
            .await
            .expect("bytes");
        back.reverse();
        assert_eq!(back, sent, "half closed, and answered all the same");
    }
    let flows = proxy.flows().await;
    assert!(flows.iter().all(|f| f.kind == Kind::Tcp), "{flows:?}");
    assert_eq!(flows.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_only_listens() {
    let proxy = Running::start(&Pki::new()).await;
    let origin = Origin::tcp(|mut io| async move {
        let mut none = [0; 1];
        assert_eq!(io.read(&mut none).await.expect("the end"), 0);
        io.write_all(b"daytime").await.expect("sent");
    })
    .await;
    let mut client = proxy.tunnel(&origin.named()).await;
    client.shutdown().await.expect("closed");
    assert_eq!(read_to_end(&mut client).await, "daytime");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_that_is_never_used_is_no_flow() {
    let proxy = Running::start(&Pki::new()).await;
    let origin = Origin::tcp(|mut io| async move {
        let mut none = [0; 1];
        // the proxy closes when the client does
        let _ = io.read(&mut none).await;
    })
    .await;
    drop(proxy.tunnel(&origin.named()).await);
    soon("the end", async {
        while proxy.handle.status().connections > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(proxy.flows().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_is_passed_on() {
    let proxy = Running::start(&Pki::new()).await;
    let origin = Origin::tcp(|mut io| async move {
        io.write_all(b"hello").await.expect("sent");
        let mut byte = [0; 1];
        io.read_exact(&mut byte).await.expect("a byte");
        io.set_zero_linger().expect("an option");
    })
    .await;
    let mut client = proxy.tunnel(&origin.named()).await;
    let mut hello = [0; 5];
    soon("hello", client.read_exact(&mut hello))
        .await
        .expect("hello");
    client.write_all(b"x").await.expect("sent");
    let error = soon("the reset", client.read(&mut hello))
        .await
        .expect_err("a reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let flow = proxy.only_flow().await;
    let failure = flow.error.clone().expect("a failure");
    assert_eq!(
        (failure.cause, failure.side),
        (FailureCause::Reset, Party::Server)
    );
    let connection = proxy.closed_connection(&flow).await;
    assert_eq!(
        (connection.closed_by, connection.reset),
        (Some(Party::Server), true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_in_a_tunnel() {
    let proxy = Running::start(&Pki::new()).await;
    let origin = Origin::tcp(echo1).await;
    let mut client = proxy.tunnel(&origin.named()).await;
    // in pieces, so that the first does not tell
    client.write_all(b"GE").await.expect("sent");
    client.flush().await.expect("sent");
    let answer = ask(
        &mut client,
        "T /t HTTP/1.1\r\nHost: inside\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(
        answer.contains("GET /t HTTP/1.1\r\nHost: inside"),
        "{answer}"
    );
    let flow = proxy.only_flow().await;
    assert_eq!(
        (flow.kind, flow.scheme.as_str(), flow.path.as_str()),
        (Kind::Http, "http", "/t")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_right_after_the_connect() {
    let proxy = Running::start(&Pki::new()).await;
    let origin = Origin::tcp(echo1).await;
    let mut client = proxy.dial().await;
    let named = origin.named();
    let both = format!(
        "CONNECT {named} HTTP/1.1\r\nHost: {named}\r\n\r\nGET /early HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    );
    let answer = ask(&mut client, &both).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 Fine"),
        "{answer}"
    );
    assert!(answer.contains("GET /early"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_that_fails() {
    let proxy = Running::start(&Pki::new()).await;
    let port = free_port().await;
    let mut client = proxy.dial().await;
    let target = format!("localhost:{port}");
    let answer = ask(
        &mut client,
        &format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n"),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let flow = proxy.only_flow().await;
    assert_eq!(
        (flow.kind, flow.method.as_str(), flow.status),
        (Kind::Http, "CONNECT", Some(502))
    );
    assert_eq!((flow.host.as_str(), flow.port), ("localhost", port));
    assert_eq!(flow.request.version, Some(Version::Http11));
    let failure = flow.error.expect("a failure");
    assert_eq!(failure.cause, FailureCause::Refused);
    assert!(answer.contains(&failure.text), "{answer}");
    let head = proxy
        .head(flow.id, HeadKind::Request)
        .await
        .expect("a head");
    assert!(
        head.starts_with(&format!("CONNECT {target} HTTP/1.1\r\n")),
        "{head}"
    );
    let mut client = proxy.dial().await;
    let answer = connect(&mut client, "no-such-name.invalid:443").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let flow = proxy
        .flow("DNS", |f| f.host == "no-such-name.invalid")
        .await;
    assert_eq!(flow.error.expect("a failure").cause, FailureCause::Dns);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_closes_before_a_word() {
    let proxy = Running::start(&Pki::new()).await;
    let origin = Origin::tcp(|_| async {}).await;
    let mut client = proxy.tunnel(&origin.named()).await;
    let answer = ask(&mut client, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let flow = proxy.only_flow().await;
    let failure = flow.error.expect("a failure");
    assert_eq!(failure.side, Party::Server);
    assert!(
        matches!(failure.cause, FailureCause::Closed | FailureCause::Reset),
        "{failure:?}"
    );
}
