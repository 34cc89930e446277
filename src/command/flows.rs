//! `overhear flows`: the list, beside a running proxy or without one.

use super::table;
use crate::{cli::Flows, data::Data, terminal::Style};
use overhear_store::{Connection, Flow, FlowId, State, Store, filter::Filter, read::FlowQuery};
use overhear_webui::model::FlowDetail;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufWriter, Write},
    time::{Duration, Instant},
};
use tokio::time::MissedTickBehavior;

/// How often the database is asked for what is new.
const POLL: Duration = Duration::from_millis(200);

/// A flow that runs longer than this gets its row in a followed table before it ends.
const PATIENCE: Duration = Duration::from_secs(1);

/// Flows read at once.
const PAGE: u32 = 500;

pub(super) async fn execute(data: &Data, options: Flows) -> anyhow::Result<()> {
    let mut filter = super::filter(options.filter.as_deref())?;
    let store = data.read().await?;
    if let Some(name) = &options.session {
        let session = super::session(&store, name).await?;
        filter = Some(filter.unwrap_or_default().within(session));
    }
    let out = BufWriter::new(io::stdout());
    let mut printer = Printer::new(out, Style::of_stdout(), store.clone(), options.json);
    // what begins while the list is printed comes after it
    let last = if options.follow {
        newest(&store).await?
    } else {
        FlowId(0)
    };
    let mut follower = Follower {
        last,
        waiting: BTreeMap::new(),
    };
    list(
        &store,
        filter.as_ref(),
        &options,
        &mut printer,
        &mut follower,
    )
    .await?;
    if options.follow {
        tokio::select! {
            ended = follower.run(&store, filter.as_ref(), &mut printer) => ended?,
            stop = tokio::signal::ctrl_c() => stop?,
        }
    }
    printer.out.flush()?;
    store.close().await?;
    Ok(())
}

/// What is there: oldest first, only the last `-n`.
async fn list(
    store: &Store,
    filter: Option<&Filter>,
    options: &Flows,
    printer: &mut Printer<impl Write>,
    follower: &mut Follower,
) -> anyhow::Result<()> {
    if let Some(count) = options.last {
        let ids = last(store, filter, count).await?;
        for ids in ids.chunks(PAGE as usize) {
            let query = FlowQuery {
                ids: Some(ids.to_vec()),
                limit: PAGE,
                ..FlowQuery::default()
            };
            let page = store.flows(&query).await?;
            print_page(&page.flows, options, printer, follower).await?;
        }
        return Ok(());
    }
    let mut query = FlowQuery {
        filter: filter.cloned(),
        limit: PAGE,
        ..FlowQuery::default()
    };
    loop {
        let page = store.flows(&query).await?;
        print_page(&page.flows, options, printer, follower).await?;
        query.cursor = page.next;
        if query.cursor.is_none() {
            return Ok(());
        }
    }
}

async fn print_page(
    flows: &[Flow],
    options: &Flows,
    printer: &mut Printer<impl Write>,
    follower: &mut Follower,
) -> anyhow::Result<()> {
    for flow in flows {
        if options.follow && flow.id > follower.last {
            continue;
        }
        // a followed flow is printed as JSON once, when all of it is known
        if options.follow && options.json && flow.state == State::Running {
            follower.waiting.insert(flow.id, Instant::now());
        } else {
            printer.print(flow).await?;
        }
    }
    Ok(printer.out.flush()?)
}

/// The numbers of the last `count` flows that match, oldest first. The newest are found first, so that few flows
/// are looked at however many there are.
async fn last(store: &Store, filter: Option<&Filter>, count: u64) -> anyhow::Result<Vec<FlowId>> {
    let mut ids = Vec::new();
    let mut query = FlowQuery {
        filter: filter.cloned(),
        descending: true,
        ..FlowQuery::default()
    };
    loop {
        let missing = count - ids.len() as u64;
        if missing == 0 {
            break;
        }
        query.limit = u32::try_from(missing).unwrap_or(u32::MAX).min(PAGE);
        let page = store.flows(&query).await?;
        ids.extend(page.flows.iter().map(|flow| flow.id));
        query.cursor = page.next;
        if query.cursor.is_none() {
            break;
        }
    }
    ids.reverse();
    Ok(ids)
}

