//! What goes into a script and what comes out of it, as plain data.

use overhear_store::FlowId;

/// A function that a script may export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    Request,
    Response,
    Message,
}

impl Hook {
    pub(crate) const ALL: [Self; 3] = [Self::Request, Self::Response, Self::Message];

    /// Its name in JavaScript.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Request => "onRequest",
            Self::Response => "onResponse",
            Self::Message => "onMessage",
        }
    }
}

/// What a script is asked about.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    pub(crate) start: Start,
    pub(crate) headers: Vec<(String, String)>,
    /// None when it is not held.
    pub(crate) body: Option<Vec<u8>>,
    /// Why it is not held.
    pub(crate) why: String,
    pub(crate) flow: FlowInput,
}

/// What a message begins with.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    Request {
        method: String,
        scheme: &'static str,
        host: String,
        port: u16,
        /// With the query.
        path: String,
        version: String,
    },
    Response {
        status: u16,
        reason: String,
    },
    /// Of a WebSocket.
    Message {
        from_client: bool,
        text: bool,
    },
}

impl Start {
    pub(crate) fn hook(&self) -> Hook {
        match self {
            Self::Request { .. } => Hook::Request,
            Self::Response { .. } => Hook::Response,
            Self::Message { .. } => Hook::Message,
        }
    }
}

/// What a script may know of the flow.
#[derive(Debug, Clone)]
pub(crate) struct FlowInput {
    pub(crate) id: FlowId,
    pub(crate) client: String,
    pub(crate) app: String,
    pub(crate) tags: Vec<String>,
    pub(crate) comment: String,
    pub(crate) highlight: String,
    pub(crate) request: Asked,
}

/// The request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// What a script made of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Output {
    pub(crate) verdict: Option<Verdict>,
    pub(crate) edits: Edits,
    pub(crate) tags: Vec<String>,
    pub(crate) comment: Option<String>,
    /// One of the colors' names.
    pub(crate) highlight: Option<String>,
}

/// What becomes of a message instead of going on.
#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    Drop,
    Block,
    Answer(Edits),
}

/// What is another now; none for what is not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edits {
    pub(crate) method: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) reason: Option<String>,
    pub(crate) headers: Option<Vec<(String, String)>>,
    pub(crate) body: Option<Sent>,
}

/// A body from a script.
#[derive(Debug, Clone)]
pub(crate) enum Sent {
    Text(String),
    Bytes(Vec<u8>),
}
