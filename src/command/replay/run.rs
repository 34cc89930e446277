//! Requests that are sent many times: how that went, in the words and names of the API.

use crate::{
    api,
    data::Running,
    terminal::{Style, duration, tell},
};
use anyhow::Context;
use hyper::Method;
use overhear_proxy::{Distribution, Run};
use overhear_store::{FailureCause, FlowId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::{self, BufWriter, Write};

/// How often it is looked whether it is over.
const POLL: std::time::Duration = std::time::Duration::from_millis(100);

/// A run that is over.
pub(super) struct Done {
    told: Told,
    last: i64,
}

/// What the API says of a run.
#[derive(Deserialize, Serialize)]
struct Told {
    #[serde(skip_serializing, default)]
    id: u64,
    state: String,
    total: u32,
    begun: u32,
    done: u32,
    distribution: Times,
}

#[derive(Deserialize, Serialize)]
struct Times {
    statuses: Vec<Ended>,
    answered: usize,
    min_ms: f64,
    median_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    mean_ms: f64,
    histogram: Vec<Bar>,
}

#[derive(Deserialize, Serialize)]
struct Ended {
    status: Option<u16>,
    error: Option<FailureCause>,
    count: usize,
    median_ms: f64,
}

#[derive(Deserialize, Serialize)]
struct Bar {
    from_ms: f64,
    to_ms: f64,
    count: usize,
}

impl Done {
    /// Of a run of our own.
    pub(super) fn of(run: &Run) -> Self {
        let state = run.state();
        let results = run.results(0);
        let of = Distribution::of(&results);
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
        let told = Told {
            id: 0,
            state: if state.stopped { "stopped" } else { "done" }.to_owned(),
            total: state.total,
            begun: state.begun,
            done: state.done,
            distribution: Times {
                statuses: ended.collect(),
                answered: of.answered,
                min_ms: of.min_ms,
                median_ms: of.median_ms,
                p95_ms: of.p95_ms,
                p99_ms: of.p99_ms,
                max_ms: of.max_ms,
                mean_ms: of.mean_ms,
                histogram: bars.collect(),
            },
        };
        let last = results.last().map_or(0, |one| one.last.0);
        Self { told, last }
    }

    /// The flow that ended last.
    pub(super) fn last(&self) -> FlowId {
        FlowId(self.last)
    }

    /// Somebody stopped it.
    pub(super) fn stopped(&self) -> bool {
        self.told.state == "stopped"
    }
}

/// Has the running program send it all; Ctrl-C stops it.
pub(super) async fn through(running: &Running, plan: &Value) -> anyhow::Result<Done> {
    #[derive(Deserialize)]
    struct Results {
        items: Vec<Sent>,
    }
    #[derive(Deserialize)]
    struct Sent {
        last: i64,
    }
    let mut told: Told = api::post(running, "/api/replay/runs", plan).await?;
    let path = format!("/api/replay/runs/{}", told.id);
    while told.state == "running" {
        let method = tokio::select! {
            () = tokio::time::sleep(POLL) => Method::GET,
            _ = tokio::signal::ctrl_c() => Method::DELETE,
        };
        let answer = api::ask(running, method, &path).await?;
        told = serde_json::from_slice(&answer).context("cannot read what became of the run")?;
    }
    let skip = told.done.saturating_sub(1);
    let results = format!("{path}/results?skip={skip}");
    let answer = api::ask(running, Method::GET, &results).await?;
    let results: Results = serde_json::from_slice(&answer).context("cannot read the results")?;
    let last = results.items.last().map_or(0, |one| one.last);
    Ok(Done { told, last })
}

/// Prints how it went.
///
/// # Errors
/// Nothing was answered.
pub(super) fn print(done: &Done, json: bool) -> anyhow::Result<()> {
    let Told {
        state,
        total,
        done: over,
        distribution,
        ..
    } = &done.told;
    let mut out = BufWriter::new(io::stdout());
    if json {
        serde_json::to_writer(&mut out, &done.told)?;
        writeln!(out)?;
    } else {
        table(distribution, Style::of_stdout(), &mut out)?;
    }
    out.flush()?;
    if state == "stopped" {
        tell(&format!("stopped after {over} of {total}"));
    }
    match distribution.answered {
        0 => Err(anyhow::anyhow!("none of {over} requests was answered")),
        _ => Ok(()),
    }
}

fn table(of: &Times, style: Style, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{}",
        style.paint(
            "1",
            &format!("{:<12}  {:>7}  {:>9}", "STATUS", "COUNT", "MEDIAN")
        )
    )?;
    for kind in &of.statuses {
        let name = match (kind.status, kind.error) {
            (Some(status), _) => status.to_string(),
            (None, Some(cause)) => {
                let name = serde_json::to_value(cause).ok();
                let name = name.as_ref().and_then(Value::as_str).unwrap_or("failed");
                format!("! {name}")
            }
            (None, None) => "-".to_owned(),
        };
        let median = duration(kind.median_ms);
        writeln!(out, "{name:<12}  {:>7}  {median:>9}", kind.count)?;
    }
    if of.answered == 0 {
        return Ok(());
    }
    let times = [
        ("min", of.min_ms),
        ("median", of.median_ms),
        ("mean", of.mean_ms),
        ("p95", of.p95_ms),
        ("p99", of.p99_ms),
        ("max", of.max_ms),
    ];
    let times = times.map(|(name, ms)| format!("{name} {}", duration(ms)));
    writeln!(out, "\n{}\n", times.join("  "))?;
    let most = of.histogram.iter().map(|bar| bar.count).max().unwrap_or(1);
    for bar in &of.histogram {
        // forty characters are the fullest bar
        let length = (bar.count * 40).div_ceil(most.max(1));
        let (from, to) = (duration(bar.from_ms), duration(bar.to_ms));
        let line = format!(
            "{from:>9} to {to:>9}  {:>6}  {}",
            bar.count,
            "#".repeat(length)
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed() {
        let bar = |from_ms, to_ms, count| Bar {
            from_ms,
            to_ms,
            count,
        };
        let ended = |status, error, count, median_ms| Ended {
            status,
            error,
            count,
            median_ms,
        };
        let of = Times {
            statuses: vec![
                ended(Some(200), None, 7, 3.0),
                ended(Some(503), None, 1, 12.0),
                ended(None, Some(FailureCause::Refused), 2, 0.0),
            ],
            answered: 8,
            min_ms: 1.0,
            median_ms: 3.0,
            p95_ms: 12.0,
            p99_ms: 12.0,
            max_ms: 12.0,
            mean_ms: 4.0,
            histogram: vec![bar(1.0, 5.0, 7), bar(5.0, 10.0, 0), bar(10.0, 20.0, 1)],
        };
        let mut out = Vec::new();
        let style = Style {
            terminal: false,
            colours: false,
            width: None,
        };
        table(&of, style, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for part in ["200", "503", "! refused", "median 3", "p99 12", "max 12"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let bars: Vec<usize> = text
            .lines()
            .filter(|line| line.contains(" to "))
            .map(|line| line.matches('#').count())
            .collect();
        assert_eq!(bars, [40, 0, 6]);
    }
}
