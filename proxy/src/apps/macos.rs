//! macOS: libproc(3) tells the files of processes, and of sockets their addresses.
#![expect(
    unsafe_code,
    reason = "what the system says of a socket is a union, whose kind it says beside it"
)]

use super::{App, Pair, SocketAddr, in_order};
use libproc::{
    bsd_info::BSDInfo,
    file_info::{ListFDs, ProcFDType, pidfdinfo},
    net_info::{InSIAddr, SocketFDInfo, SocketInfoKind},
    proc_pid::{listpidinfo, name, pidinfo},
    processes::{ProcFilter, pids_by_type},
};
use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

pub(super) const KNOWS: bool = true;

/// `INI_IPV4` of `sys/proc_info.h`: the addresses are of IPv4.
const IPV4: u8 = 1;

/// The programs that have these connections, so far as this user may know them.
pub(super) fn find(pairs: &HashSet<Pair>, recent: &[u32]) -> Vec<(Pair, App)> {
    let mut left = pairs.clone();
    let mut found = Vec::new();
    let processes = || pids_by_type(ProcFilter::All).unwrap_or_default();
    for pid in in_order(processes, recent) {
        let Ok(process) = i32::try_from(pid) else {
            continue;
        };
        for pair in connections(process) {
            if left.contains(&pair)
                && let Ok(name) = name(process)
            {
                left.remove(&pair);
                found.push((pair, App { name, pid }));
            }
        }
        if left.is_empty() {
            break;
        }
    }
    found
}

/// The TCP connections of a process; none of one that is not ours to look into.
fn connections(process: i32) -> Vec<Pair> {
    let Ok(info) = pidinfo::<BSDInfo>(process, 0) else {
        return Vec::new();
    };
    let most = usize::try_from(info.pbi_nfiles).unwrap_or(0);
    let files = listpidinfo::<ListFDs>(process, most).unwrap_or_default();
    let sockets = files
        .into_iter()
        .filter(|file| matches!(ProcFDType::from(file.proc_fdtype), ProcFDType::Socket));
    sockets
        .filter_map(|file| connection(&pidfdinfo(process, file.proc_fd).ok()?))
        .collect()
}

/// Nothing is told: it would mean to look through all processes again and again.
pub(super) fn has_program(_: Pair) -> Option<bool> {
    None
}

/// The two ends of a TCP connection: the process's own, and the other.
fn connection(socket: &SocketFDInfo) -> Option<Pair> {
    let info = &socket.psi;
    if !matches!(SocketInfoKind::from(info.soi_kind), SocketInfoKind::Tcp) {
        return None;
    }
    // SAFETY: of this kind, the union holds this member
    let tcp = unsafe { info.soi_proto.pri_tcp }.tcpsi_ini;
    let end = |address: InSIAddr, port: i32| {
        let ip: IpAddr = if tcp.insi_vflag & IPV4 != 0 {
            // SAFETY: both members are plain numbers; the flag says that this one was written
            let four = unsafe { address.ina_46 }.i46a_addr4.s_addr;
            Ipv4Addr::from(four.to_ne_bytes()).into()
        } else {
            // SAFETY: as above
            Ipv6Addr::from(unsafe { address.ina_6 }.s6_addr).into()
        };
        // in the order of the network, in the lower half of a number
        let port = u16::try_from(port & 0xffff).ok()?;
        Some(SocketAddr::new(ip.to_canonical(), u16::from_be(port)))
    };
    Some((
        end(tcp.insi_laddr, tcp.insi_lport)?,
        end(tcp.insi_faddr, tcp.insi_fport)?,
    ))
}
