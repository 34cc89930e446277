//! `replay/runs`: requests that are sent in order, many times, several at once; and how that went.

use super::{Request, built, unsendable};
use crate::{
    api::{
        extract::{Json, Path, Query},
        model::rfc3339,
        problem::Problem,
    },
    server::App,
};
use axum::{Json as Answer, extract::State, http::StatusCode};
use overhear_proxy::{Distribution, MOST_REQUESTS, Measured, Plan, Run as Running};
use overhear_store::{FailureCause, Store};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, sync::Arc};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Runs that are remembered; the oldest that are over go first.
const MOST_KEPT: usize = 20;
/// Runs that go on at once.
const MOST_RUNNING: usize = 4;
/// Bodies of a run's requests together: bytes.
const MOST_BODIES: usize = 64 << 20;
/// Results of one answer.
const MOST_RESULTS: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, begin))
        .routes(routes!(get, stop))
        .routes(routes!(results))
}

/// The runs that are remembered.
#[derive(Default)]
pub(crate) struct Runs(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    last: u64,
    runs: VecDeque<Arc<One>>,
}

struct One {
    id: u64,
    requests: Vec<Sends>,
    times: u32,
    at_once: u32,
    running: Arc<Running>,
}

impl Runs {
    fn find(&self, id: u64) -> Result<Arc<One>, Problem> {
        let kept = self.0.lock();
        let found = kept.runs.iter().find(|one| one.id == id).cloned();
        found.ok_or_else(|| {
            Problem::not_found(format!(
                "There is no run {id}. The last {MOST_KEPT} are remembered until the program ends."
            ))
        })
    }
}

/// What is sent again and again.
#[derive(Deserialize, ToSchema)]
#[schema(as = ReplayPlan)]
#[serde(deny_unknown_fields)]
struct Begin {
    /// The requests of a round, sent one after another, each after the one before is over: 1 to 200, with bodies of 64 MiB together.
    requests: Vec<Request>,
    /// How many rounds; 1 when absent. Rounds times requests are at most 10,000 sends.
    #[schema(minimum = 1, maximum = 10000)]
    times: Option<u32>,
    /// How many rounds go on beside each other; 1 when absent.
    #[schema(minimum = 1, maximum = 64)]
    concurrency: Option<u32>,
}

/// A run.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplayRun)]
struct Run {
    /// Its number.
    id: u64,
    /// `running`, `done`, or `stopped` by somebody.
    state: &'static str,
    /// The requests of a round.
    requests: Vec<Sends>,
    /// How many rounds.
    times: u32,
    /// How many beside each other.
    concurrency: u32,
    /// Sends there are to be.
    total: u32,
    /// Sends that were begun.
    begun: u32,
    /// Sends that are over; their flows can be read.
    done: u32,
    /// RFC 3339.
    #[schema(format = DateTime)]
    started_at: String,
    /// Null while it goes on.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// How the sends ended, and how long they took.
    distribution: Times,
}

/// A request of a run.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ReplayRunRequest)]
struct Sends {
    method: String,
    url: String,
    /// The flow it was made from.
    flow: Option<i64>,
}

/// How sends ended, and the times of those that did not fail, in milliseconds: each from the first byte of its request to the last of
/// its response, as its flow says, with redirections that were followed together.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplayDistribution)]
struct Times {
    /// By status, then by what failed.
    statuses: Vec<Ended>,
    /// How many did not fail.
    answered: usize,
    min_ms: f64,
    /// Percentiles are by the nearest rank: times that were measured.
    median_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    mean_ms: f64,
    /// Ten bars a decade, whose limits do not change while the run goes on.
    histogram: Vec<Bar>,
}

/// Sends that ended alike.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplayEnded)]
struct Ended {
    /// Null where they failed.
    status: Option<u16>,
    /// What sort of failure; null where there was a response.
    #[schema(value_type = Option<String>, example = "refused")]
    error: Option<FailureCause>,
    count: usize,
    median_ms: f64,
}

/// Times from `from_ms` to less than `to_ms`.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplayBar)]
struct Bar {
    from_ms: f64,
    to_ms: f64,
    count: usize,
}

