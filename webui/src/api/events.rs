//! `events`: what changes, as it happens, as server-sent events.
//!
//! Changes are put together, so that an event comes at most every 100 ms however much happens. A
//! client that falls behind, or that comes back after its connection broke, is told to read again
//! rather than sent what it missed.

mod pending;

use super::{
    devices::DeviceList,
    extract::Query,
    model::Flow,
    problem::Problem,
    selection::{self, Sessions},
    status::Status,
    waiting::WaitingList,
};
use crate::server::{App, stopped};
use axum::{
    extract::State,
    http::HeaderMap,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, StreamExt as _};
use overhear_store::{
    FlowId, SessionId,
    changes::Changes,
    filter::Filter,
    read::{FlowQuery, Sort},
};
use pending::Pending;
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_stream::wrappers::ReceiverStream;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The shortest time between two events about flows.
const PAUSE: Duration = Duration::from_millis(100);

/// How often the status is looked at.
const STATUS: Duration = Duration::from_secs(2);

/// A comment when nothing else happens, so that both sides notice a dead connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The most flows that a client is told of at once; beyond, it reads its list again.
const MOST_FLOWS: usize = 2000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(events))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Only flows that match this filter; those that change and do not match are named as gone.
    filter: Option<String>,
    /// Only flows of a session: its number, `current` (whichever that is), or `all`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "current")]
    session: Sessions,
    /// Begin with the flows that have a greater number: what began since a list was read.
    after: Option<i64>,
}

/// The data of the event `flows`.
#[derive(Serialize, ToSchema)]
pub(super) struct FlowsEvent {
    /// New and changed flows that match, by number.
    items: Vec<Flow>,
    /// Numbers of flows that changed and do not match (any more).
    gone: Vec<i64>,
    /// Numbers of flows that were deleted.
    deleted: Vec<i64>,
}

