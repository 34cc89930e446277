//! Flows as a table: aligned columns, the URL last and cut to the terminal's width.

use crate::terminal::{self, Style, harmless};
use overhear_store::{Flow, Kind, State, grpc};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns' names.
pub(super) fn header(style: Style) -> String {
    let line = format!(
        "{:>7}  {:<14}  {:<7}  {:>6}  {:<14}  {:>10}  {:>9}  URL",
        "ID", "STARTED", "METHOD", "STATUS", "TYPE", "SIZE", "DURATION"
    );
    style.paint("1", &line).into_owned()
}

/// A flow's row.
pub(super) fn row(flow: &Flow, style: Style) -> String {
    let started = terminal::local(flow.times.started.0);
    let started = format!(
        "{:02}-{:02} {:02}:{:02}:{:02}",
        u8::from(started.month()),
        started.day(),
        started.hour(),
        started.minute(),
        started.second()
    );
    let status = status(flow);
    let duration = flow
        .duration_ms()
        .map_or_else(|| "...".to_owned(), terminal::duration);
    let front = [
        format!("{:>7}", flow.id.0),
        started,
        pad(&fit(&harmless(&flow.method, false), 7), 7),
        style
            .paint(colour(flow), &format!("{status:>6}"))
            .into_owned(),
        pad(&fit(&harmless(&kind(flow), false), 14), 14),
        format!("{:>10}", terminal::size(flow.response.body_size)),
        format!("{duration:>9}"),
    ]
    .join("  ");
    let url = flow.url();
    let url = harmless(&url, false);
    // all columns before the URL: their widths and the gaps between them
    let before = 7 + 14 + 7 + 6 + 14 + 10 + 9 + 7 * 2;
    match style.width {
        Some(width) => format!(
            "{front}  {}",
            fit(&url, width.saturating_sub(before).max(20))
        ),
        None => format!("{front}  {url}"),
    }
}

fn status(flow: &Flow) -> String {
    match (flow.state, flow.status) {
        (_, Some(status)) => status.to_string(),
        (State::Running, None) => "...".to_owned(),
        (State::Complete, None) => "-".to_owned(),
        (State::Failed, None) => "failed".to_owned(),
        (State::Interrupted, None) => "broken".to_owned(),
    }
}

/// The cause of a failure, else what sort of conversation, else the media type without what is common to most.
fn kind(flow: &Flow) -> String {
    if let Some(error) = &flow.error {
        let cause = serde_json::to_value(error.cause).ok();
        let cause = cause.as_ref().and_then(|c| c.as_str()).unwrap_or("failed");
        return format!("! {cause}");
    }
    match flow.kind {
        Kind::WebSocket => "websocket".to_owned(),
        Kind::Tcp => "tcp".to_owned(),
        Kind::Tls => "tls".to_owned(),
        Kind::Udp => "udp".to_owned(),
        Kind::Dns => "dns".to_owned(),
        Kind::Icmp => "icmp".to_owned(),
        Kind::Http => {
            if let Some(grpc) = flow.grpc.as_ref().filter(|grpc| grpc.code != 0) {
                let name = grpc::status_name(grpc.code).map(str::to_ascii_lowercase);
                return format!("! {}", name.unwrap_or_else(|| grpc.code.to_string()));
            }
            let media = flow
                .response
                .content_type
                .split(';')
                .next()
                .unwrap_or_default()
                .trim();
            let (top, sub) = media.split_once('/').unwrap_or(("", media));
            match top {
                "application" | "text" => sub.strip_prefix("x-").unwrap_or(sub).to_owned(),
                _ => media.to_owned(),
            }
        }
    }
}

/// SGR parameters by what came of it.
fn colour(flow: &Flow) -> &'static str {
    match (flow.state, flow.status) {
        (State::Failed | State::Interrupted, _) => "31",
        (_, Some(200..=299)) if flow.grpc.as_ref().is_some_and(|grpc| grpc.code != 0) => "31",
        (_, Some(200..=299)) => "32",
        (_, Some(300..=399)) => "36",
        (_, Some(400..=499)) => "33",
        (_, Some(500..)) => "31",
        _ => "2",
    }
}

/// At most `width` columns, the last of them an ellipsis when something was cut.
fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let mut kept = String::new();
    for c in text.chars() {
        match left.checked_sub(c.width().unwrap_or(0)) {
            Some(rest) => left = rest,
            None => break,
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use overhear_store::{Failure, FailureCause, FlowId, MessageInfo, Party, Times, Timestamp};

    fn flow() -> Flow {
        Flow {
            state: State::Complete,
            method: "GET".to_owned(),
            scheme: "https".to_owned(),
            host: "example.com".to_owned(),
            port: 443,
            path: "/a/long/path?with=a&query=of&many=parts".to_owned(),
            status: Some(200),
            response: MessageInfo {
                content_type: "application/json; charset=utf-8".to_owned(),
                body_size: 12_600,
                ..MessageInfo::default()
            },
            times: Times {
                started: Timestamp(1_795_222_923_000_000_000),
                ended: Some(Timestamp(1_795_222_923_123_000_000)),
                ..Times::default()
            },
            ..Flow::unknown(FlowId(12), ([127, 0, 0, 1], 5000).into())
        }
    }

    fn plain(width: Option<usize>) -> Style {
        Style {
            terminal: width.is_some(),
            colours: false,
            width,
        }
    }

    #[test]
    fn columns_stand_under_their_names() {
        let style = plain(None);
        let (header, row) = (header(style), row(&flow(), style));
        insta::assert_snapshot!(format!("{header}\n{row}"), @"
             ID  STARTED         METHOD   STATUS  TYPE                  SIZE   DURATION  URL
             12  11-21 01:02:03  GET         200  json              12.3 KiB     123 ms  https://example.com/a/long/path?with=a&query=of&many=parts
        ");
    }

    #[test]
    fn rows_fit_the_terminal() {
        for width in [40, 101, 110, 120, 400] {
            let row = row(&flow(), plain(Some(width)));
            assert!(row.width() <= width.max(101), "{width}: {row}");
        }
        let mut flow = flow();
        flow.path = "/日本語日本語日本語日本語日本語日本語".to_owned();
        flow.method = "SEARCHINGLY".to_owned();
        let row = row(&flow, plain(Some(110)));
        assert!(
            row.width() <= 110 && row.contains("SEARCH…") && row.ends_with('…'),
            "{row}"
        );
    }

    #[test]
    fn failures_and_other_kinds_are_told_apart() {
        let mut flow = flow();
        flow.status = None;
        flow.state = State::Running;
        flow.times.ended = None;
        let texts = |flow: &Flow| (status(flow), kind(flow));
        assert_eq!(texts(&flow).0, "...");
        flow.state = State::Failed;
        let text = String::new();
        flow.error = Some(Failure {
            cause: FailureCause::Certificate,
            side: Party::Server,
            text,
        });
        assert_eq!(
            texts(&flow),
            ("failed".to_owned(), "! certificate".to_owned())
        );
        flow.error = None;
        flow.kind = Kind::WebSocket;
        assert_eq!(texts(&flow).1, "websocket");
    }

    #[test]
    fn what_the_network_says_cannot_move_the_cursor() {
        let mut flow = flow();
        flow.path = "/\x1b[2J".to_owned();
        flow.method = "\x07".to_owned();
        flow.response.content_type = "a\r\nb".to_owned();
        let row = row(&flow, plain(None));
        assert!(!row.contains(|c: char| c.is_control()), "{row:?}");
    }
}
