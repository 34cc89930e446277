//! Other proxies, for those who come with the user `u` and the password `p`: HTTP, and SOCKS5 (RFC 1928, RFC 1929).

use super::{Server, http};
use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// The server, and what it was asked for: `NAME:PORT`, names as they came.
pub struct Socks {
    /// It listens here.
    pub server: Server,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Socks {
    /// Leads to `localhost` whatever name it is asked for.
    pub fn start() -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let list = asked.clone();
        let server = Server::new(None, move |mut client| {
            let Ok(target) = greet(&mut *client) else {
                return;
            };
            list.lock().unwrap().push(target.clone());
            let port = target.rsplit(':').next().unwrap();
            let Ok(server) = TcpStream::connect(format!("127.0.0.1:{port}")) else {
                // 5: refused
                let _ = client.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]);
                return;
            };
            client
                .write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 80])
                .unwrap();
            join(client.socket(), server);
        });
        Self { server, asked }
    }

    /// What it was asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn greet(client: &mut dyn super::wire::Stream) -> io::Result<String> {
    let mut two = [0; 2];
    client.read_exact(&mut two)?;
    let mut methods = vec![0; usize::from(two[1])];
    client.read_exact(&mut methods)?;
    if !methods.contains(&2) {
        client.write_all(&[5, 0xff])?;
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    client.write_all(&[5, 2])?;
    let mut login = [0; 5];
    client.read_exact(&mut login)?;
    let good = &login == b"\x01\x01u\x01p";
    client.write_all(&[1, u8::from(!good)])?;
    if !good {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut head = [0; 4];
    client.read_exact(&mut head)?;
    assert_eq!(head[..3], [5, 1, 0]);
    let length = match head[3] {
        1 => 4,
        4 => 16,
        _ => {
            let mut length = [0; 1];
            client.read_exact(&mut length)?;
            usize::from(length[0])
        }
    };
    let mut name = vec![0; length];
    client.read_exact(&mut name)?;
    let mut port = [0; 2];
    client.read_exact(&mut port)?;
    let name = match head[3] {
        3 => String::from_utf8(name).unwrap(),
        _ => format!("{name:?}"),
    };
    Ok(format!("{name}:{}", u16::from_be_bytes(port)))
}

/// Bytes both ways, until both sides have closed.
pub fn join(client: &TcpStream, server: TcpStream) {
    let (mut up, mut down) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let (mut from_client, mut from_server) = (client.try_clone().unwrap(), server);
    let back = thread::spawn(move || {
        // whichever side ends it
        let _ = io::copy(&mut from_server, &mut down);
        let _ = down.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut from_client, &mut up);
    let _ = up.shutdown(Shutdown::Write);
    back.join().unwrap();
}

/// An HTTP proxy that makes tunnels and takes requests in absolute form, one a connection.
pub fn http_proxy() -> Server {
    Server::new(None, |mut client| {
        let Ok(Some(head)) = http::read_head(&mut *client) else {
            return;
        };
        let text = String::from_utf8(head).unwrap();
        const LOGIN: &str = "Proxy-Authorization: Basic dTpw\r\n";
        if !text.contains(LOGIN) {
            let refusal =
                "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n";
            client.write_all(refusal.as_bytes()).unwrap();
            return;
        }
        let (method, rest) = text.split_once(' ').unwrap();
        let target = rest.split(' ').next().unwrap();
        let authority = target
            .trim_start_matches("http://")
            .split('/')
            .next()
            .unwrap();
        let port = authority.rsplit(':').next().unwrap();
        let mut server = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        match method {
            "CONNECT" => client.write_all(b"HTTP/1.1 200 There\r\n\r\n").unwrap(),
            _ => {
                assert!(target.starts_with("http://"), "{text}");
                let text = text.replace(LOGIN, "Connection: close\r\n");
                let text = text.replacen(&format!("http://{authority}"), "", 1);
                server.write_all(text.as_bytes()).unwrap();
            }
        }
        join(client.socket(), server);
    })
}
