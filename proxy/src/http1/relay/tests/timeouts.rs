//! What happens when nothing does, on a clock that is wound by hand: a head that does not come, a connection that was
//! forgotten, and everything that may take as long as it likes.

use super::lab::{body, open, target};
use crate::http1::{
    Dial, DialFailed, End, Route, Session, Upstream, relay,
    request::{IDLE, SLOW},
};
use crate::target::Target;
use bytes::BytesMut;
use overhear_store::{
    Connection, FailureCause, Flow, Party, Recorder, Side, State, Store, read::FlowQuery,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::JoinHandle,
    time::{self, Instant, sleep},
};
use tokio_util::sync::CancellationToken;

/// Far longer than anything that is waited for.
const AGES: Duration = Duration::from_secs(100_000);

struct Nobody;

impl Dial for Nobody {
    type Io = DuplexStream;

    async fn dial(
        &self,
        target: &Target,
        _: Option<&crate::upstream::Via>,
        _: impl Future<Output = ()> + Send,
    ) -> Result<Upstream<DuplexStream>, DialFailed> {
        panic!("nobody asked for {target}")
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A relay between a client and a server, or without a server where requests name theirs.
fn relaying(
    recorder: &Recorder,
    fixed: bool,
) -> (DuplexStream, DuplexStream, JoinHandle<End<DuplexStream>>) {
    let (client, near) = duplex(1 << 20);
    let (server, far) = duplex(1 << 20);
    let recorder = recorder.clone();
    let relaying = tokio::spawn(async move {
        let accepted = Connection::accepted(address(50_000), address(8080));
        let session = Session {
            user: None,
            ends: None,
            rules: &crate::intercept::Rules::default(),
            recorder: &recorder,
            accepted: &accepted,
            replay_of: None,
            announce: None,
            stop: CancellationToken::new(),
        };
        let route = match fixed {
            true => Route::Fixed(Upstream {
                io: far,
                read: BytesMut::new(),
                target: target("origin.example:80"),
                connection: Arc::new(recorder.connection(accepted.clone())),
                server: Some(address(80)),
                forward: None,
            }),
            false => Route::Named,
        };
        relay(near, BytesMut::new(), session, route, &Nobody).await
    });
    (client, server, relaying)
}

/// Runs with a clock that goes on only when nothing else can be done; gives the flows that were recorded.
fn told<F: Future<Output = ()>>(act: impl FnOnce(Recorder) -> F) -> Vec<(Flow, Vec<u8>)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let store: Store = open(&folder, false).await;
        time::pause();
        act(store.recorder()).await;
        // the store waits for threads of its own, which this clock does not know
        time::resume();
        store.flush().await.expect("it is written");
        let flows = store
            .flows(&FlowQuery::default())
            .await
            .expect("flows")
            .flows;
        let mut told = Vec::new();
        for flow in flows {
            let request = body(&store, flow.id, Side::Request).await;
            told.push((flow, request));
        }
        store.close().await.expect("the store closes");
        told
    })
}

async fn rest(stream: &mut DuplexStream) -> String {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.expect("bytes");
    String::from_utf8_lossy(&all).into_owned()
}

async fn expect(stream: &mut DuplexStream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    stream.read_exact(&mut read).await.expect("bytes");
    assert_eq!(read, bytes);
}

