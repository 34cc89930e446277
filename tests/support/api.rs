//! The REST API, as any script would use it: HTTP/1.1 over a plain socket, and JSON.

use super::{http, http::Message, until, wire};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
};

/// A way to the API of a running program.
#[derive(Debug, Clone)]
pub struct Api {
    /// Where the page listens.
    pub address: SocketAddr,
    /// What opens it.
    pub token: String,
}

impl Api {
    /// The body of a GET, which must succeed, as JSON.
    pub fn get(&self, path: &str) -> Value {
        json(&self.expect(200, "GET", path, None))
    }

    /// The bytes of a GET, which must succeed.
    pub fn bytes(&self, path: &str) -> Vec<u8> {
        self.expect(200, "GET", path, None).body
    }

    /// Sends JSON (or nothing) and insists on a status.
    pub fn expect(&self, status: u16, method: &str, path: &str, body: Option<&Value>) -> Message {
        let answer = self.send(method, path, body);
        assert_eq!(
            answer.status(),
            status,
            "{method} {path}: {} {}",
            answer.head_text(),
            answer.text()
        );
        answer
    }

    /// Sends JSON (or nothing).
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Message {
        let token = format!("Authorization: Bearer {}", self.token);
        let body = body.map(Value::to_string).unwrap_or_default();
        self.raw(
            method,
            path,
            &[&token, "Content-Type: application/json"],
            body.as_bytes(),
        )
    }

    /// Sends a request with exactly these field lines (besides `Content-Length`, `Connection` and,
    /// when none is given, `Host`).
    pub fn raw(&self, method: &str, path: &str, fields: &[&str], body: &[u8]) -> Message {
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !fields
            .iter()
            .any(|f| f.to_ascii_lowercase().starts_with("host:"))
        {
            request.push_str(&format!("Host: {}\r\n", self.address));
        }
        for field in fields {
            request.push_str(field);
            request.push_str("\r\n");
        }
        if !body.is_empty() {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        let mut stream = wire::dial(self.address);
        stream
            .write_all(&[request.as_bytes(), body].concat())
            .unwrap();
        http::read_response(&mut BufReader::new(stream)).unwrap()
    }

    /// The flows that match, newest first.
    pub fn flows(&self, filter: &str) -> Vec<Value> {
        let answer = self.get(&format!("/api/flows?filter={}", encode(filter)));
        answer["items"]
            .as_array()
            .unwrap_or_else(|| panic!("no items in {answer}"))
            .clone()
    }

    /// The one flow that matches, in detail, as soon as it has ended.
    pub fn flow(&self, filter: &str) -> Value {
        self.flow_when(filter, |flow| flow["state"] != "running")
    }

    /// The one flow that matches, in detail, as soon as `ready`.
    pub fn flow_when(&self, filter: &str, mut ready: impl FnMut(&Value) -> bool) -> Value {
        let mut last = Vec::new();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until(&format!("a flow that matches {filter:?}"), || {
                last = self.flows(filter);
                match last.as_slice() {
                    [flow] if ready(flow) => Some(self.detail(flow["id"].as_i64().unwrap())),
                    _ => None,
                }
            })
        }));
        found.unwrap_or_else(|_| {
            let all: Vec<_> = self.flows("").iter().map(brief).collect();
            panic!("not the one flow for {filter:?}: {last:?}\nall flows: {all:#?}")
        })
    }

    /// As soon as `count` flows match and have ended, all of them, oldest first.
    pub fn wait_for(&self, filter: &str, count: usize) -> Vec<Value> {
        let mut flows = until(&format!("{count} flows that match {filter:?}"), || {
            let flows = self.flows(filter);
            let done = flows.iter().filter(|f| f["state"] != "running").count();
            (done >= count).then_some(flows)
        });
        flows.reverse();
        flows
    }

    /// One flow in detail.
    pub fn detail(&self, id: i64) -> Value {
        self.get(&format!("/api/flows/{id}"))
    }

    /// The recorded body of one side (`request` or `response`).
    pub fn body(&self, flow: &Value, side: &str) -> Vec<u8> {
        self.bytes(&format!("/api/flows/{}/{side}/body", flow["id"]))
    }

    /// The recorded body of one side, content codings removed.
    pub fn decoded(&self, flow: &Value, side: &str) -> Vec<u8> {
        self.bytes(&format!(
            "/api/flows/{}/{side}/body?decoded=true",
            flow["id"]
        ))
    }

    /// The recorded head of one side, byte for byte.
    pub fn head(&self, flow: &Value, side: &str) -> String {
        String::from_utf8(self.bytes(&format!("/api/flows/{}/{side}/head", flow["id"]))).unwrap()
    }

    /// The messages (or pieces) of a flow: which side, and the bytes.
    pub fn messages(&self, flow: &Value) -> Vec<(String, Vec<u8>)> {
        let mut messages = Vec::new();
        loop {
            let (id, skip) = (&flow["id"], messages.len());
            let page = self.get(&format!("/api/flows/{id}/messages?skip={skip}&limit=500"));
            for message in page["items"].as_array().unwrap() {
                let data = BASE64_STANDARD
                    .decode(message["data"].as_str().unwrap())
                    .unwrap();
                messages.push((message["side"].as_str().unwrap().to_owned(), data));
            }
            if page["next"].is_null() {
                return messages;
            }
        }
    }

    /// What one side sent in a raw stream, put together.
    pub fn sent(&self, flow: &Value, side: &str) -> Vec<u8> {
        let pieces = self.messages(flow).into_iter().filter(|(s, _)| s == side);
        pieces.flat_map(|(_, bytes)| bytes).collect()
    }

    /// Subscribes to events.
    pub fn events(&self, query: &str) -> Events {
        let mut stream = wire::dial(self.address);
        let (address, token) = (self.address, &self.token);
        write!(
            stream,
            "GET /api/events{query} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Accept: text/event-stream\r\n\r\n"
        )
        .unwrap();
        let mut reader = BufReader::new(stream);
        let head = http::read_response_head(&mut reader).unwrap();
        assert_eq!(head.status(), 200, "{}", head.head_text());
        assert!(
            head.field("content-type")
                .unwrap()
                .starts_with("text/event-stream")
        );
        Events { reader }
    }
}

