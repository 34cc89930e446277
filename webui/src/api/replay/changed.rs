//! Whether a request is another one than that of the flow it was made from.
//!
//! What only concerns a connection, or follows from the rest, does not count: the fields of a proxy's port, pseudo-header
//! fields, the key of a WebSocket, and `Host` and what frames the body where one of the two does not have them.

use crate::api::model::has_start_line;
use overhear_store::{Flow, HeadKind, head, read::RecordedHead};

/// What is compared of a request besides its body.
pub(super) struct Asked<'r> {
    pub(super) method: &'r str,
    pub(super) url: &'r str,
    pub(super) headers: &'r [(String, String)],
}

/// Whether method, URL or fields differ.
pub(super) fn differs(asked: &Asked<'_>, original: &Flow, heads: &[RecordedHead]) -> bool {
    let head = heads.iter().find(|head| head.kind == HeadKind::Request);
    let recorded = head.map(|head| head::parse(&head.bytes, has_start_line(&head.bytes)).fields);
    let recorded = recorded.unwrap_or_default();
    asked.method != original.method
        || asked.url != original.url()
        || !same_fields(asked.headers, &recorded)
}

/// The same fields in the same order, but for those that do not count.
fn same_fields(asked: &[(String, String)], recorded: &[(String, String)]) -> bool {
    let has = |fields: &[(String, String)], name: &str| {
        fields.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
    };
    let counts = |(name, _): &&(String, String)| {
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            // the sender adds them where they are missing, or frames the body in another way
            "host" | "content-length" | "transfer-encoding" => {
                has(asked, &lower) && has(recorded, &lower)
            }
            "proxy-connection" | "proxy-authorization" | "sec-websocket-key" => false,
            name => !name.starts_with(':'),
        }
    };
    let plain = |(name, value): &(String, String)| (name.clone(), value.trim().to_owned());
    let asked = asked.iter().filter(counts).map(plain);
    asked.eq(recorded.iter().filter(counts).map(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<(String, String)> {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn what_the_sender_adds_and_the_proxy_takes_is_no_change() {
        let recorded = "Host=a:1\nProxy-Connection=x\nAccept=*/*\nContent-Length=3\n";
        for (asked, same) in [
            ("Host=a:1\nAccept=*/*\nContent-Length=3\n", true),
            ("Accept=*/*\n", true),
            ("Accept= */* \n", true),
            ("Accept=text/html\n", false),
            ("accept=*/*\n", false),
            ("Host=b\nAccept=*/*\n", false),
            ("Accept=*/*\nX-New=1\n", false),
            ("", false),
        ] {
            assert_eq!(
                same_fields(&fields(asked), &fields(recorded)),
                same,
                "{asked}"
            );
        }
        let pseudo = fields(":method=GET\naccept=*/*\n");
        assert!(same_fields(&fields("accept=*/*\n"), &pseudo));
    }
}
