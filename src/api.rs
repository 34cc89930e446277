//! The running program's API, for commands that have it do something.

use crate::data::Running;
use anyhow::Context;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::{BodyExt, Full, Limited, StreamBody, combinators::BoxBody};
use hyper::{Method, Request, StatusCode, body::Frame, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use std::{io, time::Duration};
use tokio::{io::AsyncRead, net::TcpStream};
use tokio_util::io::ReaderStream;

/// Answers of the API that are read here are small.
const MOST: usize = 1 << 20;

/// Files are read in pieces of this many bytes.
const PIECE: usize = 64 << 10;

/// The program answers at once; when it does not, something is wrong with it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Posts JSON and reads the JSON that comes back.
///
/// # Errors
/// The program does not answer, or says no: then with its words.
pub(crate) async fn post<T: DeserializeOwned>(
    running: &Running,
    path: &str,
    body: &serde_json::Value,
) -> anyhow::Result<T> {
    let body = Full::new(Bytes::from(serde_json::to_vec(body)?));
    let exchange = exchange(
        running,
        Method::POST,
        path,
        body.map_err(io::Error::other).boxed(),
    );
    let answer = tokio::time::timeout(PATIENCE, exchange);
    let answer = answer
        .await
        .with_context(|| format!("{} does not answer", whom(running)))?;
    read(running, answer)
}

/// Asks without a body, and reads what comes back.
///
/// # Errors
/// As [`post`].
pub(crate) async fn ask(running: &Running, method: Method, path: &str) -> anyhow::Result<Bytes> {
    send(running, method, path, Bytes::new()).await
}

/// Sends bytes, and reads what comes back.
///
/// # Errors
/// As [`post`].
pub(crate) async fn send(
    running: &Running,
    method: Method,
    path: &str,
    body: Bytes,
) -> anyhow::Result<Bytes> {
    let body = Full::new(body).map_err(io::Error::other).boxed();
    let answer = tokio::time::timeout(PATIENCE, exchange(running, method, path, body));
    let answer = answer
        .await
        .with_context(|| format!("{} does not answer", whom(running)))?;
    accepted(running, answer)
}

/// Posts a file, however long that takes, and reads the JSON that comes back.
///
/// # Errors
/// As [`post`].
pub(crate) async fn upload<T: DeserializeOwned>(
    running: &Running,
    path: &str,
    file: impl AsyncRead + Send + Sync + 'static,
) -> anyhow::Result<T> {
    let pieces = ReaderStream::with_capacity(file, PIECE).map_ok(Frame::data);
    let body = StreamBody::new(pieces);
    let answer = exchange(running, Method::POST, path, BodyExt::boxed(body)).await;
    read(running, answer)
}

fn whom(running: &Running) -> String {
    format!(
        "the running overhear (process {}) at {}",
        running.pid, running.web
    )
}

fn read<T: DeserializeOwned>(
    running: &Running,
    answer: anyhow::Result<(StatusCode, Bytes)>,
) -> anyhow::Result<T> {
    let answer = accepted(running, answer)?;
    serde_json::from_slice(&answer)
        .with_context(|| format!("cannot read what {} says", whom(running)))
}

/// What was answered, unless it is a refusal.
fn accepted(
    running: &Running,
    answer: anyhow::Result<(StatusCode, Bytes)>,
) -> anyhow::Result<Bytes> {
    let whom = || whom(running);
    let (status, answer) = answer.with_context(|| format!("cannot ask {}", whom()))?;
    if !status.is_success() {
        let problem: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
        let detail = problem
            .get("detail")
            .or(problem.get("title"))
            .and_then(|d| d.as_str());
        anyhow::bail!(
            "{}",
            detail.map_or_else(|| format!("{} says {status}", whom()), str::to_owned)
        );
    }
    Ok(answer)
}

async fn exchange(
    running: &Running,
    method: Method,
    path: &str,
    body: BoxBody<Bytes, io::Error>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let stream = TcpStream::connect(running.web).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, running.web.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {}", running.token))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MOST).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
    Ok((status, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    /// Answers one request with a status and JSON; gives what was asked.
    async fn ask(status: &str, answer: Value) -> (anyhow::Result<Value>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = Running {
            pid: 1,
            web: listener.local_addr().unwrap(),
            token: "secret".to_owned(),
            proxy: Vec::new(),
        };
        let answer = answer.to_string();
        let length = answer.len();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{answer}");
        let serve = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"}") {
                assert_ne!(stream.read_buf(&mut asked).await.unwrap(), 0);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(asked).unwrap()
        });
        let answer = post(&running, "/api/replay", &json!({"flow": 1})).await;
        (answer, serve.await.unwrap())
    }

    #[tokio::test]
    async fn asks_with_the_token() {
        let (answer, asked) = ask("202 Accepted", json!({"flow": 7})).await;
        assert_eq!(answer.unwrap(), json!({"flow": 7}));
        assert!(asked.starts_with("POST /api/replay HTTP/1.1\r\n"));
        assert!(
            asked.contains("authorization: Bearer secret\r\n"),
            "{asked}"
        );
        assert!(asked.ends_with("\r\n\r\n{\"flow\":1}"));
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_its_own_words() {
        let problem = json!({"title": "Bad request", "detail": "no such URL"});
        let said = ask("400 Bad Request", problem)
            .await
            .0
            .unwrap_err()
            .to_string();
        assert_eq!(said, "no such URL");
        let said = ask("500 Oops", json!([])).await.0.unwrap_err().to_string();
        assert!(said.contains("says 500"), "{said}");
    }

    #[tokio::test]
    async fn nobody_there_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web = listener.local_addr().unwrap();
        drop(listener);
        let running = Running {
            pid: 1,
            web,
            token: String::new(),
            proxy: Vec::new(),
        };
        let error = post::<Value>(&running, "/", &json!({})).await.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot ask the running overhear"),
            "{error}"
        );
    }
}
