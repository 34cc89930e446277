//! HTTP/2 frames (RFC 9113) and chunked framing (RFC 9112 section 7.1), written from recorded parts.
//!
//! Field blocks use one representation only, a literal without indexing and without Huffman coding
//! (RFC 7541 section 6.2.2): it needs no state, so any selection of a connection's streams can be read.

use loona_hpack::encoder::encode_integer_into;

/// What a client sends first on an HTTP/2 connection.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// No frame's payload is longer: the value that needs no agreement (`SETTINGS_MAX_FRAME_SIZE`).
const LARGEST_PAYLOAD: usize = 16_384;

/// The largest flow-control window.
const LARGEST_WINDOW: u32 = 0x7fff_ffff;

/// The window of a connection before the first WINDOW_UPDATE.
const FIRST_WINDOW: u32 = 65_535;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const ACK: u8 = 0x1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

const SETTINGS_ENABLE_PUSH: u16 = 2;
const SETTINGS_INITIAL_WINDOW_SIZE: u16 = 4;
const SETTINGS_ENABLE_CONNECT_PROTOCOL: u16 = 8;

/// Why a stream is reset, RFC 9113 section 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Protocol = 1,
    Internal = 2,
    Cancel = 8,
}

/// Appends the client's opening: preface, settings, and a connection window as large as it can be.
pub(crate) fn client_opening(out: &mut Vec<u8>) {
    out.extend_from_slice(PREFACE);
    let settings = [
        (SETTINGS_ENABLE_PUSH, 0),
        (SETTINGS_INITIAL_WINDOW_SIZE, LARGEST_WINDOW),
    ];
    write_settings(out, &settings);
    window_update(out, 0, LARGEST_WINDOW - FIRST_WINDOW);
}

/// Appends the server's opening: settings, and a connection window as large as it can be.
pub(crate) fn server_opening(out: &mut Vec<u8>) {
    let settings = [
        (SETTINGS_INITIAL_WINDOW_SIZE, LARGEST_WINDOW),
        (SETTINGS_ENABLE_CONNECT_PROTOCOL, 1),
    ];
    write_settings(out, &settings);
    window_update(out, 0, LARGEST_WINDOW - FIRST_WINDOW);
}

/// Appends the acknowledgement of the other side's settings.
pub(crate) fn settings_ack(out: &mut Vec<u8>) {
    frame(out, SETTINGS, ACK, 0, &[]);
}

/// Appends a field section: HEADERS, and CONTINUATION frames when one does not hold it.
pub(crate) fn headers(out: &mut Vec<u8>, stream: u32, head: &[u8], end_stream: bool) {
    let mut block = Vec::with_capacity(head.len() + 64);
    for (name, value) in fields(head) {
        literal(&mut block, name, value);
    }
    let (first, mut rest) = block.split_at(block.len().min(LARGEST_PAYLOAD));
    let end = if end_stream { END_STREAM } else { 0 };
    let last = if rest.is_empty() { END_HEADERS } else { 0 };
    frame(out, HEADERS, end | last, stream, first);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(LARGEST_PAYLOAD));
        let last = if after.is_empty() { END_HEADERS } else { 0 };
        frame(out, CONTINUATION, last, stream, piece);
        rest = after;
    }
}

/// Appends a piece of a body as DATA frames; without bytes, one empty frame when it ends the stream.
pub(crate) fn data(out: &mut Vec<u8>, stream: u32, bytes: &[u8], end_stream: bool) {
    let mut pieces = bytes.chunks(LARGEST_PAYLOAD).peekable();
    if bytes.is_empty() && end_stream {
        frame(out, DATA, END_STREAM, stream, &[]);
    }
    while let Some(piece) = pieces.next() {
        let last = end_stream && pieces.peek().is_none();
        frame(out, DATA, if last { END_STREAM } else { 0 }, stream, piece);
    }
}

/// Appends the end of a stream that failed.
pub(crate) fn rst_stream(out: &mut Vec<u8>, stream: u32, code: Code) {
    frame(out, RST_STREAM, 0, stream, &(code as u32).to_be_bytes());
}

/// Appends the announcement that the connection ends without an error. `last` is the last stream that the
/// other side opened.
pub(crate) fn goaway(out: &mut Vec<u8>, last: u32) {
    let mut payload = [0; 8];
    payload[..4].copy_from_slice(&last.to_be_bytes());
    frame(out, GOAWAY, 0, 0, &payload);
}

/// Appends room for more bytes on a stream, or on the connection (0).
pub(crate) fn window_update(out: &mut Vec<u8>, stream: u32, increment: u32) {
    frame(out, WINDOW_UPDATE, 0, stream, &increment.to_be_bytes());
}

/// Appends a piece of a body as a chunk; nothing without bytes, for a chunk of none would end the body.
pub(crate) fn chunk(out: &mut Vec<u8>, bytes: &[u8]) {
    if !bytes.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the last chunk and the trailer section as it was recorded (empty line included), or an empty one.
pub(crate) fn last_chunk(out: &mut Vec<u8>, trailers: Option<&[u8]>) {
    out.extend_from_slice(b"0\r\n");
    out.extend_from_slice(trailers.unwrap_or(b"\r\n"));
}

/// Whether a recorded head is one of HTTP/2, which begins with a pseudo-header field.
pub(crate) fn is_http2(head: &[u8]) -> bool {
    head.first() == Some(&b':')
}

/// The fields of a recorded HTTP/2 head or trailer section, value bytes as they are.
fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = head.split(|b| *b == b'\n');
    lines.filter_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // a pseudo-header field begins with a colon of its own
        let skip = usize::from(line.first() == Some(&b':'));
        let colon = line.iter().skip(skip).position(|b| *b == b':')? + skip;
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        Some((name, value.strip_prefix(b" ").unwrap_or(value)))
    })
}

