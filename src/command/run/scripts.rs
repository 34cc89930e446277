//! The scripts of `--script`: read at the start in their order, and again whenever they are saved.

use crate::{config::RunSettings, exit::Usage, terminal::tell};
use overhear_proxy::{Handle, ScriptLimits};
use overhear_webui::Watched;
use std::path::{Path, PathBuf};

/// The largest script: bytes.
const LARGEST: u64 = 4 << 20;

/// Scripts that are watched.
pub(super) struct Scripts {
    proxy: Handle,
    watched: Vec<Watched>,
}

impl Scripts {
    /// Reads all of them. One that cannot be used is told, and read again when it is saved.
    ///
    /// # Errors
    /// A file cannot be read: it is named wrongly.
    pub(super) async fn start(proxy: Handle, settings: &RunSettings) -> anyhow::Result<Self> {
        let usual = ScriptLimits::default();
        let memory = settings.script_memory.as_ref();
        proxy.set_script_limits(ScriptLimits {
            time: settings
                .script_time
                .as_ref()
                .map_or(usual.time, |span| span.time),
            memory: memory.map_or(usual.memory, |size| {
                usize::try_from(size.bytes).unwrap_or(usize::MAX)
            }),
        });
        let mut watched = Vec::new();
        for file in &settings.scripts {
            let file = whole(file);
            watched.push(Watched::new(&file).await);
            let source = read(&file).await.map_err(Usage)?;
            load(&proxy, &file, Ok(source)).await;
        }
        Ok(Self { proxy, watched })
    }

    /// Reads each again whenever it changes; never ends.
    pub(super) async fn watch(self) {
        let Self { proxy, watched } = self;
        let each = watched.into_iter().map(|mut watched| {
            let proxy = proxy.clone();
            async move {
                loop {
                    watched.changed().await;
                    let file = watched.path().to_owned();
                    let source = read(&file).await;
                    load(&proxy, &file, source).await;
                }
            }
        });
        futures_util::future::join_all(each).await;
    }
}

async fn load(proxy: &Handle, file: &Path, source: Result<String, String>) {
    let shown = file.display();
    let known = |proxy: &Handle| proxy.scripts().into_iter().find(|one| one.file == file);
    let again = known(proxy).is_some();
    match proxy.load_script(file, source).await {
        Ok(()) if again => tell(&format!("overhear: the script {shown} was read again")),
        Ok(()) => {}
        Err(error) => {
            let acts = known(proxy).is_some_and(|one| one.read.is_some());
            let rest = match acts {
                true => " The version before acts on.",
                false => " It does not act; it is read again when it is saved.",
            };
            tell(&format!(
                "overhear: the script {shown} cannot be used: {error}.{rest}"
            ));
        }
    }
}

async fn read(file: &Path) -> Result<String, String> {
    let told =
        |error: std::io::Error| format!("the script {} cannot be read: {error}", file.display());
    if tokio::fs::metadata(file).await.map_err(told)?.len() > LARGEST {
        return Err(format!(
            "the script {} is larger than {} MiB",
            file.display(),
            LARGEST >> 20
        ));
    }
    tokio::fs::read_to_string(file).await.map_err(told)
}

fn whole(file: &Path) -> PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned())
}
