//! `overhear packets`, which the program calls itself: captures on an interface and writes pcapng to standard output, so
//! that only this process needs the privilege. It ends when its standard input does: with the program that started it,
//! however that ends.

use super::capture::{explain_beside, watch};
use crate::cli::Packets;
use anyhow::Context;
use overhear_capture::{
    libpcap::Times,
    live::{self, Event, Live},
    write::{Counted, Format, Header, Writer},
};
use overhear_store::Timestamp;
use std::{
    io::{self, Read as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How often the counts of the system are written.
const COUNTED: Duration = Duration::from_millis(500);

/// The system's buffer in KiB: what comes while the program writes elsewhere waits there.
const BUFFER: u32 = 32 << 10;

/// Packets may wait in the system for so long.
const WAITING: Duration = Duration::from_millis(250);

pub(super) fn execute(options: &Packets) -> anyhow::Result<()> {
    let mut live = live::Options::new(&options.interface);
    live.expression.clone_from(&options.expression);
    live.times = Times::Finest;
    live.buffer = Some(BUFFER);
    let mut capture = Live::open(&live).map_err(explain_beside)?;
    let header = Header {
        format: Format::Pcapng,
        link: capture.link(),
        snaplen: capture.snaplen(),
        nanoseconds: true,
        interface: Some(live.interface.clone()),
        filter: Some(live.expression.clone()),
    };
    // a service manager asks every process of a service to end: the program ends this one, in order
    let _heard = watch()?;
    let over = ends_with_input()?;
    let mut out = Writer::new(io::stdout(), header)?;
    // says that packets are taken from now on
    count(&mut out, &mut capture)?;
    out.flush()?;
    let mut counted = Instant::now();
    let mut end_asked: Option<Instant> = None;
    let ended = loop {
        let quiet = match capture.next_event() {
            Ok(Event::Packet(packet)) => {
                out.packet(&packet)?;
                false
            }
            Ok(Event::Quiet) => true,
            Ok(Event::End) => {
                break Err(anyhow::anyhow!("{} gives no more packets", live.interface));
            }
            Err(error) => break Err(anyhow::Error::new(error).context(live.interface.clone())),
        };
        match end_asked {
            // what came before that has been taken
            Some(asked) if (quiet && asked.elapsed() >= WAITING) || asked.elapsed() >= COUNTED => {
                break Ok(());
            }
            None if over.load(Ordering::Relaxed) => end_asked = Some(Instant::now()),
            _ => {}
        }
        if counted.elapsed() >= COUNTED {
            counted = Instant::now();
            count(&mut out, &mut capture)?;
            out.flush()?;
        } else if quiet {
            out.flush()?;
        }
    };
    count(&mut out, &mut capture)?;
    out.flush()?;
    ended
}

fn count(out: &mut Writer<io::Stdout>, capture: &mut Live) -> anyhow::Result<()> {
    let statistics = capture.statistics()?;
    out.statistics(&Counted {
        at: Timestamp::now().0,
        received: statistics.received.into(),
        dropped: u64::from(statistics.dropped) + u64::from(statistics.dropped_by_interface),
    })?;
    Ok(())
}

/// Turns true when nothing comes from standard input any more.
fn ends_with_input() -> anyhow::Result<Arc<AtomicBool>> {
    let over = Arc::new(AtomicBool::new(false));
    let told = over.clone();
    let watch = move || {
        let mut byte = [0];
        while io::stdin().read(&mut byte).is_ok_and(|read| read > 0) {}
        told.store(true, Ordering::Relaxed);
    };
    thread::Builder::new()
        .spawn(watch)
        .context("cannot start a thread")?;
    Ok(over)
}
