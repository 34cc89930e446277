//! `offline`: everything is answered with what was recorded.

use super::{extract::Json, problem::Problem};
use crate::{rules, server::App};
use axum::{Json as Answer, extract::State};
use overhear_store::rule::{Action, Missing, Rule, Stage};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(show, switch))
}

/// Whether requests are answered with what was recorded.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Offline {
    /// It is switched on. Flows that are recorded from then on are no answers.
    on: bool,
    /// Which recorded flows, in the filter language (`session:3`); empty for all.
    #[serde(default)]
    filter: String,
    /// Names in the query that may differ; `*` for the whole query.
    #[serde(default)]
    ignore_query: Vec<String>,
    /// Fields of the request that must be the same.
    #[serde(default)]
    same_headers: Vec<String>,
    /// The request's body must be the same.
    #[serde(default)]
    same_body: bool,
    /// What becomes of a request like which nothing was recorded.
    #[serde(default)]
    missing: Missing,
}

/// Whether requests are answered with what was recorded, and with how much.
#[derive(Debug, Serialize, ToSchema)]
struct OfflineNow {
    #[serde(flatten)]
    offline: Offline,
    /// How many flows there are to answer with.
    flows: usize,
}

fn now(app: &App) -> OfflineNow {
    let Some((
        Action::AnswerRecorded {
            filter,
            ignore_query,
            same_headers,
            same_body,
            missing,
        },
        flows,
    )) = app.rules.offline()
    else {
        return OfflineNow {
            offline: Offline::default(),
            flows: 0,
        };
    };
    OfflineNow {
        offline: Offline {
            on: true,
            filter,
            ignore_query,
            same_headers,
            same_body,
            missing,
        },
        flows,
    }
}

/// Whether requests are answered with what was recorded.
#[utoipa::path(
    get, path = "/offline", tag = "rules", operation_id = "getOffline",
    responses((status = 200, description = "As it is now", body = OfflineNow))
)]
async fn show(State(app): State<Arc<App>>) -> Answer<OfflineNow> {
    let _alone = app.rules.change().await;
    Answer(now(&app))
}

/// Answers every request that no rule answers with what was recorded until now, or asks the servers again. It lasts until the
/// program ends. Switched on again, it begins with the first recorded answers again.
#[utoipa::path(
    put, path = "/offline", tag = "rules", operation_id = "switchOffline", request_body = Offline,
    responses(
        (status = 200, description = "As it is now", body = OfflineNow),
        (status = 400, description = "The filter or a name cannot be used, or the body is no JSON", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn switch(
    State(app): State<Arc<App>>,
    Json(body): Json<Offline>,
) -> Result<Answer<OfflineNow>, Problem> {
    let action = Action::AnswerRecorded {
        filter: body.filter,
        ignore_query: body.ignore_query,
        same_headers: body.same_headers,
        same_body: body.same_body,
        missing: body.missing,
    };
    rules::check(&Rule {
        name: "offline".to_owned(),
        group: String::new(),
        on: true,
        filter: String::new(),
        stage: Stage::Request,
        sender: None,
        actions: vec![action.clone()],
    })?;
    app.rules.set_offline(body.on.then_some(action)).await?;
    Ok(Answer(now(&app)))
}
