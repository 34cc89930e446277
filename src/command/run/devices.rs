//! Which devices may use the proxy: asks in the terminal, and remembers what was answered there or in the page.

use super::someone_is_there;
use crate::{data::Data, terminal::tell};
use overhear_proxy::{Decision, Device, Handle};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::{self, BufRead, Write},
    net::IpAddr,
    thread,
};
use tokio::sync::mpsc;

/// Watches until the proxy is gone.
pub(super) async fn watch(
    proxy: Handle,
    data: Data,
    known: BTreeMap<IpAddr, Decision>,
    page: String,
) {
    let mut lines = someone_is_there().then(read_lines);
    let mut desk = Desk {
        known,
        page,
        asks: lines.is_some(),
        ..Desk::default()
    };
    let mut changed = proxy.devices_changed();
    loop {
        let Update { said, save } = desk.look(&proxy.devices());
        say(&said);
        if save && let Err(error) = data.remember_devices(&desk.known) {
            tell(&format!("overhear: {error:#}"));
        }
        tokio::select! {
            alive = changed.changed() => {
                if alive.is_err() {
                    return;
                }
            }
            line = next(&mut lines) => {
                if let Some((address, decision)) = desk.answer(&line) {
                    proxy.decide(address, decision);
                }
            }
        }
    }
}

/// What has been asked, what waits, what is known. No terminal and no proxy in here.
#[derive(Default)]
struct Desk {
    /// What persons decided.
    known: BTreeMap<IpAddr, Decision>,
    page: String,
    /// Somebody reads the questions.
    asks: bool,
    /// Devices that were asked or told about.
    seen: BTreeSet<IpAddr>,
    queue: VecDeque<IpAddr>,
    asked: Option<IpAddr>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Update {
    /// What is to be said; a question has no line end.
    said: String,
    /// There are new decisions to remember.
    save: bool,
}

impl Desk {
    /// Looks at the devices as they are now.
    fn look(&mut self, devices: &[Device]) -> Update {
        let mut update = Update::default();
        for device in devices {
            match device.decision {
                Some(decision) => {
                    update.save |= self.learn(device, decision);
                    self.queue.retain(|address| *address != device.address);
                    if self.asked == Some(device.address) {
                        self.asked = None;
                        update.said += &format!("({})\n", words(decision));
                    }
                }
                None if self.seen.insert(device.address) => {
                    if self.asks {
                        self.queue.push_back(device.address);
                    } else {
                        update.said += &format!(
                            "overhear: a device at {} wants to use the proxy: answer in the page {}\n",
                            device.address, self.page
                        );
                    }
                }
                None => {}
            }
        }
        if self.asked.is_none() {
            self.asked = self.queue.pop_front();
            if let Some(address) = self.asked {
                update.said +=
                    &format!("a device at {address} wants to use the proxy: allow? [y/N] ");
            }
        }
        update
    }

    /// Takes note of a person's decision; says whether it is new. What `--allow` lets in is not for later runs.
    fn learn(&mut self, device: &Device, decision: Decision) -> bool {
        !device.by_range && self.known.insert(device.address, decision) != Some(decision)
    }

    /// What an answer decides; nothing when nothing was asked.
    fn answer(&self, line: &str) -> Option<(IpAddr, Decision)> {
        let address = self.asked?;
        let yes = ["y", "yes"]
            .iter()
            .any(|yes| line.trim().eq_ignore_ascii_case(yes));
        Some((
            address,
            if yes {
                Decision::Allow
            } else {
                Decision::Refuse
            },
        ))
    }
}

fn words(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allowed",
        Decision::Refuse => "refused",
    }
}

fn say(text: &str) {
    let mut out = io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Lines that are typed, from a thread of its own: reading a terminal cannot be interrupted, and nothing waits
/// for this thread at the end.
fn read_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The next line; never, when nobody types (any more).
async fn next(lines: &mut Option<mpsc::Receiver<String>>) -> String {
    if let Some(receiver) = lines {
        if let Some(line) = receiver.recv().await {
            return line;
        }
        *lines = None;
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use overhear_store::Timestamp;

    fn device(address: &str, decision: Option<Decision>) -> Device {
        Device {
            address: address.parse().unwrap(),
            decision,
            first_seen: Timestamp(0),
            last_seen: Timestamp(0),
            connections: 1,
            user_agent: None,
            trusts: None,
            trusted: None,
            by_range: false,
        }
    }

    fn desk(asks: bool) -> Desk {
        Desk {
            asks,
            page: "http://127.0.0.1:8081/".to_owned(),
            ..Desk::default()
        }
    }

    #[test]
    fn one_question_at_a_time() {
        let mut desk = desk(true);
        assert_eq!(desk.answer("y"), None, "nothing was asked");
        let two = [device("192.168.1.20", None), device("192.168.1.21", None)];
        let said = desk.look(&two).said;
        assert_eq!(
            said,
            "a device at 192.168.1.20 wants to use the proxy: allow? [y/N] "
        );
        assert_eq!(desk.look(&two), Update::default(), "it is not asked twice");
        let first = "192.168.1.20".parse().unwrap();
        assert_eq!(desk.answer(" Yes "), Some((first, Decision::Allow)));

        let two = [
            device("192.168.1.20", Some(Decision::Allow)),
            device("192.168.1.21", None),
        ];
        let update = desk.look(&two);
        assert!(update.save);
        let next = "(allowed)\na device at 192.168.1.21 wants to use the proxy: allow? [y/N] ";
        assert_eq!(update.said, next);
        assert_eq!(desk.answer("").map(|(_, d)| d), Some(Decision::Refuse));
    }

    #[test]
    fn an_answer_in_the_page_ends_the_question() {
        let mut desk = desk(true);
        desk.look(&[device("192.168.1.20", None)]);
        let update = desk.look(&[device("192.168.1.20", Some(Decision::Refuse))]);
        assert_eq!(
            update,
            Update {
                said: "(refused)\n".to_owned(),
                save: true
            }
        );
        assert_eq!(desk.answer("y"), None);
        assert_eq!(desk.known.len(), 1);
    }

    #[test]
    fn without_a_terminal_the_page_is_named() {
        let mut desk = desk(false);
        let said = desk.look(&[device("192.168.1.20", None)]).said;
        assert!(
            said.contains("192.168.1.20") && said.contains("http://127.0.0.1:8081/"),
            "{said}"
        );
        assert_eq!(
            desk.look(&[device("192.168.1.20", None)]),
            Update::default()
        );
        let update = desk.look(&[device("192.168.1.20", Some(Decision::Allow))]);
        assert_eq!(
            update,
            Update {
                said: String::new(),
                save: true
            }
        );
    }

    #[test]
    fn what_is_allowed_for_this_run_is_not_remembered() {
        let mut desk = desk(true);
        let allowed = [device("192.168.1.20", Some(Decision::Allow))];
        let mut by_range = allowed.clone();
        by_range[0].by_range = true;
        assert_eq!(desk.look(&by_range), Update::default());
        assert!(desk.known.is_empty());
        // but what a person says about it is
        assert!(
            desk.look(&[device("192.168.1.20", Some(Decision::Refuse))])
                .save
        );
        assert!(desk.look(&allowed).save);
    }

    #[test]
    fn what_is_known_is_not_news() {
        let mut desk = desk(true);
        let address = "192.168.1.20".parse().unwrap();
        desk.known.insert(address, Decision::Allow);
        let update = desk.look(&[device("192.168.1.20", Some(Decision::Allow))]);
        assert_eq!(update, Update::default());
    }
}
