//! Where packets go: files one after the other, lines on standard output, or both.

use crate::{
    cli::{Capture, Lines, Precision},
    exit::Usage,
    terminal,
};
use anyhow::Context;
use overhear_capture::{
    LinkType, Packet,
    file::Interface,
    live::{self, Live},
    print::{Frame, Names, Options, Printer, Stamp},
    write::{
        Counted, Format, Header, Writer,
        rotate::{Rotation, Turn},
    },
};
use std::{
    fs::File,
    io::{self, IsTerminal, Write},
    path::Path,
};

/// Lines are handed on when there are so many bytes of them, or when nothing comes.
const LINES: usize = 64 * 1024;

/// Whether there may be more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Going {
    On,
    /// A limit is reached.
    Enough,
}

/// Where packets go.
pub(super) struct Output {
    file: Option<Files>,
    lines: Option<Printed>,
}

/// The file that is open, and which ones come after it.
struct Files {
    /// The one that is open, for a person.
    name: String,
    writer: Writer<Box<dyn Write>>,
    header: Header,
    rotation: Option<Rotation>,
    /// Bytes of the files before this one.
    before: u64,
    limit: Option<u64>,
    at_once: bool,
}

struct Printed {
    printer: Printer,
    out: Vec<u8>,
    at_once: bool,
}

impl Output {
    /// For packets of an interface.
    pub(super) fn live(
        options: &Capture,
        capture: &Live,
        live: &live::Options,
    ) -> anyhow::Result<Self> {
        let header = Header {
            format: Format::Pcap,
            link: capture.link(),
            snaplen: capture.snaplen(),
            nanoseconds: capture.nanoseconds(),
            interface: Some(live.interface.clone()),
            filter: Some(live.expression.clone()),
        };
        Self::new(options, header)
    }

    /// For packets of a file.
    pub(super) fn file(
        options: &Capture,
        link: LinkType,
        interface: Option<&Interface>,
    ) -> anyhow::Result<Self> {
        // 0 and what no signed number holds are no limit, as in libpcap
        let snaplen = interface.map(|interface| interface.snap_length);
        let snaplen = snaplen.filter(|length| (1..=i32::MAX.cast_unsigned()).contains(length));
        let header = Header {
            format: Format::Pcap,
            link,
            snaplen: snaplen.unwrap_or(live::SNAPLEN),
            nanoseconds: options.lines.time_stamp_precision == Precision::Nano,
            interface: None,
            filter: Some(options.expression.join(" ")),
        };
        Self::new(options, header)
    }

    fn new(options: &Capture, mut header: Header) -> anyhow::Result<Self> {
        let file = match &options.write {
            None => None,
            Some(path) => {
                header.format = Format::of_path(path);
                Some(Files::open(options, path, header)?)
            }
        };
        let prints = file.is_none() || options.print;
        let to_stdout = options
            .write
            .as_ref()
            .is_some_and(|path| path.as_os_str() == "-");
        if options.print && to_stdout {
            let text = "-w - and --print cannot both write to standard output";
            return Err(Usage(text.to_owned()).into());
        }
        let lines = prints.then(|| Printed {
            printer: printer(&options.lines),
            out: Vec::new(),
            at_once: options.line_buffered || options.packet_buffered || io::stdout().is_terminal(),
        });
        Ok(Self { file, lines })
    }

    /// One more packet.
    pub(super) fn packet(&mut self, packet: &Packet<'_>) -> anyhow::Result<Going> {
        if let Some(lines) = &mut self.lines {
            lines.packet(packet)?;
        }
        match &mut self.file {
            Some(file) => file.packet(packet),
            None => Ok(Going::On),
        }
    }

    /// Hands on what was kept back.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        if let Some(lines) = &mut self.lines {
            lines.flush()?;
        }
        if let Some(file) = &mut self.file {
            file.writer.flush().context(cannot_write(&file.name))?;
        }
        Ok(())
    }

    /// Ends the file.
    pub(super) fn finish(mut self, counted: Option<Counted>) -> anyhow::Result<()> {
        if let Some(lines) = &mut self.lines {
            lines.flush()?;
        }
        match self.file {
            Some(file) => {
                let said = cannot_write(&file.name);
                file.writer.finish(counted).context(said)
            }
            None => Ok(()),
        }
    }
}

