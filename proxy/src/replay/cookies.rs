//! Cookies that are set while redirections are followed, and who gets them: RFC 6265 section 5.

use super::{ReplayRequest, redirect::origin};
use cookie_store::{CookieError, CookieStore, RawCookie, StoreAction};
use std::collections::HashSet;
use url::Url;

/// So many are taken from one response.
const MOST: usize = 200;

/// What was set on the way, and what a person had written.
#[derive(Debug)]
pub(super) struct Cookies {
    store: CookieStore,
    /// The fields `Cookie` of the first request, with their names; they stay with its origin.
    own: Vec<(String, String)>,
    /// Names that a server has taken back.
    gone: HashSet<String>,
}

impl Cookies {
    /// The way begins with this request.
    pub(super) fn new(request: &ReplayRequest) -> Self {
        let fields = request.headers.iter();
        Self {
            store: CookieStore::default(),
            own: fields
                .filter(|(name, _)| is_cookie(name))
                .cloned()
                .collect(),
            gone: HashSet::new(),
        }
    }

    /// Takes what a response from `url` sets; what is no cookie, or not the server's to set, is left out.
    pub(super) fn set(&mut self, url: &str, set_cookie: &[String]) {
        let Some(url) = http(url) else {
            return;
        };
        // RFC 6265bis section 5.7: one with a control character is no cookie, and no request could carry it
        let is_sound = |text: &&String| !text.contains(|c: char| c.is_ascii_control() && c != '\t');
        for text in set_cookie.iter().filter(is_sound).take(MOST) {
            let Ok(cookie) = RawCookie::parse(text.as_str()) else {
                continue;
            };
            let name = cookie.name().to_owned();
            match self.store.insert_raw(&cookie, &url) {
                Ok(StoreAction::ExpiredExisting) | Err(CookieError::Expired) => {
                    self.gone.insert(name);
                }
                Ok(_) => {
                    self.gone.remove(&name);
                }
                Err(_) => {}
            }
        }
    }

    /// Puts the cookies for its URL into the request that follows `before`; how many of those that were set on the way.
    pub(super) fn write(&mut self, before: &ReplayRequest, next: &mut ReplayRequest) -> usize {
        let (Some(from), Some(to)) = (http(&before.url), http(&next.url)) else {
            return 0;
        };
        if origin(&from) != origin(&to) {
            self.own.clear();
        }
        let mut set = self.store.matches(&to);
        // section 5.4: the longest paths first, then the oldest
        set.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let set: Vec<(&str, &str)> = set.iter().map(|cookie| cookie.name_value()).collect();
        let fields = &mut next.headers;
        let place = fields.iter().position(|(name, _)| is_cookie(name));
        fields.retain(|(name, _)| !is_cookie(name));
        let place = place.unwrap_or(fields.len()).min(fields.len());
        let replaced = |pair: &str| {
            let name = pair.split('=').next().unwrap_or_default().trim();
            self.gone.contains(name) || set.iter().any(|(known, _)| *known == name)
        };
        let pairs = |value: &'_ str| {
            value
                .split(';')
                .map(|pair| pair.trim().to_owned())
                .collect::<Vec<_>>()
        };
        let own = self.own.iter().flat_map(|(_, value)| pairs(value));
        let own: Vec<String> = own.filter(|pair| !pair.is_empty()).collect();
        if set.is_empty() && !own.iter().any(|pair| replaced(pair)) {
            // as a person has written them
            fields.splice(place..place, self.own.iter().cloned());
            return 0;
        }
        let kept = own.iter().filter(|pair| !replaced(pair)).cloned();
        let set_now = set.iter().map(|(name, value)| format!("{name}={value}"));
        let all: Vec<String> = kept.chain(set_now).collect();
        if !all.is_empty() {
            let name = self.own.first().map_or("Cookie", |(name, _)| name.as_str());
            fields.insert(place, (name.to_owned(), all.join("; ")));
        }
        set.len()
    }
}

fn is_cookie(name: &str) -> bool {
    name.eq_ignore_ascii_case("cookie")
}

