//! Ctrl-C and SIGTERM: the first asks everything to end, the second ends at once.

use crate::terminal::tell;
use anyhow::Context;
use std::process;
use tokio::sync::watch;

/// The exit status when a second signal comes.
const INTERRUPTED: i32 = 130;

/// Turns true with the first signal (or when it is sent).
pub(super) fn watch() -> anyhow::Result<(watch::Sender<bool>, watch::Receiver<bool>)> {
    let (stop, stopped) = watch::channel(false);
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let sender = stop.clone();
    tokio::spawn(async move {
        signals.next().await;
        tell("overhear: ending; once more to end at once");
        let _ = sender.send(true);
        signals.next().await;
        process::exit(INTERRUPTED);
    });
    Ok((stop, stopped))
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            // the terminal was closed
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
