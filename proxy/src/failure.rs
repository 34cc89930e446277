//! An error in words: for the client (a page), and for the list (a cause).

use overhear_store::{Failure, FailureCause, Party};
use std::fmt::Write;

/// The status that a failure is answered with: 502, 504 (a timeout), 508 (a loop), 403 (refused)...
pub(crate) fn status(failure: &Failure) -> u16 {
    match failure.cause {
        FailureCause::Timeout => 504,
        FailureCause::Loop => 508,
        FailureCause::Forbidden => 403,
        FailureCause::Protocol | FailureCause::Closed if failure.side == Party::Client => 400,
        _ => 502,
    }
}

/// A whole HTTP/1.1 response that tells the client of a failure: HTML when the request accepts it, else plain
/// text; `Connection: close`; no body for HEAD. `request` is the request's head as it was sent (it may be empty,
/// or broken).
pub(crate) fn page(failure: &Failure, request: &[u8]) -> Vec<u8> {
    let accepts = |line: &[u8]| {
        let (name, value) = line.split_at_checked(7).unwrap_or_default();
        name.eq_ignore_ascii_case(b"accept:") && memchr::memmem::find(value, b"text/html").is_some()
    };
    let format = Format {
        html: request.split(|b| *b == b'\n').any(accepts),
        head: request.starts_with(b"HEAD "),
    };
    page_as(status(failure), failure, format)
}

/// How a client wants to hear of a failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Format {
    /// As HTML rather than plain text.
    pub(crate) html: bool,
    /// Without the body: the request is a HEAD.
    pub(crate) head: bool,
}

/// [`page`] with a status and a format that are known.
pub(crate) fn page_as(status: u16, failure: &Failure, format: Format) -> Vec<u8> {
    let reason = reason(status);
    let (kind, body) = match format.html {
        true => ("text/html", html(status, reason, failure)),
        false => ("text/plain", text(status, reason, failure)),
    };
    let mut page = format!(
        "HTTP/1.1 {status} {reason}\r\n\
         Content-Type: {kind}; charset=utf-8\r\n\
         Content-Length: {}\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n\
         Cache-Control: no-store\r\n\
         Connection: close\r\n\
         {}\r\n",
        body.len(),
        match status {
            // RFC 9110 section 15.5.8
            407 => "Proxy-Authenticate: Basic realm=\"overhear\", charset=\"UTF-8\"\r\n",
            _ => "",
        }
    );
    if !format.head {
        page.push_str(&body);
    }
    page.into_bytes()
}

fn text(status: u16, reason: &str, failure: &Failure) -> String {
    format!(
        "{status} {reason}: {}\n\n{}\n\nThis answer comes from the overhear proxy, not from the server.\n",
        headline(failure),
        failure.text
    )
}

fn html(status: u16, reason: &str, failure: &Failure) -> String {
    let headline = headline(failure);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{status} {reason}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <p class=\"status\">{status} {reason}</p>\n<h1>{headline}</h1>\n<p>"
    );
    escape(&failure.text, &mut page);
    page.push_str(
        "</p>\n<footer>This page comes from the overhear proxy, not from the server.</footer>\n\
         </main>\n</body>\n</html>\n",
    );
    page
}

const STYLE: &str = ":root{color-scheme:light dark}\
body{margin:0;font:16px/1.5 system-ui,sans-serif;background:Canvas;color:CanvasText}\
main{max-width:40rem;margin:12vh auto 0;padding:0 1.5rem}\
.status{margin:0;font-family:ui-monospace,monospace;opacity:.7}\
h1{margin:.25rem 0 1rem;font-size:1.5rem;line-height:1.25}\
p{overflow-wrap:anywhere;white-space:pre-line}\
footer{margin-top:2rem;padding-top:.75rem;border-top:1px solid GrayText;font-size:.875rem;opacity:.7}";

fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // controls other than line ends have no place in a page
            c if c.is_control() && c != '\n' => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

