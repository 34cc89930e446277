//! Where a redirection leads, and what of the request goes there: RFC 9110 section 15.4.

use super::{ReplayRequest, cookies::Cookies};
use bytes::Bytes;
use std::collections::HashSet;
use url::{Origin, Url};

/// So many hops are followed.
const MOST: usize = 20;

/// What is done about a response.
#[derive(Debug)]
pub(super) enum Next {
    /// It redirects nowhere.
    Final,
    /// It redirects, and is not followed for this reason.
    Refused(String),
    /// The request that follows it.
    To(Box<ReplayRequest>),
}

/// The way so far.
#[derive(Debug)]
pub(super) struct Redirects {
    /// Methods and URLs that were asked for.
    asked: HashSet<(String, String)>,
    hops: usize,
    cookies: Cookies,
    /// So many that were set on the way are in the last request.
    sent: usize,
}

impl Redirects {
    /// The way begins with this request.
    pub(super) fn new(request: &ReplayRequest) -> Self {
        Self {
            asked: HashSet::from([key(request)]),
            hops: 0,
            cookies: Cookies::new(request),
            sent: 0,
        }
    }

    /// A response to `request` sets these cookies.
    pub(super) fn heard(&mut self, request: &ReplayRequest, set_cookie: &[String]) {
        self.cookies.set(&request.url, set_cookie);
    }

    /// How many cookies that were set on the way go with the request that follows.
    pub(super) fn cookies(&self) -> usize {
        self.sent
    }

    /// How many hops there were.
    pub(super) fn followed(&self) -> usize {
        self.hops
    }

    /// What follows a response to `request`.
    pub(super) fn next(
        &mut self,
        request: &ReplayRequest,
        status: Option<u16>,
        location: Option<&str>,
    ) -> Next {
        // 300 and 304 to 306 lead nowhere by themselves
        let (Some(status @ (301 | 302 | 303 | 307 | 308)), Some(location)) = (status, location)
        else {
            return Next::Final;
        };
        let mut next = match follow(request, status, location) {
            Ok(next) => next,
            Err(why) => return Next::Refused(why),
        };
        let seen = !self.asked.insert(key(&next));
        if self.hops == MOST {
            return Next::Refused(match seen {
                true => format!(
                    "after {MOST} redirections it leads in a loop: {} {} was asked for before",
                    next.method, next.url
                ),
                false => format!(
                    "there were {MOST} redirections, and at most {MOST} are followed; the next would be {}",
                    next.url
                ),
            });
        }
        self.hops += 1;
        self.sent = self.cookies.write(request, &mut next);
        Next::To(Box::new(next))
    }
}

fn key(request: &ReplayRequest) -> (String, String) {
    let url = request.url.split('#').next().unwrap_or_default();
    (request.method.clone(), url.to_owned())
}

fn follow(request: &ReplayRequest, status: u16, location: &str) -> Result<ReplayRequest, String> {
    let wrong = |what: String| format!("its Location is {location:?}, which {what}");
    let base = Url::parse(&request.url)
        .map_err(|error| wrong(format!("cannot be read beside {}: {error}", request.url)))?;
    let mut to = base
        .join(location)
        .map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if !matches!(to.scheme(), "http" | "https") {
        return Err(wrong("is neither http nor https".to_owned()));
    }
    to.set_fragment(None);
    let method = match (status, request.method.as_str()) {
        // sections 15.4.2 and 15.4.3: as all browsers do
        (301 | 302, "POST") => "GET",
        // section 15.4.4
        (303, method) if method != "HEAD" => "GET",
        (_, method) => method,
    };
    let same_method = method == request.method;
    let elsewhere = origin(&base) != origin(&to);
    let headers = request.headers.iter().filter_map(|(name, value)| {
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            // the new one is made of the URL
            "host" => None,
            // section 15.4: what was meant for one server is not told to another
            "authorization" | "cookie" | "proxy-authorization" if elsewhere => None,
            name if !same_method && is_of_content(name) => None,
            _ => Some((name.clone(), value.clone())),
        }
    });
    Ok(ReplayRequest {
        of: request.of,
        method: method.to_owned(),
        url: to.into(),
        headers: headers.collect(),
        body: match same_method {
            true => request.body.clone(),
            false => Bytes::new(),
        },
        version: request.version,
        follow: true,
        talk: None,
        stop: request.stop.clone(),
    })
}

/// Scheme, host and port; `ws` is `http` here.
pub(super) fn origin(url: &Url) -> Origin {
    let mut http = url.clone();
    let scheme = match url.scheme() {
        "ws" => "http",
        "wss" => "https",
        _ => return url.origin(),
    };
    // both are special schemes, between which the crate lets one change
    let _ = http.set_scheme(scheme);
    http.origin()
}

