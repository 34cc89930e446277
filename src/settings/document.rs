//! `config.toml` as a person wrote it: a change keeps the comments and the order of everything else.

use super::row::Row;
use crate::config::File;
use overhear_webui::settings::Refused;
use serde_json::Value;
use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};
use toml_edit::{Array, DocumentMut, Item, RawString};

/// The file, taken apart.
pub(super) struct Document {
    document: DocumentMut,
    path: PathBuf,
}

impl Document {
    /// Reads the file; one that is not there is empty.
    pub(super) fn read(path: &Path) -> Result<Self, Refused> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(about(path, "cannot be read", &error)),
        };
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Refused> {
        let document = text
            .parse()
            .map_err(|error| about(path, "cannot be read", &error))?;
        Ok(Self {
            document,
            path: path.to_owned(),
        })
    }

    /// What it says, as the program reads it.
    pub(super) fn file(&self) -> Result<File, Refused> {
        File::parse(&self.document.to_string(), &self.path).map_err(|error| Refused {
            key: None,
            reason: error.to_string(),
        })
    }

    /// Puts a checked value in, or takes it out.
    pub(super) fn set(&mut self, row: &Row, value: &Value) {
        let table = self.document.as_table_mut();
        let Some(mut value) = toml(row, value) else {
            let comment = table.key(row.key).map(|key| prefix(key.leaf_decor()));
            let next = table.iter().skip_while(|(key, _)| *key != row.key).nth(1);
            let next = next.map(|(key, _)| key.to_owned());
            table.remove(row.key);
            if let Some(comment) = comment.filter(|comment| comment.contains('#')) {
                self.keep(next.as_deref(), &comment);
            }
            return;
        };
        match table.get_mut(row.key).and_then(Item::as_value_mut) {
            Some(before) => {
                *value.decor_mut() = before.decor().clone();
                *before = value;
            }
            None => {
                let first = table.is_empty();
                table.insert(row.key, Item::Value(value));
                if first {
                    // a file of comments alone: what is said comes after them
                    let comment = self.document.trailing().as_str().unwrap_or_default();
                    let comment = comment.to_owned();
                    self.document.set_trailing("");
                    self.keep(Some(row.key), &comment);
                }
            }
        }
    }

    /// Keeps what stood above a line that was taken out.
    fn keep(&mut self, next: Option<&str>, comment: &str) {
        let key = next.and_then(|next| self.document.as_table_mut().key_mut(next));
        match key {
            Some(mut key) => {
                let decor = key.leaf_decor_mut();
                let all = format!("{comment}{}", prefix(decor));
                decor.set_prefix(all);
            }
            None => {
                let rest = self.document.trailing().as_str().unwrap_or_default();
                let all = format!("{comment}{rest}");
                self.document.set_trailing(all);
            }
        }
    }

    /// Writes the file whole or not at all, with the rights it had; a new one is its owner's alone.
    pub(super) fn write(&self, path: &Path) -> Result<(), Refused> {
        // a link to a file elsewhere stays one
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let wrong = |error: io::Error| about(&path, "cannot be written", &error);
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(wrong)?;
        let fresh = folder.join(".config.toml.new");
        let written = (|| {
            let mut file = private_options().open(&fresh)?;
            if let Ok(before) = fs::metadata(&path) {
                file.set_permissions(before.permissions())?;
            }
            file.write_all(self.document.to_string().as_bytes())?;
            file.sync_all()?;
            fs::rename(&fresh, &path)
        })();
        written.map_err(wrong)
    }
}

/// A value as the file has it; none takes it out.
fn toml(row: &Row, value: &Value) -> Option<toml_edit::Value> {
    match value {
        Value::Bool(yes) => Some((*yes).into()),
        Value::String(text) => Some(text.as_str().into()),
        Value::Array(items) => {
            let texts: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            match (row.key, texts.as_slice()) {
                ("insecure-upstream", texts) if texts.contains(&"*") => Some(true.into()),
                _ => Some(texts.into_iter().collect::<Array>().into()),
            }
        }
        _ => None,
    }
}

fn prefix(decor: &toml_edit::Decor) -> String {
    let prefix = decor.prefix().and_then(RawString::as_str);
    prefix.unwrap_or_default().to_owned()
}

fn about(path: &Path, what: &str, error: &dyn std::fmt::Display) -> Refused {
    Refused {
        key: None,
        reason: format!("the configuration {} {what}: {error}", path.display()),
    }
}

fn private_options() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
