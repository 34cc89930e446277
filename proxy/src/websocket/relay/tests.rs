//! Messages that are sent by hand, byte by byte: this came, that was written, this went on.

use super::*;
use crate::{
    http1::Input,
    intercept::{Asked, Log, Rules},
    websocket::{Delivery, frame},
};
use bytes::{Bytes, BytesMut};
use overhear_store::{
    Connection, FlowId, FlowStart, Kind, Store, StoreOptions,
    rule::{Action, Rule, RuleId, Stage, StoredRule},
};
use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
};
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio_util::sync::CancellationToken;

/// Both ends of a WebSocket, and a hand that writes into it.
struct Talk<'a> {
    client: DuplexStream,
    server: DuplexStream,
    rules: &'a Rules,
}

impl Talk<'_> {
    fn write(&self, side: Side, text: bool, data: &'static [u8]) -> Result<Delivery, ByHandError> {
        let sockets = &self.rules.sockets;
        sockets.send(FlowId(1), side, text, Bytes::from_static(data))
    }
}

async fn heard(io: &mut DuplexStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    io.read_exact(&mut bytes).await.expect("bytes");
    bytes
}

/// What was recorded: what came of each side, and what was sent by hand: its side, what had gone on before it, what it says.
type Recorded = ([Vec<u8>; 2], Vec<(Side, u64, Vec<u8>)>);

/// Relays a WebSocket while `talk` has its ends.
async fn talk(extensions: &str, rules: Rules, talk: impl AsyncFnOnce(Talk<'_>)) -> Recorded {
    let folder = tempfile::tempdir().expect("a folder");
    let options = |read_only| StoreOptions {
        path: folder.path().join("flows.sqlite"),
        read_only,
    };
    let store = Store::open(options(false)).await.expect("a store");
    let recorder = store.recorder();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let connection = recorder.connection(Connection::accepted(address, address));
    let flow = recorder.flow(FlowStart {
        connection: connection.id(),
        kind: Kind::WebSocket,
        method: "GET".to_owned(),
        scheme: "ws",
        host: "a".to_owned(),
        port: 80,
        path: "/".to_owned(),
        client: address,
        server: None,
        started: Timestamp::now(),
        replay_of: None,
    });
    let watch = Watch {
        rules: &rules,
        flow: &flow,
        host: "a".to_owned(),
        request: Vec::new(),
        response: Vec::new(),
        asked: Asked::default(),
        log: Mutex::new(Log::default()),
        gone: CancellationToken::new(),
    };
    let (client, mut near_client) = duplex(1 << 16);
    let (server, mut near_server) = duplex(1 << 16);
    let ends = Talk {
        client,
        server,
        rules: &rules,
    };
    let relaying = async {
        relay(
            (&mut near_client, Input::new(BytesMut::new())),
            (&mut near_server, Input::new(BytesMut::new())),
            &watch,
            extensions,
            &recorder,
        )
        .await;
    };
    tokio::join!(relaying, talk(ends));
    let over = rules
        .sockets
        .send(FlowId(1), Side::Request, true, Bytes::new());
    assert_eq!(over.err(), Some(ByHandError::NotOpen));
    flow.complete();
    store.close().await.expect("closed");
    let store = Store::open(options(true)).await.expect("a store");
    let messages = store.messages(FlowId(1), 0, 1000).await.expect("pieces");
    let came = [Side::Request, Side::Response].map(|wanted| {
        let of_side = messages.iter().filter(|(side, _)| *side == wanted);
        of_side
            .flat_map(|(_, chunk)| chunk.data.to_vec())
            .collect::<Vec<u8>>()
    });
    let by_hand = store.messages_by_hand(FlowId(1), 0, 1000).await;
    let by_hand = by_hand.expect("messages").into_iter();
    let by_hand = by_hand.map(|one| (one.side, one.offset, one.sent.unwrap_or_default()));
    (came, by_hand.collect())
}

/// A frame of a client.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [3, 1, 4, 1];
    let mut bytes = payload.to_vec();
    frame::mask(&mut bytes, key, 0);
    [&[first, 0x80 | payload.len() as u8][..], &key, &bytes].concat()
}

