//! Plain proxy requests, and visits to the proxy itself.

use crate::support::{
    Running, ask,
    origin::{Origin, echo1, free_port},
    pki::Pki,
    read_head, soon,
};
use overhear_store::{FailureCause, HeadKind, Kind, Party, State, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_on_as_it_came() {
    let proxy = Running::start(&Pki::new()).await;
    let origin = Origin::tcp(echo1).await;
    let named = origin.named();
    let mut client = proxy.dial().await;
    let sent = format!(
        "GET http://{named}/a?b HTTP/1.1\r\nhOsT: {named}\r\nX-Two: 1\r\naccept: */*\r\nx-two: 2\r\nConnection: close\r\n\r\n"
    );
    let answer = ask(&mut client, &sent).await;
    let (head, seen) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(
        head.starts_with("HTTP/1.1 200 Fine\r\nX-Case: Kept\r\n"),
        "{answer}"
    );
    let expected = format!(
        "GET /a?b HTTP/1.1\r\nhOsT: {named}\r\nX-Two: 1\r\naccept: */*\r\nx-two: 2\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(seen, expected);
    let flow = proxy.only_flow().await;
    assert_eq!((flow.kind, flow.state), (Kind::Http, State::Complete));
    assert_eq!(flow.url(), format!("http://{named}/a?b"));
    assert_eq!(flow.status, Some(200));
    assert_eq!(flow.request.version, Some(Version::Http11));
    assert_eq!(flow.server, Some(origin.address));
    assert_eq!(
        proxy.head(flow.id, HeadKind::Request).await.as_ref(),
        Some(&sent)
    );
    assert_eq!(
        proxy.head(flow.id, HeadKind::RequestSent).await.as_ref(),
        Some(&expected)
    );
    let connection = proxy.connection(&flow).await;
    assert_eq!(connection.client, client.local_addr().expect("bound"));
    assert_eq!(connection.local, proxy.address);
    assert_eq!(connection.server, Some(origin.address));
    let moments = [
        Some(connection.accepted),
        connection.dns_start,
        connection.dns_done,
        connection.connect_start,
        connection.connected,
    ];
    assert!(moments.iter().all(Option::is_some), "{moments:?}");
    assert!(moments.is_sorted(), "{moments:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_for_one_client() {
    let proxy = Running::start(&Pki::new()).await;
    let (one, two) = (Origin::tcp(echo1).await, Origin::tcp(echo1).await);
    let mut client = proxy.dial().await;
    for origin in [&one, &two, &one] {
        let named = origin.named();
        let request = format!("GET http://{named}/ HTTP/1.1\r\nHost: {named}\r\n\r\n");
        client.write_all(request.as_bytes()).await.expect("sent");
        let head = soon("an answer", read_head(&mut client)).await;
        let length = head
            .lines()
            .find_map(|l| l.strip_prefix("Content-Length: "))
            .expect("a length");
        let mut body = vec![0; length.parse().expect("a length")];
        soon("a body", client.read_exact(&mut body))
            .await
            .expect("a body");
        assert!(String::from_utf8_lossy(&body).contains(&named));
    }
    drop(client);
    proxy.flow("the third", |f| f.id.0 == 3).await;
    let servers: Vec<_> = proxy.flows().await.iter().map(|f| f.server).collect();
    let expected = [&one, &two, &one].map(|o| Some(o.address));
    assert_eq!(servers, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn visits_see_the_site_and_are_not_recorded() {
    let proxy = Running::start(&Pki::new()).await;
    for (line, said) in [
        (
            "GET / HTTP/1.1",
            "GET / HTTP/1.1 proxied=false secure=false",
        ),
        (
            "GET http://overhear.internal/x HTTP/1.1",
            "GET /x HTTP/1.1 proxied=true secure=false",
        ),
        (
            "GET http://OVERHEAR.internal.:80/ HTTP/1.1",
            "GET / HTTP/1.1 proxied=true secure=false",
        ),
    ] {
        let request = format!("{line}\r\nHost: overhear.internal\r\n\r\n");
        let answer = ask(&mut proxy.dial().await, &request).await;
        assert!(answer.ends_with(said), "{line}: {answer}");
    }
    assert!(proxy.flows().await.is_empty());
    assert!(
        proxy.handle.devices().is_empty(),
        "this machine is no device"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_site_a_visit_is_refused() {
    let proxy = Running::start_with(&Pki::new(), |o| o.site = None).await;
    let answer = ask(&mut proxy.dial().await, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(answer.contains("port of a proxy"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there() {
    let proxy = Running::start(&Pki::new()).await;
    let port = free_port().await;
    let request = format!("GET http://localhost:{port}/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let answer = ask(&mut proxy.dial().await, &request).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let flow = proxy.only_flow().await;
    let error = flow.error.expect("a failure");
    assert_eq!(
        (error.cause, error.side),
        (FailureCause::Refused, Party::Server)
    );
    assert!(
        error.text.contains(&format!("localhost:{port}")),
        "{}",
        error.text
    );
    assert!(
        answer.contains(&error.text),
        "the client reads the same: {answer}"
    );
    assert_eq!((flow.state, flow.status), (State::Failed, Some(502)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_nobody_has() {
    let proxy = Running::start(&Pki::new()).await;
    let request = "GET http://no-such-name.invalid/ HTTP/1.1\r\nHost: no-such-name.invalid\r\n\r\n";
    let answer = ask(&mut proxy.dial().await, request).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let error = proxy.only_flow().await.error.expect("a failure");
    assert_eq!(error.cause, FailureCause::Dns);
    assert!(
        error.text.contains("no-such-name.invalid"),
        "{}",
        error.text
    );
}
