//! Settings in memory: one list, and nothing else. And captures, likewise.

use crate::{
    captures::{self, Capture, Captures},
    settings::{Desk, Kind, Refused, Setting, Settings, Source},
};
use serde_json::{Map, Value, json};
use std::sync::Mutex;

/// Keeps what it is told about `allow`.
#[derive(Default)]
pub(crate) struct Drawer(Mutex<Option<Value>>);

impl Desk for Drawer {
    fn read(&self) -> Settings {
        let saved = self.0.lock().expect("no panic").clone();
        let source = match saved {
            Some(_) => Source::File,
            None => Source::Default,
        };
        let saved = saved.unwrap_or_default();
        Settings {
            config_file: None,
            items: vec![Setting {
                key: "allow",
                title: "Devices",
                help: "Who may".to_owned(),
                flag: "--allow".to_owned(),
                kind: Kind::List,
                value: saved.clone(),
                default: json!([]),
                saved,
                source,
                live: true,
                overridden: false,
                pending: false,
            }],
        }
    }

    fn change(&self, changes: &Map<String, Value>) -> Result<(), Refused> {
        for (key, value) in changes {
            if key != "allow" || !value.is_array() {
                return Err(Refused {
                    key: Some(key.clone()),
                    reason: "no".to_owned(),
                });
            }
            *self.0.lock().expect("no panic") = Some(value.clone());
        }
        Ok(())
    }
}

/// Captures in memory: they are listed, and nothing is captured.
#[derive(Default)]
pub(crate) struct Listed(Mutex<Vec<Capture>>);

impl Captures for Listed {
    fn list(&self) -> Vec<Capture> {
        self.0.lock().expect("no panic").clone()
    }

    fn start(
        &self,
        interface: &str,
        expression: Option<&str>,
    ) -> Result<Capture, captures::Refused> {
        let mut all = self.0.lock().expect("no panic");
        if all.iter().any(|capture| capture.interface == interface) {
            return Err(captures::Refused {
                reason: "It goes on already.".to_owned(),
            });
        }
        let capture = Capture {
            id: all.len() as u64 + 1,
            interface: interface.to_owned(),
            expression: expression.map(str::to_owned),
            filter: String::new(),
            state: captures::State::Running,
            packets: 0,
            bytes: 0,
            dropped: 0,
            error: None,
        };
        all.push(capture.clone());
        Ok(capture)
    }

    fn stop(&self, id: u64) -> bool {
        let mut all = self.0.lock().expect("no panic");
        let before = all.len();
        all.retain(|capture| capture.id != id);
        all.len() < before
    }
}
