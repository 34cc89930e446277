//! Connections that close or break where they should not.

use super::lab::{
    Ended, PATIENCE, Step, Told, address, client, fixed, open, read, request, response, server,
    target, to_client, to_server,
};
use crate::{
    http1::{Dial, DialFailed, End, Route, Session, Upstream, relay},
    target::Target,
};
use bytes::BytesMut;
use overhear_store::{
    Connection, ConnectionId, FailureCause, FlowId, HeadKind, Party, State, Store,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

const GET: &str = "GET / HTTP/1.1\r\nHost: o\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn a_server_that_never_answers_is_a_page() {
    let (ended, told) = fixed(
        [
            request(GET).to_vec(),
            vec![Step::ServerGone],
            vec![Step::ToClientWith(&[
                "HTTP/1.1 502 ",
                "before it sent any byte",
            ])],
        ]
        .concat(),
    );
    assert_eq!(ended, Ended::Closed);
    assert_eq!(told[0].cause(), Some((FailureCause::Closed, Party::Server)));
    assert_eq!(
        (told[0].status, told[0].head(HeadKind::Response)),
        (Some(502), None)
    );
}

#[test]
fn a_kept_connection_that_closes_under_a_request_closes_the_client_too() {
    let (ended, told) = fixed(
        [
            request(GET).to_vec(),
            response(OK).to_vec(),
            request(GET).to_vec(),
            vec![Step::ServerGone, Step::ClientEnd],
        ]
        .concat(),
    );
    assert_eq!((ended, told[0].state), (Ended::Closed, State::Complete));
    assert_eq!(told[1].cause(), Some((FailureCause::Closed, Party::Server)));
    assert_eq!(told[1].status, None);
}

#[test]
fn a_response_head_that_breaks_off_is_a_page() {
    let (_, told) = fixed(
        [
            request(GET).to_vec(),
            vec![server("HTTP/1.1 200 OK\r\nContent-"), Step::ServerGone],
            vec![Step::ToClientWith(&[
                "HTTP/1.1 502 ",
                "in the middle of the response's head",
            ])],
        ]
        .concat(),
    );
    assert_eq!(told[0].cause(), Some((FailureCause::Closed, Party::Server)));
    assert_eq!(
        told[0].head(HeadKind::Response),
        Some("HTTP/1.1 200 OK\r\nContent-")
    );
}

#[test]
fn a_body_that_breaks_off_breaks_off_for_the_client() {
    for partial in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n0123",
    ] {
        let (_, told) = fixed(
            [
                request(GET).to_vec(),
                vec![
                    server(partial),
                    to_client(partial),
                    Step::ServerGone,
                    Step::ClientEnd,
                ],
            ]
            .concat(),
        );
        assert_eq!(told[0].cause(), Some((FailureCause::Closed, Party::Server)));
        assert_eq!(
            (told[0].status, told[0].response.as_str()),
            (Some(200), "0123")
        );
        assert!(told[0].error.as_ref().unwrap().2.contains("after 4 bytes"));
    }
}

#[test]
fn requests_that_are_left_without_an_answer_say_so() {
    let close = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    let two = [GET, GET].concat();
    let (ended, told) = fixed([
        client(&two),
        to_server(&two),
        server(close),
        to_client(close),
        Step::ClientEnd,
    ]);
    assert_eq!((ended, told[0].state), (Ended::Closed, State::Complete));
    assert_eq!(told[1].cause(), Some((FailureCause::Closed, Party::Server)));
}

#[test]
fn a_client_that_leaves_before_the_answer_is_a_failure() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234";
    let (ended, told) = fixed(
        [
            request(GET).to_vec(),
            response(half).to_vec(),
            vec![Step::ClientGone, Step::Settle, server("5"), Step::ServerEnd],
        ]
        .concat(),
    );
    assert_eq!(ended, Ended::Closed);
    assert_eq!(told[0].cause(), Some((FailureCause::Closed, Party::Client)));
}

#[tokio::test]
async fn a_server_hears_of_a_client_that_stays_silent() {
    let mut sockets = Sockets::new().await;
    sockets
        .begin(GET, "HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n")
        .await;
    sockets.client.shutdown().await.expect("shut down");
    let mut rest = Vec::new();
    let hears = timeout(PATIENCE, sockets.server.read_to_end(&mut rest));
    hears.await.expect("the server hears of it").expect("read");
    // and may still answer
    sockets
        .server
        .write_all(b"data: 2\n\n")
        .await
        .expect("sent");
    sockets.server.shutdown().await.expect("shut down");
    let reads = timeout(PATIENCE, sockets.client.read_to_end(&mut rest));
    reads.await.expect("in time").expect("read");
    assert_eq!(rest, b"data: 2\n\n");
    let (_, told, _) = sockets.ended().await;
    assert_eq!(
        (told[0].state, told[0].response.as_str()),
        (State::Complete, "data: 1\n\ndata: 2\n\n")
    );
}

