//! What a capturing process writes: read to its end, and begun again when it broke off.

use super::{Entry, Shared, Upstream, child, files::Files};
use crate::terminal::tell;
use overhear_capture::{
    Packet, Reader,
    file::Next,
    flows::Flows,
    write::{Format, Header},
};
use overhear_store::{
    Timestamp,
    read::{CaptureSource, Counted},
};
use overhear_webui::captures::State;
use std::{sync::Arc, time::Duration};

/// Until a capture that broke off begins again: first, and at most.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How a process ended.
struct Ended {
    /// It has captured.
    ran: bool,
    /// What it said.
    said: String,
}

/// Captures until it is told to end, or cannot begin.
pub(super) fn run(shared: &Arc<Shared>, entry: &Entry) {
    let mut pause = PAUSE;
    let mut ever = false;
    loop {
        let ended = once(shared, entry);
        if ended.ran {
            (ever, pause) = (true, PAUSE);
        }
        if entry.now.lock().stop {
            break;
        }
        let place = &entry.place;
        let said = match ended.said.as_str() {
            "" => "the process that captures ended without a word".to_owned(),
            said => said.to_owned(),
        };
        if !ever {
            tell(&format!(
                "overhear: cannot capture on {}: {said}",
                place.interface
            ));
            entry.change(|shown| {
                shown.state = State::Failed;
                shown.error = Some(said);
            });
            break;
        }
        let seconds = pause.as_secs();
        tell(&format!(
            "overhear: the capture on {} broke off, and begins again in {seconds} seconds: {said}",
            place.interface
        ));
        entry.change(|shown| {
            shown.state = State::Waiting;
            shown.error = Some(format!(
                "The capture broke off, and begins again soon. {said}"
            ));
        });
        if entry.pause(pause) {
            break;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    entry.now.lock().over = true;
    entry.changed.notify_all();
}

/// Captures once.
fn once(shared: &Arc<Shared>, entry: &Entry) -> Ended {
    let failed = |said: String| Ended { ran: false, said };
    let filter = entry.now.lock().shown.filter.clone();
    let mut child = match child::start(&entry.place.interface, &filter) {
        Ok(child) => child,
        Err(error) => {
            return failed(format!(
                "the process that captures cannot be started: {error}"
            ));
        }
    };
    let Some((out, errors)) = child.stdout.take().zip(child.stderr.take()) else {
        return failed("the process that captures has no output".to_owned());
    };
    {
        let mut now = entry.now.lock();
        // told to end meanwhile, it ends at once
        now.input = child.stdin.take().filter(|_| !now.stop);
        now.process = Some(child);
    }
    let said = child::said(errors);
    let ran = match Reader::new(out) {
        Ok(reader) => {
            let read = capture(shared, entry, reader);
            if let Err(error) = &read {
                tracing::warn!("a capture could not be recorded: {error}");
            }
            true
        }
        Err(_) => false,
    };
    end(entry);
    Ended {
        ran,
        said: said.join().unwrap_or_default(),
    }
}

/// Waits for the process.
fn end(entry: &Entry) {
    let process = {
        let mut now = entry.now.lock();
        now.input = None;
        now.process.take()
    };
    if let Some(mut process) = process {
        // its output has ended, and so does it
        let _ = process.kill();
        if let Err(error) = process.wait() {
            tracing::warn!("the process that captures could not be waited for: {error}");
        }
    }
}

/// Reads until the process ends.
fn capture(
    shared: &Arc<Shared>,
    entry: &Entry,
    mut reader: Reader,
) -> Result<(), overhear_store::Error> {
    let name = entry.place.to_string();
    let begun = shared.store.begin_capture(CaptureSource::Live, &name, None);
    let capture = shared.runtime.block_on(begun)?;
    let recorder = shared.store.recorder();
    let others = Arc::new(Upstream(Arc::downgrade(shared)));
    let keys = &shared.keys;
    keys.read();
    let mut flows = Flows::live(recorder.clone(), &name, others).with_keys(keys.secrets());
    let mut files: Option<Files<'_>> = None;
    let mut counted = Counted::default();
    let (mut before, mut began) = (0, false);
    loop {
        if !began && !reader.interfaces().is_empty() {
            began = true;
            begin(entry);
        }
        match reader.next_or_statistics() {
            Ok(Some(Next::Packet(packet))) => {
                counted.packets += 1;
                counted.bytes += packet.data.len() as u64;
                let files = files.get_or_insert_with(|| {
                    let header = header(entry, &packet);
                    Files::new(shared, capture, header)
                });
                let kept = files.packet(&packet);
                flows.kept_in(kept.map(|(file, _)| file));
                flows.packet(&Packet {
                    offset: kept.map_or(0, |(_, offset)| offset),
                    ..packet
                });
                // a program writes them just before it uses them
                if flows.awaits_keys() && keys.read() {
                    flows.keys_came();
                }
            }
            Ok(Some(Next::Statistics)) => {
                let dropped = reader.interfaces().first().and_then(|i| i.dropped);
                counted.dropped = dropped.unwrap_or(counted.dropped);
                keys.read();
                flows.tick(Timestamp::now().0 - BEHIND);
                for link in flows.bad_links() {
                    let (text, means) = (link.text, link.means);
                    tell(&format!(
                        "overhear: Wi-Fi on {}: {text} {means}",
                        entry.place
                    ));
                }
            }
            // its end, also in the middle of a packet
            Ok(None) | Err(_) => break,
        }
        if reader.is_waiting() {
            if let Some(files) = &mut files {
                files.flush();
            }
            let trouble = files.as_ref().and_then(Files::trouble).map(str::to_owned);
            let trouble = trouble.or_else(|| keys.trouble());
            show(entry, &counted, trouble);
            // who records faster than can be written waits; the system drops meanwhile, and says so
            shared.runtime.block_on(recorder.room());
        }
        if counted.dropped > before {
            if before == 0 {
                tell(&format!(
                    "overhear: packets on {} come faster than they can be taken, and some are lost: an expression that \
                     takes less helps",
                    entry.place.interface
                ));
            }
            before = counted.dropped;
        }
    }
    keys.read();
    flows.finish();
    // the packets are whole before their flows say that they have ended
    drop(files);
    show(entry, &counted, None);
    let why = match entry.now.lock().stop {
        true => None,
        false => Some("The process that captures ended.".to_owned()),
    };
    let ended = shared.store.end_capture(capture, counted, why);
    shared.runtime.block_on(ended)
}

/// Packets may wait in the system and in the pipe for so long: nanoseconds.
const BEHIND: i64 = 500_000_000;

fn begin(entry: &Entry) {
    let filter = {
        let mut now = entry.now.lock();
        now.shown.state = State::Running;
        now.shown.error = None;
        now.shown.filter.clone()
    };
    tell(&format!(
        "overhear: capturing on {}: {filter}",
        entry.place.interface
    ));
}

fn show(entry: &Entry, counted: &Counted, trouble: Option<String>) {
    entry.change(|shown| {
        shown.packets = counted.packets;
        shown.bytes = counted.bytes;
        shown.dropped = counted.dropped;
        shown.error = trouble;
    });
}

fn header(entry: &Entry, packet: &Packet<'_>) -> Header {
    Header {
        format: Format::Pcapng,
        link: packet.link,
        snaplen: overhear_capture::live::SNAPLEN,
        nanoseconds: true,
        interface: Some(entry.place.interface.clone()),
        filter: Some(entry.now.lock().shown.filter.clone()),
    }
}
