//! Flows that have to do with another one: its replays, and where a redirection leads.

use super::RecordedHead;
use crate::{
    error::Error,
    flow::{Flow, FlowId, HeadKind},
    head,
    store::Store,
    table::flows,
};
use sqlx::AssertSqlSafe;
use url::Url;

/// A redirection is followed within this many nanoseconds.
const FOLLOWED: i64 = 60_000_000_000;

/// So many flows are looked at, in either direction: more than come in a minute, as a rule.
const NEAR: i64 = 20_000;

/// Flows whose heads are read to find a redirection.
const TRIED: i64 = 50;

/// Replays that are named.
const REPLAYS: i64 = 100;

/// What a flow has to do with others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Related {
    /// Its replays, oldest first; at most 100.
    pub replays: Vec<FlowId>,
    /// The flow that redirected the same client here.
    pub redirect_from: Option<FlowId>,
    /// The same client's next flow to where this one redirects.
    pub redirect_to: Option<FlowId>,
}

impl Store {
    /// What a flow has to do with others; `heads` are its own.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn related(&self, flow: &Flow, heads: &[RecordedHead]) -> Result<Related, Error> {
        let replays = "SELECT id FROM flows WHERE replay_of = ? ORDER BY id LIMIT ?";
        let query = sqlx::query_scalar(replays).bind(flow.id.0).bind(REPLAYS);
        let replays: Vec<i64> = query.fetch_all(self.readers()).await?;
        let redirect_to = match target(flow, heads) {
            Some(target) => self.next_to(flow, &target).await?,
            None => None,
        };
        Ok(Related {
            replays: replays.into_iter().map(FlowId).collect(),
            redirect_from: self.redirected_by(flow).await?,
            redirect_to,
        })
    }

    /// The same client's next flow to a URL.
    async fn next_to(&self, from: &Flow, target: &Url) -> Result<Option<FlowId>, Error> {
        let sql = format!(
            "SELECT {} FROM flows WHERE id > ?1 AND id <= ?1 + ?2 AND started <= ?3 \
            AND port = ?4 AND lower(host) = ?5 ORDER BY id",
            flows::COLUMNS
        );
        let host = target.host_str().unwrap_or_default();
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(from.id.0)
            .bind(NEAR)
            .bind(last_moment(from))
            .bind(i64::from(target.port_or_known_default().unwrap_or(0)))
            .bind(host.trim_matches(['[', ']']).to_ascii_lowercase());
        for row in query.fetch_all(self.readers()).await? {
            let flow = flows::flow(&row)?;
            if flow.client.ip() == from.client.ip() && is_at(&flow, target) {
                return Ok(Some(flow.id));
            }
        }
        Ok(None)
    }

    /// The last flow before this one that redirected the same client to its URL, and that this one is the first to
    /// follow.
    async fn redirected_by(&self, to: &Flow) -> Result<Option<FlowId>, Error> {
        let sql = format!(
            "SELECT {} FROM flows WHERE id < ?1 AND id >= ?1 - ?2 AND status BETWEEN 300 AND 399 \
            AND coalesce(ended, started) >= ?3 ORDER BY id DESC LIMIT ?4",
            flows::COLUMNS
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(to.id.0)
            .bind(NEAR)
            .bind(to.times.started.0.saturating_sub(FOLLOWED))
            .bind(TRIED);
        for row in query.fetch_all(self.readers()).await? {
            let from = flows::flow(&row)?;
            if from.client.ip() != to.client.ip() {
                continue;
            }
            let heads = self.heads(from.id).await?;
            let Some(target) = target(&from, &heads).filter(|target| is_at(to, target)) else {
                continue;
            };
            let followed = self.next_to(&from, &target).await?;
            return Ok((followed == Some(to.id)).then_some(from.id));
        }
        Ok(None)
    }
}

/// When a redirection must have been followed.
fn last_moment(from: &Flow) -> i64 {
    let moment = from.times.ended.unwrap_or(from.times.started);
    moment.0.saturating_add(FOLLOWED)
}

/// Where a flow redirects.
fn target(flow: &Flow, heads: &[RecordedHead]) -> Option<Url> {
    if !matches!(flow.status, Some(300..=399)) {
        return None;
    }
    let response = heads.iter().find(|head| head.kind == HeadKind::Response)?;
    let start_line = response.bytes.first() != Some(&b':');
    let parsed = head::parse(&response.bytes, start_line);
    let location = parsed.field("location")?;
    let mut target = Url::parse(&flow.url()).ok()?.join(location).ok()?;
    target.set_fragment(None);
    Some(target)
}

/// Whether a flow asked for a URL.
fn is_at(flow: &Flow, target: &Url) -> bool {
    Url::parse(&flow.url()).is_ok_and(|url| url == *target)
}
