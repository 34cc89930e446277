//! Linux: the system is asked for the socket of each connection (sock_diag(7)), and `/proc/PID/fd` names the sockets of
//! processes (proc(5)).

use super::{App, Pair, in_order};
use procfs::process::{FDTarget, Process};
use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType,
        netlink::{self, SocketAddrNetlink},
        recv, sendto, socket_with,
    },
};
use std::{
    collections::{HashMap, HashSet},
    fs,
    net::{IpAddr, SocketAddr},
};

pub(super) const KNOWS: bool = true;

/// How much of its name the kernel keeps of a process (`TASK_COMM_LEN` without the end).
const KEPT: usize = 15;

/// The programs that have these connections, so far as this user may know them.
pub(super) fn find(pairs: &HashSet<Pair>, recent: &[u32]) -> Vec<(Pair, App)> {
    let mut sockets = sockets(pairs).unwrap_or_else(|error| {
        tracing::debug!(%error, "the system does not tell sockets");
        HashMap::new()
    });
    let mut found = Vec::new();
    if sockets.is_empty() {
        return found;
    }
    for pid in in_order(processes, recent) {
        let process = i32::try_from(pid)
            .ok()
            .and_then(|pid| Process::new(pid).ok());
        // a process that has ended, or is not ours to look into
        let Some((process, files)) = process.and_then(|p| p.fd().ok().map(|files| (p, files)))
        else {
            continue;
        };
        for file in files.flatten() {
            if let FDTarget::Socket(inode) = file.target
                && let Some(pair) = sockets.get(&inode)
                && let Some(name) = name(&process)
            {
                found.push((*pair, App { name, pid }));
                sockets.remove(&inode);
            }
        }
        if sockets.is_empty() {
            break;
        }
    }
    found
}

/// Whether a program has the client's socket of a connection; none when the system does not tell.
pub(super) fn has_program(pair: Pair) -> Option<bool> {
    let asked = ask().ok()?;
    let (client, local) = pair;
    // our own is there: where it is not told, neither is the client's
    inode(&asked, (local, client)).ok()??;
    Some(inode(&asked, pair).ok()?.is_some())
}

/// The numbers of all processes.
fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The clients' sockets of connections, by their inodes.
fn sockets(pairs: &HashSet<Pair>) -> Result<HashMap<u64, Pair>, Errno> {
    let asked = ask()?;
    let mut sockets = HashMap::new();
    for pair in pairs {
        if let Some(inode) = inode(&asked, *pair)? {
            sockets.insert(inode, *pair);
        }
    }
    Ok(sockets)
}

/// Opens the way to ask about sockets.
fn ask() -> Result<OwnedFd, Errno> {
    let (kind, flags) = (SocketType::DGRAM, SocketFlags::CLOEXEC);
    socket_with(
        AddressFamily::NETLINK,
        kind,
        flags,
        Some(netlink::SOCK_DIAG),
    )
}

/// Asks for one socket: `inet_diag_req_v2` of `linux/inet_diag.h` behind an `nlmsghdr`, answered with an `inet_diag_msg`.
/// Numbers are in the machine's order, addresses and ports in the network's.
fn inode(asked: &OwnedFd, (client, local): Pair) -> Result<Option<u64>, Errno> {
    const LENGTH: u32 = 72;
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const NLM_F_REQUEST: u16 = 1;
    const TCP: u8 = 6;
    const ANY_STATE: u32 = u32::MAX;
    // where the inode stands in an answer
    const INODE: usize = 16 + 68;

    let family = if client.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let mut request = Vec::with_capacity(LENGTH as usize);
    request.extend(LENGTH.to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(NLM_F_REQUEST.to_ne_bytes());
    request.extend([0; 8]);
    request.extend([u8::try_from(family.as_raw()).unwrap_or(0), TCP, 0, 0]);
    request.extend(ANY_STATE.to_ne_bytes());
    request.extend(client.port().to_be_bytes());
    request.extend(local.port().to_be_bytes());
    request.extend(address(client));
    request.extend(address(local));
    // any interface, and no cookie
    request.extend([0; 4]);
    request.extend([0xff; 8]);
    sendto(
        asked,
        &request,
        SendFlags::empty(),
        &SocketAddrNetlink::new(0, 0),
    )?;

    let mut answer = [0; 512];
    let (length, _) = recv(asked, &mut answer[..], RecvFlags::empty())?;
    let answer = answer.get(..length).unwrap_or_default();
    // anything else says that there is no such socket
    if answer.get(4..6) != Some(&SOCK_DIAG_BY_FAMILY.to_ne_bytes()[..]) {
        return Ok(None);
    }
    let inode = answer
        .get(INODE..INODE + 4)
        .and_then(|bytes| bytes.try_into().ok());
    // a socket that waits for its end has no file any more
    Ok(inode
        .map(u32::from_ne_bytes)
        .filter(|inode| *inode != 0)
        .map(u64::from))
}

/// An address in the room of one of IPv6.
fn address(address: SocketAddr) -> [u8; 16] {
    match address.ip() {
        IpAddr::V4(four) => {
            let mut room = [0; 16];
            room.iter_mut()
                .zip(four.octets())
                .for_each(|(to, from)| *to = from);
            room
        }
        IpAddr::V6(six) => six.octets(),
    }
}

/// What a process is called. The kernel cuts names off; then the name of the file says the rest.
fn name(process: &Process) -> Option<String> {
    let short = process.stat().ok()?.comm;
    if short.len() < KEPT {
        return Some(short);
    }
    let file = process.exe().ok();
    let file = file.as_deref().and_then(|path| path.file_name()?.to_str());
    match file {
        Some(file) if file.starts_with(&short) => {
            Some(file.trim_end_matches(" (deleted)").to_owned())
        }
        _ => Some(short),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Shutdown, TcpListener, TcpStream};

    #[test]
    fn a_client_that_has_closed_all_is_told_from_one_that_listens() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                // a system without IPv6
                continue;
            };
            let local = listener
                .local_addr()
                .unwrap_or_else(|error| panic!("{error}"));
            let client = TcpStream::connect(local).unwrap_or_else(|error| panic!("{error}"));
            let (_ours, from) = listener.accept().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(has_program((from, local)), Some(true));
            client
                .shutdown(Shutdown::Write)
                .unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(has_program((from, local)), Some(true), "it listens");
            drop(client);
            assert_eq!(has_program((from, local)), Some(false));
            drop(_ours);
            drop(listener);
            assert_eq!(has_program((from, local)), None, "nothing is known of it");
        }
    }
}
