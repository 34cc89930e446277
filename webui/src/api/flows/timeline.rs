//! Flows over time.

use crate::{
    api::{
        extract::Query,
        model::{moment, rfc3339},
        problem::Problem,
        selection::{self, Sessions},
    },
    server::App,
};
use axum::{Json, extract::State};
use overhear_store::read::{TimelineQuery, Which};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The most spans that can be asked for.
const MOST: u32 = 2000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(timeline))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Parameters {
    /// Only flows that match this filter.
    filter: Option<String>,
    /// Only flows of a session: its number, `current`, or `all`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "current")]
    session: Sessions,
    /// Begin here (RFC 3339); with the first flow when absent.
    #[param(format = DateTime)]
    from: Option<String>,
    /// End here (RFC 3339); with the last flow when absent.
    #[param(format = DateTime)]
    to: Option<String>,
    /// About how many spans; 120 when absent.
    #[param(minimum = 1, maximum = 2000)]
    buckets: Option<u32>,
}

/// Flows over time.
#[derive(Serialize, ToSchema)]
struct Timeline {
    /// Where the first span begins, a round moment: RFC 3339; null when there are no flows.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// Where the last span ends.
    #[schema(format = DateTime)]
    to: Option<String>,
    /// How long a span is, in milliseconds.
    bucket_ms: u64,
    /// The spans, without gaps.
    items: Vec<Bucket>,
}

/// A span of time.
#[derive(Serialize, ToSchema)]
struct Bucket {
    /// Flows that began in it.
    count: u64,
    /// Those of them that failed, have a status of 400 and more, or are gRPC calls that did not end with OK.
    errors: u64,
}

/// How many flows began over time, and how many of them failed.
#[utoipa::path(
    get, path = "/flows/timeline", tag = "flows", operation_id = "timelineOfFlows", params(Parameters),
    responses(
        (status = 200, description = "The spans", body = Timeline),
        (status = 400, description = "The filter or a parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such session", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn timeline(
    State(app): State<Arc<App>>,
    Query(query): Query<Parameters>,
) -> Result<Json<Timeline>, Problem> {
    let buckets = query.buckets.unwrap_or(120);
    if !(1..=MOST).contains(&buckets) {
        return Err(Problem::bad(format!(
            "buckets is a number from 1 to {MOST}, not {buckets}"
        )));
    }
    let read = |name: &str, text: Option<String>| match text {
        None => Ok(None),
        Some(text) => moment(&text).map(Some).ok_or_else(|| {
            Problem::bad(format!(
                "{name} is a moment such as 2026-11-21T13:05:00Z, not {text:?}"
            ))
        }),
    };
    let (from, to) = (read("from", query.from)?, read("to", query.to)?);
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(Problem::bad("from is later than to"));
    }
    let wanted = TimelineQuery {
        which: Which {
            filter: selection::filter(query.filter.as_deref())?,
            ids: None,
            session: query.session.resolve(&app).await?,
        },
        from,
        to,
        buckets,
    };
    let timeline = app.store.timeline(&wanted).await?;
    let items = timeline.buckets.iter().map(|bucket| Bucket {
        count: bucket.count,
        errors: bucket.errors,
    });
    Ok(Json(Timeline {
        from: timeline.from.map(rfc3339),
        to: timeline.to.map(rfc3339),
        bucket_ms: timeline.bucket_ms,
        items: items.collect(),
    }))
}
