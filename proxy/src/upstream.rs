//! The way to a server: its name to addresses, the addresses to one TCP connection, itself or through another proxy.
//!
//! Addresses are checked before any of them is dialled, so whatever name leads to the proxy itself or to
//! its page is refused. Every step's time is written on the connection.

mod dial;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod guard;
mod mapped;
mod own;
mod peer;
mod resolve;
mod socks;
mod tunnel;
mod via;

pub(crate) use guard::{Guard, is_local};
pub use mapped::HostMap;
pub(crate) use own::Own;
pub(crate) use peer::MASK;
pub use peer::UpstreamRule;
pub(crate) use resolve::{Names, same_host};
pub(crate) use via::{Forward, Purpose, Reached, Via};

use crate::{engine::Engine, options::WayOptions, stream::Stream, target::Target};
use arc_swap::ArcSwap;
use bytes::BytesMut;
use overhear_store::{ConnectionRecorder, Failure, Timestamp};
use std::net::{IpAddr, SocketAddr};
use tokio::net::TcpStream;

/// What is known of the ways to servers.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    /// What must not be reached.
    pub(crate) guard: Guard,
    /// Names that were looked up.
    pub(crate) names: Names,
    /// The connections that were made.
    pub(crate) own: Own,
    /// What a person has set.
    pub(crate) set: ArcSwap<WayOptions>,
}

impl Ways {
    /// How `target` is reached where no rule says it.
    fn to(&self, target: &Target) -> Via {
        let set = self.set.load();
        if let Some(map) = set.mapped.iter().find(|map| map.is_for(&target.host)) {
            return map.via();
        }
        let rule = set.upstream.iter().find(|rule| rule.is_for(&target.host));
        rule.map_or(Via::Direct, |rule| rule.via.clone())
    }

    /// Refuses a target whose name alone says that it is this program: what a proxy elsewhere resolves cannot be known.
    fn guard_literal(&self, target: &Target) -> Result<(), Failure> {
        let host = target.host.trim_end_matches('.');
        let local = host.eq_ignore_ascii_case("localhost")
            || host.to_ascii_lowercase().ends_with(".localhost");
        let ip = match local {
            true => Some(IpAddr::from([127, 0, 0, 1])),
            false => host.parse().ok(),
        };
        match ip {
            Some(ip) => self
                .guard
                .check(target, &[SocketAddr::new(ip, target.port)]),
            None => Ok(()),
        }
    }
}

/// Reaches `target`, or says in words why not. `via`: a way that a rule says.
pub(crate) async fn reach(
    target: &Target,
    via: Option<&Via>,
    purpose: Purpose,
    engine: &Engine,
    connection: &ConnectionRecorder,
) -> Result<Reached, Failure> {
    let ways = &engine.ways;
    let chosen = via.cloned().unwrap_or_else(|| ways.to(target));
    connection.edit(|c| {
        c.host.clone_from(&target.host);
        c.port = target.port;
        c.via = None;
        c.mapped = None;
    });
    let place = match &chosen {
        Via::Proxy(peer) => {
            let reaching = peer.reach(target, purpose, ways, &engine.connector, connection);
            return Box::pin(reaching).await;
        }
        Via::Direct => target.clone(),
        Via::Address(host, port) => {
            let place = Target {
                scheme: target.scheme,
                host: host.clone(),
                port: port.unwrap_or(target.port),
            };
            if via.is_none() {
                connection.edit(|c| c.mapped = Some(place.to_string()));
            }
            place
        }
    };
    let (tcp, server) = tcp(&place, ways, connection).await?;
    Ok(Reached {
        io: Stream::Tcp(tcp),
        read: BytesMut::new(),
        server,
        forward: None,
    })
}

/// A TCP connection with `place`.
async fn tcp(
    place: &Target,
    ways: &Ways,
    connection: &ConnectionRecorder,
) -> Result<(TcpStream, SocketAddr), Failure> {
    connection.edit(|c| c.dns_start = Some(Timestamp::now()));
    let resolved = ways.names.resolve(place).await;
    let connect_start = Timestamp::now();
    connection.edit(|c| c.dns_done = Some(connect_start));
    let addresses = resolved?;
    ways.guard.check(place, &addresses)?;
    connection.edit(|c| {
        c.connect_start = Some(connect_start);
        c.server = addresses.first().copied();
    });
    let bind = ways.set.load().bind;
    let dialled = dial::dial(place, &addresses, bind, &ways.own).await;
    let dial::Dialled { tcp, server, local } = dialled.inspect_err(|_| ways.names.forget(place))?;
    connection.edit(|c| {
        c.connected = Some(Timestamp::now());
        c.server = Some(server);
        c.upstream_local = Some(local);
    });
    Ok((tcp, server))
}
