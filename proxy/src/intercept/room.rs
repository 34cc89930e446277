//! Breakpoints: messages that wait for a person, and what a person decides.
//!
//! What waits belongs to no page: it is here until somebody decides, its time is up, or its client gives up. Every
//! entry has a version, which grows with each edit that is kept, so that two who edit the same message notice.

use super::message::{Content, Message, Start, target_of};
use bytes::Bytes;
use overhear_store::{FlowId, Side, Timestamp, rule::Stage};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};

/// The most messages that wait at once; more pass.
const MOST_WAITING: usize = 500;
/// The most bytes of bodies that wait at once; what would be more passes.
const MOST_BYTES: usize = 256 << 20;
/// Entries of clients that gave up which are kept to be seen.
const MOST_GONE: usize = 100;

/// What waits.
#[derive(Debug)]
pub(crate) struct Room {
    entries: Mutex<Entries>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Entries {
    last: u64,
    by_id: BTreeMap<u64, Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    view: Waiting,
    message: Message,
    size: usize,
    /// None when its client gave up.
    decide: Option<oneshot::Sender<Decision>>,
}

/// A message that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its number among those that wait; counts up from 1 in each run.
    pub id: u64,
    /// Its flow.
    pub flow: FlowId,
    /// The rule that lets it wait.
    pub rule: String,
    /// A request or a response.
    pub stage: Stage,
    /// Since when.
    pub since: Timestamp,
    /// When it goes on as it is; none for never.
    pub until: Option<Timestamp>,
    /// Grows with every edit that is kept.
    pub version: u64,
    /// Its client gave up: nothing can be decided any more.
    pub gone: bool,
    /// The method of the request.
    pub method: String,
    /// The URL of the request.
    pub url: String,
    /// The status of a response.
    pub status: Option<u16>,
    /// What a message of a WebSocket is; none for requests and responses.
    pub data: Option<WaitingData>,
}

/// What a message of a WebSocket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingData {
    /// Which direction.
    pub side: Side,
    /// It is text, otherwise binary (RFC 6455 section 5.6).
    pub text: bool,
}

/// A message that waits, whole.
#[derive(Debug, Clone)]
pub struct WaitingMessage {
    /// What the list shows.
    pub waiting: Waiting,
    /// Fields in order.
    pub headers: Vec<(String, String)>,
    /// The body without content coding; none when it could not be held.
    pub body: Option<Bytes>,
    /// Why there is no body.
    pub unseen: String,
}

/// What a person makes of a message; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// Another method.
    pub method: Option<String>,
    /// Another URL: absolute, `http` or `https`.
    pub url: Option<String>,
    /// Another status.
    pub status: Option<u16>,
    /// All fields, in order. What tells where the body ends is put right.
    pub headers: Option<Vec<(String, String)>>,
    /// Another body.
    pub body: Option<Bytes>,
    /// What tells where the body ends and how it is coded is not put right: it goes as it is written, and nothing follows on
    /// its connection.
    pub as_written: bool,
}

impl Edit {
    /// Whether everything stays.
    pub(super) fn is_empty(&self) -> bool {
        self.method.is_none()
            && self.url.is_none()
            && self.status.is_none()
            && self.headers.is_none()
            && self.body.is_none()
    }
}

/// What becomes of a message that waits.
#[derive(Debug, Clone)]
pub enum Choice {
    /// It goes on, edited.
    Continue(Edit),
    /// The client's connection is reset; a message of a WebSocket is left out.
    Drop,
    /// This is answered instead.
    Answer {
        /// The status; 200 to 599.
        status: u16,
        /// Fields in order.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
        /// What tells where the body ends and how it is coded is not added or put right: it goes as it is written, and
        /// nothing follows on its connection.
        as_written: bool,
    },
}

/// Why a message that waits cannot be decided about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// There never was such a message.
    #[error("nothing with the number {0} waits")]
    Unknown(u64),
    /// It was decided already, its time was up, or its client gave up.
    #[error(
        "the message {0} no longer waits: somebody else has decided, its time was up, or its client gave up"
    )]
    Over(u64),
    /// Somebody else has edited it meanwhile.
    #[error(
        "somebody else has edited the message {id}: it is version {now} now, and the edit is of version {given}"
    )]
    Version {
        /// Which.
        id: u64,
        /// The version that was edited.
        given: u64,
        /// The version that it is.
        now: u64,
    },
    /// The edit cannot be used: why.
    #[error("{0}")]
    Edit(String),
}

