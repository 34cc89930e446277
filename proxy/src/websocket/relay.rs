//! A WebSocket's two directions, side by side in one task.

use super::{
    assemble::{Assembler, Unit, Walker, Whole},
    by_hand::{ByHandError, Inbox, Waiting},
    deflate::Agreed,
    encode::{Coding, Sent},
};
use crate::{
    http1::{Half, Input, send},
    intercept::{Content, Data, MOST_BODY, Passed, Set, Watch, on_message},
    tunnel::TunnelEnd,
};
use futures_util::future::{Either, select};
use overhear_store::{
    Party, Recorder, Side, Timestamp,
    rule::{ChangedMessage, How},
};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// Messages behind one that waits are read until they have so many bytes.
const MOST_AHEAD: usize = MOST_BODY;

/// How a WebSocket ended.
pub(crate) enum Stop {
    /// As a tunnel does. `farewell`: a side had sent its close frame, and it is over however the connections ended then: some close
    /// in order, browsers reset a stream of HTTP/2 as soon as they have heard or sent that frame.
    Tunnel { end: TunnelEnd, farewell: bool },
    /// A rule ended it: how, and which.
    Rule(How, String),
}

/// Why a direction ended before its sender closed.
enum Broke {
    Side(Party),
    Rule(How, String),
}

/// Relays until both sides have closed, either is reset, or a rule ends it. `extensions`: what the server agreed on.
pub(crate) async fn relay<C, S>(
    client: (&mut C, Input),
    server: (&mut S, Input),
    watch: &Watch<'_>,
    extensions: &str,
    recorder: &Recorder,
) -> Stop
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let agreed = &Agreed::read(extensions);
    let (client, from_client) = (Mutex::new(client.0), client.1);
    let (server, from_server) = (Mutex::new(server.0), server.1);
    let refused = match agreed {
        Agreed::Unknown(extension) => Some(ByHandError::Extension(extension.clone())),
        Agreed::Nothing | Agreed::Deflate { .. } => None,
    };
    let sockets = &watch.rules.sockets;
    let (_open, [to_server, to_client]) = sockets.open(watch.flow.id(), refused.as_ref());
    let closed = AtomicBool::default();
    let way = |side| Way {
        side,
        watch,
        agreed,
        recorder,
        closed: &closed,
    };
    let up = pin!(way(Side::Request).run(&client, from_client, &server, to_server));
    let down = pin!(way(Side::Response).run(&server, from_server, &client, to_client));
    let (by, other) = match select(up, down).await {
        Either::Left((Ok(()), down)) => (Party::Client, down.await),
        Either::Right((Ok(()), up)) => (Party::Server, up.await),
        Either::Left((Err(broke), _)) | Either::Right((Err(broke), _)) => {
            (Party::Proxy, Err(broke))
        }
    };
    let end = match other {
        Ok(()) => TunnelEnd { by, reset: false },
        Err(Broke::Side(by)) => TunnelEnd { by, reset: true },
        Err(Broke::Rule(how, rule)) => return Stop::Rule(how, rule),
    };
    Stop::Tunnel {
        end,
        farewell: closed.load(Ordering::Relaxed),
    }
}

/// One direction.
struct Way<'a> {
    side: Side,
    watch: &'a Watch<'a>,
    agreed: &'a Agreed,
    recorder: &'a Recorder,
    /// A close frame came, from either side.
    closed: &'a AtomicBool,
}

/// What is done with the bytes of a direction.
enum Mode {
    /// They go on as they come; where messages end is known.
    Pass(Walker),
    /// Messages are decided about.
    Hold(Box<Hold>),
}

struct Hold {
    assembler: Assembler,
    units: VecDeque<Unit>,
    coding: Coding,
}

impl Mode {
    /// Whether the receiver has seen all of each message of which it has seen some, and waits for more.
    fn is_between(&self) -> bool {
        match self {
            Self::Pass(walker) => walker.is_between() && !walker.is_closed(),
            Self::Hold(hold) => {
                hold.coding.is_between() && !hold.assembler.is_closed() && !hold.assembler.is_lost()
            }
        }
    }

    /// How many bytes of its direction the receiver's part of the conversation is made of so far.
    fn border(&self) -> u64 {
        match self {
            Self::Pass(walker) => walker.position(),
            Self::Hold(hold) => match hold.units.front() {
                Some(Unit::Whole(whole)) => whole.about.offset,
                Some(Unit::Piece(piece)) => piece.about.offset,
                Some(Unit::Raw(_)) | None => hold.assembler.border(),
            },
        }
    }

