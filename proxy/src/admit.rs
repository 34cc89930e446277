//! Who may use the proxy.
//!
//! Loopback and this machine's own addresses may. A private address is asked about: a person answers in
//! the page or the terminal, or ahead with `--allow`. Any other address may not. The answers, and what is
//! known of each device, live here; connections that wait for an answer are woken by it.

mod cidr;
mod device;
mod user;

pub use cidr::Cidr;
pub use device::{Decision, Device};
pub use user::ProxyUser;

use arc_swap::ArcSwap;
use overhear_store::Timestamp;
use parking_lot::Mutex;
use std::{
    collections::{HashMap, HashSet},
    future::pending,
    net::IpAddr,
    time::Duration,
};
use tokio::sync::watch;

/// How long a connection waits for the answer whether its device may use the proxy.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many public addresses are remembered as refused, so that each is recorded once.
const REFUSED_MAX: usize = 1024;

/// Decides who may use the proxy, and keeps what is known of the devices.
pub(crate) struct Admission {
    allow: ArcSwap<Vec<Cidr>>,
    patience: Duration,
    known: Mutex<Known>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Known {
    devices: HashMap<IpAddr, Entry>,
    /// Answers from an earlier run, for devices that have not connected in this one.
    remembered: HashMap<IpAddr, Decision>,
    /// Public addresses whose refusal was recorded.
    refused: HashSet<IpAddr>,
}

struct Entry {
    device: Device,
    /// The refusal was recorded since the last answer.
    recorded: bool,
}

/// What is decided about a connection when it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may use the proxy.
    Allowed,
    /// A person has to say; [`Admission::answer`] waits.
    Asked,
    /// A person said no.
    Refused,
    /// It comes from a public address that nobody allowed.
    Public,
}

/// What an address is, as far as admission goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// This machine.
    Own,
    /// A network at home or in an office, or a link.
    Private,
    /// Anything else.
    Public,
}

impl Admission {
    pub(crate) fn new(allow: Vec<Cidr>, devices: Vec<(IpAddr, Decision)>) -> Self {
        let known = Known {
            remembered: devices
                .into_iter()
                .map(|(address, decision)| (address.to_canonical(), decision))
                .collect(),
            ..Known::default()
        };
        Self {
            allow: ArcSwap::from_pointee(allow),
            patience: PATIENCE,
            known: Mutex::new(known),
            changed: watch::Sender::new(0),
        }
    }

    /// Waits less for an answer.
    #[cfg(test)]
    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// A connection from `client` to our address `local` was accepted.
    pub(crate) fn arrive(&self, client: IpAddr, local: IpAddr) -> Verdict {
        let client = client.to_canonical();
        let allowed = self.is_allowed(client);
        let reach = reach(client, local);
        if reach == Reach::Own {
            return Verdict::Allowed;
        }
        let verdict = {
            let mut known = self.known.lock();
            let remembered = known.remembered.remove(&client);
            let unknown = remembered.is_none() && !known.devices.contains_key(&client);
            if reach == Reach::Public && !allowed && unknown {
                return Verdict::Public;
            }
            let now = Timestamp::now();
            let entry = known.devices.entry(client).or_insert_with(|| Entry {
                device: Device {
                    address: client,
                    decision: remembered.or(allowed.then_some(Decision::Allow)),
                    first_seen: now,
                    last_seen: now,
                    connections: 0,
                    user_agent: None,
                    trusts: None,
                    trusted: None,
                    by_range: remembered.is_none() && allowed,
                },
                recorded: false,
            });
            entry.device.last_seen = now;
            entry.device.connections += 1;
            match entry.device.decision {
                Some(Decision::Allow) => Verdict::Allowed,
                Some(Decision::Refuse) => Verdict::Refused,
                None => Verdict::Asked,
            }
        };
        self.tell();
        verdict
    }

    /// Waits until a person says whether `client` may use the proxy; none when nobody did in time.
    pub(crate) async fn answer(&self, client: IpAddr) -> Option<Decision> {
        let client = client.to_canonical();
        let mut changed = self.changed.subscribe();
        let decided = changed.wait_for(|_| self.decision(client).is_some());
        match tokio::time::timeout(self.patience, decided).await {
            Ok(_) => self.decision(client),
            Err(_) => None,
        }
    }

