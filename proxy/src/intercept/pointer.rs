//! Setting a value in JSON by a JSON Pointer (RFC 6901), in place: everything else keeps its order and its spaces.

use serde_json::Value;

/// The text with `value` where the pointer leads. A member that is not there is added to its object, and `-` adds to a
/// list; what lies between must be there.
///
/// # Errors
/// Why it cannot be done, for a person.
pub(crate) fn set(text: &[u8], pointer: &str, value: &Value) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "the body is not JSON: it is not UTF-8")?;
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map_err(|error| format!("the body is not JSON: {error}"))?;
    let value = value.to_string();
    let mut place = Scan {
        text: text.as_bytes(),
        at: 0,
    };
    place.spaces();
    let tokens = tokens(pointer)?;
    let mut walked = String::new();
    for (at, token) in tokens.iter().enumerate() {
        let last = at + 1 == tokens.len();
        match place.descend(token) {
            Found::There => {}
            Found::Missing { end, empty } if last => {
                let comma = if empty { "" } else { "," };
                let name = match place.peek() {
                    Some(b'{') => format!("{}:", Value::String(token.clone())),
                    _ => String::new(),
                };
                let (before, after) = text.split_at_checked(end).unwrap_or((text, ""));
                return Ok(format!("{before}{comma}{name}{value}{after}").into_bytes());
            }
            Found::Missing { .. } => {
                return Err(format!("the body has nothing at {walked}/{token}"));
            }
            Found::Scalar => {
                let what = if walked.is_empty() {
                    "the body"
                } else {
                    &walked
                };
                return Err(format!(
                    "{what} is neither an object nor a list: there is no {token:?} in it"
                ));
            }
            Found::NoIndex => {
                return Err(format!(
                    "{walked}/{token} is no place in a list: write a number that there is, or - for behind it"
                ));
            }
        }
        walked.push('/');
        walked.push_str(token);
    }
    let start = place.at;
    place.value();
    let before = text.get(..start).unwrap_or_default();
    let after = text.get(place.at..).unwrap_or_default();
    Ok(format!("{before}{value}{after}").into_bytes())
}

/// A pointer's parts.
pub(crate) fn tokens(pointer: &str) -> Result<Vec<String>, String> {
    let Some(rest) = pointer.strip_prefix('/') else {
        return match pointer {
            "" => Ok(Vec::new()),
            _ => Err(format!(
                "{pointer:?} is no JSON Pointer: write one as /items/0/name (RFC 6901)"
            )),
        };
    };
    let token = |token: &str| token.replace("~1", "/").replace("~0", "~");
    Ok(rest.split('/').map(token).collect())
}

enum Found {
    There,
    /// Nothing there: the object or list ends at `end`, and may be empty.
    Missing {
        end: usize,
        empty: bool,
    },
    Scalar,
    NoIndex,
}

