//! The rules that act: those of the database, which the API changes, and those of a file that a person writes.

mod playback;

use crate::Watched;
use overhear_proxy::{Handle, Recorded, check_rule};
use overhear_store::{
    Error, Store,
    rule::{Action, Rule, RuleError, RuleId, Stage, StoredRule, from_toml},
};
use parking_lot::Mutex;
use playback::Playback;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::watch;

/// The rule that is no rule of a person's: it answers with what was recorded.
const OFFLINE: RuleId = RuleId(i64::MIN);

/// The largest file of rules: bytes.
const LARGEST: u64 = 4 << 20;

/// All rules, and who lets them act.
pub struct Rulebook {
    store: Store,
    proxy: Handle,
    file: Mutex<FromFile>,
    /// What everything else is answered with.
    offline: Mutex<Option<Action>>,
    /// What rules answer with, by their numbers: found once, and kept while they are the same.
    playing: Mutex<HashMap<i64, Arc<Playback>>>,
    /// One change at a time, so that what acts is what was written last.
    changing: tokio::sync::Mutex<()>,
    /// Counts changes of the rules and of what is wrong with their file.
    changes: watch::Sender<u64>,
}

/// What the file says.
#[derive(Debug, Clone, Default)]
pub(crate) struct FromFile {
    /// Which file; none when there is none.
    pub(crate) path: Option<PathBuf>,
    /// Its rules, as they were when it could last be read.
    pub(crate) rules: Vec<Rule>,
    /// Why it cannot be used as it is now; then the rules before act on.
    pub(crate) error: Option<String>,
}

impl Rulebook {
    /// Lets the rules of the database act.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn open(store: Store, proxy: Handle) -> Result<Arc<Self>, Error> {
        let book = Self {
            store,
            proxy,
            file: Mutex::default(),
            offline: Mutex::default(),
            playing: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            changes: watch::Sender::new(0),
        };
        book.act().await?;
        Ok(Arc::new(book))
    }

    /// Reads a file of rules, which act behind those of the database.
    ///
    /// # Errors
    /// The file cannot be used: why, for a person.
    pub async fn read_file(&self, path: &Path) -> Result<(), String> {
        let read = read(path).await;
        let _alone = self.change().await;
        {
            let mut file = self.file.lock();
            file.path = Some(path.to_owned());
            match &read {
                Ok(rules) => {
                    file.rules.clone_from(rules);
                    file.error = None;
                }
                Err(why) => file.error = Some(why.clone()),
            }
        }
        if let Err(error) = self.act().await {
            tracing::error!("the rules cannot be read: {error}");
        }
        read.map(drop)
    }

    /// Reads the file again whenever it changes, and tells what came of it; never ends.
    pub async fn watch_file(&self, path: &Path, tell: impl Fn(Result<usize, String>)) {
        let mut watched = Watched::new(path).await;
        loop {
            watched.changed().await;
            let read = self.read_file(path).await;
            tell(read.map(|()| self.file.lock().rules.len()));
        }
    }

    pub(crate) fn file(&self) -> FromFile {
        self.file.lock().clone()
    }

    /// Changes whenever the rules, or what is wrong with their file, may have.
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Holds off other changes; what is read under it acts already.
    pub(crate) async fn change(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Every rule in the order in which they act, those of the file with negative numbers.
    pub(crate) async fn all(&self) -> Result<Vec<StoredRule>, Error> {
        let mut all = self.store.rules().await?;
        let file = self.file();
        let numbered = (1..).zip(file.rules);
        all.extend(numbered.map(|(number, rule)| StoredRule {
            id: RuleId(-number),
            rule,
        }));
        Ok(all)
    }

    /// Lets the rules act as they are now.
    pub(crate) async fn act(&self) -> Result<(), Error> {
        let mut all = self.all().await?;
        let offline = self.offline.lock().clone();
        all.extend(offline.map(|action| StoredRule {
            id: OFFLINE,
            rule: Rule {
                name: "offline".to_owned(),
                group: String::new(),
                on: true,
                filter: String::new(),
                stage: Stage::Request,
                sender: None,
                actions: vec![action],
            },
        }));
        let playing = self.play(&all).await?;
        for (id, error) in self.proxy.set_rules(&all, &playing) {
            tracing::warn!("the rule {id} cannot be used: {error}");
        }
        self.changes.send_modify(|count| *count += 1);
        Ok(())
    }

    /// What the rules answer with that answer with what was recorded.
    async fn play(&self, rules: &[StoredRule]) -> Result<HashMap<i64, Arc<dyn Recorded>>, Error> {
        let known = std::mem::take(&mut *self.playing.lock());
        let mut playing = HashMap::new();
        for stored in rules.iter().filter(|stored| stored.rule.on) {
            let mut actions = stored.rule.actions.iter();
            let Some(action) = actions.find(|a| matches!(a, Action::AnswerRecorded { .. })) else {
                continue;
            };
            let id = stored.id.0;
            match known.get(&id).filter(|known| known.action() == action) {
                Some(known) => {
                    playing.insert(id, known.clone());
                }
                None => {
                    let read = Playback::read(&self.store, action).await?;
                    playing.extend(read.map(|read| (id, Arc::new(read))));
                }
            }
        }
        let given = playing
            .iter()
            .map(|(id, playback)| (*id, playback.clone() as Arc<dyn Recorded>));
        let given = given.collect();
        *self.playing.lock() = playing;
        Ok(given)
    }

    /// Answers everything that no rule has answered with what was recorded until now, or asks the servers again.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn set_offline(&self, action: Option<Action>) -> Result<(), Error> {
        let _alone = self.change().await;
        *self.offline.lock() = action;
        // from the beginning
        self.playing.lock().remove(&OFFLINE.0);
        self.act().await
    }

    /// What everything is answered with, and how many flows there are for that.
    pub(crate) fn offline(&self) -> Option<(Action, usize)> {
        let action = self.offline.lock().clone()?;
        let playing = self.playing.lock();
        let count = playing
            .get(&OFFLINE.0)
            .map_or(0, |playback| playback.count());
        Some((action, count))
    }
}

/// Whether a rule can be used: its filter and all its actions.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn check(rule: &Rule) -> Result<(), RuleError> {
    check_rule(rule)
}

async fn read(path: &Path) -> Result<Vec<Rule>, String> {
    let told =
        |error: std::io::Error| format!("the rules {} cannot be read: {error}", path.display());
    let size = tokio::fs::metadata(path).await.map_err(told)?.len();
    if size > LARGEST {
        return Err(format!(
            "the rules {} are larger than {} MiB",
            path.display(),
            LARGEST >> 20
        ));
    }
    let text = tokio::fs::read_to_string(path).await.map_err(told)?;
    let wrong = |why: String| format!("the rules {} cannot be used: {why}", path.display());
    let rules = from_toml(&text).map_err(|error| wrong(error.to_string()))?;
    for (number, rule) in (1..).zip(&rules) {
        check(rule).map_err(|error| wrong(format!("rule {number} ({:?}): {error}", rule.name)))?;
    }
    Ok(rules)
}
