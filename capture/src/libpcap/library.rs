//! The library itself: found, loaded, its functions looked up; and what it knows without a capture.

use super::{
    Error, NETMASK_UNKNOWN, VARIABLE,
    handle::DataLink,
    interface::{Interface, interfaces},
    raw::{RawHandle, RawHeader, RawInterface, RawProgram, RawStatistics},
    text::{ErrorText, optional_text, text},
};
use std::{
    ffi::{CStr, CString, OsString, c_char, c_int, c_uchar},
    ptr,
    sync::OnceLock,
};

macro_rules! functions {
    (
        needed { $($name:ident = $symbol:literal : fn($($type:ty),*) $(-> $gives:ty)?;)* }
        optional { $($maybe:ident = $msymbol:literal : fn($($mtype:ty),*) $(-> $mgives:ty)?;)* }
    ) => {
        /// The functions of the library.
        pub struct Library {
            $(pub(super) $name: unsafe extern "C" fn($($type),*) $(-> $gives)?,)*
            $(pub(super) $maybe: Option<unsafe extern "C" fn($($mtype),*) $(-> $mgives)?>,)*
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

pub(super) fn load(path: Option<OsString>) -> Result<Library, Error> {
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
        // SAFETY: the list is libpcap's, whole, and freed only below.
        let found = unsafe { interfaces(list) };
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
    pub(super) fn netmask(&self, interface: &CStr) -> u32 {
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
