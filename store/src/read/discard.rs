//! Deleting that can be undone for a while: see [`crate::table::trash`].

use super::{Which, list::Condition};
use crate::{
    changes::Change, error::Error, filter::Filter, flow::SessionId, recorder::queue::Done,
    sqlite::Value, store::Store, table::trash,
};
use std::collections::HashSet;

/// Flows that move in one transaction: recording waits meanwhile.
const STEP: usize = 2000;

/// What was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discarded {
    /// How many flows.
    pub count: u64,
    /// What [`Store::undelete`] takes; `None` when it cannot be undone.
    pub undo: Option<String>,
}

/// What became of an undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undone {
    /// So many flows are back.
    Restored(u64),
    /// It can no longer be undone.
    TooLate,
    /// There was no such deletion.
    Unknown,
}

impl Store {
    /// Deletes flows so that they can be brought back for ten minutes, or until the store is closed, or the disk is
    /// full. They leave the list at once, and their numbers stay theirs. What is running is deleted for good so far
    /// as it has come, and comes back if it goes on.
    ///
    /// With a disk that is full, and beside another program, it is for good.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn discard(&self, which: &Which) -> Result<Discarded, Error> {
        if self.is_read_only() || self.trouble().is_some() {
            return self.for_good(which, 0).await;
        }
        let batch = self.bin().begin();
        let mut count = 0;
        match self.discard_into(which, batch, &mut count).await {
            Ok(()) if count > 0 => Ok(Discarded {
                count,
                undo: Some(batch.to_string()),
            }),
            Ok(()) => {
                self.bin().forget(batch);
                Ok(Discarded { count, undo: None })
            }
            // there is no room to keep them
            Err(Error::DiskFull { .. }) => self.for_good(which, count).await,
            Err(error) => Err(error),
        }
    }

    async fn for_good(&self, which: &Which, before: u64) -> Result<Discarded, Error> {
        let count = before + self.delete_which(which).await?;
        Ok(Discarded { count, undo: None })
    }

    async fn discard_into(&self, which: &Which, batch: i64, count: &mut u64) -> Result<(), Error> {
        self.settle().await?;
        if which.ids.is_none() && which.filter.as_ref().is_none_or(Filter::is_empty) {
            return self.clear_into(which.session, batch, count).await;
        }
        let condition = Condition::which(which);
        let mut slices = self.slices_of(which.session, true).await?;
        while let Some(slice) = slices.next() {
            let ids = self.ids_in(&condition, slice).await?;
            for step in ids.rchunks(STEP) {
                let ids = step.to_vec();
                let deleted = self.transact(move |database| {
                    let deleted = trash::discard(database, &ids, batch)?.flows;
                    let count = deleted.len() as u64;
                    Ok((count, Done::told(Change::Deleted(deleted.into()))))
                });
                *count += deleted.await?;
            }
        }
        Ok(())
    }

    /// Deletes all there is, or all of a session, up to now; range by range, the newest first.
    async fn clear_into(
        &self,
        session: Option<SessionId>,
        batch: i64,
        count: &mut u64,
    ) -> Result<(), Error> {
        let (low, mut high) = self.slices_of(session, true).await?.ends();
        while low <= high {
            let range = (low.max(high - STEP as i64 + 1), high);
            high = range.0 - 1;
            let deleted = self.transact(move |database| {
                let deleted = trash::discard_range(database, range, session, batch)?;
                let count = deleted.len() as u64;
                // of everything it is told at the end
                let done = match session {
                    Some(_) if count > 0 => Done::told(Change::Deleted(deleted.into())),
                    _ => Done::default(),
                };
                Ok((count, done))
            });
            *count += deleted.await?;
        }
        if session.is_none() && *count > 0 {
            self.tell_cleared().await?;
        }
        Ok(())
    }

    /// Tells that all is gone, unless something has come meanwhile.
    async fn tell_cleared(&self) -> Result<(), Error> {
        let work = self.transact(|database| {
            let mut left = 0;
            database
                .prepare("SELECT count(*) FROM (SELECT 1 FROM flows LIMIT 1)")?
                .rows(&[], |row| left = row.int(0))?;
            let change = match left {
                0 => Change::Cleared,
                _ => Change::Restored,
            };
            Ok(((), Done::told(change)))
        });
        work.await
    }

    /// Deletes a session with its flows, like [`discard`](Self::discard). `None` when there is none with this
    /// number, and for the one that is recorded into or imported just now.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn discard_session(&self, id: SessionId) -> Result<Option<Discarded>, Error> {
        let there = self.session(id).await?;
        if there.is_none_or(|session| session.ended.is_none()) {
            return Ok(None);
        }
        let which = Which {
            session: Some(id),
            ..Which::default()
        };
        let mut discarded = self.discard(&which).await?;
        let batch = match &discarded.undo {
            Some(undo) => undo.parse().ok(),
            // an empty one can be brought back too
            None if discarded.count == 0 && !self.is_read_only() => Some(self.bin().begin()),
            None => None,
        };
        let work = self.transact(move |database| {
            let (sql, values) = match batch {
                Some(batch) => (
                    "UPDATE sessions SET batch = ?2 WHERE id = ?1",
                    vec![Value::Int(id.0), Value::Int(batch)],
                ),
                None => ("DELETE FROM sessions WHERE id = ?", vec![Value::Int(id.0)]),
            };
            database.run(sql, &values)?;
            Ok(((), Done::told(Change::Sessions)))
        });
        work.await?;
        discarded.undo = batch.map(|batch| batch.to_string());
        Ok(Some(discarded))
    }

    /// Brings back what a deletion took.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn undelete(&self, undo: &str) -> Result<Undone, Error> {
        let Some(batch) = undo.parse().ok().filter(|_| !self.is_read_only()) else {
            return Ok(Undone::Unknown);
        };
        let _moving = self.bin().moving.lock().await;
        match self.bin().has(batch) {
            None => return Ok(Undone::Unknown),
            Some(false) => return Ok(Undone::TooLate),
            Some(true) => (),
        }
        let (mut count, mut next) = (0, 0);
        loop {
            // those who look on see it come, while there is much of it: twice as much each time
            let shows = count >= next;
            if shows {
                next = 2 * count;
            }
            let step = self.transact(move |database| {
                let restored = trash::restore(database, batch, STEP as i64)?;
                let mut done = Done::default();
                if shows && restored.is_some_and(|restored| restored >= STEP as u64) {
                    done.changes = vec![Change::Restored];
                }
                if restored.is_none() {
                    done.changes = vec![Change::Restored, Change::Sessions];
                    done.freed = true;
                }
                Ok((restored, done))
            });
            match step.await? {
                Some(restored) => count += restored,
                None => break,
            }
        }
        self.bin().forget(batch);
        Ok(Undone::Restored(count))
    }

    /// Lets all batches up to one go for good.
    pub(crate) async fn purge(&self, up_to: i64) -> Result<(), Error> {
        let _moving = self.bin().moving.lock().await;
        let mut connections = HashSet::new();
        loop {
            let step = self.transact(move |database| {
                let purged = trash::purge(database, up_to, STEP as i64)?;
                let done = Done {
                    freed: purged.is_some(),
                    ..Done::default()
                };
                Ok((purged, done))
            });
            match step.await? {
                Some(of_these) => connections.extend(of_these),
                None => break,
            }
        }
        if connections.is_empty() {
            return Ok(());
        }
        self.delete_unused(connections).await
    }
}
