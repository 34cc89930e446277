//! Packets that are kept: where those of a flow lie, and when their files go.

use crate::support::*;
use overhear_store::{
    CaptureId, FlowId, PacketFileId, SessionId, Store,
    read::{CaptureSource, Counted, Which, WholeFile},
};
use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

/// A file of packets with some bytes in it.
async fn file(store: &Store, capture: CaptureId) -> (PacketFileId, PathBuf) {
    let made = store.add_packet_file(capture, "pcapng", Some(60)).await;
    let (kept, mut file) = made.unwrap();
    file.write_all(&[7; 1000]).unwrap();
    (kept.id, kept.path)
}

/// A flow with packets at these places, ended.
async fn flow(store: &Store, packets: &[(PacketFileId, u64, u64)]) -> FlowId {
    let flow = exchange(&store.recorder(), "a.example", "/", 200);
    let id = flow.id();
    for (file, offset, number) in packets {
        flow.packet(*file, *offset, *number);
    }
    flow.complete();
    store.flush().await.unwrap();
    id
}

async fn gone(path: &Path) {
    for _ in 0..600 {
        if !path.exists() {
            return;
        }
        // it goes some time after the flows, and nobody is told
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{} is still there", path.display());
}

/// File, first, last, number of the first, count.
async fn ranges(store: &Store, id: FlowId) -> Vec<(PacketFileId, u64, u64, u64, u64)> {
    let ranges = store.packets_of(id).await.unwrap();
    let range = ranges.iter();
    range
        .map(|r| {
            let (first, last) = (r.first_offset, r.last_offset);
            (r.file, first, last, r.first_number, r.packets)
        })
        .collect()
}

#[tokio::test]
async fn a_flow_knows_where_its_packets_lie() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let capture = store.begin_capture(CaptureSource::Live, "eth0:udp", None);
    let capture = capture.await.unwrap();
    let (one, path) = file(store, capture).await;
    let (two, _) = file(store, capture).await;
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 1000);

    let running = exchange(&store.recorder(), "b.example", "/", 200);
    for (file, offset, number) in [(one, 200, 3), (one, 600, 5), (one, 600, 5)] {
        running.packet(file, offset, number);
    }
    store.flush().await.unwrap();
    let id = running.id();
    assert_eq!(ranges(store, id).await, [(one, 200, 600, 3, 2)]);
    // an earlier one that is told late, and the next file; then the first one again
    for (file, offset, number) in [(one, 100, 2), (two, 60, 9), (one, 700, 6), (two, 90, 11)] {
        running.packet(file, offset, number);
    }
    running.complete();
    store.flush().await.unwrap();
    let expected = [(one, 100, 700, 2, 4), (two, 60, 90, 9, 2)];
    assert_eq!(ranges(store, id).await, expected);
    let there = store.packets_of(id).await.unwrap();
    assert_eq!(
        (there[0].path.as_ref(), there[0].described),
        (Some(&path), 60)
    );
    assert_eq!(ranges(store, FlowId(id.0 + 1)).await, []);

    // no room for the first file any more
    let large = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    large.set_len(1 << 30).unwrap();
    assert!(store.size_on_disk() > 1 << 30);
    store.remove_packet_file(one).await.unwrap();
    assert!(!path.exists() && store.size_on_disk() < 1 << 30);
    assert_eq!(ranges(store, id).await, expected);
    let there = store.packets_of(id).await.unwrap();
    assert!(there[0].path.is_none() && there[1].path.is_some());
    let left = store.live_packet_files().await.unwrap();
    assert_eq!(left, [(two, 1000)]);

    // what is counted and how it ended stands in the list
    let counted = Counted {
        packets: 12,
        bytes: 900,
        dropped: 1,
    };
    let whole = WholeFile {
        first: Some(at(1)),
        last: Some(at(5)),
        bytes: 1000,
        described: 60,
    };
    store.end_packet_file(two, whole).await.unwrap();
    let why = Some("eth0 went down".to_owned());
    store
        .end_capture(capture, counted, why.clone())
        .await
        .unwrap();
    let captures = store.captures().await.unwrap();
    let ended = &captures[0];
    assert_eq!((ended.id, ended.name.as_str()), (capture, "eth0:udp"));
    assert_eq!((ended.packets, ended.dropped, ended.kept), (12, 1, 1000));
    assert_eq!((&ended.error, ended.ended.is_some()), (&why, true));
}