/// Reads JSON that was checked.
struct Scan<'t> {
    text: &'t [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Goes to the value that a token names; stays where it is when there is none.
    fn descend(&mut self, token: &str) -> Found {
        let begin = self.at;
        let list = match self.peek() {
            Some(b'{') => false,
            Some(b'[') => true,
            _ => return Found::Scalar,
        };
        let index = token
            .parse::<usize>()
            .ok()
            .filter(|n| n.to_string() == token);
        if list && index.is_none() && token != "-" {
            return Found::NoIndex;
        }
        self.at += 1;
        let mut count = 0;
        // where the last value ends
        let mut end = self.at;
        loop {
            self.spaces();
            match self.peek() {
                Some(b'}' | b']') | None => break,
                Some(b',') => {
                    self.at += 1;
                    continue;
                }
                _ => {}
            }
            let wanted = if list {
                index == Some(count)
            } else {
                let name = self.at;
                self.string();
                let name = self.text.get(name..self.at).unwrap_or_default();
                let name = serde_json::from_slice::<String>(name).unwrap_or_default();
                self.spaces();
                // the colon
                self.at += 1;
                self.spaces();
                name == token
            };
            if wanted {
                return Found::There;
            }
            self.value();
            end = self.at;
            count += 1;
        }
        self.at = begin;
        match list && index.is_some_and(|index| index != count) {
            true => Found::NoIndex,
            false => Found::Missing {
                end,
                empty: count == 0,
            },
        }
    }

    /// Goes behind the string that begins here.
    fn string(&mut self) {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'\\') => self.at += 2,
                Some(b'"') | None => break,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
    }

    /// Goes behind the value that begins here.
    fn value(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                None => return,
                Some(b'"') => {
                    self.string();
                    if depth == 0 {
                        return;
                    }
                }
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') => {
                    if depth == 0 {
                        return;
                    }
                    depth -= 1;
                    self.at += 1;
                    if depth == 0 {
                        return;
                    }
                }
                Some(b',' | b' ' | b'\t' | b'\r' | b'\n') if depth == 0 => return,
                Some(_) => self.at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn made(text: &str, pointer: &str, value: Value) -> Result<String, String> {
        set(text.as_bytes(), pointer, &value)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn a_value_is_set_and_all_else_stays() {
        let text = "{ \"z\": 1,\n  \"a\": {\"b\": [1, \"x,]\\\"\", {\"c\": null}]} }\n";
        for (pointer, value, expected) in [
            ("/z", json!("new"), text.replace(": 1,", ": \"new\",")),
            ("/a/b/1", json!(2), text.replace("\"x,]\\\"\"", "2")),
            ("/a/b/2/c", json!(true), text.replace("null", "true")),
            ("/a/b/-", json!(9), text.replace("}]}", "},9]}")),
            ("/a/b/3", json!(9), text.replace("}]}", "},9]}")),
            (
                "/a/new",
                json!([]),
                text.replace("}]} }", "}],\"new\":[]} }"),
            ),
            ("/a", json!(0), "{ \"z\": 1,\n  \"a\": 0 }\n".to_owned()),
            ("", json!(7), "7\n".to_owned()),
        ] {
            assert_eq!(made(text, pointer, value), Ok(expected), "{pointer}");
        }
        assert_eq!(made("{}", "/a~1b", json!(1)), Ok("{\"a/b\":1}".to_owned()));
        assert_eq!(made(" [ ] ", "/0", json!(1)), Ok(" [1 ] ".to_owned()));
    }

    #[test]
    fn what_cannot_be_set_is_told() {
        for (text, pointer, told) in [
            ("<html>", "/a", "not JSON"),
            ("{\"a\": 1}", "/a/b", "/a is neither an object nor a list"),
            ("{\"a\": {}}", "/b/c", "nothing at /b"),
            ("[1]", "/5", "is no place in a list"),
            ("[1]", "/x", "is no place in a list"),
            ("1", "a", "no JSON Pointer"),
        ] {
            let error = made(text, pointer, json!(1)).err().unwrap_or_default();
            assert!(error.contains(told), "{text} {pointer}: {error}");
        }
    }

    #[test]
    fn what_is_made_is_what_serde_json_would_make() {
        // every place of a document, set and read again
        let text = r#"{"a":[{"b":"\\\"","c":[[],{}]},-1.5e3,"é,{"],"":{"/":null}}"#;
        let whole: Value = serde_json::from_str(text).unwrap_or_default();
        for pointer in [
            "/a", "/a/0", "/a/0/b", "/a/0/c/0", "/a/0/c/1", "/a/1", "/a/2", "/", "//~1",
        ] {
            let mut expected = whole.clone();
            if let Some(place) = expected.pointer_mut(pointer) {
                *place = json!({"new": [1]});
            }
            let made = made(text, pointer, json!({"new": [1]})).unwrap_or_default();
            assert_eq!(
                serde_json::from_str::<Value>(&made).ok(),
                Some(expected),
                "{pointer}"
            );
        }
    }
}
