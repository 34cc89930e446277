//! What must hold for any bytes at all. Run by the fuzz targets in `fuzz/`, and by a test that mutates messages.
//!
//! The first bytes of the input say where the rest is cut into reads. However it is cut, the same must come out.

use crate::http1::{
    chunked::Chunked,
    framing::{Asked, Body},
    head::HeadReader,
    line, plain,
    problem::Problem,
    target::{self, Form},
};

/// A request's head: found, refused and read the same however it is cut; what is taken, httparse takes too.
pub fn request_head(data: &[u8]) {
    let (cuts, bytes) = cuts(data);
    let read = |reader: &HeadReader| reader.request(bytes).map(drop);
    let parts = (
        HeadReader::request_ready as Ready,
        line::request_problem as Check,
    );
    let whole = head(bytes, &[], parts, read);
    assert_eq!(head(bytes, &cuts, parts, read), whole);
    assert_ne!(whole, Err(Problem::Malformed), "{bytes:?}");
    let mut reader = HeadReader::default();
    let (Ok(true), Ok(true)) = (whole, reader.request_ready(bytes)) else {
        return;
    };
    let request = reader.request(bytes).expect("it was read before");
    assert_eq!(line::request_problem(bytes), None);
    let mut fields = vec![httparse::EMPTY_HEADER; bytes.len()];
    let mut other = httparse::Request::new(&mut fields);
    let length = request.skipped + request.bytes.len();
    match other.parse(bytes) {
        Ok(status) => assert_eq!(status, httparse::Status::Complete(length)),
        // the one thing that it is stricter in
        Err(error) => assert!(std::str::from_utf8(request.target).is_err(), "{error}"),
    }
    if let Ok(Form::Absolute(absolute)) = target::form(request.method, request.target) {
        let sent = plain::forwarded(&request, &absolute);
        let mut reader = HeadReader::default();
        assert_eq!(reader.request_ready(&sent), Ok(true));
        let again = reader
            .request(&sent)
            .expect("a head like the one that came");
        assert_eq!(
            (again.method, again.bytes.len()),
            (request.method, sent.len())
        );
        assert_eq!(again.fields.length, request.fields.length);
        assert_eq!(again.fields.coding, request.fields.coding);
    }
}

/// A response's head, likewise.
pub fn response_head(data: &[u8]) {
    let (cuts, bytes) = cuts(data);
    let read = |reader: &HeadReader| {
        let response = reader.response(bytes)?;
        assert!((100..1000).contains(&response.status));
        assert_eq!(line::response_problem(bytes), None);
        Ok(())
    };
    let parts = (
        HeadReader::response_ready as Ready,
        line::response_problem as Check,
    );
    let whole = head(bytes, &[], parts, read);
    assert_eq!(head(bytes, &cuts, parts, read), whole);
    assert_ne!(whole, Err(Problem::Malformed), "{bytes:?}");
}

/// A chunked body: content, framing, trailers, length and problem are the same however it is cut.
pub fn chunked(data: &[u8]) {
    let (cuts, bytes) = cuts(data);
    let take = |cuts: &[usize]| {
        let mut chunked = Chunked::default();
        let (mut content, mut at) = (Vec::new(), 0);
        for cut in cuts.iter().copied().chain([bytes.len()]) {
            let piece = bytes.get(at..cut).unwrap_or_default();
            let taken = chunked.take(piece, |piece| content.extend_from_slice(piece));
            assert!(taken.wire <= piece.len());
            at += taken.wire;
            let framing = chunked.framing();
            assert!(bytes.get(..at).unwrap_or_default().ends_with(framing));
            if taken.done || taken.problem.is_some() {
                let ends = (framing.to_vec(), chunked.trailers().to_vec());
                return (content, ends, at, taken.done, taken.problem);
            }
            assert_eq!(at, cut);
        }
        (content, (Vec::new(), Vec::new()), at, false, None)
    };
    assert_eq!(take(&cuts), take(&[]));
}

/// Requests one after the other, with their bodies.
pub fn requests(data: &[u8]) {
    let (cuts, bytes) = cuts(data);
    let read = |cuts: &[usize]| {
        messages(
            bytes,
            cuts,
            (HeadReader::request_ready, line::request_problem),
            |reader, bytes| {
                let head = reader.request(bytes)?;
                let length = head.skipped + head.bytes.len();
                Ok((length, Body::of_request(&head.fields, head.version)?))
            },
        )
    };
    assert_eq!(read(&cuts), read(&[]));
}

