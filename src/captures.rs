//! Packets beside the proxy: each capture is a process of its own that reads an interface, and a thread here that reads
//! what it writes, keeps the packets in files and makes flows of them.

mod child;
mod files;
mod keylog;
mod read;

#[cfg(not(target_os = "macos"))]
pub(crate) use child::COPY;

use overhear_capture::flows::Others;
use overhear_proxy::Handle;
use overhear_store::{Store, Timestamp};
use overhear_webui::captures::{Capture, Captures, Refused, State};
use parking_lot::{Condvar, Mutex};
use std::{
    fmt,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStdin},
    str::FromStr,
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};
use tokio::runtime;

/// So many interfaces at once.
const MOST: usize = 16;

/// How long a capture may take to write what it has, before it is ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// The limit of the files of packets when nobody says otherwise.
pub(crate) const LIMIT: u64 = 1 << 30;

/// An interface to capture on, as it is typed: `IFACE` or `IFACE:EXPRESSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Where {
    pub(crate) interface: String,
    pub(crate) expression: Option<String>,
}

impl FromStr for Where {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (interface, expression) = text.split_once(':').unwrap_or((text, ""));
        let (interface, expression) = (interface.trim(), expression.trim());
        if interface.is_empty() || interface.starts_with('-') {
            return Err("write the name of an interface, or NAME:EXPRESSION".to_owned());
        }
        Ok(Self {
            interface: interface.to_owned(),
            expression: (!expression.is_empty()).then(|| expression.to_owned()),
        })
    }
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.interface)?;
        match &self.expression {
            Some(expression) => write!(f, ":{expression}"),
            None => Ok(()),
        }
    }
}

/// All captures of this run.
pub(crate) struct Table {
    shared: Arc<Shared>,
    list: Mutex<(u64, Vec<Arc<Entry>>)>,
}

/// What captures have in common.
struct Shared {
    store: Store,
    proxy: Handle,
    /// The ports of the proxy and of the page.
    ports: Vec<u16>,
    files: files::Limit,
    keys: keylog::KeyLogs,
    runtime: runtime::Handle,
}

/// One capture.
struct Entry {
    place: Where,
    now: Mutex<Now>,
    changed: Condvar,
}

/// How it is.
struct Now {
    shown: Capture,
    /// Closed, it ends the process.
    input: Option<ChildStdin>,
    process: Option<Child>,
    stop: bool,
    over: bool,
}

impl Table {
    /// Captures nothing yet. `ports` are those of the proxy and the page, `limit` is for all files of packets: bytes;
    /// TLS is decrypted with what is in the `key_logs`, and comes into them.
    pub(crate) fn new(
        store: Store,
        proxy: Handle,
        ports: Vec<u16>,
        limit: u64,
        key_logs: &[PathBuf],
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                store,
                proxy,
                ports,
                files: files::Limit::new(limit),
                keys: keylog::KeyLogs::new(key_logs),
                runtime: runtime::Handle::current(),
            }),
            list: Mutex::default(),
        }
    }

    /// Ends all captures; what they captured is written then.
    pub(crate) fn end(&self) {
        let all = std::mem::take(&mut self.list.lock().1);
        all.iter().for_each(|entry| entry.ask_to_end());
        all.iter().for_each(|entry| entry.wait());
    }
}

impl Captures for Table {
    fn list(&self) -> Vec<Capture> {
        let list = self.list.lock();
        list.1
            .iter()
            .map(|entry| entry.now.lock().shown.clone())
            .collect()
    }

    fn start(&self, interface: &str, expression: Option<&str>) -> Result<Capture, Refused> {
        let mut list = self.list.lock();
        let place = Where {
            interface: interface.to_owned(),
            expression: expression.map(str::to_owned),
        };
        // one that has failed makes room for another try
        list.1
            .retain(|entry| entry.place != place || entry.state() != State::Failed);
        if list.1.iter().any(|entry| entry.place == place) {
            let reason = format!("{place} is being captured already.");
            return Err(Refused { reason });
        }
        if list.1.len() >= MOST {
            let reason = format!("{MOST} captures go on already: stop one of them.");
            return Err(Refused { reason });
        }
        list.0 += 1;
        let shown = Capture {
            id: list.0,
            interface: place.interface.clone(),
            expression: place.expression.clone(),
            filter: filter(place.expression.as_deref(), &self.shared.ports),
            state: State::Starting,
            packets: 0,
            bytes: 0,
            dropped: 0,
            error: None,
        };
        let entry = Arc::new(Entry {
            place,
            now: Mutex::new(Now {
                shown: shown.clone(),
                input: None,
                process: None,
                stop: false,
                over: false,
            }),
            changed: Condvar::new(),
        });
        let (shared, worker) = (self.shared.clone(), entry.clone());
        let thread = thread::Builder::new().name("overhear-packets".to_owned());
        let spawned = thread.spawn(move || read::run(&shared, &worker));
        if let Err(error) = spawned {
            let reason = format!("A thread cannot be started: {error}");
            return Err(Refused { reason });
        }
        list.1.push(entry);
        Ok(shown)
    }

