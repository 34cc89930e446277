//! What must hold for any bytes at all that rules change. Run by the fuzz targets in `fuzz/`, and by the tests here on mutated
//! ones.

use super::{message::Message, pointer};
use crate::{
    http1::{Body, HeadReader},
    target::{Scheme, Target},
};
use overhear_store::Version;
use serde_json::{Value, json};

/// A value set in JSON: what comes out is JSON with the value in its place, and setting it again changes nothing. The first byte
/// says how long the pointer is that stands before the JSON.
pub fn json_pointer(data: &[u8]) {
    let Some((length, rest)) = data.split_first() else {
        return;
    };
    let Some((pointer, body)) = rest.split_at_checked(usize::from(*length)) else {
        return;
    };
    let pointer = String::from_utf8_lossy(pointer);
    let value = json!({ "a": [1, null] });
    match pointer::set(body, &pointer, &value) {
        Ok(changed) => {
            let sound = serde_json::from_slice::<serde::de::IgnoredAny>(&changed);
            sound.unwrap_or_else(|error| {
                panic!("{error}: {}", String::from_utf8_lossy(&changed));
            });
            // "-" adds to a list each time, but names a member of an object
            if !pointer.ends_with("/-") {
                let again = pointer::set(&changed, &pointer, &value);
                assert_eq!(again.as_ref(), Ok(&changed));
                // of members with one name which is meant is everyone's own (RFC 8259 section 4): it is the first here
                // a number may be too large for others
                if let Ok(read) = serde_json::from_slice::<Value>(&changed) {
                    let found = read.pointer(&pointer);
                    assert!(
                        found == Some(&value) || doubled(&changed, &read),
                        "{pointer}: {read}"
                    );
                }
            }
        }
        Err(why) => assert!(!why.is_empty()),
    }
}

/// Whether JSON may have two members of one name: what is read of it has fewer colons.
fn doubled(text: &[u8], read: &Value) -> bool {
    let colons = |text: &[u8]| memchr::memchr_iter(b':', text).count();
    colons(read.to_string().as_bytes()) < colons(text)
}

/// A request whose body a rule has changed: what is sent is one request with that body and the same fields otherwise, and
/// nothing behind it.
pub fn changed_request(data: &[u8]) {
    let mut reader = HeadReader::default();
    let Ok(true) = reader.request_ready(data) else {
        return;
    };
    let Ok(head) = reader.request(data) else {
        return;
    };
    let target = Target {
        scheme: Scheme::Http,
        host: "a.test".to_owned(),
        port: 80,
    };
    let length = head.skipped + head.bytes.len();
    let mut message = Message::request(head.bytes, head.method, &target);
    message.set_body(data[length..].to_vec());
    message.fit();
    let mut sent = message.to_http1(u8::from(head.version != Version::Http10));
    let end = sent.len();
    sent.extend_from_slice(&data[length..]);

    let mut reader = HeadReader::default();
    assert_eq!(reader.request_ready(&sent), Ok(true));
    let again = reader.request(&sent).unwrap_or_else(|problem| {
        panic!("{problem:?}: {}", String::from_utf8_lossy(&sent));
    });
    assert_eq!((again.skipped, again.bytes.len()), (0, end));
    assert_eq!(again.method, head.method);
    let mut body = Body::of_request(&again.fields, again.version)
        .unwrap_or_else(|problem| panic!("{problem:?}: {}", String::from_utf8_lossy(&sent)));
    let mut content = Vec::new();
    let taken = body.take(&sent[end..], |piece| content.extend_from_slice(piece));
    assert!(taken.done && taken.wire == sent.len() - end && content == data[length..]);
    let second = Message::request(again.bytes, again.method, &target);
    assert_eq!(second.fields, message.fields);
}

#[cfg(test)]
mod tests {
    use super::*;
    use overhear_fuzz_rounds::rounds;

    #[test]
    fn mutated_json_is_changed_in_one_place() {
        let seed = |pointer: &str, body: &str| {
            let length = u8::try_from(pointer.len()).unwrap();
            [&[length], pointer.as_bytes(), body.as_bytes()].concat()
        };
        let body = r#" {"items": [ {"na/me":"x", "\u0062":1.5e3}, [], null ], "": {} } "#;
        let seeds = [
            seed("/items/0/na~1me", body),
            seed("/items/1/-", body),
            seed("/items/0/b", body),
            seed("/new", body),
            seed("/", body),
            seed("", "[1,2,3]"),
            seed("/2", "[1,\t2 ,3]"),
        ];
        rounds("proxy_json_pointer", json_pointer, &seeds);
    }

    #[test]
    fn mutated_requests_are_changed_to_one_request() {
        let seeds = [
            "POST /x?y HTTP/1.1\r\nHOST: a.test\r\nx-B: 1\r\nX-b: \u{e9}\r\nContent-Length: 5\r\n\r\nhello",
            "\r\nGET http://a.test/ HTTP/1.0\r\nTransfer-Encoding: gzip, chunked\r\nTrailer: a\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "PUT * HTTP/1.1\nContent-Length: 3, 3\nContent-Encoding: gzip\nConnection: close\n\nabc",
            "DELETE /a b HTTP/1.1\r\nHost: a\r\n folded: 1\r\nA:\t \r\n\r\n",
        ];
        rounds("proxy_changed_request", changed_request, &seeds);
    }
}
