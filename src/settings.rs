//! Settings as the page shows and changes them: the same table, help and checks as the command line's.
//!
//! A change is checked as if it had been typed, saved in `config.toml`, and applied where that can be
//! done at once. What a flag or a variable says stands above the file until the next start without it.

mod document;
mod row;

use crate::{
    cli::{Run, Said},
    config::{File, RunSettings},
};
use document::Document;
use overhear_proxy::{Handle, UpstreamTls, WayOptions};
use overhear_webui::protobuf;
use overhear_webui::settings::{Desk, Kind, Refused, Setting, Settings, Source};
use row::{ROWS, Row};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

/// Where settings are read and changed while the program runs.
pub(crate) struct Table {
    file: Option<PathBuf>,
    proxy: Handle,
    said: Said,
    /// What this run began with.
    started: RunSettings,
    data: String,
    /// What holds and who said it, for what was changed in the page. Held while the file is written.
    now: Mutex<BTreeMap<&'static str, Told>>,
}

/// A setting's value and who said it.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    value: Value,
    source: Source,
}

impl Table {
    /// `config` is the file as it was read at the start.
    pub(crate) fn new(
        file: Option<PathBuf>,
        config: &File,
        started: RunSettings,
        data: String,
        proxy: Handle,
    ) -> Self {
        let table = Self {
            file,
            proxy,
            said: started.said.clone(),
            data,
            started,
            now: Mutex::default(),
        };
        let told = ROWS.iter().map(|row| {
            let source = match table.above(row) {
                Some(above) => above,
                None if config.says(row.key).is_some() => Source::File,
                None => Source::Default,
            };
            let value = table.at_start(row);
            (row.key, Told { value, source })
        });
        let now = Mutex::new(told.collect());
        Self { now, ..table }
    }

    /// The flag or variable that stands above the file.
    fn above(&self, row: &Row) -> Option<Source> {
        if self.said.typed.contains(row.key) {
            Some(Source::Flag)
        } else {
            let variable = self.said.variables.contains(row.key);
            variable.then_some(Source::Environment)
        }
    }

    fn at_start(&self, row: &Row) -> Value {
        let settings = &self.started;
        match row.key {
            "data" => json!(self.data),
            "listen" => match settings.listen.as_slice() {
                [] => row.default(),
                listen => listen.iter().map(ToString::to_string).collect(),
            },
            "mode" => settings.modes.iter().map(ToString::to_string).collect(),
            "web" => json!(settings.web.to_string()),
            // without the password
            "proxy-user" => json!(settings.user.as_ref().map(ToString::to_string)),
            "allow" => settings.allow.iter().map(ToString::to_string).collect(),
            "insecure-upstream" => json!(settings.upstream.insecure()),
            "upstream-ca" => {
                let files = settings.upstream.ca.iter();
                files.map(|file| file.display().to_string()).collect()
            }
            // without the passwords
            "upstream" => {
                let rules = settings.upstream.ways.upstream.iter();
                rules.map(ToString::to_string).collect()
            }
            "map-host" => {
                let maps = settings.upstream.ways.mapped.iter();
                maps.map(ToString::to_string).collect()
            }
            "client-cert" => {
                let certs = settings.upstream.tls.client_certs.iter();
                certs.map(ToString::to_string).collect()
            }
            "tls-min" => json!(settings.upstream.tls.min.to_string()),
            "key-log" => {
                let file = settings.upstream.key_log.as_ref();
                json!(file.map(|file| file.display().to_string()))
            }
            "ask-client-cert" => json!(settings.ask_client_cert),
            "tls" => settings.tls.iter().map(ToString::to_string).collect(),
            "pass-pinned" => json!(settings.pass_pinned),
            "bind" => json!(settings.upstream.ways.bind.map(|bind| bind.to_string())),
            "capture" => settings.capture.iter().map(ToString::to_string).collect(),
            "capture-limit" => match &settings.capture_limit {
                Some(limit) => json!(limit.to_string()),
                None => row.default(),
            },
            "rules" => json!(
                settings
                    .rules
                    .as_ref()
                    .map(|file| file.display().to_string())
            ),
            "script" => {
                let files = settings.scripts.iter();
                files.map(|file| file.display().to_string()).collect()
            }
            "script-time" => match &settings.script_time {
                Some(time) => json!(time.to_string()),
                None => row.default(),
            },
            "script-memory" => match &settings.script_memory {
                Some(memory) => json!(memory.to_string()),
                None => row.default(),
            },
            "capture-keylog" => {
                let files = settings.capture_keylog.iter();
                files.map(|file| file.display().to_string()).collect()
            }
            "proto" => {
                // they are read again while the program runs
                let whole = |file: &PathBuf| std::path::absolute(file).unwrap_or(file.clone());
                let files = settings.proto.iter().map(whole);
                files.map(|file| file.display().to_string()).collect()
            }
            "no-open" => json!(!settings.open),
            "qr" => json!(settings.qr),
            // the token
            _ => Value::Null,
        }
    }

