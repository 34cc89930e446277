//! A request that rules have changed, ready to be sent.

use crate::{
    http1::{exchange::Exchange, framing::Body},
    target::Target,
    upstream::Via,
};
use std::sync::Arc;

/// A request to be sent as the only one to its server, or as the next.
pub(crate) struct Prepared {
    /// Whom it goes to.
    pub(crate) target: Target,
    /// Another way there.
    pub(crate) via: Option<Arc<Via>>,
    /// Nothing else may go over its connection: where it ends is as a person wrote it.
    pub(crate) alone: bool,
    pub(crate) exchange: Exchange,
    /// Its head, and what of its body was held.
    pub(crate) head: Vec<u8>,
    /// What of its body is still to come, and passes as it comes.
    pub(crate) body: Body,
}
