//! A device of its own: a network namespace with its own address, joined to this machine by a cable
//! (a veth pair). Needs Linux and root.

use super::{Run, not_run, system};
use std::{
    net::Ipv4Addr,
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU8, Ordering},
    },
};

/// This machine's addresses: a browser gives up what it is loading when they change (`ERR_NETWORK_CHANGED`).
static ADDRESSES: RwLock<()> = RwLock::new(());

/// While this is held, no device is plugged in or out.
pub fn steady_network() -> RwLockReadGuard<'static, ()> {
    ADDRESSES.read().unwrap_or_else(PoisonError::into_inner)
}

fn changing_network() -> RwLockWriteGuard<'static, ()> {
    ADDRESSES.write().unwrap_or_else(PoisonError::into_inner)
}

/// A device on a network of its own with this machine.
pub struct Phone {
    /// Its address.
    pub address: Ipv4Addr,
    /// This machine's address on that network.
    pub host: Ipv4Addr,
    name: String,
}

impl Phone {
    /// Plugs one in; says why when this machine cannot.
    pub fn plug_in() -> Option<Self> {
        if !cfg!(target_os = "linux") || !system::is_root() {
            not_run("network namespaces need Linux and root");
            return None;
        }
        static COUNT: AtomicU8 = AtomicU8::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let pid = std::process::id();
        let name = format!("oh{pid}n{count}");
        let _changing = changing_network();
        let made = Run::new("ip").args(["netns", "add", &name]).run();
        if !made.status.success() {
            not_run(&format!("no network namespace: {}", made.err));
            return None;
        }
        let (second, third) = (200 + count % 50, (pid % 250) as u8);
        let host = Ipv4Addr::new(10, second, third, 1);
        let phone = Self {
            address: Ipv4Addr::new(10, second, third, 2),
            host,
            name,
        };
        phone.cable();
        Some(phone)
    }

    /// The name of its network namespace.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A program on the device.
    pub fn run(&self, program: &str) -> Run {
        Run::new("ip").args(["netns", "exec", &self.name, program])
    }

    /// A network behind the device that swallows whatever is sent to it: an address in it.
    pub fn black_hole(&self) -> Ipv4Addr {
        let [_, second, third, _] = self.address.octets();
        let hole = Ipv4Addr::new(10, second ^ 0x80, third, 9);
        let (to, via) = (format!("{hole}/32"), self.address.to_string());
        // The device does not forward, so packets that are not its own vanish there.
        ip(&["route", "add", &to, "via", &via]);
        hole
    }

    fn cable(&self) {
        let name = &self.name;
        let (here, there) = (format!("{name}h"), format!("{name}p"));
        let (host, address) = (format!("{}/24", self.host), format!("{}/24", self.address));
        ip(&[
            "link", "add", &here, "type", "veth", "peer", "name", &there, "netns", name,
        ]);
        // no address of IPv6, which would be this machine's a second after its cable is up
        ip(&["link", "set", &here, "addrgenmode", "none"]);
        ip(&["address", "add", &host, "dev", &here]);
        ip(&["link", "set", &here, "up"]);
        ip(&["-n", name, "address", "add", &address, "dev", &there]);
        ip(&["-n", name, "link", "set", &there, "up"]);
        ip(&["-n", name, "link", "set", "lo", "up"]);
        ip(&[
            "-n",
            name,
            "route",
            "add",
            "default",
            "via",
            &self.host.to_string(),
        ]);
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        let _changing = changing_network();
        // The cable first: with the namespace it would go some time later. A failure here must not hide the test's own.
        let here = format!("{}h", self.name);
        Run::new("ip").args(["link", "delete", &here]).run();
        Run::new("ip").args(["netns", "delete", &self.name]).run();
    }
}

fn ip(args: &[&str]) {
    Run::new("ip").args(args).ok();
}
