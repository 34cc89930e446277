//! What a person notes on flows: on one, or on many at once.

use super::{Which, list::Condition};
use crate::{
    changes::Change,
    error::Error,
    flow::{Color, FlowId},
    recorder::queue::Done,
    sqlite::{Database, Failed, Value},
    store::Store,
    table::flows,
};
use std::sync::Arc;

/// Flows marked in one transaction.
const STEP: usize = 500;

/// What is noted on a flow; `None` leaves what is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notes<'n> {
    /// All its tags, with commas between them.
    pub tags: Option<&'n str>,
    /// The comment.
    pub comment: Option<&'n str>,
    /// The color; `Some(None)` takes it off.
    pub color: Option<Option<Color>>,
    /// Whether there is a star.
    pub starred: Option<bool>,
}

/// What is changed on many flows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Tags to put on those that do not have them.
    pub add_tags: Vec<String>,
    /// Tags to take off.
    pub remove_tags: Vec<String>,
    /// The color; `Some(None)` takes it off.
    pub color: Option<Option<Color>>,
    /// Whether there is a star.
    pub starred: Option<bool>,
}

impl Store {
    /// Notes something on a flow. False when there is no such flow.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn annotate(&self, id: FlowId, notes: Notes<'_>) -> Result<bool, Error> {
        let tags = notes.tags.map(str::to_owned);
        let comment = notes.comment.map(str::to_owned);
        let (color, starred) = numbers(notes.color, notes.starred);
        let work = self.transact(move |database| {
            let values = [
                Value::Int(id.0),
                tags.as_deref().into(),
                comment.as_deref().into(),
                color.into(),
                starred.into(),
            ];
            let found = database.run(flows::ANNOTATE, &values)? > 0;
            let done = match found {
                true => Done::told(Change::Flows([id].into())),
                false => Done::default(),
            };
            Ok((found, done))
        });
        work.await
    }

    /// Marks many flows, some at a time. Returns how many there were.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::DiskFull`], [`Error::Closed`].
    pub async fn mark(&self, which: &Which, marks: Marks) -> Result<u64, Error> {
        self.settle().await?;
        let marks = Arc::new(marks);
        let condition = Condition::which(which);
        let mut slices = self.slices_of(which.session, false).await?;
        let mut count = 0;
        while let Some(slice) = slices.next() {
            let ids = self.ids_in(&condition, slice).await?;
            for step in ids.chunks(STEP) {
                count += self.mark_step(step.to_vec(), marks.clone()).await?;
            }
        }
        Ok(count)
    }

    async fn mark_step(&self, ids: Vec<FlowId>, marks: Arc<Marks>) -> Result<u64, Error> {
        let work = self.transact(move |database| {
            let changed = write_marks(database, &ids, &marks)?;
            let count = changed.len() as u64;
            Ok((count, Done::told(Change::Flows(changed.into()))))
        });
        work.await
    }
}

fn write_marks(
    database: &Database<'_>,
    ids: &[FlowId],
    marks: &Marks,
) -> Result<Vec<FlowId>, Failed> {
    let mut read = database.prepare("SELECT tags FROM flows WHERE id = ?")?;
    let mut write = database.prepare(flows::ANNOTATE)?;
    let (color, starred) = numbers(marks.color, marks.starred);
    let retags = !(marks.add_tags.is_empty() && marks.remove_tags.is_empty());
    let mut changed = Vec::new();
    for id in ids {
        let mut found = None;
        read.rows(&[Value::Int(id.0)], |row| found = Some(row.text(0)))?;
        let Some(tags) = found else {
            continue;
        };
        let tags = retags.then(|| with_tags(&tags, marks));
        write.run(&[
            Value::Int(id.0),
            tags.as_deref().into(),
            Value::Null,
            color.into(),
            starred.into(),
        ])?;
        changed.push(*id);
    }
    Ok(changed)
}

/// The tags with some more and some less, in the order in which they were put on.
fn with_tags(text: &str, marks: &Marks) -> String {
    let mut tags: Vec<&str> = text
        .split(',')
        .map(str::trim)
        .filter(|tag| !tag.is_empty() && !marks.remove_tags.iter().any(|gone| gone == tag))
        .collect();
    for tag in &marks.add_tags {
        if !tags.contains(&tag.as_str()) {
            tags.push(tag);
        }
    }
    tags.join(",")
}

fn numbers(color: Option<Option<Color>>, starred: Option<bool>) -> (Option<i64>, Option<i64>) {
    (
        color.map(|color| color.map_or(0, |color| color as i64)),
        starred.map(i64::from),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_put_on_and_taken_off() {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        let marks = Marks {
            add_tags: words(&["new", "b"]),
            remove_tags: words(&["a", "none"]),
            ..Marks::default()
        };
        assert_eq!(with_tags("a, b,c", &marks), "b,c,new");
        assert_eq!(with_tags("", &marks), "new,b");
    }
}
