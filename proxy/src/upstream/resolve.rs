//! A host as a client named it to addresses.
//!
//! The system's resolver blocks, so a thread of its own asks it, and often it reads files or sends a packet each time.
//! What it said is remembered for a moment: the many connections of one page ask it once.

use crate::{target::Target, words::failed};
use overhear_store::{Failure, FailureCause, Party};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};
use url::Host;

/// How long the system's resolver may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long what it said is taken for true: too short for a person who has changed something to notice.
const REMEMBERED: Duration = Duration::from_secs(2);
/// How many names are remembered.
const NAMES: usize = 256;

/// The names that were looked up a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<HashMap<String, Known>>);

/// The addresses of a name; their ports mean nothing.
#[derive(Debug)]
struct Known {
    addresses: Vec<SocketAddr>,
    asked: Instant,
}

impl Names {
    /// The addresses of `target`, as the system orders them; at least one.
    pub(super) async fn resolve(&self, target: &Target) -> Result<Vec<SocketAddr>, Failure> {
        let name = match address_or_name(&target.host) {
            Ok(Host::Ipv4(ip)) => return Ok(vec![(ip, target.port).into()]),
            Ok(Host::Ipv6(ip)) => return Ok(vec![(ip, target.port).into()]),
            Ok(Host::Domain(name)) => name,
            Err(reason) => {
                let host = &target.host;
                return Err(dns(format!("{host:?} is not a host name: {reason}")));
            }
        };
        let now = Instant::now();
        if let Some(known) = self.known(&name, target.port, now) {
            return Ok(known);
        }
        let found = ask(target, &name).await?;
        self.learn(name, found.clone(), Instant::now());
        Ok(found)
    }

    /// The addresses did not lead there: the resolver is asked again the next time.
    pub(super) fn forget(&self, target: &Target) {
        if let Ok(Host::Domain(name)) = address_or_name(&target.host) {
            self.0.lock().remove(&name);
        }
    }

    fn known(&self, name: &str, port: u16, now: Instant) -> Option<Vec<SocketAddr>> {
        let names = self.0.lock();
        let known = names.get(name).filter(|known| known.is_fresh(now))?;
        let mut addresses = known.addresses.clone();
        for address in &mut addresses {
            address.set_port(port);
        }
        Some(addresses)
    }

    fn learn(&self, name: String, addresses: Vec<SocketAddr>, now: Instant) {
        let mut names = self.0.lock();
        if names.len() >= NAMES {
            names.retain(|_, known| known.is_fresh(now));
        }
        if names.len() >= NAMES {
            names.clear();
        }
        let asked = now;
        names.insert(name, Known { addresses, asked });
    }
}

impl Known {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.asked) < REMEMBERED
    }
}

/// Asks the system; the addresses have the target's port.
async fn ask(target: &Target, name: &str) -> Result<Vec<SocketAddr>, Failure> {
    let looked_up = tokio::net::lookup_host((asked_for(name), target.port));
    let found = match tokio::time::timeout(PATIENCE, looked_up).await {
        Ok(Ok(addresses)) => addresses.collect::<Vec<_>>(),
        Ok(Err(error)) => return Err(not_found(&target.host, &error)),
        Err(_) => {
            return Err(dns(format!(
                "the DNS server did not answer within {} seconds who {} is: check this computer's DNS settings and network",
                PATIENCE.as_secs(),
                target.host
            )));
        }
    };
    if found.is_empty() {
        return Err(no_such_host(&target.host));
    }
    Ok(found)
}

/// What the system is asked for: names below `localhost` are this computer (RFC 6761 section 6.3), which browsers and
/// curl know by themselves and not every system does.
fn asked_for(name: &str) -> &str {
    let below = name.len().checked_sub(".localhost".len());
    let ending = below.and_then(|at| name.get(at..));
    match ending.is_some_and(|ending| ending.eq_ignore_ascii_case(".localhost")) {
        true => "localhost",
        false => name,
    }
}

