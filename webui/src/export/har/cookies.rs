//! Cookies of a message, RFC 6265, as HAR's objects.

use serde_json::{Value, json};
use time::{PrimitiveDateTime, macros::format_description};

/// The cookies of a request's `Cookie` fields.
pub(super) fn request(fields: &[(String, String)]) -> Vec<Value> {
    values(fields, "cookie")
        .flat_map(|value| value.split(';'))
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or(("", pair));
            json!({"name": name.trim(), "value": value.trim()})
        })
        .collect()
}

/// The cookies of a response's `Set-Cookie` fields.
pub(super) fn response(fields: &[(String, String)]) -> Vec<Value> {
    values(fields, "set-cookie").map(set_cookie).collect()
}

fn set_cookie(text: &str) -> Value {
    let mut parts = text.split(';').map(str::trim);
    let pair = parts.next().unwrap_or_default();
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    let mut cookie = json!({
        "name": name.trim(), "value": value.trim(), "httpOnly": false, "secure": false,
    });
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        let member = match name.trim().to_ascii_lowercase().as_str() {
            "path" => Some(("path", json!(value))),
            "domain" => Some(("domain", json!(value))),
            "expires" => date(value).map(|date| ("expires", json!(date))),
            "httponly" => Some(("httpOnly", json!(true))),
            "secure" => Some(("secure", json!(true))),
            "samesite" => Some(("sameSite", json!(value))),
            _ => None,
        };
        if let (Some(object), Some((name, value))) = (cookie.as_object_mut(), member) {
            object.insert(name.to_owned(), value);
        }
    }
    cookie
}

/// A cookie's date as RFC 3339: `Wed, 21 Oct 2026 07:28:00 GMT`, also with dashes.
fn date(text: &str) -> Option<String> {
    let (_, rest) = text.split_once(',')?;
    let rest = rest.trim().replace('-', " ");
    let format = format_description!(
        "[day padding:none] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = PrimitiveDateTime::parse(&rest, format).ok()?;
    Some(crate::api::model::seconds(
        date.assume_utc().unix_timestamp(),
    ))
}

fn values<'a>(fields: &'a [(String, String)], name: &'a str) -> impl Iterator<Item = &'a str> {
    let named = move |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
    fields.iter().filter(named).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_request_may_have_several_fields() {
        let fields = [
            field("Cookie", "a=1; b=x=y;"),
            field("x", "y"),
            field("cookie", "c; =d"),
        ];
        let expected = [("a", "1"), ("b", "x=y"), ("", "c"), ("", "d")];
        let expected = expected.map(|(name, value)| json!({"name": name, "value": value}));
        assert_eq!(request(&fields), expected);
    }

    #[test]
    fn attributes_are_read() {
        let fields = [field(
            "Set-Cookie",
            "id=1; Path=/; Domain=x.test; Expires=Wed, 21-Oct-2026 07:28:00 GMT; HttpOnly; secure; SameSite=Lax; Max-Age=5",
        )];
        let expected = json!([{
            "name": "id", "value": "1", "path": "/", "domain": "x.test", "httpOnly": true,
            "secure": true, "sameSite": "Lax", "expires": "2026-10-21T07:28:00Z",
        }]);
        assert_eq!(json!(response(&fields)), expected);
        for odd in [
            "",
            ";;;",
            "=",
            "a=1; expires=never",
            "a=1; expires=Wed, 99 Foo 1 1:1:1 GMT",
        ] {
            assert_eq!(response(&[field("set-cookie", odd)]).len(), 1, "{odd}");
        }
    }
}
