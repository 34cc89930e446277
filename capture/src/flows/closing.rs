//! The flow of a connection that ended last: the packets that close the connection are its own.
//!
//! In a capture that goes on, a flow ends when it does, and is told those packets later; of a file, it ends with its
//! connection, so that what is said of its packets is true at once.

use super::row::{Context, Row};
use crate::http::Position;
use overhear_store::{ClosingFlow, Failure, PacketFileId};

/// At most one flow.
#[derive(Default)]
pub(super) struct Closing(Option<Last>);

enum Last {
    Waits(Row, Vec<&'static str>, Option<Failure>),
    Ended(ClosingFlow),
}

impl Closing {
    /// A flow ends; so does the one before it.
    pub(super) fn end(&mut self, row: Row, context: &Context, failure: Option<Failure>) {
        self.settle(context);
        self.0 = match context.live {
            true => row
                .close(&context.file, &context.marks, failure)
                .map(Last::Ended),
            false => Some(Last::Waits(row, context.marks.clone(), failure)),
        };
    }

    /// Whether a flow ended.
    pub(super) fn has_any(&self) -> bool {
        self.0.is_some()
    }

    /// The connection is over; its last packet came at `at`.
    pub(super) fn finish(&mut self, context: &Context, at: Position) {
        match &mut self.0 {
            Some(Last::Waits(row, ..)) => row.closes(at),
            Some(Last::Ended(flow)) => {
                for spot in [at.span.first, at.span.last] {
                    if spot.file != 0 {
                        flow.packet(PacketFileId(spot.file), spot.offset, spot.number);
                    }
                }
            }
            None => {}
        }
        self.settle(context);
    }

    /// Nothing of the connection belongs to it any more.
    pub(super) fn settle(&mut self, context: &Context) {
        if let Some(Last::Waits(row, marks, failure)) = self.0.take() {
            row.end(&context.file, &marks, failure);
        }
    }
}
