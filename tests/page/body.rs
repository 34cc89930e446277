//! A body as what it is: every kind in its view, searched, previewed, and never run.

use super::shared::{drive, url};
use crate::support::{Program, Server, repository, server::response};
use serde_json::{Value, json};

/// A page that would like to do things; ELSEWHERE is where it would send them.
const PAGE: &str = "<!doctype html><title>A page</title><style>h1{color:rgb(1,2,3)}</style><link rel=stylesheet href=ELSEWHERE/style.css>\
    <meta http-equiv=refresh content='0;url=ELSEWHERE/refresh'><script>parent.owned=1;fetch('ELSEWHERE/fetch')</script>\
    <h1>Heading</h1><img src=ELSEWHERE/picture.png onerror=parent.owned=2><iframe src=ELSEWHERE/frame></iframe>\
    <object data=ELSEWHERE/object></object><video src=ELSEWHERE/video autoplay></video><svg onload=parent.owned=3></svg>";

const PICTURE: [u8; 69] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x90, 0x77, 0x53,
    0xde, 0x00, 0x00, 0x00, 0x0c, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x10, 0x68, 0x38, 0x00,
    0x00, 0x01, 0xf4, 0x01, 0x51, 0x84, 0x9e, 0xe0, 0x49, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e,
    0x44, 0xae, 0x42, 0x60, 0x82,
];

/// A second of sound: a WAV file of 8,000 samples.
fn sound() -> Vec<u8> {
    let mut file = b"RIFF\x64\x1f\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00data\x40\x1f\x00\x00".to_vec();
    file.extend((0..8_000_u32).map(|n| if n % 40 < 20 { 100_u8 } else { 156 }));
    file
}

const KINDS: [(&str, &str, &[u8]); 16] = [
    ("/nd.json", "application/x-ndjson", b"{\"a\":1}\n{\"b\":[1,2]}\n"),
    ("/style.css", "text/css", b"a{color:red}@media print{b{margin:0}}"),
    ("/script.js", "text/javascript", b"function f(a){if(a){return a+1}}"),
    ("/list.xml", "application/xml", b"<?xml version=\"1.0\"?><list><item id=\"1\">one</item></list>"),
    ("/picture.png", "image/png", &PICTURE),
    ("/drawing.svg", "image/svg+xml", b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"30\" height=\"20\"><script>parent.owned=1</script><rect width=\"30\" height=\"20\"/></svg>"),
    ("/proto", "application/x-protobuf", b"\x08\x96\x01\x12\x07testing\x1a\x03\x08\x96\x01"),
    ("/pack", "application/msgpack", b"\x82\xa7compact\xc3\xa6schema\x00"),
    ("/cbor", "application/cbor", b"\xa2\x61a\x01\x61b\x82\x02\x44\xff\x00\xff\x00"),
    ("/paper.pdf", "application/pdf", b"%PDF-1.7\n1 0 obj<</Type/Pages/Count 3>>endobj\n5 0 obj<</Title(A good day)>>endobj\n"),
    ("/latin.txt", "text/plain; charset=iso-8859-1", b"Gr\xfc\xdfe aus K\xf6ln"),
    ("/broken.cbor", "application/cbor", b"\x82\x01\x61"),
    ("/grpc", "application/grpc", b"\0\0\0\0\x0c\x08\x96\x01\x12\x07testing\0\0\0\0\x02\x08\x05"),
    ("/cut.grpc", "application/grpc+proto", b"\0\0\0\0\x02\x08\x05\0\0\0\0\x0c\x08\x96"),
    ("/broken.ttf", "font/ttf", b"\0\x01\0\0\0this is no font"),
    ("/right.json", "application/json", "{\"name\":\"\u{645}\u{631}\u{62d}\u{628}\u{627}\",\"html\":\"<img src=x onerror=parent.owned=4>\"}".as_bytes()),
];

/// A grey picture of 16 × 8 pixels in JPEG (ITU-T T.81), with what a camera writes beside it.
pub fn photo() -> Vec<u8> {
    let mut file = vec![0xff, 0xd8];
    let mut segment = |marker: u8, body: &[u8]| {
        let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
        file.extend([0xff, marker, length[0], length[1]]);
        file.extend(body);
    };
    segment(0xe1, &[b"Exif\0\0", &exif()[..]].concat());
    segment(0xdb, &[&[0][..], &[1; 64]].concat());
    segment(0xc0, &[8, 0, 8, 0, 16, 1, 1, 0x11, 0]);
    // one code of one bit each: no difference, and the end of a block
    for table in [0x00, 0x10] {
        segment(0xc4, &[&[table, 1][..], &[0; 16]].concat());
    }
    segment(0xda, &[1, 1, 0, 0, 63, 0]);
    file.extend([0x0f, 0xff, 0xd9]);
    file
}

