//! The rules of the system that lead connections to transparent mode, as lines to copy, and how they are taken away.

use overhear_proxy::{Listen, Mode};
use std::net::SocketAddr;

/// What TPROXY marks packets with, and the routing table for those.
const MARK: &str = "0x1";
const TABLE: u32 = 100;

/// What is to be done by an administrator; none where nothing listens for such connections.
pub(super) fn advice(listeners: &[Listen]) -> Option<String> {
    let led = listeners.iter().filter(|l| l.mode == Mode::Transparent);
    let addresses: Vec<_> = led.map(|l| l.address).collect();
    if addresses.is_empty() {
        return None;
    }
    Some(match cfg!(target_os = "macos") {
        true => pf(&addresses),
        false => netfilter(&addresses, user()),
    })
}

/// Who runs this, on Linux.
fn user() -> u32 {
    #[cfg(target_os = "linux")]
    if let Ok(own) = std::fs::metadata("/proc/self") {
        return std::os::unix::fs::MetadataExt::uid(&own);
    }
    0
}

/// `iptables`, one line a family; nftables does the same with its own words. TPROXY takes connections as they pass, without
/// translating an address, and needs a route that gives what it has marked to this computer; what comes from `lo` is left out, or
/// overhear's own connections to servers on this computer would come back.
fn netfilter(addresses: &[SocketAddr], user: u32) -> String {
    let mut lead = Vec::new();
    let mut own = Vec::new();
    let mut routes = Vec::new();
    let mut as_it_is = Vec::new();
    for address in addresses {
        // `[::]` alone takes IPv4, too
        let both = address.is_ipv6()
            && address.ip().is_unspecified()
            && !addresses.iter().any(SocketAddr::is_ipv4);
        let tools: &[&str] = match (address.is_ipv4(), both) {
            (true, _) => &["iptables"],
            (false, false) => &["ip6tables"],
            (false, true) => &["iptables", "ip6tables"],
        };
        let port = address.port();
        for tool in tools {
            let line = |chain: &str, but: &str| {
                format!(
                    "{tool} -t nat -A {chain} -p tcp -m multiport --dports 80,443{but} -j REDIRECT --to-ports {port}"
                )
            };
            lead.push(line("PREROUTING", ""));
            own.push(line("OUTPUT", &format!(" -m owner ! --uid-owner {user}")));
            let (ip, all) = match *tool {
                "iptables" => ("ip", "0.0.0.0/0"),
                _ => ("ip -6", "::/0"),
            };
            let route = [
                format!("{ip} rule add fwmark {MARK}/{MARK} lookup {TABLE}"),
                format!("{ip} route add local {all} dev lo table {TABLE}"),
            ];
            // one for a family is enough
            if !routes.contains(&route[0]) {
                routes.extend(route);
            }
            as_it_is.push(format!(
                "{tool} -t mangle -A PREROUTING ! -i lo -p tcp -m multiport --dports 80,443 -j TPROXY --on-port {port} --tproxy-mark {MARK}/{MARK}"
            ));
        }
    }
    let port = addresses.first().map_or(0, SocketAddr::port);
    let lines =
        |lines: &[String]| -> String { lines.iter().map(|line| format!("  {line}\n")).collect() };
    format!(
        "\nTransparent mode takes what the system leads to it. As root, for devices that this computer is the gateway of:\n  \
         sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1\n{}\
         for programs on this computer, but not those of user {user}, who runs overhear (its own connections would come back to it):\n{}\
         or with nftables:\n  \
         nft add table inet overhear\n  \
         nft add chain inet overhear in '{{ type nat hook prerouting priority dstnat; }}'\n  \
         nft add rule inet overhear in tcp dport '{{ 80, 443 }}' redirect to :{port}\n  \
         nft add chain inet overhear out '{{ type nat hook output priority -100; }}'\n  \
         nft add rule inet overhear out meta skuid != {user} tcp dport '{{ 80, 443 }}' redirect to :{port}\n\
         or, for these devices, with TPROXY, which translates no address and tracks no connection; overhear needs cap_net_admin for it (sudo \
         setcap cap_net_admin+ep \"$(command -v overhear)\", or root):\n{}{}\
         To take it away: the same lines with -D in the place of -A, and with del in the place of add; nft delete table inet overhear\n",
        lines(&lead),
        lines(&own),
        lines(&routes),
        lines(&as_it_is),
    )
}

fn pf(addresses: &[SocketAddr]) -> String {
    let port = addresses.first().map_or(0, SocketAddr::port);
    format!(
        "\nTransparent mode takes what the system leads to it. For devices that this Mac is the gateway of (en0 is where they are), overhear \
         runs as root (sudo), because only root may ask pf where a connection was going, and:\n  \
         sudo sysctl -w net.inet.ip.forwarding=1\n  \
         echo 'rdr pass on en0 inet proto tcp to any port {{80, 443}} -> 127.0.0.1 port {port}' | sudo pfctl -ef -\n\
         To take it away: sudo pfctl -f /etc/pf.conf; sudo pfctl -d; sudo sysctl -w net.inet.ip.forwarding=0\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_rules_are_lines_to_copy() {
        let said = netfilter(&[at("0.0.0.0:8082"), at("[::]:8082")], 1000);
        for line in [
            "  iptables -t nat -A PREROUTING -p tcp -m multiport --dports 80,443 -j REDIRECT --to-ports 8082\n",
            "  ip6tables -t nat -A PREROUTING -p tcp -m multiport --dports 80,443 -j REDIRECT --to-ports 8082\n",
            "  iptables -t nat -A OUTPUT -p tcp -m multiport --dports 80,443 -m owner ! --uid-owner 1000 -j REDIRECT --to-ports 8082\n",
            "  nft add chain inet overhear in '{ type nat hook prerouting priority dstnat; }'\n",
            "nft delete table inet overhear\n",
            "  ip rule add fwmark 0x1/0x1 lookup 100\n  ip route add local 0.0.0.0/0 dev lo table 100\n  ip -6 rule add fwmark 0x1/0x1 lookup 100\n",
            "  ip -6 route add local ::/0 dev lo table 100\n",
            "  iptables -t mangle -A PREROUTING ! -i lo -p tcp -m multiport --dports 80,443 -j TPROXY --on-port 8082 --tproxy-mark 0x1/0x1\n",
            "  ip6tables -t mangle -A PREROUTING ! -i lo -p tcp -m multiport --dports 80,443 -j TPROXY --on-port 8082 --tproxy-mark 0x1/0x1\n",
        ] {
            assert!(said.contains(line), "{line}{said}");
        }
        let both = netfilter(&[at("[::]:9")], 0);
        assert!(both.contains("  iptables -t nat") && both.contains("  ip6tables -t nat"));
        let four = netfilter(&[at("127.0.0.1:9")], 0);
        assert!(
            !four.contains("ip6tables") && !four.contains("ip -6"),
            "{four}"
        );
        let two = netfilter(&[at("0.0.0.0:8"), at("0.0.0.0:9")], 0);
        assert_eq!(two.matches("ip rule add").count(), 1, "{two}");
        assert_eq!(two.matches("-j TPROXY --on-port").count(), 2, "{two}");
        assert!(advice(&[]).is_none());
    }
}
