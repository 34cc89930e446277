//! Rules on the way: which of them touch a message, and what they make of it.
//!
//! The rules that are switched on are made ready once, when they change; an exchange looks with one atomic load whether
//! there are any. Every filter looks at the message as it came. What a rule touches is taken apart ([`message`]),
//! changed ([`change`], [`run`]) and written again; everything else passes as it came. Nothing here has a
//! socket: `http1` and `http2` carry out what is decided.

mod change;
mod coding;
mod find;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod local;
mod message;
mod pointer;
mod ready;
mod recorded;
mod room;
mod run;
mod scripted;
mod socket;
pub(crate) mod throttle;

pub(crate) use coding::decoded;
pub(crate) use message::{
    Content, Message, Start, authority, is_hop, text as message_text, type_of,
};
pub(crate) use ready::Ready;
pub use recorded::{Recorded, RecordedAnswer, RecordedAsk};
pub(crate) use room::Room;
pub use room::{Choice, Edit, WaitError, Waiting, WaitingData, WaitingMessage};
pub(crate) use run::{Asked, At, Log, Verdict, finished, run};
pub(crate) use scripted::row_for;
pub(crate) use socket::{Data, Passed, Watch, on_message};

/// The target of a URL in parts: scheme, host, port, and path with query; none when it is none of `http` or `https`.
pub(crate) fn url_parts(url: &str) -> Option<(&'static str, String, u16, String)> {
    let (target, path) = message::target_of(url)?;
    Some((target.scheme.as_str(), target.host, target.port, path))
}

use crate::{
    script::{ScriptError, Scripts, Worker},
    websocket::Sockets,
};
use arc_swap::ArcSwapOption;
use overhear_store::{
    FlowRecorder, Side,
    filter::{Matcher, Passing, Sieve},
    rule::{Action, Rule, RuleError, Sender, Stage, StoredRule},
};
use parking_lot::{Mutex, RwLock};
use std::{collections::HashMap, path::Path, sync::Arc};
use throttle::Throttle;

/// The most of a body that is held for rules, decoded or not: bytes. A larger one passes unchanged.
pub(crate) const MOST_BODY: usize = 8 << 20;

/// The rules that are switched on, and scripts.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    set: ArcSwapOption<Set>,
    /// What the set is made of: those of the rules, those of the scripts.
    parts: Mutex<[Vec<Arc<One>>; 2]>,
    pub(crate) scripts: Scripts,
    /// What waits for a person.
    pub(crate) room: Arc<Room>,
    /// WebSockets into which a person may send.
    pub(crate) sockets: Sockets,
}

/// Rules, ready.
#[derive(Debug)]
pub(crate) struct Set {
    request: Vec<Arc<One>>,
    response: Vec<Arc<One>>,
    message: Vec<Arc<One>>,
    /// Those of them that may touch something on a host.
    hosts: RwLock<HashMap<String, Arc<OnHost>>>,
    /// Where breakpoints let messages wait.
    pub(crate) room: Arc<Room>,
}

/// The rules that may touch something on a host.
#[derive(Debug, Default)]
pub(crate) struct OnHost {
    request: Sifted,
    response: Sifted,
    message: Sifted,
}

/// Rules, and what tells of most of them at once that they do not match.
#[derive(Debug, Default)]
struct Sifted {
    rules: Vec<Arc<One>>,
    sieve: Sieve,
}

/// Hosts that are remembered.
const MOST_HOSTS: usize = 4096;

/// A rule, ready.
#[derive(Debug)]
pub(crate) struct One {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) stage: Stage,
    /// Whose messages, at the stage message; none for both.
    sender: Option<Sender>,
    matcher: Matcher,
    pub(crate) actions: Vec<Ready>,
    /// It is no rule, but this script, which has its place behind all rules.
    pub(crate) script: Option<Arc<Worker>>,
    /// Where answers are that were recorded.
    pub(crate) recorded: Option<Arc<dyn Recorded>>,
}

/// The rules that touch a message, in their order.
pub(crate) type Plan = Vec<Arc<One>>;

/// What the response of an exchange is held against.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) set: Arc<Set>,
    /// The request's head as it came.
    pub(crate) head: Vec<u8>,
    /// What was asked; read from the head when it is none.
    pub(crate) asked: Option<Asked>,
    pub(crate) log: Log,
    /// How slow the exchange is made.
    pub(crate) throttle: Option<Arc<Throttle>>,
}