/// What the waiting side is told.
#[derive(Debug)]
pub(super) enum Decision {
    Go(Box<Message>, bool),
    Drop,
    Answer(Box<Message>),
}

/// How waiting ended.
pub(super) enum Waited {
    /// Whether it is another message now.
    Go(bool),
    TimeUp,
    Drop,
    Answer(Message),
    /// There was no room.
    Full,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }
}

impl Room {
    /// Lets a message wait. `seconds`: 0 for as long as it takes.
    pub(super) async fn wait(
        self: &Arc<Self>,
        message: &mut Message,
        flow: FlowId,
        rule: &str,
        stage: Stage,
        request: (&str, &str),
        seconds: u64,
    ) -> Waited {
        let (decide, decided) = oneshot::channel();
        let size = match &message.body {
            Content::Held(body) => body.len(),
            Content::Unseen(_) => 0,
        };
        let id = {
            let mut entries = self.entries.lock();
            let waiting = entries
                .by_id
                .values()
                .filter(|entry| !entry.view.gone)
                .count();
            if waiting >= MOST_WAITING || entries.bytes + size > MOST_BYTES {
                return Waited::Full;
            }
            entries.last += 1;
            entries.bytes += size;
            let id = entries.last;
            let since = Timestamp::now();
            let nanoseconds = i64::try_from(seconds)
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000_000_000);
            let until = (seconds > 0).then(|| Timestamp(since.0.saturating_add(nanoseconds)));
            let mut view = Waiting {
                id,
                flow,
                rule: rule.to_owned(),
                stage,
                since,
                until,
                version: 1,
                gone: false,
                method: request.0.to_owned(),
                url: request.1.to_owned(),
                status: None,
                data: None,
            };
            show(&mut view, message);
            let entry = Entry {
                view,
                message: message.clone(),
                size,
                decide: Some(decide),
            };
            entries.by_id.insert(id, entry);
            id
        };
        self.tell();
        // whoever drops the future has a client that gave up
        let guard = Guard {
            room: self.clone(),
            id,
            over: false,
        };
        let decision = match seconds {
            0 => decided.await.ok(),
            seconds => match timeout(Duration::from_secs(seconds), decided).await {
                Ok(decision) => decision.ok(),
                Err(_) => {
                    // what was edited and kept counts
                    let last = self.take(guard);
                    if let Some(last) = last {
                        *message = last;
                    }
                    return Waited::TimeUp;
                }
            },
        };
        self.take(guard);
        match decision {
            Some(Decision::Go(made, changed)) => {
                *message = *made;
                Waited::Go(changed)
            }
            Some(Decision::Answer(answer)) => Waited::Answer(*answer),
            Some(Decision::Drop) | None => Waited::Drop,
        }
    }

    fn take(&self, mut guard: Guard) -> Option<Message> {
        guard.over = true;
        let taken = {
            let mut entries = self.entries.lock();
            let taken = entries.by_id.remove(&guard.id);
            if let Some(entry) = &taken {
                entries.bytes = entries.bytes.saturating_sub(entry.size);
            }
            taken
        };
        self.tell();
        taken.map(|entry| entry.message)
    }

    /// What waits, oldest first.
    pub(crate) fn list(&self) -> Vec<Waiting> {
        let entries = self.entries.lock();
        entries
            .by_id
            .values()
            .map(|entry| entry.view.clone())
            .collect()
    }

    /// One message, whole.
    pub(crate) fn get(&self, id: u64) -> Result<WaitingMessage, WaitError> {
        let entries = self.entries.lock();
        let entry = entries.get(id)?;
        let headers = entry.message.fields.iter();
        let headers = headers.map(|(name, value)| (name.clone(), super::message::text(value)));
        let (body, unseen) = match &entry.message.body {
            Content::Held(body) => (Some(Bytes::copy_from_slice(body)), String::new()),
            Content::Unseen(why) => (None, why.clone()),
        };
        Ok(WaitingMessage {
            waiting: entry.view.clone(),
            headers: headers.collect(),
            body,
            unseen,
        })
    }

    /// Keeps an edit, and lets the message wait on; gives its new version.
    pub(crate) fn edit(&self, id: u64, version: u64, edit: &Edit) -> Result<u64, WaitError> {
        let version = {
            let mut entries = self.entries.lock();
            let entry = entries.current(id, version)?;
            let made = edited(&entry.message, edit).map_err(WaitError::Edit)?;
            entry.message = made;
            show(&mut entry.view, &entry.message);
            entry.view.version += 1;
            entry.view.version
        };
        self.tell();
        Ok(version)
    }

    /// Decides about a message.
    pub(crate) fn decide(
        &self,
        id: u64,
        version: Option<u64>,
        choice: &Choice,
    ) -> Result<(), WaitError> {
        let mut entries = self.entries.lock();
        let given = match version {
            Some(version) => version,
            None => entries.get(id)?.view.version,
        };
        let entry = entries.current(id, given)?;
        let decision = match choice {
            Choice::Continue(edit) => {
                let made = edited(&entry.message, edit).map_err(WaitError::Edit)?;
                let changed = made.head_changed || made.body_changed;
                Decision::Go(Box::new(made), changed)
            }
            Choice::Drop => Decision::Drop,
            Choice::Answer { .. } if entry.message.is_data() => {
                let why = "a message of a WebSocket has no answer: edit it, or drop it";
                return Err(WaitError::Edit(why.to_owned()));
            }
            Choice::Answer {
                status,
                headers,
                body,
                as_written,
            } => {
                let mut answer = Message::answer(*status);
                answer.fields = fields(headers).map_err(WaitError::Edit)?;
                if !(200..=599).contains(status) {
                    let why =
                        format!("{status} is no status of a final response: those are 200 to 599");
                    return Err(WaitError::Edit(why));
                }
                answer.set_body(body.to_vec());
                answer.as_written = *as_written;
                Decision::Answer(Box::new(answer))
            }
        };
        let decide = entry.decide.take().ok_or(WaitError::Over(id))?;
        drop(entries);
        decide.send(decision).map_err(|_| WaitError::Over(id))
    }

    /// Lets everything go on as it is; how many that were. Those that gave up are forgotten.
    pub(crate) fn let_all_go(&self) -> usize {
        let mut count = 0;
        {
            let mut entries = self.entries.lock();
            entries.by_id.retain(|_, entry| !entry.view.gone);
            for entry in entries.by_id.values_mut() {
                if let Some(decide) = entry.decide.take() {
                    let message = entry.message.clone();
                    let changed = message.head_changed || message.body_changed;
                    count += usize::from(
                        decide
                            .send(Decision::Go(Box::new(message), changed))
                            .is_ok(),
                    );
                }
            }
        }
        self.tell();
        count
    }

    /// Changes whenever [`list`](Self::list) would.
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

