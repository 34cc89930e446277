//! An action made ready: what can be wrong with it is found when the rule is made, not when a message passes.

use super::{find::Find, message::target_of, pointer, throttle::Limits};
use crate::{target::Target, upstream::Via};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use overhear_store::{
    filter::Filter,
    rule::{Action, Content, RuleError},
};
use std::{path::Path, sync::Arc};

/// The longest delay: an hour in milliseconds.
const LONGEST: u64 = 3_600_000;

/// An action with what it needs.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) action: Action,
    /// What is replaced.
    pub(crate) find: Option<Find>,
    /// Where it leads, and the path there.
    pub(crate) to: Option<(Target, String)>,
    /// A body that is the same each time.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) limits: Option<Limits>,
    /// Another way to the server.
    pub(crate) via: Option<Arc<Via>>,
}

impl Ready {
    pub(crate) fn new(action: &Action) -> Result<Self, RuleError> {
        let mut ready = Self {
            action: action.clone(),
            find: None,
            to: None,
            body: None,
            limits: None,
            via: None,
        };
        match action {
            Action::SetHeader {
                name,
                value,
                as_written: true,
            } => {
                token("header's name", name)?;
                line("a header's value", value)?;
            }
            Action::SetHeader { name, value, .. } | Action::AddHeader { name, value } => {
                field(name)?;
                line("a header's value", value)?;
            }
            Action::RemoveHeader { name } => field(name)?,
            Action::ReplaceHeader {
                name,
                find,
                with,
                regex,
            } => {
                field(name)?;
                line("a header's value", with)?;
                ready.find = Some(Find::new(find, *regex)?);
            }
            Action::SetMethod { method } => token("method", method)?,
            Action::SetUrl {
                scheme,
                host,
                port,
                path,
                query,
            } => {
                url_parts(scheme.as_deref(), host.as_deref(), *port)?;
                for part in path.iter().chain(query) {
                    in_url(part)?;
                }
                if path
                    .as_ref()
                    .is_some_and(|path| !path.starts_with('/') || path.contains('?'))
                {
                    return wrong(
                        "a path begins with / and has no query: that is in query".to_owned(),
                    );
                }
                if scheme.is_none()
                    && host.is_none()
                    && port.is_none()
                    && path.is_none()
                    && query.is_none()
                {
                    return wrong(
                        "set-url changes nothing: give it a scheme, host, port, path or query"
                            .to_owned(),
                    );
                }
            }
            Action::ReplaceUrl { find, with, regex } => {
                in_url(with)?;
                ready.find = Some(Find::new(find, *regex)?);
            }
            Action::MapRemote { to, .. } => {
                let Some(found) = target_of(to) else {
                    return wrong(format!(
                        "{to:?} is no URL of http or https: write one as https://staging.example.com"
                    ));
                };
                ready.to = Some(found);
            }
            Action::Upstream { to } => {
                ready.via = Some(Arc::new(Via::read(to).map_err(RuleError::Text)?));
            }
            Action::AnswerRecorded {
                filter,
                same_headers,
                ..
            } => {
                Filter::parse(filter)?;
                for name in same_headers {
                    token("header's name", name)?;
                }
            }
            Action::MapLocal { path, .. } => whole_path(path)?,
            Action::Answer {
                status,
                headers,
                body,
            } => {
                a_status(*status)?;
                for (name, value) in headers {
                    field(name)?;
                    line("a header's value", value)?;
                }
                ready.body = match body {
                    Some(body) => content(body)?,
                    None => Some(Vec::new()),
                };
            }
            Action::Redirect { to, status } => {
                line("a redirect's target", to)?;
                if !matches!(status, 301 | 302 | 303 | 307 | 308) {
                    return wrong(format!(
                        "{status} is no redirect: there are 301, 302, 303, 307 and 308"
                    ));
                }
            }
            Action::SetStatus { status } => a_status(*status)?,
            Action::Delay { ms } if *ms > LONGEST => {
                return wrong(format!(
                    "{ms} ms are more than an hour, which is the longest delay"
                ));
            }
            Action::ReplaceBody { find, regex, .. } => ready.find = Some(Find::new(find, *regex)?),
            Action::SetBody { body, .. } => ready.body = content(body)?,
            Action::SetJson { path, .. } => {
                pointer::tokens(path).map_err(RuleError::Text)?;
            }
            Action::SetCookie {
                name,
                value,
                attributes,
            } => {
                token("cookie's name", name)?;
                line("a cookie", value)?;
                line("a cookie", attributes)?;
                if value.contains(';') {
                    return wrong(format!(
                        "the cookie value {value:?} holds a ; which ends it"
                    ));
                }
            }
            Action::Throttle(link) => ready.limits = Some(Limits::new(link)?),
            Action::Tag { tags } => {
                for tag in tags {
                    line("a tag", tag)?;
                    if tag.trim().is_empty() || tag.contains(',') {
                        return wrong(format!("{tag:?} is no tag: it is a word without commas"));
                    }
                }
            }
            _ => {}
        }
        Ok(ready)
    }
}

