//! What must not be reached through the proxy: the proxy itself, and the page.

use crate::support::{Running, ask, connect, origin::Origin, pki::Pki};
use overhear_proxy::Error;
use overhear_store::{FailureCause, Kind, Party, State};

#[tokio::test(flavor = "multi_thread")]
async fn itself_by_any_name() {
    let proxy = Running::start(&Pki::new()).await;
    let port = proxy.address.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "127.1",
    ] {
        let request = format!("GET http://{host}:{port}/ HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = ask(&mut proxy.dial().await, &request).await;
        assert!(answer.starts_with("HTTP/1.1 508 "), "{host}: {answer}");
        let mut client = proxy.dial().await;
        let answer = connect(&mut client, &format!("{host}:{port}")).await;
        assert!(answer.starts_with("HTTP/1.1 508 "), "{host}: {answer}");
    }
    let flow = proxy.flow("a loop", |f| f.method == "CONNECT").await;
    assert_eq!(
        (flow.kind, flow.state, flow.status),
        (Kind::Http, State::Failed, Some(508))
    );
    let failure = flow.error.expect("a failure");
    assert_eq!(
        (failure.cause, failure.side),
        (FailureCause::Loop, Party::Proxy)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_reserved() {
    let page = Origin::tcp(|_| async { panic!("the page was reached") }).await;
    let address = page.address;
    let proxy = Running::start_with(&Pki::new(), |o| o.reserved = vec![address]).await;
    for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
        let target = format!("{host}:{}", page.port());
        let request = format!("GET http://{target}/api/flows HTTP/1.1\r\nHost: {target}\r\n\r\n");
        let answer = ask(&mut proxy.dial().await, &request).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{host}: {answer}");
        let answer = connect(&mut proxy.dial().await, &target).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{host}: {answer}");
    }
    let failure = proxy
        .flow("refused", |_| true)
        .await
        .error
        .expect("a failure");
    assert_eq!(failure.cause, FailureCause::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_cannot_be_used() {
    let pki = Pki::new();
    let first = Running::start(&pki).await;
    let taken = first.address;
    let error = Running::try_start(&pki, |o| o.listen = vec![taken])
        .await
        .err()
        .expect("taken");
    assert!(
        matches!(error, Error::Listen { address, .. } if address == taken),
        "{error}"
    );
    let error = Running::try_start(&pki, |o| o.upstream_ca = vec!["/no/such/file".into()]).await;
    let error = error.err().expect("no file").to_string();
    assert!(error.contains("/no/such/file"), "{error}");
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").expect("a file");
    let error = Running::try_start(&pki, |o| o.upstream_ca = vec![empty]).await;
    let error = error.err().expect("no certificate").to_string();
    assert!(error.contains("BEGIN CERTIFICATE"), "{error}");
}
