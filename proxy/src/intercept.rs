//! Rules on the way: which of them touch a message, and what they make of it.
//!
//! The rules that are switched on are made ready once, when they change; an exchange looks with one atomic load whether
//! there are any. Every filter looks at the message as it came. What a rule touches is taken apart ([`message`]),
//! changed ([`change`], [`run`]) and written again; everything else passes as it came. Nothing here has a
//! socket: `http1` and `http2` carry out what is decided.

mod change;
mod coding;
mod find;
mod local;
mod message;
mod pointer;
mod ready;
mod room;
mod run;
mod socket;
pub(crate) mod throttle;

pub(crate) use coding::decoded;
pub(crate) use message::{Content, Message, Start, authority, is_hop, type_of};
pub(crate) use ready::Ready;
pub(crate) use room::Room;
pub use room::{Choice, Edit, WaitError, Waiting, WaitingData, WaitingMessage};
pub(crate) use run::{Asked, At, Log, Verdict, finished, run};
pub(crate) use socket::{Data, Passed, Watch, on_message};

use arc_swap::ArcSwapOption;
use overhear_store::{
    FlowRecorder, Side,
    filter::{Matcher, Passing},
    rule::{Action, Rule, RuleError, Sender, Stage, StoredRule},
};
use parking_lot::RwLock;
use std::{collections::HashMap, sync::Arc};
use throttle::Throttle;

/// The most of a body that is held for rules, decoded or not: bytes. A larger one passes unchanged.
pub(crate) const MOST_BODY: usize = 8 << 20;

/// The rules that are switched on.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    set: ArcSwapOption<Set>,
    /// What waits for a person.
    pub(crate) room: Arc<Room>,
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
    request: Vec<Arc<One>>,
    response: Vec<Arc<One>>,
    message: Vec<Arc<One>>,
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
    One::new(0, rule).map(drop)
}

impl Rules {
    /// The rules, if any is switched on.
    pub(crate) fn current(&self) -> Option<Arc<Set>> {
        self.set.load_full()
    }

    /// Puts others in their place. Rules that cannot be used are left out, and told.
    pub(crate) fn set(&self, rules: &[StoredRule]) -> Vec<(i64, RuleError)> {
        let mut wrong = Vec::new();
        let (mut request, mut response, mut message) = (Vec::new(), Vec::new(), Vec::new());
        for stored in rules.iter().filter(|stored| stored.rule.on) {
            match One::new(stored.id.0, &stored.rule) {
                Ok(one) => match one.stage {
                    Stage::Request => request.push(Arc::new(one)),
                    Stage::Response => response.push(Arc::new(one)),
                    Stage::Message => message.push(Arc::new(one)),
                },
                Err(error) => wrong.push((stored.id.0, error)),
            }
        }
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
        wrong
    }

    /// Whether there are rules that may do without this server: then a client is not told that it cannot be reached before they
    /// were asked.
    pub(crate) fn may_answer(&self, host: &str) -> bool {
        let set = self.current();
        set.is_some_and(|set| set.on(host).request.iter().any(|rule| may_answer(rule)))
    }
}

impl Set {
    /// The rules that touch this request.
    pub(crate) fn on_request(&self, passing: Passing<'_>) -> Plan {
        matching(&self.on(&passing.flow.host).request, passing)
    }

    /// The rules that touch this response.
    pub(crate) fn on_response(&self, passing: Passing<'_>) -> Plan {
        matching(&self.on(&passing.flow.host).response, passing)
    }

    /// The rules that touch this message of a WebSocket.
    pub(crate) fn on_message(&self, side: Side, passing: Passing<'_>) -> Plan {
        let sender = match side {
            Side::Request => Sender::Client,
            Side::Response => Sender::Server,
        };
        let mut plan = matching(&self.on(&passing.flow.host).message, passing);
        plan.retain(|rule| rule.sender.is_none_or(|of| of == sender));
        plan
    }

    /// Whether there are rules that may touch messages of a WebSocket to this host.
    pub(crate) fn touches_messages(&self, host: &str) -> bool {
        !self.message.is_empty() && !self.on(host).message.is_empty()
    }

    /// Whether there are rules that may touch a request to this host.
    pub(crate) fn touches_requests(&self, host: &str) -> bool {
        !self.request.is_empty() && !self.on(host).request.is_empty()
    }

    /// Whether there are rules that may touch a response of this host.
    pub(crate) fn touches_responses(&self, host: &str) -> bool {
        !self.response.is_empty() && !self.on(host).response.is_empty()
    }

    /// The rules that may touch something on a host: most rules name theirs, so most are not even looked at.
    fn on(&self, host: &str) -> Arc<OnHost> {
        if let Some(known) = self.hosts.read().get(host) {
            return known.clone();
        }
        let may = |rules: &[Arc<One>]| {
            let may = rules.iter().filter(|rule| !rule.matcher.rules_out(host));
            may.cloned().collect()
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

fn matching(rules: &[Arc<One>], passing: Passing<'_>) -> Plan {
    let matching = rules.iter().filter(|rule| rule.matcher.matches(passing));
    matching.cloned().collect()
}

impl One {
    fn new(id: i64, rule: &Rule) -> Result<Self, RuleError> {
        rule.check()?;
        let actions = rule.actions.iter().map(Ready::new);
        Ok(Self {
            id,
            name: rule.name.clone(),
            stage: rule.stage,
            sender: rule.sender,
            matcher: rule.read_filter()?.matcher(),
            actions: actions.collect::<Result<_, _>>()?,
        })
    }
}

/// Whether one of the rules looks at the body.
pub(crate) fn needs_body(plan: &Plan) -> bool {
    let mut actions = plan.iter().flat_map(|rule| &rule.actions);
    actions.any(|ready| ready.action.needs_body())
}

/// Whether one of the rules lets the message wait for a person.
pub(crate) fn waits(plan: &Plan) -> bool {
    let mut actions = plan.iter().flat_map(|rule| &rule.actions);
    actions.any(|ready| matches!(ready.action, Action::Wait { .. }))
}

/// Whether a rule may do without the server that a request names.
fn may_answer(rule: &One) -> bool {
    rule.actions.iter().any(|ready| {
        matches!(
            ready.action,
            Action::MapRemote { .. }
                | Action::MapLocal { .. }
                | Action::Answer { .. }
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