impl From<Distribution> for Times {
    fn from(of: Distribution) -> Self {
        let ended = of.kinds.into_iter().map(|kind| Ended {
            status: kind.status,
            error: kind.cause,
            count: kind.count,
            median_ms: kind.median_ms,
        });
        let bars = of.histogram.into_iter().map(|span| Bar {
            from_ms: span.from_ms,
            to_ms: span.to_ms,
            count: span.count,
        });
        Self {
            statuses: ended.collect(),
            answered: of.answered,
            min_ms: of.min_ms,
            median_ms: of.median_ms,
            p95_ms: of.p95_ms,
            p99_ms: of.p99_ms,
            max_ms: of.max_ms,
            mean_ms: of.mean_ms,
            histogram: bars.collect(),
        }
    }
}

impl One {
    /// As it is now; the distribution of one of its requests, or of all. The flows of what is told to be over can be read.
    async fn told(&self, store: &Store, request: Option<u32>) -> Result<Run, Problem> {
        let state = self.running.state();
        let mut measured = self.running.results(0);
        if !measured.is_empty() {
            store.settle().await?;
        }
        measured.retain(|one| request.is_none_or(|request| one.request == request));
        Ok(Run {
            id: self.id,
            state: match (state.ended, state.stopped) {
                (None, _) => "running",
                (Some(_), true) => "stopped",
                (Some(_), false) => "done",
            },
            requests: self.requests.clone(),
            times: self.times,
            concurrency: self.at_once,
            total: state.total,
            begun: state.begun,
            done: state.done,
            started_at: rfc3339(state.started),
            ended_at: state.ended.map(rfc3339),
            distribution: Distribution::of(&measured).into(),
        })
    }
}

/// Runs, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplayRunList)]
struct RunList {
    items: Vec<Run>,
}

/// The last 20 runs, newest first.
#[utoipa::path(
    get, path = "/replay/runs", tag = "replay", operation_id = "listReplayRuns",
    responses((status = 200, description = "Runs", body = RunList))
)]
async fn list(State(app): State<Arc<App>>) -> Result<Answer<RunList>, Problem> {
    let runs: Vec<_> = app.runs.0.lock().runs.iter().rev().cloned().collect();
    let mut items = Vec::with_capacity(runs.len());
    for one in runs {
        items.push(one.told(&app.store, None).await?);
    }
    Ok(Answer(RunList { items }))
}

/// Begins to send requests many times; what comes of each is a flow. A request that was made from no flow is sent again from its first flow.
#[utoipa::path(
    post, path = "/replay/runs", tag = "replay", operation_id = "beginReplayRun", request_body = Begin,
    responses(
        (status = 201, description = "It goes on", body = Run),
        (status = 400, description = "A request cannot be sent, or there are too many", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such flow", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Four runs go on already", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The bodies are larger than 64 MiB", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The body is another JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn begin(
    State(app): State<Arc<App>>,
    Json(asked): Json<Begin>,
) -> Result<(StatusCode, Answer<Run>), Problem> {
    if asked.requests.len() > MOST_REQUESTS {
        return Err(Problem::bad(format!(
            "{} requests are given; a run has at most {MOST_REQUESTS}.",
            asked.requests.len()
        )));
    }
    let mut requests = Vec::with_capacity(asked.requests.len());
    let mut size = 0;
    for request in asked.requests {
        let ready = built(&app, request).await?;
        size += ready.body.len();
        let said = ready.talk.iter().flat_map(|talk| &talk.messages);
        size += said.map(|message| message.data.len()).sum::<usize>();
        if size > MOST_BODIES {
            let most = MOST_BODIES >> 20;
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body",
                "The bodies are too large",
                format!("The bodies of the requests have more than {most} MiB together."),
            ));
        }
        requests.push(ready);
    }
    let sends = requests.iter().map(|request| Sends {
        method: request.method.clone(),
        url: request.url.clone(),
        flow: request.of.map(|of| of.flow.0),
    });
    let sends = sends.collect();
    let (times, at_once) = (asked.times.unwrap_or(1), asked.concurrency.unwrap_or(1));
    let plan = Plan {
        requests,
        times,
        at_once,
    };
    let one = start(&app, plan, sends)?;
    Ok((
        StatusCode::CREATED,
        Answer(one.told(&app.store, None).await?),
    ))
}