/// Camera, time, exposure and place (CIPA DC-008): three directories one after the other, then what did not fit into them.
fn exif() -> Vec<u8> {
    const ASCII: u16 = 2;
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    const RATIONAL: u16 = 5;
    let rationals = |all: &[[u32; 2]]| -> Vec<u8> {
        let numbers = all.iter().flatten();
        numbers.flat_map(|n| n.to_be_bytes()).collect()
    };
    /// Tag, type, how many, and the value.
    type Entry = (u16, u16, u32, Vec<u8>);
    let directories: [Vec<Entry>; 3] = [
        vec![
            (0x0110, ASCII, 8, "K\u{e4}mera\0".as_bytes().to_vec()),
            (0x0112, SHORT, 1, vec![0, 1]),
            (0x8769, LONG, 1, 62_u32.to_be_bytes().to_vec()),
            (0x8825, LONG, 1, 92_u32.to_be_bytes().to_vec()),
        ],
        vec![
            (0x829a, RATIONAL, 1, rationals(&[[1, 250]])),
            (0x9003, ASCII, 20, b"2026:11:21 10:00:00\0".to_vec()),
        ],
        vec![
            (1, ASCII, 2, b"N\0".to_vec()),
            (2, RATIONAL, 3, rationals(&[[48, 1], [12, 1], [3056, 100]])),
            (3, ASCII, 2, b"W\0".to_vec()),
            (4, RATIONAL, 3, rationals(&[[16, 1], [22, 1], [1949, 100]])),
        ],
    ];
    let mut file = b"MM\0\x2a\0\0\0\x08".to_vec();
    let mut far = Vec::new();
    for entries in directories {
        file.extend(u16::try_from(entries.len()).unwrap().to_be_bytes());
        for (tag, kind, count, mut value) in entries {
            file.extend([tag.to_be_bytes(), kind.to_be_bytes()].concat());
            file.extend(count.to_be_bytes());
            if value.len() > 4 {
                file.extend(u32::try_from(146 + far.len()).unwrap().to_be_bytes());
                far.extend(value);
            } else {
                value.resize(4, 0);
                file.extend(value);
            }
        }
        file.extend([0; 4]);
    }
    assert_eq!(file.len(), 146);
    file.extend(far);
    file
}

/// A font that somebody made: one that the tests' browser driver brings along.
fn font() -> Vec<u8> {
    let mut folders = vec![repository().join("tests/node_modules/playwright-core/lib")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "ttf") {
                return std::fs::read(path).unwrap();
            }
        }
    }
    panic!("no font in playwright-core");
}

