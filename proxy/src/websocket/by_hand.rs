//! Messages that a person sends into a WebSocket that is open: who takes them, and why they are refused.
//!
//! Each direction of an open WebSocket has an inbox. Its relay takes out of it between two messages of that direction
//! ([`relay`](super::relay)), so that what an endpoint sends is never cut in two.

use super::frame::{self, BINARY, Header, TEXT};
use crate::intercept::MOST_BODY;
use bytes::Bytes;
use overhear_store::{FlowId, Side};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// The most messages that wait in one inbox.
const MOST_WAITING: usize = 16;
/// The most bytes that wait in all inboxes together.
const MOST_BYTES: usize = 64 << 20;

/// Why a message cannot be sent into a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ByHandError {
    /// The flow is none, or has ended.
    #[error("This flow is no WebSocket that is open: a message can be sent while one is running.")]
    NotOpen,
    /// It ended while the message waited.
    #[error("The WebSocket ended before the message could be sent.")]
    Ended,
    /// One side has said that it is over, RFC 6455 section 5.5.1.
    #[error(
        "The {0} has sent its close frame: no message goes behind it. Open the WebSocket again."
    )]
    Closing(&'static str),
    /// What was agreed on may mean that frames are something else.
    #[error(
        "The extension {0:?} was agreed on, which overhear cannot read: it cannot say what a message looks like there."
    )]
    Extension(String),
    /// What passes are not frames as RFC 6455 has them.
    #[error(
        "What passes to the {0} are no frames of RFC 6455: nobody can tell where a message may stand."
    )]
    NoFrames(&'static str),
    /// It is larger than what is sent by hand.
    #[error("The message has {0} bytes, and {most} at most are sent by hand.", most = MOST_BODY)]
    TooLarge(usize),
    /// RFC 6455 section 5.6.
    #[error(
        "A text message is UTF-8 (RFC 6455 section 5.6), and these bytes are not: send them as binary."
    )]
    NotText,
    /// Others wait already.
    #[error(
        "Too many messages wait to be sent into WebSockets: wait until one of them has gone out."
    )]
    Full,
}

/// A message that was taken; it goes out by itself, whoever looks.
#[derive(Debug)]
pub struct Delivery(oneshot::Receiver<Result<(), ByHandError>>);

/// The WebSockets that are open.
#[derive(Debug)]
pub(crate) struct Sockets {
    open: Mutex<HashMap<FlowId, Arc<Socket>>>,
    room: Arc<Semaphore>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Socket {
    /// By direction: [`Side`].
    to: [mpsc::Sender<Waiting>; 2],
    refuses: Mutex<[Option<ByHandError>; 2]>,
}

/// What one direction takes messages out of.
#[derive(Debug)]
pub(super) struct Inbox {
    side: Side,
    socket: Arc<Socket>,
    from: mpsc::Receiver<Waiting>,
}

/// As long as it is there, messages are taken.
pub(super) struct Open<'a> {
    sockets: &'a Sockets,
    flow: FlowId,
}

/// A message that waits for its turn.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) text: bool,
    pub(super) data: Bytes,
    sent: oneshot::Sender<Result<(), ByHandError>>,
    _room: OwnedSemaphorePermit,
}

impl Delivery {
    /// Waits until the message is handed to its receiver's connection. May be asked again after it was given up.
    ///
    /// # Errors
    /// [`ByHandError`]: it never will be.
    pub async fn sent(&mut self) -> Result<(), ByHandError> {
        (&mut self.0).await.unwrap_or(Err(ByHandError::Ended))
    }
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            open: Mutex::default(),
            room: Arc::new(Semaphore::new(MOST_BYTES)),
        }
    }
}

impl Sockets {
    /// Takes messages for a WebSocket from now on: those to the server, those to the client. `refused`: why it cannot.
    pub(super) fn open(
        &self,
        flow: FlowId,
        refused: Option<&ByHandError>,
    ) -> (Open<'_>, [Inbox; 2]) {
        let (up, from_up) = mpsc::channel(MOST_WAITING);
        let (down, from_down) = mpsc::channel(MOST_WAITING);
        let socket = Arc::new(Socket {
            to: [up, down],
            refuses: Mutex::new([refused.cloned(), refused.cloned()]),
        });
        self.open.lock().insert(flow, socket.clone());
        let inbox = |side, from| Inbox {
            side,
            socket: socket.clone(),
            from,
        };
        let inboxes = [
            inbox(Side::Request, from_up),
            inbox(Side::Response, from_down),
        ];
        let open = Open {
            sockets: self,
            flow,
        };
        (open, inboxes)
    }

