//! A filter's text to tokens.

use super::{FilterError, field::Field};

/// Characters of the filter's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) offset: usize,
    pub(super) length: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenKind {
    Open,
    Close,
    And,
    Or,
    Not,
    Term(Term),
}

/// A value, and what it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) field: Option<Field>,
    pub(super) compare: Option<Compare>,
    pub(super) value: Value,
    /// Where the value stands.
    pub(super) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Greater,
    AtLeast,
    Less,
    AtMost,
    Equal,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(Text),
    Regex {
        source: String,
        ignore_case: bool,
    },
    /// Nothing stands after the colon.
    Missing,
}

/// A word or a quoted text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) pieces: Vec<Piece>,
    /// All of it stood in quotes.
    pub(super) quoted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    Char(char),
    /// `*`
    Any,
    /// `?`
    One,
}

impl Text {
    /// The text as it was written, without quotes.
    pub(super) fn plain(&self) -> String {
        let chars = self.pieces.iter().map(|piece| match piece {
            Piece::Char(c) => *c,
            Piece::Any => '*',
            Piece::One => '?',
        });
        chars.collect()
    }

    /// It is just `*`.
    pub(super) fn is_any(&self) -> bool {
        self.pieces == [Piece::Any]
    }
}

pub(super) fn lex(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut lexer = Lexer {
        chars: text.chars().collect(),
        at: 0,
    };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
}

impl Lexer {
    fn next(&mut self) -> Result<Option<Token>, FilterError> {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        let begin = self.at;
        let Some(first) = self.peek() else {
            return Ok(None);
        };
        let kind = match first {
            '(' => self.sign(1, TokenKind::Open),
            ')' => self.sign(1, TokenKind::Close),
            '|' if self.ahead(1) == Some('|') => self.sign(2, TokenKind::Or),
            '|' => self.sign(1, TokenKind::Or),
            '!' => self.sign(1, TokenKind::Not),
            '-' => self.sign(1, TokenKind::Not),
            '&' if self.ahead(1) == Some('&') && ends(self.ahead(2)) => {
                self.sign(2, TokenKind::And)
            }
            '&' if ends(self.ahead(1)) => self.sign(1, TokenKind::And),
            _ => self.term()?,
        };
        let span = self.since(begin);
        Ok(Some(Token { kind, span }))
    }

    fn sign(&mut self, length: usize, kind: TokenKind) -> TokenKind {
        self.at += length;
        kind
    }

    fn term(&mut self) -> Result<TokenKind, FilterError> {
        let begin = self.at;
        let field = self.field()?;
        let compare = field.and_then(|_| self.compare());
        let value_begin = self.at;
        let value = self.value()?;
        if field.is_none()
            && let Value::Text(text) = &value
            && !text.quoted
            && let Some(operator) = operator(&text.plain())
            // quotes or backslashes make it a word
            && self.at - begin == text.pieces.len()
        {
            return Ok(operator);
        }
        Ok(TokenKind::Term(Term {
            field,
            compare,
            value,
            span: self.since(value_begin),
        }))
    }

    /// The field before a colon, when there is one.
    fn field(&mut self) -> Result<Option<Field>, FilterError> {
        let begin = self.at;
        let rest = self.chars.get(begin..).unwrap_or_default();
        let letters = rest.iter().take_while(|c| c.is_ascii_alphabetic()).count();
        if letters == 0 || rest.get(letters) != Some(&':') {
            return Ok(None);
        }
        let name: String = rest.iter().take(letters).collect();
        if let Some(field) = Field::named(&name) {
            self.at += letters + 1;
            return Ok(Some(field));
        }
        // a URL, or a host and a port, unless it looks much like a field
        let after = rest.get(letters + 1..).unwrap_or_default();
        let digits = after.iter().take_while(|c| c.is_ascii_digit()).count();
        let port = digits > 0
            && after
                .get(digits)
                .is_none_or(|c| "/)|".contains(*c) || c.is_whitespace());
        if after.starts_with(&['/', '/']) || (port && !Field::is_nearly(&name)) {
            return Ok(None);
        }
        let span = Span {
            offset: begin,
            length: letters,
        };
        let instead = match Field::nearest(&name) {
            Some(field) => format!("did you mean {}:", field.name()),
            None => format!("the fields are {}", Field::names()),
        };
        let message = format!(
            "there is no field {name}: ({instead}; to search for the text, put it in quotes)"
        );
        Err(FilterError::new(span, message))
    }

