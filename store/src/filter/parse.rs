//! Tokens to a tree of conditions.

use super::{
    FilterError,
    lex::{Span, Token, TokenKind},
    test::{self, Test},
};
use std::{iter::Peekable, vec};

/// Terms in one filter.
const TERMS: usize = 100;

/// Parentheses and negations within each other.
const DEPTH: usize = 50;

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Test(Test),
}

pub(super) fn parse(tokens: Vec<Token>) -> Result<Option<Node>, FilterError> {
    if tokens.is_empty() {
        return Ok(None);
    }
    let end = tokens.last().map_or(0, |t| t.span.offset + t.span.length);
    let mut parser = Parser {
        tokens: tokens.into_iter().peekable(),
        end: Span {
            offset: end,
            length: 1,
        },
        terms: 0,
        depth: 0,
    };
    let root = parser.or()?;
    match parser.tokens.next() {
        Some(token) => {
            let message = "this ) has no ( before it";
            Err(FilterError::new(token.span, message))
        }
        None => Ok(Some(root)),
    }
}

struct Parser {
    tokens: Peekable<vec::IntoIter<Token>>,
    end: Span,
    terms: usize,
    depth: usize,
}

impl Parser {
    fn or(&mut self) -> Result<Node, FilterError> {
        let mut any = vec![self.and()?];
        while self.take(&TokenKind::Or).is_some() {
            any.push(self.and()?);
        }
        Ok(one_or(any, Node::Or))
    }

    fn and(&mut self) -> Result<Node, FilterError> {
        let mut all = vec![self.not()?];
        loop {
            if self.take(&TokenKind::And).is_none() {
                let next = self.tokens.peek().map(|t| &t.kind);
                if matches!(next, None | Some(TokenKind::Or | TokenKind::Close)) {
                    break;
                }
            }
            all.push(self.not()?);
        }
        Ok(one_or(all, Node::And))
    }

    fn not(&mut self) -> Result<Node, FilterError> {
        let Some(token) = self.tokens.next() else {
            let message = "the filter ends here: a word, field:value or ( is missing";
            return Err(FilterError::new(self.end, message));
        };
        self.depth += 1;
        if self.depth > DEPTH {
            let message = "there are too many parentheses or negations within each other here";
            return Err(FilterError::new(token.span, message));
        }
        let node = match token.kind {
            TokenKind::Not => Node::Not(Box::new(self.not()?)),
            TokenKind::Open => {
                if self.tokens.peek().is_none() {
                    let message = "this ( has no ) after it";
                    return Err(FilterError::new(token.span, message));
                }
                let node = self.or()?;
                if self.take(&TokenKind::Close).is_none() {
                    let message = "this ( has no ) after it";
                    return Err(FilterError::new(token.span, message));
                }
                node
            }
            TokenKind::Term(term) => {
                self.terms += 1;
                if self.terms > TERMS {
                    let message =
                        format!("a filter has at most {TERMS} terms, and this is one more");
                    return Err(FilterError::new(token.span, message));
                }
                Node::Test(test::test(&term, token.span)?)
            }
            TokenKind::Or | TokenKind::And => {
                let message = "a condition is missing before this (to search for the word itself, put it in quotes)";
                return Err(FilterError::new(token.span, message));
            }
            TokenKind::Close => {
                let message = "a word or field:value was expected before this )";
                return Err(FilterError::new(token.span, message));
            }
        };
        self.depth -= 1;
        Ok(node)
    }

    fn take(&mut self, kind: &TokenKind) -> Option<Token> {
        self.tokens.next_if(|token| token.kind == *kind)
    }
}

fn one_or(mut nodes: Vec<Node>, several: impl FnOnce(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        last => {
            nodes.extend(last);
            several(nodes)
        }
    }
}
