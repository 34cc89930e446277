//! The fuzz targets' functions on mutated inputs: the same in every run, bounded in number.

use super::*;
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use overhear_fuzz_rounds::rounds;
use std::io::Write;

#[test]
fn mutated_filters_are_read_or_refused() {
    let seeds = [
        r#"host:example.com (status:>=400 or method:=POST) not path:/^\/api\// "some text""#,
        "size:200..299 | -type:json & header:x-a=*b?c duration:>1.5s",
        "started:2026-11-21T13:05:00Z..2026-11-21T13:05:00.9Z age:<10m is:error",
        r"client:10.0.0.0/8 server:[::1]:80 body:/needle/i app:curl tag:a,b",
        "((http://a.example/b?c=d)) !localhost:8080 12:30 b\u{fc}cher",
    ];
    rounds("store_filter", filter, &seeds);
}

#[test]
fn mutated_bodies_are_searched_alike_in_pieces() {
    let text = b"some text with a needle in it\nxxx\n";
    let mut gzip = GzEncoder::new(vec![1, 7], Compression::default());
    gzip.write_all(text).unwrap();
    let mut zlib = ZlibEncoder::new(vec![2, 3], Compression::default());
    zlib.write_all(text).unwrap();
    let zstd = zstd::encode_all(text.as_slice(), 3).unwrap();
    let seeds = [
        // a message in two fragments, masked, a ping between; then compressed ones of RFC 7692 section 7.2.3
        b"\x00\x05\x01\x83\x01\x02\x03\x04\x6f\x67\x66\x89\x80\0\0\0\0\x80\x82\0\0\0\0le\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00".to_vec(),
        gzip.finish().unwrap(),
        zlib.finish().unwrap(),
        // one block without compression
        b"\x03\x02\x0f\x02\x80hello\x03".to_vec(),
        [b"\x04\x04", zstd.as_slice()].concat(),
        [b"\x06\x03", text.as_slice()].concat(),
        b"\x07\x01xx\nxxxxxx".to_vec(),
    ];
    rounds("store_body_search", body_search, &seeds);
}

#[test]
fn mutated_answers_of_grpc_end_alike_in_pieces() {
    let seeds = [
        b"\x00\x04\0\0\0\0\x03abc\x80\0\0\0\x25grpc-status:5\r\ngrpc-message:n%C3%B6 \r\n".to_vec(),
        b"\x01\x05AAAAAANhYmM=gAAAAA9ncnBjLXN0YXR1czogNQ0K".to_vec(),
        b"\x00\x02grpc-status: 14\r\ngrpc-message: caf%C3%A9\r\n\r\n".to_vec(),
    ];
    rounds("store_grpc_status", grpc_status, &seeds);
}

#[test]
fn mutated_heads_are_taken_apart() {
    let seeds = [
        "GET / HTTP/1.1\r\nHOST: a\r\nx-B:  1 \r\nX-b: 2\r\n\r\n",
        ":method: GET\r\n:path: /a:b\r\nx: y\r\n\r\n",
        "HTTP/1.1 200 OK\nno colon\n:\n: \r\n",
    ];
    rounds("store_head", head, &seeds);
}

#[test]
fn mutated_rules_are_written_as_they_are_read() {
    let seeds = [
        r#"
[[rule]]
name = "Staging"
group = "shop"
filter = "host:api.example.com \"a b\""
on = false
actions = [
  { do = "map-remote", to = "https://staging.example.com/x" },
  { do = "set-json", path = "/a", value = { b = [1, "two\nlines"], "c d" = true } },
]
"#,
        r#"
[[rule]]
name = 'Slow'
stage = "response"
actions = [{ do = "delay", ms = 5 }, { do = "answer", status = 404, headers = [["X-A", "b"]], body = { text = "it's \"gone\"" } }]
"#,
    ];
    rounds("store_rules_file", rules_file, &seeds);
}

#[test]
fn mutated_cursors_are_places_or_refused() {
    let seeds = ["I.17.17", "h.6162.3", "D.-1.-5", "s.9223372036854775807.1"];
    rounds("store_cursor", cursor, &seeds);
}
