//! libpcap, loaded while the program runs: the only file that calls into C.
//!
//! Nothing has to be installed to build. Without the library [`library`] says which package has it, and everything
//! that needs no live interface and no filter expression works. Every function is looked up once. What is declared here
//! follows `pcap/pcap.h` and `pcap/bpf.h` of libpcap 1.x and the manual pages named at each item; the layouts are those
//! of Linux and macOS (they differ in `struct timeval`, which is taken from the `libc` crate). Functions that came after
//! libpcap 1.0 and that we can do without are looked up as optional ones.

#![expect(
    unsafe_code,
    reason = "libpcap is a C library; this is the one file that calls it"
)]

use std::{
    ffi::{CStr, CString, OsString, c_char, c_int, c_uchar, c_uint, c_void},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ptr::{self, NonNull},
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

/// Names the library to load instead of the system's own, for example Homebrew's.
pub const VARIABLE: &str = "OVERHEAR_LIBPCAP";

/// `PCAP_ERRBUF_SIZE`.
const ERROR_LENGTH: usize = 256;

/// `PCAP_NETMASK_UNKNOWN`.
const NETMASK_UNKNOWN: u32 = 0xffff_ffff;

/// No list that libpcap gives is longer; a broken one ends here.
const LONGEST_LIST: usize = 65_536;

/// What can go wrong between us and libpcap.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such library.
    #[error("libpcap is not installed ({tried}): {advice}")]
    NotInstalled {
        /// What the loader said.
        tried: String,
        /// What to do about it on this system.
        advice: &'static str,
    },
    /// It lacks a function that has been there since libpcap 1.0 (2008).
    #[error("this libpcap has no {0}: it is older than 1.0; install a newer one")]
    TooOld(&'static str),
    /// The system does not let this user capture.
    #[error("not allowed to capture on {interface}{}", reason(.text))]
    Permission {
        /// The interface.
        interface: String,
        /// What libpcap says.
        text: String,
    },
    /// There is no such interface.
    #[error("there is no interface {interface}{}", reason(.text))]
    NoSuchInterface {
        /// The interface.
        interface: String,
        /// What libpcap says.
        text: String,
    },
    /// The interface does not do what was asked for.
    #[error("cannot capture on {interface}: {text}")]
    Interface {
        /// The interface.
        interface: String,
        /// What libpcap says.
        text: String,
    },
    /// The expression is none of pcap-filter(7).
    #[error("the filter expression cannot be read: {text}\n  {expression}")]
    Expression {
        /// The expression.
        expression: String,
        /// What libpcap says of it.
        text: String,
    },
    /// Anything else that libpcap says.
    #[error("{0}")]
    Other(String),
}

fn reason(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(" ({text})")
    }
}

/// `pcap_if_t`, pcap_findalldevs(3PCAP).
#[repr(C)]
struct RawInterface {
    next: *mut RawInterface,
    name: *mut c_char,
    description: *mut c_char,
    addresses: *mut RawAddress,
    flags: u32,
}

/// `struct pcap_addr`, pcap_findalldevs(3PCAP).
#[repr(C)]
struct RawAddress {
    next: *mut RawAddress,
    address: *mut libc::sockaddr,
    netmask: *mut libc::sockaddr,
    broadcast: *mut libc::sockaddr,
    destination: *mut libc::sockaddr,
}

/// The beginning of `struct pcap_pkthdr`: Apple's has a comment of 256 bytes after it, which is why one is never read
/// or made by value from the library's memory.
#[repr(C)]
struct RawHeader {
    time: libc::timeval,
    captured: u32,
    original: u32,
}

/// A header that we hand over: with room for what Apple's version has after ours.
#[repr(C)]
struct OwnHeader {
    header: RawHeader,
    room: [u8; 256],
}

/// `struct bpf_program`, pcap/bpf.h.
#[repr(C)]
struct RawProgram {
    length: c_uint,
    instructions: *mut c_void,
}