fn headline(failure: &Failure) -> &'static str {
    let client = failure.side == Party::Client;
    match failure.cause {
        FailureCause::Dns => "The server's name was not found",
        FailureCause::Refused => "The server refused the connection",
        FailureCause::Unreachable => "The server cannot be reached",
        FailureCause::Timeout => "The server did not answer in time",
        FailureCause::Tls => "TLS with the server failed",
        FailureCause::Certificate => "The server's certificate was not accepted",
        FailureCause::Protocol if client => "The request is not valid HTTP",
        FailureCause::Protocol => "The server's response is not valid HTTP",
        FailureCause::Loop => "The proxy was asked to reach itself",
        FailureCause::Reset => "The connection to the server was reset",
        FailureCause::Closed if client => "The request is incomplete",
        FailureCause::Closed => "The server closed the connection without a response",
        FailureCause::Forbidden => "The proxy refused this request",
        _ => "The request could not be completed",
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        403 => "Forbidden",
        407 => "Proxy Authentication Required",
        431 => "Request Header Fields Too Large",
        504 => "Gateway Timeout",
        508 => "Loop Detected",
        _ => "Bad Gateway",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(cause: FailureCause, side: Party, text: &str) -> Failure {
        let text = text.to_owned();
        Failure { cause, side, text }
    }

    /// Head and body of a page; its length must be the one it states.
    fn parts(page: &[u8]) -> (&str, &str) {
        let page = std::str::from_utf8(page).unwrap();
        let (head, body) = page.split_once("\r\n\r\n").unwrap();
        let length = format!("Content-Length: {}", body.len());
        assert!(body.is_empty() || head.contains(&length), "{head}");
        assert!(head.contains("\r\nConnection: close"));
        (head, body)
    }

    #[test]
    fn a_browser_gets_html_and_a_program_gets_text() {
        let dns = failure(
            FailureCause::Dns,
            Party::Server,
            "<a>&\"b\"\0 was not found.",
        );
        let browser = b"GET http://a/ HTTP/1.1\r\naccept: text/html, */*;q=0.8\r\n\r\n";
        let page_for_browser = page(&dns, browser);
        let (head, body) = parts(&page_for_browser);
        assert!(head.starts_with("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html"));
        assert!(
            body.contains("&lt;a&gt;&amp;&quot;b&quot;\\u{0} was not found."),
            "{body}"
        );
        assert!(!body.contains("<a>") && !body.contains("<script"));

        let program = b"CONNECT a:443 HTTP/1.1\r\nAccept: */*\r\nX: text/html\r\n\r\n";
        let page_for_program = page(&dns, program);
        let (head, body) = parts(&page_for_program);
        assert!(head.contains("Content-Type: text/plain"));
        assert!(body.contains("<a>&\"b\"\0 was not found."));
        for broken in [&b""[..], b"\xff\xfe", b"accept"] {
            assert!(!parts(&page(&dns, broken)).1.is_empty());
        }
    }

    #[test]
    fn head_gets_no_body() {
        let refused = failure(FailureCause::Refused, Party::Server, "refused");
        let page = page(&refused, b"HEAD http://a/ HTTP/1.1\r\n\r\n");
        assert!(parts(&page).1.is_empty());
    }

    #[test]
    fn statuses_tell_whose_fault_it_is() {
        use FailureCause as Cause;
        let of = |cause, side| status(&failure(cause, side, ""));
        assert_eq!(of(Cause::Timeout, Party::Server), 504);
        assert_eq!(of(Cause::Loop, Party::Proxy), 508);
        assert_eq!(of(Cause::Forbidden, Party::Proxy), 403);
        assert_eq!(of(Cause::Protocol, Party::Client), 400);
        assert_eq!(of(Cause::Protocol, Party::Server), 502);
        assert_eq!(of(Cause::Tls, Party::Server), 502);
    }
}