#[tokio::test]
async fn a_client_that_resets_while_it_waits_is_noticed() {
    for request in [
        "GET / HTTP/1.1\r\nHost: o\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: o\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        GET,
    ] {
        let mut sockets = Sockets::new().await;
        sockets.begin(request, "").await;
        let (client, gone) = pair().await;
        reset(std::mem::replace(&mut sockets.client, client));
        drop(gone);
        let mut rest = Vec::new();
        let hears = timeout(PATIENCE, sockets.server.read_to_end(&mut rest));
        let _ = hears.await.expect("the server hears of it");
        let (_, told, _) = sockets.ended().await;
        assert_eq!(told[0].cause(), Some((FailureCause::Reset, Party::Client)));
    }
}

/// A relay between real sockets.
struct Sockets {
    store: Store,
    folder: tempfile::TempDir,
    client: TcpStream,
    server: TcpStream,
    relaying: JoinHandle<Ended>,
    connection: ConnectionId,
}

impl Sockets {
    async fn new() -> Self {
        let (server, theirs) = pair().await;
        Self::with(BytesMut::new(), server, theirs).await
    }

    /// Begins with what was read from the client already, and both ends of the connection to the server.
    async fn with(read: BytesMut, server: TcpStream, their_server: TcpStream) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(&folder, false).await;
        let recorder = store.recorder();
        let (client, their_client) = pair().await;
        let accepted = Connection::accepted(address(50_000), address(8080));
        let connection = Arc::new(recorder.connection(accepted.clone()));
        let id = connection.id();
        let upstream = Upstream {
            io: their_server,
            read: BytesMut::new(),
            target: target("origin.example:80"),
            connection,
            server: Some(address(80)),
            forward: None,
        };
        let relaying = tokio::spawn(async move {
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
            let route = Route::Fixed(upstream);
            match relay(their_client, read, session, route, &Nowhere).await {
                End::Cut { .. } | End::Truncated { .. } => Ended::Cut,
                _ => Ended::Closed,
            }
        });
        Self {
            store,
            folder,
            client,
            server,
            relaying,
            connection: id,
        }
    }

    /// Passes a request, and a part of its response.
    async fn begin(&mut self, bytes: &str, answer: &str) {
        self.client.write_all(bytes.as_bytes()).await.expect("sent");
        let mut room = vec![0; bytes.len()];
        self.server.read_exact(&mut room).await.expect("received");
        self.server
            .write_all(answer.as_bytes())
            .await
            .expect("sent");
        let mut room = vec![0; answer.len()];
        self.client.read_exact(&mut room).await.expect("received");
    }

    async fn ended(self) -> (Ended, Vec<Told>, Connection) {
        let ended = timeout(PATIENCE, self.relaying)
            .await
            .expect("in time")
            .expect("no panic");
        self.store.close().await.expect("closed");
        let store = open(&self.folder, true).await;
        let told = read(&store, &[FlowId(1), FlowId(2)]).await;
        let connection = store.connection(self.connection).await.expect("read");
        (ended, told, connection.expect("a connection"))
    }
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let connecting = TcpStream::connect(listener.local_addr().expect("an address"));
    let (connected, accepted) = tokio::join!(connecting, listener.accept());
    (connected.expect("connected"), accepted.expect("accepted").0)
}

fn reset(stream: TcpStream) {
    stream.set_zero_linger().expect("linger");
    drop(stream);
}

/// Nobody dials on a fixed route.
struct Nowhere;

impl Dial for Nowhere {
    type Io = TcpStream;

    async fn dial(
        &self,
        target: &Target,
        _: Option<&crate::upstream::Via>,
        _: impl Future<Output = ()> + Send,
    ) -> Result<Upstream<TcpStream>, DialFailed> {
        panic!("{target} was dialled");
    }
}

#[tokio::test]
async fn a_server_that_resets_cuts_the_client() {
    let mut sockets = Sockets::new().await;
    sockets
        .begin(GET, "HTTP/1.1 200 OK\r\n\r\nuntil the end")
        .await;
    let (gone, server) = pair().await;
    reset(std::mem::replace(&mut sockets.server, server));
    drop(gone);
    let (ended, told, connection) = sockets.ended().await;
    assert_eq!(ended, Ended::Cut);
    assert_eq!(told[0].cause(), Some((FailureCause::Reset, Party::Server)));
    assert_eq!(
        (connection.closed_by, connection.reset),
        (Some(Party::Server), true)
    );
}