/// `struct pcap_stat`, pcap_stats(3PCAP), with room for a longer one.
#[repr(C)]
#[derive(Default)]
struct RawStatistics {
    received: c_uint,
    dropped: c_uint,
    dropped_by_interface: c_uint,
    room: [c_uint; 29],
}

/// `pcap_t`, of which only the address is known.
#[repr(C)]
struct RawHandle {
    _opaque: [u8; 0],
}

macro_rules! functions {
    (
        needed { $($name:ident = $symbol:literal : fn($($type:ty),*) $(-> $gives:ty)?;)* }
        optional { $($maybe:ident = $msymbol:literal : fn($($mtype:ty),*) $(-> $mgives:ty)?;)* }
    ) => {
        /// The functions of the library.
        pub struct Library {
            $($name: unsafe extern "C" fn($($type),*) $(-> $gives)?,)*
            $($maybe: Option<unsafe extern "C" fn($($mtype),*) $(-> $mgives)?>,)*
            /// Keeps the code in memory: the pointers above lead into it.
            _code: libloading::Library,
        }

        impl Library {
            /// Looks every function up.
            fn resolve(code: libloading::Library) -> Result<Self, Error> {
                // SAFETY: the types are those of the manual pages; the pointers live as long as `_code`.
                unsafe {
                    $(let $name = *code
                        .get::<unsafe extern "C" fn($($type),*) $(-> $gives)?>(concat!($symbol, "\0").as_bytes())
                        .map_err(|_| Error::TooOld($symbol))?;)*
                    $(let $maybe = code
                        .get::<unsafe extern "C" fn($($mtype),*) $(-> $mgives)?>(concat!($msymbol, "\0").as_bytes())
                        .ok()
                        .map(|function| *function);)*
                    Ok(Self { $($name,)* $($maybe,)* _code: code })
                }
            }
        }
    };
}

functions! {
    needed {
        lib_version = "pcap_lib_version": fn() -> *const c_char;
        findalldevs = "pcap_findalldevs": fn(*mut *mut RawInterface, *mut c_char) -> c_int;
        freealldevs = "pcap_freealldevs": fn(*mut RawInterface);
        lookupnet = "pcap_lookupnet": fn(*const c_char, *mut u32, *mut u32, *mut c_char) -> c_int;
        create = "pcap_create": fn(*const c_char, *mut c_char) -> *mut RawHandle;
        set_snaplen = "pcap_set_snaplen": fn(*mut RawHandle, c_int) -> c_int;
        set_promisc = "pcap_set_promisc": fn(*mut RawHandle, c_int) -> c_int;
        can_set_rfmon = "pcap_can_set_rfmon": fn(*mut RawHandle) -> c_int;
        set_rfmon = "pcap_set_rfmon": fn(*mut RawHandle, c_int) -> c_int;
        set_timeout = "pcap_set_timeout": fn(*mut RawHandle, c_int) -> c_int;
        set_buffer_size = "pcap_set_buffer_size": fn(*mut RawHandle, c_int) -> c_int;
        activate = "pcap_activate": fn(*mut RawHandle) -> c_int;
        close = "pcap_close": fn(*mut RawHandle);
        geterr = "pcap_geterr": fn(*mut RawHandle) -> *const c_char;
        statustostr = "pcap_statustostr": fn(c_int) -> *const c_char;
        compile = "pcap_compile": fn(*mut RawHandle, *mut RawProgram, *const c_char, c_int, u32) -> c_int;
        setfilter = "pcap_setfilter": fn(*mut RawHandle, *mut RawProgram) -> c_int;
        freecode = "pcap_freecode": fn(*mut RawProgram);
        offline_filter = "pcap_offline_filter": fn(*const RawProgram, *const RawHeader, *const c_uchar) -> c_int;
        next_ex = "pcap_next_ex": fn(*mut RawHandle, *mut *mut RawHeader, *mut *const c_uchar) -> c_int;
        setnonblock = "pcap_setnonblock": fn(*mut RawHandle, c_int, *mut c_char) -> c_int;
        get_selectable_fd = "pcap_get_selectable_fd": fn(*mut RawHandle) -> c_int;
        stats = "pcap_stats": fn(*mut RawHandle, *mut RawStatistics) -> c_int;
        snapshot = "pcap_snapshot": fn(*mut RawHandle) -> c_int;
        datalink = "pcap_datalink": fn(*mut RawHandle) -> c_int;
        list_datalinks = "pcap_list_datalinks": fn(*mut RawHandle, *mut *mut c_int) -> c_int;
        free_datalinks = "pcap_free_datalinks": fn(*mut c_int);
        set_datalink = "pcap_set_datalink": fn(*mut RawHandle, c_int) -> c_int;
        datalink_name_to_val = "pcap_datalink_name_to_val": fn(*const c_char) -> c_int;
        datalink_val_to_name = "pcap_datalink_val_to_name": fn(c_int) -> *const c_char;
        datalink_val_to_description = "pcap_datalink_val_to_description": fn(c_int) -> *const c_char;
        setdirection = "pcap_setdirection": fn(*mut RawHandle, c_int) -> c_int;
        open_dead = "pcap_open_dead": fn(c_int, c_int) -> *mut RawHandle;
    }
    optional {
        // libpcap 1.5
        set_immediate_mode = "pcap_set_immediate_mode": fn(*mut RawHandle, c_int) -> c_int;
        set_tstamp_precision = "pcap_set_tstamp_precision": fn(*mut RawHandle, c_int) -> c_int;
        get_tstamp_precision = "pcap_get_tstamp_precision": fn(*mut RawHandle) -> c_int;
    }
}

