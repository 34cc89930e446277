//! Filters for the nodes of the tree, in the filter language.

use std::net::IpAddr;

/// The flows of a device, or of a program (`app:NAME`). Those of an address on this computer are the ones whose program is
/// not known.
pub(super) fn device(key: &str) -> String {
    if let Some(name) = key.strip_prefix(super::PROGRAM) {
        return format!("app:={}", word(name));
    }
    let client = format!("client:{}", word(key));
    match key.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() => format!("{client} -app:"),
        _ => client,
    }
}

/// The flows of a host (`host`, `host:port`, an IPv6 address in brackets). The host alone has the usual ports, each for
/// its scheme; that need not be said when there are no others. A usual port in a key is the one of the other scheme.
pub(super) fn host(key: &str, other_ports: bool) -> String {
    let name = without_port(key);
    let port = key.strip_prefix(name).unwrap_or_default();
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    let host = format!("host:={}", word(bare));
    match port.strip_prefix(':') {
        Some("80") => format!("{host} port:80 (scheme:https or scheme:wss)"),
        Some("443") => format!("{host} port:443 (scheme:http or scheme:ws)"),
        Some(port) => format!("{host} port:{port}"),
        None if other_ports => format!(
            "{host} (port:80 -scheme:https -scheme:wss or port:443 -scheme:http -scheme:ws)"
        ),
        None => host,
    }
}

/// A host's key without its port.
pub(super) fn without_port(key: &str) -> &str {
    match key.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            let is_port = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            if is_port { name } else { key }
        }
        _ => key,
    }
}

/// The flows of a path and all below it, or of a path with any query. `alone`: no other differs in case only.
pub(super) fn path(path: &str, below: bool, alone: bool) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._~-%+@!$&',;=:".contains(c);
    if below && alone && path.chars().all(plain) {
        return format!("path:{path}*");
    }
    let text = regex::escape(path).replace('/', "\\/");
    match below {
        true => format!("path:/^{text}/"),
        false => format!("path:/^{text}(\\?|$)/"),
    }
}

/// What matches both.
pub(super) fn both(first: Option<String>, second: String) -> String {
    match first {
        Some(first) => format!("{first} {second}"),
        None => second,
    }
}

/// A value as it must be written.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;

    #[test]
    fn hosts_with_and_without_ports() {
        for (key, others, filter) in [
            ("example.com", false, "host:=example.com"),
            (
                "example.com",
                true,
                "host:=example.com (port:80 -scheme:https -scheme:wss or port:443 -scheme:http -scheme:ws)",
            ),
            (
                "example.com:443",
                true,
                "host:=example.com port:443 (scheme:http or scheme:ws)",
            ),
            ("example.com:8443", true, "host:=example.com port:8443"),
            ("[2001:db8::1]", false, "host:=2001:db8::1"),
            ("[2001:db8::1]:25", false, "host:=2001:db8::1 port:25"),
            ("", false, "host:=\"\""),
            ("a \"b\"", false, "host:=\"a \\\"b\\\"\""),
        ] {
            assert_eq!(host(key, others), filter);
            assert!(Filter::parse(filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn paths() {
        for (text, below, alone, filter) in [
            ("/api/", true, true, "path:/api/*"),
            ("/api/", true, false, r"path:/^\/api\//"),
            ("/a b|c/", true, true, r"path:/^\/a b\|c\//"),
            ("/api", false, true, r"path:/^\/api(\?|$)/"),
            ("", false, true, r"path:/^(\?|$)/"),
            ("*", false, true, r"path:/^\*(\?|$)/"),
        ] {
            assert_eq!(path(text, below, alone), filter);
            assert!(Filter::parse(filter).is_ok(), "{filter}");
        }
    }
}
