//! What the objects look like, checked as JSON.

use super::*;
use crate::testing::flow;
use overhear_store::Timestamp;
use serde_json::{Value, json};

fn recorded(kind: HeadKind, bytes: &'static [u8]) -> RecordedHead {
    RecordedHead {
        kind,
        at: Timestamp(5),
        bytes: bytes.into(),
    }
}

#[test]
fn a_row_has_no_heads() {
    let row = serde_json::to_value(Flow::row(&flow())).expect("JSON");
    assert_eq!(row["url"], "https://[2001:db8::1]:8443/a?b");
    assert_eq!(row["tags"], json!(["a", "b"]));
    assert_eq!(row["duration_ms"], 2.5);
    assert_eq!(row["request"]["version"], "HTTP/1.1");
    assert_eq!(row["request"].get("headers"), None);
    assert_eq!(row["tls"], Value::Null);
}

#[test]
fn silence_is_null() {
    let mut flow = flow();
    flow.status = None;
    flow.response = MessageInfo::default();
    assert_eq!(Flow::row(&flow).response, None);
}

#[test]
fn a_detail_has_everything_in_wire_order() {
    let heads = [
        recorded(
            HeadKind::Request,
            b"GET http://x/ HTTP/1.1\r\nHOST: x\r\nb: 1\r\nB: 2\r\n\r\n",
        ),
        recorded(HeadKind::Response, b":status: 200\r\nx: y\r\n\r\n"),
        recorded(HeadKind::RequestSent, b"GET / HTTP/1.1\r\nHOST: x\r\n\r\n"),
        recorded(HeadKind::ResponseTrailers, b"digest: 1\r\n\r\n"),
        recorded(
            HeadKind::Interim,
            b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
        ),
    ];
    let detail = serde_json::to_value(FlowDetail::new(&flow(), &heads, None)).expect("JSON");
    assert_eq!(detail["request"]["start_line"], "GET http://x/ HTTP/1.1");
    assert_eq!(
        detail["request"]["headers"],
        json!([["HOST", "x"], ["b", "1"], ["B", "2"]])
    );
    assert_eq!(detail["request"]["sent"]["start_line"], "GET / HTTP/1.1");
    assert_eq!(detail["request"]["trailers"], json!([]));
    assert_eq!(detail["response"].get("start_line"), None);
    assert_eq!(
        detail["response"]["headers"],
        json!([[":status", "200"], ["x", "y"]])
    );
    assert_eq!(detail["response"]["trailers"], json!([["digest", "1"]]));
    assert_eq!(
        detail["interim"][0]["start_line"],
        "HTTP/1.1 103 Early Hints"
    );
    assert_eq!(detail["connection"], Value::Null);
    assert_eq!(detail["id"], 7);
}

#[test]
fn the_schema_lists_the_words_that_are_written() {
    let word = |value: Value| value.as_str().map(str::to_owned).unwrap_or_default();
    for kind in [
        Kind::Http,
        Kind::WebSocket,
        Kind::Tcp,
        Kind::Tls,
        Kind::Udp,
        Kind::Dns,
        Kind::Icmp,
    ] {
        assert!(
            schema::KINDS.contains(&word(json!(kind)).as_str()),
            "{kind:?}"
        );
    }
    for state in [
        State::Running,
        State::Complete,
        State::Failed,
        State::Interrupted,
    ] {
        assert!(
            schema::STATES.contains(&word(json!(state)).as_str()),
            "{state:?}"
        );
    }
    for version in [Version::Http10, Version::Http11, Version::Http2] {
        assert!(
            schema::VERSIONS.contains(&word(json!(version)).as_str()),
            "{version:?}"
        );
    }
    for cause in [
        FailureCause::Dns,
        FailureCause::Loop,
        FailureCause::Other,
        FailureCause::Tls,
    ] {
        assert!(
            schema::CAUSES.contains(&word(json!(cause)).as_str()),
            "{cause:?}"
        );
    }
}
