//! Search inside one body, of any size, without holding it.

use super::preview::SideName;
use crate::{
    api::{
        extract::{Path, Query},
        problem::Problem,
    },
    decode,
    server::App,
};
use axum::{Json, extract::State};
use futures_util::StreamExt as _;
use overhear_store::{FlowId, Side};
use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(search))
}

/// The most places of one answer.
const MOST_PLACES: u32 = 10_000;

/// The most characters, or bytes, that are looked for.
const LONGEST: usize = 1000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SearchQuery {
    /// The text to look for, in UTF-8.
    text: Option<String>,
    /// Instead of text: bytes, hexadecimal, two digits each; spaces are left out.
    hex: Option<String>,
    /// Upper and lower case are different.
    #[serde(default)]
    case: bool,
    /// In the body without its content codings (gzip, deflate, br, zstd).
    #[serde(default)]
    decoded: bool,
    /// List places from this offset in bytes; all are counted.
    #[serde(default)]
    from: u64,
    /// How many places are listed at most; 1000 when absent.
    #[param(minimum = 0, maximum = 10000)]
    limit: Option<u32>,
}

/// Where something is in a body.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
struct Found {
    /// How many places there are in the whole body.
    count: u64,
    /// Offset and length of each place, in bytes.
    places: Vec<(u64, u64)>,
    /// How many bytes were looked through.
    searched: u64,
    /// Why the rest could not be read, when it could not.
    error: Option<String>,
}

/// Searches a body for a text or for bytes.
#[utoipa::path(
    get, path = "/flows/{id}/{side}/search", tag = "bodies", operation_id = "searchBody",
    params(("id" = i64, Path, description = "The flow's number"),
        ("side" = inline(SideName), Path, description = "Whose body"), SearchQuery),
    responses(
        (status = 200, description = "Where it is", body = Found),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not even the first byte can be decoded", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn search(
    State(app): State<Arc<App>>,
    Path((id, side)): Path<(i64, SideName)>,
    Query(query): Query<SearchQuery>,
) -> Result<Json<Found>, Problem> {
    let limit = query.limit.unwrap_or(1000);
    if limit > MOST_PLACES {
        return Err(Problem::bad(format!(
            "limit is a number from 0 to {MOST_PLACES}, not {limit}"
        )));
    }
    let mut finder = Finder::new(needle(&query)?, query.from, limit as usize);
    let flow = app
        .store
        .flow(FlowId(id))
        .await?
        .ok_or_else(|| Problem::no_flow(id))?;
    let side = Side::from(side);
    let mut body = match query.decoded {
        true => decode::body(&app.store, &flow, side).await?,
        false => decode::recorded(&app.store, &flow, side),
    };
    while let Some(piece) = body.next().await {
        match piece {
            Ok(bytes) => finder.feed(&bytes),
            Err(decode::Error::Store(error)) => return Err(error.into()),
            Err(error) => {
                finder.found.error = Some(error.to_string());
                break;
            }
        }
        // a large body takes a while, and others want the thread
        tokio::task::yield_now().await;
    }
    Ok(Json(finder.end()))
}

/// What is looked for, and the most bytes that one place of it can have.
struct Needle {
    pattern: Regex,
    longest: usize,
}

fn needle(query: &SearchQuery) -> Result<Needle, Problem> {
    let (source, longest) = match (&query.text, &query.hex) {
        (Some(text), None) => {
            // a character has four bytes at most, in either case
            (regex::escape(text), text.chars().count() * 4)
        }
        (None, Some(hex)) => {
            let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
            if !digits.len().is_multiple_of(2) || !digits.iter().all(char::is_ascii_hexdigit) {
                return Err(Problem::bad(
                    "hex is hexadecimal digits, two for each byte, such as 0d0a",
                ));
            }
            let bytes = digits.chunks(2).map(|pair| {
                let pair: String = pair.iter().collect();
                format!(r"\x{pair}")
            });
            let source: String = bytes.collect();
            (format!("(?s-u:{source})"), digits.len() / 2)
        }
        _ => {
            return Err(Problem::bad(
                "Say what to look for: either text or hex, not both",
            ));
        }
    };
    if longest == 0 {
        return Err(Problem::bad("Say what to look for: it is empty"));
    }
    if longest > LONGEST * 4 {
        return Err(Problem::bad(format!(
            "At most {LONGEST} characters can be looked for"
        )));
    }
    let pattern = RegexBuilder::new(&source)
        .case_insensitive(!query.case && query.text.is_some())
        .build()
        .map_err(|_| Problem::bad("This cannot be looked for"))?;
    Ok(Needle { pattern, longest })
}