fn literal(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.push(0);
    for text in [&name.to_ascii_lowercase(), value] {
        // writing to memory cannot fail
        let _ = encode_integer_into(text.len(), 7, 0, out);
        out.extend_from_slice(text);
    }
}

fn write_settings(out: &mut Vec<u8>, settings: &[(u16, u32)]) {
    let mut payload = Vec::with_capacity(settings.len() * 6);
    for (name, value) in settings {
        payload.extend_from_slice(&name.to_be_bytes());
        payload.extend_from_slice(&value.to_be_bytes());
    }
    frame(out, SETTINGS, 0, 0, &payload);
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let [_, high, middle, low] = (payload.len() as u32).to_be_bytes();
    out.extend_from_slice(&[high, middle, low, kind, flags]);
    out.extend_from_slice(&(stream & LARGEST_WINDOW).to_be_bytes());
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_openings_byte_by_byte() {
        let mut client = Vec::new();
        client_opening(&mut client);
        let expected = [
            PREFACE,
            &[
                0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff,
            ],
            &[0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0xff, 0, 0],
        ]
        .concat();
        assert_eq!(client, expected);
        let mut server = Vec::new();
        server_opening(&mut server);
        settings_ack(&mut server);
        assert_eq!(server[..9], [0, 0, 12, 4, 0, 0, 0, 0, 0]);
        assert_eq!(server[server.len() - 9..], [0, 0, 0, 4, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn headers_byte_by_byte() {
        let mut out = Vec::new();
        headers(&mut out, 3, b":status: 200\r\nx: a:b \r\n\r\n", true);
        let expected = [
            &[0, 0, 21, 1, 5, 0, 0, 0, 3, 0, 7][..],
            b":status\x03200\x00\x01x\x04a:b ",
        ]
        .concat();
        assert_eq!(out, expected);
    }

    #[test]
    fn a_large_field_section_continues_and_decodes() {
        let value = vec![b'v'; 40_000];
        let head = [
            b":method: GET\r\nLong: ",
            &value[..],
            b"\r\nempty:\r\n\xe9: \xff\r\n\r\n",
        ]
        .concat();
        let mut out = Vec::new();
        headers(&mut out, 1, &head, false);
        let frames = parsed(&out);
        let shape: Vec<_> = frames.iter().map(|f| (f.0, f.1, f.2.len())).collect();
        let last = 40_000 + 36 - 2 * 16_384;
        assert_eq!(shape, [(1, 0, 16_384), (9, 0, 16_384), (9, 4, last)]);
        let block: Vec<u8> = frames.into_iter().flat_map(|f| f.2).collect();
        let decoded = loona_hpack::Decoder::new().decode(&block).unwrap();
        let expected = [
            (b":method".to_vec(), b"GET".to_vec()),
            (b"long".to_vec(), value),
            (b"empty".to_vec(), Vec::new()),
            (b"\xe9".to_vec(), b"\xff".to_vec()),
        ];
        assert_eq!(decoded, expected);
    }

    #[test]
    fn data_is_split_and_ended_once() {
        let mut out = Vec::new();
        data(&mut out, 1, &[7; 40_000], true);
        data(&mut out, 1, &[], true);
        data(&mut out, 1, &[], false);
        data(&mut out, 1, &[7], false);
        let shape: Vec<_> = parsed(&out).iter().map(|f| (f.1, f.2.len())).collect();
        assert_eq!(
            shape,
            [(0, 16_384), (0, 16_384), (1, 7_232), (1, 0), (0, 1)]
        );
    }

    #[test]
    fn the_small_frames_byte_by_byte() {
        let mut out = Vec::new();
        rst_stream(&mut out, 5, Code::Cancel);
        goaway(&mut out, 7);
        let expected = [
            &[0, 0, 4, 3, 0, 0, 0, 0, 5, 0, 0, 0, 8][..],
            &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0],
        ]
        .concat();
        assert_eq!(out, expected);
    }

    #[test]
    fn chunks() {
        let mut out = Vec::new();
        chunk(&mut out, b"0123456789abcdef!");
        chunk(&mut out, b"");
        last_chunk(&mut out, None);
        assert_eq!(out, b"11\r\n0123456789abcdef!\r\n0\r\n\r\n");
        out.clear();
        last_chunk(&mut out, Some(b"X: y\r\n\r\n"));
        assert_eq!(out, b"0\r\nX: y\r\n\r\n");
    }

    /// Frames as (type, flags, payload).
    fn parsed(mut bytes: &[u8]) -> Vec<(u8, u8, Vec<u8>)> {
        let mut frames = Vec::new();
        while let [high, middle, low, kind, flags, _, _, _, _, rest @ ..] = bytes {
            let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
            frames.push((*kind, *flags, rest[..length].to_vec()));
            bytes = &rest[length..];
        }
        assert!(bytes.is_empty());
        frames
    }
}