/// Whether two hosts are the same name or address, however written.
pub(crate) fn same_host(one: &str, other: &str) -> bool {
    if one.eq_ignore_ascii_case(other) {
        return true;
    }
    match (address_or_name(one), address_or_name(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// Reads a host: an address in any of its spellings, or a name in ASCII (IDNA, RFC 5891) without the root's dot.
fn address_or_name(host: &str) -> Result<Host<String>, String> {
    if host.is_empty() {
        return Err("it is empty".to_owned());
    }
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(match ip {
            IpAddr::V4(ip) => Host::Ipv4(ip),
            IpAddr::V6(ip) => Host::Ipv6(ip),
        });
    }
    if host.contains('%') && host.contains(':') {
        // an IPv6 address with its zone (`fe80::1%en0`): the system reads it
        return Ok(Host::Domain(host.to_owned()));
    }
    match Host::parse(host) {
        Ok(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            if name.is_empty() {
                return Err("it is empty".to_owned());
            }
            Ok(Host::Domain(name.to_owned()))
        }
        Ok(address) => Ok(address),
        Err(error) => Err(error.to_string()),
    }
}

fn not_found(host: &str, error: &std::io::Error) -> Failure {
    let said = error.to_string();
    // getaddrinfo's words: glibc, musl and macOS for EAI_AGAIN
    if said.contains("Temporary failure") || said.contains("Try again") {
        return dns(format!(
            "the DNS server could not be asked who {host} is ({said}): check this computer's DNS settings and network"
        ));
    }
    no_such_host(host)
}

fn no_such_host(host: &str) -> Failure {
    dns(format!(
        "no such host: {host}. Check the spelling, or this computer's DNS settings"
    ))
}

fn dns(text: String) -> Failure {
    failed(FailureCause::Dns, Party::Server, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Scheme;

    async fn of(host: &str) -> Result<Vec<SocketAddr>, Failure> {
        let target = Target {
            scheme: Scheme::Http,
            host: host.to_owned(),
            port: 80,
        };
        Names::default().resolve(&target).await
    }

    #[tokio::test]
    async fn literals_need_no_resolver() {
        for (host, address) in [
            ("127.0.0.1", "127.0.0.1:80"),
            ("::1", "[::1]:80"),
            ("0x7f.1", "127.0.0.1:80"),
            ("2130706433", "127.0.0.1:80"),
            ("017700000001", "127.0.0.1:80"),
        ] {
            let expected = vec![address.parse::<SocketAddr>().expect("an address")];
            assert_eq!(of(host).await.as_ref(), Ok(&expected), "{host}");
        }
    }

    #[tokio::test]
    async fn what_is_no_name() {
        for host in ["", ".", "a b", "a/b", "a\0b", "[", "1.2.3.4.5.256"] {
            let failure = of(host).await.expect_err(host);
            assert_eq!(failure.cause, FailureCause::Dns, "{host}");
        }
    }

    #[tokio::test]
    async fn localhost_is_found() {
        for host in ["LocalHost.", "app.localhost", "Bücher.LOCALHOST."] {
            let found = of(host).await.expect(host);
            assert!(found.iter().all(|a| a.ip().is_loopback()), "{found:?}");
        }
        assert_eq!(asked_for("notlocalhost"), "notlocalhost");
        assert_eq!(asked_for("localhost.example"), "localhost.example");
    }

    #[test]
    fn remembered_for_a_moment_and_bounded() {
        let names = Names::default();
        let addresses: Vec<SocketAddr> = ["[fe80::1%3]:80", "192.0.2.1:80"]
            .map(|a| a.parse().expect("an address"))
            .into();
        let now = Instant::now();
        names.learn("a.test".to_owned(), addresses, now);
        let known = names.known("a.test", 443, now).expect("known");
        let texts: Vec<_> = known.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["[fe80::1%3]:443", "192.0.2.1:443"]);
        assert_eq!(names.known("b.test", 443, now), None);
        assert_eq!(names.known("a.test", 443, now + REMEMBERED), None);

        let target = |host: &str| Target {
            scheme: Scheme::Http,
            host: host.to_owned(),
            port: 80,
        };
        names.forget(&target("b.test"));
        names.forget(&target("A.test."));
        assert_eq!(names.known("a.test", 443, now), None, "forgotten");

        for n in 0..3 * NAMES {
            names.learn(format!("{n}.test"), known.clone(), now);
            assert!(names.0.lock().len() <= NAMES);
            assert!(names.known(&format!("{n}.test"), 1, now).is_some());
        }
        // what is old goes first
        let later = now + REMEMBERED;
        while names.0.lock().len() < NAMES {
            let n = names.0.lock().len();
            names.learn(format!("more{n}.test"), known.clone(), now);
        }
        names.learn("new.test".to_owned(), known, later);
        assert_eq!(names.0.lock().len(), 1);
    }

    #[tokio::test]
    async fn asked_once() {
        let names = Names::default();
        let mut target = Target {
            scheme: Scheme::Http,
            host: "localhost".to_owned(),
            port: 80,
        };
        let first = names.resolve(&target).await.expect("an address");
        target.port = 81;
        target.host = "LOCALHOST.".to_owned();
        let again = names.resolve(&target).await.expect("an address");
        assert!(again.iter().all(|address| address.port() == 81));
        let ips = |all: &[SocketAddr]| all.iter().map(SocketAddr::ip).collect::<Vec<_>>();
        assert_eq!(ips(&again), ips(&first));
        assert_eq!(names.0.lock().len(), 1);
    }

    #[test]
    fn names_in_ascii() {
        let name = address_or_name("Bücher.Example.").expect("a name");
        assert_eq!(name, Host::Domain("xn--bcher-kva.example".to_owned()));
        assert!(same_host("bücher.example", "XN--BCHER-KVA.example."));
        assert!(same_host("::1", "0:0:0:0:0:0:0:1"));
        assert!(same_host("Overhear.Internal.", "overhear.internal"));
        assert!(!same_host("a.example", "b.example"));
    }
}
