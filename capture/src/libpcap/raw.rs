//! How libpcap lays its data out in memory.

use std::ffi::{c_char, c_uint, c_void};

/// `pcap_if_t`, pcap_findalldevs(3PCAP).
#[repr(C)]
pub(super) struct RawInterface {
    pub(super) next: *mut RawInterface,
    pub(super) name: *mut c_char,
    pub(super) description: *mut c_char,
    pub(super) addresses: *mut RawAddress,
    pub(super) flags: u32,
}

/// `struct pcap_addr`, pcap_findalldevs(3PCAP).
#[repr(C)]
pub(super) struct RawAddress {
    pub(super) next: *mut RawAddress,
    pub(super) address: *mut libc::sockaddr,
    pub(super) netmask: *mut libc::sockaddr,
    pub(super) broadcast: *mut libc::sockaddr,
    pub(super) destination: *mut libc::sockaddr,
}

/// The beginning of `struct pcap_pkthdr`: Apple's has a comment of 256 bytes after it, which is why one is never read
/// or made by value from the library's memory.
#[repr(C)]
pub(super) struct RawHeader {
    pub(super) time: libc::timeval,
    pub(super) captured: u32,
    pub(super) original: u32,
}

/// A header that we hand over: with room for what Apple's version has after ours.
#[repr(C)]
pub(super) struct OwnHeader {
    pub(super) header: RawHeader,
    pub(super) room: [u8; 256],
}

/// `struct bpf_program`, pcap/bpf.h.
#[repr(C)]
pub(super) struct RawProgram {
    pub(super) length: c_uint,
    pub(super) instructions: *mut c_void,
}

/// `struct pcap_stat`, pcap_stats(3PCAP), with room for a longer one.
#[repr(C)]
#[derive(Default)]
pub(super) struct RawStatistics {
    pub(super) received: c_uint,
    pub(super) dropped: c_uint,
    pub(super) dropped_by_interface: c_uint,
    pub(super) room: [c_uint; 29],
}

/// `pcap_t`, of which only the address is known.
#[repr(C)]
pub(super) struct RawHandle {
    _opaque: [u8; 0],
}
