//! System calls: ending processes by their own id (or with the test that started them), and resetting
//! connections.

#![expect(
    unsafe_code,
    reason = "these system calls have no safe wrapper in the standard library"
)]

use std::process::{Child, Command};

/// Asks a process to end.
pub fn terminate(child: &Child) {
    send(child, libc::SIGTERM);
}

/// What Ctrl-C sends.
pub fn interrupt(child: &Child) {
    send(child, libc::SIGINT);
}

/// Asks a process how far it is.
pub fn ask(child: &Child) {
    send(child, libc::SIGUSR1);
}

fn send(child: &Child, signal: libc::c_int) {
    let pid = libc::pid_t::try_from(child.id()).unwrap();
    // SAFETY: a plain system call on the id of a child that has not been waited for.
    let sent = unsafe { libc::kill(pid, signal) };
    assert_eq!(sent, 0, "cannot signal {pid}");
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    // SAFETY: geteuid cannot fail and touches no memory of ours.
    unsafe { libc::geteuid() == 0 }
}

/// Makes the process end when the thread that started it ends, even when the tests are killed. Only
/// Linux can; elsewhere `Drop` has to do.
pub fn dies_with_us(command: &mut Command) -> &mut Command {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::process::CommandExt;
        // SAFETY: prctl is async-signal-safe and the closure touches nothing else.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
    }
    command
}

/// Makes closing a socket send RST.
pub fn linger_zero(stream: &std::net::TcpStream) {
    use std::os::fd::AsRawFd;
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // SAFETY: the descriptor is open and the option points to a live value of the given size.
    let set = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            std::ptr::from_ref(&linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        )
    };
    assert_eq!(set, 0, "cannot set SO_LINGER");
}

/// A port of this computer that answers no call: its queue of connections is full, with the second of these. Linux drops
/// what comes then; other systems may refuse it.
pub fn deaf_port() -> (std::net::TcpListener, std::net::TcpStream) {
    use std::os::fd::AsRawFd;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // SAFETY: the descriptor is that of an open socket, which listens already.
    let listens = unsafe { libc::listen(listener.as_raw_fd(), 0) };
    assert_eq!(listens, 0, "cannot shorten the queue");
    let first = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener, first)
}

/// An address of this computer that is taken, and listened on by nobody: who connects is refused. Nobody else gets it while
/// the tests run.
pub fn closed_port() -> std::net::SocketAddr {
    use std::os::fd::FromRawFd;
    // SAFETY: a plain system call without pointers.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) };
    assert!(
        socket >= 0,
        "no socket: {}",
        std::io::Error::last_os_error()
    );
    // SAFETY: all zeros are a value of this plain structure.
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as libc::sa_family_t;
    address.sin_addr.s_addr = u32::from(std::net::Ipv4Addr::LOCALHOST).to_be();
    // SAFETY: the descriptor is open and the address points to a live value of the given size.
    let bound = unsafe {
        libc::bind(
            socket,
            std::ptr::from_ref(&address).cast(),
            size_of::<libc::sockaddr_in>() as libc::socklen_t,
        )
    };
    assert_eq!(bound, 0, "no port: {}", std::io::Error::last_os_error());
    // SAFETY: the descriptor is open and nobody else's.
    let taken = unsafe { std::net::TcpListener::from_raw_fd(socket) };
    let address = taken.local_addr().unwrap();
    std::mem::forget(taken);
    address
}

/// Lets every user look into a folder of ours.
pub fn open_to_all(dir: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Lets nobody but root look into a folder of ours.
pub fn forbid(dir: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o000)).unwrap();
}
