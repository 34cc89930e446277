//! `overhear intercept`: what waits at breakpoints of the running program.

use crate::{
    api,
    cli::{InterceptCommand, InterceptEdit},
    data::{Data, Running},
    exit::Usage,
    terminal::harmless,
};
use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::Method;
use serde_json::{Map, Value, json};
use std::io::{self, Read, Write};

pub(super) async fn execute(data: &Data, command: InterceptCommand) -> anyhow::Result<()> {
    let running = data.running().with_context(|| {
        format!(
            "no overhear runs on the data folder {}: nothing waits",
            data.path().display()
        )
    })?;
    let mut out = io::stdout().lock();
    match command {
        InterceptCommand::List { json } => {
            for item in list(&running).await? {
                let line = match json {
                    true => item.to_string(),
                    false => row(&item),
                };
                writeln!(out, "{line}")?;
            }
        }
        InterceptCommand::Show { id } => writeln!(out, "{}", show(&running, id).await?)?,
        InterceptCommand::Continue { id, edit } => {
            let message = show(&running, id).await?;
            let body = edited(&edit, &message)?;
            decide(&running, id, "continue", &body).await?;
        }
        InterceptCommand::Answer {
            id,
            status,
            headers,
            body,
            as_written,
        } => {
            let fields: Result<Vec<_>, _> = headers.iter().map(|text| field(text)).collect();
            let mut answer =
                json!({ "status": status, "headers": fields?, "as_written": as_written });
            if let (Some(body), Some(answer)) = (content(body.as_deref())?, answer.as_object_mut())
            {
                answer.insert("body".to_owned(), body);
            }
            decide(&running, id, "answer", &answer).await?;
        }
        InterceptCommand::Drop { id } => decide(&running, id, "drop", &json!({})).await?,
        InterceptCommand::All => {
            let answer = api::ask(&running, Method::POST, "/api/waiting/continue").await?;
            let answer: Value = serde_json::from_slice(&answer)?;
            writeln!(out, "{}", answer.get("count").unwrap_or(&Value::Null))?;
        }
    }
    Ok(())
}

async fn list(running: &Running) -> anyhow::Result<Vec<Value>> {
    let answer = api::ask(running, Method::GET, "/api/waiting").await?;
    let mut answer: Value = serde_json::from_slice(&answer)?;
    let items = answer.get_mut("items").map(Value::take);
    Ok(serde_json::from_value(items.unwrap_or_default())?)
}

async fn show(running: &Running, id: u64) -> anyhow::Result<Value> {
    let answer = api::ask(running, Method::GET, &format!("/api/waiting/{id}")).await?;
    Ok(serde_json::from_slice(&answer)?)
}

async fn decide(running: &Running, id: u64, what: &str, body: &Value) -> anyhow::Result<()> {
    let path = format!("/api/waiting/{id}/{what}");
    let body = serde_json::to_vec(body)?;
    api::send(running, Method::POST, &path, body.into()).await?;
    Ok(())
}

/// A message in one line.
fn row(item: &Value) -> String {
    let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
    let number = |key: &str| item.get(key).and_then(Value::as_u64).unwrap_or_default();
    let mut line = format!(
        "{:>4} {:8} flow {} {} {}",
        number("id"),
        text("stage"),
        number("flow"),
        harmless(text("method"), false),
        harmless(text("url"), false),
    );
    if let Some(status) = item.get("status").and_then(Value::as_u64) {
        line.push_str(&format!(" {status}"));
    }
    line.push_str(&format!("  ({})", harmless(text("rule"), false)));
    if item.get("gone") == Some(&Value::Bool(true)) {
        line.push_str("  the client gave up");
    }
    line
}

/// What the command line makes of a message; of the version that was read, so that nobody's edit is lost.
fn edited(edit: &InterceptEdit, message: &Value) -> anyhow::Result<Value> {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    put(
        "version",
        message.get("version").cloned().unwrap_or_default(),
    );
    if edit.as_written {
        put("as_written", json!(true));
    }
    if let Some(method) = &edit.method {
        put("method", json!(method));
    }
    if let Some(url) = &edit.url {
        put("url", json!(url));
    }
    if let Some(status) = edit.status {
        put("status", json!(status));
    }
    if !edit.headers.is_empty() {
        let headers = message.get("headers").cloned().unwrap_or_default();
        let mut headers: Vec<(String, String)> = serde_json::from_value(headers)?;
        for text in &edit.headers {
            let (name, value) = field(text)?;
            let is = |known: &String| known.eq_ignore_ascii_case(&name);
            let place = headers.iter().position(|(known, _)| is(known));
            headers.retain(|(known, _)| !is(known));
            if !value.is_empty() {
                let place = place.unwrap_or(headers.len()).min(headers.len());
                headers.insert(place, (name, value));
            }
        }
        put("headers", json!(headers));
    }
    if let Some(content) = content(edit.body.as_deref())? {
        put("body", content);
    }
    Ok(Value::Object(body))
}

fn field(text: &str) -> anyhow::Result<(String, String)> {
    let Some((name, value)) = text.split_once(':') else {
        return Err(Usage(format!(
            "{text:?} is no header field: write it as 'Name: value'"
        ))
        .into());
    };
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn content(text: Option<&str>) -> anyhow::Result<Option<Value>> {
    let bytes = match text {
        None => return Ok(None),
        Some("@-") => {
            let mut bytes = Vec::new();
            io::stdin()
                .read_to_end(&mut bytes)
                .context("cannot read standard input")?;
            bytes
        }
        Some(text) => match text.strip_prefix('@') {
            Some(path) => std::fs::read(path).with_context(|| format!("cannot read {path}"))?,
            None => return Ok(Some(json!({ "text": text }))),
        },
    };
    Ok(Some(json!({ "base64": STANDARD.encode(bytes) })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_set_in_their_place_and_taken_away() {
        let message = json!({"version": 3, "headers": [["Host", "a"], ["X-A", "1"], ["x-a", "2"], ["B", "3"]]});
        let edit = InterceptEdit {
            method: None,
            url: None,
            status: Some(404),
            headers: vec!["X-A: 9".to_owned(), "b:".to_owned(), "C: d: e".to_owned()],
            body: Some("text".to_owned()),
            as_written: true,
        };
        let made = edited(&edit, &message).unwrap();
        let expected = json!({
            "version": 3, "as_written": true, "status": 404, "headers": [["Host", "a"], ["X-A", "9"], ["C", "d: e"]],
            "body": {"text": "text"},
        });
        assert_eq!(made, expected);
        assert!(field("nothing").is_err());
    }
}
