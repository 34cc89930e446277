//! What must hold for any bytes at all: filters, rules and cursors that a person sends, bodies that are searched, heads.
//! Run by the fuzz targets in `fuzz/`, and by the tests here on mutated ones.

use crate::{
    filter::{
        Filter, Passing, Sieve,
        content::{Content, Form},
        search,
    },
    flow::Flow,
    grpc::{GrpcStatus, WebFrames},
    head as heads,
    rule::{self, Stage},
};
use regex::bytes::Regex;
use std::sync::LazyLock;

pub use crate::read::fuzz_cursor as cursor;

/// A filter as a person writes it: a mistake has its place in the text; what can be used is decided alike by itself, together
/// with others, and by the host alone.
pub fn filter(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let filter = match Filter::parse(&text) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(error.length > 0 && error.offset <= text.chars().count());
            assert!(!error.message.is_empty());
            return;
        }
    };
    let (sql, arguments) = filter.to_sql();
    // what stands in quotes is text
    let placeholders: usize = sql
        .split('\'')
        .step_by(2)
        .map(|sql| sql.matches('?').count())
        .sum();
    assert_eq!(placeholders, arguments.len(), "{text}: {sql}");
    for stage in [Stage::Request, Stage::Response] {
        assert!(filter.unknown_at(stage).is_none_or(|why| !why.is_empty()));
    }
    let mut flow = Flow::unknown(crate::FlowId(1), ([127, 0, 0, 1], 1).into());
    flow.method = "GET".to_owned();
    flow.host = "a.example".to_owned();
    flow.path = "/b?c=d".to_owned();
    let matcher = filter.matcher();
    let matches = matcher.matches(Passing {
        flow: &flow,
        heads: &[b"GET /b?c=d HTTP/1.1\r\nHost: a.example\r\n\r\n"],
        body: Some(b"some text"),
    });
    if matches {
        assert!(!matcher.rules_out(&flow.host), "{text}");
        let sieve = Sieve::new([&matcher; 5]);
        assert_eq!(*sieve.may_match(&flow), [0, 1, 2, 3, 4], "{text}");
    }
}

/// A body that is searched: what is in its bytes is found, and of the messages of a WebSocket and of what has no coding the
/// same is found however the bytes are cut. The first byte says how it is coded, the second how long the pieces are.
pub fn body_search(data: &[u8]) {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| search::compile("(?i)needle|^x+$").unwrap_or_else(|e| panic!("{e}")));
    let Some(([form, size], body)) = data.split_first_chunk::<2>().map(|(c, b)| (*c, b)) else {
        return;
    };
    let form = match form % 8 {
        0 => Form::Frames,
        1 => Form::Coded("gzip"),
        2 => Form::Coded("deflate"),
        3 => Form::Coded("br"),
        4 => Form::Coded("zstd"),
        5 => Form::Coded("deflate, GZIP"),
        6 => Form::Coded("identity, other"),
        _ => Form::Coded(""),
    };
    let found = |size: usize| {
        let mut content = Content::new(&PATTERN, form);
        body.chunks(size.max(1)).any(|piece| content.add(piece)) || content.finish()
    };
    let whole = found(body.len());
    assert!(whole || memchr::memmem::find(body, b"needle").is_none());
    let cut = found(usize::from(size));
    if matches!(form, Form::Frames | Form::Coded("" | "identity, other")) {
        assert_eq!(whole, cut);
    }
}

/// What says how a gRPC call ended: the same however the bytes are cut, and no longer than is kept. The first byte says whether
/// the body is text, the second how long the pieces are.
pub fn grpc_status(data: &[u8]) {
    let Some(([kind, size], body)) = data.split_first_chunk::<2>().map(|(c, b)| (*c, b)) else {
        return;
    };
    let kind = match kind % 2 {
        0 => "application/grpc-web+proto",
        _ => "application/grpc-web-text",
    };
    let read = |size: usize| {
        let mut frames = WebFrames::of(kind, "")?;
        let pieces = body.chunks(size.max(1));
        pieces.filter_map(|piece| frames.feed(piece)).last()
    };
    let whole = read(body.len());
    assert_eq!(read(usize::from(size)), whole);
    for status in [whole, GrpcStatus::read(body)].into_iter().flatten() {
        assert!(status.message.chars().count() <= 1024);
    }
}

/// A head: each line is a field, with nothing in it that ends a line.
pub fn head(data: &[u8]) {
    for start_line in [false, true] {
        let parsed = heads::parse(data, start_line);
        let lines = data.split(|byte| *byte == b'\n').count();
        assert!(parsed.fields.len() <= lines && !parsed.start_line.contains('\n'));
        for (name, value) in &parsed.fields {
            assert!(!name.contains('\n') && !value.contains('\n'));
            assert_eq!(value.trim_ascii(), value);
            // a field is found by its own name, though perhaps an earlier one
            assert!(parsed.field(name).is_some());
        }
    }
}

/// A file of rules: what was read is written as the same rules.
pub fn rules_file(data: &[u8]) {
    match rule::from_toml(&String::from_utf8_lossy(data)) {
        Ok(rules) => {
            let text = rule::to_toml(&rules);
            let again = rule::from_toml(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
            assert_eq!(again, rules, "{text}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

#[cfg(test)]
mod tests;