impl Entries {
    fn get(&self, id: u64) -> Result<&Entry, WaitError> {
        let missing = || match id <= self.last && id > 0 {
            true => WaitError::Over(id),
            false => WaitError::Unknown(id),
        };
        self.by_id.get(&id).ok_or_else(missing)
    }

    /// An entry that can be decided about, if it is of this version.
    fn current(&mut self, id: u64, given: u64) -> Result<&mut Entry, WaitError> {
        self.get(id)?;
        let entry = self.by_id.get_mut(&id).ok_or(WaitError::Over(id))?;
        if entry.decide.is_none() {
            return Err(WaitError::Over(id));
        }
        let now = entry.view.version;
        match now == given {
            true => Ok(entry),
            false => Err(WaitError::Version { id, given, now }),
        }
    }
}

/// Marks an entry whose waiting was given up.
struct Guard {
    room: Arc<Room>,
    id: u64,
    over: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        {
            let mut entries = self.room.entries.lock();
            let mut freed = 0;
            if let Some(entry) = entries.by_id.get_mut(&self.id) {
                entry.view.gone = true;
                entry.decide = None;
                // its body is not needed any more
                freed = std::mem::take(&mut entry.size);
                entry.message.body = Content::Unseen("its client gave up".to_owned());
            }
            entries.bytes = entries.bytes.saturating_sub(freed);
            let gone: Vec<u64> = entries
                .by_id
                .iter()
                .filter(|(_, entry)| entry.view.gone)
                .map(|(id, _)| *id)
                .collect();
            for id in gone.iter().take(gone.len().saturating_sub(MOST_GONE)) {
                entries.by_id.remove(id);
            }
        }
        self.room.tell();
    }
}

