//! What actions make of a message, where nothing has to be waited for.

use super::{
    Ready,
    message::{Content, Message, Start, text},
    pointer,
    run::Asked,
};
use crate::target::Scheme;
use overhear_store::rule::{Action, Stage};

/// What an action came to.
pub(crate) enum Did {
    /// The message is another: what was done, in words.
    Changed(String),
    /// There was nothing to change.
    Nothing,
    /// It could not be done: why.
    Failed(String),
}

use Did::{Changed, Failed, Nothing};

/// Changes a message.
pub(crate) fn apply(ready: &Ready, stage: Stage, message: &mut Message, asked: &Asked) -> Did {
    match &ready.action {
        Action::SetHeader {
            name,
            value,
            as_written,
        } => {
            message.as_written |= *as_written;
            if message.first(name) == Some(value.as_bytes()) {
                return Nothing;
            }
            message.set(name, value.as_bytes());
            Changed(format!("{name}: {value}"))
        }
        Action::AddHeader { name, value } => {
            message.add(name, value.as_bytes());
            Changed(format!("added {name}: {value}"))
        }
        Action::RemoveHeader { name } => match message.remove(name) {
            true => Changed(format!("removed {name}")),
            false => Nothing,
        },
        Action::ReplaceHeader { name, with, .. } => replace_header(ready, message, name, with),
        Action::SetMethod { method } => set_method(message, method),
        Action::SetUrl { .. } => set_url(&ready.action, message),
        Action::ReplaceUrl { with, .. } => replace_url(ready, message, with),
        Action::MapRemote {
            from, keep_host, ..
        } => map_remote(ready, message, from, *keep_host),
        Action::Upstream { .. } => match &ready.via {
            Some(via) => {
                message.via = Some(via.clone());
                Changed(format!("sent to {via}"))
            }
            None => Nothing,
        },
        Action::SetStatus { status } => set_status(message, *status),
        Action::ReplaceBody { with, .. } => replace_body(ready, message, with),
        Action::SetJson { path, value } => match held(message) {
            Err(why) => Failed(why),
            Ok(body) => match pointer::set(body, path, value) {
                Err(why) => Failed(why),
                Ok(made) if made == body => Nothing,
                Ok(made) => {
                    message.set_body(made);
                    Changed(format!("{path} = {value}"))
                }
            },
        },
        Action::NoCaching => no_caching(stage, message),
        Action::StripCookies { name } => strip_cookies(stage, message, name),
        Action::SetCookie {
            name,
            value,
            attributes,
        } => set_cookie(stage, message, name, value, attributes),
        Action::AllowCors => allow_cors(message, asked),
        _ => Nothing,
    }
}

/// The body, when it is held.
fn held(message: &Message) -> Result<&[u8], String> {
    match &message.body {
        Content::Held(body) => Ok(body),
        Content::Unseen(why) => Err(format!("the body went on unchanged: {why}")),
    }
}

fn replace_header(ready: &Ready, message: &mut Message, name: &str, with: &str) -> Did {
    let Some(find) = &ready.find else {
        return Nothing;
    };
    let mut count = 0;
    for (known, value) in &mut message.fields {
        if known.eq_ignore_ascii_case(name) {
            match find.replace(value, with) {
                Ok(Some((made, times))) => {
                    *value = made;
                    count += times;
                }
                Ok(None) => {}
                Err(why) => return Failed(why),
            }
        }
    }
    message.head_changed |= count > 0;
    match count {
        0 => Nothing,
        _ => Changed(format!("replaced in {name}: {}", times(count))),
    }
}

fn set_method(message: &mut Message, to: &str) -> Did {
    match &mut message.start {
        Start::Request { method, .. } if method != to => {
            let done = format!("{method} became {to}");
            to.clone_into(method);
            message.head_changed = true;
            Changed(done)
        }
        _ => Nothing,
    }
}

fn set_url(action: &Action, message: &mut Message) -> Did {
    let (
        Action::SetUrl {
            scheme,
            host,
            port,
            path: new_path,
            query,
        },
        Start::Request { target, path, .. },
    ) = (action, &mut message.start)
    else {
        return Nothing;
    };
    let mut to = target.clone();
    if let Some(scheme) = scheme {
        let before = to.scheme;
        to.scheme = match scheme.as_str() {
            "https" => Scheme::Https,
            _ => Scheme::Http,
        };
        if to.port == before.default_port() {
            to.port = to.scheme.default_port();
        }
    }
    if let Some(host) = host {
        host.trim_matches(['[', ']']).clone_into(&mut to.host);
    }
    if let Some(port) = port {
        to.port = *port;
    }
    let (old_path, old_query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path.as_str(), None),
    };
    let mut made = new_path.as_deref().unwrap_or(old_path).to_owned();
    match query.as_deref().or(old_query) {
        None | Some("") => {}
        Some(query) => {
            made.push('?');
            made.push_str(query);
        }
    }
    let moved = to != *target;
    if !moved && made == *path {
        return Nothing;
    }
    let done = format!("{}://{to}{made}", to.scheme.as_str());
    *path = made;
    message.head_changed = true;
    if moved {
        message.retarget(&to, false);
    }
    Changed(done)
}

fn replace_url(ready: &Ready, message: &mut Message, with: &str) -> Did {
    let (Some(find), Start::Request { path, .. }) = (&ready.find, &mut message.start) else {
        return Nothing;
    };
    match find.replace(path.as_bytes(), with) {
        Err(why) => Failed(why),
        Ok(None) => Nothing,
        Ok(Some((made, _))) => {
            let made = text(&made);
            let good = made.starts_with('/') && made.bytes().all(|b| b.is_ascii_graphic());
            if !good {
                return Failed(format!(
                    "{made:?} would be no path: it begins with / and has no spaces"
                ));
            }
            let done = format!("{path} became {made}");
            *path = made;
            message.head_changed = true;
            Changed(done)
        }
    }
}

