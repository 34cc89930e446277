//! What must hold for any file that is imported. Run by the fuzz targets in `fuzz/`, and by the tests here on mutated ones.

use super::{
    entry,
    json::{Reader, check::document},
    record,
};
use serde_json::Value;

/// JSON: what another reader takes is taken, and read as the same, numbers aside.
pub fn json(data: &[u8]) {
    let ours = document(data);
    match serde_json::from_slice::<Value>(data) {
        Ok(theirs) => {
            let ours = ours.unwrap_or_else(|error| panic!("{error}: {theirs}"));
            assert_eq!(plain(ours), plain(theirs));
        }
        // half a surrogate pair is replaced here, and numbers are read as far as they go
        Err(error) => {
            let lenient = data.windows(2).any(|pair| pair == b"\\u")
                || error.to_string().contains("number out of range")
                || error.to_string().contains("recursion limit");
            assert!(ours.is_err() || lenient, "{error}");
        }
    }
}

/// Without what numbers are: others read them less precisely.
fn plain(value: Value) -> Value {
    match value {
        Value::Number(_) => Value::from(0),
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(members) => members.into_iter().map(|(n, v)| (n, plain(v))).collect(),
        other => other,
    }
}

/// An entry of a HAR file: it is read or refused with its place, and what would be recorded of it is sound.
pub fn har_entry(data: &[u8]) {
    match entry::read(&mut Reader::new(data)) {
        Ok(Some(entry)) => record::fuzz(entry),
        Ok(None) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use overhear_fuzz_rounds::rounds;

    #[test]
    fn mutated_json_is_read_as_others_read_it() {
        let seeds = [
            r#" {"a":[1,-2.5e+3,0,true,false,null,"x"],"":{},"b":[ ],"é😀":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀"} "#,
            r#"[[[[]]],"\udc00",{"a":1,"a":2}]"#,
            "-0.0E-12",
        ];
        rounds("webui_json", json, &seeds);
    }

    #[test]
    fn mutated_entries_are_sound_or_refused() {
        let http = r#"{"startedDateTime":"2026-11-21T13:05:00.5+0100","time":12.5,"request":{"method":"POST","url":"https://u@a.example:8443/b c?d#e","httpVersion":"HTTP/1.1","headers":[{"name":"X-A","value":"1\n2"},{"name":":path","value":"/"}],"queryString":[],"postData":{"mimeType":"text/plain","text":"hello","params":[{"name":"a","value":"b"}]},"bodySize":5},"response":{"status":200,"statusText":"O\tK","httpVersion":"h2","headers":[{"name":"content-type","value":"text/html"}],"content":{"size":3,"mimeType":"text/html","text":"eWVz","encoding":"base64"}},"timings":{"blocked":1,"dns":-1,"connect":3,"ssl":2,"send":0,"wait":4.5,"receive":1e3},"serverIPAddress":"[2001:db8::1]","_serverPort":"443","_client":"192.0.2.1:5","comment":"x"}"#;
        let socket = r#"{"startedDateTime":"2026-11-21T13:05:00Z","request":{"method":"GET","url":"wss://a.example/c","headers":[]},"response":{"status":101,"headers":[]},"_resourceType":"websocket","_webSocketMessages":[{"type":"send","time":1795266300.25,"opcode":1,"data":"hi"},{"type":"receive","time":-1,"opcode":2,"data":"AAEC"}]}"#;
        rounds("webui_har_entry", har_entry, &[http, socket]);
    }
}
