//! What `overhear capture` takes, with the meanings of tcpdump(1); and what it shares with `overhear read`.

use clap::{ArgAction, Args, ValueEnum, ValueHint};
use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Capture {
    /// Interface to capture on, by its name or its number in -D, or `any` [default: the first of -D]
    #[arg(short, long, value_name = "IFACE")]
    pub(crate) interface: Option<String>,
    /// List the interfaces
    #[arg(short = 'D', long)]
    pub(crate) list_interfaces: bool,
    /// List the link types of the interface
    #[arg(short = 'L', long)]
    pub(crate) list_data_link_types: bool,
    /// Read packets from a file instead; - is standard input
    #[arg(short = 'r', value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) read: Option<PathBuf>,
    /// Write packets to a file instead of printing them: pcapng if its name ends so, else pcap; - is standard output
    #[arg(short = 'w', value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) write: Option<PathBuf>,
    /// Print them, too, when -w writes them
    #[arg(long, requires = "write")]
    pub(crate) print: bool,
    /// End after COUNT packets
    #[arg(short, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// End after this time: 30s, 5m, 2h
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// End when so much is written, over all files: 500kB, 100MB, 1GB
    #[arg(long, value_name = "SIZE", value_parser = size, requires = "write")]
    pub(crate) max_size: Option<u64>,
    /// Keep at most BYTES of each packet; 0 is the default of 262144
    #[arg(
        short,
        long,
        value_name = "BYTES",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub(crate) snapshot_length: u32,
    /// The system's buffer, in KiB: a larger one helps against dropped packets
    #[arg(short = 'B', long, value_name = "KIB", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) buffer_size: Option<u32>,
    /// Begin another file after so many million bytes (k, m, g: KiB, MiB, GiB)
    #[arg(short = 'C', value_name = "SIZE", value_parser = file_size, requires = "write")]
    pub(crate) file_size: Option<u64>,
    /// Begin another file after so many seconds; the name is a pattern of strftime(3)
    #[arg(short = 'G', value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..), requires = "write")]
    pub(crate) rotate_seconds: Option<u64>,
    /// With -C: so many files, one after the other again; with -G alone: end after so many
    #[arg(short = 'W', value_name = "FILES", requires = "write")]
    pub(crate) file_count: Option<u32>,
    /// Hand on each packet at once, to the file or the terminal
    #[arg(short = 'U', long)]
    pub(crate) packet_buffered: bool,
    /// Print each line at once
    #[arg(short = 'l')]
    pub(crate) line_buffered: bool,
    /// The link type, one of -L
    #[arg(short = 'y', long, value_name = "TYPE")]
    pub(crate) linktype: Option<String>,
    /// Not in promiscuous mode: only packets of this machine
    #[arg(short = 'p', long)]
    pub(crate) no_promiscuous_mode: bool,
    /// In monitor mode (Wi-Fi): all frames, with their radiotap headers
    #[arg(short = 'I', long)]
    pub(crate) monitor_mode: bool,
    /// Deliver packets as they come, without a buffer
    #[arg(long)]
    pub(crate) immediate_mode: bool,
    /// Only packets that come in, or go out
    #[arg(short = 'Q', long, value_name = "WAY", value_enum)]
    pub(crate) direction: Option<Way>,
    /// Take the expression from a file
    #[arg(short = 'F', value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "expression")]
    pub(crate) filter_file: Option<PathBuf>,
    /// Do not optimize the compiled expression
    #[arg(short = 'O', long)]
    pub(crate) no_optimize: bool,
    #[command(flatten)]
    pub(crate) lines: Lines,
    /// Which packets, in the language of pcap-filter(7): host 10.0.0.1 and not port 22
    #[arg(value_name = "EXPRESSION")]
    pub(crate) expression: Vec<String>,
    #[command(flatten)]
    pub(crate) unused: Unused,
}

/// What every subcommand takes and some have no use for: it is not in their help.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Unused {
    /// Scripts may say it for all subcommands
    #[arg(long = "data", value_name = "DIR", hide = true, value_hint = ValueHint::DirPath)]
    data: Option<PathBuf>,
}