/// Finds places in a body that comes in pieces. Places do not overlap.
struct Finder {
    needle: Needle,
    from: u64,
    limit: usize,
    /// What a place may yet begin in.
    waiting: Vec<u8>,
    /// The offset of `waiting` in the body.
    base: u64,
    found: Found,
}

impl Finder {
    fn new(needle: Needle, from: u64, limit: usize) -> Self {
        Self {
            needle,
            from,
            limit,
            waiting: Vec::new(),
            base: 0,
            found: Found::default(),
        }
    }

    fn feed(&mut self, piece: &[u8]) {
        self.found.searched += piece.len() as u64;
        self.waiting.extend_from_slice(piece);
        let sure = self.waiting.len().saturating_sub(self.needle.longest);
        self.look(sure);
    }

    fn end(mut self) -> Found {
        self.look(self.waiting.len());
        self.found
    }

    /// Takes the places that begin before `until`, and lets go of what is before it.
    fn look(&mut self, until: usize) {
        let mut done = until;
        for place in self.needle.pattern.find_iter(&self.waiting) {
            if place.start() >= until {
                break;
            }
            self.found.count += 1;
            let offset = self.base + place.start() as u64;
            if offset >= self.from && self.found.places.len() < self.limit {
                self.found.places.push((offset, place.len() as u64));
            }
            done = done.max(place.end());
        }
        self.waiting.drain(..done);
        self.base += done as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: Option<&str>, hex: Option<&str>, case: bool) -> SearchQuery {
        SearchQuery {
            text: text.map(str::to_owned),
            hex: hex.map(str::to_owned),
            case,
            decoded: false,
            from: 0,
            limit: None,
        }
    }

    fn found(query: &SearchQuery, body: &[u8], step: usize) -> Vec<(u64, u64)> {
        let mut finder = Finder::new(needle(query).expect("a needle"), 0, 100);
        for piece in body.chunks(step) {
            finder.feed(piece);
        }
        let found = finder.end();
        assert_eq!(found.searched, body.len() as u64);
        assert_eq!(found.count, found.places.len() as u64);
        found.places
    }

    #[test]
    fn places_are_found_wherever_the_body_is_cut() {
        let body = "Straße STRASSE aaaa Größe GRÖSSE aa".as_bytes();
        for step in 1..=body.len() {
            let all = |text, case| found(&query(Some(text), None, case), body, step);
            assert_eq!(all("str", false), [(0, 3), (8, 3)], "{step}");
            assert_eq!(all("str", true), [], "{step}");
            assert_eq!(all("aa", false), [(16, 2), (18, 2), (37, 2)], "{step}");
            assert_eq!(all("GRÖ", false), [(21, 4), (29, 4)], "{step}");
            let bytes = found(&query(None, Some("c3 B6"), false), body, step);
            assert_eq!(bytes, [(23, 2)], "{step}");
        }
    }

    #[test]
    fn a_needle_is_a_text_and_not_a_pattern() {
        let body = b"a.c abc \x00\n\xff (a+";
        assert_eq!(found(&query(Some("a.c"), None, false), body, 4), [(0, 3)]);
        assert_eq!(found(&query(Some("(a+"), None, false), body, 4), [(12, 3)]);
        assert_eq!(
            found(&query(None, Some("000aff"), false), body, 4),
            [(8, 3)]
        );
    }

    #[test]
    fn what_cannot_be_looked_for_is_said() {
        let long = "x".repeat(1001);
        for wrong in [
            query(None, None, false),
            query(Some("a"), Some("61"), false),
            query(Some(""), None, false),
            query(None, Some("0"), false),
            query(None, Some("zz"), false),
            query(Some(&long), None, false),
        ] {
            assert!(needle(&wrong).is_err());
        }
        assert!(needle(&query(Some(&"é".repeat(1000)), None, false)).is_ok());
    }

    #[test]
    fn places_are_listed_from_an_offset_and_counted_all() {
        let query = query(Some("a"), None, false);
        let mut finder = Finder::new(needle(&query).expect("a needle"), 2, 2);
        finder.feed(b"aaaaaa");
        let found = finder.end();
        assert_eq!((found.count, found.places), (6, vec![(2, 1), (3, 1)]));
    }
}
