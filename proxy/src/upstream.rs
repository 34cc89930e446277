//! The way to a server: its name to addresses, the addresses to one TCP connection.
//!
//! Addresses are checked before any of them is dialled, so whatever name leads to the proxy itself or to
//! its page is refused. Every step's time is written on the connection.

mod dial;
mod guard;
mod own;
mod resolve;
mod via;

pub(crate) use guard::{Guard, is_local};
pub(crate) use own::Own;
pub(crate) use resolve::{Names, same_host};
pub(crate) use via::Via;

use crate::target::Target;
use overhear_store::{ConnectionRecorder, Failure, Timestamp};
use std::net::SocketAddr;
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
}

/// Reaches `target`, or says in words why not.
pub(crate) async fn reach(
    target: &Target,
    ways: &Ways,
    connection: &ConnectionRecorder,
) -> Result<(TcpStream, SocketAddr), Failure> {
    connection.edit(|c| {
        c.host.clone_from(&target.host);
        c.port = target.port;
        c.dns_start = Some(Timestamp::now());
    });
    let resolved = ways.names.resolve(target).await;
    let connect_start = Timestamp::now();
    connection.edit(|c| c.dns_done = Some(connect_start));
    let addresses = resolved?;
    ways.guard.check(target, &addresses)?;
    connection.edit(|c| {
        c.connect_start = Some(connect_start);
        c.server = addresses.first().copied();
    });
    let dialled = dial::dial(target, &addresses, &ways.own).await;
    let dial::Dialled { tcp, server, local } =
        dialled.inspect_err(|_| ways.names.forget(target))?;
    connection.edit(|c| {
        c.connected = Some(Timestamp::now());
        c.server = Some(server);
        c.upstream_local = Some(local);
    });
    Ok((tcp, server))
}
