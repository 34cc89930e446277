//! The fuzz targets' functions on mutated messages: the same inputs in every run, bounded in number.

use super::*;

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

const TOKENS: [&str; 18] = [
    "\r\n",
    "\r",
    "\n",
    " ",
    "\t",
    ":",
    "\0",
    ",",
    ";",
    "0\r\n\r\n",
    "\r\n\r\n",
    "HTTP/1.1",
    "Transfer-Encoding: chunked\r\n",
    "Content-Length: 3\r\n",
    "Host: b\r\n",
    "[",
    "@",
    "%",
];

/// Pseudo-random numbers, the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap_or(0)
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        let length = self.below(8).min(bytes.len() - at);
        match self.below(6) {
            0 if at < bytes.len() => bytes[at] = self.below(256) as u8,
            1 => drop(bytes.drain(at..at + length)),
            2 => {
                let piece = bytes[at..at + length].to_vec();
                bytes.splice(at..at, piece);
            }
            3 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            4 => {
                let other = SEEDS[self.below(SEEDS.len())].as_bytes();
                let from = self.below(other.len());
                let to = from + self.below(other.len() - from);
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            _ => {
                let token = TOKENS[self.below(TOKENS.len())];
                bytes.splice(at..at, token.bytes());
            }
        }
    }
}

#[test]
fn mutated_messages_come_out_the_same_however_they_are_cut() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let targets = [
        request_head,
        response_head,
        chunked,
        requests,
        responses,
        request_target,
    ];
    for round in 0..100_000 {
        let seed = SEEDS[round % SEEDS.len()];
        let mut data = vec![random.below(256) as u8, random.below(24) as u8];
        // one seed has a byte that is not UTF-8
        data.extend(
            seed.chars()
                .map(|c| if c == '\u{e9}' { 0xe9 } else { c as u8 }),
        );
        let keep = data.len().min(2);
        for _ in 0..random.below(5) {
            let mut bytes = data.split_off(keep);
            random.mutate(&mut bytes);
            data.extend(bytes);
        }
        for target in targets {
            target(&data);
        }
        request_target(&data[keep..]);
    }
}