/// Reads a short frame to a server: it is masked, by another key each time.
async fn unmasked(io: &mut DuplexStream, payload: usize) -> (u8, [u8; 4], Vec<u8>) {
    let head = heard(io, 6).await;
    assert_eq!(head[1], 0x80 | payload as u8, "masked, in one frame");
    let key = [head[2], head[3], head[4], head[5]];
    let mut bytes = heard(io, payload).await;
    frame::mask(&mut bytes, key, 0);
    (head[0], key, bytes)
}

#[tokio::test]
async fn a_message_goes_between_two_and_never_into_one() {
    let fragments = [
        masked(0x01, b"begun "),
        masked(0x89, b"ping"),
        masked(0x80, b"and ended"),
    ];
    let next = masked(0x82, b"next");
    let (came, by_hand) = talk("", Rules::default(), async |mut talk| {
        // at once where nothing is under way, masked towards the server and not towards the client
        let mut first = talk.write(Side::Request, true, b"first").unwrap();
        first.sent().await.unwrap();
        let one = unmasked(&mut talk.server, 5).await;
        assert_eq!((one.0, &one.2[..]), (0x81, &b"first"[..]));
        let mut back = talk.write(Side::Response, false, &[1, 2]).unwrap();
        back.sent().await.unwrap();
        assert_eq!(heard(&mut talk.client, 4).await, [0x82, 2, 1, 2]);
        // within a message it waits, also behind a ping and within a frame, until the very border
        let (begin, rest) = fragments[0].split_at(3);
        talk.client.write_all(begin).await.unwrap();
        assert_eq!(heard(&mut talk.server, 3).await, begin);
        let mut waits = talk.write(Side::Request, true, b"by hand").unwrap();
        talk.client.write_all(rest).await.unwrap();
        talk.client.write_all(&fragments[1]).await.unwrap();
        let so_far = [rest, &fragments[1]].concat();
        assert_eq!(heard(&mut talk.server, so_far.len()).await, so_far);
        // the end of the message and the next one come in one read
        let end = [&fragments[2][..], &next].concat();
        talk.client.write_all(&end).await.unwrap();
        let ended = heard(&mut talk.server, fragments[2].len()).await;
        assert_eq!(ended, fragments[2]);
        waits.sent().await.unwrap();
        let two = unmasked(&mut talk.server, 7).await;
        assert_eq!((two.0, &two.2[..]), (0x81, &b"by hand"[..]));
        assert_ne!(one.1, two.1, "a key of its own");
        assert_eq!(heard(&mut talk.server, next.len()).await, next);
        // the other direction does not wait for this one
        talk.client.write_all(begin).await.unwrap();
        let mut back = talk.write(Side::Response, true, b"").unwrap();
        back.sent().await.unwrap();
        assert_eq!(heard(&mut talk.client, 2).await, [0x81, 0]);
    })
    .await;
    let whole = [&fragments.concat()[..], &next, &fragments[0][..3]].concat();
    assert_eq!(came, [whole, Vec::new()]);
    let border = fragments.concat().len() as u64;
    let expected = [
        (Side::Request, 0, b"first".to_vec()),
        (Side::Response, 0, vec![1, 2]),
        (Side::Request, border, b"by hand".to_vec()),
        (Side::Response, 0, Vec::new()),
    ];
    assert_eq!(by_hand, expected);
}

