//! Hosts as a person names them in settings: the value of `host:` in a filter, without a port.

use super::{
    Filter,
    parse::Node,
    search,
    test::{Column, Test},
};
use regex::bytes::Regex;
use std::{fmt, str::FromStr};

/// Which hosts something is about: `example.com` (itself and any name below it), `*.example.com`, `10.0.*`, `::1`,
/// `/regular expression/`. Compared without case, as `host:` in a filter.
#[derive(Debug, Clone)]
pub struct HostPattern {
    text: String,
    regex: Regex,
}

impl HostPattern {
    /// Whether it names this host (without brackets and port).
    pub fn matches(&self, host: &str) -> bool {
        // the root's dot is not part of a name that is compared
        let host = host.strip_suffix('.').unwrap_or(host);
        self.regex.is_match(host.as_bytes())
    }

    /// Takes `PATTERN=REST` apart; none where there is no pattern. What `ends` says is found in the pattern belongs to
    /// the rest, which then has an equals sign of its own (`://` in a URL).
    pub fn split<'t>(text: &'t str, ends: &str) -> (Option<&'t str>, &'t str) {
        let at = match text.starts_with('/') {
            // in a regular expression an equals sign is a letter like others
            true => ["/=", "/i="]
                .iter()
                .filter_map(|end| Some(text.get(1..)?.find(end)? + end.len()))
                .min(),
            false => text.find('='),
        };
        let parts = at.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
        match parts {
            Some((pattern, rest))
                if text.starts_with('/') || ends.is_empty() || !pattern.contains(ends) =>
            {
                (Some(pattern), rest)
            }
            _ => (None, text),
        }
    }
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = |why: &str| {
            format!(
                "{text:?} names no hosts{why}: write example.com (with all names below it), *.example.com, 10.0.0.7, or a regular expression between slashes"
            )
        };
        if text.is_empty() || text.starts_with([':', '=', '<', '>']) && !text.starts_with("::") {
            return Err(wrong(""));
        }
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        let asked = match bare.parse::<std::net::Ipv6Addr>() {
            Ok(_) => format!("host:\"{bare}\""),
            Err(_) => format!("host:{text}"),
        };
        let filter = Filter::parse(&asked).map_err(|error| wrong(&format!(" ({error})")))?;
        match filter.root {
            Some(Node::Test(Test::Text([Column::Host], pattern))) => {
                let regex = search::compile(&pattern).map_err(|error| error.to_string())?;
                Ok(Self {
                    text: text.to_owned(),
                    regex,
                })
            }
            Some(Node::Test(Test::All(_))) => Err(wrong(" (a port does not belong to it)")),
            _ => Err(wrong("")),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for HostPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for HostPattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_named_as_in_a_filter() {
        for (pattern, yes, no) in [
            ("example.com", "www.Example.COM.", "notexample.com"),
            ("example.com", "example.com", "example.com.evil.test"),
            ("*.example.com", "a.b.example.com", "example.com"),
            ("*", "anything", ""),
            ("10.0.*", "10.0.3.4", "10.1.0.0"),
            ("::1", "::1", "::2"),
            ("[::1]", "::1", "::11"),
            ("/^api[0-9]=?$/", "api7", "api"),
            ("bücher.example", "www.xn--bcher-kva.example", "example"),
        ] {
            let read: HostPattern = pattern.parse().expect(pattern);
            assert!(read.matches(yes), "{pattern} {yes}");
            assert!(no.is_empty() || !read.matches(no), "{pattern} {no}");
            assert_eq!(read.to_string(), pattern);
        }
        for wrong in ["", " ", "a b", "(a)", "a or b", "a:80", "/(/", "a)", ">a"] {
            assert!(wrong.parse::<HostPattern>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_pattern_stands_before_the_equals_sign() {
        for (text, pattern, rest) in [
            ("a.test=direct", Some("a.test"), "direct"),
            ("http://u:p=q@a:1", None, "http://u:p=q@a:1"),
            ("b=http://u:p=q@a:1", Some("b"), "http://u:p=q@a:1"),
            ("/a=b/=x=y", Some("/a=b/"), "x=y"),
            ("/a/i=x", Some("/a/i"), "x"),
            ("/a/b", None, "/a/b"),
            ("=x", Some(""), "x"),
            ("", None, ""),
        ] {
            assert_eq!(HostPattern::split(text, "://"), (pattern, rest), "{text}");
        }
    }
}
