//! A curl command for each HTTP exchange, to paste into a POSIX shell.
//!
//! The fields are given in wire order, and those that curl would add by itself are switched off when
//! the request did not have them. A body goes along in quotes while it is short text, otherwise in
//! base64 through a pipe.

use super::{
    Error, Selection, Summary,
    body::{base64_lines, scan, write_error},
    item::{Item, items},
};
use futures_util::TryStreamExt as _;
use overhear_store::{Flow, HeadKind, Kind, Side, Store, Version};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// The longest body that goes into quotes: systems bound one argument at 128 KiB (Linux).
const MOST_QUOTED: u64 = 64 << 10;

pub(super) async fn export<W>(
    store: &Store,
    selection: &Selection,
    out: &mut W,
) -> Result<Summary, Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let mut items = items(store, selection).await?;
    let mut summary = Summary::default();
    while let Some(item) = items.try_next().await? {
        let flow = item.flow();
        if flow.kind != Kind::Http || flow.method.is_empty() || flow.method == "CONNECT" {
            summary.left_out += 1;
            continue;
        }
        if summary.flows > 0 {
            out.write_all(b"\n").await?;
        }
        summary.flows += 1;
        one(&item, out).await?;
    }
    Ok(summary)
}

async fn one<W>(item: &Item, out: &mut W) -> Result<(), Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let recorded = || item.recorded(Side::Request);
    let found = scan(recorded()).await.map_err(write_error)?;
    let mut text = None;
    if found.text && found.size <= MOST_QUOTED {
        let pieces: Vec<_> = recorded().try_collect().await.map_err(write_error)?;
        let whole = String::from_utf8(pieces.concat()).unwrap_or_default();
        // an argument ends at a zero byte
        text = (!whole.contains('\0')).then_some(whole);
    }
    let body = match text {
        Some(text) if text.is_empty() => Body::None,
        Some(text) => Body::Text(text),
        None => Body::Piped,
    };
    let fields = item.head(HeadKind::Request).fields;
    let command = command(item.flow(), &fields, &body);
    if matches!(body, Body::Piped) {
        out.write_all(b"base64 --decode <<'BODY' | ").await?;
        out.write_all(command.as_bytes()).await?;
        // lines of 76 characters, RFC 2045
        base64_lines(out, recorded(), Some(19)).await?;
        out.write_all(b"BODY\n").await?;
    } else {
        out.write_all(command.as_bytes()).await?;
    }
    Ok(())
}

enum Body {
    None,
    Text(String),
    /// Comes through standard input.
    Piped,
}

/// The command with a line break at its end.
fn command(flow: &Flow, fields: &[(String, String)], body: &Body) -> String {
    let has = |name: &str| fields.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    let url = flow.url();
    let mut words = vec![format!("curl {}", quoted(&url))];
    if url.contains(['[', ']', '{', '}']) {
        words.push("--globoff".to_owned());
    }
    if flow
        .path
        .split(['?', '#'])
        .next()
        .is_some_and(|path| path.contains("/."))
    {
        words.push("--path-as-is".to_owned());
    }
    match (flow.method.as_str(), body) {
        ("GET", Body::None) => {}
        ("HEAD", Body::None) => words.push("--head".to_owned()),
        ("POST", Body::Text(_) | Body::Piped) => {}
        (method, _) => words.push(format!("--request {}", quoted(method))),
    }
    words.extend(match flow.request.version {
        Some(Version::Http10) => Some("--http1.0".to_owned()),
        Some(Version::Http11) => Some("--http1.1".to_owned()),
        Some(Version::Http2) => Some("--http2".to_owned()),
        None => None,
    });
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    for (name, value) in fields {
        let lower = name.to_ascii_lowercase();
        let left_out = lower.starts_with(':')
            || matches!(
                lower.as_str(),
                "content-length" | "proxy-connection" | "proxy-authorization"
            )
            || (lower == "host" && value == authority);
        if left_out {
            continue;
        }
        words.push(match value.as_str() {
            // curl's way to send a field without a value
            "" => format!("--header {}", quoted(&format!("{name};"))),
            value => format!("--header {}", quoted(&format!("{name}: {value}"))),
        });
    }
    let mut added = vec!["User-Agent", "Accept"];
    if !matches!(body, Body::None) {
        added.extend(["Content-Type", "Expect"]);
    }
    for name in added {
        if !has(name) {
            words.push(format!("--header {}", quoted(&format!("{name}:"))));
        }
    }
    if has("accept-encoding") {
        words.push("--compressed".to_owned());
    }
    match body {
        Body::None => {}
        // "@" would name a file
        Body::Text(text) if text.starts_with('@') => {
            words.push(format!("--data-raw {}", quoted(text)));
        }
        Body::Text(text) => words.push(format!("--data-binary {}", quoted(text))),
        Body::Piped => words.push("--data-binary @-".to_owned()),
    }
    words.join(" \\\n  ") + "\n"
}

/// A word for a POSIX shell: within single quotes nothing has a meaning but the single quote.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\0', "").replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use std::process::Command;

    fn fields(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect()
    }

    /// The arguments that a shell would give curl.
    fn arguments(command: &str) -> Vec<String> {
        let script = format!("curl() {{ printf '%s\\0' \"$@\"; }}\n{command}");
        let output = Command::new("sh")
            .args(["-c", &script])
            .output()
            .expect("a shell");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    #[test]
    fn nothing_escapes_the_quotes() {
        let evil = "'; touch /tmp/x; $(id) `id` \\ \" ! \n # & | 'é€";
        let mut flow = testing::flow();
        flow.path = "/'$(id)'?[a]={b}".into();
        flow.method = "POST".into();
        let sent = fields(&[
            ("X-Evil", evil),
            ("X-Empty", ""),
            ("Host", "[2001:db8::1]:8443"),
        ]);
        let given = arguments(&command(&flow, &sent, &Body::Text(evil.into())));
        assert_eq!(
            given.first().map(String::as_str),
            Some("https://[2001:db8::1]:8443/'$(id)'?[a]={b}")
        );
        let expected = format!("X-Evil: {evil}");
        assert!(given.contains(&expected), "{given:?}");
        assert!(given.contains(&"X-Empty;".to_owned()));
        assert!(given.contains(&"--globoff".to_owned()));
        assert!(!given.iter().any(|a| a.starts_with("Host:")), "{given:?}");
        assert_eq!(given.last().map(String::as_str), Some(evil));
    }

    #[test]
    fn fields_keep_their_order_and_curl_adds_none() {
        let sent = fields(&[
            ("b", "1"),
            ("A", "2"),
            ("b", "3"),
            ("content-length", "5"),
            (":path", "/"),
        ]);
        let given = arguments(&command(&testing::flow(), &sent, &Body::None));
        let headers: Vec<_> = given
            .iter()
            .zip(given.iter().skip(1))
            .filter(|(a, _)| *a == "--header")
            .map(|(_, v)| v.as_str())
            .collect();
        assert_eq!(headers, ["b: 1", "A: 2", "b: 3", "User-Agent:", "Accept:"]);
    }

    #[test]
    fn a_body_that_names_a_file_is_a_body() {
        let mut flow = testing::flow();
        flow.method = "POST".into();
        let given = arguments(&command(&flow, &[], &Body::Text("@/etc/passwd".into())));
        assert!(
            given.ends_with(&["--data-raw".to_owned(), "@/etc/passwd".to_owned()]),
            "{given:?}"
        );
    }
}
