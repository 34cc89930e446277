//! A part of a recorded body, as a stream.

use bytes::Bytes;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use overhear_store::{Error, FlowId, Side, Store};

/// The bytes `from..from + length` of a body as recorded; fewer when fewer are there.
pub(crate) fn part(
    store: &Store,
    id: FlowId,
    side: Side,
    from: u64,
    length: u64,
) -> BoxStream<'static, Result<Bytes, Error>> {
    if length == 0 {
        return stream::empty().boxed();
    }
    let chunks = store.chunks(id, side, from);
    let end = from.saturating_add(length);
    chunks
        .scan(false, move |over, chunk| {
            let item = match chunk {
                _ if *over => None,
                Ok(chunk) => {
                    let begin = from.saturating_sub(chunk.offset);
                    let stop = end.saturating_sub(chunk.offset);
                    *over = stop <= chunk.data.len() as u64;
                    Some(Ok(slice(&chunk.data, begin, stop)))
                }
                Err(error) => {
                    *over = true;
                    Some(Err(error))
                }
            };
            std::future::ready(item)
        })
        .filter(|piece| std::future::ready(!matches!(piece, Ok(bytes) if bytes.is_empty())))
        .boxed()
}

fn slice(bytes: &Bytes, begin: u64, end: u64) -> Bytes {
    let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    let (begin, end) = (within(begin), within(end));
    bytes.slice(begin.min(end)..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_always_within() {
        let bytes = Bytes::from_static(b"abcdef");
        assert_eq!(slice(&bytes, 0, 3), "abc");
        assert_eq!(slice(&bytes, 4, u64::MAX), "ef");
        assert_eq!(slice(&bytes, 7, 9), "");
        assert_eq!(slice(&bytes, 5, 2), "");
    }
}
