//! What both sides of a stream said, in the order in which it passed: pieces of raw streams, messages of WebSockets.

use crate::terminal::{self, Style, harmless};
use bytes::Bytes;
use overhear_store::{Flow, FlowId, Side, Store, Timestamp, read::Chunk};
use overhear_webui::decode::{ByHand, websocket};
use std::io::{self, Write};

/// Pieces read at once.
const PAGE: u32 = 200;

/// For a person. `extensions` are those that a WebSocket agreed on; none of what is no WebSocket.
pub(super) async fn text(
    store: &Store,
    flow: &Flow,
    sides: &[Side],
    extensions: Option<&str>,
    style: Style,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut frames = extensions.map(websocket::Messages::new);
    let mut pieces = Messages::of(store, flow);
    let mut by_hand = ByHand::of(store, flow.id);
    while let Some((side, piece)) = pieces.next().await? {
        let shown = sides.contains(&side);
        write_by_hand(&mut by_hand, Some(piece.at), sides, style, out).await?;
        if piece.missing > 0 && shown {
            let bytes = if piece.missing == 1 { "byte" } else { "bytes" };
            let mark = format!("[{} {bytes} missing in capture file]", piece.missing);
            writeln!(out, "{}", style.paint("31", &mark))?;
        }
        let Some(reader) = &mut frames else {
            if shown && !piece.data.is_empty() {
                write_message(side, piece.at, "", &piece.data, style, out)?;
            }
            continue;
        };
        match reader.take(side, &piece.data) {
            Ok(messages) if shown => {
                for message in messages {
                    write_message(side, piece.at, message.name(), &message.data, style, out)?;
                    if !message.wrong.is_empty() {
                        let note = format!("(It breaks the protocol: {}.)", message.wrong);
                        writeln!(out, "{}", style.paint("31", &note))?;
                    }
                }
            }
            Ok(_) => {}
            Err(why) => {
                let what = "(The next message cannot be shown";
                let note = format!("{what}: {why}. From here on, what was recorded:)");
                writeln!(out, "{}", style.paint("2", &note))?;
                if shown {
                    write_message(side, piece.at, "", &piece.data, style, out)?;
                }
                frames = None;
            }
        }
    }
    write_by_hand(&mut by_hand, None, sides, style, out).await?;
    if frames.is_some_and(|frames| frames.cut()) {
        writeln!(
            out,
            "{}",
            style.paint("2", "(The last message did not end.)")
        )?;
    }
    Ok(())
}

/// What a person sent before `at`; without, all that is left.
async fn write_by_hand(
    by_hand: &mut ByHand<'_>,
    at: Option<Timestamp>,
    sides: &[Side],
    style: Style,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    while let Some((at, message)) = by_hand.before(at).await? {
        if sides.contains(&message.side) {
            let name = match message.text {
                true => "sent by hand",
                false => "binary, sent by hand",
            };
            let data = message.sent.unwrap_or_default();
            write_message(message.side, at, name, &data, style, out)?;
        }
    }
    Ok(())
}

fn write_message(
    side: Side,
    at: Timestamp,
    name: &str,
    data: &[u8],
    style: Style,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let at = terminal::local(at.0);
    let (arrow, colour) = match side {
        Side::Request => ("-->", "36"),
        Side::Response => ("<--", "32"),
    };
    let (hour, minute, second) = at.to_hms();
    let named = if name.is_empty() { "" } else { "  " };
    let head = format!(
        "{arrow} {hour:02}:{minute:02}:{second:02}.{:03}  {}{named}{name}",
        at.millisecond(),
        terminal::size(data.len() as u64)
    );
    writeln!(out, "{}", style.paint(colour, &head))?;
    match Text::default().push(&Bytes::copy_from_slice(data)) {
        Some(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => {
            let text = harmless(&text, true);
            out.write_all(text.as_bytes())?;
            if !text.ends_with('\n') {
                writeln!(out)?;
            }
        }
        _ => hexdump(data, out)?,
    }
    Ok(())
}

/// Sixteen bytes a line: offset, hexadecimal, ASCII.
fn hexdump(bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
    for (n, line) in bytes.chunks(16).enumerate() {
        write!(out, "{:08x} ", n * 16)?;
        for at in 0..16 {
            match line.get(at) {
                Some(byte) => write!(out, " {byte:02x}")?,
                None => write!(out, "   ")?,
            }
        }
        let ascii = |byte: &u8| match *byte {
            0x20..=0x7e => char::from(*byte),
            _ => '.',
        };
        writeln!(out, "  {}", line.iter().map(ascii).collect::<String>())?;
    }
    Ok(())
}

/// Cuts bytes that come in pieces into readable text.
#[derive(Default)]
pub(super) struct Text {
    /// The beginning of a character whose end is still to come.
    rest: Vec<u8>,
}

impl Text {
    /// The next text; `None` when it is not UTF-8, or has a NUL.
    pub(super) fn push(&mut self, piece: &Bytes) -> Option<String> {
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend_from_slice(piece);
        let valid = match std::str::from_utf8(&bytes) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return None,
        };
        self.rest = bytes.split_off(valid);
        String::from_utf8(bytes)
            .ok()
            .filter(|text| !text.contains('\0'))
    }
}

/// Both sides of a stream in the order in which they passed, some at a time.
pub(super) struct Messages<'a> {
    store: &'a Store,
    id: FlowId,
    read: u64,
    page: std::vec::IntoIter<(Side, Chunk)>,
}

impl<'a> Messages<'a> {
    pub(super) fn of(store: &'a Store, flow: &Flow) -> Self {
        Self {
            store,
            id: flow.id,
            read: 0,
            page: Vec::new().into_iter(),
        }
    }

    pub(super) async fn next(&mut self) -> anyhow::Result<Option<(Side, Chunk)>> {
        if let Some(message) = self.page.next() {
            return Ok(Some(message));
        }
        let page = self.store.messages(self.id, self.read, PAGE).await?;
        self.read += page.len() as u64;
        self.page = page.into_iter();
        Ok(self.page.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_may_be_cut_anywhere() {
        let whole = "aé日𝄞\n".repeat(3);
        for size in 1..8 {
            let mut text = Text::default();
            let pieces = whole.as_bytes().chunks(size).map(Bytes::copy_from_slice);
            let shown: String = pieces.map(|piece| text.push(&piece).unwrap()).collect();
            assert_eq!(shown, whole, "{size}");
            assert!(text.rest.is_empty());
        }
        assert_eq!(Text::default().push(&Bytes::from_static(b"\x89PNG")), None);
        assert_eq!(Text::default().push(&Bytes::from_static(b"a\0b")), None);
    }

    #[test]
    fn hexdumps_are_aligned() {
        let mut out = Vec::new();
        hexdump(b"\x82\x05hello, binary \xff", &mut out).unwrap();
        let expected = "\
00000000  82 05 68 65 6c 6c 6f 2c 20 62 69 6e 61 72 79 20  ..hello, binary 
00000010  ff                                               .
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
