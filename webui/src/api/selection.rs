//! Which flows: a filter, or numbers; and of which session.

use super::problem::Problem;
use crate::server::App;
use overhear_store::{FlowId, SessionId, filter::Filter};
use serde::Deserialize;

/// The most numbers that one request may name.
const MOST_IDS: usize = 100_000;

/// Reads a filter; one that is absent or blank is none.
pub(super) fn filter(text: Option<&str>) -> Result<Option<Filter>, Problem> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        // not trimmed: a wrong filter's place is counted from its beginning
        Some(_) => Ok(Some(Filter::parse(text.unwrap_or_default())?)),
    }
}

/// Of which session: `current`, `all`, or a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub(super) enum Sessions {
    #[default]
    All,
    /// The one that is recorded into, whichever that is.
    Current,
    One(SessionId),
}

/// A number is one in JSON, and text in a query.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(i64),
    Text(String),
}

impl TryFrom<Written> for Sessions {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let text = match written {
            Written::Number(id) => return Ok(Self::One(SessionId(id))),
            Written::Text(text) => text,
        };
        match text.as_str() {
            "" | "all" => Ok(Self::All),
            "current" => Ok(Self::Current),
            id => id.parse().map(|id| Self::One(SessionId(id))).map_err(|_| {
                format!("session is the number of a session, current or all, not {text:?}")
            }),
        }
    }
}

impl Sessions {
    /// The session that is meant now; `None` for all. There must be one with the number.
    pub(super) async fn resolve(self, app: &App) -> Result<Option<SessionId>, Problem> {
        match self {
            Self::All => Ok(None),
            Self::Current => Ok(Some(app.store.current_session().await?)),
            Self::One(id) => match app.store.session(id).await? {
                Some(session) => Ok(Some(session.id)),
                None => Err(Problem::no_session(id.0)),
            },
        }
    }
}

/// Reads `1,2,3`.
pub(super) fn ids(text: &str) -> Result<Vec<FlowId>, Problem> {
    let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
    let ids = ids.map(|id| {
        id.parse().map(FlowId).map_err(|_| {
            Problem::bad(format!(
                "ids are numbers of flows with commas between them; {id:?} is none"
            ))
        })
    });
    let ids: Vec<_> = ids.collect::<Result<_, _>>()?;
    checked(ids)
}

/// Refuses more numbers than a request may name.
pub(super) fn checked(ids: Vec<FlowId>) -> Result<Vec<FlowId>, Problem> {
    if ids.len() > MOST_IDS {
        return Err(Problem::bad(format!(
            "{} flows are named; at most {MOST_IDS} can be. Use a filter instead.",
            ids.len()
        )));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_numbers_or_words() {
        let read = |json: serde_json::Value| serde_json::from_value::<Sessions>(json).ok();
        assert_eq!(read("all".into()), Some(Sessions::All));
        assert_eq!(read("current".into()), Some(Sessions::Current));
        for three in [serde_json::json!(3), serde_json::json!("3")] {
            assert_eq!(read(three), Some(Sessions::One(SessionId(3))));
        }
        for wrong in [serde_json::json!("x"), serde_json::json!(1.5)] {
            assert_eq!(read(wrong), None);
        }
    }

    #[test]
    fn numbers_with_commas() {
        assert_eq!(
            ids("1, 2,,3").expect("numbers"),
            [FlowId(1), FlowId(2), FlowId(3)]
        );
        assert_eq!(ids("").expect("none"), []);
        for wrong in ["x", "1;2", "1 2", "99999999999999999999"] {
            assert!(ids(wrong).is_err(), "{wrong}");
        }
    }
}