/// The library, loaded with the first call.
pub fn library() -> Result<&'static Library, Error> {
    static LIBRARY: OnceLock<Result<Library, Failure>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let path = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
        load(path).map_err(|error| match error {
            Error::TooOld(symbol) => Failure::TooOld(symbol),
            error => Failure::Missing(match error {
                Error::NotInstalled { tried, .. } => tried,
                error => error.to_string(),
            }),
        })
    });
    library.as_ref().map_err(|failure| match failure {
        Failure::TooOld(symbol) => Error::TooOld(symbol),
        Failure::Missing(tried) => Error::NotInstalled {
            tried: tried.clone(),
            advice: ADVICE,
        },
    })
}

/// Why the library could not be loaded, in a form that can be told again.
enum Failure {
    TooOld(&'static str),
    Missing(String),
}

#[cfg(target_os = "macos")]
const ADVICE: &str = "it belongs to macOS; if it is gone, `brew install libpcap` and name it with \
OVERHEAR_LIBPCAP=$(brew --prefix libpcap)/lib/libpcap.A.dylib";
#[cfg(not(target_os = "macos"))]
const ADVICE: &str = "install it with `sudo apt install libpcap0.8` (Debian, Ubuntu), `sudo dnf install libpcap` (Fedora), \
`sudo pacman -S libpcap` (Arch) or `sudo apk add libpcap` (Alpine)";

#[cfg(target_os = "macos")]
const NAMES: [&str; 3] = [
    "/usr/lib/libpcap.A.dylib",
    "libpcap.A.dylib",
    "libpcap.dylib",
];
#[cfg(not(target_os = "macos"))]
const NAMES: [&str; 3] = ["libpcap.so.1", "libpcap.so.0.8", "libpcap.so"];

/// What the loader says, down to its reason.
fn told(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => told(source),
        None => error.to_string(),
    }
}