    fn compare(&mut self) -> Option<Compare> {
        let (compare, length) = match (self.peek()?, self.ahead(1)) {
            ('>', Some('=')) => (Compare::AtLeast, 2),
            ('>', _) => (Compare::Greater, 1),
            ('<', Some('=')) => (Compare::AtMost, 2),
            ('<', _) => (Compare::Less, 1),
            ('=', Some('=')) => (Compare::Equal, 2),
            ('=', _) => (Compare::Equal, 1),
            _ => return None,
        };
        self.at += length;
        Some(compare)
    }

    fn value(&mut self) -> Result<Value, FilterError> {
        if self.peek() == Some('/')
            && let Some((regex, length)) = self.regex()
        {
            self.at += length;
            return Ok(regex);
        }
        let text = self.text()?;
        if text.pieces.is_empty() && !text.quoted {
            return Ok(Value::Missing);
        }
        Ok(Value::Text(text))
    }

    /// A regular expression ends with the first slash that is not escaped, when nothing but a flag stands behind it.
    fn regex(&self) -> Option<(Value, usize)> {
        let rest = self.chars.get(self.at + 1..)?;
        let mut source = String::new();
        let mut chars = rest.iter().enumerate();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => match chars.next()?.1 {
                    '/' => source.push('/'),
                    other => source.extend(['\\', *other]),
                },
                '/' => {
                    let ignore_case = rest.get(at + 1) == Some(&'i');
                    let after = at + 1 + usize::from(ignore_case);
                    if source.is_empty() || !ends(rest.get(after).copied()) {
                        return None;
                    }
                    let regex = Value::Regex {
                        source,
                        ignore_case,
                    };
                    return Some((regex, after + 1));
                }
                c => source.push(*c),
            }
        }
        None
    }

    /// A word, of which parts may stand in quotes. Parentheses that are open within it belong to it.
    fn text(&mut self) -> Result<Text, FilterError> {
        let mut text = Text {
            pieces: Vec::new(),
            quoted: self.peek() == Some('"'),
        };
        let mut open = 0_u32;
        while let Some(c) = self.peek() {
            match c {
                c if c.is_whitespace() || c == '|' => break,
                '(' if text.pieces.is_empty() => break,
                '(' => open += 1,
                ')' if open == 0 => break,
                ')' => open -= 1,
                '"' => {
                    self.quoted(&mut text)?;
                    if text.quoted {
                        break;
                    }
                    continue;
                }
                '\\' if self.ahead(1).is_some_and(|c| "*?\"\\".contains(c)) => self.at += 1,
                '*' => {
                    text.pieces.push(Piece::Any);
                    self.at += 1;
                    continue;
                }
                '?' => {
                    text.pieces.push(Piece::One);
                    self.at += 1;
                    continue;
                }
                _ => (),
            }
            text.pieces.extend(self.peek().map(Piece::Char));
            self.at += 1;
        }
        Ok(text)
    }

    fn quoted(&mut self, text: &mut Text) -> Result<(), FilterError> {
        let begin = self.at;
        self.at += 1;
        loop {
            let c = self.peek();
            self.at += 1;
            match c {
                Some('"') => return Ok(()),
                Some('\\') if self.peek().is_some_and(|c| c == '"' || c == '\\') => {
                    text.pieces.extend(self.peek().map(Piece::Char));
                    self.at += 1;
                }
                Some(c) => text.pieces.push(Piece::Char(c)),
                None => {
                    let span = Span {
                        offset: begin,
                        length: 1,
                    };
                    return Err(FilterError::new(
                        span,
                        "this quote has no end: a closing \" is missing",
                    ));
                }
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.ahead(0)
    }

    fn ahead(&self, count: usize) -> Option<char> {
        self.chars.get(self.at + count).copied()
    }

    fn since(&self, begin: usize) -> Span {
        Span {
            offset: begin,
            length: self.at - begin,
        }
    }
}

/// A value may end here.
fn ends(next: Option<char>) -> bool {
    next.is_none_or(|c| c.is_whitespace() || c == ')' || c == '|')
}

fn operator(word: &str) -> Option<TokenKind> {
    let is = |operator: &str| word.eq_ignore_ascii_case(operator);
    match () {
        () if is("and") => Some(TokenKind::And),
        () if is("or") => Some(TokenKind::Or),
        () if is("not") => Some(TokenKind::Not),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens in short: `field:op'value'`, with wildcards as they are and regular expressions as `/x/`.
    fn short(text: &str) -> Vec<String> {
        let tokens = lex(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let short = tokens.into_iter().map(|token| match token.kind {
            TokenKind::Open => "(".to_owned(),
            TokenKind::Close => ")".to_owned(),
            TokenKind::And => "and".to_owned(),
            TokenKind::Or => "or".to_owned(),
            TokenKind::Not => "not".to_owned(),
            TokenKind::Term(term) => {
                let field = term.field.map(|f| format!("{}:", f.name()));
                let compare = term.compare.map(|c| format!("{c:?} "));
                let value = match term.value {
                    Value::Text(text) if text.quoted => format!("\"{}\"", text.plain()),
                    Value::Text(text) => text.plain(),
                    Value::Regex {
                        source,
                        ignore_case,
                    } => format!("/{source}/{}", if ignore_case { "i" } else { "" }),
                    Value::Missing => "-".to_owned(),
                };
                format!(
                    "{}{}{value}",
                    field.unwrap_or_default(),
                    compare.unwrap_or_default()
                )
            }
        });
        short.collect()
    }

    #[test]
    fn words_fields_and_operators() {
        assert_eq!(short(" a  b "), ["a", "b"]);
        assert_eq!(
            short("host:a.b or -path:/x"),
            ["host:a.b", "or", "not", "path:/x"]
        );
        assert_eq!(short("!(a|b)"), ["not", "(", "a", "or", "b", ")"]);
        assert_eq!(short("a AND NOT b"), ["a", "and", "not", "b"]);
        assert_eq!(short("a && b || c"), ["a", "and", "b", "or", "c"]);
        assert_eq!(
            short("status:>=400 size:<1k"),
            ["status:AtLeast 400", "size:Less 1k"]
        );
        assert_eq!(short("error: x"), ["error:-", "x"]);
    }

    #[test]
    fn quotes_make_words_of_operators_and_wildcards() {
        assert_eq!(
            short(r#""or" "a b" tag:"x \" y""#),
            ["\"or\"", "\"a b\"", "tag:\"x \" y\""]
        );
        let tokens = lex(r#""*" \* *"#).unwrap_or_default();
        let pieces = tokens.iter().map(|t| match &t.kind {
            TokenKind::Term(Term {
                value: Value::Text(text),
                ..
            }) => text.pieces.clone(),
            _ => Vec::new(),
        });
        let star = || vec![Piece::Char('*')];
        assert_eq!(
            pieces.collect::<Vec<_>>(),
            [star(), star(), vec![Piece::Any]]
        );
        assert_eq!(short(r#"header:accept="a b""#), ["header:accept=a b"]);
    }

    #[test]
    fn slashes_are_paths_or_expressions() {
        assert_eq!(short("path:/api/users"), ["path:/api/users"]);
        assert_eq!(short("path:/api"), ["path:/api"]);
        assert_eq!(short(r"/a b\/c\d/ x"), [r"/a b/c\d/", "x"]);
        assert_eq!(short("(host:/^a$/i)"), ["(", "host:/^a$/i", ")"]);
        assert_eq!(short("/a /b"), ["/a", "/b"]);
        assert_eq!(short("//"), ["//"]);
        assert_eq!(
            short("path:/a(b)c (path:/d)"),
            ["path:/a(b)c", "(", "path:/d", ")"]
        );
    }

    #[test]
    fn what_only_looks_like_a_field_is_a_word() {
        for word in [
            "http://a/b?c=1&d",
            "localhost:8080",
            "a:80/x",
            "12:30",
            "[::1]:80",
            "a.b:c",
        ] {
            assert_eq!(short(word), [word]);
        }
    }

    #[test]
    fn unknown_fields_are_told() {
        let error = lex("x hots:example").err();
        let error = error.unwrap_or_else(|| panic!("hots: was taken"));
        assert_eq!((error.offset, error.length), (2, 4));
        assert!(
            error.message.contains("did you mean host:"),
            "{}",
            error.message
        );
        let error = lex("\"ab").err();
        assert_eq!(error.map(|e| (e.offset, e.length)), Some((0, 1)));
    }
}
