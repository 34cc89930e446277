//! Ports: taking them, and accepting from all of them in one loop.

mod mode;
mod original;
#[cfg(any(target_os = "macos", all(test, target_os = "linux")))]
#[cfg_attr(
    not(target_os = "macos"),
    expect(dead_code, reason = "only its bytes are tested")
)]
mod pf;

pub use mode::{Listen, Mode, ModeSpec, Reverse, Spoken};
pub(crate) use original::destination;

use crate::{error::Error, stream::keep_alive};
use socket2::{Domain, Protocol, Socket, Type};
use std::{future::poll_fn, io, net::SocketAddr, sync::Arc, task::Poll, time::Duration};
use tokio::net::{TcpListener, TcpStream};

/// Connections that wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 1024;
/// Without file descriptors, accepting again at once would only spin.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The ports of a proxy.
pub(crate) struct Listeners {
    listeners: Vec<(TcpListener, Arc<Mode>)>,
    /// Who is asked first next time: one busy port must not starve the others.
    next: usize,
}

impl Listeners {
    /// Takes every port, or none.
    pub(crate) fn bind(places: &[Listen]) -> Result<Self, Error> {
        let bound = places.iter().map(|place| {
            let address = place.address;
            // `[::]` takes IPv4 as well, unless `0.0.0.0` is asked for beside it
            let beside =
                |other: &Listen| other.address.is_ipv4() && other.address.port() == address.port();
            let only_v6 = places.iter().any(beside);
            let bound = bind(address, only_v6, &place.mode).map_err(|error| Error::Listen {
                address,
                reason: explain(address, &place.mode, &error),
            })?;
            Ok((bound, Arc::new(place.mode.clone())))
        });
        Ok(Self {
            listeners: bound.collect::<Result<_, _>>()?,
            next: 0,
        })
    }

    /// Where they listen, with the ports that the system chose.
    pub(crate) fn places(&self) -> Vec<Listen> {
        let place = |(listener, mode): &(TcpListener, Arc<Mode>)| {
            let address = listener.local_addr().ok()?;
            let mode = Mode::clone(mode);
            Some(Listen { address, mode })
        };
        self.listeners.iter().filter_map(place).collect()
    }

    /// The next connection, from any port, and what that is for.
    pub(crate) async fn accept(&mut self) -> (TcpStream, SocketAddr, Arc<Mode>) {
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

    async fn try_accept(&mut self) -> io::Result<(TcpStream, SocketAddr, Arc<Mode>)> {
        let count = self.listeners.len();
        let (at, accepted) = poll_fn(|cx| {
            for step in 0..count {
                let at = (self.next + step) % count;
                if let Some((listener, mode)) = self.listeners.get(at)
                    && let Poll::Ready(accepted) = listener.poll_accept(cx)
                {
                    let accepted = accepted.map(|(tcp, from)| (tcp, from, mode.clone()));
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

fn bind(address: SocketAddr, only_v6: bool, mode: &Mode) -> io::Result<TcpListener> {
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
    if *mode == Mode::Transparent {
        take_for_others(&socket, address);
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Connections to other addresses may be led here by TPROXY, where this program may ask for that; those that are led here
/// by REDIRECT come without.
#[cfg(target_os = "linux")]
fn take_for_others(socket: &Socket, address: SocketAddr) {
    let asked = match address {
        SocketAddr::V4(_) => socket.set_ip_transparent_v4(true),
        SocketAddr::V6(_) => socket.set_ip_transparent_v6(true),
    };
    if let Err(error) = asked {
        tracing::debug!(%error, "TPROXY cannot be used");
    }
}

#[cfg(not(target_os = "linux"))]
fn take_for_others(_: &Socket, _: SocketAddr) {}

fn explain(address: SocketAddr, mode: &Mode, error: &io::Error) -> String {
    let flag = match mode {
        Mode::Mixed => "--listen ADDRESS:PORT".to_owned(),
        mode => format!("--mode {mode}@ADDRESS:PORT"),
    };
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another program (perhaps another overhear) uses port {}: stop it, or choose another port with {flag}",
            address.port()
        ),
        io::ErrorKind::PermissionDenied => format!(
            "this user may not use port {}: choose one from 1024 up with {flag}",
            address.port()
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "this computer has no address {}: choose one it has (or 0.0.0.0 for all) with {flag}",
            address.ip()
        ),
        _ => format!("{error}: choose another address with {flag}"),
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

    fn any(text: &str) -> Listen {
        Listen {
            address: text.parse().expect("an address"),
            mode: Mode::Mixed,
        }
    }

    #[tokio::test]
    async fn accepts_from_every_port() {
        let mut listeners =
            Listeners::bind(&[any("127.0.0.1:0"), any("127.0.0.1:0")]).expect("ports");
        for Listen { address, .. } in listeners.places() {
            let client = TcpStream::connect(address).await.expect("connected");
            let (accepted, from, _) = listeners.accept().await;
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
        let taken = first.places();
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
