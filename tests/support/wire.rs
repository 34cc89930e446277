//! A client that writes and reads bytes through the proxy, with or without TLS.

use super::{PATIENCE, certs, http};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::Arc,
};

/// Bytes in both directions.
pub trait Stream: Read + Write + Send {
    /// The socket below.
    fn socket(&self) -> &TcpStream;
    /// Ends our sending side properly.
    fn finish(&mut self) {
        let _ = self.flush();
        let _ = self.socket().shutdown(Shutdown::Write);
    }
    /// Closes with RST instead of FIN.
    fn reset(self: Box<Self>);
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
    fn reset(self: Box<Self>) {
        super::system::linger_zero(&self);
    }
}

impl Stream for StreamOwned<ClientConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }
    fn finish(&mut self) {
        self.conn.send_close_notify();
        let _ = self.flush();
        let _ = self.sock.shutdown(Shutdown::Write);
    }
    fn reset(self: Box<Self>) {
        super::system::linger_zero(&self.sock);
    }
}

impl Stream for StreamOwned<rustls::ServerConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }
    fn finish(&mut self) {
        self.conn.send_close_notify();
        let _ = self.flush();
        let _ = self.sock.shutdown(Shutdown::Write);
    }
    fn reset(self: Box<Self>) {
        super::system::linger_zero(&self.sock);
    }
}

/// Connects; every read and write is bounded.
pub fn dial(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    bounded(&stream);
    stream
}

/// Bounds every read and write of a socket.
pub fn bounded(stream: &TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
}

/// Asks the proxy for a tunnel and insists on getting it.
pub fn tunnel(proxy: SocketAddr, authority: &str) -> TcpStream {
    let (stream, answer) = connect(proxy, authority);
    assert_eq!(
        answer.status(),
        200,
        "CONNECT {authority}: {}",
        answer.head_text()
    );
    stream
}

/// Asks the proxy for a tunnel.
pub fn connect(proxy: SocketAddr, authority: &str) -> (TcpStream, http::Message) {
    let mut stream = dial(proxy);
    write!(
        stream,
        "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n"
    )
    .unwrap();
    let mut answer = http::read_response_head(&mut stream).unwrap();
    if answer.status() != 200
        && let Some(length) = answer.field("content-length")
    {
        answer.body.resize(length.parse().unwrap(), 0);
        stream.read_exact(&mut answer.body).unwrap();
    }
    (stream, answer)
}

/// Speaks TLS over a stream, trusting `roots` (PEM); fails as the handshake fails.
pub fn try_tls(
    stream: TcpStream,
    name: &str,
    roots: &str,
    alpn: &[&str],
) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut store = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(roots.as_bytes()) {
        store.add(root.unwrap()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(certs::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = name.to_owned().try_into().unwrap();
    let mut stream = StreamOwned::new(
        ClientConnection::new(Arc::new(config), name).unwrap(),
        stream,
    );
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// [`try_tls`], and it must work.
pub fn tls(
    stream: TcpStream,
    name: &str,
    roots: &str,
    alpn: &[&str],
) -> StreamOwned<ClientConnection, TcpStream> {
    try_tls(stream, name, roots, alpn).unwrap()
}

/// Sends a request in absolute form (or whatever it is) and reads the final response.
pub fn exchange(proxy: SocketAddr, request: impl AsRef<[u8]>) -> http::Message {
    let mut stream = dial(proxy);
    stream.write_all(request.as_ref()).unwrap();
    http::read_response(&mut stream).unwrap()
}

/// Everything until the other side closes; a reset counts as the end.
pub fn read_rest(stream: &mut (impl Read + ?Sized)) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 65536];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        all.extend_from_slice(&buffer[..n]);
    }
    all
}