/// Fields that tell of content, which is no longer sent.
fn is_of_content(name: &str) -> bool {
    name.starts_with("content-")
        || matches!(
            name,
            "transfer-encoding" | "trailer" | "expect" | "digest" | "repr-digest" | "last-modified"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, url: &str) -> ReplayRequest {
        let fields = [
            ("Host", "a.test"),
            ("authorization", "secret"),
            ("COOKIE", "secret"),
            ("Content-Type", "text/plain"),
            ("X-Keep", "1"),
        ];
        let own = |(n, v): (&str, &str)| (n.to_owned(), v.to_owned());
        ReplayRequest {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: fields.map(own).to_vec(),
            body: Bytes::from_static(b"content"),
            follow: true,
            ..ReplayRequest::default()
        }
    }

    fn to(request: &ReplayRequest, status: u16, location: &str) -> ReplayRequest {
        match Redirects::new(request).next(request, Some(status), Some(location)) {
            Next::To(next) => *next,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn methods_and_bodies() {
        for (status, method, then) in [
            (301, "POST", "GET"),
            (302, "POST", "GET"),
            (303, "POST", "GET"),
            (303, "PUT", "GET"),
            (303, "HEAD", "HEAD"),
            (301, "PUT", "PUT"),
            (302, "GET", "GET"),
            (307, "POST", "POST"),
            (308, "DELETE", "DELETE"),
        ] {
            let next = to(&request(method, "http://a.test/x"), status, "/y");
            assert_eq!(next.method, then, "{status} {method}");
            let same = method == then;
            assert_eq!(next.body.is_empty(), !same, "{status} {method}");
            let typed = next.headers.iter().any(|(name, _)| name == "Content-Type");
            assert_eq!(typed, same, "{status} {method}");
        }
    }

    #[test]
    fn places() {
        let from = request("GET", "http://a.test:81/x/y?q#f");
        for (location, url) in [
            ("z", "http://a.test:81/x/z"),
            ("?r", "http://a.test:81/x/y?r"),
            ("//b.test/z#g", "http://b.test/z"),
            ("https://a.test:81/", "https://a.test:81/"),
            ("/ü", "http://a.test:81/%C3%BC"),
        ] {
            assert_eq!(to(&from, 302, location).url, url, "{location}");
        }
    }

    #[test]
    fn secrets_stay_with_their_origin() {
        let from = request("GET", "https://a.test/x");
        let names = |next: ReplayRequest| {
            let names = next.headers.into_iter().map(|(name, _)| name);
            names.collect::<Vec<_>>()
        };
        let all = ["authorization", "COOKIE", "Content-Type", "X-Keep"];
        for same in ["/y", "https://a.test:443/y", "https://A.test/y"] {
            assert_eq!(names(to(&from, 307, same)), all, "{same}");
        }
        for other in [
            "http://a.test/y",
            "https://b.a.test/y",
            "https://a.test:8443/y",
            "//b.test",
        ] {
            assert_eq!(names(to(&from, 307, other)), all[2..], "{other}");
        }
    }

    #[test]
    fn what_is_not_followed() {
        let from = request("GET", "http://a.test/x");
        let mut way = Redirects::new(&from);
        for (status, location) in [
            (Some(200), Some("/y")),
            (Some(304), Some("/y")),
            (Some(300), Some("/y")),
            (Some(302), None),
            (None, Some("/y")),
        ] {
            assert!(matches!(way.next(&from, status, location), Next::Final));
        }
        for location in ["ftp://a.test/", "javascript:1", "http://"] {
            let said = match way.next(&from, Some(302), Some(location)) {
                Next::Refused(said) => said,
                other => panic!("{other:?}"),
            };
            assert!(said.contains(location), "{said}");
        }
    }

    #[test]
    fn an_end_is_made_and_a_loop_is_told() {
        let mut request = request("GET", "http://a.test/x");
        let mut way = Redirects::new(&request);
        for n in 0..MOST {
            let location = ["/y", "/x"][n % 2];
            match way.next(&request, Some(302), Some(location)) {
                Next::To(next) => request = *next,
                other => panic!("{n}: {other:?}"),
            }
        }
        assert_eq!(way.followed(), MOST);
        match way.next(&request, Some(302), Some("/y")) {
            Next::Refused(said) => assert!(said.contains("loop: GET http://a.test/y"), "{said}"),
            other => panic!("{other:?}"),
        }
        match way.next(&request, Some(302), Some("/new")) {
            Next::Refused(said) => assert!(!said.contains("loop") && said.contains("20"), "{said}"),
            other => panic!("{other:?}"),
        }
    }
}
