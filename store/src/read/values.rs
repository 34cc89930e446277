//! Which values of a field occur, and how often: what a person may want to filter by.
//!
//! The flows are read in slices, as for a list; SQLite counts equal texts, and what is counted here is put
//! together.

use super::{Which, list::Condition};
use crate::{error::Error, store::Store};
use sqlx::{AssertSqlSafe, Row};
use std::{collections::HashMap, time::Instant};

/// Different values that are held; with as many, no older flows are looked at.
const MOST: usize = 50_000;

/// No second value.
const NONE: &str = "NULL";

/// A field of which the values can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the filter's fields")]
pub enum Valued {
    Host,
    Method,
    Status,
    Type,
    Client,
    Server,
    Scheme,
    Kind,
    State,
    Error,
    Tag,
    Version,
    Port,
    Color,
    Path,
    App,
}

/// A value that occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// As it would stand in a filter.
    pub value: String,
    /// How many flows have it.
    pub count: u64,
}

impl Valued {
    const ALL: [(&str, Self); 16] = [
        ("host", Self::Host),
        ("method", Self::Method),
        ("status", Self::Status),
        ("type", Self::Type),
        ("client", Self::Client),
        ("server", Self::Server),
        ("scheme", Self::Scheme),
        ("kind", Self::Kind),
        ("state", Self::State),
        ("error", Self::Error),
        ("tag", Self::Tag),
        ("version", Self::Version),
        ("port", Self::Port),
        ("color", Self::Color),
        ("path", Self::Path),
        ("app", Self::App),
    ];

    /// The field with this name in a filter.
    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(known, _)| *known == name)
            .map(|(_, field)| field)
    }

    /// Their names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().map(|(name, _)| name)
    }

    /// What SQLite counts: one value, or two, of which each counts when they differ.
    fn columns(self) -> [&'static str; 2] {
        // ip:port without the port
        const CLIENT: &str = "trim(rtrim(rtrim(client, '0123456789'), ':'), '[]')";
        const SERVER: &str = "trim(rtrim(rtrim(server, '0123456789'), ':'), '[]')";
        const REQUEST: &str =
            "lower(trim(substr(request_type, 1, instr(request_type || ';', ';') - 1)))";
        const RESPONSE: &str =
            "lower(trim(substr(response_type, 1, instr(response_type || ';', ';') - 1)))";
        match self {
            Self::Host => ["lower(host)", NONE],
            Self::Method => ["method", NONE],
            Self::Status => ["CAST(status AS TEXT)", NONE],
            Self::Type => [RESPONSE, REQUEST],
            Self::Client => [CLIENT, NONE],
            Self::Server => [SERVER, NONE],
            Self::Scheme => ["scheme", NONE],
            Self::Kind => [
                "CASE kind WHEN 0 THEN 'http' WHEN 1 THEN 'websocket' WHEN 2 THEN 'tcp' WHEN 3 THEN 'tls' WHEN 4 THEN 'udp' \
                WHEN 5 THEN 'dns' ELSE 'icmp' END",
                NONE,
            ],
            Self::State => [
                "CASE state WHEN 0 THEN 'running' WHEN 1 THEN 'complete' WHEN 2 THEN 'failed' ELSE 'interrupted' END",
                NONE,
            ],
            Self::Error => [
                "CASE error_cause WHEN 1 THEN 'dns' WHEN 2 THEN 'refused' WHEN 3 THEN 'unreachable' \
                WHEN 4 THEN 'timeout' WHEN 5 THEN 'tls' WHEN 6 THEN 'certificate' WHEN 7 THEN 'protocol' \
                WHEN 8 THEN 'loop' WHEN 9 THEN 'reset' WHEN 10 THEN 'closed' WHEN 11 THEN 'forbidden' \
                WHEN 12 THEN 'other' END",
                NONE,
            ],
            Self::Tag => ["tags", NONE],
            Self::Version => [
                "CASE response_version WHEN 10 THEN '1.0' WHEN 11 THEN '1.1' WHEN 20 THEN '2' END",
                "CASE request_version WHEN 10 THEN '1.0' WHEN 11 THEN '1.1' WHEN 20 THEN '2' END",
            ],
            Self::Port => ["CAST(port AS TEXT)", NONE],
            Self::Color => [
                "CASE color WHEN 1 THEN 'red' WHEN 2 THEN 'orange' WHEN 3 THEN 'yellow' WHEN 4 THEN 'green' \
                WHEN 5 THEN 'blue' WHEN 6 THEN 'purple' WHEN 7 THEN 'grey' END",
                NONE,
            ],
            Self::Path => ["substr(path, 1, instr(path || '?', '?') - 1)", NONE],
            Self::App => ["app", NONE],
        }
    }
}

impl Store {
    /// The values of a field that occur and begin with a prefix (upper and lower case alike), at most `limit`, the
    /// most frequent first. When there are very many different ones, only the newest flows are looked at.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn values(
        &self,
        field: Valued,
        prefix: &str,
        which: &Which,
        limit: usize,
    ) -> Result<Vec<Value>, Error> {
        let condition = Condition::which(which);
        let [first, second] = field.columns();
        let prefix = prefix.to_lowercase();
        // what does not begin so is left out as early as can be; what is left is looked at below
        let early = field != Valued::Tag && second == NONE && prefix.is_ascii();
        let begins = match early {
            true => format!("substr({first}, 1, {}) = ? COLLATE NOCASE", prefix.len()),
            false => "? IS NOT NULL".to_owned(),
        };
        let sql = format!(
            "SELECT {first} AS a, {second} AS b, count(*) FROM flows WHERE id BETWEEN ? AND ? AND {begins} AND {} \
            GROUP BY a, b",
            condition.sql
        );
        let mut counts: HashMap<String, u64> = HashMap::new();
        let mut slices = self.slices_of(which.session, true).await?;
        while let Some((low, high)) = slices.next() {
            let begun = Instant::now();
            let query = sqlx::query(AssertSqlSafe(sql.clone()))
                .bind(low)
                .bind(high)
                .bind(prefix.clone());
            for row in condition.bind(query).fetch_all(self.readers()).await? {
                let first: Option<&str> = row.try_get(0)?;
                let second: Option<&str> = row.try_get(1)?;
                let count = u64::try_from(row.try_get::<i64, _>(2)?).unwrap_or(0);
                let second = second.filter(|second| first != Some(second));
                for text in first.into_iter().chain(second) {
                    add(&mut counts, field, text, &prefix, count);
                }
            }
            slices.took(begun.elapsed());
            if counts.len() >= MOST {
                break;
            }
        }
        let mut values: Vec<Value> = counts
            .into_iter()
            .map(|(value, count)| Value { value, count })
            .collect();
        values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        values.truncate(limit);
        Ok(values)
    }
}

fn add(counts: &mut HashMap<String, u64>, field: Valued, text: &str, prefix: &str, count: u64) {
    let words = match field {
        Valued::Tag => text.split(',').map(str::trim).collect(),
        _ => vec![text],
    };
    for word in words {
        if word.is_empty() || !word.to_lowercase().starts_with(prefix) {
            continue;
        }
        if let Some(sum) = counts.get_mut(word) {
            *sum += count;
        } else if counts.len() < MOST {
            counts.insert(word.to_owned(), count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::FIELDS;

    #[test]
    fn the_help_says_which_fields_have_values() {
        let said = FIELDS.iter().filter(|f| f.completes).map(|f| f.name);
        let mut said: Vec<&str> = said.collect();
        let mut known: Vec<&str> = Valued::names().collect();
        said.sort_unstable();
        known.sort_unstable();
        assert_eq!(said, known);
    }
}
