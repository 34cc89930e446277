//! Bodies inside JSON: as text where they are UTF-8, else in base64; in two passes, never whole.

use super::Error;
use crate::decode::{self, Decoded};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::TryStreamExt as _;
use std::io;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// What the first pass learns of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scan {
    /// Bytes.
    pub(super) size: u64,
    /// It is UTF-8 from beginning to end.
    pub(super) text: bool,
}

/// The first pass.
pub(super) async fn scan(mut body: Decoded) -> Result<Scan, decode::Error> {
    let mut scan = Scan {
        size: 0,
        text: true,
    };
    let mut carry = Vec::new();
    while let Some(piece) = body.try_next().await? {
        scan.size += piece.len() as u64;
        if scan.text {
            carry.extend_from_slice(&piece);
            match split(&carry) {
                Some(valid) => drop(carry.drain(..valid.len())),
                None => scan.text = false,
            }
        }
    }
    scan.text &= carry.is_empty();
    Ok(scan)
}

/// The second pass: a JSON string, quotes included, of a body that [`scan`] found to be text.
pub(super) async fn write_text<W>(out: &mut W, mut body: Decoded) -> Result<(), Error>
where
    W: AsyncWrite + Unpin,
{
    out.write_all(b"\"").await?;
    let mut carry = Vec::new();
    while let Some(piece) = body.try_next().await.map_err(write_error)? {
        carry.extend_from_slice(&piece);
        let Some(valid) = split(&carry) else {
            return Err(Error::Write(io::Error::other(
                "a body changed while it was exported",
            )));
        };
        out.write_all(escaped(valid).as_bytes()).await?;
        carry.drain(..valid.len());
    }
    out.write_all(b"\"").await?;
    Ok(())
}

/// The second pass: a JSON string, quotes included, of the body in base64.
pub(super) async fn write_base64<W>(out: &mut W, body: Decoded) -> Result<(), Error>
where
    W: AsyncWrite + Unpin,
{
    out.write_all(b"\"").await?;
    base64_lines(out, body, None).await?;
    out.write_all(b"\"").await?;
    Ok(())
}

/// Base64 of a body; with `line`, a line break after that many groups of four.
pub(super) async fn base64_lines<W>(
    out: &mut W,
    mut body: Decoded,
    line: Option<usize>,
) -> Result<(), Error>
where
    W: AsyncWrite + Unpin,
{
    let unit = 3 * line.unwrap_or(1);
    let mut carry = Vec::new();
    loop {
        let piece = body.try_next().await.map_err(write_error)?;
        let last = piece.is_none();
        carry.extend_from_slice(&piece.unwrap_or_default());
        let whole = if last {
            carry.len()
        } else {
            carry.len() / unit * unit
        };
        let ready: Vec<u8> = carry.drain(..whole).collect();
        if line.is_none() {
            out.write_all(STANDARD.encode(&ready).as_bytes()).await?;
        } else {
            for group in ready.chunks(unit) {
                out.write_all(STANDARD.encode(group).as_bytes()).await?;
                out.write_all(b"\n").await?;
            }
        }
        if last {
            return Ok(());
        }
    }
}

/// A JSON string's inside.
fn escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    let inner = quoted.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

/// The UTF-8 at the beginning, up to a character that is not all there; `None` when it is not UTF-8.
pub(super) fn split(bytes: &[u8]) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).ok()
        }
        Err(_) => None,
    }
}

pub(super) fn write_error(error: decode::Error) -> Error {
    match error {
        decode::Error::Store(error) => Error::Store(error),
        other => Error::Write(io::Error::other(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use futures_util::{StreamExt as _, stream};

    fn pieces(data: &[u8], size: usize) -> Decoded {
        let pieces: Vec<_> = data
            .chunks(size)
            .map(|c| Ok(Bytes::copy_from_slice(c)))
            .collect();
        stream::iter(pieces).boxed()
    }

    #[tokio::test]
    async fn text_is_text_however_it_is_cut() {
        let text = "a\"\\\u{1}\u{2028}é€😀\r\n";
        for size in 1..8 {
            let found = scan(pieces(text.as_bytes(), size)).await.expect("no error");
            assert_eq!(
                found,
                Scan {
                    size: text.len() as u64,
                    text: true
                }
            );
            let mut out = Vec::new();
            write_text(&mut out, pieces(text.as_bytes(), size))
                .await
                .expect("no error");
            let back: String = serde_json::from_slice(&out).expect("a JSON string");
            assert_eq!(back, text);
        }
    }

    #[tokio::test]
    async fn half_a_character_is_not_text() {
        for bytes in [&b"ab\xc3"[..], b"\xff", b"a\xe2\x82", b"\xed\xa0\x80"] {
            assert!(
                !scan(pieces(bytes, 1)).await.expect("no error").text,
                "{bytes:?}"
            );
        }
    }

    #[tokio::test]
    async fn base64_does_not_depend_on_the_pieces() {
        let data: Vec<u8> = (0..=255).collect();
        for size in [1, 2, 3, 7, 100] {
            let mut out = Vec::new();
            write_base64(&mut out, pieces(&data, size))
                .await
                .expect("no error");
            assert_eq!(out, format!("\"{}\"", STANDARD.encode(&data)).as_bytes());
            let mut out = Vec::new();
            base64_lines(&mut out, pieces(&data, size), Some(19))
                .await
                .expect("no error");
            let text = String::from_utf8(out).expect("ASCII");
            assert!(text.lines().all(|l| l.len() <= 76));
            assert_eq!(text.replace('\n', ""), STANDARD.encode(&data));
        }
    }
}