/// Starts a run, and remembers it.
fn start(app: &App, plan: Plan, requests: Vec<Sends>) -> Result<Arc<One>, Problem> {
    let mut kept = app.runs.0.lock();
    let running = |one: &Arc<One>| one.running.state().ended.is_none();
    if kept.runs.iter().filter(|one| running(one)).count() >= MOST_RUNNING {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "replay",
            "Too many runs",
            format!("{MOST_RUNNING} runs go on already. Wait for one to end, or stop it."),
        ));
    }
    let (times, at_once) = (plan.times, plan.at_once);
    let run = app.proxy.replay_run(plan).map_err(unsendable)?;
    kept.last += 1;
    let one = Arc::new(One {
        id: kept.last,
        requests,
        times,
        at_once,
        running: run,
    });
    kept.runs.push_back(one.clone());
    if kept.runs.len() > MOST_KEPT
        && let Some(at) = kept.runs.iter().position(|one| !running(one))
    {
        kept.runs.remove(at);
    }
    Ok(one)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct GetQuery {
    /// The distribution of one request of the rounds only, from 0.
    request: Option<u32>,
}

/// How far a run is, and how its sends were distributed until now.
#[utoipa::path(
    get, path = "/replay/runs/{id}", tag = "replay", operation_id = "getReplayRun",
    params(("id" = u64, Path, description = "The run's number"), GetQuery),
    responses(
        (status = 200, description = "The run", body = Run),
        (status = 404, description = "There is no such run", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn get(
    State(app): State<Arc<App>>,
    Path(id): Path<u64>,
    Query(query): Query<GetQuery>,
) -> Result<Answer<Run>, Problem> {
    let one = app.runs.find(id)?;
    Ok(Answer(one.told(&app.store, query.request).await?))
}

/// Stops a run: nothing is sent any more, and what is under way is cut off. What was measured stays.
#[utoipa::path(
    delete, path = "/replay/runs/{id}", tag = "replay", operation_id = "stopReplayRun",
    params(("id" = u64, Path, description = "The run's number")),
    responses(
        (status = 200, description = "It is over", body = Run),
        (status = 404, description = "There is no such run", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn stop(State(app): State<Arc<App>>, Path(id): Path<u64>) -> Result<Answer<Run>, Problem> {
    let one = app.runs.find(id)?;
    one.running.stop();
    one.running.over().await;
    Ok(Answer(one.told(&app.store, None).await?))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ResultsQuery {
    /// Leave out this many: `next` of the answer before.
    #[serde(default)]
    skip: usize,
    /// How many at most; 100 when absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Sends that are over.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplayResults)]
struct Results {
    items: Vec<Sent>,
    /// The `skip` of what follows; null when nothing does (yet).
    next: Option<usize>,
}

/// A send that is over.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplayResult)]
struct Sent {
    /// Which round, from 0.
    round: u32,
    /// Which request of the round, from 0.
    request: u32,
    /// The flow it began with.
    flow: i64,
    /// The flow it ended with: another one when redirections were followed.
    last: i64,
    /// Redirections that were followed.
    redirects: u32,
    /// The status of the last flow; null when it failed.
    status: Option<u16>,
    /// What sort of failure.
    #[schema(value_type = Option<String>, example = "refused")]
    error: Option<FailureCause>,
    /// The failure in words, or why a redirection was not followed.
    text: Option<String>,
    /// Milliseconds; of all its flows together.
    ms: f64,
}

impl From<Measured> for Sent {
    fn from(one: Measured) -> Self {
        let (error, text) = one.failure.unzip();
        Self {
            round: one.round,
            request: one.request,
            flow: one.flow.0,
            last: one.last.0,
            redirects: one.redirects,
            status: one.status.filter(|_| error.is_none()),
            error,
            text: text.or(one.unfollowed),
            ms: one.ms,
        }
    }
}

/// The sends of a run that are over, in the order in which they were over.
#[utoipa::path(
    get, path = "/replay/runs/{id}/results", tag = "replay", operation_id = "getReplayResults",
    params(("id" = u64, Path, description = "The run's number"), ResultsQuery),
    responses(
        (status = 200, description = "Results", body = Results),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such run", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn results(
    State(app): State<Arc<App>>,
    Path(id): Path<u64>,
    Query(query): Query<ResultsQuery>,
) -> Result<Answer<Results>, Problem> {
    let limit = query.limit.unwrap_or(100);
    if !(1..=MOST_RESULTS).contains(&limit) {
        return Err(Problem::bad(format!(
            "limit is a number from 1 to {MOST_RESULTS}, not {limit}"
        )));
    }
    let mut found = app.runs.find(id)?.running.results(query.skip);
    let more = found.len() > limit;
    found.truncate(limit);
    if !found.is_empty() {
        app.store.settle().await?;
    }
    let next = more.then_some(query.skip + found.len());
    Ok(Answer(Results {
        items: found.into_iter().map(Sent::from).collect(),
        next,
    }))
}
