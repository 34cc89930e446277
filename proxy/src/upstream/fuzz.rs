//! What must hold for any bytes at all that another proxy answers. Run by the fuzz target in `proxy/fuzz`, and by a test
//! that mutates answers.

use super::socks;

/// Answers of a SOCKS5 proxy: what is read of them is the same however many of the bytes have come, and never longer
/// than they are.
pub fn socks_answers(bytes: &[u8]) {
    let mut rest = bytes;
    fn login(bytes: &[u8]) -> socks::Read<u8> {
        let read = socks::login(bytes)?;
        Ok(read.map(|(said, length)| (u8::from(said), length)))
    }
    type Reads = fn(&[u8]) -> socks::Read<u8>;
    let reads: [Reads; 3] = [socks::method, login, socks::connected];
    for read in reads {
        let whole = read(rest);
        let first = (0..=rest.len())
            .map(|end| read(&rest[..end]))
            .find(|read| *read != Ok(None));
        // a decision that was made with fewer bytes stands
        assert_eq!(first.unwrap_or(Ok(None)), whole, "{rest:?}");
        match whole {
            Ok(Some((_, length))) => {
                assert!(0 < length && length <= rest.len(), "{rest:?}");
                rest = &rest[length..];
            }
            _ => return,
        }
    }
}
