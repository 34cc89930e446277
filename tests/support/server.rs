//! Servers that say exactly what a test wants, byte by byte, where nginx would be too polite.

use super::{http, http::Message, wire, wire::Stream};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

/// A server on a port of its own, one thread a connection. Stops when dropped.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Message>>>,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Hands every connection to `serve`, after the TLS handshake when there is a configuration.
    /// A handshake that fails ends the connection.
    pub fn new(
        tls: Option<Arc<ServerConfig>>,
        serve: impl Fn(Box<dyn Stream>) + Send + Sync + 'static,
    ) -> Self {
        Self::on("127.0.0.1:0", tls, serve)
    }

    /// [`new`](Self::new) on a given address.
    pub fn on(
        address: &str,
        tls: Option<Arc<ServerConfig>>,
        serve: impl Fn(Box<dyn Stream>) + Send + Sync + 'static,
    ) -> Self {
        let serve = Arc::new(serve);
        Self::sockets(address, move |socket| {
            let (tls, serve) = (tls.clone(), serve.clone());
            std::thread::spawn(move || {
                wire::bounded(&socket);
                match tls {
                    None => serve(Box::new(socket)),
                    Some(config) => {
                        let connection = ServerConnection::new(config).unwrap();
                        let mut stream = StreamOwned::new(connection, socket);
                        while stream.conn.is_handshaking() {
                            if stream.conn.complete_io(&mut stream.sock).is_err() {
                                return;
                            }
                        }
                        serve(Box::new(stream));
                    }
                }
            });
        })
    }

    /// Reads request after request on every connection, keeps them, and sends the bytes that
    /// `answer` makes; closes when the answer says `Connection: close` or is empty.
    pub fn answering(
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self::answering_on("127.0.0.1:0", tls, answer)
    }

    /// [`answering`](Self::answering) on a given address.
    pub fn answering_on(
        address: &str,
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        let mut server = Self::on(address, tls, move |mut stream| {
            while let Ok(Some(request)) = http::read_request(&mut *stream) {
                let reply = answer(&request);
                seen.lock().unwrap().push(request);
                let sent = stream.write_all(&reply).and_then(|()| stream.flush());
                let head = String::from_utf8_lossy(&reply).to_ascii_lowercase();
                let last = head
                    .split("\r\n\r\n")
                    .next()
                    .unwrap()
                    .contains("connection: close");
                if sent.is_err() || reply.is_empty() || last {
                    break;
                }
            }
            stream.finish();
            // Closing with unread bytes would reset the connection under the answer.
            wire::read_rest(&mut *stream);
        });
        server.requests = requests;
        server
    }

    /// Swallows uploads and answers with their SHA-256 and size, as `HASH SIZE`.
    pub fn sink(tls: Option<Arc<ServerConfig>>) -> Self {
        Self::new(tls, |mut stream| {
            while let Ok(Some(head)) = http::read_head(&mut *stream) {
                let fields = http::fields(&head);
                let field = |name: &str| {
                    fields
                        .iter()
                        .find(|(n, _)| n.eq_ignore_ascii_case(name))
                        .map(|(_, v)| v)
                };
                if field("expect").is_some() {
                    stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
                }
                let (hash, size) = match field("content-length") {
                    Some(length) => super::sha256((&mut *stream).take(length.parse().unwrap())),
                    None => super::sha256(http::Chunked::new(&mut *stream)),
                };
                let body = format!("{hash} {size}");
                let length = body.len();
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
                if stream
                    .write_all(answer.as_bytes())
                    .and_then(|()| stream.flush())
                    .is_err()
                {
                    break;
                }
            }
        })
    }

    /// Leads each client to what `far` dials, and passes on one byte at a time of what it says.
    pub fn trickling(far: impl Fn() -> TcpStream + Send + Sync + 'static) -> Self {
        Self::new(None, move |mut near| {
            let mut far = far();
            far.set_nodelay(true).unwrap();
            let mut back = far.try_clone().unwrap();
            let mut near_write = near.socket().try_clone().unwrap();
            let returning = std::thread::spawn(move || {
                std::io::copy(&mut back, &mut near_write).ok();
                near_write.finish();
            });
            let mut byte = [0];
            while let Ok(1) = near.read(&mut byte) {
                if far.write_all(&byte).is_err() {
                    break;
                }
            }
            far.finish();
            returning.join().unwrap();
        })
    }

    /// The requests so far, of an [`answering`](Self::answering) server.
    pub fn requests(&self) -> Vec<Message> {
        self.requests.lock().unwrap().clone()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    fn sockets(address: &str, accepted: impl Fn(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let accepting = std::thread::spawn(move || {
            while let Ok((socket, _)) = listener.accept() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                accepted(socket);
            }
        });
        Self {
            address,
            requests: Arc::default(),
            stop,
            accepting: Some(accepting),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // The accepting thread looks at the flag when someone knocks.
        if TcpStream::connect(self.address).is_ok()
            && let Some(thread) = self.accepting.take()
        {
            let _ = thread.join();
        }
    }
}

/// A response with a length.
pub fn response(status: &str, fields: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut head = format!("HTTP/1.1 {status}\r\n");
    for field in fields {
        head.push_str(field);
        head.push_str("\r\n");
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    [head.as_bytes(), body].concat()
}

/// An address on which nothing listens, as long as the tests run.
pub fn closed_port() -> SocketAddr {
    super::system::closed_port()
}

/// An address that was free a moment ago, to listen on.
pub fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}