fn load(path: Option<OsString>) -> Result<Library, Error> {
    let names = match path {
        Some(path) => vec![path],
        None => NAMES.map(OsString::from).to_vec(),
    };
    let mut tried = String::new();
    for name in names {
        // SAFETY: libpcap's initializers do nothing that could disturb us; the name is the system's, or the one that
        // the person who started the program gave.
        match unsafe { libloading::Library::new(&name) } {
            Ok(code) => return Library::resolve(code),
            // what the loader says of the first name is the most telling
            Err(error) if tried.is_empty() => tried = told(&error),
            Err(_) => {}
        }
    }
    Err(Error::NotInstalled {
        tried,
        advice: ADVICE,
    })
}

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

/// What the system and libpcap counted since a capture began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Packets that passed the filter (on some systems: that came by), whether or not they were fetched.
    pub received: u32,
    /// Packets that were dropped because there was no room for them.
    pub dropped: u32,
    /// Packets that the interface or its driver dropped; 0 where nobody counts them.
    pub dropped_by_interface: u32,
}

/// Which way packets go that are captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Both ways: `PCAP_D_INOUT`.
    Both,
    /// What comes in: `PCAP_D_IN`.
    In,
    /// What goes out: `PCAP_D_OUT`.
    Out,
}

/// How an interface is to be captured on, before [`Handle::open`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// At most so many bytes of a packet.
    pub snaplen: u32,
    /// See packets for others.
    pub promiscuous: bool,
    /// Monitor mode, for radios.
    pub monitor: bool,
    /// How long the system may keep packets before it hands them over.
    pub timeout: Duration,
    /// The system's buffer in KiB; none is the system's own default.
    pub buffer: Option<u32>,
    /// Each packet at once.
    pub immediate: bool,
    /// Times in nanoseconds instead of microseconds.
    pub nanoseconds: bool,
}

/// A kind of packets, as libpcap numbers it (`DLT_`, which is not always the `LINKTYPE_` in a file).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataLink {
    /// The number.
    pub value: i32,
    /// For example `EN10MB`.
    pub name: Option<String>,
    /// For example `Ethernet`.
    pub description: Option<String>,
}

impl Library {
    /// For example `libpcap version 1.10.3 (with TPACKET_V3)`.
    pub fn version(&self) -> String {
        // SAFETY: gives a static, terminated string.
        unsafe { text((self.lib_version)()) }
    }

    /// The interfaces that this user may capture on, the usual one first.
    pub fn interfaces(&self) -> Result<Vec<Interface>, Error> {
        let mut list: *mut RawInterface = ptr::null_mut();
        let mut error = ErrorText::new();
        // SAFETY: both pointers lead to live memory of the sizes that the manual page asks for.
        if unsafe { (self.findalldevs)(&raw mut list, error.as_mut_ptr()) } != 0 {
            return Err(Error::Other(format!(
                "cannot list the interfaces: {}",
                error.text()
            )));
        }
        let mut found = Vec::new();
        let mut next = list;
        while !next.is_null() && found.len() < LONGEST_LIST {
            // SAFETY: the list is libpcap's, whole, and freed only below.
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
        // SAFETY: the list came from findalldevs and nothing points into it any more.
        unsafe { (self.freealldevs)(list) };
        Ok(found)
    }

    /// The number of a kind of packets by its name, for example `EN10MB`.
    pub fn datalink(&self, name: &str) -> Option<i32> {
        let name = CString::new(name).ok()?;
        // SAFETY: a terminated string that lives through the call.
        let value = unsafe { (self.datalink_name_to_val)(name.as_ptr()) };
        (value >= 0).then_some(value)
    }

    /// What a kind of packets is called.
    pub fn describe(&self, value: i32) -> DataLink {
        // SAFETY: both give a static, terminated string or null.
        let (name, description) = unsafe {
            (
                optional_text((self.datalink_val_to_name)(value)),
                optional_text((self.datalink_val_to_description)(value)),
            )
        };
        DataLink {
            value,
            name,
            description,
        }
    }

    /// The netmask of an interface, which `ip broadcast` in an expression needs; in the byte order of the network.
    fn netmask(&self, interface: &CStr) -> u32 {
        let (mut network, mut mask) = (0, 0);
        let mut error = ErrorText::new();
        // SAFETY: all pointers lead to live memory of the right size.
        let status = unsafe {
            (self.lookupnet)(
                interface.as_ptr(),
                &raw mut network,
                &raw mut mask,
                error.as_mut_ptr(),
            )
        };
        if status == 0 { mask } else { NETMASK_UNKNOWN }
    }
}

/// An open capture, or a closed one that only compiles filters.
pub struct Handle {
    functions: &'static Library,
    raw: NonNull<RawHandle>,
    interface: CString,
    nanoseconds: bool,
}

// SAFETY: libpcap allows a handle to be used by any thread, one at a time, which `&mut self` sees to.
unsafe impl Send for Handle {}

/// What comes next out of an interface.
#[derive(Debug)]
pub enum Next<'a> {
    /// A packet, which is there until the next one is asked for.
    Packet {
        /// Nanoseconds since the Unix epoch.
        time: i64,
        /// What was captured of it.
        data: &'a [u8],
        /// How many bytes it had on the wire.
        original: u32,
    },
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
    End,
}

