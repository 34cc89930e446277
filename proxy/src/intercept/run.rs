//! The rules that touch a message, one after the other, each action in its turn.

use super::{
    One, Plan,
    change::{self, Did},
    local,
    message::{Message, Start, text},
    recorded,
    room::{Room, Waited},
    scripted,
    throttle::Throttle,
};
use overhear_store::{
    Color, Flow, FlowId, FlowRecorder,
    rule::{Action, Done, How, Missing},
};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// What was asked, as far as actions look at it: as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) host: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) url: String,
    pub(crate) origin: Option<String>,
    pub(crate) range: Option<String>,
    /// The method that a CORS preflight asks for, and the fields.
    pub(crate) preflight: Option<String>,
    pub(crate) preflight_headers: Option<String>,
}

/// What becomes of a message.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It goes on, as it is now.
    Go,
    /// This goes to the client instead.
    Answer(Message),
    /// Nothing goes anywhere; who says so: `rule "…"`.
    Block(How, String),
}

/// What the rules did to an exchange so far.
#[derive(Debug, Default)]
pub(crate) struct Log {
    done: Vec<Done>,
    names: Vec<String>,
    /// What is to be noted on the flow.
    pub(super) marks: Vec<Action>,
    /// Something that was sent is another than what came.
    pub(crate) changed: bool,
}

impl Asked {
    /// Of a request.
    pub(crate) fn of(message: &Message) -> Self {
        let value = |name| message.first(name).map(text);
        let Start::Request {
            method,
            target,
            path,
        } = &message.start
        else {
            return Self::default();
        };
        let preflight = value("access-control-request-method").filter(|_| method == "OPTIONS");
        Self {
            method: method.clone(),
            host: target.host.clone(),
            path: path.clone(),
            url: format!(
                "{}://{}{path}",
                target.scheme.as_str(),
                super::message::authority(target)
            ),
            origin: value("origin"),
            range: value("range").filter(|_| method == "GET"),
            preflight_headers: value("access-control-request-headers")
                .filter(|_| preflight.is_some()),
            preflight,
        }
    }
}

impl Log {
    /// Writes down what an action came to.
    fn add(&mut self, rule: &One, action: &Action, text: String, failed: bool) {
        if !self.names.contains(&rule.name) {
            self.names.push(rule.name.clone());
        }
        self.done.push(Done {
            rule: rule.id,
            name: rule.name.clone(),
            stage: rule.stage,
            action: action.name().to_owned(),
            text,
            failed,
            flow: None,
        });
    }

    /// Writes down that a rule, or a script, cannot do what it is for.
    pub(super) fn cannot(&mut self, rule: &One, text: String) {
        match (&rule.script, rule.actions.first()) {
            (None, Some(ready)) => self.add(rule, &ready.action, text, true),
            _ => self.script(rule, text, true),
        }
    }

    /// Writes down what a script came to.
    pub(super) fn script(&mut self, script: &One, text: String, failed: bool) {
        if !self.names.contains(&script.name) {
            self.names.push(script.name.clone());
        }
        self.done.push(Done {
            rule: script.id,
            name: script.name.clone(),
            stage: script.stage,
            action: "script".to_owned(),
            text,
            failed,
            flow: None,
        });
    }

    /// Records it with the flow.
    pub(crate) fn record(&mut self, flow: &FlowRecorder) {
        if self.done.is_empty() {
            return;
        }
        flow.edit(|flow| {
            flow.rules = self.names.join(",");
            flow.modified |= self.changed;
        });
        for mark in self.marks.drain(..) {
            note(&mark, flow);
        }
        flow.rules_did(&self.done);
    }
}

impl Log {
    /// What was done.
    pub(crate) fn done(&self) -> &[Done] {
        &self.done
    }

    /// Writes down that something could not be done to a message.
    pub(crate) fn failed(&mut self, rule: &One, action: &str, text: String) {
        let done = Done {
            rule: rule.id,
            name: rule.name.clone(),
            stage: rule.stage,
            action: action.to_owned(),
            text,
            failed: true,
            flow: None,
        };
        self.done.push(done);
    }

    /// Adds what was done to one of many messages; each action of each rule is kept once, the first time, so that a long
    /// conversation does not make it long. Whether that made it another one.
    pub(crate) fn add_once(&mut self, one: Self) -> bool {
        let mut grew = one.changed && !self.changed;
        self.changed |= one.changed;
        for name in one.names {
            if !self.names.contains(&name) {
                self.names.push(name);
                grew = true;
            }
        }
        // a rule puts the same marks each time, a script may put others
        grew |= !one.marks.is_empty() && one.done.iter().any(|done| done.action == "script");
        for done in one.done {
            let is = |known: &Done| {
                known.rule == done.rule
                    && known.name == done.name
                    && known.stage == done.stage
                    && known.action == done.action
                    && known.failed == done.failed
            };
            if !self.done.iter().any(is) {
                self.done.push(done);
                grew = true;
            }
        }
        if grew {
            self.marks.extend(one.marks);
        }
        grew
    }
}

