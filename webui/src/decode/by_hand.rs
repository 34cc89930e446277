//! Messages that a person sent into a WebSocket, one after the other, to be shown between those of the endpoints.

use overhear_store::{Error, FlowId, Store, Timestamp, rule::ChangedMessage};

/// Those of one flow, in the order in which they were sent; one at a time, because each may be large.
pub struct ByHand<'a> {
    store: &'a Store,
    flow: FlowId,
    read: u64,
    next: Option<ChangedMessage>,
    over: bool,
}

impl<'a> ByHand<'a> {
    /// Those of a flow.
    pub fn of(store: &'a Store, flow: FlowId) -> Self {
        Self {
            store,
            flow,
            read: 0,
            next: None,
            over: false,
        }
    }

    /// The next one and when it was sent, if that was before `at`; without, the next one.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn before(
        &mut self,
        at: Option<Timestamp>,
    ) -> Result<Option<(Timestamp, ChangedMessage)>, Error> {
        if self.next.is_none() && !self.over {
            let read = self.store.messages_by_hand(self.flow, self.read, 1).await?;
            self.next = read.into_iter().next();
            self.read += 1;
            self.over = self.next.is_none();
        }
        let sent = self.next.as_ref().and_then(|message| message.by_hand);
        match sent {
            Some(sent) if at.is_none_or(|at| sent < at) => {
                Ok(self.next.take().map(|message| (sent, message)))
            }
            _ => Ok(None),
        }
    }
}
