//! Many filters at once: one look at a text tells most of those that cannot match.

use super::matches::{Matcher, Needed};
use crate::flow::Flow;
use regex::bytes::{RegexSet, RegexSetBuilder};
use std::borrow::Cow;

/// Fewer patterns than this are as quick one by one.
const WORTH: usize = 4;

/// The most patterns that are looked for together; those beyond are tried one by one.
const MOST: usize = 2000;

/// What the patterns of a column may take of memory: bytes. More are tried one by one.
const LARGEST: usize = 16 << 20;

/// Tells of many filters which may match, by a text that each of them needs in one column (`path:`, `method:`...).
#[derive(Debug, Default)]
pub struct Sieve {
    /// Those that say nothing of that kind, in order.
    open: Vec<usize>,
    columns: Vec<Together>,
}

/// Filters that need something in the same column.
#[derive(Debug)]
struct Together {
    needed: Needed,
    patterns: RegexSet,
    /// The filter of each pattern.
    filters: Vec<usize>,
}

impl Sieve {
    /// Makes some filters ready to be asked together. They are numbered from 0, as they come.
    pub fn new<'m>(matchers: impl IntoIterator<Item = &'m Matcher>) -> Self {
        let mut open = Vec::new();
        let mut columns: Vec<(Needed, Vec<&str>, Vec<usize>)> = Vec::new();
        for (at, matcher) in matchers.into_iter().enumerate() {
            let Some((needed, pattern)) = matcher.needed() else {
                open.push(at);
                continue;
            };
            match columns.iter_mut().find(|(known, ..)| *known == needed) {
                Some((_, patterns, _)) if patterns.len() >= MOST => open.push(at),
                Some((_, patterns, filters)) => {
                    patterns.push(pattern);
                    filters.push(at);
                }
                None => columns.push((needed, vec![pattern], vec![at])),
            }
        }
        let mut sieve = Self::default();
        for (needed, patterns, filters) in columns {
            match together(&patterns) {
                Some(patterns) => sieve.columns.push(Together {
                    needed,
                    patterns,
                    filters,
                }),
                None => open.extend(filters),
            }
        }
        open.sort_unstable();
        sieve.open = open;
        sieve
    }

    /// The filters that may match a flow, in order: all others do not.
    pub fn may_match(&self, flow: &Flow) -> Cow<'_, [usize]> {
        let mut may = Cow::Borrowed(self.open.as_slice());
        for column in &self.columns {
            let Some(text) = column.needed.text(flow) else {
                continue;
            };
            // nearly always nothing is found, and then nothing is allocated
            if column.patterns.is_match(text.as_bytes()) {
                let found = column.patterns.matches(text.as_bytes());
                let filters = found.iter().filter_map(|at| column.filters.get(at));
                may.to_mut().extend(filters);
            }
        }
        if let Cow::Owned(may) = &mut may {
            may.sort_unstable();
        }
        may
    }
}

fn together(patterns: &[&str]) -> Option<RegexSet> {
    if patterns.len() < WORTH {
        return None;
    }
    let mut builder = RegexSetBuilder::new(patterns);
    builder.size_limit(LARGEST).dfa_size_limit(LARGEST);
    builder.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FlowId;
    use crate::filter::{Filter, Passing};

    fn flow(method: &str, path: &str) -> Flow {
        Flow {
            method: method.to_owned(),
            path: path.to_owned(),
            host: "shop.example".to_owned(),
            ..Flow::unknown(FlowId(1), ([127, 0, 0, 1], 1).into())
        }
    }

    /// What the sieve lets through, and of that what matches; and what matches when each filter is asked.
    fn sifted(filters: &[&str], flow: &Flow) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
        let read = |text: &&str| Filter::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let matchers: Vec<_> = filters.iter().map(|text| read(text).matcher()).collect();
        let passing = Passing {
            flow,
            heads: &[],
            body: None,
        };
        let matches = |at: &usize| matchers[*at].matches(passing);
        let may = Sieve::new(&matchers).may_match(flow).into_owned();
        let found = may.iter().copied().filter(matches).collect();
        let each = (0..matchers.len()).filter(matches).collect();
        (may, found, each)
    }

    const FILTERS: [&str; 12] = [
        "path:/a",
        "path:/b method:post",
        "not path:/a",
        "path:/c or path:/a",
        "",
        "path:/D",
        "path:/d*",
        "path:/^.a/",
        "method:GET",
        "path:/a host:other.example",
        "path:?q=1",
        "status:200 path:/a",
    ];

    #[test]
    fn nothing_that_matches_is_left_out() {
        for path in ["/a", "/A?x", "/b", "/d", "/d/a", "/x?q=1", "/", ""] {
            for method in ["GET", "POST", "get", ""] {
                let (may, found, each) = sifted(&FILTERS, &flow(method, path));
                assert_eq!(found, each, "{method} {path}");
                assert!(may.is_sorted());
            }
        }
    }

    #[test]
    fn most_of_what_does_not_match_is() {
        let many: Vec<_> = (0..100).map(|n| format!("path:/nothing/{n}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert!(sifted(&many, &flow("GET", "/users/1")).0.is_empty());
        let (may, found, _) = sifted(&many, &flow("GET", "/nothing/17?x"));
        assert_eq!((may, found), (vec![1, 17], vec![1, 17]));
        // a few are asked one by one, as is what a person wrote as an expression
        assert_eq!(sifted(&many[..3], &flow("GET", "/users/1")).0, [0, 1, 2]);
        let regexes = ["path:/a.b/", "path:/c.d/", "path:/e.f/", "path:/g.h/"];
        assert_eq!(sifted(&regexes, &flow("GET", "/")).0, [0, 1, 2, 3]);
    }
}
