//! What must hold for any bytes that come as SOCKS: the same is understood however they are cut, and little is kept.

use super::{Dialogue, Turn};
use bytes::BytesMut;

/// The first byte says whether there is a password, the next eight where the rest is cut.
pub fn requests(data: &[u8]) {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let (cuts, bytes) = rest.split_at_checked(8).unwrap_or((&[], rest));
    let secret = first % 2 == 1;
    let whole = dialogue(bytes, &[], secret);
    let mut cuts: Vec<_> = cuts
        .iter()
        .map(|at| usize::from(*at) % (bytes.len() + 1))
        .collect();
    cuts.sort_unstable();
    assert_eq!(dialogue(bytes, &cuts, secret), whole, "{bytes:?} {cuts:?}");
    let each: Vec<_> = (0..=bytes.len()).collect();
    assert_eq!(
        dialogue(bytes, &each, secret),
        whole,
        "{bytes:?} one by one"
    );
}

/// What is said, and the last turn; with what is left of the bytes when it is the last.
fn dialogue(bytes: &[u8], cuts: &[usize], secret: bool) -> (Vec<u8>, Turn, Vec<u8>) {
    let check = |user: &[u8], password: &[u8]| user == b"me" && password == b"secret";
    let mut dialogue = Dialogue::new(secret.then_some(&check as _));
    let (mut input, mut said, mut at) = (BytesMut::new(), Vec::new(), 0);
    for cut in cuts.iter().copied().chain([bytes.len()]) {
        input.extend_from_slice(bytes.get(at..cut).unwrap_or_default());
        at = cut.max(at);
        loop {
            match dialogue.next(&mut input) {
                Turn::Wait => break,
                Turn::Say(bytes) => said.extend_from_slice(bytes),
                Turn::Asked(request) => {
                    assert!(request.port > 0 && !request.host.is_empty());
                    input.extend_from_slice(bytes.get(at..).unwrap_or_default());
                    return (said, Turn::Asked(request), input.to_vec());
                }
                // how much of what is wrong had come may differ
                Turn::Refuse(mut refusal) => {
                    assert!(!refusal.answer.is_empty() && !refusal.why.is_empty());
                    refusal.shown.clear();
                    return (said, Turn::Refuse(refusal), Vec::new());
                }
            }
        }
        assert!(input.len() <= 1024, "what is waited for has an end");
    }
    (said, Turn::Wait, Vec::new())
}