/// How packets are printed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct Lines {
    /// Numbers instead of names of services and protocols (addresses are never looked up)
    #[arg(short = 'n', action = ArgAction::Count)]
    pub(crate) numbers: u8,
    /// The link header, too
    #[arg(short = 'e')]
    pub(crate) link_header: bool,
    /// Hexadecimal, too (-xx: with the link header)
    #[arg(short = 'x', action = ArgAction::Count)]
    pub(crate) hex: u8,
    /// Hexadecimal and ASCII, too (-XX: with the link header)
    #[arg(short = 'X', action = ArgAction::Count)]
    pub(crate) hex_and_ascii: u8,
    /// ASCII, too (-AA: with the link header)
    #[arg(short = 'A', action = ArgAction::Count)]
    pub(crate) ascii: u8,
    /// More; -vv and -vvv: still more
    #[arg(short = 'v', long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Less
    #[arg(short = 'q', long, action = ArgAction::Count)]
    pub(crate) quiet: u8,
    /// No time; -tt: since 1970, -ttt: since the packet before, -tttt: with the date, -ttttt: since the first
    #[arg(short = 't', action = ArgAction::Count)]
    pub(crate) time: u8,
    /// Absolute sequence numbers of TCP
    #[arg(short = 'S', long)]
    pub(crate) absolute_tcp_sequence_numbers: bool,
    /// Do not verify checksums
    #[arg(short = 'K', long)]
    pub(crate) dont_verify_checksums: bool,
    /// The packet's number before the line
    #[arg(short = '#', long)]
    pub(crate) number: bool,
    /// Digits of times: micro (6) or nano (9)
    #[arg(
        long,
        value_name = "micro|nano",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    pub(crate) time_stamp_precision: Precision,
}

/// Digits of a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Precision {
    /// Six
    #[default]
    Micro,
    /// Nine
    Nano,
}

/// Which way packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// To this machine
    In,
    /// From this machine
    Out,
    /// Both
    Inout,
}

const EXAMPLES: &str = "\
Examples:
  overhear capture -D                                  which interfaces there are
  overhear capture -i eth0 -n port 53                  questions to the DNS and their answers
  overhear capture -i any -w all.pcapng --for 30s      half a minute of everything
  overhear capture -i eth0 -w day-%H.pcap -G 3600 -W 24
  overhear capture -i eth0 -w ring.pcap -C 100 -W 10   the last gigabyte
  overhear capture -i rvi0                             an iPhone at this Mac (after rvictl -s UDID)

Options and lines are those of tcpdump; options may also stand behind the expression. Ctrl-C
ends; SIGUSR1 (on macOS also Ctrl-T) tells how many packets there were.";

/// `30s`, `5m`, `2h`, `500ms`, `90`.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err("write for example 30s, 5m or 2h".to_owned()),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "write for example 30s, 5m or 2h".to_owned())?;
    let duration =
        Duration::try_from_secs_f64(number * factor).map_err(|error| error.to_string())?;
    if duration.is_zero() {
        return Err("that is no time at all".to_owned());
    }
    Ok(duration)
}

/// What captures for the program.
#[derive(Debug, Args)]
pub(crate) struct Packets {
    /// The interface
    #[arg(long)]
    pub(crate) interface: String,
    /// An expression of pcap-filter(7)
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    pub(crate) expression: String,
}

/// Bytes, as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Size {
    /// How many.
    pub(crate) bytes: u64,
    text: String,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self {
            bytes: size(text)?,
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `500kB`, `100MB`, `1GiB`, `1000`.
fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err("write for example 500kB, 100MB or 1GB".to_owned()),
    };
    sized(number, factor)
}

/// Million bytes, or with a letter as newer versions of tcpdump read it.
fn file_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" => 1_000_000,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => {
            return Err(
                "write a number of million bytes, or for example 512k, 10m or 1g".to_owned(),
            );
        }
    };
    sized(number, factor)
}

fn sized(number: &str, factor: u64) -> Result<u64, String> {
    let number: u64 = number.parse().map_err(|_| "this is no number".to_owned())?;
    match number.checked_mul(factor) {
        None => Err("that is too large".to_owned()),
        Some(0) => Err("that is nothing at all".to_owned()),
        Some(size) => Ok(size),
    }
}

fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2"), Ok(Duration::from_secs(2)));
        for wrong in ["", "s", "1y", "-1s", "0s", "99999999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(size("1GB"), Ok(1_000_000_000));
        assert_eq!(size("4KiB"), Ok(4096));
        assert_eq!(size("17"), Ok(17));
        for wrong in ["", "MB", "1x", "0", "99999999TB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(file_size("2"), Ok(2_000_000));
        assert_eq!(file_size("2k"), Ok(2048));
        assert!(file_size("2x").is_err());
    }
}
