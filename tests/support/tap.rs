//! Packets of this machine's loopback interface, in a file. Needs root.

use super::{Run, command::Running, not_run, program::binary, system, until};
use std::{
    net::{Ipv4Addr, UdpSocket},
    path::{Path, PathBuf},
};

/// What a last packet carries, so that all before it are known to be in the file.
const LAST: &[u8] = b"the-last-packet-of-the-tap";

/// A capture of what goes to and from a port.
pub struct Tap {
    file: PathBuf,
    port: u16,
    running: Running,
}

impl Tap {
    /// Captures what goes to and from a port of 127.0.0.1 into a file; says why when this machine cannot.
    pub fn on(port: u16, file: &Path) -> Option<Self> {
        if !cfg!(target_os = "linux") || !system::is_root() {
            not_run("capturing on loopback needs Linux and root");
            return None;
        }
        let running = Run::new(binary())
            .args(["capture", "-i", "lo", "-U", "-w"])
            .arg(file)
            .arg(format!("port {port}"))
            .start();
        until("the capture to begin", || {
            running.said_so_far().contains("listening on").then_some(())
        });
        Some(Self {
            file: file.to_owned(),
            port,
            running,
        })
    }

    /// Ends it once everything is in the file.
    pub fn end(mut self) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        // nobody listens there, which a later packet would be told
        let to = (Ipv4Addr::LOCALHOST, self.port);
        socket.send_to(LAST, to).unwrap();
        until("the last packet in the file", || {
            let data = std::fs::read(&self.file).unwrap_or_default();
            data.windows(LAST.len())
                .any(|window| window == LAST)
                .then_some(())
        });
        system::interrupt(self.running.child());
        self.running.wait().ok();
    }
}