    /// Takes a message for one direction of a WebSocket.
    pub(crate) fn send(
        &self,
        flow: FlowId,
        side: Side,
        text: bool,
        data: Bytes,
    ) -> Result<Delivery, ByHandError> {
        let socket = self.open.lock().get(&flow).cloned();
        let socket = socket.ok_or(ByHandError::NotOpen)?;
        if let Some(refused) = socket.refuses(side) {
            return Err(refused);
        }
        if data.len() > MOST_BODY {
            return Err(ByHandError::TooLarge(data.len()));
        }
        if text && std::str::from_utf8(&data).is_err() {
            return Err(ByHandError::NotText);
        }
        // no more than MOST_BODY
        let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let room = self.room.clone().try_acquire_many_owned(size);
        let (sent, delivery) = oneshot::channel();
        let waiting = Waiting {
            text,
            data,
            sent,
            _room: room.map_err(|_| ByHandError::Full)?,
        };
        let [up, down] = &socket.to;
        let to = match side {
            Side::Request => up,
            Side::Response => down,
        };
        to.try_send(waiting).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ByHandError::Full,
            mpsc::error::TrySendError::Closed(_) => ByHandError::NotOpen,
        })?;
        Ok(Delivery(delivery))
    }
}

impl Socket {
    /// Why messages of this direction are not taken.
    fn refuses(&self, side: Side) -> Option<ByHandError> {
        let [up, down] = &*self.refuses.lock();
        match side {
            Side::Request => up.clone(),
            Side::Response => down.clone(),
        }
    }

    /// Takes no more messages for these directions; the first reason stays.
    fn refuse(&self, sides: &[Side], why: &ByHandError) {
        let [up, down] = &mut *self.refuses.lock();
        for side in sides {
            let of = match side {
                Side::Request => &mut *up,
                Side::Response => &mut *down,
            };
            of.get_or_insert_with(|| why.clone());
        }
    }
}

impl Inbox {
    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.from.is_empty()
    }

    /// The next message, as soon as there is one; never when none can come any more. Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> Waiting {
        loop {
            let Some(waiting) = self.from.recv().await else {
                return std::future::pending().await;
            };
            match self.socket.refuses(self.side) {
                Some(why) => waiting.refuse(why),
                None => return waiting,
            }
        }
    }

    /// The next message, if one waits.
    pub(super) fn waiting(&mut self) -> Option<Waiting> {
        while let Ok(waiting) = self.from.try_recv() {
            match self.socket.refuses(self.side) {
                Some(why) => waiting.refuse(why),
                None => return Some(waiting),
            }
        }
        None
    }

    /// The sender of this direction has sent its close frame: it hears no message any more, and the other side expects none.
    pub(super) fn closing(&mut self) {
        let by = match self.side {
            Side::Request => "client",
            Side::Response => "server",
        };
        let both = [Side::Request, Side::Response];
        self.socket.refuse(&both, &ByHandError::Closing(by));
        self.waiting();
    }

    /// What passes in this direction cannot be read.
    pub(super) fn no_frames(&mut self) {
        let to = match self.side {
            Side::Request => "server",
            Side::Response => "client",
        };
        self.socket.refuse(&[self.side], &ByHandError::NoFrames(to));
        self.waiting();
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.sockets.open.lock().remove(&self.flow);
    }
}

impl Waiting {
    /// The frame that carries it in this direction: never compressed, which any message may be (RFC 7692 section 6), and masked
    /// towards a server with a key that nobody can guess (RFC 6455 section 5.3).
    pub(super) fn frame(&self, side: Side) -> Vec<u8> {
        let header = Header {
            last: true,
            compressed: false,
            opcode: if self.text { TEXT } else { BINARY },
            mask: (side == Side::Request).then(rand::random),
            payload: 0,
            size: 0,
        };
        frame::write(header, &self.data)
    }

    /// It is on its way.
    pub(super) fn confirm(self) {
        // whoever sent it may look no more
        let _ = self.sent.send(Ok(()));
    }

    fn refuse(self, why: ByHandError) {
        let _ = self.sent.send(Err(why));
    }
}
