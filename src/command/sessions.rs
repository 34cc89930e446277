//! `overhear sessions`: which recordings there are, and two of them compared.

use super::{filter, session};
use crate::{
    cli::{CompareSessions, ComparedQuery, SessionsCommand},
    data::Data,
    exit::Usage,
    terminal::{self, Style, harmless, tell},
};
use overhear_store::{
    Store,
    read::{Became, CompareOptions, Compared, Comparison, QueryPart, SeenIn, Session, Set, Source},
};
use overhear_webui::model::rfc3339;
use serde_json::{Value, json};
use std::io::{self, BufWriter, Write};

pub(super) async fn execute(data: &Data, command: SessionsCommand) -> anyhow::Result<()> {
    let store = data.read().await?;
    let done = match command {
        SessionsCommand::List { json } => list(&store, json).await,
        SessionsCommand::Compare(options) => compare(&store, &options).await,
    };
    store.close().await?;
    done
}

async fn list(store: &Store, json: bool) -> anyhow::Result<()> {
    let sessions = store.sessions().await?;
    let mut out = BufWriter::new(io::stdout());
    let style = Style::of_stdout();
    if !json {
        let line = format!(
            "{:>5}  {:<19}  {:>8}  {:>10}  {:<9}  NAME",
            "ID", "STARTED", "FLOWS", "SIZE", "STATE"
        );
        writeln!(out, "{}", style.paint("1", &line))?;
    }
    for one in &sessions {
        match json {
            true => writeln!(out, "{}", as_json(one))?,
            false => writeln!(out, "{}", row(one))?,
        }
    }
    out.flush()?;
    Ok(())
}

fn as_json(one: &Session) -> Value {
    json!({
        "id": one.id, "name": one.name, "started_at": rfc3339(one.started),
        "ended_at": one.ended.map(rfc3339), "source": one.source, "flows": one.flows,
        "bytes": one.bytes, "current": one.current,
    })
}

fn row(one: &Session) -> String {
    let at = terminal::local(one.started.0);
    let started = format!(
        "{}-{:02}-{:02} {:02}:{:02}:{:02}",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    );
    let state = match (one.current, one.source) {
        (true, _) => "current",
        (_, Source::Imported) => "imported",
        (_, Source::Recorded) => "",
    };
    let line = format!(
        "{:>5}  {started}  {:>8}  {:>10}  {state:<9}  {}",
        one.id.0,
        one.flows,
        terminal::size(one.bytes),
        harmless(&one.name, false)
    );
    line.trim_end().to_owned()
}

async fn compare(store: &Store, asked: &CompareSessions) -> anyhow::Result<()> {
    if !(asked.slower_ms >= 0.0 && asked.slower_ratio >= 1.0) {
        let text = "--slower-ms is a number from 0, and --slower-ratio one from 1";
        return Err(Usage(text.to_owned()).into());
    }
    let a = Set {
        session: Some(session(store, &asked.a).await?),
        filter: filter(asked.filter_a.as_deref())?,
    };
    let b = Set {
        session: Some(session(store, &asked.b).await?),
        filter: filter(asked.filter_b.as_deref())?,
    };
    let options = CompareOptions {
        query: match asked.query {
            ComparedQuery::Ignored => QueryPart::Ignored,
            ComparedQuery::Names => QueryPart::Names,
            ComparedQuery::Whole => QueryPart::Whole,
        },
        any_host: asked.ignore_host,
        slower_ms: asked.slower_ms,
        slower_ratio: asked.slower_ratio,
    };
    let mut found = store.compare(&a, &b, &options).await?;
    let same = found.rows.iter().filter(|row| is_same(row)).count();
    if !asked.all {
        found.rows.retain(|row| !is_same(row));
    }
    let mut out = BufWriter::new(io::stdout());
    match asked.json {
        true => {
            for row in &found.rows {
                writeln!(out, "{}", compared_json(row))?;
            }
        }
        false => table(&found, same, asked.all, Style::of_stdout(), &mut out)?,
    }
    out.flush()?;
    if found.left_out > 0 {
        tell(&format!(
            "{} flows belong to requests beyond the first 50,000 different ones, and are left out: narrow it by filters",
            found.left_out
        ));
    }
    Ok(())
}

fn is_same(row: &Compared) -> bool {
    row.became == [Became::Same]
}

fn word(became: Became) -> &'static str {
    match became {
        Became::New => "new",
        Became::Gone => "gone",
        Became::Status => "status",
        Became::Slower => "slower",
        Became::Same => "same",
    }
}

fn compared_json(row: &Compared) -> Value {
    let side = |seen: &SeenIn| {
        let statuses = seen.statuses.iter();
        let statuses = statuses.map(|(status, count)| json!({"status": status, "count": count}));
        json!({
            "count": seen.count, "statuses": statuses.collect::<Vec<_>>(),
            "median_ms": seen.median_ms, "flow": seen.example,
        })
    };
    json!({
        "method": row.method, "host": row.host, "path": row.path,
        "changes": row.became.iter().map(|became| word(*became)).collect::<Vec<_>>(),
        "a": row.a.as_ref().map(side), "b": row.b.as_ref().map(side),
    })
}

fn table(
    found: &Comparison,
    same: usize,
    all: bool,
    style: Style,
    out: &mut impl Write,
) -> io::Result<()> {
    if found.rows.is_empty() {
        writeln!(
            out,
            "no differences; the same: {same} ({} and {} flows)",
            found.flows_a, found.flows_b
        )?;
        return Ok(());
    }
    let line = format!(
        "{:<14}  {:<16}  {:<16}  {:>9}  {:>9}  {:>7}  {:>7}  {:<7}  URL",
        "CHANGE", "STATUS A", "STATUS B", "TIME A", "TIME B", "FLOW A", "FLOW B", "METHOD"
    );
    writeln!(out, "{}", style.paint("1", &line))?;
    for row in &found.rows {
        let change: Vec<_> = row.became.iter().map(|became| word(*became)).collect();
        let [a, b] = [&row.a, &row.b].map(|side| side.as_ref().map(Side::of).unwrap_or_default());
        let line = format!(
            "{:<14}  {:<16}  {:<16}  {:>9}  {:>9}  {:>7}  {:>7}  {:<7}  {}{}",
            change.join(", "),
            a.statuses,
            b.statuses,
            a.time,
            b.time,
            a.flow,
            b.flow,
            harmless(&row.method, false),
            harmless(&row.host, false),
            harmless(&row.path, false)
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    if !all && same > 0 {
        writeln!(out, "\nthe same: {same} (--all shows them)")?;
    }
    Ok(())
}

/// What is written of a request in one set.
#[derive(Default)]
struct Side {
    statuses: String,
    time: String,
    flow: String,
}

impl Side {
    fn of(seen: &SeenIn) -> Self {
        let statuses = seen.statuses.iter().map(|(status, count)| {
            let status = status.map_or_else(|| "failed".to_owned(), |status| status.to_string());
            match count {
                1 => status,
                count => format!("{count}×{status}"),
            }
        });
        Self {
            statuses: statuses.collect::<Vec<_>>().join(" "),
            time: seen.median_ms.map(terminal::duration).unwrap_or_default(),
            flow: seen.example.to_string(),
        }
    }
}
