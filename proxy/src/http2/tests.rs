//! What happens when nothing does, on a clock that is wound by hand: a connection that was forgotten, and exchanges
//! that take as long as they like.

use super::{IDLE, NOTICE, broken, relay, waiting};
use crate::{
    http1::{Session, Upstream},
    stream::Stream,
    target::{Scheme, Target},
    words::failed,
};
use bytes::{Bytes, BytesMut};
use h2::{client::SendRequest, server};
use http::{Request, Response};
use overhear_store::{
    Connection, FailureCause, Flow, Party, Recorder, State, Store, StoreOptions, read::FlowQuery,
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
/// A client's preface, and an empty SETTINGS frame (RFC 9113 sections 3.4 and 6.5).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The type of a GOAWAY frame, RFC 9113 section 6.8.
const GOAWAY: u8 = 7;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A relay between a client and a server, or one that answers for a server that cannot be reached.
fn relaying(
    recorder: &Recorder,
    reached: bool,
) -> (DuplexStream, DuplexStream, JoinHandle<Option<Party>>) {
    let (client, near) = duplex(1 << 20);
    let (server, far) = duplex(1 << 20);
    let recorder = recorder.clone();
    let relaying = tokio::spawn(async move {
        let accepted = Connection::accepted(address(50_000), address(8080));
        let connection = Arc::new(recorder.connection(accepted.clone()));
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
        let target = Target {
            scheme: Scheme::Https,
            host: "origin.example".to_owned(),
            port: 443,
        };
        let (near, read) = (Stream::Memory(near), BytesMut::new());
        if reached {
            let upstream = Upstream {
                io: Stream::Memory(far),
                read: BytesMut::new(),
                target,
                connection: connection.clone(),
                server: Some(address(443)),
                forward: None,
            };
            relay(session, near, read, upstream, &Nobody, false).await;
        } else {
            let failure = failed(FailureCause::Tls, Party::Server, "no handshake");
            broken(session, near, read, &target, &connection, failure, &Nobody).await;
        }
        connection.get().closed_by
    });
    (client, server, relaying)
}

/// Runs with a clock that goes on only when nothing else can be done; gives the flows that were recorded.
fn told<F: Future<Output = ()>>(act: impl FnOnce(Recorder) -> F) -> Vec<Flow> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let options = StoreOptions {
            path: folder.path().join("flows.sqlite"),
            read_only: false,
        };
        let store = Store::open(options).await.expect("a store");
        time::pause();
        act(store.recorder()).await;
        // the store waits for threads of its own, which this clock does not know
        time::resume();
        store.flush().await.expect("it is written");
        let flows = store.flows(&FlowQuery::default()).await;
        store.close().await.expect("the store closes");
        flows.expect("flows").flows
    })
}

/// A client: its way to ask, and what ends with its connection.
async fn client(io: DuplexStream) -> (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let (sender, connection) = h2::client::handshake(io).await.expect("a handshake");
    (sender, tokio::spawn(connection))
}

/// A server that answers everything after `pause`; ends with its connection.
fn origin(io: DuplexStream, pause: Duration) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut connection = server::handshake(io).await.expect("a handshake");
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            tokio::spawn(async move {
                sleep(pause).await;
                let head = Response::builder().status(204).body(()).expect("a head");
                respond.send_response(head, true).expect("it is sent");
            });
        }
    })
}

async fn ask(sender: &mut SendRequest<Bytes>) -> u16 {
    let request = Request::get("https://origin.example/").body(());
    let (response, _) = sender
        .send_request(request.expect("a request"), true)
        .expect("it is taken");
    response.await.expect("an answer").status().as_u16()
}

#[test]
fn a_forgotten_connection_goes_away() {
    let flows = told(|recorder| async move {
        let (near, far, relaying) = relaying(&recorder, true);
        let origin = origin(far, Duration::ZERO);
        let (mut sender, connection) = client(near).await;
        for _ in 0..3 {
            assert_eq!(ask(&mut sender).await, 204);
            // a pause is no end
            sleep(IDLE - Duration::from_secs(1)).await;
        }
        let began = Instant::now();
        connection.await.expect("no panic").expect("in good order");
        assert!(began.elapsed() <= Duration::from_secs(2));
        origin.await.expect("no panic");
        assert_eq!(relaying.await.expect("no panic"), Some(Party::Proxy));
    });
    assert_eq!(flows.len(), 3);
    assert!(flows.iter().all(|flow| flow.state == State::Complete));
}