    fn stop(&self, id: u64) -> bool {
        let entry = {
            let mut list = self.list.lock();
            let place = list
                .1
                .iter()
                .position(|entry| entry.now.lock().shown.id == id);
            place.map(|place| list.1.remove(place))
        };
        let Some(entry) = entry else {
            return false;
        };
        entry.ask_to_end();
        entry.wait();
        true
    }
}

impl Entry {
    fn state(&self) -> State {
        self.now.lock().shown.state
    }

    fn ask_to_end(&self) {
        let mut now = self.now.lock();
        now.stop = true;
        // the process sees that its input ends, writes what it has and ends
        now.input = None;
        drop(now);
        self.changed.notify_all();
    }

    /// Waits until its thread has ended; a process that does not end is ended.
    fn wait(&self) {
        let limit = Instant::now() + PATIENCE;
        let mut now = self.now.lock();
        while !now.over {
            if self.changed.wait_until(&mut now, limit).timed_out() {
                if let Some(process) = &mut now.process {
                    // it may have ended meanwhile
                    let _ = process.kill();
                }
                self.changed.wait_for(&mut now, PATIENCE);
                return;
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut Capture)) {
        change(&mut self.now.lock().shown);
    }

    /// Waits for so long, or until it is to end; whether it is.
    fn pause(&self, pause: Duration) -> bool {
        let limit = Instant::now() + pause;
        let mut now = self.now.lock();
        while !now.stop {
            if self.changed.wait_until(&mut now, limit).timed_out() {
                break;
            }
        }
        now.stop
    }
}

/// What the system filters by: never the proxy's own ports; without an expression, nor what it records.
fn filter(expression: Option<&str>, ports: &[u16]) -> String {
    let own: Vec<_> = ports
        .iter()
        .map(|port| format!("tcp port {port}"))
        .collect();
    let wanted = match expression {
        Some(expression) => format!("({expression})"),
        None => "not (port 80 or port 443)".to_owned(),
    };
    match own.is_empty() {
        true => wanted,
        false => format!("{wanted} and not ({})", own.join(" or ")),
    }
}

/// The connections that the proxy makes, which it records itself.
struct Upstream(Weak<Shared>);

impl Others for Upstream {
    fn has(&self, client: SocketAddr, server: SocketAddr, opened: Timestamp, stood: bool) -> bool {
        let shared = self.0.upgrade();
        shared.is_some_and(|shared| shared.proxy.is_own(client, server, opened, stood))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_read_with_its_expression() {
        let place = |text: &str| text.parse::<Where>();
        let whole = place("eth0: tcp port 25 or ip6[6]:1 = 6").unwrap();
        assert_eq!(whole.interface, "eth0");
        let expression = whole.expression.as_deref();
        assert_eq!(expression, Some("tcp port 25 or ip6[6]:1 = 6"));
        assert_eq!(place(&whole.to_string()), Ok(whole));
        assert_eq!(place("any:").unwrap().expression, None);
        assert_eq!(place("any").unwrap().to_string(), "any");
        for wrong in ["", ":udp", "-w", " "] {
            assert!(place(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_the_proxy_records_is_left_out() {
        let usual = filter(None, &[8080, 8081]);
        assert_eq!(
            usual,
            "not (port 80 or port 443) and not (tcp port 8080 or tcp port 8081)"
        );
        let asked = filter(Some("port 80 or udp"), &[8080]);
        assert_eq!(asked, "(port 80 or udp) and not (tcp port 8080)");
        assert_eq!(filter(Some("udp"), &[]), "(udp)");
        // libpcap reads them
        for expression in [usual, asked] {
            if let Ok(mut handle) = overhear_capture::libpcap::Handle::dead(1, 65_535) {
                handle.compile(&expression, true).unwrap();
            }
        }
    }
}
