//! Bytes as `-x`, `-X` and `-A` show them.

use std::io::Write;

const LINE: usize = 16;

/// Appends lines of 16 bytes in hexadecimal, each after `indent` and its offset.
pub fn hex(out: &mut Vec<u8>, indent: &str, data: &[u8]) {
    for (line, bytes) in data.chunks(LINE).enumerate() {
        // writing into memory cannot fail
        let _ = write!(out, "{indent}0x{:04x}: ", line * LINE);
        digits(out, bytes);
    }
}

/// Appends lines of 16 bytes in hexadecimal and ASCII, each after `indent` and its offset.
pub fn hex_and_ascii(out: &mut Vec<u8>, indent: &str, data: &[u8]) {
    for (line, bytes) in data.chunks(LINE).enumerate() {
        let _ = write!(out, "{indent}0x{:04x}: ", line * LINE);
        let from = out.len();
        digits(out, bytes);
        // two digits a byte, and a space before each two bytes
        out.resize(from + 40, b' ');
        out.extend_from_slice(b"  ");
        out.extend(
            bytes
                .iter()
                .map(|b| if b.is_ascii_graphic() { *b } else { b'.' }),
        );
    }
}

/// Appends a line feed and the bytes as text; what would upset a terminal is a dot.
pub fn ascii(out: &mut Vec<u8>, data: &[u8]) {
    out.push(b'\n');
    for (place, byte) in data.iter().enumerate() {
        match byte {
            // not before a line feed, and not in the last two bytes
            b'\r' => match data.get(place + 1) {
                Some(b'\n') | None => {}
                Some(_) if place + 2 == data.len() => {}
                Some(_) => out.push(b'.'),
            },
            b'\t' | b' ' | b'\n' => out.push(*byte),
            byte if byte.is_ascii_graphic() => out.push(*byte),
            _ => out.push(b'.'),
        }
    }
}

fn digits(out: &mut Vec<u8>, bytes: &[u8]) {
    for (place, byte) in bytes.iter().enumerate() {
        if place % 2 == 0 {
            out.push(b' ');
        }
        let _ = write!(out, "{byte:02x}");
    }
}