#[test]
fn an_exchange_takes_as_long_as_it_likes() {
    let flows = told(|recorder| async move {
        let (near, far, relaying) = relaying(&recorder, true);
        let origin = origin(far, AGES);
        let (mut sender, connection) = client(near).await;
        let mut other = sender.clone();
        let later = async {
            sleep(AGES / 2).await;
            ask(&mut other).await
        };
        assert_eq!(tokio::join!(ask(&mut sender), later), (204, 204));
        drop((sender, other));
        connection.await.expect("no panic").expect("in good order");
        assert_eq!(relaying.await.expect("no panic"), Some(Party::Client));
        origin.await.expect("no panic");
    });
    assert_eq!(flows.len(), 2);
    assert!(flows.iter().all(|flow| flow.state == State::Complete));
}

#[test]
fn a_client_that_is_gone_need_not_answer() {
    for reached in [true, false] {
        let flows = told(|recorder| async move {
            let (mut near, far, relaying) = relaying(&recorder, reached);
            let _origin = origin(far, Duration::ZERO);
            near.write_all(PREFACE).await.expect("room");
            let (began, mut frames) = (Instant::now(), Vec::new());
            near.read_to_end(&mut frames).await.expect("an end");
            let took = began.elapsed();
            assert!(took >= IDLE && took <= IDLE + NOTICE * 2, "{took:?}");
            let mut rest = frames.as_slice();
            let mut kinds = Vec::new();
            // length, type, flags, stream, payload (RFC 9113 section 4.1)
            while let [a, b, c, kind, _, _, _, _, _, ..] = *rest {
                kinds.push(kind);
                rest = &rest[9 + u32::from_be_bytes([0, a, b, c]) as usize..];
            }
            assert!(kinds.contains(&GOAWAY), "{kinds:?}");
            relaying.await.expect("no panic");
        });
        assert_eq!(flows.len(), 0);
    }
}

/// What h2 says of a stream that may be opened again.
fn is_refused(answer: Result<http::Response<h2::RecvStream>, h2::Error>) -> bool {
    answer.is_err_and(|error| error.reason() == Some(h2::Reason::REFUSED_STREAM))
}

#[tokio::test]
async fn heads_that_no_server_takes_are_not_gathered() {
    const LARGE: usize = 900_000;
    let folder = tempfile::tempdir().expect("a folder");
    let options = StoreOptions {
        path: folder.path().join("flows.sqlite"),
        read_only: false,
    };
    let store = Store::open(options).await.expect("a store");
    let (client_io, server_io, _relaying) = relaying(&store.recorder(), true);
    let (sender, _connection) = client(client_io).await;
    #[expect(
        clippy::async_yields_async,
        reason = "many are asked before any is answered"
    )]
    let ask = async || {
        let request = Request::get("https://origin.example/").header("x", "y".repeat(LARGE));
        let request = request.body(()).expect("a request");
        let mut sender = sender.clone().ready().await.expect("open");
        sender.send_request(request, true).expect("sent").0
    };
    // the server says nothing and reads nothing
    let mut held = Vec::new();
    let mut refused = 0;
    for _ in 0..40 {
        held.push(ask().await);
    }
    // beside those that wait, what is between the relay and the server holds one or two
    let taken = waiting::MOST / LARGE + 3;
    for answer in held.split_off(taken) {
        let answer = time::timeout(Duration::from_secs(60), answer).await;
        assert!(is_refused(answer.expect("in time")));
        refused += 1;
    }
    assert_eq!(refused, 40 - taken);
    // what waited goes on when the server does, and then there is room again
    let _server = origin(server_io, Duration::ZERO);
    let mut answered = 0;
    for answer in held {
        let answer = time::timeout(Duration::from_secs(60), answer).await;
        match answer.expect("in time") {
            Ok(answer) => answered += usize::from(answer.status() == 204),
            refusal => refused += usize::from(is_refused(refusal)),
        }
    }
    assert_eq!(answered + refused, 40);
    assert!(answered >= waiting::MOST / LARGE, "{answered}");
    let answer = time::timeout(Duration::from_secs(60), ask().await).await;
    assert_eq!(answer.expect("in time").expect("answered").status(), 204);
    store.flush().await.expect("it is written");
    let flows = store.flows(&FlowQuery::default()).await.expect("flows");
    let why = flows.flows.iter().filter_map(|flow| flow.error.as_ref());
    let why: Vec<_> = why
        .filter(|error| error.cause == FailureCause::Other)
        .collect();
    assert_eq!(why.len(), refused, "{why:?}");
    assert!(why[0].text.contains("REFUSED_STREAM"), "{why:?}");
}

/// Reaches nobody.
struct Nobody;

impl super::Elsewhere for Nobody {
    fn reach<'d>(
        &'d self,
        _: &'d Target,
        _: Option<&'d crate::upstream::Via>,
        _: &'d [&'d [u8]],
    ) -> futures_util::future::BoxFuture<'d, Result<Upstream<Stream>, crate::http1::DialFailed>>
    {
        unreachable!("no rule leads elsewhere")
    }
}