/// Responses one after the other, to requests of all sorts.
pub fn responses(data: &[u8]) {
    let (cuts, bytes) = cuts(data);
    for asked in [Asked::Other, Asked::Head, Asked::Connect] {
        let read = |cuts: &[usize]| {
            messages(
                bytes,
                cuts,
                (HeadReader::response_ready, line::response_problem),
                |reader, bytes| {
                    let head = reader.response(bytes)?;
                    let length = head.skipped + head.bytes.len();
                    let body = Body::of_response(&head.fields, head.version, head.status, asked)?;
                    Ok((length, body))
                },
            )
        };
        assert_eq!(read(&cuts), read(&[]));
    }
}

/// A request target: what it names can be named again.
pub fn request_target(data: &[u8]) {
    for method in ["GET", "CONNECT", "OPTIONS"] {
        let named = match target::form(method, data) {
            Ok(Form::Absolute(absolute)) => absolute.target,
            Ok(Form::Authority(target)) => target,
            Ok(Form::Origin | Form::Asterisk) | Err(_) => continue,
        };
        assert!(!named.host.is_empty() && named.host.is_ascii() && named.port > 0);
        match target::form("CONNECT", named.to_string().as_bytes()) {
            Ok(Form::Authority(again)) => {
                assert_eq!((again.host, again.port), (named.host, named.port));
            }
            other => panic!("{named} gives {other:?}"),
        }
    }
}

/// Where the input says that the rest of it is cut.
fn cuts(data: &[u8]) -> (Vec<usize>, &[u8]) {
    let Some(([steps, length], bytes)) = data.split_first_chunk::<2>().map(|(c, b)| (*c, b)) else {
        return (Vec::new(), data);
    };
    let mut cuts = Vec::new();
    let (mut at, mut step) = (0, usize::from(steps));
    while at < bytes.len() {
        cuts.push(at);
        step = (step * 31 + usize::from(length)) % 97;
        at += 1 + step % (1 + usize::from(length));
    }
    (cuts, bytes)
}

type Ready = fn(&mut HeadReader, &[u8]) -> Result<bool, Problem>;

type Check = fn(&[u8]) -> Option<Problem>;

fn head(
    bytes: &[u8],
    cuts: &[usize],
    (ready, problem): (Ready, Check),
    read: impl Fn(&HeadReader) -> Result<(), Problem>,
) -> Result<bool, Problem> {
    let mut reader = HeadReader::default();
    for cut in cuts.iter().copied().chain([bytes.len()]) {
        if ready(&mut reader, bytes.get(..cut).unwrap_or_default())? {
            return read(&reader).map(|()| true);
        }
    }
    problem(bytes).map_or(Ok(false), Err)
}

/// Length of the head, content, trailers, and whether it was whole.
type Message = (usize, Vec<u8>, Vec<u8>, bool);

fn messages(
    bytes: &[u8],
    cuts: &[usize],
    (ready, problem): (Ready, Check),
    begin: impl Fn(&HeadReader, &[u8]) -> Result<(usize, Body), Problem>,
) -> (Vec<Message>, usize, Option<Problem>) {
    let mut messages = Vec::new();
    let mut at = 0;
    let mut reader = HeadReader::default();
    let mut body: Option<(Body, Message)> = None;
    for cut in cuts.iter().copied().chain([bytes.len()]) {
        loop {
            let rest = bytes.get(at..cut).unwrap_or_default();
            let Some((taking, message)) = &mut body else {
                if rest.is_empty() {
                    break;
                }
                match ready(&mut reader, rest) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(problem) => return (messages, at, Some(problem)),
                }
                match begin(&reader, rest) {
                    Ok((length, taking)) => {
                        at += length;
                        body = Some((taking, (length, Vec::new(), Vec::new(), false)));
                        reader = HeadReader::default();
                    }
                    Err(problem) => return (messages, at, Some(problem)),
                }
                continue;
            };
            let taken = taking.take(rest, |piece| message.1.extend_from_slice(piece));
            at += taken.wire;
            if taken.done {
                message.2.extend_from_slice(taking.trailers());
                message.3 = true;
            }
            if taken.problem.is_some() {
                messages.push(message.clone());
                return (messages, at, taken.problem);
            }
            if !taken.done {
                break;
            }
            messages.extend(body.take().map(|(_, message)| message));
        }
    }
    let cut = match &body {
        // a head that will not be whole
        None => bytes.get(at..).and_then(problem),
        Some(_) => None,
    };
    messages.extend(body.map(|(_, message)| message));
    (messages, at, cut)
}

#[cfg(test)]
mod tests;
