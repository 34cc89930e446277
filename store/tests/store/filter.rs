//! Filters against recorded flows.

use crate::support::*;
use overhear_store::{
    Failure, FailureCause, FlowId, HeadKind, Kind, Party, Side, Store, Version,
    filter::{Filter, Passing},
    read::{FlowQuery, Sort},
};
use std::io::Write as _;

/// The flows of [`recorded`], by what is special about them.
const PLAIN: i64 = 1;
const API: i64 = 2;
const FAILED: i64 = 3;
const SOCKET: i64 = 4;
const IPV6: i64 = 5;
const RUNNING: i64 = 6;

async fn recorded() -> Fixture {
    let fixture = Fixture::new().await;
    let recorder = fixture.recorder();

    let flow = exchange(&recorder, "www.example.com", "/index.html?q=1", 200);
    flow.chunk(Side::Response, at(21), b"<p>a nee");
    flow.chunk(Side::Response, at(24), b"dle in two pieces</p>");
    flow.edit(|f| {
        f.response.content_type = "text/html; charset=utf-8".to_owned();
        f.request.version = Some(Version::Http11);
        f.response.version = Some(Version::Http10);
        f.tags = "red, big one".to_owned();
    });
    flow.complete();

    let flow = recorder.flow(overhear_store::FlowStart {
        method: "POST".to_owned(),
        scheme: "http",
        port: 8080,
        ..start("api.example.com", "/v1/users(7)/names.js")
    });
    let head = b":method: POST\r\nContent-Type: application/json\r\nX-Token: abc=def\r\n\r\n";
    flow.head(HeadKind::Request, at(1), head);
    flow.head(
        HeadKind::Interim,
        at(2),
        b"HTTP/1.1 103 Early\r\nLink: </early.css>\r\n\r\n",
    );
    flow.head(
        HeadKind::Response,
        at(20),
        b":status: 404\r\nserver: nginx/1.2\r\n\r\n",
    );
    flow.chunk(Side::Request, at(3), &[b'u'; 12_000]);
    flow.edit(|f| {
        f.status = Some(404);
        f.request.content_type = "application/json".to_owned();
        f.request.version = Some(Version::Http2);
        f.times.ended = Some(at(1700));
        f.comment = "Look at this".to_owned();
        f.client = "10.1.2.3:4000".parse().unwrap();
        f.replay_of = Some(FlowId(PLAIN));
    });
    flow.complete();

    let flow = recorder.flow(start("down.test", "/"));
    flow.edit(|f| f.times.ended = Some(at(50)));
    flow.fail(Failure {
        cause: FailureCause::Refused,
        side: Party::Server,
        text: "The server 1.2.3.4 refused the connection: is it running?".to_owned(),
    });

    let flow = exchange(&recorder, "chat.example.org", "/socket", 101);
    flow.edit(|f| {
        f.kind = Kind::WebSocket;
        f.scheme = "wss".to_owned();
    });
    flow.chunk(Side::Response, at(40), b"\x81\x05hello");
    flow.complete();

    let flow = recorder.flow(overhear_store::FlowStart {
        kind: Kind::Tcp,
        method: String::new(),
        scheme: "tcp",
        port: 25,
        client: "[fe80::7]:999".parse().unwrap(),
        server: None,
        ..start("2001:db8::1", "")
    });
    flow.chunk(Side::Response, at(5), b"220 m\xfcller SMTP\r\n");
    flow.edit(|f| f.times.ended = Some(at(60)));
    flow.complete();

    let flow = recorder.flow(start("xn--bcher-kva.example", "/Straße"));
    // stays as it is: the store is closed with it, or never
    std::mem::forget(flow);
    fixture.store.flush().await.unwrap();
    fixture
}

