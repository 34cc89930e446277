//! Whom a connection was for, before the system led it here.

use crate::engine::canonical;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// The address that the client dialled. `local` is our end, which with TPROXY is that address. None where the system does
/// not say.
#[cfg(target_os = "linux")]
pub(crate) fn destination(tcp: &TcpStream, local: SocketAddr) -> Option<SocketAddr> {
    let socket = socket2::SockRef::from(tcp);
    // what netfilter has made of a connection, it knows by the address before (SO_ORIGINAL_DST)
    let original = match local {
        SocketAddr::V4(_) => socket.original_dst_v4(),
        SocketAddr::V6(_) => socket.original_dst_v6(),
    };
    let original = original.ok().and_then(|address| address.as_socket());
    Some(original.map_or(local, canonical))
}

/// The address that the client dialled. `local` is our end.
#[cfg(target_os = "macos")]
pub(crate) fn destination(tcp: &TcpStream, local: SocketAddr) -> Option<SocketAddr> {
    let client = canonical(tcp.peer_addr().ok()?);
    let asked = super::pf::asked(client, local);
    if let Err(error) = &asked {
        tracing::debug!(%error, "pf does not say whom a connection was for");
    }
    asked.ok().map(canonical)
}

/// The address that the client dialled.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(crate) fn destination(_: &TcpStream, _: SocketAddr) -> Option<SocketAddr> {
    None
}
