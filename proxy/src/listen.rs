//! Ports: taking them, and accepting from all of them in one loop.

use crate::{error::Error, stream::keep_alive};
use socket2::{Domain, Protocol, Socket, Type};
use std::{future::poll_fn, io, net::SocketAddr, task::Poll, time::Duration};
use tokio::net::{TcpListener, TcpStream};

/// Connections that wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 1024;
/// Without file descriptors, accepting again at once would only spin.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The ports of a proxy.
pub(crate) struct Listeners {
    listeners: Vec<TcpListener>,
    /// Who is asked first next time: one busy port must not starve the others.
    next: usize,
}

impl Listeners {
    /// Takes every port, or none.
    pub(crate) fn bind(addresses: &[SocketAddr]) -> Result<Self, Error> {
        let bound = addresses.iter().map(|address| {
            // `[::]` takes IPv4 as well, unless `0.0.0.0` is asked for beside it
            let beside = |other: &SocketAddr| other.is_ipv4() && other.port() == address.port();
            let only_v6 = addresses.iter().any(beside);
            bind(*address, only_v6).map_err(|error| Error::Listen {
                address: *address,
                reason: explain(*address, &error),
            })
        });
        Ok(Self {
            listeners: bound.collect::<Result<_, _>>()?,
            next: 0,
        })
    }

    /// Where they listen, with the ports that the system chose.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let addresses = self.listeners.iter().map(TcpListener::local_addr);
        addresses.filter_map(Result::ok).collect()
    }

    /// The next connection, from any port.
    pub(crate) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.try_accept().await {
                Ok(accepted) => {
                    keep_alive(&accepted.0);
                    return accepted;
                }
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(BACK_OFF).await;
                }
            }
        }
    }

    async fn try_accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let count = self.listeners.len();
        let (at, accepted) = poll_fn(|cx| {
            for step in 0..count {
                let at = (self.next + step) % count;
                if let Some(listener) = self.listeners.get(at)
                    && let Poll::Ready(accepted) = listener.poll_accept(cx)
                {
                    return Poll::Ready((at, accepted));
                }
            }
            Poll::Pending
        })
        .await;
        self.next = at + 1;
        accepted
    }
}

fn bind(address: SocketAddr, only_v6: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    // connections of an earlier run that linger do not keep the port; on Windows it would mean something else
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn explain(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another program (perhaps another overhear) uses port {}: stop it, or choose another port with --listen ADDRESS:PORT",
            address.port()
        ),
        io::ErrorKind::PermissionDenied => format!(
            "this user may not use port {}: choose one from 1024 up with --listen ADDRESS:PORT",
            address.port()
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "this computer has no address {}: choose one it has (or 0.0.0.0 for all) with --listen ADDRESS:PORT",
            address.ip()
        ),
        _ => format!("{error}: choose another address with --listen ADDRESS:PORT"),
    }
}

/// The client went away before it was accepted; nothing is wrong here.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[tokio::test]
    async fn accepts_from_every_port() {
        let mut listeners =
            Listeners::bind(&[any("127.0.0.1:0"), any("127.0.0.1:0")]).expect("ports");
        for address in listeners.addresses() {
            let client = TcpStream::connect(address).await.expect("connected");
            let (accepted, from) = listeners.accept().await;
            assert_eq!(from, client.local_addr().expect("bound"));
            assert_eq!(accepted.local_addr().expect("bound"), address);
            let socket = socket2::SockRef::from(&accepted);
            assert!(socket.keepalive().expect("an option"), "it is probed");
            let after = socket.tcp_keepalive_time().expect("an option");
            assert_eq!(after, Duration::from_secs(60));
        }
    }

    #[tokio::test]
    async fn a_port_in_use_in_words() {
        let first = Listeners::bind(&[any("127.0.0.1:0")]).expect("a port");
        let taken = first.addresses();
        let error = Listeners::bind(&taken).err().expect("taken").to_string();
        assert!(error.contains("another program"), "{error}");
        assert!(error.contains("--listen"), "{error}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_in_words() {
        let error = Listeners::bind(&[any("192.0.2.1:0")])
            .err()
            .expect("not ours");
        assert!(
            error.to_string().contains("no address 192.0.2.1"),
            "{error}"
        );
    }
}