#[tokio::test]
async fn a_server_that_closes_while_the_first_request_is_read_is_a_page() {
    let (mut server, theirs) = pair().await;
    server.shutdown().await.expect("closed");
    theirs.readable().await.expect("the end is there");
    let mut sockets = Sockets::with(BytesMut::from(GET), server, theirs).await;
    let mut answer = String::new();
    let reads = sockets.client.read_to_string(&mut answer);
    timeout(PATIENCE, reads)
        .await
        .expect("in time")
        .expect("text");
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let (ended, told, _) = sockets.ended().await;
    assert_eq!(ended, Ended::Closed);
    assert_eq!(told[0].cause(), Some((FailureCause::Closed, Party::Server)));
}

#[tokio::test]
async fn a_client_that_resets_ends_the_exchange() {
    let mut sockets = Sockets::new().await;
    sockets
        .begin(GET, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        .await;
    let (client, gone) = pair().await;
    reset(std::mem::replace(&mut sockets.client, client));
    drop(gone);
    let mut rest = Vec::new();
    let reads = sockets.server.read_to_end(&mut rest);
    let _ = timeout(PATIENCE, reads)
        .await
        .expect("the server hears of it");
    let (ended, told, connection) = sockets.ended().await;
    assert_eq!(ended, Ended::Closed);
    assert_eq!(told[0].cause(), Some((FailureCause::Reset, Party::Client)));
    assert_eq!(
        (connection.closed_by, connection.reset),
        (Some(Party::Client), true)
    );
}

#[tokio::test]
async fn a_reset_websocket_is_cut() {
    let opening = "GET / HTTP/1.1\r\nHost: o\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut sockets = Sockets::new().await;
    sockets
        .begin(opening, "HTTP/1.1 101 Switching\r\n\r\nframe")
        .await;
    let (gone, server) = pair().await;
    reset(std::mem::replace(&mut sockets.server, server));
    drop(gone);
    let (ended, told, _) = sockets.ended().await;
    assert_eq!(ended, Ended::Cut);
    assert_eq!(told[0].cause(), Some((FailureCause::Reset, Party::Server)));
    assert_eq!(
        (told[0].url.as_str(), told[0].response.as_str()),
        ("ws://origin.example/", "frame")
    );
}

#[tokio::test]
async fn a_slow_direction_does_not_stall_the_other_and_is_not_buffered() {
    let mut sockets = Sockets::new().await;
    let length = 64 << 20;
    let head = format!("POST / HTTP/1.1\r\nHost: o\r\nContent-Length: {length}\r\n\r\n");
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    sockets.begin(&head, &answer).await;
    let (mut from_client, mut to_server_side) = sockets.client.split();
    let (mut server_reads, mut server_writes) = sockets.server.split();

    // the client does not read: the server's writing stalls, with what the sockets hold
    let stalled = pour(&mut server_writes, length).await;
    assert!(stalled < length, "{stalled} bytes were taken");
    // and the upload goes through all the same
    let upload = async { assert_eq!(pour(&mut to_server_side, length).await, length) };
    tokio::join!(upload, swallow(&mut server_reads, length));
    // the response goes on when the client reads
    let rest = async {
        assert_eq!(
            pour(&mut server_writes, length - stalled).await,
            length - stalled
        )
    };
    tokio::join!(rest, swallow(&mut from_client, length));

    sockets.client.shutdown().await.expect("shut down");
    let (ended, told, _) = sockets.ended().await;
    assert_eq!((ended, told[0].state), (Ended::Closed, State::Complete));
    assert_eq!(
        (told[0].request.len(), told[0].response.len()),
        (length, length)
    );
}

/// Writes until it stalls for a moment; gives out how much was taken.
async fn pour<W: AsyncWrite + Unpin>(to: &mut W, length: usize) -> usize {
    let piece = vec![b'x'; 1 << 16];
    let mut poured = 0;
    while poured < length {
        let piece = &piece[..piece.len().min(length - poured)];
        match timeout(Duration::from_secs(2), to.write(piece)).await {
            Ok(written) => poured += written.expect("written"),
            Err(_) => break,
        }
    }
    poured
}

async fn swallow<R: AsyncRead + Unpin>(from: &mut R, length: usize) {
    let mut room = vec![0; 1 << 16];
    let mut swallowed = 0;
    while swallowed < length {
        let read = timeout(PATIENCE, from.read(&mut room))
            .await
            .expect("in time");
        match read.expect("read") {
            0 => panic!("ended after {swallowed} bytes"),
            length => swallowed += length,
        }
    }
}
