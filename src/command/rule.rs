//! `overhear rule`: the rules of the running program, or of the data folder when none runs.

use super::replay::running;
use crate::{
    api,
    cli::{RuleCommand, RuleSender, RuleStage},
    data::{Data, Running},
    exit::Usage,
    terminal::harmless,
};
use anyhow::Context;
use bytes::Bytes;
use hyper::Method;
use overhear_store::{
    Store,
    rule::{Action, Rule, RuleId, Sender, Stage, StoredRule, from_toml, to_toml},
};
use overhear_webui::rules::check;
use serde::Deserialize;
use serde_json::json;
use std::{
    fs,
    io::{self, Write},
};

/// Where rules are.
enum Place {
    /// In a program that runs, where they act at once.
    Running(Running),
    /// In the database.
    Store(Store, crate::data::Lock),
}

/// A rule as the API gives it.
#[derive(Deserialize)]
struct Item {
    id: i64,
    #[serde(default)]
    from_file: bool,
    #[serde(default)]
    error: Option<String>,
    #[serde(flatten)]
    rule: serde_json::Map<String, serde_json::Value>,
}

pub(super) async fn execute(data: &Data, command: RuleCommand) -> anyhow::Result<()> {
    // what is wrong with a rule is told before anything is opened
    let added = added(&command)?;
    data.create()?;
    let place = match data.lock()? {
        Some(lock) => Place::Store(data.record().await?, lock),
        None => Place::Running(running(data).await?),
    };
    let done = run(&place, command, added).await;
    if let Place::Store(store, lock) = place {
        store.close().await?;
        drop(lock);
    }
    done
}

/// The rule that is to be added.
fn added(command: &RuleCommand) -> anyhow::Result<Option<Rule>> {
    let RuleCommand::Add {
        name,
        filter,
        stage,
        sender,
        group,
        actions,
        off,
    } = command
    else {
        return Ok(None);
    };
    let actions: Result<Vec<_>, _> = actions.iter().map(|text| action(text)).collect();
    let rule = Rule {
        name: name.clone(),
        group: group.clone(),
        on: !off,
        filter: filter.clone(),
        stage: match stage {
            RuleStage::Request => Stage::Request,
            RuleStage::Response => Stage::Response,
            RuleStage::Message => Stage::Message,
        },
        sender: sender.map(|sender| match sender {
            RuleSender::Client => Sender::Client,
            RuleSender::Server => Sender::Server,
        }),
        actions: actions?,
    };
    super::filter(Some(filter))?;
    check(&rule).map_err(|error| Usage(error.to_string()))?;
    Ok(Some(rule))
}

/// An action as it is typed: its name, and after commas its values as in TOML.
fn action(text: &str) -> anyhow::Result<Action> {
    #[derive(Deserialize)]
    struct One {
        action: Action,
    }
    let (name, values) = match text.split_once(',') {
        Some((name, values)) => (name.trim(), format!(", {values}")),
        None => (text.trim(), String::new()),
    };
    let line = format!("action = {{ do = {name:?}{values} }}");
    let one: Result<One, _> = toml::from_str(&line);
    one.map(|one| one.action).map_err(|error| {
        Usage(format!(
            "the action {text:?} cannot be read: {}; `overhear rule --help` lists them",
            error.message()
        ))
        .into()
    })
}

async fn run(place: &Place, command: RuleCommand, added: Option<Rule>) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match command {
        RuleCommand::List { json } => {
            for item in list(place).await? {
                let line = match json {
                    true => item.to_string(),
                    false => row(&item),
                };
                writeln!(out, "{line}")?;
            }
        }
        RuleCommand::Add { .. } => {
            if let Some(rule) = added {
                writeln!(out, "{}", add(place, rule).await?)?;
            }
        }
        RuleCommand::Rm { ids } => {
            for id in ids {
                remove(place, id).await?;
            }
        }
        RuleCommand::On { ids } => {
            for id in ids {
                switch(place, id, true).await?;
            }
        }
        RuleCommand::Off { ids } => {
            for id in ids {
                switch(place, id, false).await?;
            }
        }
        RuleCommand::Export { output } => {
            let text = match place {
                Place::Running(running) => {
                    api::ask(running, Method::GET, "/api/rules.toml").await?
                }
                Place::Store(store, _) => {
                    let rules: Vec<_> = store.rules().await?.into_iter().map(|s| s.rule).collect();
                    Bytes::from(to_toml(&rules))
                }
            };
            match output {
                Some(path) => fs::write(&path, text)
                    .with_context(|| format!("cannot write {}", path.display()))?,
                None => out.write_all(&text)?,
            }
        }
        RuleCommand::Import { file, replace } => {
            let text = fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            let rules = from_toml(&text).with_context(|| format!("{}", file.display()))?;
            for (number, rule) in (1..).zip(&rules) {
                check(rule).with_context(|| {
                    format!("{}: rule {number} ({:?})", file.display(), rule.name)
                })?;
            }
            match place {
                Place::Running(running) => {
                    let path = format!("/api/rules/import?replace={replace}");
                    api::send(running, Method::POST, &path, text.into()).await?;
                }
                Place::Store(store, _) if replace => drop(store.replace_rules(rules).await?),
                Place::Store(store, _) => drop(store.add_rules(rules).await?),
            }
        }
    }
    Ok(())
}

