//! Two hosts on a network of their own, which nobody else sees: two network namespaces joined by a cable. This machine's
//! own addresses do not change. Needs Linux and root.

use super::{Run, not_run, system};
use std::sync::atomic::{AtomicU32, Ordering};

/// Two hosts. The first has the addresses 192.0.2.1 and fd00::1, the second 192.0.2.2 and fd00::2; both have an `eth0`.
pub struct Island {
    names: Vec<String>,
}

impl Island {
    /// Makes one; says why when this machine cannot.
    pub fn new() -> Option<Self> {
        if !cfg!(target_os = "linux") || !system::is_root() {
            not_run("network namespaces need Linux and root");
            return None;
        }
        let mut island = Self { names: Vec::new() };
        for _ in 0..2 {
            island.add()?;
        }
        let [first, second] = island.names.as_slice() else {
            return None;
        };
        ip(&[
            "-n", first, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns",
            second,
        ]);
        for (place, name) in island.names.iter().enumerate() {
            let four = format!("192.0.2.{}/24", place + 1);
            let six = format!("fd00::{}/64", place + 1);
            ip(&["-n", name, "address", "add", &four, "dev", "eth0"]);
            ip(&["-n", name, "address", "add", &six, "dev", "eth0", "nodad"]);
            ip(&["-n", name, "link", "set", "lo", "up"]);
            ip(&["-n", name, "link", "set", "eth0", "up"]);
        }
        Some(island)
    }

    /// One more host, which has no network yet; returns its number.
    pub fn add(&mut self) -> Option<usize> {
        // named as tests/run finds those that a killed run left behind; phones count from 0
        static COUNT: AtomicU32 = AtomicU32::new(1000);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("oh{}n{count}", std::process::id());
        let made = Run::new("ip").args(["netns", "add", &name]).run();
        if !made.status.success() {
            not_run(&format!("no network namespace: {}", made.err));
            return None;
        }
        self.names.push(name);
        Some(self.names.len() - 1)
    }

    /// The network namespace of a host, as `ip` calls it.
    pub fn name(&self, host: usize) -> &str {
        &self.names[host]
    }

    /// A program on a host: 0 or 1, or one that was added.
    pub fn run(&self, host: usize, program: impl AsRef<std::ffi::OsStr>) -> Run {
        Run::new("ip")
            .args(["netns", "exec", &self.names[host]])
            .arg(program)
    }
}

impl Drop for Island {
    fn drop(&mut self) {
        for name in &self.names {
            // A failure here must not hide the test's own.
            Run::new("ip").args(["netns", "delete", name]).run();
        }
    }
}

fn ip(args: &[&str]) {
    Run::new("ip").args(args).ok();
}