#[test]
fn every_kind_is_shown_as_what_it_is() {
    let letters = font();
    let origin = Server::answering(None, move |request| {
        let line = request.start_line();
        if line.contains("/letters.ttf") {
            return response("200 OK", &["Content-Type: font/ttf"], &letters);
        }
        if line.contains("/photo.jpg") {
            return response("200 OK", &["Content-Type: image/jpeg"], photo());
        }
        if line.contains("/sound.wav") {
            return response("200 OK", &["Content-Type: audio/wav"], sound());
        }
        let found = KINDS
            .iter()
            .find(|(path, ..)| line.contains(&format!("{path} ")));
        match found {
            Some((_, kind, body)) => response("200 OK", &[&format!("Content-Type: {kind}")], body),
            None => response("204 No Content", &[], ""),
        }
    });
    let program = Program::start();
    let mut curl = program.curl();
    for (path, ..) in KINDS {
        curl = curl.arg(url(&origin, path));
    }
    curl.arg(url(&origin, "/sound.wav"))
        .arg(url(&origin, "/photo.jpg"))
        .arg(url(&origin, "/letters.ttf"))
        .args(["--output", "/dev/null"])
        .ok();
    let json = "Content-Type: application/json";
    let query =
        r#"{"query":"query Q($a:Int){me(a:$a){id name}}","variables":{"a":1},"operationName":"Q"}"#;
    program
        .curl()
        .args([
            "-H",
            json,
            "--data-binary",
            query,
            &url(&origin, "/graphql"),
        ])
        .ok();
    let batch = r#"[{"query":"{first}"},{"operationName":"Second","query":"mutation Second($b:B){go(b:$b)}","variables":{"b":[1]}},{"operationName":"Kept","extensions":{}}]"#;
    program
        .curl()
        .args(["-H", json, "--data-binary", batch, &url(&origin, "/batch")])
        .ok();
    program
        .curl()
        .args(["--data", "plain=1&odd=%C3%BC+x", &url(&origin, "/form")])
        .ok();
    program
        .curl()
        .args(["--form", "field=the value", "--form"])
        .arg("file={\"inside\":[1,2]};filename=a.json;type=application/json")
        .arg(url(&origin, "/upload"))
        .ok();
    program.api.wait_for("", KINDS.len() + 7);
    let seen = drive(&program, &origin, "body", &["kinds", "views"]);
    let views = seen["views"].as_object().unwrap();
    assert_eq!(views.len(), 14, "{views:#?}");
    for (view, broken) in views {
        let expected = if view == "wide" {
            json!(390)
        } else {
            json!([])
        };
        assert_eq!(broken, &expected, "{view}: {broken:#}");
    }
    let kinds = &seen["kinds"];
    let lines = |name: &str| -> Vec<String> {
        serde_json::from_value(kinds[name].clone()).unwrap_or_else(|_| panic!("{name}: {kinds}"))
    };
    assert_eq!(
        lines("/nd.json"),
        ["{", "\"a\": 1", "}", "{", "\"b\": [", "1,", "2", "]", "}"]
    );
    assert_eq!(
        lines("/style.css"),
        [
            "a {",
            "color: red",
            "}",
            "",
            "@media print {",
            "b {",
            "margin: 0",
            "}",
            "}"
        ]
    );
    assert_eq!(
        lines("/script.js"),
        ["function f(a) {", "if (a) {", "return a + 1", "}", "}"]
    );
    assert_eq!(
        lines("/list.xml"),
        [
            "<?xml version=\"1.0\"?>",
            "<list>",
            "<item id=\"1\">one</item>",
            "</list>"
        ]
    );
    assert_eq!(
        lines("/proto"),
        [
            "{",
            "1: 150,",
            "2: \"testing\",",
            "3: {",
            "1: 150",
            "}",
            "}"
        ]
    );
    assert_eq!(
        lines("/pack"),
        ["{", "\"compact\": true,", "\"schema\": 0", "}"]
    );
    assert_eq!(
        lines("/cbor"),
        ["{", "\"a\": 1,", "\"b\": [", "2,", "h'ff00ff00'", "]", "}"]
    );
    assert_eq!(lines("/latin.txt"), ["Gr\u{fc}\u{df}e aus K\u{f6}ln"]);
    assert_eq!(lines("/broken.cbor"), ["[", "1,"]);
    let right = lines("/right.json");
    assert_eq!(
        right[1],
        "\"name\": \"\u{645}\u{631}\u{62d}\u{628}\u{627}\","
    );
    assert_eq!(right[2], "\"html\": \"<img src=x onerror=parent.owned=4>\"");
    assert_eq!(
        lines("/graphql"),
        [
            "# operation Q",
            "query Q($a: Int) {",
            "me(a: $a) {",
            "id",
            "name",
            "}",
            "}",
            "",
            "# variables",
            "{",
            "\"a\": 1",
            "}"
        ]
    );
    assert_eq!(
        lines("/batch"),
        [
            "{",
            "first",
            "}",
            "",
            "# operation Second",
            "mutation Second($b: B) {",
            "go(b: $b)",
            "}",
            "",
            "# variables",
            "{",
            "\"b\": [",
            "1",
            "]",
            "}",
            "",
            "# operation Kept",
            "# It has no query: a persisted one, known to the server by its hash."
        ]
    );
    assert_eq!(
        lines("/grpc"),
        ["{", "1: 150,", "2: \"testing\"", "}", "{", "1: 5", "}"]
    );
    assert_eq!(lines("/cut.grpc")[..3], ["{", "1: 5", "}"]);
    assert_eq!(kinds["face"], json!(["loaded"]));
    assert_eq!(kinds["drawn"], json!([16, 8]));
    for (name, words) in [
        ("/cut.grpc note", &["12 bytes, of which 2 are here"][..]),
        ("/letters.ttf", &["characters", "TrueType"]),
        ("/broken.cbor note", &["cannot be read to its end"]),
        ("/picture.png", &["PNG", "1 \u{d7} 1", "69 bytes"]),
        ("/drawing.svg", &["30 \u{d7} 20"]),
        (
            "/photo.jpg",
            &[
                "JPEG",
                "16 \u{d7} 8",
                "K\u{e4}mera",
                "2026:11:21 10:00:00",
                "1/250",
                "48.20849, -16.37208",
            ],
        ),
        ("/paper.pdf", &["PDF 1.7", "3", "A good day"]),
        ("/sound.wav", &["audio/wav", "1.0 s"]),
        ("/form", &["plain", "odd", "\u{fc} x"]),
        (
            "/upload",
            &[
                "field",
                "the value",
                "a.json",
                "application/json",
                "\"inside\": [",
            ],
        ),
    ] {
        let all = kinds[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name}: {kinds}"));
        for word in words {
            assert!(all.contains(word), "{name} does not show {word}: {all}");
        }
    }
    if kinds["viewer"] == true {
        assert_eq!(kinds["pdf"]["content-type"], "application/pdf");
    }
    assert_eq!(seen["owned"], Value::Null, "something ran");
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn a_preview_draws_and_does_nothing() {
    let elsewhere = Server::answering(None, |_| response("200 OK", &[], "owned"));
    let page = PAGE.replace(
        "ELSEWHERE",
        &format!("http://127.0.0.1:{}", elsewhere.port()),
    );
    let origin = Server::answering(None, move |_| {
        response("200 OK", &["Content-Type: text/html"], &page)
    });
    let program = Program::start();
    program.curl().arg(url(&origin, "/page")).ok();
    program.api.wait_for("", 1);
    let seen = drive(&program, &origin, "body", &["preview"]);
    let preview = &seen["preview"];
    assert_eq!(preview["heading"], "Heading", "{preview}");
    assert_eq!(
        preview["colour"], "rgb(1, 2, 3)",
        "its own styles are drawn: {preview}"
    );
    assert_eq!(preview["title"], "overhear", "the page is still ours");
    assert_eq!(seen["owned"], Value::Null, "a script ran");
    assert_eq!(elsewhere.requests().len(), 0, "something was asked for");
    // the browser says what it refused; nothing else may have happened
    let port = elsewhere.port().to_string();
    for trouble in seen["troubles"].as_array().unwrap() {
        let trouble = trouble.as_str().unwrap();
        let refused = trouble.contains("sandboxed") || trouble.contains("Content Security Policy");
        assert!(
            refused || trouble.contains(&format!(":{port}/")),
            "{trouble}"
        );
    }
}

#[test]
fn a_large_body_is_walked_and_searched() {
    let items: Vec<String> = (0..200_000)
        .map(|n| {
            format!(r#"{{"id":{n},"name":"item {n}","tags":["a","b"],"deep":{{"x y":true}}}}"#)
        })
        .collect();
    let body = format!("[{}]", items.join(","));
    assert!(body.len() > 12_000_000);
    let small = r#"{"list":[{"x y":1},{"x y":[true,"needle"]}]}"#;
    let origin = Server::answering(None, move |request| {
        let body = match request.start_line().contains("/large") {
            true => body.as_str(),
            false => small,
        };
        response("200 OK", &["Content-Type: application/json"], body)
    });
    let program = Program::start();
    for path in ["/large", "/small"] {
        program
            .curl()
            .args(["--output", "/dev/null", &url(&origin, path)])
            .ok();
    }
    program.api.wait_for("", 2);
    let seen = drive(&program, &origin, "body", &["walk", "large"]);
    let walk = &seen["walk"];
    assert_eq!(walk["path"], "$.list[1]['x y'][1]", "{walk}");
    let copied = ["$.list[1]['x y'][1]", ".list[1][\"x y\"][1]", "\"needle\""];
    assert_eq!(walk["copied"], json!(copied), "{walk}");
    assert_eq!(walk["menu"], copied[0], "{walk}");
    assert_eq!(walk["parent"], "$.list[1]['x y']", "{walk}");
    assert_eq!(walk["folded"], 1, "{walk}");
    let large = &seen["large"];
    assert_eq!(large["first"], "[", "{large}");
    let words = large["count"].as_str().unwrap();
    assert!(words.contains("200,000 in all"), "{words}");
    assert_eq!(large["bytes"], "1 of 1", "{large}");
    assert!(
        large["found"].as_str().unwrap().contains("item 199999"),
        "{large}"
    );
    assert_eq!(seen["troubles"], json!([]));
}
