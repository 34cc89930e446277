//! Answers out of what was recorded. Who reads recordings stands above this crate, behind [`Recorded`].

use super::{
    coding::decoded,
    message::{Message, Start, is_hop, text},
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use overhear_store::FlowId;
use std::fmt;

/// A request for which an answer is looked for.
#[derive(Debug, Clone, Default)]
pub struct RecordedAsk {
    /// The method.
    pub method: String,
    /// The absolute URL: `http` or `https`, the port only when it is not the scheme's own.
    pub url: String,
    /// Fields in order.
    pub headers: Vec<(String, String)>,
    /// The body without content coding, where it was asked for and could be held.
    pub body: Option<Bytes>,
}

/// What was recorded.
#[derive(Debug, Clone)]
pub struct RecordedAnswer {
    /// The flow.
    pub flow: FlowId,
    /// What of its request is the same, for a person.
    pub how: String,
    /// The status.
    pub status: u16,
    /// Fields in order.
    pub headers: Vec<(String, String)>,
    /// The body, with its content coding.
    pub body: Bytes,
}

/// Finds answers in what was recorded.
pub trait Recorded: fmt::Debug + Send + Sync {
    /// The answer to a request; none when there is none.
    ///
    /// # Errors
    /// Why there is none although there should be, for a person.
    fn find<'f>(
        &'f self,
        asked: RecordedAsk,
    ) -> BoxFuture<'f, Result<Option<RecordedAnswer>, String>>;
}

/// An answer that was found.
pub(super) struct Found {
    pub(super) flow: FlowId,
    /// What of its request is the same, for a person.
    pub(super) how: String,
    pub(super) answer: Message,
}

/// Asks for the answer to a request.
pub(super) async fn answer(
    recorded: &dyn Recorded,
    message: &Message,
) -> Result<Option<Found>, String> {
    let Start::Request {
        method,
        target,
        path,
    } = &message.start
    else {
        return Ok(None);
    };
    let headers = message.fields.iter();
    let asked = RecordedAsk {
        method: method.clone(),
        url: format!(
            "{}://{}{path}",
            target.scheme.as_str(),
            super::message::authority(target)
        ),
        headers: headers
            .map(|(name, value)| (name.clone(), text(value)))
            .collect(),
        body: match &message.body {
            super::Content::Held(body) => Some(Bytes::copy_from_slice(body)),
            super::Content::Unseen(_) => None,
        },
    };
    let Some(found) = recorded.find(asked).await? else {
        return Ok(None);
    };
    let mut answer = Message::answer(found.status);
    for (name, value) in &found.headers {
        if !is_hop(name) && !name.starts_with(':') {
            answer.add(name, value.as_bytes());
        }
    }
    let coding = answer.first("content-encoding").unwrap_or_default();
    let body = decoded(coding, found.body.to_vec()).await;
    let body = body.map_err(|why| format!("the body of flow {}: {why}", found.flow.0))?;
    answer.set_body(body);
    Ok(Some(Found {
        flow: found.flow,
        how: found.how,
        answer,
    }))
}
