//! Answers out of the recording: which flows there are for a request, and which of them is next.

use crate::decode;
use futures_util::{StreamExt as _, future::BoxFuture};
use overhear_proxy::{Recorded, RecordedAnswer, RecordedAsk};
use overhear_store::{
    Error, Flow, FlowId, HeadKind, Kind, Side, State, Store, Version, filter::Filter, head,
    read::FlowQuery, rule::Action,
};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, HashSet},
    fmt,
};
use url::Url;

/// The most flows that are looked through for answers: the newest.
const MOST_FLOWS: usize = 100_000;

/// The most of a recorded body that is answered with: bytes.
const MOST_BODY: u64 = 64 << 20;

/// The most flows with one method and URL whose heads or bodies are compared with a request.
const MOST_COMPARED: usize = 1000;

/// What an action answers with.
pub(super) struct Playback {
    store: Store,
    action: Action,
    /// The flows with a method and a URL, as they were recorded.
    flows: HashMap<String, Vec<FlowId>>,
    /// Those that were answered with.
    given: Mutex<HashSet<FlowId>>,
}

/// What is compared of requests.
struct Compared<'a> {
    ignore_query: &'a [String],
    same_headers: &'a [String],
    same_body: bool,
}

impl fmt::Debug for Playback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Playback")
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

impl Playback {
    /// Finds the flows that there are now; none when the action is another one.
    pub(super) async fn read(store: &Store, action: &Action) -> Result<Option<Self>, Error> {
        let (Action::AnswerRecorded { filter, .. }, Some(compared)) = (action, compared(action))
        else {
            return Ok(None);
        };
        let mut flows: HashMap<String, Vec<FlowId>> = HashMap::new();
        let (mut cursor, mut count) = (None, 0);
        // one that cannot be read is told when the rule is made
        let filter = Filter::parse(filter).unwrap_or_default();
        loop {
            let query = FlowQuery {
                filter: Some(filter.clone()),
                descending: true,
                limit: 1000,
                cursor,
                ..FlowQuery::default()
            };
            let page = store.flows(&query).await?;
            for flow in page.flows.iter().filter(|flow| is_answer(flow)) {
                let key = key(&flow.method, &flow.url(), compared.ignore_query);
                flows.entry(key).or_default().push(flow.id);
                count += 1;
            }
            cursor = page.next;
            if cursor.is_none() || count >= MOST_FLOWS {
                break;
            }
        }
        for ids in flows.values_mut() {
            ids.reverse();
        }
        Ok(Some(Self {
            store: store.clone(),
            action: action.clone(),
            flows,
            given: Mutex::default(),
        }))
    }

    pub(super) fn action(&self) -> &Action {
        &self.action
    }

    /// How many flows there are to answer with.
    pub(super) fn count(&self) -> usize {
        self.flows.values().map(Vec::len).sum()
    }

    async fn find(&self, asked: &RecordedAsk) -> Result<Option<RecordedAnswer>, String> {
        let Some(compared) = compared(&self.action) else {
            return Ok(None);
        };
        if compared.same_body && asked.body.is_none() {
            return Err("its body could not be held to be compared".to_owned());
        }
        let key = key(&asked.method, &asked.url, compared.ignore_query);
        let Some(ids) = self.flows.get(&key) else {
            return Ok(None);
        };
        let looks = compared.same_body || !compared.same_headers.is_empty();
        let mut last = None;
        let looked_at = if looks { MOST_COMPARED } else { ids.len() };
        for (number, id) in (1..).zip(ids.iter().take(looked_at)) {
            if looks && !self.is_like(*id, asked, &compared).await.map_err(unread)? {
                continue;
            }
            last = Some((number, *id));
            if !self.given.lock().contains(id) {
                break;
            }
        }
        let Some((number, id)) = last else {
            return Ok(None);
        };
        let again = !self.given.lock().insert(id);
        let how = compared.in_words(number, ids.len(), again);
        self.answer(id, how).await
    }

    /// Whether a flow's request is the same where that is asked for.
    async fn is_like(
        &self,
        id: FlowId,
        asked: &RecordedAsk,
        compared: &Compared<'_>,
    ) -> Result<bool, Error> {
        if !compared.same_headers.is_empty() {
            let heads = self.store.heads(id).await?;
            let request = heads.iter().find(|head| head.kind == HeadKind::Request);
            let fields = request.map(|head| head::parse(&head.bytes, false).fields);
            let fields = fields.unwrap_or_default();
            let of = |fields: &[(String, String)], name: &str| {
                let fields = fields.iter();
                let named = fields.filter(|(known, _)| known.eq_ignore_ascii_case(name));
                named.map(|(_, value)| value.clone()).collect::<Vec<_>>()
            };
            let differs = |name: &String| of(&fields, name) != of(&asked.headers, name);
            if compared.same_headers.iter().any(differs) {
                return Ok(false);
            }
        }
        if !compared.same_body {
            return Ok(true);
        }
        let Some(flow) = self.store.flow(id).await? else {
            return Ok(false);
        };
        // what is asked came without its coding, too; no more is decoded than is the same
        let mut pieces = match decode::body(&self.store, &flow, Side::Request).await {
            Ok(pieces) => pieces,
            Err(error) => return unreadable(error),
        };
        let mut rest = asked.body.as_deref().unwrap_or_default();
        while let Some(piece) = pieces.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => return unreadable(error),
            };
            match rest.strip_prefix(&piece[..]) {
                Some(behind) => rest = behind,
                None => return Ok(false),
            }
        }
        Ok(rest.is_empty())
    }

    async fn answer(&self, id: FlowId, how: String) -> Result<Option<RecordedAnswer>, String> {
        let flow = self.store.flow(id).await.map_err(unread)?;
        let Some(flow) = flow else {
            return Err(format!("flow {} was deleted meanwhile", id.0));
        };
        if flow.response.body_size > MOST_BODY {
            return Err(format!(
                "the body of flow {} has more than {} MiB",
                id.0,
                MOST_BODY >> 20
            ));
        }
        let heads = self.store.heads(id).await.map_err(unread)?;
        let response = heads.iter().find(|head| head.kind == HeadKind::Response);
        let start_line = flow.response.version != Some(Version::Http2);
        let headers = response.map(|head| head::parse(&head.bytes, start_line).fields);
        let mut body = Vec::new();
        let mut pieces = self.store.chunks(id, Side::Response, 0);
        while let Some(piece) = pieces.next().await {
            body.extend_from_slice(&piece.map_err(unread)?.data);
        }
        Ok(Some(RecordedAnswer {
            flow: id,
            how,
            status: flow.status.unwrap_or(200),
            headers: headers.unwrap_or_default(),
            body: body.into(),
        }))
    }
}