/// Where messages wait, and whose they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) room: &'a Arc<Room>,
    pub(crate) flow: FlowId,
    /// What is known of the flow, for scripts.
    pub(crate) row: Option<&'a Flow>,
    /// The request's head as it came.
    pub(crate) head: &'a [u8],
}

/// Runs the rules of a plan on a message. Throttles are put into `throttle`.
pub(crate) async fn run(
    plan: &Plan,
    message: &mut Message,
    asked: &Asked,
    log: &mut Log,
    throttle: &mut Option<Arc<Throttle>>,
    at: At<'_>,
) -> Verdict {
    let had_none = message.has_no_body();
    for rule in plan {
        if let Some(script) = &rule.script {
            match scripted::ask(rule, script, message, asked, log, at).await {
                Some(verdict) => return verdict,
                None => continue,
            }
        }
        for ready in &rule.actions {
            let action = &ready.action;
            let verdict = match action {
                Action::Delay { ms } => {
                    sleep(Duration::from_millis(*ms)).await;
                    log.add(rule, action, format!("{ms} ms"), false);
                    continue;
                }
                Action::Throttle(_) => {
                    if let Some(limits) = &ready.limits {
                        let made = limits.of(&asked.host);
                        made.latency().await;
                        *throttle = Some(made);
                        log.add(rule, action, "slowed down".to_owned(), false);
                    }
                    continue;
                }
                Action::Tag { .. } | Action::Comment { .. } | Action::Highlight { .. } => {
                    log.marks.push(action.clone());
                    log.add(rule, action, String::new(), false);
                    continue;
                }
                Action::DoNotRecord => continue,
                Action::Wait { seconds } => {
                    match wait(rule, *seconds, message, asked, log, at, action).await {
                        Some(verdict) => verdict,
                        None => continue,
                    }
                }
                Action::Block { how } => {
                    log.add(rule, action, "blocked".to_owned(), false);
                    match how {
                        How::Forbidden if !message.is_data() => {
                            Verdict::Answer(forbidden(&who(rule)))
                        }
                        how => Verdict::Block(*how, who(rule)),
                    }
                }
                Action::Redirect { to, status } => {
                    let to = to.replace("{path}", &asked.path);
                    let mut answer = Message::answer(*status);
                    answer.add("Location", to.as_bytes());
                    log.add(rule, action, format!("redirected to {to}"), false);
                    Verdict::Answer(answer)
                }
                Action::Answer { .. } => answer(rule, ready, log).await,
                Action::AnswerRecorded { missing, .. } => {
                    match answer_recorded(rule, action, *missing, message, log).await {
                        Some(verdict) => verdict,
                        None => continue,
                    }
                }
                Action::MapLocal { path, from } => match local::answer(path, from, asked).await {
                    Ok((answer, done)) => {
                        log.add(rule, action, done, false);
                        Verdict::Answer(answer)
                    }
                    Err((answer, why)) => {
                        log.add(rule, action, why, true);
                        Verdict::Answer(answer)
                    }
                },
                Action::SetBody { .. } => {
                    set_body(rule, ready, message, log).await;
                    continue;
                }
                _ => {
                    match change::apply(ready, rule.stage, message, asked) {
                        Did::Changed(done) => {
                            log.changed = true;
                            log.add(rule, action, done, false);
                        }
                        Did::Nothing => {}
                        Did::Failed(why) => log.add(rule, action, why, true),
                    }
                    continue;
                }
            };
            log.changed = true;
            return verdict;
        }
    }
    if message.has_no_body() != had_none {
        // a status that has no body, or that must say that there is none
        message.set_body(Vec::new());
    }
    if message.body_changed {
        message.fit();
    }
    Verdict::Go
}

/// Lets a message wait for a person; none when it goes on.
async fn wait(
    rule: &One,
    seconds: u64,
    message: &mut Message,
    asked: &Asked,
    log: &mut Log,
    at: At<'_>,
    action: &Action,
) -> Option<Verdict> {
    let request = (asked.method.as_str(), asked.url.as_str());
    // of a WebSocket, only the message
    let dropped = match message.is_data() {
        true => How::Forbidden,
        false => How::Reset,
    };
    let waited = at
        .room
        .wait(message, at.flow, &rule.name, rule.stage, request, seconds);
    let (text, failed, verdict) = match waited.await {
        Waited::Go(true) => ("edited by a person".to_owned(), false, None),
        Waited::Go(false) => ("went on as it was".to_owned(), false, None),
        Waited::TimeUp => (
            format!("went on: nobody had decided after {seconds} s"),
            false,
            None,
        ),
        Waited::Full => (
            "went on at once: too much waits already".to_owned(),
            true,
            None,
        ),
        Waited::Drop => (
            "dropped by a person".to_owned(),
            false,
            Some(Verdict::Block(dropped, who(rule))),
        ),
        Waited::Answer(answer) => (
            format!("answered by a person with {}", answer.status()),
            false,
            Some(Verdict::Answer(answer)),
        ),
    };
    log.changed |= message.head_changed || message.body_changed;
    log.add(rule, action, text, failed);
    verdict
}