#[test]
fn a_head_that_does_not_come_is_not_waited_for() {
    for fixed in [false, true] {
        let told = told(|recorder| async move {
            let (mut client, _server, relaying) = relaying(&recorder, fixed);
            client
                .write_all(b"GET / HTTP/1.1\r\nHost: ")
                .await
                .expect("room");
            let began = Instant::now();
            // a byte now and then does not help
            let dribble = async {
                loop {
                    sleep(Duration::from_secs(7)).await;
                    if client.write_all(b"x").await.is_err() {
                        break;
                    }
                    let mut answer = [0; 12];
                    let read =
                        time::timeout(Duration::from_millis(1), client.read_exact(&mut answer));
                    if read.await.is_ok() {
                        assert_eq!(&answer, b"HTTP/1.1 408");
                        break;
                    }
                }
            };
            dribble.await;
            assert!(began.elapsed() >= SLOW && began.elapsed() < SLOW * 2);
            drop(client);
            assert!(matches!(relaying.await.expect("no panic"), End::Closed));
        });
        let [(flow, _)] = told.as_slice() else {
            panic!("{} flows", told.len());
        };
        let error = flow.error.as_ref().expect("an error");
        assert_eq!(
            (error.cause, error.side),
            (FailureCause::Timeout, Party::Client)
        );
        assert_eq!(flow.status, Some(408));
    }
}

#[test]
fn a_forgotten_connection_is_closed() {
    let told = told(|recorder| async move {
        let (mut client, mut server, relaying) = relaying(&recorder, true);
        for _ in 0..2 {
            let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
            client.write_all(request).await.expect("room");
            expect(&mut server, request).await;
            let response = b"HTTP/1.1 204 No Content\r\n\r\n";
            server.write_all(response).await.expect("room");
            expect(&mut client, response).await;
            // a pause is no end
            sleep(IDLE - Duration::from_secs(1)).await;
        }
        let began = Instant::now();
        assert_eq!(rest(&mut client).await, "");
        assert!(began.elapsed() <= Duration::from_secs(2));
        assert_eq!(rest(&mut server).await, "");
        assert!(matches!(relaying.await.expect("no panic"), End::Closed));
    });
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|(flow, _)| flow.state == State::Complete));
}

#[test]
fn an_exchange_takes_as_long_as_it_likes() {
    let told = told(|recorder| async move {
        let (mut client, mut server, relaying) = relaying(&recorder, true);
        let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";
        client.write_all(head).await.expect("room");
        expect(&mut server, head).await;
        for byte in [b"a", b"b"] {
            sleep(AGES).await;
            client.write_all(byte).await.expect("room");
            expect(&mut server, byte).await;
        }
        sleep(AGES).await;
        for part in ["HTTP/1.1 200 ", "OK\r\nContent-Length: 2\r\n\r\n", "c", "d"] {
            server.write_all(part.as_bytes()).await.expect("room");
            sleep(AGES).await;
        }
        expect(
            &mut client,
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\ncd",
        )
        .await;
        drop(client);
        drop(server);
        relaying.await.expect("no panic");
    });
    let [(flow, body)] = told.as_slice() else {
        panic!("{} flows", told.len());
    };
    assert_eq!((flow.state, body.as_slice()), (State::Complete, &b"ab"[..]));
}

#[test]
fn a_tunnel_may_be_silent() {
    told(|recorder| async move {
        let (mut client, mut server, relaying) = relaying(&recorder, true);
        let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
        client.write_all(request).await.expect("room");
        expect(&mut server, request).await;
        let response = b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
        server.write_all(response).await.expect("room");
        expect(&mut client, response).await;
        for _ in 0..3 {
            sleep(AGES).await;
            client.write_all(b"up").await.expect("room");
            expect(&mut server, b"up").await;
            sleep(AGES).await;
            server.write_all(b"down").await.expect("room");
            expect(&mut client, b"down").await;
        }
        drop(client);
        drop(server);
        relaying.await.expect("no panic");
    });
}

#[test]
fn a_client_that_goes_on_sending_gets_its_answer() {
    told(|recorder| async move {
        let (mut client, _server, relaying) = relaying(&recorder, true);
        client.write_all(b"BAD\r\n\r\n").await.expect("room");
        // longer than what is recorded of it
        for _ in 0..10 {
            sleep(Duration::from_secs(3)).await;
            client.write_all(&[b'x'; 1000]).await.expect("it is taken");
        }
        let answer = rest(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        // silent, it is let go
        assert!(matches!(relaying.await.expect("no panic"), End::Closed));
    });
}
