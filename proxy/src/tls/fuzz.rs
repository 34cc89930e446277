//! What must hold for any bytes at all that come as a TLS handshake. Run by the fuzz targets in `fuzz/`, and by tests that
//! mutate handshakes.

use super::{
    peek::{Peeked, asked, whole_records},
    seen::ServerSeen,
};

/// What a client begins with: when it is no ClientHello, no more bytes make it one; when it is, the bytes before its last
/// are not.
pub fn client_hello(bytes: &[u8]) {
    let records: Vec<_> = (0..=bytes.len())
        .map(|end| whole_records(&bytes[..end]))
        .collect();
    let wrong = records.iter().position(Option::is_none);
    assert!(
        records
            .iter()
            .skip(wrong.unwrap_or(records.len()))
            .all(Option::is_none)
    );
    let mut known = None;
    for (end, record) in records.iter().enumerate() {
        if *record != Some(true) {
            continue;
        }
        match asked(&bytes[..end]) {
            Peeked::Whole(info) => {
                assert!(info.sni.as_ref().is_none_or(|name| !name.is_empty()));
                known = Some(end);
                break;
            }
            Peeked::More => {}
            Peeked::Wrong => break,
        }
    }
    if let Some(end) = known {
        assert!(!matches!(asked(&bytes[..end - 1]), Peeked::Whole(_)));
    }
}

/// A handshake that is watched: what is read of it is the same however it is cut.
pub fn server_seen(bytes: &[u8]) {
    let read = |size: usize| {
        let mut seen = ServerSeen::default();
        let mut told = 0;
        for piece in bytes.chunks(size) {
            told += usize::from(seen.read(piece));
        }
        assert!(told <= 1, "it is told once");
        seen.info().clone()
    };
    let whole = read(bytes.len().max(1));
    for size in [1, 3, 100] {
        assert_eq!(read(size), whole, "{bytes:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutated_hellos_are_known_or_refused() {
        let hello = super::super::peek::tests::hello();
        // in two records
        let (first, second) = hello[5..].split_at(40);
        let record = |part: &[u8]| {
            let length = u16::try_from(part.len()).unwrap().to_be_bytes();
            [&[22, 3, 1], &length[..], part].concat()
        };
        let cut = [record(first), record(second)].concat();
        overhear_fuzz_rounds::rounds("proxy_client_hello", client_hello, &[hello, cut]);
    }
}