impl Handle {
    /// Begins to capture on an interface. Gives warnings with it, in libpcap's words.
    pub fn open(interface: &str, settings: &Settings) -> Result<(Self, Option<String>), Error> {
        let mut handle = Self::create(interface)?;
        let warning = handle.activate(interface, settings)?;
        Ok((handle, warning))
    }

    /// A handle for packets of a kind (`DLT_`) that come from elsewhere.
    pub fn dead(link: i32, snaplen: u32) -> Result<Self, Error> {
        let library = library()?;
        let snaplen = c_int::try_from(snaplen).unwrap_or(c_int::MAX);
        // SAFETY: takes two numbers.
        let raw = unsafe { (library.open_dead)(link, snaplen) };
        let raw = NonNull::new(raw).ok_or_else(|| Error::Other("libpcap has no memory".into()))?;
        Ok(Self {
            functions: library,
            raw,
            interface: CString::default(),
            nanoseconds: false,
        })
    }

    /// Whether the interface has a monitor mode.
    pub fn can_monitor(interface: &str) -> Result<bool, Error> {
        let handle = Self::create(interface)?;
        // SAFETY: the handle is live.
        Ok(unsafe { (handle.functions.can_set_rfmon)(handle.raw.as_ptr()) } == 1)
    }

    fn create(interface: &str) -> Result<Self, Error> {
        let library = library()?;
        let name = CString::new(interface).map_err(|_| Error::NoSuchInterface {
            interface: interface.replace('\0', "?"),
            text: String::new(),
        })?;
        let mut error = ErrorText::new();
        // SAFETY: a terminated string and a buffer of the size that the manual page asks for.
        let raw = unsafe { (library.create)(name.as_ptr(), error.as_mut_ptr()) };
        let raw = NonNull::new(raw).ok_or_else(|| Error::Interface {
            interface: interface.to_owned(),
            text: error.text(),
        })?;
        Ok(Self {
            functions: library,
            raw,
            interface: name,
            nanoseconds: false,
        })
    }

