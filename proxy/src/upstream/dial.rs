//! Addresses to one TCP connection: a new attempt every 250 ms or when one fails, the first that stands wins
//! (RFC 8305 section 5).

use super::Own;
use crate::{stream::keep_alive, target::Target, words::failed};
use futures_util::{StreamExt, stream::FuturesUnordered};
use overhear_store::{Failure, FailureCause, Party};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::Instant,
};

/// Until the next address is tried beside those under way.
const STAGGER: Duration = Duration::from_millis(250);
/// For all attempts together.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that stands.
#[derive(Debug)]
pub(super) struct Dialled {
    pub(super) tcp: TcpStream,
    /// Whom it reaches.
    pub(super) server: SocketAddr,
    /// Our own end of it.
    pub(super) local: SocketAddr,
}

/// Connects to the first address that answers, from `bind` where that is given; `own` is told.
pub(super) async fn dial(
    target: &Target,
    addresses: &[SocketAddr],
    bind: Option<IpAddr>,
    own: &Own,
) -> Result<Dialled, Failure> {
    let mut addresses = interleave(addresses);
    if let Some(from) = bind {
        addresses.retain(|address| address.is_ipv4() == from.is_ipv4());
        if addresses.is_empty() {
            let family = if from.is_ipv4() { "IPv4" } else { "IPv6" };
            return Err(failure(
                FailureCause::Unreachable,
                format!(
                    "{target} has no {family} address, and connections are to be made from {from} (--bind)"
                ),
            ));
        }
    }
    let mut failed: Option<(SocketAddr, io::Error)> = None;
    match tokio::time::timeout(PATIENCE, race(&addresses, bind, own, &mut failed)).await {
        Ok(Some(won)) => Ok(won),
        Ok(None) => Err(match failed {
            // nobody has the address to begin from, or not any more
            Some((_, error))
                if bind.is_some() && error.kind() == io::ErrorKind::AddrNotAvailable =>
            {
                let from = bind.map(|ip| ip.to_string()).unwrap_or_default();
                failure(
                    FailureCause::Unreachable,
                    format!(
                        "connections to servers are to be made from {from} (--bind), which is no address of this computer: name one that it has"
                    ),
                )
            }
            Some((address, error)) => explain(target, address, &error),
            None => failure(FailureCause::Dns, format!("{target} has no address")),
        }),
        Err(_) => Err(failure(
            FailureCause::Timeout,
            format!(
                "{} did not answer within {} seconds: the server is down, or a firewall drops what is sent to it",
                place(target, addresses.first()),
                PATIENCE.as_secs()
            ),
        )),
    }
}

/// Runs the attempts; none when all failed, and then `failed` holds the failure that says most.
async fn race(
    addresses: &[SocketAddr],
    bind: Option<IpAddr>,
    own: &Own,
    failed: &mut Option<(SocketAddr, io::Error)>,
) -> Option<Dialled> {
    let mut waiting = addresses.iter().copied();
    let mut running = FuturesUnordered::new();
    let mut next_at = Instant::now();
    loop {
        // a timer that has run out already would still cost a tick of the clock
        if next_at <= Instant::now() {
            running.extend(waiting.next().map(|address| attempt(address, bind, own)));
            next_at = Instant::now() + STAGGER;
        }
        let more = waiting.len() > 0;
        if running.is_empty() && !more {
            return None;
        }
        tokio::select! {
            () = tokio::time::sleep_until(next_at), if more => {}
            Some((address, result)) = running.next() => match result {
                Ok(dialled) => return Some(dialled),
                Err(error) => {
                    if failed.as_ref().is_none_or(|(_, old)| tells(&error) > tells(old)) {
                        *failed = Some((address, error));
                    }
                    next_at = Instant::now();
                }
            },
        }
    }
}

