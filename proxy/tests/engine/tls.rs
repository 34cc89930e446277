//! TLS in a tunnel: both sides ended, mirrored, recorded; and every way it can fail.

use crate::support::{
    Running, ask, connector,
    origin::{Origin, echo1},
    pki::{Flaw, Pki},
    read_to_end, server_name, soon,
};
use overhear_store::{FailureCause, Flow, Kind, Party, Side, State};
use rustls::RootCertStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::client::TlsStream;

const GET: &str = "GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

async fn origin(pki: &Pki, alpn: &[&str], flaw: Flaw) -> Origin {
    Origin::tls(pki.server(&["localhost", "127.0.0.1"], alpn, flaw), echo1).await
}

fn chosen<T>(stream: &TlsStream<T>) -> Option<&[u8]> {
    stream.get_ref().1.alpn_protocol()
}

/// A failed flow's failure: its cause, side and text.
fn failure(flow: &Flow) -> (FailureCause, Party, &str) {
    let failure = flow.error.as_ref().expect("a failure");
    (failure.cause, failure.side, &failure.text)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_agreed_is_recorded() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = origin(&pki, &["http/1.1"], Flaw::None).await;
    let mut client = proxy
        .tls(&origin.named(), "localhost", &["h2", "http/1.1"])
        .await;
    assert_eq!(
        chosen(&client),
        Some(&b"http/1.1"[..]),
        "what the server chose"
    );
    let answer = ask(&mut client, GET).await;
    assert!(answer.contains("GET /x HTTP/1.1"), "{answer}");
    let flow = proxy.only_flow().await;
    assert_eq!(flow.url(), format!("https://{}/x", origin.named()));
    assert_eq!(flow.state, State::Complete);
    let connection = proxy.connection(&flow).await;
    let (ours, theirs) = (
        connection.client_tls.clone().expect("TLS with the client"),
        connection.server_tls.clone().expect("TLS with the server"),
    );
    for tls in [&ours, &theirs] {
        assert_eq!(tls.version, "TLSv1.3");
        assert!(tls.cipher.starts_with("TLS_"), "{}", tls.cipher);
        assert_eq!(tls.sni.as_deref(), Some("localhost"));
        assert_eq!(tls.alpn_offered, ["h2", "http/1.1"]);
        assert_eq!(tls.alpn.as_deref(), Some("http/1.1"));
    }
    assert_eq!(theirs.certificates.len(), 1);
    assert_ne!(ours.certificates, theirs.certificates);
    let peer = client.get_ref().1.peer_certificates().expect("a chain");
    assert_eq!(
        ours.certificates[0],
        peer[0].to_vec(),
        "the leaf that the client saw"
    );
    let moments = [
        connection.connected,
        connection.server_tls_done,
        connection.client_tls_done,
    ];
    assert!(
        moments.iter().all(Option::is_some) && moments.is_sorted(),
        "{moments:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn alpn_is_mirrored() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let none = origin(&pki, &[], Flaw::None).await;
    let client = proxy
        .tls(&none.named(), "localhost", &["h2", "http/1.1"])
        .await;
    assert_eq!(chosen(&client), None, "the server chose nothing");
    let h2 = origin(&pki, &["h2", "http/1.1"], Flaw::None).await;
    let client = proxy
        .tls(&h2.named(), "localhost", &["h2", "http/1.1"])
        .await;
    assert_eq!(chosen(&client), Some(&b"h2"[..]));
    let client = proxy
        .tls(&h2.named(), "localhost", &["http/1.1", "h2"])
        .await;
    assert_eq!(chosen(&client), Some(&b"h2"[..]), "the server's order");
    let client = proxy.tls(&h2.named(), "localhost", &[]).await;
    assert_eq!(chosen(&client), None, "the client offered nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_protocol_is_recorded_decrypted() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let config = pki.server(&["localhost"], &["acme/9"], Flaw::None);
    let origin = Origin::tls(config, |mut io| async move {
        let mut line = [0; 6];
        io.read_exact(&mut line).await.expect("a line");
        io.write_all(b"\0pong").await.expect("sent");
        io.shutdown().await.expect("closed");
    })
    .await;
    let mut client = proxy
        .tls(&origin.named(), "localhost", &["acme/9", "acme/8"])
        .await;
    assert_eq!(chosen(&client), Some(&b"acme/9"[..]));
    client.write_all(b"\0ping!").await.expect("sent");
    assert_eq!(read_to_end(&mut client).await, "\0pong");
    drop(client);
    let flow = proxy.only_flow().await;
    assert_eq!((flow.kind, flow.state), (Kind::Tcp, State::Complete));
    assert_eq!(proxy.body(flow.id, Side::Request).await, b"\0ping!");
    assert_eq!(proxy.body(flow.id, Side::Response).await, b"\0pong");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_first_in_tls() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let config = pki.server(&["localhost"], &[], Flaw::None);
    let origin = Origin::tls(config, |mut io| async move {
        io.write_all(b"* OK IMAP4rev1\r\n").await.expect("sent");
        io.shutdown().await.expect("closed");
    })
    .await;
    let mut client = proxy.tls(&origin.named(), "localhost", &[]).await;
    assert_eq!(read_to_end(&mut client).await, "* OK IMAP4rev1\r\n");
    drop(client);
    let flow = proxy.only_flow().await;
    assert_eq!(flow.kind, Kind::Tcp);
    assert_eq!(
        proxy.body(flow.id, Side::Response).await,
        b"* OK IMAP4rev1\r\n"
    );
}

/// A transport that sends every byte by itself.
struct Drip<T>(T);

impl<T: tokio::io::AsyncRead + Unpin> tokio::io::AsyncRead for Drip<T> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<T: tokio::io::AsyncWrite + Unpin> tokio::io::AsyncWrite for Drip<T> {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        let one = buf.get(..1).unwrap_or_default();
        std::pin::Pin::new(&mut self.0).poll_write(cx, one)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hello_in_single_bytes() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = origin(&pki, &["http/1.1"], Flaw::None).await;
    let tunnel = proxy.tunnel(&origin.named()).await;
    tunnel.set_nodelay(true).expect("an option");
    let connecting = proxy
        .connector(&["http/1.1"])
        .connect(server_name("localhost"), Drip(tunnel));
    let mut client = soon("TLS", connecting).await.expect("TLS");
    let answer = ask(&mut client, GET).await;
    assert!(answer.contains("GET /x HTTP/1.1"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_named_in_the_leaf() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = origin(&pki, &["http/1.1"], Flaw::None).await;
    let target = format!("127.0.0.1:{}", origin.port());
    // a client sends no server name for an address
    let mut client = proxy.tls(&target, "127.0.0.1", &["http/1.1"]).await;
    let answer = ask(&mut client, GET).await;
    assert!(answer.contains("GET /x HTTP/1.1"), "{answer}");
    let flow = proxy.only_flow().await;
    let tls = proxy.connection(&flow).await.server_tls.expect("TLS");
    assert_eq!(tls.sni, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_with_servers_are_resumed() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let config = pki.server(&["localhost"], &[], Flaw::None);
    let origin = Origin::tls(config, |mut io| async move {
        let resumed = io.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
        let mut head = [0; 5];
        io.read_exact(&mut head).await.expect("a word");
        let word: &[u8] = if resumed { b"again" } else { b"first" };
        io.write_all(word).await.expect("sent");
        io.shutdown().await.expect("closed");
    })
    .await;
    for word in ["first", "again"] {
        let mut client = proxy.tls(&origin.named(), "localhost", &[]).await;
        assert_eq!(ask(&mut client, "\0word").await, word);
    }
    drop(proxy.flow("both", |f| f.id.0 == 2).await);
    for flow in proxy.flows().await {
        let tls = proxy.connection(&flow).await.server_tls.expect("TLS");
        assert_eq!(tls.certificates.len(), 1, "also when it was resumed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_certificates() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let cases = [
        (Flaw::Expired, "it expired on 2021-02-03"),
        (Flaw::NotYet, "not valid before 2090-04-05"),
        (Flaw::SelfSigned, "self-signed"),
        (Flaw::UnknownIssuer, "issuer (CN=Somebody) is not one"),
    ];
    for (flaw, said) in cases {
        let origin = origin(&pki, &["http/1.1"], flaw).await;
        let mut client = proxy
            .tls(&origin.named(), "localhost", &["h2", "http/1.1"])
            .await;
        let answer = ask(&mut client, GET).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{flaw:?}: {answer}");
        let flow = proxy.flow("a failure", |f| f.port == origin.port()).await;
        let (cause, side, text) = failure(&flow);
        assert_eq!(
            (cause, side),
            (FailureCause::Certificate, Party::Server),
            "{flaw:?}: {text}"
        );
        assert!(text.contains(said), "{flaw:?}: {text}");
        assert!(answer.contains(text), "{flaw:?}: {answer}");
        assert_eq!((flow.path.as_str(), flow.status), ("/x", Some(502)));
        let tls = proxy
            .connection(&flow)
            .await
            .server_tls
            .expect("what was seen of TLS");
        assert_eq!(tls.certificates.len(), 1, "{flaw:?}: the chain is kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_host() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let config = pki.server(&["a.test", "*.b.test"], &[], Flaw::None);
    let origin = Origin::tls(config, echo1).await;
    let mut client = proxy.tls(&origin.named(), "localhost", &[]).await;
    let answer = ask(&mut client, GET).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let flow = proxy.only_flow().await;
    let (cause, _, text) = failure(&flow);
    assert_eq!(cause, FailureCause::Certificate);
    assert!(
        text.contains("not for localhost, but for a.test, *.b.test"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_certificate_can_be_accepted_and_no_longer() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = origin(&pki, &["http/1.1"], Flaw::SelfSigned).await;
    for (accept, status) in [(false, "502"), (true, "200"), (true, "200"), (false, "502")] {
        proxy.handle.accept_certificate("LocalHost", accept);
        let accepted = proxy.handle.accepted_certificates();
        assert_eq!(accepted.len(), usize::from(accept), "{accepted:?}");
        let mut client = proxy.tls(&origin.named(), "localhost", &["http/1.1"]).await;
        let answer = ask(&mut client, GET).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{accept}: {answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_certificate_can_be_accepted() {
    let pki = Pki::new();
    let proxy = Running::start_with(&pki, |o| o.insecure_all = true).await;
    let origin = origin(&pki, &["http/1.1"], Flaw::Expired).await;
    let mut client = proxy.tls(&origin.named(), "localhost", &["http/1.1"]).await;
    let answer = ask(&mut client, GET).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let tls = proxy
        .connection(&proxy.only_flow().await)
        .await
        .server_tls
        .expect("TLS");
    assert_eq!(tls.certificates.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_trust_us() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = origin(&pki, &["http/1.1"], Flaw::None).await;
    let tunnel = proxy.tunnel(&origin.named()).await;
    let refusing = connector(RootCertStore::from_iter(pki.roots().roots), &["http/1.1"]);
    let refused = soon("TLS", refusing.connect(server_name("localhost"), tunnel)).await;
    assert!(refused.is_err(), "it does not trust our root");
    let flow = proxy.only_flow().await;
    assert_eq!((flow.kind, flow.host.as_str()), (Kind::Tls, "localhost"));
    let (cause, side, text) = failure(&flow);
    assert_eq!((cause, side), (FailureCause::Tls, Party::Client));
    assert!(text.contains("unknown_ca (48)"), "{text}");
    assert!(text.contains("http://overhear.internal"), "{text}");
    let connection = proxy.connection(&flow).await;
    let tls = connection.client_tls.expect("what was seen of TLS");
    assert_eq!(tls.sni.as_deref(), Some("localhost"));
    assert!(!tls.certificates.is_empty(), "the leaf that was refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_in_the_handshake() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = origin(&pki, &[], Flaw::None).await;
    // a whole ClientHello, taken from a client that is then dropped
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let connecting = proxy.connector(&[]).connect(server_name("localhost"), near);
    let mut hello = vec![0; 1 << 16];
    let length = tokio::select! {
        _ = connecting => panic!("nobody answers"),
        length = far.read(&mut hello) => length.expect("a hello"),
    };
    hello.truncate(length);
    let mut client = proxy.tunnel(&origin.named()).await;
    client.write_all(&hello).await.expect("sent");
    let mut answer = [0; 5];
    soon("our hello", client.read_exact(&mut answer))
        .await
        .expect("an answer");
    drop(client);
    let flow = proxy.only_flow().await;
    let (cause, side, text) = failure(&flow);
    assert_eq!(
        (flow.kind, cause, side),
        (Kind::Tls, FailureCause::Tls, Party::Client)
    );
    assert!(text.contains("closed the connection when it saw"), "{text}");
    // and one that ends in the middle of it
    let mut client = proxy.tunnel(&origin.named()).await;
    client.write_all(&hello[..40]).await.expect("sent");
    drop(client);
    let flow = proxy.flow("the second", |f| f.id.0 == 2).await;
    assert!(
        failure(&flow)
            .2
            .contains("in the middle of its TLS ClientHello"),
        "{flow:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_that_begins_like_tls() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = origin(&pki, &[], Flaw::None).await;
    let mut client = proxy.tunnel(&origin.named()).await;
    client
        .write_all(b"\x16\x03\x01\x00\x08\x01\x00\x00\x04abcd")
        .await
        .expect("sent");
    let _ = read_to_end(&mut client).await;
    let flow = proxy.only_flow().await;
    let (cause, side, text) = failure(&flow);
    assert_eq!(
        (flow.kind, cause, side),
        (Kind::Tls, FailureCause::Tls, Party::Client),
        "{text}"
    );
    assert!(
        text.ends_with("what came from the client is not TLS."),
        "{text}"
    );
}

/// A hello that is too long is refused as soon as it says so, and not when that much has come.
#[tokio::test(flavor = "multi_thread")]
async fn a_hello_without_end_gets_an_alert() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = origin(&pki, &[], Flaw::None).await;
    for (hello, said) in [
        (
            &b"\x16\x03\x01\x40\x00\x01\xff\xff\xff"[..],
            "16777215 bytes",
        ),
        (b"\x16\x03\x01\x40\x00\x01\x01\x00\x00abcd", "65536 bytes"),
    ] {
        let mut client = proxy.tunnel(&origin.named()).await;
        client.write_all(hello).await.expect("sent");
        // the client's side stays open
        let answer = read_to_end(&mut client).await;
        // fatal, decode_error
        assert_eq!(answer, "\x15\x03\x03\0\x02\x02\x32", "{hello:?}");
        let flow = proxy
            .flow(said, |f| f.kind == Kind::Tls && failure(f).2.contains(said))
            .await;
        let (cause, side, _) = failure(&flow);
        assert_eq!((cause, side), (FailureCause::Tls, Party::Client));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_too_old() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = origin(&pki, &[], Flaw::None).await;
    let mut client = proxy.tunnel(&origin.named()).await;
    // a ClientHello of TLS 1.1: version, random, no session, one cipher, no compression, no extensions
    let mut hello = b"\x16\x03\x01\0\x2d\x01\0\0\x29\x03\x02".to_vec();
    hello.extend([7; 32]);
    hello.extend(b"\0\0\x02\0\x2f\x01\0");
    client.write_all(&hello).await.expect("sent");
    let _ = read_to_end(&mut client).await;
    let flow = proxy.only_flow().await;
    let (_, side, text) = failure(&flow);
    assert_eq!(side, Party::Client);
    assert!(
        text.contains("the client speaks only TLS 1.1 or older"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_speak_tls() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = Origin::tcp(|mut io| async move {
        let mut some = [0; 10];
        io.read_exact(&mut some).await.expect("bytes");
        io.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .expect("sent");
    })
    .await;
    let mut client = proxy.tls(&origin.named(), "localhost", &["http/1.1"]).await;
    let answer = ask(&mut client, GET).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let flow = proxy.only_flow().await;
    let (cause, side, text) = failure(&flow);
    assert_eq!((cause, side), (FailureCause::Tls, Party::Server));
    assert!(text.contains("does not speak TLS"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_the_handshake() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let picky = origin(&pki, &["other"], Flaw::None).await;
    let mut client = proxy.tls(&picky.named(), "localhost", &["http/1.1"]).await;
    let answer = ask(&mut client, GET).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let flow = proxy.only_flow().await;
    let (cause, side, text) = failure(&flow);
    assert_eq!((cause, side), (FailureCause::Tls, Party::Server));
    assert!(text.contains("no_application_protocol (120)"), "{text}");
    let closing = Origin::tcp(|_| async {}).await;
    let mut client = proxy.tunnel(&closing.named()).await;
    // the server may close before the client has said a word; then there is nothing to tell
    let connecting = proxy
        .connector(&[])
        .connect(server_name("localhost"), &mut client);
    let _ = soon("the end", connecting).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_server_and_a_client_that_does_not_ask() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = origin(&pki, &["http/1.1"], Flaw::Expired).await;
    let client = proxy.tls(&origin.named(), "localhost", &["http/1.1"]).await;
    drop(client);
    let flow = proxy.only_flow().await;
    assert_eq!(flow.kind, Kind::Tls);
    assert_eq!(failure(&flow).0, FailureCause::Certificate);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_over_tls() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let mut client = proxy
        .tls(
            "overhear.internal:443",
            "overhear.internal",
            &["h2", "http/1.1"],
        )
        .await;
    let answer = ask(
        &mut client,
        "GET /a HTTP/1.1\r\nHost: overhear.internal\r\n\r\n",
    )
    .await;
    assert!(
        answer.ends_with("GET /a HTTP/1.1 proxied=true secure=true"),
        "{answer}"
    );
    let mut client = proxy.tunnel("overhear.internal:80").await;
    let answer = ask(
        &mut client,
        "GET /b HTTP/1.1\r\nHost: overhear.internal\r\n\r\n",
    )
    .await;
    assert!(
        answer.ends_with("GET /b HTTP/1.1 proxied=true secure=false"),
        "{answer}"
    );
    assert!(proxy.flows().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_pins() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    for alpn in ["http/1.1", "h2"] {
        let origin = origin(&pki, &[alpn], Flaw::None).await;
        // it finishes the handshake, looks at the certificate, and goes
        drop(proxy.tls(&origin.named(), "localhost", &[alpn]).await);
        let flow = proxy.flow(alpn, |f| f.port == origin.port()).await;
        let (cause, side, text) = failure(&flow);
        assert_eq!(
            (flow.kind, cause, side),
            (Kind::Tls, FailureCause::Tls, Party::Client)
        );
        assert!(text.contains("pinning"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_keeps_one_connection_of_two() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = origin(&pki, &["http/1.1"], Flaw::None).await;
    let mut kept = proxy.tls(&origin.named(), "localhost", &["http/1.1"]).await;
    drop(proxy.tls(&origin.named(), "localhost", &["http/1.1"]).await);
    soon("the other to be gone", async {
        while proxy.handle.status().connections > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    ask(&mut kept, GET).await;
    assert_eq!(proxy.only_flow().await.kind, Kind::Http);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_self_signed_certificate_that_is_given_as_a_root() {
    let pki = Pki::new();
    let (config, pem) = pki.own_authority(&["localhost"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("server.pem");
    std::fs::write(&file, pem).expect("a file");
    let proxy = Running::start_with(&pki, |o| o.upstream_ca.push(file)).await;
    let origin = Origin::tls(config, echo1).await;
    let mut client = proxy.tls(&origin.named(), "localhost", &[]).await;
    let answer = ask(&mut client, GET).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // its name must fit all the same
    let target = format!("127.0.0.1:{}", origin.port());
    let mut client = proxy.tls(&target, "127.0.0.1", &[]).await;
    let answer = ask(&mut client, GET).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(answer.contains("--insecure-upstream=127.0.0.1"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_whose_tls_is_cut_off_is_not_whole() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    // only the answer for /said ends TLS as it should, only the one for /delimited says where it ends
    let origin = Origin::tls(
        pki.server(&["localhost"], &[], Flaw::None),
        |mut io| async move {
            let head = crate::support::read_head(&mut io).await;
            let length = match head.contains("/delimited") {
                true => "Content-Length: 4\r\n",
                false => "Connection: close\r\n",
            };
            let answer = format!("HTTP/1.1 200 OK\r\n{length}\r\nbody");
            io.write_all(answer.as_bytes()).await.expect("written");
            io.flush().await.expect("written");
            if head.contains("/said") {
                io.shutdown().await.expect("shut down");
            }
        },
    )
    .await;
    for (path, whole) in [("/said", true), ("/cut", false), ("/delimited", true)] {
        let mut client = proxy.tls(&origin.named(), "localhost", &[]).await;
        let get = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.write_all(get.as_bytes()).await.expect("written");
        let mut answer = Vec::new();
        let end = soon("the end", client.read_to_end(&mut answer)).await;
        assert!(
            answer.ends_with(b"\r\n\r\nbody"),
            "{path}: what came passes"
        );
        assert_eq!(end.is_ok(), whole, "{path}: {end:?}");
        let flow = proxy.flow(path, |f| f.path == path).await;
        assert_eq!(proxy.body(flow.id, Side::Response).await, b"body", "{path}");
        if whole {
            assert_eq!(flow.state, State::Complete, "{path}: {:?}", flow.error);
            continue;
        }
        let (cause, side, text) = failure(&flow);
        assert_eq!((cause, side), (FailureCause::Closed, Party::Server));
        assert!(
            text.contains("localhost") && text.contains("close_notify"),
            "{text}"
        );
    }
}

/// In TLS 1.3 a server checks the client's certificate when the client's handshake is over already.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_a_certificate_of_its_client() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = Origin::tls(pki.demanding(&["localhost"], &["http/1.1"]), echo1).await;
    let certain = |flow: &Flow| {
        let (cause, side, text) = failure(flow);
        assert_eq!((cause, side), (FailureCause::Tls, Party::Server));
        let said = "the alert certificate_required (116): it wants a client certificate";
        assert!(text.contains(said), "{text}");
    };
    // whether the alert or the request comes first
    for n in 0..20_u32 {
        let mut client = proxy.tls(&origin.named(), "localhost", &["http/1.1"]).await;
        let path = format!("/{n}");
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = ask(&mut client, &request).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
        assert!(answer.contains("certificate_required"), "{answer}");
        certain(&proxy.flow("a failure", |f| f.path == path).await);
    }
    // and when none comes
    let mut client = proxy.tls(&origin.named(), "localhost", &["http/1.1"]).await;
    assert_eq!(read_to_end(&mut client).await, "");
    certain(&proxy.flow("a handshake", |f| f.kind == Kind::Tls).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_resets_right_after_the_handshake() {
    let pki = Pki::new();
    let proxy = Running::start(&pki).await;
    let origin = Origin::tls(
        pki.server(&["localhost"], &["http/1.1"], Flaw::None),
        |io| async move {
            let socket = io.get_ref().0;
            socket.set_zero_linger().expect("an option");
        },
    )
    .await;
    for n in 0..10_u32 {
        let mut client = proxy.tls(&origin.named(), "localhost", &["http/1.1"]).await;
        let path = format!("/{n}");
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = ask(&mut client, &request).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
        let flow = proxy.flow("a failure", |f| f.path == path).await;
        assert_eq!(failure(&flow).0, FailureCause::Reset);
    }
}