/// Server-sent events as they come.
pub struct Events {
    reader: BufReader<TcpStream>,
}

impl Events {
    /// The next event's name and data; the chunk sizes around it are skipped.
    pub fn next(&mut self) -> (String, Value) {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            let n = self.reader.read_line(&mut line).expect("an event in time");
            assert!(n > 0, "the event stream ended");
            let line = line.trim_end_matches(['\r', '\n']);
            if let Some(value) = line.strip_prefix("event:") {
                name = value.trim().to_owned();
            } else if let Some(value) = line.strip_prefix("data:") {
                data.push_str(value.trim());
            } else if line.is_empty() && !name.is_empty() && !data.is_empty() {
                return (name, serde_json::from_str(&data).unwrap());
            }
        }
    }

    /// Reads on until an event fits.
    pub fn find<T>(&mut self, mut fits: impl FnMut(&str, &Value) -> Option<T>) -> T {
        loop {
            let (name, data) = self.next();
            if let Some(found) = fits(&name, &data) {
                return found;
            }
        }
    }
}

/// The JSON in a response.
pub fn json(message: &Message) -> Value {
    serde_json::from_slice(&message.body)
        .unwrap_or_else(|e| panic!("{e}: {} {}", message.head_text(), message.text()))
}

/// Header fields of a recorded message, as pairs.
pub fn headers(message: &Value) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let pair = |pair: &Value| (text(&pair[0]), text(&pair[1]));
    let list = message["headers"].as_array();
    list.unwrap_or_else(|| panic!("no headers in {message}"))
        .iter()
        .map(pair)
        .collect()
}

/// A flow in one line, for messages.
pub fn brief(flow: &Value) -> String {
    let (method, url) = (&flow["method"], &flow["url"]);
    let (id, kind, state) = (&flow["id"], &flow["kind"], &flow["state"]);
    format!(
        "{id} {kind} {state} {method} {url} {} {}",
        flow["status"], flow["error"]
    )
}

/// Percent-encodes a query value.
pub fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes()
        .map(|b| {
            if plain(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}