    /// A person says whether a device may use the proxy.
    pub(crate) fn decide(&self, address: IpAddr, decision: Decision) {
        let address = address.to_canonical();
        {
            let mut known = self.known.lock();
            match known.devices.get_mut(&address) {
                Some(entry) => {
                    entry.device.decision = Some(decision);
                    entry.device.by_range = false;
                    entry.recorded = false;
                }
                None => {
                    known.remembered.insert(address, decision);
                }
            }
        }
        self.tell();
    }

    /// Waits until a person refuses `client`, which `admitted` says was let in.
    pub(crate) async fn refused(&self, client: IpAddr, admitted: impl Fn() -> bool) {
        let client = client.to_canonical();
        if client.is_loopback() {
            return pending().await;
        }
        let mut changed = self.changed.subscribe();
        while !admitted() || self.decision(client) != Some(Decision::Refuse) {
            if changed.changed().await.is_err() {
                return pending().await;
            }
        }
    }

    /// The ranges that are admitted without being asked about.
    pub(crate) fn allowed(&self) -> Vec<Cidr> {
        self.allow.load().to_vec()
    }

    /// Admits other ranges from now on. Holds for devices that wait, and for those that a range had let in;
    /// what a person decided about a device stays.
    pub(crate) fn set_allowed(&self, allow: Vec<Cidr>) {
        {
            let mut known = self.known.lock();
            self.allow.store(allow.into());
            for (address, entry) in &mut known.devices {
                let allowed = self.is_allowed(*address);
                let device = &mut entry.device;
                if device.by_range && !allowed {
                    (device.decision, device.by_range) = (None, false);
                } else if device.decision.is_none() && allowed {
                    (device.decision, device.by_range) = (Some(Decision::Allow), true);
                }
            }
        }
        self.tell();
    }

    fn is_allowed(&self, client: IpAddr) -> bool {
        self.allow.load().iter().any(|range| range.contains(client))
    }

    /// Devices that have connected, oldest first.
    pub(crate) fn devices(&self) -> Vec<Device> {
        let known = self.known.lock();
        let mut devices: Vec<_> = known.devices.values().map(|e| e.device.clone()).collect();
        drop(known);
        devices.sort_by_key(|d| (d.first_seen, d.address));
        devices
    }

    /// Changes whenever [`devices`](Self::devices) would.
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// True when this refusal of `client` is the first since it was decided: only that one is recorded.
    pub(crate) fn first_refusal(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        let mut known = self.known.lock();
        if let Some(entry) = known.devices.get_mut(&client) {
            return !std::mem::replace(&mut entry.recorded, true);
        }
        known.refused.len() < REFUSED_MAX && known.refused.insert(client)
    }

    /// What `client` calls itself.
    pub(crate) fn saw_user_agent(&self, client: IpAddr, user_agent: &str) {
        self.learn(client, |device| {
            let new = device.user_agent.as_deref() != Some(user_agent);
            if new {
                device.user_agent = Some(user_agent.to_owned());
            }
            new
        });
    }

    /// `client` finished (or refused) a TLS handshake with one of our leaves. The latest is what counts: a certificate
    /// can be removed from a device.
    pub(crate) fn saw_trust(&self, client: IpAddr, trusts: bool) {
        self.learn(client, |device| {
            if trusts {
                device.trusted = Some(Timestamp::now());
            }
            device.trusts.replace(trusts) != Some(trusts)
        });
    }

    /// Whether `client` has ever finished a TLS handshake with one of our leaves.
    pub(crate) fn has_trusted(&self, client: IpAddr) -> bool {
        let known = self.known.lock();
        known
            .devices
            .get(&client.to_canonical())
            .is_some_and(|e| e.device.trusted.is_some())
    }

    fn decision(&self, client: IpAddr) -> Option<Decision> {
        let known = self.known.lock();
        known.devices.get(&client).and_then(|e| e.device.decision)
    }

    /// Changes what is known of a device; `change` says whether anything did.
    fn learn(&self, client: IpAddr, change: impl FnOnce(&mut Device) -> bool) {
        let client = client.to_canonical();
        if client.is_loopback() {
            return;
        }
        let changed = {
            let mut known = self.known.lock();
            known
                .devices
                .get_mut(&client)
                .is_some_and(|e| change(&mut e.device))
        };
        if changed {
            self.tell();
        }
    }

