//! What rules do.

use super::Stage;
use crate::flow::Color;
use serde::{Deserialize, Serialize};

/// One thing that a rule does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Action {
    /// Sets a field: the first with this name gets the value, others go; added when there is none.
    SetHeader {
        /// Its name, as it is to be written.
        name: String,
        /// Its value.
        value: String,
        /// Also what tells where the body ends and how it is coded may be set, and is sent as it is written, right or wrong;
        /// nothing follows on its connection.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        as_written: bool,
    },
    /// Adds a field behind all others.
    AddHeader {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Takes every field with this name away.
    RemoveHeader {
        /// Its name, case alike.
        name: String,
    },
    /// Replaces within the values of every field with this name.
    ReplaceHeader {
        /// Its name.
        name: String,
        /// What to find: text, or a regular expression.
        find: String,
        /// What stands there instead; `$1` is a group of a regular expression.
        with: String,
        /// `find` is a regular expression.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        regex: bool,
    },
    /// Another method.
    SetMethod {
        /// The method.
        method: String,
    },
    /// Other parts of the URL; another scheme, host or port leads to another server.
    SetUrl {
        /// `http` or `https`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scheme: Option<String>,
        /// A host without its port.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
        /// A port.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        /// A path, without the query.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        /// A query, without its `?`; empty takes it off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        query: Option<String>,
    },
    /// Replaces within the path and query.
    ReplaceUrl {
        /// What to find in the path and query.
        find: String,
        /// What stands there instead; `$1` is a group of a regular expression.
        with: String,
        /// `find` is a regular expression.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        regex: bool,
    },
    /// Leads the request to another server.
    MapRemote {
        /// Where: `http` or `https`, a host, perhaps a port. A path in it is put before the request's own.
        to: String,
        /// The beginning of the request's path that is taken off first.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        from: String,
        /// `Host` stays as the client sent it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keep_host: bool,
    },
    /// Answers from a file, or from a folder by the request's path; its type is told by its name.
    MapLocal {
        /// The file or the folder, as a whole path.
        path: String,
        /// The beginning of the request's path that is taken off before a file of the folder is looked for.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        from: String,
    },
    /// Answers in the server's place. At the stage response, the server's answer is dropped.
    Answer {
        /// The status; 200 when absent.
        #[serde(default = "ok")]
        status: u16,
        /// Fields, as name and value.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        headers: Vec<(String, String)>,
        /// The body; none when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Content>,
    },
    /// Answers with what was recorded (server replay): a request is answered with the response of the first flow that had its
    /// method and URL when the rule began to act, the next one with that of the next; the last is given again and again.
    AnswerRecorded {
        /// Which recorded flows, in the filter language (`session:3`); empty for all.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        filter: String,
        /// Names in the query that may differ; `*` for the whole query.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ignore_query: Vec<String>,
        /// Fields of the request that must be the same.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        same_headers: Vec<String>,
        /// The request's body must be the same.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        same_body: bool,
        /// What becomes of a request like which nothing was recorded.
        #[serde(default)]
        missing: Missing,
    },
    /// Answers with a redirect.
    Redirect {
        /// Where to. `{path}` stands for the path and query that were asked for.
        to: String,
        /// 301, 302, 303, 307 or 308; 302 when absent.
        #[serde(default = "found")]
        status: u16,
    },
    /// Does not let it pass.
    Block {
        /// How the client hears of it.
        #[serde(default)]
        how: How,
    },
    /// Sends it another way: only the connection is made elsewhere, the request stays as it is.
    Upstream {
        /// Where the connection is made instead: `HOST:PORT`, `HOST` (with the port that it had), or an HTTP proxy that is asked
        /// for a tunnel (CONNECT): `http://[USER:PASSWORD@]HOST[:PORT]`.
        #[schema(example = "127.0.0.1:3000")]
        to: String,
    },
    /// Another status.
    SetStatus {
        /// From 200 to 599.
        status: u16,
    },
    /// Lets it wait.
    Delay {
        /// Milliseconds, at most an hour.
        ms: u64,
    },
    /// Replaces within the body.
    ReplaceBody {
        /// What to find: text, or a regular expression.
        find: String,
        /// What stands there instead; `$1` is a group of a regular expression.
        with: String,
        /// `find` is a regular expression.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        regex: bool,
    },
    /// Another body.
    SetBody {
        /// The body.
        body: Content,
        /// What tells where the body ends and how it is coded stays as it is, right or wrong; nothing follows on its connection.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        as_written: bool,
    },
    /// Sets a value in a body that is JSON.
    SetJson {
        /// Where: a JSON Pointer (RFC 6901). What is not there in an object is added; `-` is behind a list.
        #[schema(example = "/items/0/price")]
        path: String,
        /// The value, any JSON.
        #[schema(value_type = Object)]
        value: serde_json::Value,
    },
    /// Keeps caches out: at the stage request the validators go, at the stage response what says how long it may be kept.
    NoCaching,
    /// Takes cookies away: from `Cookie` at the stage request, from `Set-Cookie` at the stage response.
    StripCookies {
        /// Only the cookie with this name.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        name: String,
    },
    /// Sets a cookie: in `Cookie` at the stage request, as `Set-Cookie` at the stage response.
    SetCookie {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// At the stage response, what follows the value, such as `Path=/; Secure`.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        attributes: String,
    },
    /// Lets pages of every origin read the response (CORS); a preflight is answered with leave.
    AllowCors,
    /// Slows it down.
    Throttle(Link),
    /// Puts tags on the flow.
    Tag {
        /// Words without commas.
        tags: Vec<String>,
    },
    /// Puts a comment on the flow.
    Comment {
        /// The comment.
        text: String,
    },
    /// Puts a color on the flow.
    Highlight {
        /// The color.
        #[schema(value_type = String, example = "red")]
        color: Color,
    },
    /// Lets it pass unrecorded.
    DoNotRecord,
    /// Lets it wait for a person: a breakpoint.
    Wait {
        /// After so many seconds it goes on as it came; 0 for never.
        #[serde(default, skip_serializing_if = "is_zero")]
        seconds: u64,
    },
}

