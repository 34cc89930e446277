//! A host as a client named it to addresses.

use crate::{target::Target, words::failed};
use overhear_store::{Failure, FailureCause, Party};
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use url::Host;

/// How long the system's resolver may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The addresses of `target`, as the system orders them; at least one.
pub(super) async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, Failure> {
    let name = match address_or_name(&target.host) {
        Ok(Host::Ipv4(ip)) => return Ok(vec![(ip, target.port).into()]),
        Ok(Host::Ipv6(ip)) => return Ok(vec![(ip, target.port).into()]),
        Ok(Host::Domain(name)) => name,
        Err(reason) => {
            let host = &target.host;
            return Err(dns(format!("{host:?} is not a host name: {reason}")));
        }
    };
    let looked_up = tokio::net::lookup_host((name.as_str(), target.port));
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
        resolve(&target).await
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
        let found = of("LocalHost.").await.expect("an address");
        assert!(found.iter().all(|a| a.ip().is_loopback()), "{found:?}");
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