/// A URL as cookies know it: that of a WebSocket is of HTTP (RFC 6455 section 4.1).
fn http(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    let scheme = match url.scheme() {
        "ws" => "http",
        "wss" => "https",
        _ => return Some(url),
    };
    url.set_scheme(scheme).ok()?;
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, cookies: &[&str]) -> ReplayRequest {
        let cookies = cookies.iter();
        let mut headers = vec![("X-First".to_owned(), "1".to_owned())];
        headers.extend(cookies.map(|value| ("cookie".to_owned(), (*value).to_owned())));
        headers.push(("X-Last".to_owned(), "1".to_owned()));
        ReplayRequest {
            method: "GET".to_owned(),
            url: url.to_owned(),
            headers,
            ..ReplayRequest::default()
        }
    }

    /// What goes to a URL after `https://a.test/in/login` has set these, for a person who had written some.
    fn sent(own: &[&str], set: &[&str], to: &str) -> (Vec<String>, usize) {
        let first = request("https://a.test/in/login", own);
        let mut cookies = Cookies::new(&first);
        let set: Vec<String> = set.iter().map(|text| (*text).to_owned()).collect();
        cookies.set(&first.url, &set);
        let mut next = request(to, &[]);
        if origin(&Url::parse(to).unwrap()) == origin(&Url::parse(&first.url).unwrap()) {
            next.headers.clone_from(&first.headers);
        }
        let count = cookies.write(&first, &mut next);
        let fields = next.headers.iter();
        let values = fields.filter(|(name, _)| is_cookie(name));
        let values = values.map(|(_, value)| value.clone()).collect();
        assert_eq!(next.headers[0].0, "X-First");
        (values, count)
    }

    #[test]
    fn they_go_to_whom_they_are_for() {
        let set = [
            "wide=1; Domain=a.test; Path=/",
            "here=2",
            "safe=3; Secure; Path=/",
            "other=4; Path=/elsewhere",
            "foreign=5; Domain=b.test; Path=/",
            "over=6; Max-Age=0; Path=/",
            "hidden=7; HttpOnly; Path=/",
        ];
        for (to, expected) in [
            ("https://a.test/in/side", "here=2; wide=1; safe=3; hidden=7"),
            ("https://a.test/", "wide=1; safe=3; hidden=7"),
            ("https://a.test/inside", "wide=1; safe=3; hidden=7"),
            (
                "https://a.test/elsewhere/x",
                "other=4; wide=1; safe=3; hidden=7",
            ),
            ("http://a.test/", "wide=1; hidden=7"),
            ("https://sub.a.test/", "wide=1"),
            ("https://a.test:8443/", "wide=1; safe=3; hidden=7"),
        ] {
            let (values, count) = sent(&[], &set, to);
            assert_eq!(values, [expected], "{to}");
            assert_eq!(count, expected.split(';').count(), "{to}");
        }
        assert_eq!(sent(&[], &set, "https://b.test/"), (vec![], 0));
    }

    #[test]
    fn what_a_person_wrote_is_theirs_until_a_server_says_otherwise() {
        let own = ["a=1;  b=2", "c=3"];
        let next = "https://a.test/in/x";
        assert_eq!(
            sent(&own, &[], next),
            (vec![own[0].to_owned(), own[1].to_owned()], 0)
        );
        let (values, count) = sent(&own, &["b=9", "d=4"], next);
        assert_eq!((values, count), (vec!["a=1; c=3; b=9; d=4".to_owned()], 2));
        let (values, _) = sent(&own, &["a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], next);
        assert_eq!(values, ["b=2; c=3"]);
        assert_eq!(sent(&own, &["b=9"], "https://b.test/"), (vec![], 0));
    }

    #[test]
    fn what_is_no_cookie_is_none() {
        let (values, _) = sent(
            &[],
            &["", "=", "; Path=/", "x=1; Path=no"],
            "https://a.test/in/x",
        );
        assert_eq!(values, ["x=1"]);
        let (values, count) = sent(
            &[],
            &["a=\u{1}", "b\u{7f}=1", "c=\t1"],
            "https://a.test/in/x",
        );
        assert_eq!((values, count), (vec!["c=1".to_owned()], 1));
        let many: Vec<String> = (0..1000).map(|n| format!("n{n}=1")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(sent(&[], &many, "https://a.test/in/x").1, MOST);
    }
}
