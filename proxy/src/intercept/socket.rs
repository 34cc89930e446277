//! Messages of a WebSocket: the one place where they are decided about, [`on_message`].

use super::{Asked, At, Content, Log, Message, Plan, Rules, Set, Verdict, needs_body, run, waits};
use overhear_store::{
    FlowRecorder, Side,
    filter::Passing,
    rule::{ChangedMessage, How},
};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// A WebSocket, and what rules look at of it.
pub(crate) struct Watch<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) flow: &'a FlowRecorder,
    pub(crate) host: String,
    /// The heads of the handshake.
    pub(crate) request: Vec<u8>,
    pub(crate) response: Vec<u8>,
    pub(crate) asked: Asked,
    /// What rules did to its flow so far.
    pub(crate) log: Mutex<Log>,
    /// Its client is gone: nothing waits for a person any more.
    pub(crate) gone: CancellationToken,
}

/// A message.
pub(crate) struct Data {
    pub(crate) side: Side,
    /// Where it lies in the bytes of its direction.
    pub(crate) offset: u64,
    /// 0 when its end has not come.
    pub(crate) length: u64,
    /// It is UTF-8; otherwise binary.
    pub(crate) text: bool,
    /// Unmasked and without compression.
    pub(crate) content: Content,
    /// Why it can be neither changed nor left out.
    pub(crate) bound: Option<String>,
}

/// What becomes of a message.
pub(crate) enum Passed {
    /// It goes on as it came.
    AsItCame(Content),
    /// This goes on instead.
    Changed(Vec<u8>),
    /// Nothing goes on.
    Dropped,
    /// The WebSocket ends; which rule says so.
    Ended(How, String),
}

impl<'a> Watch<'a> {
    /// Of a WebSocket that was opened with these heads; `opening` is its request, `log` what rules did to it.
    pub(crate) fn new(
        rules: &'a Rules,
        flow: &'a FlowRecorder,
        host: String,
        [request, response]: [Vec<u8>; 2],
        opening: &Message,
        log: Log,
    ) -> Self {
        let mut asked = Asked::of(opening);
        asked.url = flow.get().url();
        Self {
            rules,
            flow,
            host,
            request,
            response,
            asked,
            log: Mutex::new(log),
            gone: CancellationToken::new(),
        }
    }

    /// Whether there are rules that may touch messages of this WebSocket.
    pub(crate) fn is_touched(&self) -> bool {
        let set = self.rules.current();
        set.is_some_and(|set| set.touches_messages(&self.host))
    }

    /// Writes down which rules would look at messages of this side, which pass unread; why nobody can read them.
    pub(crate) fn unread(&self, set: &Set, side: Side, why: &str) {
        let row = self.flow.get();
        let plan = set.on_unread(
            side,
            Passing {
                flow: &row,
                heads: &[&self.request, &self.response],
                body: None,
            },
        );
        let mut log = Log::default();
        for rule in &plan {
            log.cannot(rule, format!("messages go on as they come: {why}"));
        }
        let mut all = self.log.lock();
        if all.add_once(log) {
            all.record(self.flow);
        }
    }
}

/// Decides about a message.
pub(crate) async fn on_message(watch: &Watch<'_>, data: Data) -> Passed {
    let Some(set) = watch
        .rules
        .current()
        .filter(|set| set.touches_messages(&watch.host))
    else {
        return Passed::AsItCame(data.content);
    };
    let row = watch.flow.get();
    let plan = set.on_message(
        data.side,
        Passing {
            flow: &row,
            heads: &[&watch.request, &watch.response],
            body: match &data.content {
                Content::Held(content) => Some(content),
                Content::Unseen(_) => None,
            },
        },
    );
    if plan.is_empty() {
        return Passed::AsItCame(data.content);
    }
    let mut message = Message::data(data.side, data.text, data.content);
    let original = match &message.body {
        Content::Held(content) if needs_body(&plan, &message) => Some(content.clone()),
        _ => None,
    };
    let mut log = Log::default();
    let at = At {
        room: &set.room,
        flow: watch.flow.id(),
        row: Some(&row),
        head: &watch.request,
    };
    let verdict = {
        let throttle = &mut None;
        let run = run(&plan, &mut message, &watch.asked, &mut log, throttle, at);
        match waits(&plan) {
            false => run.await,
            true => tokio::select! {
                biased;
                verdict = run => verdict,
                () = watch.gone.cancelled() => return Passed::Dropped,
            },
        }
    };
    let about = ChangedMessage {
        side: data.side,
        offset: data.offset,
        length: data.length,
        text: data.text,
        dropped: false,
        sent: None,
        done: Vec::new(),
        by_hand: None,
    };
    let passed = passed(&plan, verdict, message, original, data.bound, &mut log);
    record(watch, about, &passed, log);
    passed
}

/// What a verdict means for a message.
fn passed(
    plan: &Plan,
    verdict: Verdict,
    message: Message,
    original: Option<Vec<u8>>,
    bound: Option<String>,
    log: &mut Log,
) -> Passed {
    let is_text = matches!(message.start, super::Start::Data { text: true, .. });
    let mut fails = |action: &str, text: String| {
        if let Some(rule) = plan.last() {
            log.failed(rule, action, text);
        }
    };
    match (verdict, message.body) {
        (Verdict::Block(How::Forbidden, _), body) => match bound {
            None => Passed::Dropped,
            Some(why) => {
                fails("block", format!("it went on: {why}"));
                Passed::AsItCame(body)
            }
        },
        (Verdict::Block(how, rule), _) => Passed::Ended(how, rule),
        (_, Content::Held(made)) if message.body_changed => {
            if original.as_ref() == Some(&made) {
                return Passed::AsItCame(Content::Held(made));
            }
            if is_text && std::str::from_utf8(&made).is_err() {
                fails(
                    "set-body",
                    "it went on as it came: a text message is UTF-8 (RFC 6455 section 5.6), which this would not be"
                        .to_owned(),
                );
                return Passed::AsItCame(Content::Held(original.unwrap_or_default()));
            }
            Passed::Changed(made)
        }
        (_, body) => Passed::AsItCame(body),
    }
}

fn record(watch: &Watch<'_>, mut about: ChangedMessage, passed: &Passed, log: Log) {
    let marks = ["tag", "comment", "highlight"];
    let only_marks = log
        .done()
        .iter()
        .all(|done| marks.contains(&done.action.as_str()));
    match passed {
        Passed::AsItCame(_) => {}
        Passed::Changed(made) => about.sent = Some(made.clone()),
        Passed::Dropped | Passed::Ended(..) => about.dropped = true,
    }
    if !only_marks {
        about.done = log.done().to_vec();
        watch.flow.message_changed(about);
    }
    let mut all = watch.log.lock();
    if all.add_once(log) {
        all.record(watch.flow);
    }
}
