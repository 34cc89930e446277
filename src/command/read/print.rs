//! `overhear read --print`: the packets of a file as lines.

use crate::{cli::Read, command::capture, terminal::STANDARD_OUTPUT};
use anyhow::Context;
use overhear_capture::{Reader, filter::Filter};
use std::io::{self, Write};

/// Lines are handed on when there are so many bytes of them.
const LINES: usize = 64 * 1024;

pub(super) fn execute(options: &Read) -> anyhow::Result<()> {
    let mut reader =
        Reader::open(&options.file).with_context(|| format!("{}", options.file.display()))?;
    let mut filter = Filter::new(&options.expression.join(" "), true).map_err(capture::explain)?;
    let mut printer = capture::printer(&options.lines);
    let mut lines = Vec::new();
    let mut out = io::stdout().lock();
    let mut left = options.count;
    let damage = loop {
        let packet = match reader.next() {
            Ok(Some(packet)) => packet,
            Ok(None) => break None,
            Err(damage) => break Some(damage),
        };
        match filter.matches(&packet) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => {
                // what matched before is not lost
                out.write_all(&lines)?;
                out.flush()?;
                return Err(capture::explain(error));
            }
        }
        printer.print(&mut lines, &capture::frame(&packet));
        if lines.len() >= LINES {
            out.write_all(&lines).context(STANDARD_OUTPUT)?;
            lines.clear();
        }
        if let Some(left) = &mut left {
            *left -= 1;
            if *left == 0 {
                break None;
            }
        }
    };
    let written = out.write_all(&lines).and_then(|()| out.flush());
    written.context(STANDARD_OUTPUT)?;
    capture::ended(filter)?;
    match damage {
        None => Ok(()),
        // what could be read is printed; where it ends and why is told
        Some(damage) => Err(damage).with_context(|| format!("{}", options.file.display())),
    }
}