impl Compared<'_> {
    /// What of a recorded request is the same, for a person: it is the `number`th of `count` with that method and URL.
    fn in_words(&self, number: usize, count: usize, again: bool) -> String {
        let mut text = format!("number {number} of {count} with the same method and URL");
        if self.ignore_query.iter().any(|name| name == "*") {
            text.push_str(" whatever the query");
        } else if !self.ignore_query.is_empty() {
            text.push_str(&format!(" whatever {}", self.ignore_query.join(", ")));
        }
        for name in self.same_headers {
            text.push_str(&format!(", the same {name}"));
        }
        if self.same_body {
            text.push_str(", the same body");
        }
        if again {
            text.push_str("; each like it was given before, so the last is given again");
        }
        text
    }
}

impl Recorded for Playback {
    fn find<'f>(
        &'f self,
        asked: RecordedAsk,
    ) -> BoxFuture<'f, Result<Option<RecordedAnswer>, String>> {
        Box::pin(async move { self.find(&asked).await })
    }
}

/// Whether a flow has a whole answer.
fn is_answer(flow: &Flow) -> bool {
    flow.kind == Kind::Http
        && flow.state == State::Complete
        && flow.status.is_some_and(|status| status >= 200)
        && flow.method != "CONNECT"
}

fn compared(action: &Action) -> Option<Compared<'_>> {
    match action {
        Action::AnswerRecorded {
            ignore_query,
            same_headers,
            same_body,
            ..
        } => Some(Compared {
            ignore_query,
            same_headers,
            same_body: *same_body,
        }),
        _ => None,
    }
}

/// Method and URL, without what may differ.
fn key(method: &str, url: &str, ignore_query: &[String]) -> String {
    let Ok(mut url) = Url::parse(url) else {
        return format!("{method} {url}");
    };
    url.set_fragment(None);
    if ignore_query.iter().any(|name| name == "*") {
        url.set_query(None);
    } else if !ignore_query.is_empty()
        && let Some(query) = url.query()
    {
        // as it is written: order and coding are a server's own
        let name = |pair: &str| {
            let name = pair.split('=').next().unwrap_or_default().replace('+', " ");
            let name = percent_encoding::percent_decode_str(&name);
            name.decode_utf8_lossy().into_owned()
        };
        let kept = query.split('&').filter(|pair| {
            let name = name(pair);
            !ignore_query.contains(&name)
        });
        let kept = kept.collect::<Vec<_>>().join("&");
        url.set_query((!kept.is_empty()).then_some(&kept));
    }
    format!("{method} {url}")
}

/// A recorded body that cannot be decoded is like none; that the recording cannot be read is another matter.
fn unreadable(error: decode::Error) -> Result<bool, Error> {
    match error {
        decode::Error::Store(error) => Err(error),
        _ => Ok(false),
    }
}

fn unread(error: Error) -> String {
    format!("the recording cannot be read: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compared_is_told() {
        let (ignore, same) = (["t".to_owned(), "n".to_owned()], ["X-Who".to_owned()]);
        let all = Compared {
            ignore_query: &ignore,
            same_headers: &same,
            same_body: true,
        };
        assert_eq!(
            all.in_words(2, 3, false),
            "number 2 of 3 with the same method and URL whatever t, n, the same X-Who, the same body"
        );
        let plain = Compared {
            ignore_query: &[],
            same_headers: &[],
            same_body: false,
        };
        assert!(plain.in_words(1, 1, true).ends_with("given again"));
    }

    #[test]
    fn what_may_differ_is_not_compared() {
        let of = |url: &str, ignore: &[&str]| {
            let ignore: Vec<_> = ignore.iter().map(|name| (*name).to_owned()).collect();
            key("GET", url, &ignore)
        };
        let url = "http://a.test:80/x?b=1&a%20b=2&c";
        assert_eq!(of(url, &[]), "GET http://a.test/x?b=1&a%20b=2&c");
        assert_eq!(of(url, &["b", "a b"]), "GET http://a.test/x?c");
        assert_eq!(of(url, &["b", "a b", "c"]), "GET http://a.test/x");
        assert_eq!(of(url, &["*"]), of("http://a.test/x", &[]));
        assert_ne!(of(url, &[]), of("http://a.test/x?c&b=1&a%20b=2", &[]));
    }
}