/// Makes a rule ready.
///
/// # Errors
/// [`RuleError`] with what is wrong, and what to do.
pub fn check_rule(rule: &Rule) -> Result<(), RuleError> {
    One::new(0, rule, None).map(drop)
}

impl Rules {
    /// The rules, if any is switched on.
    pub(crate) fn current(&self) -> Option<Arc<Set>> {
        self.set.load_full()
    }

    /// Puts others in their place. Rules that cannot be used are left out, and told.
    pub(crate) fn set(
        &self,
        rules: &[StoredRule],
        recorded: &HashMap<i64, Arc<dyn Recorded>>,
    ) -> Vec<(i64, RuleError)> {
        let mut wrong = Vec::new();
        let mut made = Vec::new();
        for stored in rules.iter().filter(|stored| stored.rule.on) {
            let recorded = recorded.get(&stored.id.0).cloned();
            match One::new(stored.id.0, &stored.rule, recorded) {
                Ok(one) => made.push(Arc::new(one)),
                Err(error) => wrong.push((stored.id.0, error)),
            }
        }
        self.publish(|[rules, _]| *rules = made);
        wrong
    }

    /// Reads a script, for the first time or again: `source` is its text, or why there is none. What cannot be used leaves
    /// the version before at work.
    pub(crate) async fn load_script(
        &self,
        file: &Path,
        source: Result<String, String>,
    ) -> Result<(), ScriptError> {
        let loaded = self.scripts.load(file, source).await;
        self.publish(|[_, scripts]| {
            let active = self.scripts.active();
            let ones = active.iter();
            let ones =
                ones.flat_map(|one| scripted::ones(&one.worker, one.worker.name(), &one.matcher));
            *scripts = ones.map(Arc::new).collect();
        });
        loaded
    }

    /// Lets other parts act.
    fn publish(&self, change: impl FnOnce(&mut [Vec<Arc<One>>; 2])) {
        let mut parts = self.parts.lock();
        change(&mut parts);
        let at = |stage| {
            let all = parts.iter().flatten();
            let these = all.filter(|one| one.stage == stage);
            these.cloned().collect::<Vec<_>>()
        };
        let (request, response) = (at(Stage::Request), at(Stage::Response));
        let message = at(Stage::Message);
        let any = !(request.is_empty() && response.is_empty() && message.is_empty());
        let room = self.room.clone();
        self.set.store(any.then(|| {
            Arc::new(Set {
                request,
                response,
                message,
                hosts: RwLock::default(),
                room,
            })
        }));
    }

    /// Whether there are rules that may do without this server: then a client is not told that it cannot be reached before they
    /// were asked.
    pub(crate) fn may_answer(&self, host: &str) -> bool {
        let set = self.current();
        set.is_some_and(|set| {
            set.on(host)
                .request
                .rules
                .iter()
                .any(|rule| may_answer(rule))
        })
    }
}

impl Set {
    /// The rules that touch this request.
    pub(crate) fn on_request(&self, passing: Passing<'_>) -> Plan {
        self.on(&passing.flow.host).request.matching(passing)
    }

    /// The rules that touch this response.
    pub(crate) fn on_response(&self, passing: Passing<'_>) -> Plan {
        self.on(&passing.flow.host).response.matching(passing)
    }

    /// The rules that touch this message of a WebSocket.
    pub(crate) fn on_message(&self, side: Side, passing: Passing<'_>) -> Plan {
        let mut plan = self.on(&passing.flow.host).message.matching(passing);
        plan.retain(|rule| rule.is_of(side));
        plan
    }

    /// The rules that would look at messages of a WebSocket which nobody can read.
    pub(crate) fn on_unread(&self, side: Side, passing: Passing<'_>) -> Plan {
        let on_host = self.on(&passing.flow.host);
        let may = on_host.message.rules.iter();
        may.filter(|rule| rule.is_of(side) && rule.matcher.may_match(passing))
            .cloned()
            .collect()
    }

    /// Whether there are rules that may touch messages of a WebSocket to this host.
    pub(crate) fn touches_messages(&self, host: &str) -> bool {
        !self.message.is_empty() && !self.on(host).message.rules.is_empty()
    }

