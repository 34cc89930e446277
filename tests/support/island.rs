//! Two hosts on a network of their own, which nobody else sees: two network namespaces joined by a cable. This machine's
//! own addresses do not change. Needs Linux and root.

use super::{Run, not_run, system};
use std::sync::atomic::{AtomicU32, Ordering};

/// Two hosts. The first has the addresses 192.0.2.1 and fd00::1, the second 192.0.2.2 and fd00::2; both have an `eth0`.
pub struct Island {
    names: [String; 2],
}

impl Island {
    /// Makes one; says why when this machine cannot.
    pub fn new() -> Option<Self> {
        if !cfg!(target_os = "linux") || !system::is_root() {
            not_run("network namespaces need Linux and root");
            return None;
        }
        // named as tests/run finds those that a killed run left behind; phones count from 0
        static COUNT: AtomicU32 = AtomicU32::new(1000);
        let pid = std::process::id();
        let mut names = Vec::new();
        for _ in 0..2 {
            let count = COUNT.fetch_add(1, Ordering::SeqCst);
            names.push(format!("oh{pid}n{count}"));
        }
        let island = Self {
            names: [names[0].clone(), names[1].clone()],
        };
        for name in &island.names {
            let made = Run::new("ip").args(["netns", "add", name]).run();
            if !made.status.success() {
                not_run(&format!("no network namespace: {}", made.err));
                return None;
            }
        }
        let [first, second] = &island.names;
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

    /// A program on a host: 0 or 1.
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
