//! `scripts`: JavaScript that changes what passes, and what it says.

use super::{extract::Query, model::rfc3339};
use crate::server::App;
use axum::{
    Json as Answer,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use overhear_proxy::{
    ConsoleLine, SCRIPT_EXAMPLE, ScriptError, ScriptInfo, ScriptState, script_types,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(console, clear))
        .routes(routes!(types))
        .routes(routes!(example))
}

/// What is wrong with a script.
#[derive(Serialize, ToSchema)]
struct Wrong {
    /// What is wrong.
    text: String,
    /// The line of the file, from 1.
    line: Option<u32>,
    /// The column, from 1.
    column: Option<u32>,
}

impl From<ScriptError> for Wrong {
    fn from(error: ScriptError) -> Self {
        Self {
            text: error.text,
            line: error.line,
            column: error.column,
        }
    }
}

/// Whether a script acts: `active`: as its file is; `stale`: the file as it is cannot be used, and the version before acts on;
/// `failed`: nothing acts.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Acts {
    Active,
    Stale,
    Failed,
}

/// A script.
#[derive(Serialize, ToSchema)]
struct Script {
    /// The file.
    file: String,
    /// What it is called in flows and in the console: the file's name.
    name: String,
    /// Whether it acts.
    state: Acts,
    /// What is wrong with it.
    error: Option<Wrong>,
    /// The functions that are called.
    #[schema(example = json!(["onRequest"]))]
    hooks: Vec<&'static str>,
    /// Which flows it is asked about, in the filter language; empty for all.
    filter: String,
    /// It is given bodies.
    bodies: bool,
    /// When the version that acts was read: RFC 3339.
    #[schema(format = DateTime)]
    read: Option<String>,
    /// How often that version was called.
    calls: u64,
    /// How many of these calls failed: the messages went on unchanged.
    failures: u64,
    /// How long these calls took together: milliseconds.
    time_ms: f64,
}

impl From<ScriptInfo> for Script {
    fn from(info: ScriptInfo) -> Self {
        Self {
            file: info.file.display().to_string(),
            name: info.name,
            state: match info.state {
                ScriptState::Active => Acts::Active,
                ScriptState::Stale => Acts::Stale,
                ScriptState::Failed => Acts::Failed,
            },
            error: info.error.map(Wrong::from),
            hooks: info.hooks,
            filter: info.filter,
            bodies: info.bodies,
            read: info.read.map(rfc3339),
            calls: info.calls,
            failures: info.failures,
            time_ms: info.time.as_secs_f64() * 1000.0,
        }
    }
}

/// All scripts.
#[derive(Serialize, ToSchema)]
struct ScriptList {
    /// In the order in which they act, behind all rules.
    items: Vec<Script>,
}

/// The scripts of this run (`overhear run --script FILE`), in the order in which they act.
#[utoipa::path(
    get, path = "/scripts", tag = "scripts", operation_id = "listScripts",
    responses((status = 200, description = "The scripts", body = ScriptList))
)]
async fn list(State(app): State<Arc<App>>) -> Answer<ScriptList> {
    let items = app.proxy.scripts().into_iter().map(Script::from);
    Answer(ScriptList {
        items: items.collect(),
    })
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ConsoleQuery {
    /// Only lines behind this one, by its number.
    #[serde(default)]
    after: u64,
}

/// A line of the console.
#[derive(Serialize, ToSchema)]
struct Line {
    /// Counts up from 1 in each run.
    id: u64,
    /// When it was said: RFC 3339.
    #[schema(format = DateTime)]
    at: String,
    /// The name of the script.
    script: String,
    /// `debug`, `log`, `info`, `warn` or `error`.
    #[schema(example = "log")]
    level: &'static str,
    /// What was said; at most 4 KiB.
    text: String,
    /// The number of the flow that it was said about.
    flow: Option<i64>,
}

impl From<ConsoleLine> for Line {
    fn from(line: ConsoleLine) -> Self {
        Self {
            id: line.id,
            at: rfc3339(line.at),
            script: line.script,
            level: line.level.name(),
            text: line.text,
            flow: line.flow.map(|flow| flow.0),
        }
    }
}

/// What scripts have said.
#[derive(Serialize, ToSchema)]
struct Lines {
    /// The last 1,000, oldest first.
    items: Vec<Line>,
}

/// What scripts have said: their `console`, and what went wrong.
#[utoipa::path(
    get, path = "/scripts/console", tag = "scripts", operation_id = "scriptConsole", params(ConsoleQuery),
    responses((status = 200, description = "Lines", body = Lines))
)]
async fn console(State(app): State<Arc<App>>, Query(query): Query<ConsoleQuery>) -> Answer<Lines> {
    let items = app.proxy.script_console(query.after).into_iter();
    Answer(Lines {
        items: items.map(Line::from).collect(),
    })
}

/// Forgets what scripts have said.
#[utoipa::path(
    delete, path = "/scripts/console", tag = "scripts", operation_id = "clearScriptConsole",
    responses((status = 204, description = "Forgotten"))
)]
async fn clear(State(app): State<Arc<App>>) -> StatusCode {
    app.proxy.clear_script_console();
    StatusCode::NO_CONTENT
}

/// What scripts are given, for TypeScript and for editors: `overhear.d.ts`.
#[utoipa::path(
    get, path = "/scripts/types", tag = "scripts", operation_id = "scriptTypes",
    responses((status = 200, description = "Declarations", body = String, content_type = "text/plain"))
)]
async fn types() -> Response {
    file("overhear.d.ts", script_types())
}

/// A script to begin with.
#[utoipa::path(
    get, path = "/scripts/example", tag = "scripts", operation_id = "scriptExample",
    responses((status = 200, description = "A script", body = String, content_type = "text/plain"))
)]
async fn example() -> Response {
    file("example.js", SCRIPT_EXAMPLE.to_owned())
}

fn file(name: &str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, text).into_response()
}