async fn attempt(
    address: SocketAddr,
    bind: Option<IpAddr>,
    own: &Own,
) -> (SocketAddr, io::Result<Dialled>) {
    let under_way = own.begin(address);
    let result = connect(address, bind).await.and_then(|tcp| {
        let local = tcp.local_addr()?;
        // connecting to a free port of this machine can meet itself: nobody listens there
        if local.port() == address.port() && local == tcp.peer_addr()? {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        under_way.stands(local);
        tcp.set_nodelay(true)?;
        keep_alive(&tcp);
        Ok(Dialled {
            tcp,
            server: address,
            local,
        })
    });
    (address, result)
}

async fn connect(address: SocketAddr, bind: Option<IpAddr>) -> io::Result<TcpStream> {
    let Some(from) = bind else {
        return TcpStream::connect(address).await;
    };
    let socket = match from {
        IpAddr::V4(_) => TcpSocket::new_v4()?,
        IpAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(address).await
}

/// The families in turn, each in the order given.
fn interleave(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let v6_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .iter()
        .copied()
        .partition(|a| a.is_ipv6() == v6_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = Vec::with_capacity(addresses.len());
    loop {
        let pair = (first.next(), second.next());
        if pair == (None, None) {
            return mixed;
        }
        mixed.extend(pair.0);
        mixed.extend(pair.1);
    }
}

/// How much a failed attempt says about the server: that it refused says more than that there is no way to it.
fn tells(error: &io::Error) -> u8 {
    match cause(error) {
        FailureCause::Refused => 3,
        FailureCause::Timeout | FailureCause::Reset => 2,
        FailureCause::Unreachable => 1,
        _ => 0,
    }
}

fn cause(error: &io::Error) -> FailureCause {
    use io::ErrorKind::*;
    match error.kind() {
        ConnectionRefused => FailureCause::Refused,
        ConnectionReset | ConnectionAborted => FailureCause::Reset,
        TimedOut => FailureCause::Timeout,
        HostUnreachable | NetworkUnreachable | NetworkDown | AddrNotAvailable
        | PermissionDenied | InvalidInput => FailureCause::Unreachable,
        _ => FailureCause::Other,
    }
}

fn explain(target: &Target, address: SocketAddr, error: &io::Error) -> Failure {
    let place = place(target, Some(&address));
    let cause = cause(error);
    let text = match cause {
        FailureCause::Refused => format!(
            "{place} refused the connection: no program listens there, or a firewall refuses"
        ),
        FailureCause::Reset => format!("{place} reset the connection while it was made"),
        FailureCause::Timeout => format!(
            "{place} did not answer: the server is down, or a firewall drops what is sent to it"
        ),
        FailureCause::Unreachable => format!(
            "{place} cannot be reached ({error}): check this computer's network, VPN and firewall"
        ),
        _ => format!("cannot connect to {place}: {error}"),
    };
    failure(cause, text)
}

/// `example.com:443 (192.0.2.1)`, or the address alone when the client gave one.
fn place(target: &Target, address: Option<&SocketAddr>) -> String {
    match address.map(|a| a.ip().to_string()) {
        Some(ip) if ip != target.host => format!("{target} ({ip})"),
        _ => target.to_string(),
    }
}

fn failure(cause: FailureCause, text: String) -> Failure {
    failed(cause, Party::Server, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Scheme;
    use tokio::net::TcpListener;

    fn target(port: u16) -> Target {
        Target {
            scheme: Scheme::Http,
            host: "a.test".to_owned(),
            port,
        }
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        let parse = |t: &&str| t.parse().expect("an address");
        texts.iter().map(parse).collect()
    }

    #[test]
    fn families_in_turn() {
        let mixed = interleave(&addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"]));
        assert_eq!(
            mixed,
            addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"])
        );
        let mixed = interleave(&addresses(&["1.1.1.1:1", "[::1]:1"]));
        assert_eq!(mixed, addresses(&["1.1.1.1:1", "[::1]:1"]));
        assert!(interleave(&[]).is_empty());
    }

    #[tokio::test]
    async fn the_next_address_after_a_refusal() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let good = listener.local_addr().expect("bound");
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let refusing = free.local_addr().expect("bound");
        drop(free);
        let begun = std::time::Instant::now();
        let dialled = dial(
            &target(80),
            &[refusing, refusing, good],
            None,
            &Own::default(),
        )
        .await
        .expect("reached");
        assert_eq!(dialled.server, good);
        assert_eq!(dialled.local, dialled.tcp.local_addr().expect("connected"));
        assert!(dialled.tcp.nodelay().expect("an option"));
        let socket = socket2::SockRef::from(&dialled.tcp);
        assert!(socket.keepalive().expect("an option"), "it is probed");
        assert!(begun.elapsed() < STAGGER, "a refusal is not waited out");
    }

    #[tokio::test]
    async fn a_refusal_in_words() {
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = free.local_addr().expect("bound");
        drop(free);
        let failure = dial(&target(address.port()), &[address], None, &Own::default())
            .await
            .expect_err("refused");
        assert_eq!(failure.cause, FailureCause::Refused);
        assert!(failure.text.contains("a.test:"), "{}", failure.text);
        assert!(failure.text.contains("(127.0.0.1)"), "{}", failure.text);
    }

    #[tokio::test]
    async fn from_an_address_of_a_persons_choice() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let good = listener.local_addr().expect("bound");
        let from = |text: &str| Some(text.parse().expect("an address"));
        let own = Own::default();
        let dialled = dial(&target(80), &[good], from("127.0.0.7"), &own).await;
        if cfg!(target_os = "linux") {
            // the whole of 127.0.0.0/8 is this computer
            assert_eq!(
                dialled.expect("reached").local.ip().to_string(),
                "127.0.0.7"
            );
        }
        for (ip, told) in [
            ("192.0.2.1", "no address of this computer"),
            ("::1", "no IPv6 address"),
        ] {
            let failure = dial(&target(80), &[good], from(ip), &own).await;
            let failure = failure.expect_err("not from there");
            assert_eq!(failure.cause, FailureCause::Unreachable);
            assert!(failure.text.contains(told), "{}", failure.text);
        }
    }

    #[test]
    fn the_failure_that_says_most() {
        let kinds = [
            io::ErrorKind::Other,
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::TimedOut,
            io::ErrorKind::ConnectionRefused,
        ];
        let said: Vec<_> = kinds.iter().map(|k| tells(&(*k).into())).collect();
        assert_eq!(said, [0, 1, 2, 3]);
    }
}