/// Packets that close a connection come when its flow is over; they bring nothing back.
#[tokio::test]
async fn a_flow_that_has_ended_takes_packets() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let capture = store.begin_capture(CaptureSource::Live, "lo", None);
    let (file, _) = file(store, capture.await.unwrap()).await;
    let ended = |path: &str| {
        let flow = exchange(&store.recorder(), "a.example", path, 200);
        let id = flow.id();
        flow.packet(file, 100, 1);
        (id, flow.close(None))
    };
    // before it is written, and after
    let (id, closing) = ended("/kept");
    closing.packet(file, 200, 2);
    store.flush().await.unwrap();
    assert_eq!(ranges(store, id).await, [(file, 100, 200, 1, 2)]);
    closing.packet(file, 300, 3);
    closing.packet(file, 300, 3);
    store.flush().await.unwrap();
    assert_eq!(ranges(store, id).await, [(file, 100, 300, 1, 3)]);
    let flow = store.flow(id).await.unwrap().unwrap();
    assert_eq!(flow.state, overhear_store::State::Complete);

    // deleted for good, and for now
    let (gone, closing) = ended("/gone");
    store.flush().await.unwrap();
    store.delete(&[gone]).await.unwrap();
    closing.packet(file, 400, 4);
    store.flush().await.unwrap();
    assert!(store.flow(gone).await.unwrap().is_none());
    assert_eq!(ranges(store, gone).await, []);
    let (id, closing) = ended("/back");
    store.flush().await.unwrap();
    let which = Which {
        ids: Some(vec![id]),
        ..Which::default()
    };
    let discarded = store.discard(&which).await.unwrap();
    closing.packet(file, 500, 5);
    store.flush().await.unwrap();
    assert!(store.flow(id).await.unwrap().is_none());
    store.undelete(&discarded.undo.unwrap()).await.unwrap();
    assert_eq!(ranges(store, id).await, [(file, 100, 500, 1, 2)]);
}

#[tokio::test]
async fn a_file_goes_with_the_last_flow_that_leads_to_it() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let session = Some(SessionId(7));
    let capture = store.begin_capture(CaptureSource::File, "a.pcap", session);
    let capture = capture.await.unwrap();
    let (shared, shared_path) = file(store, capture).await;
    let (alone, alone_path) = file(store, capture).await;
    let first = flow(store, &[(shared, 24, 1), (alone, 24, 7)]).await;
    let second = flow(store, &[(shared, 80, 2)]).await;
    let counted = Counted::default();
    store.end_capture(capture, counted, None).await.unwrap();
    // of one that goes on nothing goes
    let live = store.begin_capture(CaptureSource::Live, "lo", None);
    let (_, live_path) = file(store, live.await.unwrap()).await;

    // a deletion that can be undone takes nothing along
    let which = Which {
        ids: Some(vec![first]),
        ..Which::default()
    };
    let discarded = store.discard(&which).await.unwrap();
    store.undelete(&discarded.undo.unwrap()).await.unwrap();
    assert_eq!(ranges(store, first).await.len(), 2);

    assert_eq!(store.delete(&[first]).await.unwrap(), 1);
    gone(&alone_path).await;
    assert!(shared_path.exists());
    assert_eq!(ranges(store, second).await, [(shared, 80, 80, 2, 1)]);
    store.delete_matching(None).await.unwrap();
    gone(&shared_path).await;
    assert!(live_path.exists());
    store.close().await.unwrap();

    // the capture went with its files; the other one was going on when its program ended
    let again = open(fixture.path(), false).await;
    let captures = again.captures().await.unwrap();
    assert_eq!(captures.len(), 1);
    assert!(captures[0].ended.is_some() && captures[0].error.is_some());
    gone(&live_path).await;
}
