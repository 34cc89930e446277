//! A recorded request in the words of an HTTP library: what every export as code needs.

use super::{
    Error, Selection,
    body::{Scan, scan, write_error},
    item::{Item, items},
};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use overhear_store::{HeadKind, Kind, Side, Store, head};

/// A request to be written as code.
pub(super) struct Request {
    pub(super) item: Item,
    pub(super) method: String,
    /// Without a fragment: a `#` that was sent is `%23`.
    pub(super) url: String,
    /// Fields in wire order, one a name, each character one byte as it was sent (ISO-8859-1).
    pub(super) fields: Vec<(String, String)>,
    /// The body's measures; its size is 0 when there is none.
    pub(super) body: Scan,
    /// What the code cannot say as it was.
    pub(super) notes: Vec<String>,
}

/// The selected flows, oldest first: requests, and `None` for what is none.
pub(super) async fn requests(
    store: &Store,
    selection: &Selection,
) -> Result<impl Stream<Item = Result<Option<Request>, Error>> + Send + Unpin + use<>, Error> {
    let items = items(store, selection).await?;
    let requests = items.and_then(async |item| {
        let flow = item.flow();
        match flow.kind == Kind::Http && !flow.method.is_empty() && flow.method != "CONNECT" {
            true => Request::new(item).await.map(Some),
            false => Ok(None),
        }
    });
    Ok(requests.boxed())
}

impl Request {
    async fn new(item: Item) -> Result<Self, Error> {
        let body = scan(item.recorded(Side::Request))
            .await
            .map_err(write_error)?;
        let flow = item.flow();
        let mut notes = Vec::new();
        let path = flow.path.split(['?', '#']).next().unwrap_or_default();
        if path.split('/').any(dots) {
            notes.push("The path is sent without its dot segments.".to_owned());
        }
        let url = flow.url().replace('#', "%23");
        let authority = url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = authority.split(['/', '?']).next().unwrap_or_default();
        let fields = fields(&item, authority, &mut notes);
        Ok(Self {
            method: flow.method.clone(),
            url,
            fields,
            body,
            notes,
            item,
        })
    }

    /// Whether it has a field of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case(name))
    }
}

/// What a library does not make itself. Repeated fields are joined, RFC 9110 section 5.3.
fn fields(item: &Item, authority: &str, notes: &mut Vec<String>) -> Vec<(String, String)> {
    let head = item.heads().iter().find(|h| h.kind == HeadKind::Request);
    let Some(head) = head else {
        return Vec::new();
    };
    // each byte a character: libraries send characters as these bytes
    let bytes: String = head.bytes.iter().map(|b| char::from(*b)).collect();
    let start_line = crate::api::model::has_start_line(&head.bytes);
    let parsed = head::parse(bytes.as_bytes(), start_line);
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut joined = false;
    for (name, value) in parsed.fields {
        let lower = name.to_ascii_lowercase();
        let made = matches!(
            lower.as_str(),
            "content-length" | "transfer-encoding" | "proxy-connection" | "proxy-authorization"
        );
        if lower.starts_with(':') || made || (lower == "host" && value == authority) {
            continue;
        }
        if !token(&name) || value.contains(|c: char| c != '\t' && c.is_ascii_control()) {
            notes.push(format!("The field {name:?} is left out: it is not valid."));
            continue;
        }
        match fields
            .iter_mut()
            .find(|(n, _)| n.eq_ignore_ascii_case(&name))
        {
            Some((_, before)) => {
                // RFC 6265 section 5.4
                let between = if lower == "cookie" { "; " } else { ", " };
                before.push_str(between);
                before.push_str(&value);
                joined = true;
            }
            None => fields.push((name, value)),
        }
    }
    if joined {
        notes.push("Fields that were sent more than once are joined.".to_owned());
    }
    fields
}

/// A field's name, RFC 9110 section 5.6.2.
fn token(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(allowed)
}

/// A segment that URLs are normalized by.
fn dots(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    matches!(plain.as_str(), "." | "..")
}