async fn ids(store: &Store, filter: &str) -> Vec<i64> {
    let filter = Filter::parse(filter).unwrap_or_else(|e| panic!("{filter}: {e}"));
    let query = FlowQuery {
        filter: Some(filter.clone()),
        ..FlowQuery::default()
    };
    let page = store.flows(&query).await.unwrap();
    let count = store.count(Some(&filter)).await.unwrap();
    assert_eq!(count, page.flows.len() as u64);
    page.flows.iter().map(|f| f.id.0).collect()
}

const ALL: [i64; 6] = [PLAIN, API, FAILED, SOCKET, IPV6, RUNNING];

/// Filters, and the flows of [`recorded`] that they find.
const EXAMPLES: &[(&str, &[i64])] = &[
    ("", &ALL),
    // words: URL and heads
    ("example.com", &[PLAIN, API]),
    ("EXAMPLE.com INDEX", &[PLAIN]),
    ("nginx", &[API]),
    ("early.css", &[API]),
    ("x-side", &[PLAIN, SOCKET]),
    ("http://api.example.com:8080/v1", &[API]),
    ("https://www.example.com/index.html?q=1", &[PLAIN]),
    ("index*q=", &[PLAIN]),
    ("\"index*q=\"", &[]),
    ("[2001:db8::1]:25", &[IPV6]),
    ("/users\\(\\d\\)/", &[API]),
    ("/^SERVER: /", &[]),
    ("/^SERVER: /i", &[API]),
    ("straße", &[RUNNING]),
    ("STRASSE", &[]),
    ("needle", &[]),
    // hosts
    ("host:example.com", &[PLAIN, API]),
    ("host:Api.example.com", &[API]),
    ("host:ample.com", &[]),
    ("host:.example.com", &[PLAIN, API]),
    ("host:=example.com", &[]),
    ("host:=www.example.com", &[PLAIN]),
    ("host:*example*", &[PLAIN, API, SOCKET, RUNNING]),
    ("host:???.example.com", &[PLAIN, API]),
    ("host:example.???", &[]),
    ("host:/^(api|chat)/", &[API, SOCKET]),
    ("host:api.example.com:8080", &[API]),
    ("host:api.example.com:443", &[]),
    ("host:2001:db8::1", &[IPV6]),
    ("host:[2001:db8::1]:25", &[IPV6]),
    ("host:bücher.example", &[RUNNING]),
    // paths and URLs
    ("path:/v1", &[API]),
    ("path:/index.html?q=1", &[PLAIN]),
    ("path:*.html", &[PLAIN]),
    ("path:/v1/users(7)/*.js", &[API]),
    ("path:*.js?x", &[]),
    ("path:=/", &[FAILED]),
    ("url:chat", &[SOCKET]),
    ("url:wss://*", &[SOCKET]),
    ("url:https://*.com/*", &[PLAIN]),
    // numbers
    ("status:404", &[API]),
    ("status:4xx", &[API]),
    ("status:20x", &[PLAIN]),
    ("status:>=400", &[API]),
    ("status:<300", &[PLAIN, SOCKET]),
    ("status:100..200", &[PLAIN, SOCKET]),
    ("status:..200", &[PLAIN, SOCKET]),
    ("status:*", &[PLAIN, API, SOCKET]),
    ("-status:*", &[FAILED, IPV6, RUNNING]),
    ("-status:404", &[PLAIN, FAILED, SOCKET, IPV6, RUNNING]),
    ("size:29", &[PLAIN]),
    ("size:>=29b", &[PLAIN]),
    ("upload:>10k", &[API]),
    ("upload:>12kB", &[]),
    ("upload:11KiB..12kib", &[API]),
    ("upload:>0.012M", &[]),
    ("duration:>1.5s", &[API]),
    ("duration:1700", &[API]),
    ("duration:..30ms", &[PLAIN, SOCKET]),
    ("port:25", &[IPV6]),
    ("id:2..3", &[API, FAILED]),
    ("connection:1", &ALL),
    ("replay:1", &[API]),
    ("replay:", &[API]),
    // names
    ("method:post", &[API]),
    ("method:p*", &[API]),
    ("method:os", &[]),
    ("scheme:wss", &[SOCKET]),
    ("version:2", &[API]),
    ("version:http/1.0", &[PLAIN]),
    ("kind:ws", &[SOCKET]),
    ("kind:tcp or kind:websocket", &[SOCKET, IPV6]),
    ("state:failed", &[FAILED]),
    ("state:running", &[RUNNING]),
    ("error:", &[FAILED]),
    ("error:refused", &[FAILED]),
    ("error:dns", &[]),
    ("error:\"is it running\"", &[FAILED]),
    ("error:/REFUSED/i", &[FAILED]),
    // media types, tags, comments
    ("type:json", &[API]),
    ("type:html", &[PLAIN]),
    ("type:text/*", &[PLAIN, SOCKET]),
    ("type:html*", &[]),
    ("tag:red", &[PLAIN]),
    ("tag:re", &[]),
    ("tag:re*", &[PLAIN]),
    ("tag:\"big one\"", &[PLAIN]),
    ("tag:", &[PLAIN]),
    ("comment:LOOK", &[API]),
    ("comment:look*", &[API]),
    ("comment:at*", &[]),
    // heads
    ("header:x-token", &[API]),
    ("header:x-token=def", &[API]),
    ("header:x-token=abc=def", &[API]),
    ("header:x-token=x", &[]),
    ("header:x-*=abc*", &[API]),
    ("header:x-*=bc*", &[]),
    ("header:server=", &[API]),
    ("header:\"content-type: application\"", &[API]),
    ("header:content-type=\"application/json\"", &[API]),
    ("header:/^server: \\w+\\/1/", &[API]),
    ("header:host=www", &[PLAIN]),
    // bodies, across their pieces
    ("body:needle", &[PLAIN]),
    ("body:NEEDLE", &[PLAIN]),
    ("body:/n.*le in/", &[PLAIN]),
    ("body:uuuu", &[API]),
    ("body:smtp", &[IPV6]),
    ("body:/(?-u:m\\xfcller)/", &[IPV6]),
    // addresses
    ("client:10.1.2.3", &[API]),
    ("client:10.1.2.3:4000", &[API]),
    ("client:10.1.2.3:400", &[]),
    ("client:10.1.2", &[]),
    ("client:10.1.*", &[API]),
    ("client:10.0.0.0/8", &[API]),
    ("client:fe80::7", &[IPV6]),
    ("client:[fe80::7]:999", &[IPV6]),
    ("client:fe80::/10", &[IPV6]),
    ("-server:*", &[IPV6]),
    (
        "server:93.184.216.34",
        &[PLAIN, API, FAILED, SOCKET, RUNNING],
    ),
    // together
    ("host:example.com -status:404", &[PLAIN]),
    ("!host:example.com !kind:tcp", &[FAILED, SOCKET, RUNNING]),
    (
        "not (host:example.com or state:running) status:*",
        &[SOCKET],
    ),
    (
        "host:example.com (status:404 | tag:red) and method:get",
        &[PLAIN],
    ),
    ("not not status:404", &[API]),
];