    /// Tells who writes by hand that nothing more can be said in this direction, and `closed` that its sender has said so.
    fn tell(&self, inbox: &mut Inbox, closed: &AtomicBool) {
        let (is_closed, lost) = match self {
            Self::Pass(walker) => (walker.is_closed(), walker.is_lost()),
            Self::Hold(hold) => (hold.assembler.is_closed(), hold.assembler.is_lost()),
        };
        if is_closed {
            closed.store(true, Ordering::Relaxed);
            inbox.closing();
        }
        if lost {
            inbox.no_frames();
        }
    }
}

impl Way<'_> {
    async fn run<R, W>(
        self,
        from: &Mutex<&mut R>,
        mut input: Input,
        to: &Mutex<&mut W>,
        mut inbox: Inbox,
    ) -> Result<(), Broke>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let (sender, receiver) = match self.side {
            Side::Request => (Party::Client, Party::Server),
            Side::Response => (Party::Server, Party::Client),
        };
        let (mut from, mut to) = (Half(from), Half(to));
        let mut mode = Mode::Pass(Walker::default());
        let mut closed = None;
        let mut told = None;
        let mut spoken = Timestamp::default();
        loop {
            mode.tell(&mut inbox, self.closed);
            while mode.is_between()
                && let Some(message) = inbox.waiting()
            {
                let sent = self.by_hand(message, mode.border(), &mut to);
                spoken = sent.await.map_err(|_| Broke::Side(receiver))?;
            }
            if !input.is_empty() {
                self.tell_unread(&mut told);
                let (passes, walked);
                let bytes = match &mut mode {
                    Mode::Pass(walker) if !self.holds() => {
                        // where a message waits that was written by hand, it goes first at the next border
                        let stop = !inbox.is_empty() && !walker.is_closed();
                        walked = walker.walk(input.bytes(), stop);
                        let bytes = input.bytes();
                        let bytes = bytes.get(..walked).unwrap_or(bytes);
                        // what went on behind it is recorded behind it
                        self.record(bytes, input.last().max(spoken));
                        bytes
                    }
                    mode => {
                        self.record(input.bytes(), input.last());
                        passes = self.take(mode, input.bytes());
                        walked = usize::MAX;
                        &passes
                    }
                };
                send(&mut to, bytes)
                    .await
                    .map_err(|_| Broke::Side(receiver))?;
                input.consume(walked);
                continue;
            }
            let border = mode.border();
            let between = mode.is_between();
            if let Mode::Hold(hold) = &mut mode
                && let Some(unit) = hold.units.pop_front()
            {
                let whole = !matches!(unit, Unit::Piece(_));
                let Hold {
                    assembler,
                    units,
                    coding,
                } = &mut **hold;
                let mut ahead: usize = units.iter().map(Unit::size).sum();
                let out = {
                    let mut deciding = pin!(self.decide(unit, coding));
                    loop {
                        tokio::select! {
                            biased;
                            out = &mut deciding => break out?,
                            message = inbox.next(), if between && whole && !assembler.is_closed() && !assembler.is_lost() => {
                                let sent = self.by_hand(message, border, &mut to);
                                sent.await.map_err(|_| Broke::Side(receiver))?;
                            }
                            read = input.fill(&mut from), if closed.is_none() && ahead < MOST_AHEAD => {
                                if !matches!(read, Ok(1..)) {
                                    self.sender_gone();
                                    closed = Some(read.map(drop));
                                    continue;
                                }
                                self.record(input.bytes(), input.last());
                                ahead += input.bytes().len();
                                let mut control = Vec::new();
                                assembler.feed(input.bytes(), whole, units, &mut control);
                                input.consume(usize::MAX);
                                send(&mut to, &control).await.map_err(|_| Broke::Side(receiver))?;
                            }
                        }
                    }
                };
                if let Some(piece) = out.then {
                    units.push_front(Unit::Piece(piece));
                }
                send(&mut to, &out.bytes)
                    .await
                    .map_err(|_| Broke::Side(receiver))?;
                continue;
            }
            let read = match closed.take() {
                Some(read) => read.map(|()| 0),
                None => {
                    self.recorder.room().await;
                    tokio::select! {
                        biased;
                        message = inbox.next(), if between => {
                            let sent = self.by_hand(message, border, &mut to);
                            spoken = sent.await.map_err(|_| Broke::Side(receiver))?;
                            continue;
                        }
                        read = input.fill(&mut from) => read,
                    }
                }
            };
            match read {
                Ok(0) => {
                    self.sender_gone();
                    if let Mode::Hold(hold) = &mut mode {
                        // what is not whole: whether the receiver still listens does not matter to the other direction
                        let _ = send(&mut to, &hold.assembler.rest()).await;
                    }
                    let _ = to.shutdown().await;
                    return Ok(());
                }
                Ok(_) => {}
                Err(_) => return Err(Broke::Side(sender)),
            }
        }
    }

    /// What its sender sends is recorded as it came.
    fn record(&self, bytes: &[u8], at: Timestamp) {
        if bytes.is_empty() {
            return;
        }
        self.watch.flow.chunk(self.side, at, bytes);
    }

    /// Sends a message that a person wrote, behind so many bytes of its direction. It is recorded first, so that an answer stands
    /// behind it.
    async fn by_hand<W>(
        &self,
        message: Waiting,
        border: u64,
        to: &mut Half<'_, &mut W>,
    ) -> io::Result<Timestamp>
    where
        W: AsyncWrite + Unpin,
    {
        let at = Timestamp::now();
        self.watch.flow.message_changed(ChangedMessage {
            side: self.side,
            offset: border,
            length: 0,
            text: message.text,
            dropped: false,
            sent: Some(message.data.to_vec()),
            done: Vec::new(),
            by_hand: Some(at),
        });
        send(to, &message.frame(self.side)).await?;
        message.confirm();
        Ok(at)
    }

    /// Nothing that the client could wait for is decided about any more.
    fn sender_gone(&self) {
        if self.side == Side::Request {
            self.watch.gone.cancel();
        }
    }

    /// Where an extension was agreed on that nobody here can read, the rules that would look at messages are told, each time
    /// that they are others; `told` are those that were.
    fn tell_unread(&self, told: &mut Option<Arc<Set>>) {
        let Agreed::Unknown(extension) = self.agreed else {
            return;
        };
        let Some(set) = self.watch.rules.current() else {
            return;
        };
        let known = |told: &Arc<Set>| Arc::ptr_eq(told, &set);
        if !told.as_ref().is_some_and(known) {
            let why =
                format!("the extension {extension:?} was agreed on, which overhear cannot read");
            self.watch.unread(&set, self.side, &why);
            *told = Some(set);
        }
    }

    /// Whether messages are to be decided about.
    fn holds(&self) -> bool {
        self.watch.is_touched() && !matches!(self.agreed, Agreed::Unknown(_))
    }

    /// Takes bytes while there are rules for messages, or have been; gives what goes on at once. From the first border between
    /// messages on, all are decided about.
    fn take(&self, mode: &mut Mode, bytes: &[u8]) -> Vec<u8> {
        let mut passes = Vec::new();
        let mut rest = bytes;
        if let Mode::Pass(walker) = mode {
            let walked = walker.walk(bytes, true);
            passes.extend_from_slice(bytes.get(..walked).unwrap_or(bytes));
            rest = bytes.get(walked..).unwrap_or_default();
            if !walker.is_between() {
                return passes;
            }
            *mode = Mode::Hold(Box::new(Hold {
                assembler: Assembler::at(walker.position()),
                units: VecDeque::new(),
                coding: Coding::new(self.side, self.agreed, walker.compressed),
            }));
        }
        if let Mode::Hold(hold) = mode {
            let Hold {
                assembler, units, ..
            } = &mut **hold;
            assembler.feed(rest, true, units, &mut passes);
        }
        passes
    }

    /// Decides about what is next.
    async fn decide(&self, unit: Unit, coding: &mut Coding) -> Result<Sent, Broke> {
        let alone = |bytes| Ok(Sent { bytes, then: None });
        match unit {
            Unit::Raw(bytes) => alone(bytes),
            Unit::Whole(whole) => self.message(whole, coding).await,
            Unit::Piece(piece) => {
                if piece.first {
                    let content =
                        Content::Unseen(format!("it is larger than {} MiB", MOST_BODY >> 20));
                    let data = Data {
                        side: self.side,
                        offset: piece.about.offset,
                        length: 0,
                        text: piece.about.text,
                        content,
                        bound: coding.is_bound(piece.about).map(str::to_owned),
                    };
                    match on_message(self.watch, data).await {
                        Passed::Ended(how, rule) => return Err(Broke::Rule(how, rule)),
                        Passed::Dropped => coding.decide(piece.about, true),
                        Passed::AsItCame(_) | Passed::Changed(_) => {
                            coding.decide(piece.about, false);
                        }
                    }
                }
                Ok(coding.piece(piece))
            }
        }
    }

    async fn message(&self, mut whole: Whole, coding: &mut Coding) -> Result<Sent, Broke> {
        let alone = |bytes| Ok(Sent { bytes, then: None });
        let about = whole.about;
        let (content, rest) = coding.read(&mut whole).into_parts();
        let data = Data {
            side: self.side,
            offset: about.offset,
            length: whole.length,
            text: about.text,
            content,
            bound: coding.is_bound(about).map(str::to_owned),
        };
        match on_message(self.watch, data).await {
            Passed::AsItCame(content) => Ok(coding.as_it_came(whole, content, rest)),
            Passed::Changed(made) => alone(coding.instead(about, &made)),
            Passed::Dropped => {
                coding.dropped(about, rest);
                alone(Vec::new())
            }
            Passed::Ended(how, rule) => Err(Broke::Rule(how, rule)),
        }
    }
}

#[cfg(test)]
mod tests;
