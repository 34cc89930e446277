//! A capture that is open.

use super::{
    Error, LONGEST_LIST, Library, NETMASK_UNKNOWN, Program, library,
    raw::{RawHandle, RawHeader, RawProgram, RawStatistics},
    text::{ErrorText, text},
};
use std::{
    ffi::{CString, c_int, c_uchar},
    ptr::{self, NonNull},
    sync::{Mutex, PoisonError},
    time::Duration,
};

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

/// How exact times are to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// Microseconds.
    Micro,
    /// Nanoseconds; where the system has none, this is an error.
    Nano,
    /// Nanoseconds where the system has them (BPF has them on FreeBSD, not on macOS), else microseconds.
    Finest,
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
    /// How exact times are to be.
    pub times: Times,
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
        let raw = NonNull::new(raw).ok_or_else(|| {
            let (interface, text) = (interface.to_owned(), error.text());
            // macOS makes the interface that shows several others' packets (pktap) only for root
            match text.contains("Operation not permitted") || text.contains("Permission denied") {
                true => Error::Permission { interface, text },
                false => Error::Interface { interface, text },
            }
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
            if settings.times != Times::Micro {
                let set = library
                    .set_tstamp_precision
                    .is_some_and(|set| set(raw, 1) == 0);
                if !set && settings.times == Times::Nano {
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

/// The fields of `struct timeval` have 32 bits on one system and 64 on another.
fn wide(number: impl Into<i64>) -> i64 {
    number.into()
}
