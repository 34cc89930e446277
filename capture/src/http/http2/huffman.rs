//! HPACK's Huffman code, RFC 7541 section 5.2 and appendix B.
//!
//! The code is canonical: among codes of the same length, a greater symbol has the greater code, and shorter codes come
//! first. So the lengths alone say everything.

use std::sync::LazyLock;

/// The symbol that ends a string and must not stand in it.
const EOS: usize = 256;
const LONGEST: usize = 30;

/// The length of each symbol's code in bits, appendix B.
#[rustfmt::skip]
const LENGTHS: [u8; EOS + 1] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

/// The codes of one length.
#[derive(Clone, Copy, Default)]
struct Row {
    /// The first code, and the one behind the last.
    first: u32,
    end: u32,
    /// Where its symbols begin in [`Code::symbols`].
    start: usize,
}

struct Code {
    rows: [Row; LONGEST + 1],
    /// In the order of their codes.
    symbols: Vec<u16>,
}

static CODE: LazyLock<Code> = LazyLock::new(|| {
    let mut rows = [Row::default(); LONGEST + 1];
    let mut symbols = Vec::with_capacity(EOS + 1);
    let mut next = 0;
    for (length, row) in rows.iter_mut().enumerate().skip(1) {
        next <<= 1;
        row.first = next;
        row.start = symbols.len();
        for (symbol, _) in (0..)
            .zip(LENGTHS)
            .filter(|(_, l)| usize::from(*l) == length)
        {
            symbols.push(symbol);
            next += 1;
        }
        row.end = next;
    }
    Code { rows, symbols }
});

/// Decodes a string; none when it is not one: the code of EOS is in it, or its padding is not the beginning of EOS and
/// shorter than a byte.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let code = &*CODE;
    let mut decoded = Vec::with_capacity(bytes.len() * 8 / 5);
    let (mut bits, mut length) = (0_u32, 0_usize);
    for byte in bytes {
        for place in (0..8).rev() {
            bits = bits << 1 | u32::from(byte >> place & 1);
            length += 1;
            let row = code.rows.get(length)?;
            if bits < row.end && bits >= row.first {
                let symbol = *code.symbols.get(row.start + (bits - row.first) as usize)?;
                // none for EOS
                decoded.push(u8::try_from(symbol).ok()?);
                (bits, length) = (0, 0);
            }
        }
    }
    let padding = (1_u32 << length.min(8)) - 1;
    (length < 8 && bits == padding).then_some(decoded)
}