#[tokio::test]
async fn a_message_goes_past_one_that_waits_for_a_person() {
    let rules = Rules::default();
    let rule = StoredRule {
        id: RuleId(1),
        rule: Rule {
            name: "stop".to_owned(),
            group: String::new(),
            on: true,
            filter: "body:stop".to_owned(),
            stage: Stage::Message,
            sender: None,
            actions: vec![Action::Wait { seconds: 0 }],
        },
    };
    assert!(rules.set(&[rule], &HashMap::new()).is_empty());
    let stop = b"\x81\x04stop";
    let (came, by_hand) = talk("permessage-deflate", rules, async |mut talk| {
        talk.server.write_all(stop).await.unwrap();
        let mut changed = talk.rules.room.changed();
        changed
            .wait_for(|_| !talk.rules.room.list().is_empty())
            .await
            .unwrap();
        let mut past = talk.write(Side::Response, true, b"past").unwrap();
        past.sent().await.unwrap();
        // its text would be stopped, too, if rules were asked
        let mut same = talk.write(Side::Response, true, b"stop").unwrap();
        same.sent().await.unwrap();
        assert_eq!(
            heard(&mut talk.client, 12).await,
            b"\x81\x04past\x81\x04stop"
        );
        talk.rules.room.let_all_go();
        assert_eq!(heard(&mut talk.client, 6).await, stop);
    })
    .await;
    assert_eq!(came, [Vec::new(), stop.to_vec()]);
    assert_eq!(by_hand.len(), 2);
    assert!(
        by_hand
            .iter()
            .all(|(side, at, _)| (*side, *at) == (Side::Response, 0))
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let close = masked(0x88, b"\x03\xe8");
    talk("", Rules::default(), async |mut talk| {
        let other = talk
            .rules
            .sockets
            .send(FlowId(2), Side::Request, true, Bytes::new());
        assert_eq!(other.err(), Some(ByHandError::NotOpen));
        let large = vec![b'x'; MOST_BODY + 1].leak();
        let refused = talk.write(Side::Request, true, large).err();
        assert_eq!(refused, Some(ByHandError::TooLarge(MOST_BODY + 1)));
        let refused = talk.write(Side::Request, true, b"\xff").err();
        assert_eq!(refused, Some(ByHandError::NotText));
        // as many as have room wait for the end of a message that does not come
        talk.client
            .write_all(&masked(0x01, b"begun"))
            .await
            .unwrap();
        heard(&mut talk.server, 11).await;
        let mut waiting = Vec::new();
        let refused = loop {
            match talk.write(Side::Request, true, b"waits") {
                Ok(delivery) => waiting.push(delivery),
                Err(refused) => break refused,
            }
        };
        assert_eq!((refused, waiting.len()), (ByHandError::Full, 16));
        // the close frame is the end of both directions
        talk.client.write_all(&close).await.unwrap();
        heard(&mut talk.server, close.len()).await;
        for delivery in &mut waiting {
            assert_eq!(delivery.sent().await, Err(ByHandError::Closing("client")));
        }
        for side in [Side::Request, Side::Response] {
            let refused = talk.write(side, true, b"late").err();
            assert_eq!(refused, Some(ByHandError::Closing("client")));
        }
    })
    .await;
    talk("x-odd", Rules::default(), async |talk| {
        let refused = talk.write(Side::Request, true, b"a").err();
        assert_eq!(refused, Some(ByHandError::Extension("x-odd".to_owned())));
    })
    .await;
    let (came, by_hand) = talk("", Rules::default(), async |mut talk| {
        talk.server.write_all(b"\xffodd").await.unwrap();
        assert_eq!(heard(&mut talk.client, 4).await, b"\xffodd");
        let mut delivery = talk.write(Side::Response, true, b"a");
        // it may have been taken before the bytes were looked at
        let refused = match &mut delivery {
            Ok(delivery) => delivery.sent().await.err(),
            Err(refused) => Some(refused.clone()),
        };
        assert_eq!(refused, Some(ByHandError::NoFrames("client")));
        let mut up = talk.write(Side::Request, true, b"a").unwrap();
        up.sent().await.unwrap();
    })
    .await;
    assert_eq!(
        (came, by_hand.len()),
        ([Vec::new(), b"\xffodd".to_vec()], 1)
    );
}
