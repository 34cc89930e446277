//! Rules: what is changed on its way, and when.
//!
//! A rule has a filter, a stage, and actions that are done in order. Here is what a rule *is*, as the database, the
//! API and a file of rules hold it; what it does is the proxy's.

mod action;
mod file;

pub use action::{Action, Content, How, Link, Missing};
pub use file::{FileError, add_toml, from_toml, to_toml};

use crate::{Timestamp, filter::Filter, flow::Side};
use serde::{Deserialize, Serialize};

/// Identifies a rule; counts up from 1 within one database. Those of a file have negative numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub i64);

/// Where on an exchange's way a rule acts.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// On the request, before it goes to the server.
    #[default]
    Request = 0,
    /// On the final response, before it goes to the client.
    Response = 1,
    /// On each message of a WebSocket, before it goes to the other side.
    Message = 2,
}

/// Who sends a message of a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// The client, to the server.
    Client = 1,
    /// The server, to the client.
    Server = 2,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What a person calls it.
    #[schema(example = "Staging instead of production")]
    pub name: String,
    /// The rules that are switched on and off together with it; empty when it is alone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Whether it acts.
    #[serde(default = "on", skip_serializing_if = "is_on")]
    pub on: bool,
    /// Which messages, in the filter language; empty for all. Every rule's filter looks at the message as it came.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(example = "host:api.example.com path:/v1")]
    pub filter: String,
    /// On requests, on responses, or on messages of WebSockets.
    #[serde(default)]
    pub stage: Stage,
    /// At the stage message, only those of this side; absent for both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
    /// What is done, in order.
    pub actions: Vec<Action>,
}

/// A rule with its number.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRule {
    /// Its number.
    pub id: RuleId,
    /// What it says.
    pub rule: Rule,
}

/// One thing that a rule did to a flow, or could not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Done {
    /// The rule's number.
    pub rule: i64,
    /// What it was called.
    pub name: String,
    /// Where it acted.
    pub stage: Stage,
    /// What it did, or tried to do: the name of the action.
    #[schema(example = "set-header")]
    pub action: String,
    /// What was done in words; or why nothing was.
    pub text: String,
    /// It could not be done; the message went on without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// The recorded flow whose response was the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub flow: Option<i64>,
}

/// What rules made of a flow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// What they did, in order.
    pub done: Vec<Done>,
    /// Bytes of the request's body that was sent instead of the one that came.
    pub request_body: Option<u64>,
    /// Bytes of the response's body that was sent instead of the one that came.
    pub response_body: Option<u64>,
}

impl Rule {
    /// The longest name or group, in bytes.
    pub const MOST_NAME: usize = 200;

    /// Reads its filter.
    ///
    /// # Errors
    /// [`RuleError`]: the filter cannot be read, or asks for something that is not known at this stage.
    pub fn read_filter(&self) -> Result<Filter, RuleError> {
        let filter = Filter::parse(&self.filter)?;
        match filter.unknown_at(self.stage) {
            Some(why) => Err(RuleError::Unknown(why)),
            None => Ok(filter),
        }
    }

    /// Looks at what can be looked at without the actions.
    ///
    /// # Errors
    /// [`RuleError`].
    pub fn check(&self) -> Result<(), RuleError> {
        self.read_filter()?;
        for (what, text) in [("name", &self.name), ("group", &self.group)] {
            if text.len() > Self::MOST_NAME || text.chars().any(char::is_control) {
                return Err(RuleError::Text(format!(
                    "a rule's {what} is one line of at most {} bytes",
                    Self::MOST_NAME
                )));
            }
        }
        if self.name.trim().is_empty() || self.name.contains(',') {
            return Err(RuleError::Text(
                "a rule has a name, without commas: the list of flows shows it".to_owned(),
            ));
        }
        if self.actions.is_empty() {
            return Err(RuleError::Text(format!(
                "the rule {:?} has no action: there is nothing that it would do",
                self.name
            )));
        }
        if let Some(action) = self
            .actions
            .iter()
            .find(|action| !action.stages().contains(&self.stage))
        {
            let stages: Vec<_> = action.stages().iter().map(|stage| stage.name()).collect();
            return Err(RuleError::Text(format!(
                "{} is for rules of the stage {}: the rule {:?} acts elsewhere",
                action.name(),
                stages.join(" or "),
                self.name
            )));
        }
        if self.sender.is_some() && self.stage != Stage::Message {
            return Err(RuleError::Text(format!(
                "sender is for rules of the stage message: the rule {:?} acts elsewhere",
                self.name
            )));
        }
        Ok(())
    }
}

impl Sender {
    /// Its name, as rules write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

impl Stage {
    /// Its name, as rules write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
            Self::Message => "message",
        }
    }
}

/// What became of a message of a WebSocket that rules touched, or one that a person sent into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedMessage {
    /// Which direction.
    pub side: Side,
    /// Where its first frame begins, in bytes from the beginning of its direction, as they came.
    pub offset: u64,
    /// Bytes from there to the end of its last frame, as they came; control frames between its frames are among them. 0
    /// when it went on before its end had come.
    pub length: u64,
    /// It is text (RFC 6455 section 5.6); otherwise binary.
    pub text: bool,
    /// It was not sent at all.
    pub dropped: bool,
    /// What was sent instead, without compression; none when it went on as it came.
    pub sent: Option<Vec<u8>>,
    /// What rules did, in order.
    pub done: Vec<Done>,
    /// When it was sent by hand: nothing came then, `offset` is how many bytes of its direction had gone on before it, and
    /// `sent` is what it says.
    pub by_hand: Option<Timestamp>,
}

/// Why a rule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// Its filter cannot be read.
    #[error(transparent)]
    Filter(#[from] crate::filter::FilterError),
    /// Its filter asks for what is not known at its stage.
    #[error("{0}")]
    Unknown(String),
    /// Something else is wrong; the text says what, and what to do.
    #[error("{0}")]
    Text(String),
}

impl Done {
    /// Several as they are recorded.
    pub fn to_json(done: &[Self]) -> String {
        serde_json::to_string(done).unwrap_or_default()
    }
}

/// The moment that ages are counted from.
pub(crate) fn now() -> i64 {
    Timestamp::now().0
}

fn on() -> bool {
    true
}

fn is_on(on: &bool) -> bool {
    *on
}

#[cfg(test)]
mod tests;
