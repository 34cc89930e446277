use super::*;
use overhear_store::{Connection, FlowId, FlowStart, Kind, Store, StoreOptions, Timestamp};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};

/// A tunnel between two sockets, with what was read from each side before it began.
async fn tunnel(
    client_read: &'static [u8],
    server_read: &'static [u8],
    talk: impl AsyncFnOnce(TcpStream, TcpStream),
) -> (TunnelEnd, Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flows.sqlite");
    let options = |read_only| StoreOptions {
        path: path.clone(),
        read_only,
    };
    let store = Store::open(options(false)).await.expect("a store");
    let recorder = store.recorder();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let connection = recorder.connection(Connection::accepted(address, address));
    let flow = recorder.flow(FlowStart {
        connection: connection.id(),
        kind: Kind::Tcp,
        method: String::new(),
        scheme: "tcp",
        host: "a".to_owned(),
        port: 25,
        path: String::new(),
        client: address,
        server: None,
        started: Timestamp::now(),
        replay_of: None,
    });
    let (client, mut near_client) = pair().await;
    let (server, mut near_server) = pair().await;
    let (end, ()) = tokio::join!(
        relay(
            &mut near_client,
            BytesMut::from(client_read),
            &mut near_server,
            BytesMut::from(server_read),
            &flow,
            &recorder,
        ),
        talk(client, server)
    );
    flow.complete();
    store.close().await.expect("closed");
    let store = Store::open(options(true)).await.expect("a store");
    let messages = store.messages(FlowId(1), 0, 1000).await.expect("messages");
    let side = |wanted| {
        let of_side = messages.iter().filter(|(side, _)| *side == wanted);
        of_side.flat_map(|(_, chunk)| chunk.data.to_vec()).collect()
    };
    (end, side(Side::Request), side(Side::Response))
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let connecting = TcpStream::connect(listener.local_addr().expect("an address"));
    let (connected, accepted) = tokio::join!(connecting, listener.accept());
    (connected.expect("connected"), accepted.expect("accepted").0)
}

async fn says(stream: &mut TcpStream, expected: &str) {
    let mut room = vec![0; expected.len()];
    stream.read_exact(&mut room).await.expect("bytes");
    assert_eq!(String::from_utf8_lossy(&room), expected);
}

#[tokio::test]
async fn what_was_read_before_goes_first_and_closing_one_direction_keeps_the_other() {
    let (end, request, response) = tunnel(b"EH", b"220 ", async |mut client, mut server| {
        server.write_all(b"hello\r\n").await.expect("sent");
        says(&mut client, "220 hello\r\n").await;
        client.write_all(b"LO\r\n").await.expect("sent");
        client.shutdown().await.expect("shut down");
        says(&mut server, "EHLO\r\n").await;
        assert_eq!(server.read(&mut [0]).await.expect("the end"), 0);
        server.write_all(b"250 ok\r\n").await.expect("sent");
        server.shutdown().await.expect("shut down");
        says(&mut client, "250 ok\r\n").await;
        assert_eq!(client.read(&mut [0]).await.expect("the end"), 0);
    })
    .await;
    let by = Party::Client;
    assert_eq!(end, TunnelEnd { by, reset: false });
    assert_eq!(request, b"EHLO\r\n");
    assert_eq!(response, b"220 hello\r\n250 ok\r\n");
}

#[tokio::test]
async fn a_reset_ends_both_directions_and_says_whose_it_was() {
    for by in [Party::Client, Party::Server] {
        let mut kept = None;
        let (end, request, _) = tunnel(b"", b"", async |mut client, mut server| {
            client.write_all(b"bytes").await.expect("sent");
            says(&mut server, "bytes").await;
            let (resets, stays) = match by {
                Party::Client => (client, server),
                _ => (server, client),
            };
            resets.set_zero_linger().expect("linger");
            drop(resets);
            // the caller would cut this one
            kept = Some(stays);
        })
        .await;
        assert_eq!(request, b"bytes");
        assert!(kept.is_some());
        assert_eq!(end, TunnelEnd { by, reset: true });
        let target = Target {
            scheme: crate::target::Scheme::Http,
            host: "a".to_owned(),
            port: 25,
        };
        assert_eq!(
            end.failure(&target).expect("a failure").cause,
            FailureCause::Reset
        );
    }
}
