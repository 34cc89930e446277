//! Taking requests from a client no faster than they are recorded.
//!
//! `h2` reads all that a client has sent before it gives out the first request of it, so that requests with large
//! heads would gather there: it is let read a portion at a time, and only while the recorder has room.

use super::cork::Cork;
use bytes::Bytes;
use h2::{
    RecvStream,
    server::{Connection, SendResponse},
};
use http::Request;
use overhear_store::Recorder;
use std::{future::poll_fn, task::Poll};

/// What is read at a time: bytes.
const PORTION: usize = 256 << 10;

/// A request and what answers it, or why there is none.
type Accepted = Result<(Request<RecvStream>, SendResponse<Bytes>), h2::Error>;

/// The next request; none when the client is done. Drives the connection. `tell` may have something to tell the client, and says
/// whether it has just done so. Nothing is lost when the future is dropped.
pub(super) async fn accept(
    client: &mut Connection<Cork, Bytes>,
    cork: &Cork,
    recorder: &Recorder,
    tell: &mut (dyn FnMut(&mut Connection<Cork, Bytes>) -> bool + Send),
) -> Option<Accepted> {
    cork.limit(PORTION);
    loop {
        recorder.room().await;
        let accepted = poll_fn(|cx| {
            tell(client);
            let mut accepted = client.poll_accept(cx);
            // what was read may have been what it waited for
            if accepted.is_pending() && tell(client) {
                accepted = client.poll_accept(cx);
            }
            match accepted {
                Poll::Ready(accepted) => Poll::Ready(Some(accepted)),
                // what was read is given out: more may come, if there is room
                Poll::Pending if cork.refill(PORTION) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        });
        if let Some(accepted) = accepted.await {
            return accepted;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{ReadAhead, Stream};
    use bytes::BytesMut;
    use futures_util::FutureExt;
    use h2::server;
    use overhear_store::{
        Connection as Recorded, FlowStart, Kind, Side, Store, StoreOptions, Timestamp,
    };
    use tokio::io::{AsyncWriteExt, DuplexStream};

    /// The preface and the settings of a client.
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

    /// A request of one field of so many bytes, on a stream: RFC 9113 section 6.2, RFC 7541 section 6.2.2.
    fn request(stream: u32, field: usize) -> Vec<u8> {
        let mut block = b"\x82\x87\x84\x41\x01a\0\x01x\x7f".to_vec();
        let mut length = field - 127;
        while length >= 128 {
            block.push((length % 128 + 128) as u8);
            length /= 128;
        }
        block.push(length as u8);
        block.resize(block.len() + field, b'y');
        let pieces: Vec<_> = block.chunks(16 << 10).collect();
        let mut frames = Vec::new();
        for (number, piece) in pieces.iter().enumerate() {
            let (kind, end_stream) = if number == 0 { (1, 1) } else { (9, 0) };
            let end_head = if number + 1 == pieces.len() { 4 } else { 0 };
            frames.extend_from_slice(&(piece.len() as u32).to_be_bytes()[1..]);
            frames.extend([kind, end_stream | end_head]);
            frames.extend(stream.to_be_bytes());
            frames.extend_from_slice(piece);
        }
        frames
    }

    async fn connected(room: usize) -> (Connection<Cork, Bytes>, Cork, DuplexStream) {
        let (mut theirs, ours) = tokio::io::duplex(room);
        theirs.write_all(PREFACE).await.unwrap();
        let cork = Cork::new(ReadAhead::new(Stream::Memory(ours), BytesMut::new()));
        let mut builder = server::Builder::new();
        builder.max_header_list_size(1 << 20);
        let client = builder.handshake(cork.clone()).await.unwrap();
        (client, cork, theirs)
    }

    async fn store() -> (Store, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            path: folder.path().join("flows.db"),
            read_only: false,
        };
        (Store::open(options).await.unwrap(), folder)
    }

    #[tokio::test]
    async fn a_request_waits_until_there_is_room_to_record_it() {
        let (store, _folder) = store().await;
        let recorder = store.recorder();
        let (mut client, cork, mut theirs) = connected(1 << 20).await;
        theirs.write_all(&request(1, 200)).await.unwrap();
        let address = ([127, 0, 0, 1], 1).into();
        let connection = recorder.connection(Recorded::accepted(address, address));
        let flow = recorder.flow(FlowStart {
            connection: connection.id(),
            kind: Kind::Tcp,
            method: String::new(),
            scheme: "tcp",
            host: String::new(),
            port: 1,
            path: String::new(),
            client: address,
            server: None,
            started: Timestamp::now(),
            replay_of: None,
        });
        // the store cannot have written it yet: it runs on this thread too
        flow.chunk(Side::Request, Timestamp::now(), &vec![0; 16 << 20]);
        assert!(
            accept(&mut client, &cork, &recorder, &mut |_| false)
                .now_or_never()
                .is_none(),
            "taken without room"
        );
        flow.complete();
        let taken = accept(&mut client, &cork, &recorder, &mut |_| false).await;
        assert!(taken.unwrap().is_ok());
    }

    #[tokio::test]
    async fn requests_are_read_as_they_are_taken() {
        const SENT: usize = 8 << 20;
        let (store, _folder) = store().await;
        let recorder = store.recorder();
        let (mut client, cork, mut theirs) = connected(SENT).await;
        let sent = (0..).map(|n| request(2 * n + 1, 100_000)).take(80);
        for request in sent {
            theirs.write_all(&request).await.unwrap();
        }
        let taken = accept(&mut client, &cork, &recorder, &mut |_| false).await;
        assert!(taken.unwrap().is_ok());
        // what was read has made room for as much
        let room = theirs.write(&vec![0; SENT]).now_or_never();
        let read = room.expect("some was read").unwrap();
        let before = SENT - 80 * request(1, 100_000).len();
        assert!(read - before <= 2 * PORTION, "{} were read", read - before);
        for _ in 1..60 {
            let taken = accept(&mut client, &cork, &recorder, &mut |_| false).await;
            assert!(taken.unwrap().is_ok());
        }
    }
}