/// Makes an answer fit to be sent: its length is told.
pub(crate) fn finished(mut answer: Message) -> Message {
    answer.fit();
    answer
}

/// Answers with what was recorded; none when the request goes on.
async fn answer_recorded(
    rule: &One,
    action: &Action,
    missing: Missing,
    message: &Message,
    log: &mut Log,
) -> Option<Verdict> {
    let found = match &rule.recorded {
        Some(recorded) => recorded::answer(&**recorded, message).await,
        None => Ok(None),
    };
    let why = match found {
        Ok(Some(found)) => {
            let (flow, how) = (found.flow.0, found.how);
            let text = format!("answered with the response of flow {flow}: {how}");
            log.add(rule, action, text, false);
            if let Some(done) = log.done.last_mut() {
                done.flow = Some(flow);
            }
            return Some(Verdict::Answer(found.answer));
        }
        Ok(None) => "nothing like it was recorded".to_owned(),
        Err(why) => why,
    };
    match missing {
        Missing::Pass => {
            log.add(rule, action, format!("went on: {why}"), true);
            None
        }
        Missing::NotFound => {
            log.add(rule, action, why.clone(), true);
            let text = format!(
                "404 Not Found: the rule {:?} answers with what was recorded, and {why}.\n\nThis answer comes from the overhear proxy, not from the server.\n",
                rule.name
            );
            Some(Verdict::Answer(Message::text(404, text)))
        }
    }
}

async fn answer(rule: &One, ready: &super::Ready, log: &mut Log) -> Verdict {
    let Action::Answer {
        status,
        headers,
        body,
    } = &ready.action
    else {
        return Verdict::Go;
    };
    let mut answer = Message::answer(*status);
    for (name, value) in headers {
        answer.add(name, value.as_bytes());
    }
    let file = body.as_ref().and_then(|body| body.file.as_deref());
    let bytes = match (&ready.body, file) {
        (Some(bytes), _) => Ok(bytes.clone()),
        (None, Some(file)) => {
            if answer.first("content-type").is_none() {
                let kind = mime_guess::from_path(file).first_or_octet_stream();
                answer.add("Content-Type", kind.essence_str().as_bytes());
            }
            local::body(file).await
        }
        (None, None) => Ok(Vec::new()),
    };
    match bytes {
        Ok(bytes) => {
            answer.set_body(bytes);
            log.add(
                rule,
                &ready.action,
                format!("answered with {status}"),
                false,
            );
        }
        Err(why) => {
            answer = Message::text(404, format!("{why}\n"));
            log.add(rule, &ready.action, why, true);
        }
    }
    Verdict::Answer(answer)
}

async fn set_body(rule: &One, ready: &super::Ready, message: &mut Message, log: &mut Log) {
    let Action::SetBody { body, as_written } = &ready.action else {
        return;
    };
    if let super::Content::Unseen(why) = &message.body {
        let why = format!("the body went on unchanged: {why}");
        return log.add(rule, &ready.action, why, true);
    }
    let bytes = match (&ready.body, &body.file) {
        (None, Some(file)) => local::body(file).await,
        (bytes, _) => Ok(bytes.clone().unwrap_or_default()),
    };
    match bytes {
        Ok(bytes) => {
            log.changed = true;
            log.add(rule, &ready.action, format!("{} bytes", bytes.len()), false);
            message.set_body(bytes);
            message.as_written |= as_written;
        }
        Err(why) => log.add(rule, &ready.action, why, true),
    }
}

/// Puts a mark on the flow.
fn note(action: &Action, flow: &FlowRecorder) {
    flow.edit(|flow| match action {
        Action::Tag { tags } => {
            for tag in tags {
                let there = flow.tags.split(',').any(|known| known.trim() == tag.trim());
                if !there {
                    if !flow.tags.is_empty() {
                        flow.tags.push(',');
                    }
                    flow.tags.push_str(tag.trim());
                }
            }
        }
        Action::Comment { text } => flow.comment.clone_from(text),
        Action::Highlight { color } => {
            let color: Color = *color;
            flow.color = Some(color);
        }
        _ => {}
    });
}

/// Who says that something does not pass.
fn who(rule: &One) -> String {
    format!("rule {:?}", rule.name)
}

pub(super) fn forbidden(who: &str) -> Message {
    let text = format!(
        "403 Forbidden: the {who} blocks this.\n\nThis answer comes from the overhear proxy, not from the server.\n"
    );
    Message::text(403, text)
}
