//! Which program on this computer a connection is from.
//!
//! Asking the system means to look through the open files of its processes, so a thread of its own does it for all
//! connections that wait, and never more than a tenth of its time (a fiftieth when very many come). The traffic does not wait for
//! it, and when more connections come than can be looked up, the programs of some stay unknown.

#[cfg(target_os = "linux")]
#[path = "apps/linux.rs"]
mod system;
#[cfg(target_os = "macos")]
#[path = "apps/macos.rs"]
mod system;
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
#[path = "apps/unknown.rs"]
mod system;

use overhear_store::{App, AppQuestion, AskedApp, Recorder};
use std::{
    collections::HashMap,
    future::pending,
    iter,
    net::SocketAddr,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Connections that wait to be looked up; the programs of more stay unknown.
const MOST_WAITING: usize = 128;
/// A look through the processes is followed by a pause of so many times its length.
const REST: u32 = 9;
/// With so many connections at once, the pause is longer: whoever makes that many is looked for no more often than need be.
const CROWD: usize = 32;
const CROWD_REST: u32 = 49;

/// The two ends of a client's connection: its own, and ours.
type Pair = (SocketAddr, SocketAddr);

/// How often it is asked whether a client that sends nothing more still listens.
const LISTENS: Duration = Duration::from_millis(100);

/// Ends when the client of a connection, which has closed its sending side, is known to have closed all of it: its socket belongs
/// to no program any more. That can be known of clients on this computer, on Linux; of others this never ends.
///
/// TCP alone does not tell the one from the other before something is sent (RFC 9293 section 3.6).
pub(crate) async fn gone(client: SocketAddr, local: SocketAddr) {
    if !client.ip().is_loopback() && client.ip() != local.ip() {
        return pending().await;
    }
    loop {
        match system::has_program((client, local)) {
            Some(true) => sleep(LISTENS).await,
            Some(false) => return,
            None => return pending().await,
        }
    }
}

struct Question {
    local: SocketAddr,
    question: AppQuestion,
}

/// Asks which programs connections are from.
pub(crate) struct Apps {
    asking: Option<SyncSender<Question>>,
}

impl Apps {
    pub(crate) fn new() -> Self {
        let (asking, questions) = sync_channel(MOST_WAITING);
        let name = "overhear-apps".to_owned();
        let started = system::KNOWS
            && thread::Builder::new()
                .name(name)
                .spawn(move || answer(&questions))
                .inspect_err(|error| tracing::warn!(%error, "programs cannot be looked up"))
                .is_ok();
        Self {
            asking: started.then_some(asking),
        }
    }

    /// Asks for the program of a connection from this computer. What is returned lives as long as the connection.
    pub(crate) fn ask(
        &self,
        recorder: &Recorder,
        client: SocketAddr,
        local: SocketAddr,
    ) -> Option<AskedApp> {
        let asking = self.asking.as_ref()?;
        if !client.ip().is_loopback() {
            return None;
        }
        let (asked, question) = recorder.ask_app(client);
        // when too many wait, the question is dropped, and with it the answer
        let _ = asking.try_send(Question { local, question });
        Some(asked)
    }
}

/// Answers until nobody can ask any more.
fn answer(questions: &Receiver<Question>) {
    let mut recent = Recent::default();
    while let Ok(first) = questions.recv() {
        let mut waiting: HashMap<Pair, AppQuestion> = HashMap::new();
        for Question { local, question } in iter::once(first).chain(questions.try_iter()) {
            waiting.insert((question.client(), local), question);
        }
        let rest = if waiting.len() < CROWD {
            REST
        } else {
            CROWD_REST
        };
        let begun = Instant::now();
        let pairs = waiting.keys().copied().collect();
        for (pair, app) in system::find(&pairs, &recent.0) {
            recent.seen(app.pid);
            if let Some(question) = waiting.remove(&pair) {
                question.answer(app);
            }
        }
        drop(waiting);
        thread::sleep(begun.elapsed() * rest);
    }
}

/// The processes that were found last, which are the likeliest to be found next.
#[derive(Default)]
struct Recent(Vec<u32>);

impl Recent {
    const MOST: usize = 16;

    fn seen(&mut self, pid: u32) {
        self.0.retain(|known| *known != pid);
        self.0.insert(0, pid);
        self.0.truncate(Self::MOST);
    }
}

/// The numbers of processes in the order in which they are looked at: those that were found last, then of all others (which
/// are listed only then) the youngest first: what has just connected has often just begun.
#[cfg_attr(
    not(any(target_os = "linux", target_os = "macos")),
    expect(dead_code, reason = "for the systems that are asked")
)]
fn in_order(all: impl FnOnce() -> Vec<u32>, recent: &[u32]) -> impl Iterator<Item = u32> {
    let others = iter::once_with(|| {
        let mut all = all();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all
    });
    let others = others.flatten().filter(|pid| !recent.contains(pid));
    recent.iter().copied().chain(others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_last_found_and_the_youngest_come_first() {
        let mut recent = Recent::default();
        for pid in [3, 9, 3, 40] {
            recent.seen(pid);
        }
        assert_eq!(recent.0, [40, 3, 9]);
        let order = in_order(|| vec![1, 3, 9, 7], &recent.0);
        assert_eq!(order.collect::<Vec<_>>(), [40, 3, 9, 7, 1]);
        let listed = in_order(|| panic!("not needed"), &recent.0);
        assert_eq!(listed.take(3).count(), 3);
        (100..200).for_each(|pid| recent.seen(pid));
        assert_eq!(recent.0.len(), Recent::MOST);
    }

    #[cfg(any(target_os = "linux", target_os = "macos"))]
    #[test]
    fn a_connection_of_this_process_is_found() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = std::net::TcpListener::bind(address) else {
                continue;
            };
            let local = listener.local_addr().expect("bound");
            let client = std::net::TcpStream::connect(local).expect("connected");
            let pair = (client.local_addr().expect("bound"), local);
            let (accepted, _) = listener.accept().expect("accepted");
            // our own end of it has its addresses the other way round
            let found = system::find(&HashSet::from([pair]), &[]);
            let [(of, app)] = &found[..] else {
                panic!("found {found:?}");
            };
            assert_eq!((*of, app.pid), (pair, std::process::id()));
            assert!(app.name.starts_with("overhear_proxy"), "{app:?}");
            drop((client, accepted));
            let gone = system::find(&HashSet::from([pair]), &[std::process::id()]);
            assert_eq!(gone, [], "nobody has it any more");
        }
    }
}