    fn tell(&self) {
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }
}

fn reach(client: IpAddr, local: IpAddr) -> Reach {
    let client = client.to_canonical();
    // a machine that connects to itself comes from the address it goes to
    if client.is_loopback() || client == local.to_canonical() {
        return Reach::Own;
    }
    let private = match client {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            // 100.64.0.0/10 is shared address space, RFC 6598
            v4.is_private() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    if private {
        Reach::Private
    } else {
        Reach::Public
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &str = "192.168.1.2";

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn admission(allow: &[&str], devices: &[(&str, Decision)]) -> Admission {
        Admission::new(
            allow.iter().map(|c| c.parse().expect("a range")).collect(),
            devices.iter().map(|(a, d)| (ip(a), *d)).collect(),
        )
    }

    #[test]
    fn the_defaults() {
        let admission = admission(&[], &[]);
        let verdicts = [
            ("127.0.0.1", Verdict::Allowed),
            ("127.8.9.1", Verdict::Allowed),
            ("::1", Verdict::Allowed),
            ("::ffff:127.0.0.1", Verdict::Allowed),
            (LOCAL, Verdict::Allowed),
            ("::ffff:192.168.1.2", Verdict::Allowed),
            ("192.168.1.3", Verdict::Asked),
            ("::ffff:192.168.1.3", Verdict::Asked),
            ("10.255.0.1", Verdict::Asked),
            ("172.16.0.1", Verdict::Asked),
            ("172.31.255.255", Verdict::Asked),
            ("172.32.0.1", Verdict::Public),
            ("169.254.7.7", Verdict::Asked),
            ("100.64.0.1", Verdict::Asked),
            ("100.127.255.255", Verdict::Asked),
            ("100.128.0.1", Verdict::Public),
            ("100.63.255.255", Verdict::Public),
            ("8.8.8.8", Verdict::Public),
            ("::ffff:8.8.8.8", Verdict::Public),
            ("fd00::1", Verdict::Asked),
            ("fc12::1", Verdict::Asked),
            ("fe80::1", Verdict::Asked),
            ("febf::1", Verdict::Asked),
            ("fec0::1", Verdict::Public),
            ("2001:db8::1", Verdict::Public),
            ("0.0.0.0", Verdict::Public),
        ];
        for (address, verdict) in verdicts {
            assert_eq!(
                admission.arrive(ip(address), ip(LOCAL)),
                verdict,
                "{address}"
            );
        }
    }

    #[test]
    fn answers_ahead_and_remembered() {
        let admission = admission(
            &["192.168.0.0/16", "8.8.8.8"],
            &[
                ("10.0.0.1", Decision::Allow),
                ("10.0.0.2", Decision::Refuse),
            ],
        );
        let verdicts = [
            ("192.168.7.7", Verdict::Allowed),
            ("8.8.8.8", Verdict::Allowed),
            ("8.8.4.4", Verdict::Public),
            ("10.0.0.1", Verdict::Allowed),
            ("10.0.0.2", Verdict::Refused),
            ("10.0.0.3", Verdict::Asked),
        ];
        for (address, verdict) in verdicts {
            assert_eq!(
                admission.arrive(ip(address), ip(LOCAL)),
                verdict,
                "{address}"
            );
        }
    }

    #[tokio::test]
    async fn ranges_change_while_devices_wait() {
        let admission = std::sync::Arc::new(admission(&["192.168.1.0/24"], &[]));
        let ranges = |text: &str| vec![text.parse().expect("a range")];
        let (inside, outside, said) = (ip("192.168.1.9"), ip("10.0.0.9"), ip("192.168.1.8"));
        assert_eq!(admission.arrive(inside, ip(LOCAL)), Verdict::Allowed);
        assert_eq!(admission.arrive(said, ip(LOCAL)), Verdict::Allowed);
        admission.decide(said, Decision::Allow);
        assert_eq!(admission.arrive(outside, ip(LOCAL)), Verdict::Asked);
        let waits = tokio::spawn({
            let admission = admission.clone();
            async move { admission.answer(outside).await }
        });
        tokio::task::yield_now().await;
        admission.set_allowed(ranges("10.0.0.0/8"));
        assert_eq!(waits.await.expect("no panic"), Some(Decision::Allow));
        assert_eq!(admission.arrive(inside, ip(LOCAL)), Verdict::Asked);
        assert_eq!(admission.arrive(said, ip(LOCAL)), Verdict::Allowed);
        assert_eq!(admission.allowed(), ranges("10.0.0.0/8"));
        admission.decide(inside, Decision::Refuse);
        admission.set_allowed(ranges("192.168.0.0/16"));
        assert_eq!(admission.arrive(inside, ip(LOCAL)), Verdict::Refused);
        assert_eq!(admission.arrive(outside, ip(LOCAL)), Verdict::Asked);
    }

    #[test]
    fn devices_are_kept_and_told() {
        let admission = admission(&[], &[]);
        let changed = admission.changed();
        assert!(!changed.has_changed().expect("open"));
        admission.arrive(ip("127.0.0.1"), ip("127.0.0.1"));
        assert!(
            admission.devices().is_empty(),
            "this machine is not a device"
        );
        admission.arrive(ip("192.168.1.9"), ip(LOCAL));
        admission.arrive(ip("::ffff:192.168.1.9"), ip(LOCAL));
        admission.saw_user_agent(ip("192.168.1.9"), "Phone/1");
        admission.saw_trust(ip("192.168.1.9"), false);
        assert!(changed.has_changed().expect("open"));
        let devices = admission.devices();
        let [device] = devices.as_slice() else {
            panic!("one device, not {devices:?}");
        };
        assert_eq!((device.connections, device.decision), (2, None));
        assert_eq!(device.user_agent.as_deref(), Some("Phone/1"));
        assert_eq!((device.trusts, device.trusted), (Some(false), None));
    }

    #[test]
    fn trust_is_what_was_seen_last() {
        let admission = admission(&[], &[]);
        let device = ip("192.168.1.9");
        admission.arrive(device, ip(LOCAL));
        let mut changed = admission.changed();
        let mut told = || {
            let told = changed.has_changed().expect("open");
            changed.mark_unchanged();
            told
        };
        for (trusts, has_trusted, tells) in [
            (false, false, true),
            (true, true, true),
            (true, true, false),
            (false, true, true),
            (false, true, false),
            (true, true, true),
        ] {
            admission.saw_trust(device, trusts);
            let seen = &admission.devices()[0];
            assert_eq!(seen.trusts, Some(trusts));
            assert_eq!(seen.trusted.is_some(), has_trusted);
            assert_eq!(admission.has_trusted(device), has_trusted);
            assert_eq!(told(), tells);
        }
    }

    #[test]
    fn a_refusal_is_recorded_once() {
        let admission = admission(&[], &[]);
        let device = ip("192.168.1.9");
        admission.arrive(device, ip(LOCAL));
        admission.decide(device, Decision::Refuse);
        let said: Vec<_> = (0..3).map(|_| admission.first_refusal(device)).collect();
        assert_eq!(said, [true, false, false]);
        admission.decide(device, Decision::Refuse);
        assert!(
            admission.first_refusal(device),
            "a new answer is recorded again"
        );
        assert!(admission.first_refusal(ip("8.8.8.8")));
        assert!(!admission.first_refusal(ip("8.8.8.8")));
    }

    #[tokio::test]
    async fn an_answer_wakes_who_waits() {
        let admission = std::sync::Arc::new(admission(&[], &[]));
        let device = ip("192.168.1.9");
        assert_eq!(admission.arrive(device, ip(LOCAL)), Verdict::Asked);
        let waits = tokio::spawn({
            let admission = admission.clone();
            async move { admission.answer(device).await }
        });
        tokio::task::yield_now().await;
        admission.decide(ip("192.168.1.8"), Decision::Refuse);
        tokio::task::yield_now().await;
        admission.decide(device, Decision::Allow);
        assert_eq!(waits.await.expect("no panic"), Some(Decision::Allow));
        assert_eq!(admission.arrive(device, ip(LOCAL)), Verdict::Allowed);
    }

    #[tokio::test]
    async fn no_answer_is_none() {
        let mut admission = admission(&[], &[]);
        admission.set_patience(Duration::from_millis(5));
        admission.arrive(ip("192.168.1.9"), ip(LOCAL));
        assert_eq!(admission.answer(ip("192.168.1.9")).await, None);
    }
}
