//! Settings in memory: one list, and nothing else.

use crate::settings::{Desk, Kind, Refused, Setting, Settings, Source};
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
