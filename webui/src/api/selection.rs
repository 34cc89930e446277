//! Which flows: a filter, or numbers.

use super::problem::Problem;
use overhear_store::{FlowId, filter::Filter};

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
