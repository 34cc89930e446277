//! Whether a direction's last record is an alert, as far as that shows from outside.
//!
//! Until TLS 1.2 the content type says so. TLS 1.3 hides it (RFC 8446 section 5.2): an alert is a record as long as two bytes, their
//! type and the tag, and so is a message of two bytes. That it is the only one so short, and the last, makes it an alert; what it says is
//! another matter. Behind a handshake that both sides have finished nearly all say that the sender has said everything
//! (close_notify); that a certificate is not accepted comes as the first or second thing that a side says under encryption, and is none
//! of these here.

/// How long an alert of TLS 1.3 is without the tag: level, description, and the type behind them.
const ALERT: usize = 3;

/// One direction's records.
#[derive(Debug, Default)]
pub(super) struct Ending {
    last: Last,
    /// Records of application data since the other side had sent one.
    answered: u64,
    /// Records that are as long as an alert.
    short: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Last {
    #[default]
    Other,
    Alert,
    /// As long as one.
    Short,
}

impl Ending {
    /// A record that says that it is an alert.
    pub(super) fn alert(&mut self) {
        self.last = Last::Alert;
    }

    /// A record of TLS 1.3 whose type is hidden: the bytes of its fragment, and of the cipher's tag.
    pub(super) fn hidden(&mut self, length: usize, tag: usize, answers: bool) {
        let is_short = length == ALERT + tag;
        self.last = if is_short { Last::Short } else { Last::Other };
        self.short += u64::from(is_short);
        self.answered += u64::from(answers);
    }

    /// A record that is none.
    pub(super) fn other(&mut self) {
        self.last = Last::Other;
    }

    /// Whether the last is an alert, after a handshake that was finished.
    pub(super) fn is_alert(&self) -> bool {
        match self.last {
            Last::Other => false,
            Last::Alert => true,
            // of the client Finished came before it, of the server something that was no part of its handshake
            Last::Short => self.short == 1 && self.answered > 1,
        }
    }
}