impl Files {
    fn open(options: &Capture, path: &Path, header: Header) -> anyhow::Result<Self> {
        let rotates = options.file_size.is_some() || options.rotate_seconds.is_some();
        let stdout = path.as_os_str() == "-";
        if rotates && stdout {
            let text =
                "-C and -G begin other files, which standard output cannot: name a file with -w";
            return Err(Usage(text.to_owned()).into());
        }
        if stdout && io::stdout().is_terminal() {
            let text = "packets are binary and would only upset the terminal: name a file with -w FILE, or write to a \
                        pipe";
            return Err(Usage(text.to_owned()).into());
        }
        let rotation = rotates.then(|| {
            Rotation::new(
                &path.to_string_lossy(),
                options.file_size,
                options.rotate_seconds,
                options.file_count.unwrap_or(0),
                seconds(),
            )
        });
        let name = match &rotation {
            Some(rotation) => rotation.current(),
            None => path.to_string_lossy().into_owned(),
        };
        let writer = match &rotation {
            Some(_) => begin(Path::new(&name), &header)?,
            None => begin(path, &header)?,
        };
        Ok(Self {
            name,
            writer,
            header,
            rotation,
            before: 0,
            limit: options.max_size,
            at_once: options.packet_buffered,
        })
    }

    fn packet(&mut self, packet: &Packet<'_>) -> anyhow::Result<Going> {
        if packet.link != self.header.link {
            anyhow::bail!(
                "packet {} is of another link type ({}) than those before it ({}): one file cannot hold both; choose \
                 with an expression, or -y",
                packet.number,
                packet.link,
                self.header.link
            );
        }
        if let Some(rotation) = &mut self.rotation {
            match rotation.turn(self.writer.written(), seconds()) {
                Turn::Stay => {}
                Turn::End => return Ok(Going::Enough),
                Turn::Open(name) => {
                    // the file before is closed first: it may be the same one
                    self.writer.flush().context(cannot_write(&self.name))?;
                    self.before += self.writer.written();
                    self.writer = begin(Path::new(&name), &self.header)?;
                    self.name = name;
                }
            }
        }
        let said = || cannot_write(&self.name);
        self.writer.packet(packet).with_context(said)?;
        if self.at_once {
            self.writer.flush().with_context(said)?;
        }
        match self.limit {
            Some(limit) if self.before + self.writer.written() >= limit => Ok(Going::Enough),
            _ => Ok(Going::On),
        }
    }
}

impl Printed {
    fn packet(&mut self, packet: &Packet<'_>) -> anyhow::Result<()> {
        self.printer.print(&mut self.out, &frame(packet));
        if self.at_once || self.out.len() >= LINES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        if !self.out.is_empty() {
            let mut out = io::stdout().lock();
            let written = out.write_all(&self.out).and_then(|()| out.flush());
            written.context(terminal::STANDARD_OUTPUT)?;
            self.out.clear();
        }
        Ok(())
    }
}

/// A printer for what the command line asks for.
pub(crate) fn printer(lines: &Lines) -> Printer {
    let names = if lines.numbers > 0 {
        Names::of_interfaces()
    } else {
        Names::of_system()
    };
    let options = Options {
        link: lines.link_header,
        numbers: lines.numbers > 0,
        quiet: lines.quiet > 0,
        verbose: lines.verbose,
        absolute: lines.absolute_tcp_sequence_numbers,
        unchecked: lines.dont_verify_checksums,
        number: lines.number,
        stamp: Stamp::of(lines.time),
        nanoseconds: lines.time_stamp_precision == Precision::Nano,
        hex: lines.hex,
        hex_and_ascii: lines.hex_and_ascii,
        ascii: lines.ascii,
    };
    Printer::new(options, names)
}

/// A packet for the printer.
pub(crate) fn frame<'a>(packet: &Packet<'a>) -> Frame<'a> {
    Frame {
        number: packet.number,
        time: packet.time,
        link: packet.link.0,
        data: packet.data,
        original: usize::try_from(packet.original_length).unwrap_or(usize::MAX),
    }
}

fn cannot_write(name: &str) -> String {
    match name {
        "-" => terminal::STANDARD_OUTPUT.to_owned(),
        name => format!("cannot write {name}"),
    }
}

fn begin(path: &Path, header: &Header) -> anyhow::Result<Writer<Box<dyn Write>>> {
    let cannot = || cannot_write(&path.to_string_lossy());
    let out: Box<dyn Write> = if path.as_os_str() == "-" {
        Box::new(io::stdout())
    } else {
        Box::new(File::create(path).with_context(cannot)?)
    };
    let mut writer = Writer::new(out, header.clone()).with_context(cannot)?;
    // whoever reads along sees at once what kind of file it is
    writer.flush().with_context(cannot)?;
    Ok(writer)
}

/// Seconds since the Unix epoch.
fn seconds() -> i64 {
    super::now() / 1_000_000_000
}
