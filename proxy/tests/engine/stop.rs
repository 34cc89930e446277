//! The stop: what runs may end, what is idle is closed, and all of it is recorded.

use crate::support::{
    Running, connect,
    origin::{Origin, client2, echo1},
    pki::{Flaw, Pki},
    read_head, read_to_end, soon,
};
use http::Request;
use overhear_store::State;
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_do_not_hold_it_up() {
    let pki = Pki::new();
    let mut proxy = Running::start(&pki).await;
    let origin = Origin::tls(
        pki.server(&["localhost"], &["h2", "http/1.1"], Flaw::None),
        |io| async move {
            match io.get_ref().1.alpn_protocol() {
                Some(b"h2") => crate::support::origin::echo2(io).await,
                _ => echo1(io).await,
            }
        },
    )
    .await;
    let silent = proxy.dial().await;
    let tunnel = proxy.tunnel(&origin.named()).await;
    let tls = proxy.tls(&origin.named(), "localhost", &["http/1.1"]).await;
    let mut used = proxy.tls(&origin.named(), "localhost", &["http/1.1"]).await;
    used.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("sent");
    soon("an answer", read_head(&mut used)).await;
    let mut two = client2(proxy.tls(&origin.named(), "localhost", &["h2"]).await).await;
    let uri = format!("https://{}/", origin.named());
    let request = Request::builder()
        .uri(uri)
        .version(http::Version::HTTP_2)
        .body(())
        .expect("a request");
    let (response, _) = two.send_request(request, true).expect("open");
    drop(soon("an answer", response).await.expect("answered"));
    proxy.stop();
    // nothing was running: it does not wait for the end of the grace
    proxy.stopped().await;
    drop((silent, tunnel, tls, used, two));
    proxy.store.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_may_end_and_nothing_new_begins() {
    let mut proxy = Running::start(&Pki::new()).await;
    let (asked, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let origin = {
        let (asked, go_on) = (asked.clone(), go_on.clone());
        Origin::tcp(move |mut io| {
            let (asked, go_on) = (asked.clone(), go_on.clone());
            async move {
                read_head(&mut io).await;
                asked.notify_one();
                go_on.notified().await;
                io.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
                    .await
                    .expect("sent");
                let mut rest = Vec::new();
                // how the proxy closes is not asked here
                let _ = io.read_to_end(&mut rest).await;
            }
        })
        .await
    };
    let mut client = proxy.dial().await;
    let request = format!(
        "GET http://{0}/ HTTP/1.1\r\nHost: {0}\r\n\r\n",
        origin.named()
    );
    client.write_all(request.as_bytes()).await.expect("sent");
    soon("the request", asked.notified()).await;
    proxy.stop();
    let address = proxy.address;
    soon("the port to be free", async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    go_on.notify_one();
    let answer = read_to_end(&mut client).await;
    assert!(answer.ends_with("done"), "{answer}");
    proxy.stopped().await;
    assert_eq!(proxy.only_flow().await.state, State::Complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_is_cut_and_recorded() {
    let mut proxy = Running::start_with_grace(&Pki::new(), Duration::from_millis(50)).await;
    let origin = Origin::tcp(|mut io| async move {
        read_head(&mut io).await;
        io.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome")
            .await
            .expect("sent");
        let mut rest = Vec::new();
        let _ = io.read_to_end(&mut rest).await;
    })
    .await;
    let mut client = proxy.dial().await;
    let request = format!(
        "GET http://{0}/ HTTP/1.1\r\nHost: {0}\r\n\r\n",
        origin.named()
    );
    client.write_all(request.as_bytes()).await.expect("sent");
    soon("the head", read_head(&mut client)).await;
    let raw = Origin::tcp(|mut io| async move {
        io.write_all(b"hello").await.expect("sent");
        let mut rest = Vec::new();
        let _ = io.read_to_end(&mut rest).await;
    })
    .await;
    let mut tunnel = proxy.dial().await;
    connect(&mut tunnel, &raw.named()).await;
    let mut hello = [0; 5];
    soon("hello", tunnel.read_exact(&mut hello))
        .await
        .expect("hello");
    proxy.stop();
    proxy.stopped().await;
    assert_eq!(read_to_end(&mut client).await, "some");
    let flows = proxy.flows().await;
    assert_eq!(flows.len(), 2);
    assert!(
        flows
            .iter()
            .all(|f| f.state != State::Running && f.state != State::Complete),
        "{flows:?}"
    );
}
