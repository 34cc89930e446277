//! Capturing on an interface: opened as asked, filtered by the system, one packet after the other.

use crate::{
    libpcap::{DataLink, Direction, Error, Handle, Next, Settings, Statistics, Times},
    packet::{LinkType, Packet},
};
use std::time::Duration;

/// How long packets may wait in the system's buffer before they are handed over, and how long a wait for some takes at
/// most: after it the caller can look whether it should stop.
const TIMEOUT: Duration = Duration::from_millis(100);

/// At most so many bytes of a packet, unless somebody says otherwise: what tcpdump takes.
pub const SNAPLEN: u32 = 262_144;

/// How to capture.
#[derive(Debug, Clone)]
pub struct Options {
    /// The interface: its name, or `any`.
    pub interface: String,
    /// At most so many bytes of a packet.
    pub snaplen: u32,
    /// See packets that are for others.
    pub promiscuous: bool,
    /// Monitor mode, for radios.
    pub monitor: bool,
    /// The system's buffer in KiB.
    pub buffer: Option<u32>,
    /// Each packet at once.
    pub immediate: bool,
    /// How exact times are to be.
    pub times: Times,
    /// The kind of packets, by libpcap's name for it.
    pub link: Option<String>,
    /// Which way packets go.
    pub direction: Option<Direction>,
    /// An expression of pcap-filter(7); empty takes everything.
    pub expression: String,
    /// The expression is compiled with optimization.
    pub optimize: bool,
}

impl Options {
    /// An interface as tcpdump captures on it.
    pub fn new(interface: &str) -> Self {
        Self {
            interface: interface.to_owned(),
            snaplen: SNAPLEN,
            promiscuous: true,
            monitor: false,
            buffer: None,
            immediate: false,
            times: Times::Micro,
            link: None,
            direction: None,
            expression: String::new(),
            optimize: true,
        }
    }
}

/// A running capture.
pub struct Live {
    handle: Handle,
    link: LinkType,
    kind: DataLink,
    packets: u64,
    /// Waits with poll(2), which a signal ends; elsewhere the library waits.
    polls: bool,
    warning: Option<String>,
}

/// What came.
#[derive(Debug)]
pub enum Event<'a> {
    /// A packet.
    Packet(Packet<'a>),
    /// Nothing for a while.
    Quiet,
    /// The interface gives no more packets.
    End,
}

impl Live {
    /// Opens the interface and begins.
    pub fn open(options: &Options) -> Result<Self, Error> {
        let settings = settings(options);
        let (mut handle, warning) = Handle::open(&options.interface, &settings)?;
        let library = crate::libpcap::library()?;
        let unknown = |text: String| Error::Interface {
            interface: options.interface.clone(),
            text,
        };
        if let Some(name) = &options.link {
            let value = library.datalink(name).ok_or_else(|| {
                unknown(format!(
                    "{name} is no link type; -L lists those of an interface"
                ))
            })?;
            handle.set_datalink(value).map_err(|error| {
                unknown(format!(
                    "{name} is no link type of it ({error}); -L lists those it has"
                ))
            })?;
        } else if options.interface == "any"
            && let Some(value) = library.datalink("LINUX_SLL2")
        {
            // says which interface it was; older libraries do not have it
            let _ = handle.set_datalink(value);
        }
        if let Some(direction) = options.direction {
            handle
                .set_direction(direction)
                .map_err(|error| unknown(format!("-Q does not work here: {error}")))?;
        }
        let mut program = handle.compile(&options.expression, options.optimize)?;
        handle.set_filter(&mut program)?;
        let polls = cfg!(target_os = "linux") && handle.wait(Duration::ZERO);
        if polls {
            handle.set_nonblocking()?;
        }
        let value = handle.datalink();
        Ok(Self {
            link: link_type(value),
            kind: library.describe(value),
            handle,
            packets: 0,
            polls,
            warning,
        })
    }

    /// What libpcap warned of when the interface was opened.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// How packets begin, as a file says it.
    pub fn link(&self) -> LinkType {
        self.link
    }

    /// How packets begin, in libpcap's words.
    pub fn kind(&self) -> &DataLink {
        &self.kind
    }

    /// At most so many bytes of a packet.
    pub fn snaplen(&self) -> u32 {
        self.handle.snaplen()
    }

    /// Whether times come in nanoseconds.
    pub fn nanoseconds(&self) -> bool {
        self.handle.nanoseconds()
    }

    /// The next packet; waits for it a tenth of a second.
    pub fn next_event(&mut self) -> Result<Event<'_>, Error> {
        let link = self.link;
        match self.handle.next(self.polls.then_some(TIMEOUT))? {
            Next::Packet {
                time,
                data,
                original,
            } => {
                self.packets += 1;
                Ok(Event::Packet(Packet {
                    number: self.packets,
                    time,
                    link,
                    interface: 0,
                    original_length: original,
                    offset: 0,
                    data,
                }))
            }
            Next::Nothing => Ok(Event::Quiet),
            Next::End => Ok(Event::End),
        }
    }

    /// What was counted since the capture began.
    pub fn statistics(&mut self) -> Result<Statistics, Error> {
        self.handle.statistics()
    }
}

/// The kinds of packets that an interface can give, and whether it has a monitor mode.
pub fn link_types(options: &Options) -> Result<(Vec<DataLink>, bool), Error> {
    let (handle, _) = Handle::open(&options.interface, &settings(options))?;
    let monitor = Handle::can_monitor(&options.interface)?;
    Ok((handle.datalinks()?, monitor))
}

fn settings(options: &Options) -> Settings {
    Settings {
        snaplen: options.snaplen,
        promiscuous: options.promiscuous,
        monitor: options.monitor,
        timeout: TIMEOUT,
        buffer: options.buffer,
        immediate: options.immediate,
        times: options.times,
    }
}

/// The number that files have for a kind of packets, where libpcap's own differs (www.tcpdump.org/linktypes.html).
fn link_type(value: i32) -> LinkType {
    match value {
        // DLT_RAW, on OpenBSD 14
        12 | 14 => LinkType::RAW,
        // DLT_PKTAP is DLT_USER2 on macOS
        149 if cfg!(target_os = "macos") => LinkType::PKTAP,
        value => LinkType(u32::try_from(value).unwrap_or(u32::MAX)),
    }
}

/// The number that libpcap has for a kind of packets in a file.
pub fn datalink(link: LinkType) -> i32 {
    match link {
        LinkType::RAW => 12,
        LinkType::PKTAP if cfg!(target_os = "macos") => 149,
        LinkType(value) => i32::try_from(value).unwrap_or(i32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_files_and_of_libpcap_are_told_apart() {
        for link in [
            LinkType::ETHERNET,
            LinkType::RAW,
            LinkType::LINUX_SLL2,
            LinkType::PKTAP,
        ] {
            assert_eq!(link_type(datalink(link)), link);
        }
        assert_eq!(link_type(12), LinkType::RAW);
        assert_eq!(link_type(-1), LinkType(u32::MAX));
    }
}
