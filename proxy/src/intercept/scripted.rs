//! A message that a script is asked about: what the script gets to know, and what its answer makes of the message.

use super::{
    One, Plan,
    message::{Content, Message, Start, authority, fields_of, reason, text},
    room::{self, Edit},
    run::{Asked, At, Log, Verdict, forbidden},
};
use crate::script::{self, Edits, FlowInput, Input, Output, Sent, Worker};
use overhear_store::{
    Color, Flow, FlowRecorder, Side,
    filter::Matcher,
    rule::{Action, How, Stage},
};
use std::sync::Arc;

/// The most of a head that a script may make: bytes.
const MOST_HEAD: usize = 256 << 10;

/// What a script needs to know of its flow; none when no script acts.
pub(crate) fn row_for(plan: &Plan, flow: &FlowRecorder) -> Option<Flow> {
    let scripted = plan.iter().any(|one| one.script.is_some());
    scripted.then(|| flow.get())
}

/// The stages at which a script acts, as what takes its place among rules.
pub(super) fn ones(worker: &Arc<Worker>, name: &str, matcher: &Matcher) -> Vec<One> {
    let stages = [
        (script::Hook::Request, Stage::Request),
        (script::Hook::Response, Stage::Response),
        (script::Hook::Message, Stage::Message),
    ];
    let stages = stages.into_iter().filter(|(hook, _)| worker.has(*hook));
    let one = |(_, stage)| One {
        id: 0,
        name: name.to_owned(),
        stage,
        sender: None,
        matcher: matcher.clone(),
        actions: Vec::new(),
        script: Some(worker.clone()),
        recorded: None,
    };
    stages.map(one).collect()
}

/// Why the body of a message is not held for scripts, although they want it; none when it is.
pub(super) fn passes_unheld(message: &Message) -> Option<&'static str> {
    let kind = message.first("content-type").unwrap_or_default();
    let kind = kind.split(|b| *b == b';').next().unwrap_or_default();
    if kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream") {
        return Some("it is a stream of events, which passes as it comes");
    }
    let length = message.first("content-length").map(text);
    let length = length.and_then(|length| length.trim().parse::<u64>().ok());
    match length.is_some_and(|length| length > super::MOST_BODY as u64) {
        true => Some("it is larger than 8 MiB"),
        false => None,
    }
}

/// Asks a script; none when the message goes on.
pub(super) async fn ask(
    one: &One,
    worker: &Worker,
    message: &mut Message,
    asked: &Asked,
    log: &mut Log,
    at: At<'_>,
) -> Option<Verdict> {
    let input = input(worker, message, asked, at, at.row?);
    let hook = input.start.hook();
    let made = match worker.call(input).await {
        Ok(output) => {
            let made = apply(message, output, &one.name);
            if let Err(why) = &made {
                worker.failed(hook, at.flow, why);
            }
            made
        }
        Err(error) => Err(error.to_string()),
    };
    match made {
        Ok(made) => {
            log.changed |= made.changed || made.verdict.is_some();
            log.marks.extend(made.marks);
            if !made.done.is_empty() {
                log.script(one, made.done.join(", "), false);
            }
            made.verdict
        }
        Err(why) => {
            log.script(one, why, true);
            None
        }
    }
}

fn input(worker: &Worker, message: &Message, asked: &Asked, at: At<'_>, row: &Flow) -> Input {
    let start = match &message.start {
        Start::Request {
            method,
            target,
            path,
        } => script::Start::Request {
            method: method.clone(),
            scheme: target.scheme.as_str(),
            host: target.host.clone(),
            port: target.port,
            path: path.clone(),
            version: version(row),
        },
        Start::Response { status, reason } => script::Start::Response {
            status: *status,
            reason: reason.clone(),
        },
        Start::Data { side, text } => script::Start::Message {
            from_client: *side == Side::Request,
            text: *text,
        },
    };
    let (body, why) = match &message.body {
        Content::Held(body) => (Some(body.clone()), String::new()),
        Content::Unseen(why) if !why.is_empty() => (None, why.clone()),
        Content::Unseen(_) if !worker.loaded.bodies => (
            None,
            "the script says export const bodies = false".to_owned(),
        ),
        Content::Unseen(_) => {
            let why = passes_unheld(message).unwrap_or("nobody asked for it in time");
            (None, why.to_owned())
        }
    };
    let tags = row.tags.split(',').map(str::trim);
    let color = row.color.and_then(|color| serde_json::to_value(color).ok());
    Input {
        start,
        headers: shown(&message.fields),
        body,
        why,
        flow: FlowInput {
            id: at.flow,
            client: row.client.ip().to_string(),
            app: row.app.clone(),
            tags: tags
                .filter(|tag| !tag.is_empty())
                .map(str::to_owned)
                .collect(),
            comment: row.comment.clone(),
            highlight: color
                .and_then(|color| color.as_str().map(str::to_owned))
                .unwrap_or_default(),
            request: script::Asked {
                method: asked.method.clone(),
                url: asked.url.clone(),
                headers: shown(&fields_of(at.head)),
            },
        },
    }
}