    fn activate(&mut self, interface: &str, settings: &Settings) -> Result<Option<String>, Error> {
        let (library, raw) = (self.functions, self.raw.as_ptr());
        let number = |n: u32| c_int::try_from(n).unwrap_or(c_int::MAX);
        let timeout = c_int::try_from(settings.timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the handle is live and not yet activated, as these functions ask.
        let status = unsafe {
            (library.set_snaplen)(raw, number(settings.snaplen));
            (library.set_promisc)(raw, c_int::from(settings.promiscuous));
            (library.set_timeout)(raw, timeout);
            if settings.monitor && (library.set_rfmon)(raw, 1) != 0 {
                return Err(self.failed(interface, -6));
            }
            if let Some(kibibytes) = settings.buffer {
                (library.set_buffer_size)(raw, number(kibibytes.saturating_mul(1024)));
            }
            if let (true, Some(set)) = (settings.immediate, library.set_immediate_mode) {
                set(raw, 1);
            }
            if settings.nanoseconds {
                let set = library
                    .set_tstamp_precision
                    .is_some_and(|set| set(raw, 1) == 0);
                if !set {
                    return Err(self.failed(interface, -12));
                }
            }
            (library.activate)(raw)
        };
        if status < 0 {
            return Err(self.failed(interface, status));
        }
        // SAFETY: the handle is live.
        self.nanoseconds = library
            .get_tstamp_precision
            .is_some_and(|get| unsafe { get(raw) } == 1);
        Ok((status > 0).then(|| self.said(status)))
    }

    /// The error for a status of pcap_activate(3PCAP).
    fn failed(&self, interface: &str, status: c_int) -> Error {
        let interface = interface.to_owned();
        let text = self.said(status);
        match status {
            -8 | -11 => Error::Permission { interface, text },
            -5 => Error::NoSuchInterface { interface, text },
            _ => Error::Interface { interface, text },
        }
    }

    /// What a status means, and what libpcap says about this very case.
    fn said(&self, status: c_int) -> String {
        // SAFETY: a number in, a static or thread-local terminated string out.
        let general = unsafe { text((self.functions.statustostr)(status)) };
        let special = self.error();
        // PCAP_ERROR and PCAP_WARNING say nothing of their own
        if matches!(status, -1 | 1) && !special.is_empty() {
            special
        } else if special.is_empty() || special == general {
            general
        } else {
            format!("{general}: {special}")
        }
    }

    fn error(&self) -> String {
        // SAFETY: the handle is live; the string is its own and copied at once.
        unsafe { text((self.functions.geterr)(self.raw.as_ptr())) }
    }

    /// Whether times come in nanoseconds.
    pub fn nanoseconds(&self) -> bool {
        self.nanoseconds
    }

    /// At most so many bytes of a packet are captured.
    pub fn snaplen(&self) -> u32 {
        // SAFETY: the handle is live.
        let snaplen = unsafe { (self.functions.snapshot)(self.raw.as_ptr()) };
        u32::try_from(snaplen).unwrap_or(0)
    }

    /// The kind of packets that come.
    pub fn datalink(&self) -> i32 {
        // SAFETY: the handle is live.
        unsafe { (self.functions.datalink)(self.raw.as_ptr()) }
    }

    /// The kinds of packets that the interface can give.
    pub fn datalinks(&self) -> Result<Vec<DataLink>, Error> {
        let mut list: *mut c_int = ptr::null_mut();
        // SAFETY: the handle is live; the list is ours to free.
        let count = unsafe { (self.functions.list_datalinks)(self.raw.as_ptr(), &raw mut list) };
        let count = usize::try_from(count).map_err(|_| Error::Other(self.error()))?;
        if list.is_null() {
            return Ok(Vec::new());
        }
        // SAFETY: libpcap says that so many numbers stand there; they are copied before they are freed.
        let values = unsafe {
            let values = std::slice::from_raw_parts(list, count.min(LONGEST_LIST)).to_vec();
            (self.functions.free_datalinks)(list);
            values
        };
        Ok(values
            .into_iter()
            .map(|v| self.functions.describe(v))
            .collect())
    }

    /// Chooses among the kinds of packets.
    pub fn set_datalink(&mut self, value: i32) -> Result<(), Error> {
        // SAFETY: the handle is live.
        let status = unsafe { (self.functions.set_datalink)(self.raw.as_ptr(), value) };
        self.done(status)
    }

    /// Captures one way only.
    pub fn set_direction(&mut self, direction: Direction) -> Result<(), Error> {
        let direction = match direction {
            Direction::Both => 0,
            Direction::In => 1,
            Direction::Out => 2,
        };
        // SAFETY: the handle is live.
        let status = unsafe { (self.functions.setdirection)(self.raw.as_ptr(), direction) };
        self.done(status)
    }

    /// Compiles an expression of pcap-filter(7) for the kind of packets of this handle.
    pub fn compile(&mut self, expression: &str, optimize: bool) -> Result<Program, Error> {
        /// Before libpcap 1.8 only one thread at a time may compile.
        static COMPILER: Mutex<()> = Mutex::new(());
        let wrong = |text: String| Error::Expression {
            expression: expression.replace('\0', "?"),
            text,
        };
        let source =
            CString::new(expression).map_err(|_| wrong("it holds a zero byte".to_owned()))?;
        let mask = if self.interface.is_empty() {
            NETMASK_UNKNOWN
        } else {
            self.functions.netmask(&self.interface)
        };
        let mut program = RawProgram {
            length: 0,
            instructions: ptr::null_mut(),
        };
        let _one = COMPILER.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the handle is live, the string is terminated, the program is ours to free.
        let status = unsafe {
            (self.functions.compile)(
                self.raw.as_ptr(),
                &raw mut program,
                source.as_ptr(),
                c_int::from(optimize),
                mask,
            )
        };
        if status != 0 {
            return Err(wrong(self.error()));
        }
        Ok(Program {
            functions: self.functions,
            raw: program,
        })
    }

    /// Lets the system filter.
    pub fn set_filter(&mut self, program: &mut Program) -> Result<(), Error> {
        // SAFETY: both are live; libpcap copies the program.
        let status = unsafe { (self.functions.setfilter)(self.raw.as_ptr(), &raw mut program.raw) };
        self.done(status)
    }

    /// From now on [`Handle::next`] does not wait.
    pub fn set_nonblocking(&mut self) -> Result<(), Error> {
        let mut error = ErrorText::new();
        // SAFETY: the handle is live and the buffer has the size that the manual page asks for.
        let status =
            unsafe { (self.functions.setnonblock)(self.raw.as_ptr(), 1, error.as_mut_ptr()) };
        if status == 0 {
            Ok(())
        } else {
            Err(Error::Other(error.text()))
        }
    }

    /// Waits until there may be something, but not longer than `limit`; false where that cannot be waited for.
    pub fn wait(&self, limit: Duration) -> bool {
        // SAFETY: the handle is live.
        let descriptor = unsafe { (self.functions.get_selectable_fd)(self.raw.as_ptr()) };
        if descriptor < 0 {
            return false;
        }
        let mut poll = libc::pollfd {
            fd: descriptor,
            events: libc::POLLIN,
            revents: 0,
        };
        let limit = c_int::try_from(limit.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: one live entry. Ended early by a signal is fine: the caller looks again.
        unsafe { libc::poll(&raw mut poll, 1, limit) };
        true
    }

    /// The next packet. Waits no longer than the timeout of the settings, or, after [`Handle::set_nonblocking`],
    /// than `limit`.
    pub fn next(&mut self, limit: Option<Duration>) -> Result<Next<'_>, Error> {
        let mut header: *mut RawHeader = ptr::null_mut();
        let mut data: *const c_uchar = ptr::null();
        let mut look = || {
            // SAFETY: the handle is live; header and data belong to libpcap until the next call, for which
            // `&mut self` is needed again.
            unsafe { (self.functions.next_ex)(self.raw.as_ptr(), &raw mut header, &raw mut data) }
        };
        let mut status = look();
        if let (0, Some(limit)) = (status, limit) {
            self.wait(limit);
            status = look();
        }
        match status {
            1 if header.is_null() => Ok(Next::Nothing),
            1 => {
                // SAFETY: libpcap gave a header, and so many captured bytes where there are any.
                let (header, data) = unsafe {
                    let header = &*header;
                    let data: &[u8] = match usize::try_from(header.captured) {
                        Ok(length) if !data.is_null() && length <= isize::MAX as usize => {
                            std::slice::from_raw_parts(data, length)
                        }
                        _ => &[],
                    };
                    (header, data)
                };
                let fraction = wide(header.time.tv_usec);
                let unit = if self.nanoseconds { 1 } else { 1000 };
                let seconds = wide(header.time.tv_sec);
                let time = seconds
                    .saturating_mul(1_000_000_000)
                    .saturating_add(fraction.saturating_mul(unit));
                Ok(Next::Packet {
                    time,
                    data,
                    original: header.original.max(header.captured),
                })
            }
            0 => Ok(Next::Nothing),
            -2 => Ok(Next::End),
            _ => Err(Error::Other(self.error())),
        }
    }

    /// What was counted since the capture began.
    pub fn statistics(&mut self) -> Result<Statistics, Error> {
        let mut raw = RawStatistics::default();
        // SAFETY: the handle is live, and the structure is at least as long as any system's.
        let status = unsafe { (self.functions.stats)(self.raw.as_ptr(), &raw mut raw) };
        self.done(status)?;
        Ok(Statistics {
            received: raw.received,
            dropped: raw.dropped,
            dropped_by_interface: raw.dropped_by_interface,
        })
    }

    fn done(&self, status: c_int) -> Result<(), Error> {
        if status >= 0 {
            return Ok(());
        }
        let error = self.error();
        if error.is_empty() {
            Err(Error::Other(self.said(status)))
        } else {
            Err(Error::Other(error))
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: live until here, and never used again.
        unsafe { (self.functions.close)(self.raw.as_ptr()) };
    }
}

/// A compiled expression.
pub struct Program {
    functions: &'static Library,
    raw: RawProgram,
}

// SAFETY: the instructions are only read once they are compiled.
unsafe impl Send for Program {}

impl Program {
    /// Whether a packet matches: `data` of it was captured, `original` bytes were on the wire.
    pub fn matches(&self, data: &[u8], original: u32) -> bool {
        let header = OwnHeader {
            header: RawHeader {
                time: libc::timeval {
                    tv_sec: 0,
                    tv_usec: 0,
                },
                captured: u32::try_from(data.len()).unwrap_or(u32::MAX),
                original,
            },
            room: [0; 256],
        };
        // SAFETY: program, header and bytes are live, and the header says how many bytes there are.
        let matched = unsafe {
            (self.functions.offline_filter)(
                &raw const self.raw,
                (&raw const header).cast::<RawHeader>(),
                data.as_ptr(),
            )
        };
        matched != 0
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: live until here, and never used again.
        unsafe { (self.functions.freecode)(&raw mut self.raw) };
    }
}

/// Where libpcap writes why something failed.
struct ErrorText([c_char; ERROR_LENGTH + 1]);

impl ErrorText {
    fn new() -> Self {
        Self([0; ERROR_LENGTH + 1])
    }

    fn as_mut_ptr(&mut self) -> *mut c_char {
        self.0.as_mut_ptr()
    }

    fn text(&self) -> String {
        // SAFETY: the last byte is beyond what libpcap may write, and zero.
        unsafe { text(self.0.as_ptr()) }
    }
}

/// The fields of `struct timeval` have 32 bits on one system and 64 on another.
fn wide(number: impl Into<i64>) -> i64 {
    number.into()
}

/// A string of C; empty for a null pointer.
///
/// # Safety
/// Null, or a terminated string that lives through the call.
unsafe fn text(pointer: *const c_char) -> String {
    // SAFETY: as promised by the caller.
    unsafe { optional_text(pointer) }.unwrap_or_default()
}

/// A string of C, if there is one.
///
/// # Safety
/// Null, or a terminated string that lives through the call.
unsafe fn optional_text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: as promised by the caller.
    let text = unsafe { CStr::from_ptr(pointer) };
    Some(text.to_string_lossy().into_owned())
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

#[cfg(test)]
mod tests;
