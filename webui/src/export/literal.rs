//! Texts as string literals that JavaScript and Python read alike.
//!
//! Both know JSON's escapes. What would hide or reorder the code around it (control characters, line
//! separators, marks of writing direction) is escaped, too.

use super::{
    Error,
    body::{split, write_error},
};
use crate::decode::Decoded;
use futures_util::TryStreamExt as _;
use std::{fmt::Write as _, io};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// A literal, quotes included.
pub(super) fn literal(text: &str) -> String {
    format!("\"{}\"", inside(text))
}

/// A body that is UTF-8 as a literal, quotes included; piece by piece.
pub(super) async fn write_literal<W>(out: &mut W, mut body: Decoded) -> Result<(), Error>
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
        out.write_all(inside(valid).as_bytes()).await?;
        carry.drain(..valid.len());
    }
    out.write_all(b"\"").await?;
    Ok(())
}

fn inside(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // all of these are within four digits
            c if c.is_control() || hides(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Line separators, marks of direction, and what takes no room.
fn hides(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_json_and_shows_what_hides() {
        let mut every: String = (0..0x3000).filter_map(char::from_u32).collect();
        every.push_str("</script>'`${x}\u{feff}\u{10ffff}😀{0}%s");
        let written = literal(&every);
        let back: String = serde_json::from_str(&written).expect("a JSON string");
        assert_eq!(back, every);
        assert!(!written.chars().any(|c| c.is_control() || hides(c)));
    }
}