/// Finds what is new in a database that another program writes.
struct Follower {
    /// The newest flow that was looked at.
    last: FlowId,
    /// Flows that run: when they were seen first.
    waiting: BTreeMap<FlowId, Instant>,
}

impl Follower {
    async fn run(
        &mut self,
        store: &Store,
        filter: Option<&Filter>,
        printer: &mut Printer<impl Write>,
    ) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.find_new(store).await?;
            self.print_ready(store, filter, printer).await?;
        }
    }

    /// Flows that began since the last look, whatever the filter: without one the newest are found by key.
    async fn find_new(&mut self, store: &Store) -> anyhow::Result<()> {
        let seen = self.last;
        let mut query = FlowQuery {
            descending: true,
            limit: 1,
            ..FlowQuery::default()
        };
        loop {
            let page = store.flows(&query).await?;
            let new = page
                .flows
                .iter()
                .map(|flow| flow.id)
                .take_while(|id| *id > seen);
            let mut count = 0;
            for id in new {
                self.last = self.last.max(id);
                self.waiting.insert(id, Instant::now());
                count += 1;
            }
            if count < page.flows.len() || page.next.is_none() {
                return Ok(());
            }
            query.cursor = page.next;
            query.limit = PAGE;
        }
    }

    /// Prints those that have ended and match, oldest first.
    async fn print_ready(
        &mut self,
        store: &Store,
        filter: Option<&Filter>,
        printer: &mut Printer<impl Write>,
    ) -> anyhow::Result<()> {
        let ids: Vec<FlowId> = self.waiting.keys().copied().collect();
        for ids in ids.chunks(PAGE as usize) {
            let query = FlowQuery {
                ids: Some(ids.to_vec()),
                limit: PAGE,
                ..FlowQuery::default()
            };
            let found = store.flows(&query).await?.flows;
            let there: BTreeSet<FlowId> = found.iter().map(|flow| flow.id).collect();
            let is_ready = |flow: &&Flow| {
                let since = self.waiting.get(&flow.id);
                let long = since.is_some_and(|since| since.elapsed() > PATIENCE);
                flow.state != State::Running || (long && !printer.json)
            };
            let ready: Vec<FlowId> = found.iter().filter(is_ready).map(|flow| flow.id).collect();
            // what is gone was deleted
            self.waiting
                .retain(|id, _| !ids.contains(id) || there.contains(id) && !ready.contains(id));
            if ready.is_empty() {
                continue;
            }
            let query = FlowQuery {
                ids: Some(ready),
                filter: filter.cloned(),
                limit: PAGE,
                ..FlowQuery::default()
            };
            for flow in &store.flows(&query).await?.flows {
                printer.print(flow).await?;
            }
        }
        Ok(printer.out.flush()?)
    }
}

/// The newest flow's number, 0 when there is none.
async fn newest(store: &Store) -> anyhow::Result<FlowId> {
    let query = FlowQuery {
        descending: true,
        limit: 1,
        ..FlowQuery::default()
    };
    let page = store.flows(&query).await?;
    Ok(page.flows.first().map_or(FlowId(0), |flow| flow.id))
}

/// Writes flows as they come: rows of a table, or JSON objects.
struct Printer<W> {
    out: W,
    style: Style,
    json: bool,
    /// The columns' names are written.
    headed: bool,
    store: Store,
    /// The connection that was read last: flows of one connection often stand together.
    connection: Option<Connection>,
}

impl<W: Write> Printer<W> {
    fn new(out: W, style: Style, store: Store, json: bool) -> Self {
        Self {
            out,
            style,
            json,
            headed: false,
            store,
            connection: None,
        }
    }

    async fn print(&mut self, flow: &Flow) -> anyhow::Result<()> {
        if !self.json {
            // nothing found, nothing written
            if !std::mem::replace(&mut self.headed, true) {
                writeln!(self.out, "{}", table::header(self.style))?;
            }
            return Ok(writeln!(self.out, "{}", table::row(flow, self.style))?);
        }
        if self.connection.as_ref().map(|c| c.id) != Some(flow.connection) {
            self.connection = self.store.connection(flow.connection).await?;
        }
        let heads = self.store.heads(flow.id).await?;
        let detail = FlowDetail::new(flow, &heads, self.connection.as_ref());
        serde_json::to_writer(&mut self.out, &detail.flow)?;
        Ok(writeln!(self.out)?)
    }
}

#[cfg(test)]
mod tests;
