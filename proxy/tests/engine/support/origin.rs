//! Servers on loopback: plain, over TLS, HTTP/2, and ones that misbehave.

use super::read_head;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use rustls::ServerConfig;
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A server; it ends with the test's runtime.
pub struct Origin {
    pub address: SocketAddr,
}

impl Origin {
    /// Serves every connection with `serve`.
    pub async fn tcp<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tcp.set_nodelay(true).expect("an option");
                tokio::spawn(serve(tcp));
            }
        });
        Self { address }
    }

    /// Serves every connection over TLS with `serve`; a handshake that fails is forgotten.
    pub async fn tls<F>(
        config: Arc<ServerConfig>,
        serve: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let acceptor = TlsAcceptor::from(config);
        Self::tcp(move |tcp| {
            let (acceptor, serve) = (acceptor.clone(), serve.clone());
            async move {
                if let Ok(tls) = acceptor.accept(tcp).await {
                    serve(tls).await;
                }
            }
        })
        .await
    }

    /// HTTP/2 over TLS: see [`echo2`].
    pub async fn http2(config: Arc<ServerConfig>) -> Self {
        Self::tls(config, |tls| async move { echo2(tls).await }).await
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `localhost:PORT`
    pub fn named(&self) -> String {
        format!("localhost:{}", self.port())
    }
}

/// A port on which nobody listens.
pub async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("bound").port()
}

/// Answers each request with its own head as the body, until the client closes.
pub async fn echo1(mut io: impl AsyncRead + AsyncWrite + Unpin + Send) {
    loop {
        let head = read_head(&mut io).await;
        if head.is_empty() {
            return;
        }
        let length = head
            .lines()
            .find_map(|l| l.strip_prefix("Content-Length: "));
        let length = length.map_or(0, |n| n.parse::<usize>().expect("a length"));
        let mut body = vec![0; length];
        if io.read_exact(&mut body).await.is_err() {
            return;
        }
        let answer = format!(
            "HTTP/1.1 200 Fine\r\nX-Case: Kept\r\nContent-Length: {}\r\n\r\n{head}",
            head.len() + length
        );
        if io.write_all(answer.as_bytes()).await.is_err() || io.write_all(&body).await.is_err() {
            return;
        }
        let _ = io.flush().await;
    }
}

/// HTTP/2 that does by path: `/echo` gives the body back with trailers, `/hints` sends 103 before, `/reset` resets
/// with REFUSED_STREAM, `/cut` resets after some body, `/goaway` says GOAWAY after answering, `/big/N` gives N bytes,
/// `/wait` never answers. Anything else is 200 with the method, `:authority` and path.
pub async fn echo2(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(1 << 20)
        .initial_connection_window_size(1 << 20);
    let Ok(mut connection) = builder.handshake::<_, Bytes>(io).await else {
        return;
    };
    while let Some(Ok((request, respond))) = connection.accept().await {
        if request.uri().path() == "/goaway" {
            connection.graceful_shutdown();
        }
        tokio::spawn(answer2(request, respond));
    }
}

async fn answer2(request: Request<h2::RecvStream>, mut respond: h2::server::SendResponse<Bytes>) {
    let (parts, mut body) = request.into_parts();
    let ok = || {
        Response::builder()
            .status(200)
            .header("x-origin", "one")
            .header("x-origin", "two")
    };
    let path = parts.uri.path().to_owned();
    if let Some(size) = path.strip_prefix("/big/") {
        let mut left: usize = size.parse().expect("a size");
        let Ok(mut to) = respond.send_response(ok().body(()).expect("a response"), false) else {
            return;
        };
        while left > 0 {
            to.reserve_capacity(left.min(1 << 16));
            let Some(Ok(room)) = std::future::poll_fn(|cx| to.poll_capacity(cx)).await else {
                return;
            };
            let piece = room.min(left);
            left -= piece;
            if to
                .send_data(Bytes::from(vec![b'x'; piece]), left == 0)
                .is_err()
            {
                return;
            }
        }
        return;
    }
    match path.as_str() {
        "/echo" => {
            let mut to = respond
                .send_response(ok().body(()).expect("a response"), false)
                .expect("open");
            while let Some(Ok(data)) = body.data().await {
                body.flow_control()
                    .release_capacity(data.len())
                    .expect("released");
                to.send_data(data, false).expect("open");
            }
            let mut trailers = body.trailers().await.ok().flatten().unwrap_or_default();
            trailers.insert("x-sum", "done".parse().expect("a value"));
            to.send_trailers(trailers).expect("open");
        }
        "/hints" => {
            let hints = Response::builder()
                .status(103)
                .header("link", "</a.css>; rel=preload");
            respond
                .send_informational(hints.body(()).expect("a response"))
                .expect("open");
            send_whole(&mut respond, ok(), "hinted");
        }
        "/continue" => {
            let go_on = Response::builder()
                .status(100)
                .body(())
                .expect("a response");
            respond.send_informational(go_on).expect("open");
            let mut all = Vec::new();
            while let Some(Ok(data)) = body.data().await {
                body.flow_control()
                    .release_capacity(data.len())
                    .expect("released");
                all.extend_from_slice(&data);
            }
            send_whole(&mut respond, ok(), &String::from_utf8(all).expect("text"));
        }
        "/reset" => respond.send_reset(h2::Reason::REFUSED_STREAM),
        "/cut" => {
            let mut to = respond
                .send_response(ok().body(()).expect("a response"), false)
                .expect("open");
            to.send_data(Bytes::from_static(b"some"), false)
                .expect("open");
            // the data frame goes out before the reset does
            tokio::task::yield_now().await;
            to.send_reset(h2::Reason::INTERNAL_ERROR);
        }
        "/wait" => {
            // until the client resets
            let _ = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
        }
        _ => {
            let authority = parts
                .uri
                .authority()
                .map(ToString::to_string)
                .unwrap_or_default();
            let text = format!("{} {authority} {path}", parts.method);
            match parts.method {
                http::Method::HEAD => {
                    let head = ok().header("content-length", text.len());
                    respond
                        .send_response(head.body(()).expect("a response"), true)
                        .map(|_| ())
                        .expect("open");
                }
                _ => send_whole(&mut respond, ok(), &text),
            }
        }
    }
}

fn send_whole(
    respond: &mut h2::server::SendResponse<Bytes>,
    response: http::response::Builder,
    body: &str,
) {
    let response = response.body(()).expect("a response");
    let mut to = respond.send_response(response, false).expect("open");
    to.send_data(Bytes::copy_from_slice(body.as_bytes()), true)
        .expect("open");
}

/// An HTTP/2 client on `io`: its sender, with the connection running in a task of its own.
pub async fn client2(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> h2::client::SendRequest<Bytes> {
    let mut builder = h2::client::Builder::new();
    builder
        .initial_window_size(1 << 20)
        .initial_connection_window_size(1 << 20);
    let (sender, connection) = builder.handshake(io).await.expect("HTTP/2");
    tokio::spawn(connection);
    sender.ready().await.expect("HTTP/2")
}

/// A response read whole.
pub struct Whole {
    pub response: Response<()>,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
}

/// Reads a response whole.
pub async fn read_whole(response: Response<h2::RecvStream>) -> Result<Whole, h2::Error> {
    let (parts, mut from) = response.into_parts();
    let mut body = Vec::new();
    while let Some(data) = from.data().await {
        let data = data?;
        from.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    let trailers = from.trailers().await?;
    Ok(Whole {
        response: Response::from_parts(parts, ()),
        body,
        trailers,
    })
}