    /// What holds now: hosts are also accepted one by one, past this table.
    fn told(&self, row: &Row, now: &BTreeMap<&'static str, Told>) -> Told {
        let told = now.get(row.key).cloned().unwrap_or(Told {
            value: Value::Null,
            source: Source::Default,
        });
        if row.key != "insecure-upstream" {
            return told;
        }
        let all = self.proxy.insecure_all().then(|| "*".to_owned());
        let accepted: Vec<_> = all
            .into_iter()
            .chain(self.proxy.accepted_certificates())
            .collect();
        let value = json!(accepted);
        match value == told.value {
            true => told,
            false => Told {
                value,
                source: Source::Page,
            },
        }
    }

    fn setting(&self, row: &Row, now: &BTreeMap<&'static str, Told>, file: &File) -> Setting {
        let told = self.told(row, now);
        let saved = file.says(row.key);
        let overridden = saved.is_some() && self.above(row).is_some();
        let secret = row.kind == Kind::Secret;
        let at_next_start = match (secret, &saved) {
            (true, saved) => {
                let token = saved.as_ref().and_then(Value::as_str);
                token != self.started.token.as_deref()
            }
            (false, Some(saved)) => *saved != told.value,
            (false, None) => told.value != row.default() && told.source == Source::File,
        };
        Setting {
            key: row.key,
            title: row.title,
            help: row.help(),
            flag: format!("--{}", row.key),
            kind: row.kind,
            value: told.value,
            default: row.default(),
            saved: saved.filter(|_| !secret).unwrap_or_default(),
            source: told.source,
            live: row.live,
            overridden,
            pending: !row.live && self.above(row).is_none() && at_next_start,
        }
    }

    fn set_ways(&self, change: impl FnOnce(&mut WayOptions)) {
        let mut ways = self.proxy.ways();
        change(&mut ways);
        self.proxy.set_ways(ways);
    }

    /// TLS with servers as the file says it, but for what a flag or a variable says.
    fn upstream_tls(&self, run: &RunSettings) -> UpstreamTls {
        let above = |key: &str| self.said.typed.contains(key) || self.said.variables.contains(key);
        let (started, file) = (&self.started.upstream.tls, &run.upstream.tls);
        UpstreamTls {
            min: match above("tls-min") {
                true => started.min,
                false => file.min,
            },
            client_certs: match above("client-cert") {
                true => started.client_certs.clone(),
                false => file.client_certs.clone(),
            },
            client_cert_password: file.client_cert_password.clone(),
        }
    }

