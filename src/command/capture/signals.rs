//! Ctrl-C and SIGTERM end a capture, SIGUSR1 (and SIGINFO where there is one) asks how far it is.

use anyhow::Context;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

/// What the signals said; the capture looks between packets.
pub(in crate::command) struct Signals {
    stop: Arc<AtomicBool>,
    report: Arc<AtomicBool>,
    /// Listens as long as this lives.
    _runtime: Runtime,
}

impl Signals {
    /// Whether to end.
    pub(super) fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether somebody asked how far it is; each question is answered once.
    pub(super) fn report(&self) -> bool {
        // a plain look first: this is asked before each packet
        self.report.load(Ordering::Relaxed) && self.report.swap(false, Ordering::Relaxed)
    }
}

/// Listens from now on.
pub(in crate::command) fn watch() -> anyhow::Result<Signals> {
    let cannot = "cannot listen for signals";
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context(cannot)?;
    let (stop, report) = <(Arc<AtomicBool>, Arc<AtomicBool>)>::default();
    let within = runtime.enter();
    for (kind, flag) in [
        (SignalKind::interrupt(), &stop),
        (SignalKind::terminate(), &stop),
        (SignalKind::hangup(), &stop),
        (SignalKind::user_defined1(), &report),
        #[cfg(any(target_os = "macos", target_os = "freebsd"))]
        (SignalKind::info(), &report),
    ] {
        let mut signal = signal(kind).context(cannot)?;
        let flag = Arc::clone(flag);
        runtime.spawn(async move {
            while signal.recv().await.is_some() {
                flag.store(true, Ordering::Relaxed);
            }
        });
    }
    drop(within);
    Ok(Signals {
        stop,
        report,
        _runtime: runtime,
    })
}
