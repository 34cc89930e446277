//! Removing the content codings of a body that is held (RFC 9110 section 8.4.1).

use super::MOST_BODY;
use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use tokio::io::{AsyncRead, AsyncReadExt};

/// How many codings may be stacked.
const MOST_CODINGS: usize = 8;

/// The body without the codings that `Content-Encoding` names.
///
/// # Errors
/// Why it cannot be read, for a person.
pub(crate) async fn decoded(coding: &[u8], body: Vec<u8>) -> Result<Vec<u8>, String> {
    let text = String::from_utf8_lossy(coding).to_ascii_lowercase();
    let named = text.split(',').map(str::trim);
    let codings: Vec<&str> = named
        .filter(|c| !c.is_empty() && *c != "identity")
        .collect();
    if codings.len() > MOST_CODINGS {
        return Err(format!("{} content codings are stacked", codings.len()));
    }
    let mut body = body;
    if body.is_empty() {
        return Ok(body);
    }
    for coding in codings.into_iter().rev() {
        let from = body.as_slice();
        body = match coding {
            "gzip" | "x-gzip" => {
                let mut decoder = GzipDecoder::new(from);
                decoder.multiple_members(true);
                all(coding, decoder).await?
            }
            // servers send it without the zlib wrapper, too
            "deflate" => match all(coding, ZlibDecoder::new(from)).await {
                Ok(body) => body,
                Err(_) => all(coding, DeflateDecoder::new(from)).await?,
            },
            "br" => all(coding, BrotliDecoder::new(from)).await?,
            "zstd" => {
                let mut decoder = ZstdDecoder::new(from);
                decoder.multiple_members(true);
                all(coding, decoder).await?
            }
            other => return Err(format!("its content coding {other:?} is not known")),
        };
    }
    Ok(body)
}

async fn all(coding: &str, decoder: impl AsyncRead + Unpin) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    let mut decoder = decoder.take(MOST_BODY as u64 + 1);
    decoder
        .read_to_end(&mut body)
        .await
        .map_err(|error| format!("it is not valid {coding}: {error}"))?;
    if body.len() > MOST_BODY {
        return Err(format!(
            "it is larger than {} MiB when it is decoded",
            MOST_BODY >> 20
        ));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_compression::tokio::write::{BrotliEncoder, GzipEncoder};
    use tokio::io::AsyncWriteExt as _;

    #[tokio::test]
    async fn codings_are_removed_the_last_one_first() {
        let mut gzip = GzipEncoder::new(Vec::new());
        gzip.write_all(b"hello").await.unwrap();
        gzip.shutdown().await.unwrap();
        let mut both = BrotliEncoder::new(Vec::new());
        both.write_all(&gzip.into_inner()).await.unwrap();
        both.shutdown().await.unwrap();
        let body = decoded(b"GZIP , br", both.into_inner()).await;
        assert_eq!(body, Ok(b"hello".to_vec()));
        assert!(decoded(b"gzip", b"hello".to_vec()).await.is_err());
        assert!(decoded(b"sdch", b"hello".to_vec()).await.is_err());
        assert_eq!(decoded(b"", b"hello".to_vec()).await, Ok(b"hello".to_vec()));
    }

    #[tokio::test]
    async fn a_small_body_does_not_become_an_endless_one() {
        let mut gzip = GzipEncoder::new(Vec::new());
        gzip.write_all(&vec![0; MOST_BODY + 1]).await.unwrap();
        gzip.shutdown().await.unwrap();
        let error = decoded(b"gzip", gzip.into_inner()).await.unwrap_err();
        assert!(error.contains("larger than 8 MiB"), "{error}");
    }
}
