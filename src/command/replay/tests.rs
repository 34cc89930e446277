use super::*;
use overhear_store::MessageInfo;

fn flow() -> Flow {
    Flow {
        state: State::Complete,
        method: "POST".to_owned(),
        scheme: "https".to_owned(),
        host: "example.com".to_owned(),
        port: 443,
        path: "/a?b=c".to_owned(),
        status: Some(200),
        request: MessageInfo {
            version: Some(Version::Http11),
            ..MessageInfo::default()
        },
        ..Flow::unknown(FlowId(7), ([127, 0, 0, 1], 5000).into())
    }
}

fn fields(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect()
}

fn changes(headers: &[&str]) -> Changes {
    let headers = headers.iter().map(|text| field(text).unwrap()).collect();
    Changes {
        headers,
        ..Changes::default()
    }
}

#[test]
fn unchanged_it_is_what_was_recorded() {
    let recorded = [
        ("HOST", "example.com"),
        ("x-A", "1"),
        ("X-a", "2"),
        ("Content-Length", "3"),
    ];
    let (request, body) = change(&flow(), fields(&recorded), Changes::default());
    assert_eq!(
        (request.method.as_str(), request.url.as_str()),
        ("POST", "https://example.com/a?b=c")
    );
    assert_eq!(
        request.headers,
        fields(&recorded[..3]),
        "the length is that of the body sent"
    );
    let of = Replayed {
        flow: FlowId(7),
        modified: false,
    };
    assert_eq!(request.of, Some(of));
    assert_eq!(request.version, Some(Version::Http11));
    assert_eq!(body, None);
}

#[test]
fn fields_are_replaced_in_place_removed_or_added() {
    let recorded = fields(&[
        ("Host", "example.com"),
        ("A", "1"),
        ("B", "2"),
        ("a", "3"),
        ("C", "4"),
    ]);
    let (request, _) = change(
        &flow(),
        recorded,
        changes(&["a: x", "b:", "A: y", "D: z: z"]),
    );
    let expected = [
        ("Host", "example.com"),
        ("a", "x"),
        ("A", "y"),
        ("C", "4"),
        ("D", "z: z"),
    ];
    assert_eq!(request.headers, fields(&expected));
}

#[test]
fn another_host_is_named() {
    let recorded = fields(&[
        ("A", "1"),
        ("host", "example.com"),
        ("Proxy-Authorization", "x"),
    ]);
    let url = Some("http://u:p@[::1]:8000?x".to_owned());
    let (request, _) = change(
        &flow(),
        recorded.clone(),
        Changes {
            url,
            ..Changes::default()
        },
    );
    assert_eq!(
        request.headers,
        fields(&[("A", "1"), ("host", "[::1]:8000")])
    );
    // the same host keeps its field as it was sent
    let url = Some("https://example.com/other".to_owned());
    let odd = fields(&[("Host", "EXAMPLE.com.")]);
    let (request, _) = change(
        &flow(),
        odd.clone(),
        Changes {
            url,
            ..Changes::default()
        },
    );
    assert_eq!(request.headers, odd);
}

#[test]
fn http2_requests_lose_their_pseudo_fields() {
    let mut flow = flow();
    flow.request.version = Some(Version::Http2);
    let recorded = fields(&[
        (":method", "GET"),
        (":authority", "example.com"),
        ("a", "1"),
    ]);
    let (request, _) = change(&flow, recorded, Changes::default());
    assert_eq!(request.headers, fields(&[("a", "1")]));
    assert_eq!(request.version, None);
}

#[test]
fn what_is_no_field_is_wrong_usage() {
    for text in ["", "a", ": b", " : b"] {
        assert!(field(text).unwrap_err().is::<Usage>(), "{text:?}");
    }
    assert_eq!(
        field(" A :  b c ").unwrap(),
        ("A".to_owned(), Some("b c".to_owned()))
    );
    assert_eq!(field("A:").unwrap(), ("A".to_owned(), None));
}

#[test]
fn bodies_come_from_the_command_line_or_a_file() {
    assert_eq!(body("{}").unwrap(), "{}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"\xff\0").unwrap();
    assert_eq!(
        body(&format!("@{}", file.path().display())).unwrap(),
        b"\xff\0"[..]
    );
    let said = format!("{:#}", body("@/nowhere").unwrap_err());
    assert!(said.starts_with("cannot read /nowhere: "), "{said}");
}