/// Every rule as the API gives it.
async fn list(place: &Place) -> anyhow::Result<Vec<serde_json::Value>> {
    match place {
        Place::Running(running) => {
            let answer = api::ask(running, Method::GET, "/api/rules").await?;
            let mut answer: serde_json::Value = serde_json::from_slice(&answer)?;
            let items = answer.get_mut("items").map(serde_json::Value::take);
            Ok(serde_json::from_value(items.unwrap_or_default())?)
        }
        Place::Store(store, _) => {
            let item = |stored: StoredRule| {
                let mut item = serde_json::to_value(&stored.rule)?;
                if let Some(item) = item.as_object_mut() {
                    item.insert("id".to_owned(), json!(stored.id));
                    item.insert("from_file".to_owned(), json!(false));
                    let error = check(&stored.rule).err().map(|error| error.to_string());
                    item.insert("error".to_owned(), json!(error));
                }
                Ok(item)
            };
            store.rules().await?.into_iter().map(item).collect()
        }
    }
}

/// A rule in one line.
fn row(item: &serde_json::Value) -> String {
    let Ok(item) = serde_json::from_value::<Item>(item.clone()) else {
        return item.to_string();
    };
    let text = |key: &str| {
        item.rule
            .get(key)
            .and_then(|v| v.as_str())
            .unwrap_or_default()
    };
    let on = item
        .rule
        .get("on")
        .and_then(serde_json::Value::as_bool)
        .unwrap_or(true);
    let actions = item.rule.get("actions").and_then(|v| v.as_array());
    let names = actions
        .into_iter()
        .flatten()
        .filter_map(|a| a.get("do")?.as_str());
    let mut line = format!(
        "{:>4} {:3} {:8} {}",
        item.id,
        if on { "on" } else { "off" },
        text("stage"),
        harmless(text("name"), false),
    );
    if !text("group").is_empty() {
        line.push_str(&format!(" [{}]", harmless(text("group"), false)));
    }
    if !text("filter").is_empty() {
        line.push_str(&format!("  {}", harmless(text("filter"), false)));
    }
    line.push_str(&format!("  -> {}", names.collect::<Vec<_>>().join(", ")));
    if item.from_file {
        line.push_str("  (of the file)");
    }
    if let Some(error) = &item.error {
        line.push_str(&format!("  CANNOT BE USED: {error}"));
    }
    line
}

async fn add(place: &Place, rule: Rule) -> anyhow::Result<i64> {
    match place {
        Place::Running(running) => {
            let item: Item =
                api::post(running, "/api/rules", &serde_json::to_value(&rule)?).await?;
            Ok(item.id)
        }
        Place::Store(store, _) => {
            let ids = store.add_rules(vec![rule]).await?;
            Ok(ids.first().map_or(0, |id| id.0))
        }
    }
}

async fn remove(place: &Place, id: i64) -> anyhow::Result<()> {
    match place {
        Place::Running(running) => {
            let path = format!("/api/rules/{id}");
            api::ask(running, Method::DELETE, &path).await?;
        }
        Place::Store(store, _) => {
            if !store.delete_rule(RuleId(id)).await? {
                anyhow::bail!("there is no rule {id}");
            }
        }
    }
    Ok(())
}

async fn switch(place: &Place, id: i64, on: bool) -> anyhow::Result<()> {
    match place {
        Place::Running(running) => {
            let path = format!("/api/rules/{id}");
            let answer = api::ask(running, Method::GET, &path).await?;
            let mut rule: serde_json::Map<_, _> = serde_json::from_slice(&answer)?;
            rule.retain(|key, _| !["id", "from_file", "error"].contains(&key.as_str()));
            rule.insert("on".to_owned(), json!(on));
            let body = serde_json::to_vec(&rule)?;
            api::send(running, Method::PUT, &path, body.into()).await?;
        }
        Place::Store(store, _) => {
            let rules = store.rules().await?;
            let Some(stored) = rules.into_iter().find(|stored| stored.id.0 == id) else {
                anyhow::bail!("there is no rule {id}");
            };
            let rule = Rule { on, ..stored.rule };
            store.change_rule(stored.id, rule).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_typed_as_their_name_and_values() {
        let header = action("set-header, name = \"X-A\", value = \"a, b\"").unwrap();
        let expected = Action::SetHeader {
            as_written: false,
            name: "X-A".to_owned(),
            value: "a, b".to_owned(),
        };
        assert_eq!(header, expected);
        assert_eq!(action(" no-caching ").unwrap(), Action::NoCaching);
        for (wrong, told) in [
            ("fly", "fly"),
            ("delay", "ms"),
            ("delay, ms = x", "delay, ms = x"),
        ] {
            let error = action(wrong).unwrap_err().to_string();
            assert!(
                error.contains(told) && error.contains("rule --help"),
                "{error}"
            );
        }
    }
}
