//! An expression of pcap-filter(7) that chooses packets of a capture.

use crate::api::problem::Problem;
use overhear_capture::{Packet, filter::Filter, libpcap};

/// Chooses; an empty one takes every packet.
pub(super) struct Expression {
    filter: Option<Filter>,
    /// It had a meaning for a packet.
    understood: bool,
    refused: Option<libpcap::Error>,
}

impl Expression {
    pub(super) fn new(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        let filter = (!text.is_empty()).then(|| Filter::new(text, true));
        Ok(Self {
            filter: filter.transpose().map_err(wrong)?,
            understood: false,
            refused: None,
        })
    }

    /// Whether it leaves anything out.
    pub(super) fn chooses(&self) -> bool {
        self.filter.is_some()
    }

    /// Whether it takes a packet. For which link types it has no meaning is told at the [end](Self::end): it may have one for
    /// others.
    pub(super) fn wants(&mut self, packet: &Packet<'_>) -> bool {
        let Some(filter) = &mut self.filter else {
            return true;
        };
        match filter.matches(packet) {
            Ok(matches) => {
                self.understood = true;
                matches
            }
            Err(error) => {
                self.refused.get_or_insert(error);
                false
            }
        }
    }

    /// A problem when it had no meaning for any packet.
    pub(super) fn end(self) -> Result<(), Problem> {
        match self.refused {
            Some(error) if !self.understood => Err(wrong(error)),
            _ => Ok(()),
        }
    }
}

fn wrong(error: libpcap::Error) -> Problem {
    Problem::bad(format!("The expression cannot be used: {error}"))
}
