//! The fuzz targets' functions on mutated messages: the same inputs in every run, bounded in number.

use super::*;
use overhear_fuzz_rounds::rounds;

const SEEDS: [&str; 16] = [
    "GET http://u@a.example:8080/x?y#z HTTP/1.1\r\nHost: a.example\r\nProxy-Connection: keep-alive\r\nAccept: */*\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhelloPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab",
    "\r\nOPTIONS * HTTP/1.1\r\nhOST:\r\nX:\t a \u{e9}\r\n\r\n",
    "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhelloHTTP/1.1 204\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n00a ;x\r\n0123456789\r\n0\r\n\r\n",
    "HTTP/1.0 302 Gone\r\nConnection: keep-alive\r\nLocation: /\r\n\r\nuntil the end",
    "1\r\na\r\nFf\r\n",
    "3;n=\"v\"\r\nabc\r\n0000\r\nTrailer: value\r\nOther:\r\n\r\n",
    "http://b\u{fc}cher.example/",
    "https://[fe80::1%25en0]:8443/x",
    "a.example:443",
    "http://b%C3%BCcher.example:80?q",
    "http://127.1/",
    "[2001:db8::1]:1",
];

#[test]
fn mutated_messages_come_out_the_same_however_they_are_cut() {
    // how they are cut; one seed has a byte that is not UTF-8
    let text = |seed: &&str| {
        let bytes = seed
            .chars()
            .map(|c| if c == '\u{e9}' { 0xe9 } else { c as u8 });
        [3, 7].into_iter().chain(bytes).collect::<Vec<u8>>()
    };
    let seeds: Vec<_> = SEEDS.iter().map(text).collect();
    rounds("proxy_request_head", request_head, &seeds);
    rounds("proxy_response_head", response_head, &seeds);
    rounds("proxy_chunked", chunked, &seeds);
    rounds("proxy_requests", requests, &seeds);
    rounds("proxy_responses", responses, &seeds);
    let seeds: Vec<_> = seeds.iter().map(|seed| &seed[2..]).collect();
    rounds("proxy_request_target", request_target, &seeds);
}