    /// Whether there are rules that may touch a request to this host.
    pub(crate) fn touches_requests(&self, host: &str) -> bool {
        !self.request.is_empty() && !self.on(host).request.rules.is_empty()
    }

    /// Whether there are rules that may touch a response of this host.
    pub(crate) fn touches_responses(&self, host: &str) -> bool {
        !self.response.is_empty() && !self.on(host).response.rules.is_empty()
    }

    /// The rules that may touch something on a host: most rules name theirs, so most are not even looked at.
    fn on(&self, host: &str) -> Arc<OnHost> {
        if let Some(known) = self.hosts.read().get(host) {
            return known.clone();
        }
        let may = |rules: &[Arc<One>]| {
            let may = rules.iter().filter(|rule| !rule.matcher.rules_out(host));
            Sifted::new(may.cloned().collect())
        };
        let made = Arc::new(OnHost {
            request: may(&self.request),
            response: may(&self.response),
            message: may(&self.message),
        });
        let mut hosts = self.hosts.write();
        if hosts.len() >= MOST_HOSTS {
            hosts.clear();
        }
        hosts.insert(host.to_owned(), made.clone());
        made
    }
}

impl Sifted {
    fn new(rules: Vec<Arc<One>>) -> Self {
        let sieve = Sieve::new(rules.iter().map(|rule| &rule.matcher));
        Self { rules, sieve }
    }

    fn matching(&self, passing: Passing<'_>) -> Plan {
        let may = self.sieve.may_match(passing.flow);
        let may = may.iter().filter_map(|at| self.rules.get(*at));
        let matching = may.filter(|rule| rule.matcher.matches(passing));
        matching.cloned().collect()
    }
}

impl One {
    fn new(id: i64, rule: &Rule, recorded: Option<Arc<dyn Recorded>>) -> Result<Self, RuleError> {
        rule.check()?;
        let actions = rule.actions.iter().map(Ready::new);
        Ok(Self {
            id,
            name: rule.name.clone(),
            stage: rule.stage,
            sender: rule.sender,
            matcher: rule.read_filter()?.matcher(),
            actions: actions.collect::<Result<_, _>>()?,
            script: None,
            recorded,
        })
    }

    /// Whether it is for messages of this side.
    fn is_of(&self, side: Side) -> bool {
        let sender = match side {
            Side::Request => Sender::Client,
            Side::Response => Sender::Server,
        };
        self.sender.is_none_or(|of| of == sender)
    }
}

/// Whether one of the rules looks at the body of a message. For scripts, which look at every body, those are not held that
/// would only stop there.
pub(crate) fn needs_body(plan: &Plan, message: &Message) -> bool {
    plan.iter().any(|rule| match &rule.script {
        Some(script) => script.loaded.bodies && scripted::passes_unheld(message).is_none(),
        None => rule.actions.iter().any(|ready| ready.action.needs_body()),
    })
}

/// Whether one of the rules lets the message wait for a person.
pub(crate) fn waits(plan: &Plan) -> bool {
    let mut actions = plan.iter().flat_map(|rule| &rule.actions);
    actions.any(|ready| matches!(ready.action, Action::Wait { .. }))
}

/// Whether a rule, or a script, may do without the server that a request names.
fn may_answer(rule: &One) -> bool {
    rule.script.is_some()
        || rule.actions.iter().any(|ready| {
            matches!(
                ready.action,
                Action::MapRemote { .. }
                    | Action::MapLocal { .. }
                    | Action::Answer { .. }
                    | Action::AnswerRecorded { .. }
                    | Action::Redirect { .. }
                    | Action::Block { .. }
                    | Action::SetUrl { .. }
                    | Action::Upstream { .. }
                    | Action::Wait { .. }
            )
        })
}

/// Whether one of the rules does not let the flow be recorded.
pub(crate) fn hides(plan: &Plan) -> bool {
    let mut actions = plan.iter().flat_map(|rule| &rule.actions);
    actions.any(|ready| ready.action == Action::DoNotRecord)
}

/// The rules that touch a response, given what its flow knows by now.
pub(crate) fn on_response(seen: &Seen, flow: &FlowRecorder, head: &[u8]) -> Plan {
    let row = flow.get();
    seen.set.on_response(Passing {
        flow: &row,
        heads: &[&seen.head, head],
        body: None,
    })
}

#[cfg(test)]
mod tests;