/// What the list shows of a message.
fn show(view: &mut Waiting, message: &Message) {
    match &message.start {
        Start::Request {
            method,
            target,
            path,
        } => {
            view.method.clone_from(method);
            let authority = super::message::authority(target);
            view.url = format!("{}://{authority}{path}", target.scheme.as_str());
        }
        Start::Response { status, .. } => view.status = Some(*status),
        Start::Data { side, text } => {
            view.data = Some(WaitingData {
                side: *side,
                text: *text,
            });
        }
    }
}

/// The message with what a person made of it.
pub(super) fn edited(message: &Message, edit: &Edit) -> Result<Message, String> {
    let mut made = message.clone();
    if let Start::Data { text, .. } = message.start {
        if edit.method.is_some()
            || edit.url.is_some()
            || edit.status.is_some()
            || edit.headers.is_some()
        {
            return Err("a message of a WebSocket has only a body".to_owned());
        }
        let is_text = |body: &Bytes| std::str::from_utf8(body).is_ok();
        if text && !edit.body.as_ref().is_none_or(is_text) {
            return Err(
                "the message is text: its body must be UTF-8 (RFC 6455 section 5.6)".to_owned(),
            );
        }
    }
    if let Some(headers) = &edit.headers {
        let fields = fields(headers)?;
        made.head_changed |= fields != made.fields;
        made.fields = fields;
    }
    if let Some(url) = &edit.url {
        let Start::Request { target, path, .. } = &mut made.start else {
            return Err("a response has no URL".to_owned());
        };
        let Some((to, to_path)) = target_of(url) else {
            return Err(format!("{url:?} is no absolute URL of http or https"));
        };
        let now = format!(
            "{}://{}{path}",
            target.scheme.as_str(),
            super::message::authority(target)
        );
        if *url != now {
            let moved = to != *target;
            *path = to_path;
            made.head_changed = true;
            if moved {
                // a Host that a person has written stays
                made.retarget(&to, edit.headers.is_some());
            }
        }
    }
    if let Some(new) = &edit.method {
        let Start::Request { method, .. } = &mut made.start else {
            return Err("a response has no method".to_owned());
        };
        if !is_token(new) {
            return Err(format!("{new:?} cannot be a method"));
        }
        made.head_changed |= method != new;
        method.clone_from(new);
    }
    if let Some(new) = edit.status {
        let Start::Response { status, reason } = &mut made.start else {
            return Err("a request has no status".to_owned());
        };
        if !(200..=599).contains(&new) {
            return Err(format!(
                "{new} is no status of a final response: those are 200 to 599"
            ));
        }
        if *status != new {
            *status = new;
            super::message::reason(new).clone_into(reason);
            made.head_changed = true;
        }
    }
    if let Some(body) = &edit.body {
        match &made.body {
            Content::Held(now) if now[..] == body[..] => {}
            Content::Held(_) => made.set_body(body.to_vec()),
            Content::Unseen(why) => return Err(format!("the body cannot be edited: {why}")),
        }
    }
    made.as_written |= edit.as_written;
    if made.head_changed || made.body_changed {
        made.fit_framing(message);
    }
    Ok(made)
}

pub(super) fn fields(headers: &[(String, String)]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let field = |(name, value): &(String, String)| {
        if !is_token(name) {
            return Err(format!("{name:?} cannot be a header's name"));
        }
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(format!("the value of {name} holds a control character"));
        }
        Ok((name.clone(), value.trim().as_bytes().to_vec()))
    };
    headers.iter().map(field).collect()
}

fn is_token(text: &str) -> bool {
    let is = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is)
}