#[tokio::test]
async fn every_field_finds_what_it_should() {
    let fixture = recorded().await;
    let mut wrong = Vec::new();
    for (filter, expected) in EXAMPLES {
        let found = ids(&fixture.store, filter).await;
        if found != *expected {
            wrong.push(format!("{filter}: {found:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Filters made of the examples, by a seeded generator: what is decided in memory is what SQL decides.
#[tokio::test]
async fn memory_decides_as_sql_does() {
    let fixture = recorded().await;
    let mut flows = Vec::new();
    for id in ALL {
        let flow = fixture.store.flow(FlowId(id)).await.unwrap().unwrap();
        flows.push((flow, fixture.store.heads(FlowId(id)).await.unwrap()));
    }
    let in_memory = |filter: &Filter| {
        let matcher = filter.matcher();
        let matching = flows.iter().filter(|(flow, heads)| {
            let heads: Vec<&[u8]> = heads.iter().map(|head| &head.bytes[..]).collect();
            matcher.matches(Passing {
                flow,
                heads: &heads,
                body: None,
            })
        });
        matching.map(|(flow, _)| flow.id.0).collect::<Vec<_>>()
    };
    // bodies come after the heads that a rule decides by
    let terms: Vec<&str> = EXAMPLES.iter().map(|(filter, _)| *filter).collect();
    let terms: Vec<&str> = terms
        .into_iter()
        .filter(|filter| !filter.contains("body:") && !filter.is_empty())
        .collect();
    let mut seed = 0x5eed_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % below
    };
    let mut filters: Vec<String> = terms.iter().map(|term| (*term).to_owned()).collect();
    for _ in 0..600 {
        let mut filter = String::new();
        for at in 0..=random(4) {
            let between = [" ", " or ", " and ", " not "][random(4)];
            if at > 0 {
                filter.push_str(between);
            }
            let term = terms[random(terms.len())];
            filter.push_str(&match random(3) {
                0 => format!("({term})"),
                1 => format!("!({term})"),
                _ => term.to_owned(),
            });
        }
        filters.push(filter);
    }
    let (mut wrong, mut some) = (Vec::new(), 0);
    for text in &filters {
        // a path that begins with a slash and another behind it are a regular expression, not always one that can be read
        let Ok(filter) = Filter::parse(text) else {
            continue;
        };
        let (sql, memory) = (ids(&fixture.store, text).await, in_memory(&filter));
        some += usize::from(!sql.is_empty() && sql.len() < ALL.len());
        if sql != memory {
            wrong.push(format!("{text}: SQL {sql:?}, memory {memory:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(some > 200, "only {some} filters tell flows apart");
}

#[tokio::test]
async fn ids_and_filter_together() {
    let fixture = recorded().await;
    let query = FlowQuery {
        filter: Some(Filter::parse("host:example.com").unwrap()),
        ids: Some(vec![FlowId(API), FlowId(FAILED)]),
        sort: Sort::Duration,
        ..FlowQuery::default()
    };
    let page = fixture.store.flows(&query).await.unwrap();
    assert_eq!(page.flows.len(), 1);
    assert_eq!(page.flows[0].id, FlowId(API));
}

#[test]
fn errors_say_where_and_what() {
    let examples = [
        ("host:a )", 7, 1, "no ("),
        ("(host:a", 0, 1, "no )"),
        ("(", 0, 1, "no )"),
        ("()", 1, 1, "before this )"),
        ("a or", 4, 1, "ends here"),
        ("or a", 0, 2, "missing before this"),
        ("a -", 3, 1, "ends here"),
        ("a not", 5, 1, "ends here"),
        ("\"abc", 0, 1, "no end"),
        ("x statsu:4", 2, 6, "did you mean status:"),
        ("foo:bar", 0, 3, "the fields are"),
        ("host:", 0, 5, "needs a value"),
        ("host: a", 0, 5, "needs a value"),
        ("path:(a or b)", 0, 5, "needs a value"),
        ("status:abc", 7, 3, "404"),
        ("status:!=200", 7, 5, "404"),
        ("status:/4../", 7, 5, "not a regular expression"),
        ("size:>10x", 6, 3, "10k"),
        ("status:300..200", 7, 8, "smaller number"),
        ("duration:1.2.3s", 9, 6, "1.5s"),
        ("kind:foo", 5, 3, "http, websocket, tcp, tls"),
        ("kind:>http", 6, 4, "cannot be greater"),
        ("host:>a", 6, 1, "is text"),
        ("path:/(/", 5, 3, "regular expression"),
        ("/a{1000}{1000}/", 0, 15, "too large"),
        ("client:10.0.0.0/99", 7, 11, "not a network"),
        ("äöü \"", 4, 1, "no end"),
    ];
    let mut wrong = Vec::new();
    for (filter, offset, length, message) in examples {
        let Err(error) = Filter::parse(filter) else {
            panic!("{filter} was taken");
        };
        if (error.offset, error.length) != (offset, length) || !error.message.contains(message) {
            wrong.push(format!("{filter}: {error:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for deep in ["(".repeat(5000), "!".repeat(5000), "a ".repeat(5000)] {
        assert!(Filter::parse(&deep).is_err());
    }
}

#[test]
fn any_text_is_a_filter_or_an_error_within_it() {
    // every text of up to four of the characters that mean something
    let alphabet: Vec<char> = "a:/\"\\*?()|!-&=<>.1 ä".chars().collect();
    let mut texts = vec![String::new()];
    for _ in 0..4 {
        let longer = texts
            .iter()
            .flat_map(|t| alphabet.iter().map(move |c| format!("{t}{c}")));
        texts = longer.collect();
        for text in &texts {
            for prefix in ["", "status:", "host:", "header:"] {
                let text = format!("{prefix}{text}");
                if let Err(error) = Filter::parse(&text) {
                    assert!(error.offset <= text.chars().count(), "{text}: {error:?}");
                    assert!(error.length >= 1);
                }
            }
        }
        if texts.len() > 5000 {
            break;
        }
    }
}

#[test]
fn a_host_alone_rules_out_what_cannot_match_there() {
    let rules_out = |filter: &str, host: &str| {
        let filter = Filter::parse(filter).unwrap_or_else(|e| panic!("{filter}: {e}"));
        filter.matcher().rules_out(host)
    };
    for filter in [
        "host:b.test",
        "host:b.test path:/x",
        "(host:b.test or host:c.test) x",
        "-host:a.test",
        "not (host:a.test or method:x)",
    ] {
        assert!(rules_out(filter, "a.test"), "{filter}");
    }
    for filter in [
        "",
        "host:a.test",
        "path:/x",
        "host:b.test or path:/x",
        "-host:b.test",
        "not (host:a.test path:/x)",
        "a.test",
    ] {
        assert!(!rules_out(filter, "a.test"), "{filter}");
    }
}

/// What went coded, masked or compressed is found by what it says.
#[tokio::test]
async fn bodies_are_searched_as_they_are_read() {
    let fixture = Fixture::new().await;
    let recorder = fixture.recorder();
    let json = br#"{"token":"abc"}"#;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(json).unwrap();
    let coded = gzip.finish().unwrap();
    let flow = exchange(&recorder, "coded.test", "/", 200);
    let (start, end) = coded.split_at(coded.len() / 2);
    flow.chunk(Side::Response, at(21), start);
    flow.chunk(Side::Response, at(22), end);
    flow.edit(|f| f.response.content_encoding = "gzip".to_owned());
    flow.complete();
    // an upload in a coding that nobody knows is looked at as it passed
    let flow = exchange(&recorder, "unknown.test", "/", 200);
    flow.chunk(Side::Request, at(3), json);
    flow.edit(|f| f.request.content_encoding = "x-odd".to_owned());
    flow.complete();
    let flow = exchange(&recorder, "socket.test", "/", 101);
    flow.edit(|f| f.kind = Kind::WebSocket);
    // RFC 6455 section 5.7: "Hello", masked; RFC 7692 section 7.2.3.1: "Hello", compressed
    flow.chunk(
        Side::Request,
        at(40),
        b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
    );
    flow.chunk(
        Side::Response,
        at(41),
        b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00",
    );
    flow.complete();
    fixture.store.flush().await.unwrap();
    let store = &fixture.store;
    assert_eq!(ids(store, r#"body:"\"token\":\"abc\"""#).await, [1, 2]);
    assert_eq!(ids(store, "body:/\"token\"\\s*:\\s*\"abc\"/").await, [1, 2]);
    assert_eq!(ids(store, "body:/(?-u:^\\x1f\\x8b)/").await, [1]);
    assert_eq!(ids(store, "body:hello").await, [3]);
    assert_eq!(ids(store, "not body:hello").await, [1, 2]);
}