/// How slow a connection is: a profile, numbers of one's own, or a profile with other numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// `gprs`, `edge`, `3g`, `slow-4g`, `lte`, `dsl`, `wifi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "3g")]
    pub profile: Option<String>,
    /// Kilobits a second to the client, for all of a host together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down_kbps: Option<u64>,
    /// Kilobits a second to the server, for all of a host together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_kbps: Option<u64>,
    /// Milliseconds before a request goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
}

/// A body: exactly one of the members.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Text, sent as UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Any bytes, in base64 (RFC 4648 section 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// A file, as a whole path; read anew each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// What becomes of a request like which nothing was recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// It is answered with the status 404 and a page that says so.
    #[default]
    NotFound,
    /// It goes on.
    Pass,
}

/// How a client hears that it is blocked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// With the status 403 and a page that says so.
    #[default]
    Forbidden,
    /// Its connection is closed (HTTP/2: the stream is cancelled).
    Close,
    /// Its connection is reset (HTTP/2: the stream is).
    Reset,
}

impl Action {
    /// Its name, as it is written in `do`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SetHeader { .. } => "set-header",
            Self::AddHeader { .. } => "add-header",
            Self::RemoveHeader { .. } => "remove-header",
            Self::ReplaceHeader { .. } => "replace-header",
            Self::SetMethod { .. } => "set-method",
            Self::SetUrl { .. } => "set-url",
            Self::ReplaceUrl { .. } => "replace-url",
            Self::MapRemote { .. } => "map-remote",
            Self::MapLocal { .. } => "map-local",
            Self::Answer { .. } => "answer",
            Self::AnswerRecorded { .. } => "answer-recorded",
            Self::Redirect { .. } => "redirect",
            Self::Block { .. } => "block",
            Self::Upstream { .. } => "upstream",
            Self::SetStatus { .. } => "set-status",
            Self::Delay { .. } => "delay",
            Self::ReplaceBody { .. } => "replace-body",
            Self::SetBody { .. } => "set-body",
            Self::SetJson { .. } => "set-json",
            Self::NoCaching => "no-caching",
            Self::StripCookies { .. } => "strip-cookies",
            Self::SetCookie { .. } => "set-cookie",
            Self::AllowCors => "allow-cors",
            Self::Throttle(_) => "throttle",
            Self::Tag { .. } => "tag",
            Self::Comment { .. } => "comment",
            Self::Highlight { .. } => "highlight",
            Self::DoNotRecord => "do-not-record",
            Self::Wait { .. } => "wait",
        }
    }

    /// Where it can be done.
    pub fn stages(&self) -> &'static [Stage] {
        match self {
            Self::SetMethod { .. }
            | Self::SetUrl { .. }
            | Self::ReplaceUrl { .. }
            | Self::MapRemote { .. }
            | Self::MapLocal { .. }
            | Self::Upstream { .. }
            | Self::AnswerRecorded { .. }
            | Self::Throttle(_)
            | Self::DoNotRecord => &[Stage::Request],
            Self::SetStatus { .. } | Self::AllowCors => &[Stage::Response],
            Self::Block { .. }
            | Self::Delay { .. }
            | Self::ReplaceBody { .. }
            | Self::SetBody { .. }
            | Self::SetJson { .. }
            | Self::Tag { .. }
            | Self::Comment { .. }
            | Self::Highlight { .. }
            | Self::Wait { .. } => &[Stage::Request, Stage::Response, Stage::Message],
            _ => &[Stage::Request, Stage::Response],
        }
    }

    /// Whether it looks at the body, which is held until it is whole.
    pub fn needs_body(&self) -> bool {
        matches!(
            self,
            Self::ReplaceBody { .. }
                | Self::SetBody { .. }
                | Self::SetJson { .. }
                | Self::Wait { .. }
                | Self::AnswerRecorded {
                    same_body: true,
                    ..
                }
        )
    }
}

fn ok() -> u16 {
    200
}

fn found() -> u16 {
    302
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
