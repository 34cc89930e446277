//! Interfaces as libpcap lists them.

use super::{
    LONGEST_LIST,
    raw::{RawAddress, RawInterface},
    text::{optional_text, text},
};
use std::{
    ffi::c_int,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ptr,
};

/// An interface that can be captured on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// What `-i` takes.
    pub name: String,
    /// In words, where the system has some.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// It is a loopback interface.
    pub loopback: bool,
    /// It is up.
    pub up: bool,
    /// It is running.
    pub running: bool,
    /// It is a radio.
    pub wireless: bool,
    /// Whether it is connected (or associated, for a radio), where the system knows and the question makes sense.
    pub connection: Connection,
}

/// Whether a cable is plugged in, or a radio associated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// The system does not know.
    Unknown,
    /// It is.
    Connected,
    /// It is not.
    Disconnected,
    /// The question makes no sense, for a loopback interface for example.
    NotApplicable,
}

/// What is in a list of interfaces.
///
/// # Safety
/// A list of libpcap's that lives through the call, or null.
pub(super) unsafe fn interfaces(mut next: *const RawInterface) -> Vec<Interface> {
    let mut found = Vec::new();
    while !next.is_null() && found.len() < LONGEST_LIST {
        // SAFETY: as promised by the caller.
        unsafe {
            let raw = &*next;
            found.push(Interface {
                name: text(raw.name),
                description: optional_text(raw.description),
                addresses: addresses(raw.addresses),
                loopback: raw.flags & 0x01 != 0,
                up: raw.flags & 0x02 != 0,
                running: raw.flags & 0x04 != 0,
                wireless: raw.flags & 0x08 != 0,
                connection: match raw.flags & 0x30 {
                    0x10 => Connection::Connected,
                    0x20 => Connection::Disconnected,
                    0x30 => Connection::NotApplicable,
                    _ => Connection::Unknown,
                },
            });
            next = raw.next;
        }
    }
    found
}

/// The addresses of IP among those of an interface.
///
/// # Safety
/// A list of libpcap's that lives through the call, or null.
unsafe fn addresses(mut next: *const RawAddress) -> Vec<IpAddr> {
    let mut found = Vec::new();
    let mut seen = 0;
    while !next.is_null() && seen < LONGEST_LIST {
        seen += 1;
        // SAFETY: an entry of the list; an address of a family is as long as the family says.
        unsafe {
            let entry = &*next;
            if !entry.address.is_null() {
                match c_int::from((*entry.address).sa_family) {
                    libc::AF_INET => {
                        let address =
                            ptr::read_unaligned(entry.address.cast::<libc::sockaddr_in>());
                        found.push(IpAddr::V4(Ipv4Addr::from(u32::from_be(
                            address.sin_addr.s_addr,
                        ))));
                    }
                    libc::AF_INET6 => {
                        let address =
                            ptr::read_unaligned(entry.address.cast::<libc::sockaddr_in6>());
                        found.push(IpAddr::V6(Ipv6Addr::from(address.sin6_addr.s6_addr)));
                    }
                    _ => {}
                }
            }
            next = entry.next;
        }
    }
    found
}
