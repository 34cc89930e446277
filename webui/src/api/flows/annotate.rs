//! What a person notes on flows: tags, a comment, a color, a star.

use crate::{
    api::{
        extract::{Json, Path},
        model::FlowDetail,
        problem::Problem,
        selection::{self, Sessions},
    },
    server::App,
};
use axum::{Json as Answer, extract::State};
use overhear_store::{
    Color, FlowId,
    read::{Marks, Notes, Which},
};
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// What a person notes on a flow; what is absent stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Annotation {
    /// Words without commas. An empty list takes all tags off.
    tags: Option<Vec<String>>,
    /// A comment; empty takes it off.
    comment: Option<String>,
    /// A color; null takes it off.
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = crate::api::model::color_schema)]
    color: Option<Option<Color>>,
    /// Whether there is a star.
    starred: Option<bool>,
}

/// A member that is there, also when it is null.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<Color>>, D::Error> {
    Option::<Color>::deserialize(value).map(Some)
}

/// Puts tags, a comment, a color and a star on a flow.
#[utoipa::path(
    patch, path = "/flows/{id}", tag = "flows", operation_id = "annotateFlow",
    params(("id" = i64, Path, description = "The flow's number")),
    request_body = Annotation,
    responses(
        (status = 200, description = "The flow as it is now", body = FlowDetail),
        (status = 400, description = "A tag cannot be used, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn one(
    state: State<Arc<App>>,
    Path(id): Path<i64>,
    Json(annotation): Json<Annotation>,
) -> Result<Answer<FlowDetail>, Problem> {
    let tags = annotation.tags.map(|tags| joined(&tags)).transpose()?;
    let comment = annotation.comment.as_deref();
    if comment.is_some_and(|comment| comment.len() > MOST_TEXT) {
        return Err(Problem::bad(format!(
            "a comment has at most {MOST_TEXT} bytes"
        )));
    }
    let notes = Notes {
        tags: tags.as_deref(),
        comment,
        color: annotation.color,
        starred: annotation.starred,
    };
    if !state.store.annotate(FlowId(id), notes).await? {
        return Err(Problem::no_flow(id));
    }
    super::detail(state, Path(id)).await
}

/// What is noted on many flows; what is absent stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Annotations {
    /// The flows with these numbers.
    ids: Option<Vec<i64>>,
    /// The flows that match this filter. Give ids, a filter, or both.
    filter: Option<String>,
    /// Only flows of a session: its number, `current`, or `all`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "current")]
    session: Sessions,
    /// Words without commas that are put on.
    #[serde(default)]
    add_tags: Vec<String>,
    /// Words that are taken off.
    #[serde(default)]
    remove_tags: Vec<String>,
    /// A color; null takes it off.
    #[serde(default, deserialize_with = "given")]
    #[schema(schema_with = crate::api::model::color_schema)]
    color: Option<Option<Color>>,
    /// Whether there is a star.
    starred: Option<bool>,
}

/// What was changed.
#[derive(Serialize, ToSchema)]
pub(super) struct Changed {
    /// How many flows.
    changed: u64,
}

/// Puts tags, a color and a star on many flows at once, or takes them off.
#[utoipa::path(
    patch, path = "/flows", tag = "flows", operation_id = "annotateFlows",
    request_body = Annotations,
    responses(
        (status = 200, description = "How many flows there were", body = Changed),
        (status = 400, description = "The filter or a tag is wrong, neither ids nor a filter are given, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such session", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn many(
    State(app): State<Arc<App>>,
    Json(annotations): Json<Annotations>,
) -> Result<Answer<Changed>, Problem> {
    if annotations.ids.is_none() && annotations.filter.is_none() {
        return Err(Problem::bad(
            "Say which flows: ids, or a filter (an empty one matches all).",
        ));
    }
    let ids = annotations
        .ids
        .map(|ids| ids.into_iter().map(FlowId).collect());
    let which = Which {
        filter: selection::filter(annotations.filter.as_deref())?,
        ids: ids.map(selection::checked).transpose()?,
        session: annotations.session.resolve(&app).await?,
    };
    let words = |tags: &[String]| {
        let text = joined(tags)?;
        let words = text.split(',').filter(|word| !word.is_empty());
        Ok::<_, Problem>(words.map(str::to_owned).collect())
    };
    let marks = Marks {
        add_tags: words(&annotations.add_tags)?,
        remove_tags: words(&annotations.remove_tags)?,
        color: annotations.color,
        starred: annotations.starred,
    };
    let changed = app.store.mark(&which, marks).await?;
    Ok(Answer(Changed { changed }))
}

/// The longest comment, and the longest list of tags, in bytes.
const MOST_TEXT: usize = 64 << 10;

/// Tags as the store has them; each once, in the order given.
fn joined(tags: &[String]) -> Result<String, Problem> {
    let mut words: Vec<&str> = Vec::new();
    for tag in tags.iter().map(|tag| tag.trim()) {
        if tag.is_empty() || tag.contains(',') || tag.chars().any(char::is_control) {
            return Err(Problem::bad(format!(
                "a tag is a word or words without commas; {tag:?} is none"
            )));
        }
        if !words.contains(&tag) {
            words.push(tag);
        }
    }
    let text = words.join(",");
    match text.len() <= MOST_TEXT {
        true => Ok(text),
        false => Err(Problem::bad(format!(
            "tags have at most {MOST_TEXT} bytes together"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_words() {
        let words =
            |tags: &[&str]| joined(&tags.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&[" a b ", "c", "a b"]).expect("tags"), "a b,c");
        assert_eq!(words(&[]).expect("no tags"), "");
        for wrong in ["", "a,b", "a\nb", " "] {
            assert!(words(&[wrong]).is_err(), "{wrong:?}");
        }
    }
}
