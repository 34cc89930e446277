//! A plain proxy request becomes one for the server: origin form, and without what is for the proxy alone.

use crate::http1::{head::RequestHead, target::Absolute};

/// The head as it goes on. Everything but the target and the two fields for the proxy stays as it was sent.
pub(crate) fn forwarded(head: &RequestHead<'_>, absolute: &Absolute<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(head.bytes.len());
    let mut lines = head.bytes.split_inclusive(|b| *b == b'\n');
    let line = lines.next().unwrap_or_default();
    let before = head.method.len() + 1;
    let after = before + head.target.len();
    out.extend_from_slice(line.get(..before).unwrap_or_default());
    absolute.origin_form(head.method, &mut out);
    out.extend_from_slice(line.get(after..).unwrap_or_default());
    for line in lines.filter(|line| !is_for_the_proxy(line)) {
        out.extend_from_slice(line);
    }
    out
}

fn is_for_the_proxy(line: &[u8]) -> bool {
    // the names have different lengths: look at the first bytes once
    let is = |name: &[u8]| {
        line.get(name.len()) == Some(&b':')
            && line
                .get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    matches!(line.first(), Some(b'p' | b'P'))
        && (is(b"proxy-connection") || is(b"proxy-authorization"))
}
