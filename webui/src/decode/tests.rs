//! Every coding, whole, stacked, cut and broken.

use super::*;
use async_compression::tokio::bufread::{
    BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder,
};
use tokio::io::AsyncReadExt as _;

async fn encode(coding: &str, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let result = match coding {
        "gzip" => GzipEncoder::new(data).read_to_end(&mut out).await,
        "deflate" => ZlibEncoder::new(data).read_to_end(&mut out).await,
        "raw deflate" => DeflateEncoder::new(data).read_to_end(&mut out).await,
        "br" => BrotliEncoder::new(data).read_to_end(&mut out).await,
        "zstd" => ZstdEncoder::new(data).read_to_end(&mut out).await,
        _ => Ok(0),
    };
    result.expect("encoding in memory");
    out
}

fn pieces(data: &[u8], size: usize) -> Decoded {
    let pieces: Vec<_> = data
        .chunks(size)
        .map(|c| Ok(Bytes::copy_from_slice(c)))
        .collect();
    stream::iter(pieces).boxed()
}

/// What could be decoded, and the error after it.
async fn read(decoded: Result<Decoded, Error>) -> (Vec<u8>, Option<Error>) {
    let mut out = Vec::new();
    let mut decoded = match decoded {
        Ok(decoded) => decoded,
        Err(error) => return (out, Some(error)),
    };
    while let Some(piece) = decoded.next().await {
        match piece {
            Ok(bytes) => out.extend_from_slice(&bytes),
            Err(error) => return (out, Some(error)),
        }
    }
    (out, None)
}

fn sample() -> Vec<u8> {
    // compressible, and larger than every buffer in between
    (0..300_000_u32)
        .flat_map(|n| (n / 7).to_le_bytes())
        .collect()
}

#[tokio::test]
async fn every_coding_comes_back() {
    let data = sample();
    for (value, how) in [
        ("gzip", "gzip"),
        ("X-GZip", "gzip"),
        ("deflate", "deflate"),
        ("deflate", "raw deflate"),
        ("br", "br"),
        (" zstd ", "zstd"),
        ("identity", ""),
        ("", ""),
    ] {
        let sent = if how.is_empty() {
            data.clone()
        } else {
            encode(how, &data).await
        };
        for size in [1 << 16, 1000] {
            let (out, error) = read(decode(value, true, pieces(&sent, size)).await).await;
            assert!(error.is_none(), "{value} {how}: {error:?}");
            assert!(out == data, "{value} {how} {size}");
        }
    }
}

#[tokio::test]
async fn how_deflate_is_wrapped_is_known_although_its_first_byte_came_alone() {
    for how in ["deflate", "raw deflate"] {
        let sent = encode(how, b"some text, some text").await;
        let (out, error) = read(decode("deflate", true, pieces(&sent, 1)).await).await;
        assert!(error.is_none(), "{how}: {error:?}");
        assert_eq!(out, b"some text, some text", "{how}");
    }
}

#[tokio::test]
async fn codings_are_removed_in_reverse_order() {
    let data = sample();
    let sent = encode("gzip", &encode("br", &data).await).await;
    let (out, error) = read(decode("br, identity, gzip", true, pieces(&sent, 777)).await).await;
    assert!(error.is_none() && out == data, "{error:?}");
    let sent = encode("zstd", &encode("gzip", &data).await).await;
    let (out, error) = read(decode("gzip,zstd", true, pieces(&sent, 777)).await).await;
    assert!(error.is_none() && out == data, "{error:?}");
}

#[tokio::test]
async fn every_member_of_a_gzip_file_is_read() {
    let mut sent = encode("gzip", b"one ").await;
    sent.extend(encode("gzip", b"two").await);
    for size in [1, 5, 1000] {
        let (out, error) = read(decode("gzip", true, pieces(&sent, size)).await).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(out, b"one two");
    }
}

#[tokio::test]
async fn a_coding_without_a_body_is_no_error() {
    for coding in KNOWN {
        let (out, error) = read(decode(coding, true, stream::empty().boxed()).await).await;
        assert!(out.is_empty() && error.is_none(), "{coding}: {error:?}");
    }
}

#[tokio::test]
async fn what_could_be_decoded_comes_before_the_error() {
    let data = sample();
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let mut sent = encode(coding, &data).await;
        sent.truncate(sent.len() / 2);
        let (out, error) = read(decode(coding, true, pieces(&sent, 4096)).await).await;
        assert!(!out.is_empty() && data.starts_with(&out), "{coding}");
        assert!(
            matches!(error, Some(Error::Broken { .. })),
            "{coding}: {error:?}"
        );

        // the same bytes of a flow that is still running are not wrong
        let (same, error) = read(decode(coding, false, pieces(&sent, 4096)).await).await;
        assert!(error.is_none(), "{coding}: {error:?}");
        assert_eq!(same.len(), out.len(), "{coding}");
    }
}

#[tokio::test]
async fn nonsense_is_refused_at_once() {
    for coding in ["gzip", "br", "zstd", "deflate"] {
        let decoded = decode(
            coding,
            true,
            pieces(b"\xff\xff<html>not compressed</html>", 1000),
        )
        .await;
        let (out, error) = read(decoded).await;
        assert!(out.is_empty(), "{coding}");
        assert!(
            matches!(error, Some(Error::Broken { .. })),
            "{coding}: {error:?}"
        );
    }
    let unknown = decode("gzip, rot13", true, pieces(b"x", 1)).await;
    assert!(matches!(unknown.err(), Some(Error::Unknown(c)) if c == "rot13"));
    let many = ["gzip"; 9].join(",");
    assert!(matches!(
        decode(&many, true, pieces(b"x", 1)).await.err(),
        Some(Error::TooMany(9))
    ));
}

#[tokio::test]
async fn an_error_of_the_store_stays_one() {
    let body = stream::iter([Err(Error::Store(overhear_store::Error::Closed))]).boxed();
    let error = decode("gzip", true, body).await.err();
    assert!(
        matches!(error, Some(Error::Store(overhear_store::Error::Closed))),
        "{error:?}"
    );
    let data = encode("br", &sample()).await;
    let body = pieces(&data, 100).take(3);
    let body = body
        .chain(stream::iter([Err(Error::Store(
            overhear_store::Error::Closed,
        ))]))
        .boxed();
    let (_, error) = read(decode("br", true, body).await).await;
    assert!(
        matches!(error, Some(Error::Store(overhear_store::Error::Closed))),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_bomb_stops_at_the_limit() {
    // 5 GiB of zeros are 5 MiB of gzip
    let zeros = encode("gzip", &vec![0; 5 << 20]).await;
    let member: Bytes = zeros.into();
    let body = stream::repeat(())
        .take(1024)
        .map(move |()| Ok(member.clone()))
        .boxed();
    let mut decoded = decode("gzip", true, body)
        .await
        .expect("the first byte is fine");
    let (mut total, mut error) = (0, None);
    while let Some(piece) = decoded.next().await {
        match piece {
            Ok(bytes) => total += bytes.len() as u64,
            Err(e) => error = Some(e),
        }
    }
    assert!(matches!(error, Some(Error::TooLarge)), "{error:?}");
    assert!(total <= LIMIT && total > LIMIT - (1 << 20), "{total}");
}