/// What changes, as it happens.
///
/// | event | data | when |
/// |---|---|---|
/// | `flows` | `FlowsEvent` | flows are new, changed, or deleted; at most every 100 ms |
/// | `cleared` | `{}` | every flow was deleted |
/// | `reload` | `{}` | something was missed: read the list again |
/// | `sessions` | `{}` | there are other sessions, or another one is recorded into |
/// | `devices` | `DeviceList` | at the beginning, and when a device connects or is decided about |
/// | `waiting` | `WaitingList` | messages begin or end to wait for a person; at the beginning when some do |
/// | `rules` | `{}` | rules changed, or the file that they are of |
/// | `scripts` | `{}` | a script is another one, or says something |
/// | `status` | `Status` | at the beginning, and when it changed; looked at every two seconds |
#[utoipa::path(
    get, path = "/events", tag = "events", operation_id = "events",
    params(EventsQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "Sent by a browser that comes back: it is told to reload")),
    responses(
        (status = 200, description = "A stream that ends with the program", body = FlowsEvent, content_type = "text/event-stream"),
        (status = 400, description = "The filter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such session", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn events(
    State(app): State<Arc<App>>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let filter = selection::filter(query.filter.as_deref())?;
    query.session.resolve(&app).await?;
    let (sender, receiver) = mpsc::channel(4);
    let back = headers.contains_key("last-event-id");
    // from here on nothing is missed
    let changes = app.store.changes();
    let watcher = Watcher {
        app,
        filter,
        session: query.session,
        sender,
        number: 0,
    };
    tokio::spawn(watcher.run(changes, query.after, back));
    let events = ReceiverStream::new(receiver).map(Ok);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

/// Watches for one client.
struct Watcher {
    app: Arc<App>,
    filter: Option<Filter>,
    session: Sessions,
    sender: mpsc::Sender<Event>,
    /// Counts events, so that a browser says that it had some when it comes back.
    number: u64,
}

/// The client is gone.
struct Gone;

impl Watcher {
    async fn run(mut self, changes: Changes, after: Option<i64>, back: bool) {
        let sender = self.sender.clone();
        let stop = self.app.stop.clone();
        tokio::select! {
            _ = self.watch(changes, after, back) => {}
            () = sender.closed() => {}
            () = stopped(stop) => {}
        }
    }

    async fn watch(
        &mut self,
        mut changes: Changes,
        after: Option<i64>,
        back: bool,
    ) -> Result<(), Gone> {
        let mut devices = self.app.proxy.devices_changed();
        let mut waiting = self.app.proxy.waiting_changed();
        let mut rules = self.app.rules.changed();
        let mut scripts = self.app.proxy.scripts_changed();
        let mut trouble = self.app.trouble.clone();
        let mut ticks = interval(STATUS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut status = None;
        let mut pending = Pending::default();
        let mut next = Instant::now();

        self.status(&mut status).await?;
        self.send("devices", &DeviceList::read(&self.app)).await?;
        if !self.app.proxy.waiting().is_empty() {
            self.send("waiting", &WaitingList::read(&self.app)).await?;
        }
        if back {
            self.send("reload", &Nothing {}).await?;
        } else if let Some(after) = after {
            self.catch_up(after).await?;
        }
        loop {
            tokio::select! {
                change = changes.next() => match change {
                    Some(change) => pending.add(change),
                    None => return Ok(()),
                },
                () = sleep_until(next), if !pending.is_empty() => {
                    if pending.status {
                        self.status(&mut status).await?;
                    }
                    self.flush(std::mem::take(&mut pending)).await?;
                    next = Instant::now() + PAUSE;
                }
                Ok(()) = devices.changed() => pending.devices = true,
                Ok(()) = waiting.changed() => pending.waiting = true,
                Ok(()) = rules.changed() => pending.rules = true,
                Ok(()) = scripts.changed() => pending.scripts = true,
                Ok(()) = trouble.changed() => self.status(&mut status).await?,
                _ = ticks.tick() => self.status(&mut status).await?,
            }
        }
    }

    /// Tells what happened.
    async fn flush(&mut self, pending: Pending) -> Result<(), Gone> {
        if pending.devices {
            self.send("devices", &DeviceList::read(&self.app)).await?;
        }
        if pending.waiting {
            self.send("waiting", &WaitingList::read(&self.app)).await?;
        }
        if pending.rules {
            self.send("rules", &Nothing {}).await?;
        }
        if pending.scripts {
            self.send("scripts", &Nothing {}).await?;
        }
        if pending.sessions {
            self.send("sessions", &Nothing {}).await?;
        }
        if pending.missed || pending.flows.len() > MOST_FLOWS || pending.deleted.len() > MOST_FLOWS
        {
            return self.send("reload", &Nothing {}).await;
        }
        if pending.cleared {
            self.send("cleared", &Nothing {}).await?;
        }
        if pending.flows.is_empty() && pending.deleted.is_empty() {
            return Ok(());
        }
        let deleted = pending.deleted.iter().map(|id| id.0).collect();
        match self.matching(pending.flows.iter().copied().collect()).await {
            Ok(items) => {
                let mut gone = pending.flows;
                for item in &items {
                    gone.remove(&FlowId(item.id));
                }
                let gone = gone.iter().map(|id| id.0).collect();
                self.send(
                    "flows",
                    &FlowsEvent {
                        items,
                        gone,
                        deleted,
                    },
                )
                .await
            }
            Err(error) => {
                tracing::error!("changed flows could not be read: {error}");
                self.send("reload", &Nothing {}).await
            }
        }
    }

    /// The session that is meant now. One that was deleted has no flows.
    async fn session(&self) -> Result<Option<SessionId>, overhear_store::Error> {
        match self.session {
            Sessions::All => Ok(None),
            Sessions::Current => self.app.store.current_session().await.map(Some),
            Sessions::One(id) => Ok(Some(id)),
        }
    }

    /// Those of some flows that match, by number.
    async fn matching(&self, ids: Vec<FlowId>) -> Result<Vec<Flow>, overhear_store::Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let query = FlowQuery {
            limit: u32::try_from(ids.len()).unwrap_or(u32::MAX),
            filter: self.filter.clone(),
            session: self.session().await?,
            ids: Some(ids),
            ..FlowQuery::default()
        };
        Ok(self
            .app
            .store
            .flows(&query)
            .await?
            .flows
            .iter()
            .map(Flow::row)
            .collect())
    }

    /// Tells of flows that began after another one.
    async fn catch_up(&mut self, after: i64) -> Result<(), Gone> {
        let most = u32::try_from(MOST_FLOWS).unwrap_or(u32::MAX);
        let Ok(session) = self.session().await else {
            return self.send("reload", &Nothing {}).await;
        };
        let query = FlowQuery {
            filter: self.filter.clone(),
            session,
            sort: Sort::Id,
            descending: true,
            limit: most,
            ..FlowQuery::default()
        };
        let page = match self.app.store.flows(&query).await {
            Ok(page) => page,
            Err(error) => {
                tracing::error!("new flows could not be read: {error}");
                return self.send("reload", &Nothing {}).await;
            }
        };
        let all_new = page.flows.last().is_some_and(|oldest| oldest.id.0 > after);
        if all_new && page.next.is_some() {
            return self.send("reload", &Nothing {}).await;
        }
        let new = page.flows.iter().filter(|flow| flow.id.0 > after);
        let mut items: Vec<_> = new.map(Flow::row).collect();
        items.reverse();
        match items.is_empty() {
            true => Ok(()),
            false => {
                self.send(
                    "flows",
                    &FlowsEvent {
                        items,
                        gone: Vec::new(),
                        deleted: Vec::new(),
                    },
                )
                .await
            }
        }
    }

    /// Tells the status, when it is another than the last time.
    async fn status(&mut self, last: &mut Option<Status>) -> Result<(), Gone> {
        // a problem is in the log already
        let Ok(status) = Status::read(&self.app).await else {
            return Ok(());
        };
        if last.as_ref() != Some(&status) {
            self.send("status", &status).await?;
            *last = Some(status);
        }
        Ok(())
    }

    async fn send(&mut self, name: &str, data: &impl Serialize) -> Result<(), Gone> {
        self.number += 1;
        let event = Event::default().event(name).id(self.number.to_string());
        match event.json_data(data) {
            Ok(event) => self.sender.send(event).await.map_err(|_| Gone),
            Err(error) => {
                tracing::error!("an event could not be written: {error}");
                Ok(())
            }
        }
    }
}

/// `{}`
#[derive(Serialize)]
struct Nothing {}
