//! What must hold for any bytes at all in what a browser asks, in files that a person brings, and in bodies that are shown. Run
//! by the fuzz targets in `fuzz/`, and by tests that mutate real ones. Most functions are beside the parsers.

pub use crate::{
    api::fuzz_range as range,
    auth::fuzz_host as host,
    decode::websocket::fuzz as websocket,
    import::fuzz::{har_entry, json},
};

use crate::{decode, protobuf};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};

/// A file of descriptors: taken or refused in words; two that are taken are one that is.
pub fn descriptors(data: &[u8]) {
    match protobuf::check(data) {
        Ok(()) => assert_eq!(protobuf::check(&data.repeat(2)), Ok(())),
        Err(why) => assert!(!why.is_empty()),
    }
}

/// A body with content codings: what is whole decodes to the same however it was cut when it was recorded. The first byte says
/// how it is coded, the second how long the pieces are.
pub fn decoded(data: &[u8]) {
    const MOST: usize = 4 << 20;
    let Some(([coding, size], body)) = data.split_first_chunk::<2>().map(|(c, b)| (*c, b)) else {
        return;
    };
    let coding = match coding % 8 {
        0 => "gzip",
        1 => "deflate",
        2 => "br",
        3 => "zstd",
        4 => "gzip, deflate",
        5 => "br,GZIP, identity",
        6 => "x-gzip",
        _ => "",
    };
    let read = |size: usize| {
        let pieces = body.chunks(size.max(1)).map(Bytes::copy_from_slice);
        let pieces: Vec<_> = pieces.map(Ok).collect();
        let reading = async {
            let mut all = Vec::new();
            let mut decoded = decode::decode(coding, true, stream::iter(pieces).boxed()).await?;
            while all.len() < MOST
                && let Some(piece) = decoded.next().await
            {
                all.extend_from_slice(&piece?);
            }
            all.truncate(MOST);
            Ok::<_, decode::Error>(all)
        };
        let read = reading.now_or_never();
        read.unwrap_or_else(|| panic!("it waits for what is in memory"))
    };
    match (read(body.len()), read(usize::from(size))) {
        (Ok(whole), Ok(cut)) => assert!(whole == cut, "{coding}"),
        (Err(whole), Err(_)) => assert!(!whole.to_string().is_empty()),
        // of what is damaged, their decoders read on as far as the bytes that are there let them
        _ if coding.contains("zstd") || coding.contains("br") => {}
        (whole, cut) => panic!("{coding}: {:?}, in pieces {:?}", whole.err(), cut.err()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };
    use overhear_fuzz_rounds::rounds;
    use std::io::Write;

    #[test]
    fn mutated_descriptors_are_taken_or_refused() {
        let seeds: [&[u8]; 2] = [
            b"\x0a\x21\x0a\x07a.proto\x1a\x07b.proto\x22\x03\x0a\x01M\x50\x00\x62\x06proto3",
            b"\x0a\x03\x0a\x01a\x0a\x06\x0a\x01b\x70\x80\x01",
        ];
        rounds("webui_descriptors", descriptors, &seeds);
    }

    #[test]
    fn mutated_bodies_decode_alike_in_pieces() {
        let text = b"some text, some text, and some more";
        let mut gzip = GzEncoder::new(vec![0, 7], Compression::default());
        gzip.write_all(text).unwrap();
        let mut zlib = ZlibEncoder::new(vec![1, 3], Compression::default());
        zlib.write_all(text).unwrap();
        let mut bare = DeflateEncoder::new(vec![1, 0], Compression::default());
        bare.write_all(text).unwrap();
        let seeds = [
            gzip.finish().unwrap(),
            zlib.finish().unwrap(),
            bare.finish().unwrap(),
            // one block without compression
            b"\x02\x02\x0f\x02\x80hello\x03".to_vec(),
            b"\x03\x05\x28\xb5\x2f\xfd\x20\x05\x29\x00\x00hello".to_vec(),
            b"\x07\x01plain".to_vec(),
        ];
        rounds("webui_decoded", decoded, &seeds);
    }
}