    /// Puts the passwords back that were not shown.
    fn with_passwords(&self, key: &str, value: &Value, file: &File) -> Result<Value, String> {
        let started = &self.started.upstream;
        let rules = file.upstream_rules().iter().chain(&started.ways.upstream);
        let certs = file.client_certs().iter().chain(&started.tls.client_certs);
        let known: Vec<(String, String)> = match key {
            "upstream" => rules
                .map(|rule| (rule.to_string(), rule.with_password().to_owned()))
                .collect(),
            "client-cert" => certs
                .map(|cert| (cert.to_string(), cert.with_password()))
                .collect(),
            "proxy-user" => {
                let users = file.proxy_user().into_iter().chain(&self.started.user);
                users
                    .map(|user| (user.to_string(), user.with_password()))
                    .collect()
            }
            _ => return Ok(value.clone()),
        };
        let put = |text: &str| {
            let found = known.iter().find(|(shown, _)| shown == text.trim());
            match found {
                Some((_, all)) => Ok(json!(all)),
                None if text.contains(":***@") || text.ends_with(":***") => Err(format!(
                    "the password for {text:?} is not known: write it instead of ***"
                )),
                None => Ok(json!(text)),
            }
        };
        match value {
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map_or_else(|| Ok(item.clone()), put))
                .collect(),
            Value::String(text) => put(text),
            other => Ok(other.clone()),
        }
    }

    /// Applies what is saved to the proxy.
    fn apply(&self, row: &Row, run: &RunSettings) -> Result<(), String> {
        match row.key {
            "allow" => self.proxy.set_allowed(run.allow.clone()),
            "proxy-user" => self.proxy.set_user(run.user.clone()),
            "insecure-upstream" => {
                let upstream = &run.upstream;
                self.proxy
                    .set_insecure(upstream.insecure_all, upstream.insecure_hosts.clone());
            }
            "upstream" => {
                self.set_ways(|ways| ways.upstream.clone_from(&run.upstream.ways.upstream))
            }
            "map-host" => self.set_ways(|ways| ways.mapped.clone_from(&run.upstream.ways.mapped)),
            "client-cert" | "tls-min" => {
                let tls = self.upstream_tls(run);
                let applied = self.proxy.set_upstream_tls(&tls);
                applied.map_err(|error| error.to_string())?;
            }
            "tls" => self.proxy.set_tls_rules(run.tls.clone()),
            "pass-pinned" => self.proxy.set_pass_pinned(run.pass_pinned),
            "bind" => self.set_ways(|ways| ways.bind = run.upstream.ways.bind),
            "upstream-ca" => {
                let applied = self.proxy.set_upstream_ca(&run.upstream.ca);
                applied.map_err(|error| error.to_string())?;
            }
            _ => {}
        }
        Ok(())
    }
}

impl Desk for Table {
    fn read(&self) -> Settings {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &self.file {
            Some(path) => Document::read(path).and_then(|document| document.file()),
            None => Ok(File::default()),
        };
        let file = file.unwrap_or_else(|refused| {
            tracing::warn!("{}", refused.reason);
            File::default()
        });
        let items = ROWS.iter().map(|row| self.setting(row, &now, &file));
        Settings {
            config_file: self.file.clone(),
            items: items.collect(),
        }
    }

    fn change(&self, changes: &Map<String, Value>) -> Result<(), Refused> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.file.as_ref().ok_or_else(|| Refused {
            key: None,
            reason: "there is no home folder to keep a configuration in".to_owned(),
        })?;
        let mut document = Document::read(path)?;
        // what is wrong with the file as it is, is not the fault of a value
        document.file()?;
        let mut rows = Vec::new();
        for (key, value) in changes {
            let wrong = |reason| Refused {
                key: Some(key.clone()),
                reason,
            };
            let row = ROWS.iter().find(|row| row.key == key).ok_or_else(|| {
                let known = ROWS.map(|row| row.key).join(", ");
                wrong(format!("there is no such setting; there are {known}"))
            })?;
            let value = self
                .with_passwords(row.key, value, &document.file()?)
                .map_err(wrong)?;
            let value = row.checked(&value).map_err(wrong)?;
            document.set(row, &value);
            let file = document.file().map_err(|refused| wrong(refused.reason))?;
            let run = file.run(Run::default());
            let run = run.map_err(|error| wrong(error.to_string()))?;
            if row.key == "upstream-ca" {
                let usable = Handle::check_upstream_ca(&run.upstream.ca);
                usable.map_err(|error| wrong(error.to_string()))?;
            }
            if row.key == "client-cert" {
                let usable = Handle::check_upstream_tls(&run.upstream.tls);
                usable.map_err(|error| wrong(error.to_string()))?;
            }
            if row.key == "proto" {
                protobuf::read(&run.proto).map_err(&wrong)?;
            }
            rows.push(row);
        }
        let file = document.file()?;
        let run = file.run(Run::default()).map_err(|error| Refused {
            key: None,
            reason: error.to_string(),
        })?;
        document.write(path)?;
        for row in rows
            .into_iter()
            .filter(|row| row.live && self.above(row).is_none())
        {
            self.apply(row, &run).map_err(|reason| Refused {
                key: Some(row.key.to_owned()),
                reason,
            })?;
            let told = match file.says(row.key) {
                Some(value) => Told {
                    value,
                    source: Source::File,
                },
                None => Told {
                    value: row.default(),
                    source: Source::Default,
                },
            };
            now.insert(row.key, told);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