fn map_remote(ready: &Ready, message: &mut Message, from: &str, keep_host: bool) -> Did {
    let (Some((to, prefix)), Start::Request { path, .. }) = (&ready.to, &mut message.start) else {
        return Nothing;
    };
    let rest = path.strip_prefix(from).unwrap_or(path);
    let prefix = prefix.trim_end_matches('/');
    let slash = match rest.starts_with('/')
        || (rest.is_empty() && !prefix.is_empty())
        || rest.starts_with('?') && !prefix.is_empty()
    {
        true => "",
        false => "/",
    };
    // `OPTIONS *` stays as it is
    if path != "*" {
        *path = format!("{prefix}{slash}{rest}");
    }
    let done = format!("{}://{to}{path}", to.scheme.as_str());
    message.retarget(to, keep_host);
    Changed(done)
}

fn set_status(message: &mut Message, to: u16) -> Did {
    match &mut message.start {
        Start::Response { status, reason } if *status != to => {
            let done = format!("{status} became {to}");
            *status = to;
            super::message::reason(to).clone_into(reason);
            message.head_changed = true;
            Changed(done)
        }
        _ => Nothing,
    }
}

fn replace_body(ready: &Ready, message: &mut Message, with: &str) -> Did {
    let Some(find) = &ready.find else {
        return Nothing;
    };
    let made = match held(message) {
        Ok(body) => find.replace(body, with),
        Err(why) => Err(why),
    };
    match made {
        Err(why) => Failed(why),
        Ok(None) => Nothing,
        Ok(Some((made, count))) => {
            message.set_body(made);
            Changed(format!("replaced in the body: {}", times(count)))
        }
    }
}

fn no_caching(stage: Stage, message: &mut Message) -> Did {
    let (gone, value): (&[&str], &[u8]) = match stage {
        Stage::Request => (
            &["If-None-Match", "If-Modified-Since", "If-Range"],
            b"no-cache",
        ),
        Stage::Response => (&["ETag", "Last-Modified", "Expires", "Age"], b"no-store"),
        Stage::Message => return Nothing,
    };
    for name in gone {
        message.remove(name);
    }
    message.set("Cache-Control", value);
    Changed("without caches".to_owned())
}

fn strip_cookies(stage: Stage, message: &mut Message, name: &str) -> Did {
    let mut count = 0;
    let is = |cookie: &[u8]| {
        let known = cookie.split(|b| *b == b'=').next().unwrap_or_default();
        name.is_empty() || known.trim_ascii() == name.as_bytes()
    };
    match stage {
        Stage::Message => {}
        Stage::Response => message.fields.retain(|(known, value)| {
            let gone = known.eq_ignore_ascii_case("set-cookie") && is(value);
            count += usize::from(gone);
            !gone
        }),
        Stage::Request => {
            for (_, value) in message
                .fields
                .iter_mut()
                .filter(|(known, _)| known.eq_ignore_ascii_case("cookie"))
            {
                let all = value.split(|b| *b == b';').map(<[u8]>::trim_ascii);
                let (gone, kept): (Vec<_>, Vec<_>) = all.partition(|cookie| is(cookie));
                count += gone.len();
                *value = kept.join(&b"; "[..]);
            }
            message.fields.retain(|(known, value)| {
                !(known.eq_ignore_ascii_case("cookie") && value.is_empty())
            });
        }
    }
    message.head_changed |= count > 0;
    match count {
        0 => Nothing,
        1 => Changed("took 1 cookie away".to_owned()),
        _ => Changed(format!("took {count} cookies away")),
    }
}

fn set_cookie(
    stage: Stage,
    message: &mut Message,
    name: &str,
    value: &str,
    attributes: &str,
) -> Did {
    match stage {
        Stage::Message => return Nothing,
        Stage::Request => {
            strip_cookies(stage, message, name);
            let mut cookies = message
                .first("cookie")
                .map(<[u8]>::to_vec)
                .unwrap_or_default();
            if !cookies.is_empty() {
                cookies.extend_from_slice(b"; ");
            }
            cookies.extend_from_slice(format!("{name}={value}").as_bytes());
            message.set("Cookie", &cookies);
        }
        Stage::Response => {
            let cookie = match attributes {
                "" => format!("{name}={value}"),
                attributes => format!("{name}={value}; {attributes}"),
            };
            message.add("Set-Cookie", cookie.as_bytes());
        }
    }
    Changed(format!("cookie {name}={value}"))
}

fn allow_cors(message: &mut Message, asked: &Asked) -> Did {
    let origin = asked.origin.as_deref().unwrap_or("*");
    message.set("Access-Control-Allow-Origin", origin.as_bytes());
    if origin != "*" {
        message.set("Access-Control-Allow-Credentials", b"true");
        let vary = message.first("vary").map(text).unwrap_or_default();
        if !vary
            .split(',')
            .any(|name| name.trim().eq_ignore_ascii_case("origin"))
        {
            message.add("Vary", b"Origin");
        }
    }
    message.set("Access-Control-Expose-Headers", b"*");
    let Some(method) = &asked.preflight else {
        return Changed(format!("pages of {origin} may read it"));
    };
    message.set("Access-Control-Allow-Methods", method.as_bytes());
    if let Some(headers) = &asked.preflight_headers {
        message.set("Access-Control-Allow-Headers", headers.as_bytes());
    }
    // a preflight must succeed (Fetch standard, section 4.8)
    if !(200..300).contains(&message.status()) {
        set_status(message, 200);
    }
    Changed(format!("the preflight of {origin} has leave"))
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        _ => format!("{count} times"),
    }
}
