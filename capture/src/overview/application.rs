//! A guess at what a segment or datagram says: by its first bytes where they tell, else by its ports.

use super::ports;
use crate::{
    ip::{Ip, protocol},
    tcp,
};

/// The name of the application protocol; none without data, and where nothing tells.
pub(super) fn name(ip: &Ip<'_>) -> Option<&'static str> {
    if ip.fragment.is_some() {
        return None;
    }
    match ip.protocol {
        protocol::TCP => {
            let segment = tcp::decode(ip)?;
            if segment.payload.is_empty() {
                return None;
            }
            let ports = [segment.source_port, segment.destination_port];
            by_content(segment.payload).or_else(|| of_tcp(ports))
        }
        protocol::UDP => {
            let (from, to) = ports(ip)?;
            of_udp([from, to], ip.payload.get(8..).unwrap_or_default())
        }
        _ => None,
    }
}

fn by_content(data: &[u8]) -> Option<&'static str> {
    const METHODS: [&[u8]; 9] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b"DELETE ",
        b"OPTIONS ",
        b"PATCH ",
        b"CONNECT ",
        b"HTTP/1.",
    ];
    if let [20..=23, 3, 0..=4, ..] = data {
        return Some("tls");
    }
    if METHODS.iter().any(|method| data.starts_with(method)) {
        return Some("http");
    }
    if data.starts_with(b"PRI * HTTP/2.0") {
        return Some("http2");
    }
    data.starts_with(b"SSH-").then_some("ssh")
}

fn of_tcp(ports: [u16; 2]) -> Option<&'static str> {
    ports.iter().find_map(|port| {
        Some(match port {
            22 => "ssh",
            25 | 587 => "smtp",
            53 => "dns",
            80 | 8080 => "http",
            110 => "pop",
            143 => "imap",
            179 => "bgp",
            443 | 8443 => "tls",
            445 => "smb",
            3306 => "mysql",
            5432 => "pgsql",
            6379 => "resp",
            _ => return None,
        })
    })
}

fn of_udp(ports: [u16; 2], data: &[u8]) -> Option<&'static str> {
    // a long header of version 1 or 2 (RFC 9000, RFC 9369), or what goes between the usual ports
    let quic = matches!(
        data,
        [0xc0..=0xff, 0, 0, 0, 1, ..] | [0xc0..=0xff, 0x6b, 0x33, 0x43, 0xcf, ..]
    );
    if quic {
        return Some("quic");
    }
    ports.iter().find_map(|port| {
        Some(match port {
            53 => "dns",
            67 | 68 => "dhcp",
            69 => "tftp",
            123 => "ntp",
            137 => "nbns",
            161 | 162 => "snmp",
            443 => "quic",
            500 | 4500 => "isakmp",
            514 => "syslog",
            546 | 547 => "dhcpv6",
            1900 => "ssdp",
            5353 => "mdns",
            5355 => "llmnr",
            _ => return None,
        })
    })
}