fn wrong<T>(text: String) -> Result<T, RuleError> {
    Err(RuleError::Text(text))
}

/// The name of a field that rules may change.
fn field(name: &str) -> Result<(), RuleError> {
    token("header's name", name)?;
    let framing = [
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
    ];
    if framing
        .iter()
        .any(|framing| name.eq_ignore_ascii_case(framing))
    {
        return wrong(format!(
            "{name} tells where a message ends or what is spoken: overhear puts it right by itself; set-header with as_written = true sends it as it is written"
        ));
    }
    Ok(())
}

fn token(what: &str, text: &str) -> Result<(), RuleError> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    match !text.is_empty() && text.bytes().all(is_token) {
        true => Ok(()),
        false => wrong(format!(
            "{text:?} cannot be a {what} (RFC 9110 section 5.6.2)"
        )),
    }
}

fn line(what: &str, text: &str) -> Result<(), RuleError> {
    match text.chars().any(|c| c.is_control() && c != '\t') {
        false => Ok(()),
        true => wrong(format!(
            "{what} is one line: {text:?} holds a control character"
        )),
    }
}

fn in_url(text: &str) -> Result<(), RuleError> {
    match text.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
        true => Ok(()),
        false => wrong(format!(
            "{text:?} holds a character that stands percent-encoded in a URL"
        )),
    }
}

fn url_parts(scheme: Option<&str>, host: Option<&str>, port: Option<u16>) -> Result<(), RuleError> {
    let url = format!(
        "{}://{}:{}/",
        scheme.unwrap_or("http"),
        host.map_or("a".to_owned(), |host| match host.contains(':') {
            true => format!("[{}]", host.trim_matches(['[', ']'])),
            false => host.to_owned(),
        }),
        port.unwrap_or(80)
    );
    match target_of(&url) {
        Some(_) if port != Some(0) => Ok(()),
        _ => wrong(format!(
            "{url} is no URL: scheme is http or https, host a name or an address without its port"
        )),
    }
}

fn a_status(status: u16) -> Result<(), RuleError> {
    match (200..=599).contains(&status) {
        true => Ok(()),
        false => wrong(format!(
            "{status} is no status of a final response: those are 200 to 599"
        )),
    }
}

fn whole_path(path: &str) -> Result<(), RuleError> {
    if !Path::new(path).is_absolute() {
        return wrong(format!(
            "{path:?} is not a whole path: write it from the root of the file system on"
        ));
    }
    match std::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) => wrong(format!("{path} cannot be read: {error}")),
    }
}

/// The bytes of a body that is the same each time; none when it is in a file.
fn content(content: &Content) -> Result<Option<Vec<u8>>, RuleError> {
    match content {
        Content {
            text: Some(text),
            base64: None,
            file: None,
        } => Ok(Some(text.clone().into_bytes())),
        Content {
            text: None,
            base64: Some(text),
            file: None,
        } => match STANDARD.decode(text.trim()) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) => wrong(format!("the body is not base64: {error}")),
        },
        Content {
            text: None,
            base64: None,
            file: Some(path),
        } => whole_path(path).map(|()| None),
        _ => wrong("a body has exactly one of text, base64 and file".to_owned()),
    }
}
