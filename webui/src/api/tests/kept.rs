//! Captures that are kept: all their packets, page by page, by an expression, and taken apart.

use super::{
    import::send,
    packets::{capture, file_of, numbers},
};
use crate::testing::Site;
use axum::body::Body;
use overhear_capture::write::Format;
use serde_json::Value;
use std::collections::BTreeSet;

/// An echo request (RFC 792), of which no flow is made.
fn ping(sequence: u8) -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0];
    bytes.extend([10, 0, 0, 1, 10, 0, 0, 2, 8, 0, 0, 0, 0, 7, 0, sequence]);
    bytes
}

#[tokio::test]
async fn a_capture_without_flows_is_kept_for_its_packets() {
    let site = Site::new().await;
    let pings: Vec<_> = (1..=5).map(ping).collect();
    let file = Body::from(file_of(Format::Pcapng, &pings));
    let imported = send(&site, "/api/import?name=pings.pcapng", file)
        .await
        .json();
    assert_eq!(
        (&imported["flows"], &imported["session"]),
        (&0.into(), &Value::Null)
    );
    let note = imported["note"].as_str().expect("a note");
    assert!(note.contains("the 5 packets"), "{note}");
    let sessions = site.get("/api/sessions").await.json();
    let named = |session: &Value| session["name"] == "pings.pcapng";
    assert!(
        !sessions["items"]
            .as_array()
            .expect("a list")
            .iter()
            .any(named)
    );

    // what is deleted elsewhere does not take it along
    site.store.delete_matching(None).await.expect("deleted");
    let kept = site.get("/api/captures/kept").await.json();
    let one = &kept["items"][0];
    assert_eq!(one["id"], imported["capture"]);
    assert_eq!(
        (&one["name"], &one["packets"]),
        (&"pings.pcapng".into(), &5.into())
    );
    let base = format!("/api/captures/kept/{}", one["id"]);
    let page = site.get(&format!("{base}/packets?limit=3")).await.json();
    assert_eq!(numbers(&page), [1, 2, 3]);
    let first = &page["items"][0];
    assert_eq!(
        first["summary"],
        "IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 7, seq 1, length 8"
    );
    assert_eq!(
        (&first["direction"], &first["interface"]),
        (&Value::Null, &"eth7".into())
    );
    let cursor = page["next"].as_str().expect("more");
    let page = site
        .get(&format!("{base}/packets?limit=3&cursor={cursor}"))
        .await
        .json();
    assert_eq!((numbers(&page), &page["next"]), (vec![4, 5], &Value::Null));
    let last = &page["items"][1];
    let place = format!("{base}/packets/{}/{}", last["file"], last["offset"]);
    let taken = site.get(&place).await.json();
    let layers = taken["layers"].as_array().expect("layers");
    let names: Vec<_> = layers
        .iter()
        .filter_map(|layer| layer["name"].as_str())
        .collect();
    assert!(names.iter().any(|name| name.contains("ICMP")), "{names:?}");
    assert_eq!(taken["offset"], last["offset"]);

    site.ask("DELETE", &base, None).await;
    site.get(&format!("{base}/packets")).await.problem(404);
    assert_eq!(site.store.packets_on_disk(), 0);
}

#[tokio::test]
async fn an_expression_chooses_packets() {
    let site = Site::new().await;
    for format in [Format::Pcap, Format::Pcapng] {
        let file = Body::from(capture(format));
        let imported = send(&site, "/api/import?name=a", file).await.json();
        let base = format!("/api/captures/kept/{}/packets", imported["capture"]);
        let all = site.get(&base).await.json();
        assert_eq!(numbers(&all), (1..=13).collect::<Vec<_>>());
        let few = site
            .get(&format!("{base}?expression=udp%20port%205001"))
            .await
            .json();
        assert_eq!(numbers(&few), [5, 10]);
        // in pages, as without
        let (mut seen, mut cursor) = (BTreeSet::new(), String::new());
        loop {
            let page = site
                .get(&format!("{base}?limit=1&expression=udp{cursor}"))
                .await
                .json();
            seen.extend(numbers(&page));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(Vec::from_iter(seen), [5, 10]);
        let none = site
            .get(&format!("{base}?expression=port%209"))
            .await
            .json();
        assert_eq!((numbers(&none).len(), &none["next"]), (0, &Value::Null));
        let wrong = site
            .get(&format!("{base}?expression=udp%20prot"))
            .await
            .problem(400);
        assert!(
            wrong["detail"]
                .as_str()
                .is_some_and(|text| text.contains("expression")),
            "{wrong}"
        );
        site.get(&format!("{base}?limit=0")).await.problem(400);
        site.get(&format!("{base}?cursor=x")).await.problem(400);
        site.get(&format!("{base}/1/99999999")).await.problem(404);
        site.get(&format!("{base}/999/24")).await.problem(404);
    }
    site.get("/api/captures/kept/77/packets").await.problem(404);
}

#[tokio::test]
async fn a_capture_is_counted() {
    let site = Site::new().await;
    let pings: Vec<_> = (1..=5).map(ping).collect();
    let file = Body::from(file_of(Format::Pcapng, &pings));
    let imported = send(&site, "/api/import?name=pings.pcapng", file)
        .await
        .json();
    let base = format!("/api/captures/kept/{}/overview", imported["capture"]);
    let all = site.get(&base).await.json();
    let counted = serde_json::json!({"packets": 5, "bytes": 140});
    assert_eq!(all["all"], counted);
    let [one] = all["conversations"].as_array().expect("a list").as_slice() else {
        panic!("one conversation: {all:#}");
    };
    assert_eq!(
        (&one["protocol"], &one["a"], &one["b"], &one["a_port"]),
        (
            &"icmp".into(),
            &"10.0.0.1".into(),
            &"10.0.0.2".into(),
            &Value::Null
        )
    );
    assert_eq!(
        (&one["a_to_b"], &one["b_to_a"]["packets"]),
        (&counted, &0.into())
    );
    assert_eq!(one["duration_ms"], 4.0);
    assert_eq!(
        one["expression"],
        "icmp and host 10.0.0.1 and host 10.0.0.2"
    );
    assert_eq!(
        (&all["endpoint_count"], &all["conversation_count"]),
        (&2.into(), &1.into())
    );
    let few = site.get(&format!("{base}?limit=1")).await.json();
    assert_eq!(few["endpoints"].as_array().map(Vec::len), Some(1));
    assert_eq!(few["endpoint_count"], 2);
    let paths: Vec<_> = all["protocols"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["protocol"].as_str().unwrap_or_default(), &one["depth"]))
        .collect();
    assert_eq!(
        paths,
        [("raw", &0.into()), ("ip", &1.into()), ("icmp", &2.into())]
    );
    let none = site.get(&format!("{base}?expression=tcp")).await.json();
    assert_eq!(
        (&none["all"]["packets"], &none["first"]),
        (&0.into(), &Value::Null)
    );
    site.get(&format!("{base}?limit=0")).await.problem(400);
    site.get(&format!("{base}?expression=udp%20prot"))
        .await
        .problem(400);
    site.get("/api/captures/kept/77/overview")
        .await
        .problem(404);
}
