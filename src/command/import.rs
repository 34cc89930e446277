//! `overhear import`: flows from files, each into a session of its own.
//!
//! The running program does it when there is one, so that the page sees them at once.

use super::{keylog, replay::running};
use crate::{
    api,
    cli::Import,
    data::{Data, Running},
    terminal::tell,
};
use anyhow::Context;
use overhear_webui::import::{Imported, import, session_name};
use std::{
    io::{self, Cursor, Write},
    path::Path,
};
use tokio::io::AsyncReadExt as _;

pub(super) async fn execute(data: &Data, options: Import) -> anyhow::Result<()> {
    let keys = keylog::read(&options.keylog)?;
    data.create()?;
    let lock = data.lock()?;
    let running = match lock {
        Some(_) => None,
        None => Some(running(data).await?),
    };
    let store = match running {
        Some(_) => None,
        None => Some(data.record().await?),
    };
    let mut wrong = Vec::new();
    for file in &options.files {
        let imported = async {
            match (&running, &store) {
                (Some(running), _) => through(running, file, &keys).await,
                (None, Some(store)) => {
                    let opened = std::fs::File::open(file).with_context(|| cannot(file))?;
                    Ok(import(store, &name(file), opened, keys.clone()).await?)
                }
                (None, None) => anyhow::bail!("there is nowhere to import into"),
            }
        };
        match imported.await {
            Ok(imported) if options.json => {
                writeln!(io::stdout(), "{}", serde_json::to_string(&imported)?)?;
            }
            Ok(imported) => told(file, &imported).iter().for_each(|line| tell(line)),
            // the other files are not to blame
            Err(error) => wrong.push(format!("{}: {error:#}", file.display())),
        }
    }
    if let Some(store) = store {
        store.close().await?;
    }
    drop(lock);
    match wrong.as_slice() {
        [] => Ok(()),
        wrong => anyhow::bail!(
            "nothing was imported from {}",
            wrong.join("\nand nothing from ")
        ),
    }
}

/// Has the running program do it.
async fn through(running: &Running, file: &Path, keys: &[Vec<u8>]) -> anyhow::Result<Imported> {
    let opened = tokio::fs::File::open(file)
        .await
        .with_context(|| cannot(file))?;
    let mut path = url::form_urlencoded::Serializer::new("/api/import?".to_owned());
    path.append_pair("name", &name(file));
    // before the file, as the API takes it
    let keys = keys.join(&b'\n');
    if !keys.is_empty() {
        path.append_pair("key_log", &keys.len().to_string());
    }
    let path = path.finish().replacen("?&", "?", 1);
    api::upload(running, &path, Cursor::new(keys).chain(opened)).await
}

fn cannot(file: &Path) -> String {
    format!("cannot read {}", file.display())
}

fn name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    session_name(&name.to_string_lossy())
}

/// What became of a file, in words.
fn told(file: &Path, imported: &Imported) -> Vec<String> {
    let flows = match imported.flows {
        1 => "1 flow".to_owned(),
        count => format!("{count} flows"),
    };
    let file = file.display();
    let mut lines = vec![match imported.session {
        Some(session) => format!(
            "imported {flows} from {file} into session {session}: overhear flows session:{session}"
        ),
        None => format!("the packets of {file} are kept, for the page (Sessions)"),
    }];
    let skipped = imported.skipped.iter();
    lines.extend(skipped.map(|s| format!("  left out entry {}: {}", s.entry, s.reason)));
    lines.extend(imported.note.iter().map(|note| format!("  {note}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use overhear_webui::import::Skipped;

    #[test]
    fn what_was_left_out_is_told() {
        let mut imported = Imported {
            session: Some(3),
            capture: None,
            flows: 1,
            skipped: Vec::new(),
            note: None,
        };
        let file = Path::new("a.har");
        let line = "imported 1 flow from a.har into session 3: overhear flows session:3";
        assert_eq!(told(file, &imported), [line]);
        imported.skipped.push(Skipped {
            entry: 7,
            reason: "it has no request".to_owned(),
        });
        imported.note = Some("Something.".to_owned());
        let lines = told(file, &imported);
        assert_eq!(
            lines[1..],
            ["  left out entry 7: it has no request", "  Something."]
        );
    }
}