fn version(row: &Flow) -> String {
    let version = row.request.version.map(serde_json::to_value);
    let version = version.and_then(Result::ok);
    let version = version.and_then(|version| version.as_str().map(str::to_owned));
    version.unwrap_or_default()
}

fn shown(fields: &[(String, Vec<u8>)]) -> Vec<(String, String)> {
    // what begins with a colon is no header of HTTP/2, but its start
    let fields = fields.iter().filter(|(name, _)| !name.is_empty());
    fields
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

/// What an answer of a script came to.
#[derive(Debug, Default)]
struct Made {
    verdict: Option<Verdict>,
    changed: bool,
    marks: Vec<Action>,
    /// What was done, in words.
    done: Vec<String>,
}

/// Makes of a message what a script says; nothing at all where something of that cannot be.
fn apply(message: &mut Message, output: Output, name: &str) -> Result<Made, String> {
    let mut made = Made::default();
    marks(&output, &mut made);
    match output.verdict {
        None => {
            let changed = edit(message, output.edits, &mut made.done)?;
            made.changed = changed.is_some();
            if let Some(changed) = changed {
                *message = changed;
            }
        }
        Some(script::Verdict::Drop | script::Verdict::Block) if message.is_data() => {
            made.done.push("left out".to_owned());
            made.verdict = Some(Verdict::Block(How::Forbidden, format!("script {name:?}")));
        }
        Some(script::Verdict::Drop) => {
            made.done.push("dropped".to_owned());
            made.verdict = Some(Verdict::Block(How::Reset, format!("script {name:?}")));
        }
        Some(script::Verdict::Block) => {
            made.done.push("blocked".to_owned());
            made.verdict = Some(Verdict::Answer(forbidden(&format!("script {name:?}"))));
        }
        Some(script::Verdict::Answer(edits)) => {
            let answer = answer(edits)?;
            made.done.push(format!("answered with {}", answer.status()));
            made.verdict = Some(Verdict::Answer(answer));
        }
    }
    Ok(made)
}

fn marks(output: &Output, made: &mut Made) {
    if !output.tags.is_empty() {
        made.done.push(format!("tag {}", output.tags.join(", ")));
        made.marks.push(Action::Tag {
            tags: output.tags.clone(),
        });
    }
    if let Some(text) = &output.comment {
        made.done.push("comment".to_owned());
        made.marks.push(Action::Comment { text: text.clone() });
    }
    let color = output.highlight.clone().map(serde_json::Value::String);
    let color = color.map(serde_json::from_value::<Color>);
    if let Some(Ok(color)) = color {
        let name = output.highlight.as_deref().unwrap_or_default();
        made.done.push(format!("highlight {name}"));
        made.marks.push(Action::Highlight { color });
    }
}

/// The message with what is another; none when nothing is.
fn edit(
    message: &Message,
    edits: Edits,
    done: &mut Vec<String>,
) -> Result<Option<Message>, String> {
    let Edits {
        method,
        url,
        status,
        reason: words,
        headers,
        body,
    } = edits;
    if let Some(headers) = &headers {
        fits(headers)?;
    }
    let edit = Edit {
        method,
        url,
        status,
        body: body.map(|body| bytes(body, &message.body).into()),
        headers,
        as_written: false,
    };
    let mut made = room::edited(message, &edit)?;
    if edit.headers.is_some() {
        keep_bytes(&mut made, message);
    }
    if let (Some(words), Start::Response { status, reason }) = (words, &mut made.start) {
        set_reason(reason, *status, words)?;
        made.head_changed = true;
    }
    let begun = (message.head_changed, message.body_changed);
    if (made.head_changed, made.body_changed) == begun && edit.is_empty() {
        return Ok(None);
    }
    say(message, &made, done);
    Ok((!done.is_empty()).then_some(made))
}

/// An answer in the server's place.
fn answer(edits: Edits) -> Result<Message, String> {
    let mut answer = Message::answer(edits.status.unwrap_or(200));
    let headers = edits.headers.unwrap_or_default();
    fits(&headers)?;
    answer.fields = room::fields(&headers)?;
    if let (Some(words), Start::Response { status, reason }) = (edits.reason, &mut answer.start) {
        set_reason(reason, *status, words)?;
    }
    let empty = Content::Held(Vec::new());
    answer.set_body(edits.body.map_or_else(Vec::new, |body| bytes(body, &empty)));
    Ok(answer)
}

fn set_reason(place: &mut String, status: u16, words: String) -> Result<(), String> {
    if words.chars().any(char::is_control) {
        return Err(format!("the reason {words:?} holds a control character"));
    }
    *place = match words.is_empty() {
        true => reason(status).to_owned(),
        false => words,
    };
    Ok(())
}

fn fits(headers: &[(String, String)]) -> Result<(), String> {
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    match size > MOST_HEAD {
        true => Err(format!(
            "the headers that it made are larger than {} KiB",
            MOST_HEAD >> 10
        )),
        false => Ok(()),
    }
}

/// A text goes in the coding that the body had when it was read: UTF-8, or else ISO-8859-1.
fn bytes(body: Sent, now: &Content) -> Vec<u8> {
    let text = match body {
        Sent::Bytes(bytes) => return bytes,
        Sent::Text(text) => text,
    };
    let was_utf8 = match now {
        Content::Held(now) => std::str::from_utf8(now).is_ok(),
        Content::Unseen(_) => true,
    };
    let latin: Option<Vec<u8>> = match was_utf8 {
        true => None,
        false => text
            .chars()
            .map(|c| u8::try_from(u32::from(c)).ok())
            .collect(),
    };
    latin.unwrap_or_else(|| text.into_bytes())
}

/// What a value was written with stays, where the value stays.
fn keep_bytes(made: &mut Message, original: &Message) {
    for (name, value) in &mut made.fields {
        let mut known = original.fields.iter();
        let same = known.find(|(n, v)| n == name && text(v).trim().as_bytes() == value.as_slice());
        if let Some((_, bytes)) = same {
            value.clone_from(bytes);
        }
    }
}

/// What is another, in words.
fn say(before: &Message, after: &Message, done: &mut Vec<String>) {
    match (&before.start, &after.start) {
        (
            Start::Request {
                method,
                target,
                path,
            },
            Start::Request {
                method: now,
                target: to,
                path: way,
            },
        ) => {
            if method != now {
                done.push(format!("{method} became {now}"));
            }
            if (target, path) != (to, way) {
                let url = format!("{}://{}{way}", to.scheme.as_str(), authority(to));
                done.push(url.chars().take(200).collect());
            }
        }
        (
            Start::Response { status, reason },
            Start::Response {
                status: now,
                reason: words,
            },
        ) if (status, reason) != (now, words) => {
            let became = format!("{status} became {now} {words}");
            done.push(became.trim_end().to_owned());
        }
        _ => {}
    }
    let names = other_fields(before, after);
    if !names.is_empty() {
        let few: Vec<_> = names.iter().take(8).map(String::as_str).collect();
        let more = match names.len() > few.len() {
            true => format!(" and {} more", names.len() - few.len()),
            false => String::new(),
        };
        done.push(format!("headers {}{more}", few.join(" ")));
    }
    if let Content::Held(body) = &after.body
        && after.body_changed
        && !matches!(&before.body, Content::Held(was) if was == body)
    {
        done.push(format!("body, {} bytes now", body.len()));
    }
}

/// The names of fields that are others: values, order or case.
fn other_fields(before: &Message, after: &Message) -> Vec<String> {
    if before.fields == after.fields {
        return Vec::new();
    }
    let mut names: Vec<String> = Vec::new();
    for (name, _) in before.fields.iter().chain(&after.fields) {
        let is = |(n, _): &&(String, Vec<u8>)| n.eq_ignore_ascii_case(name);
        let same = before
            .fields
            .iter()
            .filter(is)
            .eq(after.fields.iter().filter(is));
        if !same && !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name.clone());
        }
    }
    if names.is_empty() {
        // the same in another order
        names.push("in another order".to_owned());
    }
    names
}

#[cfg(test)]
mod tests;
