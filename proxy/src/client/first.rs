//! Who speaks first in a tunnel, and what.
//!
//! Whoever does settles it: a server that speaks first has nothing to do with TLS or HTTP/1. While neither
//! does, nothing needs deciding: browsers open connections ahead and keep them silent for minutes.

use super::FIRST_READ;
use crate::{
    sniff::{self, Protocol},
    stream::Stream,
    tls,
};
use bytes::BytesMut;
use std::{
    io,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Bytes that may still become TLS or HTTP are given this long to become it.
pub(super) const UNDECIDED: Duration = Duration::from_secs(2);
/// A side that closed without a word: the other may still speak this long.
const LAST_WORD: Duration = Duration::from_secs(2);
/// Who goes away this soon after the handshake, without a word, did not like it.
pub(super) const AT_ONCE: Duration = Duration::from_millis(500);

/// Both ends of a tunnel with what was read from them.
pub(super) struct Ends {
    pub(super) client: Stream,
    pub(super) client_read: BytesMut,
    pub(super) server: Stream,
    pub(super) server_read: BytesMut,
    /// The server has gone already, without a word.
    pub(super) server_gone: Option<Gone>,
}

/// How a server went away: by closing its direction, or with an error.
pub(super) struct Gone(pub(super) Option<io::Error>);

/// What a tunnel begins with.
pub(super) enum First {
    /// It is to be carried as this.
    Speaks(Protocol),
    /// It ended without a byte.
    Silence(Silence),
}

/// Who ended a tunnel in which nothing was said.
pub(super) enum Silence {
    /// The client, by closing or by an error, at this moment.
    Client(Option<io::Error>, Instant),
    /// The server.
    Server(Gone),
    /// The program's stop.
    Stop,
}

/// What the tunnel's ends are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// Right after CONNECT: the client is about to speak.
    Tcp,
    /// Within TLS: the client may keep the connection for later.
    Tls,
}

impl Gone {
    /// Whether it said why, as TLS does.
    fn has_alert(&self) -> bool {
        self.0.as_ref().is_some_and(tls::is_alert)
    }
}

impl Ends {
    /// Waits until it is known what the tunnel carries.
    pub(super) async fn first(&mut self, layer: Layer, stop: &CancellationToken) -> First {
        let since = Instant::now();
        // a greeting goes on and is recorded in one piece, as it came: some clients read it at once
        self.server_read.reserve(FIRST_READ);
        loop {
            if let Some(protocol) = sniff::tunnel(&self.client_read) {
                return First::Speaks(protocol);
            }
            let begun = !self.client_read.is_empty();
            let wait = if begun { UNDECIDED } else { LAST_WORD };
            tokio::select! {
                more = self.client.read_buf(&mut self.client_read) => match more {
                    Ok(1..) => {}
                    _ if begun => return First::Speaks(Protocol::Other),
                    Ok(_) => return self.last_word().await,
                    Err(error) => return First::Silence(Silence::Client(Some(error), Instant::now())),
                },
                more = self.server.read_buf(&mut self.server_read), if self.server_gone.is_none() => {
                    let gone = match more {
                        Ok(1..) if sniff::may_be_settings(&self.server_read) => continue,
                        Ok(1..) => return First::Speaks(Protocol::Other),
                        Ok(_) => Gone(None),
                        Err(error) => Gone(Some(error)),
                    };
                    // a client that is about to speak is told what happened; one that keeps the connection
                    // for later should rather hear at once that it is gone
                    let about_to = begun || layer == Layer::Tcp || since.elapsed() < AT_ONCE;
                    if !about_to && !gone.has_alert() {
                        return First::Silence(Silence::Server(gone));
                    }
                    self.server_gone = Some(gone);
                }
                () = tokio::time::sleep(wait), if begun || self.server_gone.is_some() => {
                    return match self.server_gone.take() {
                        Some(gone) if !begun => First::Silence(Silence::Server(gone)),
                        gone => {
                            self.server_gone = gone;
                            First::Speaks(Protocol::Other)
                        }
                    };
                }
                () = stop.cancelled(), if !begun => return First::Silence(Silence::Stop),
            }
        }
    }

    /// The client closed its direction without a word; a server may answer even that.
    async fn last_word(&mut self) -> First {
        let silence = First::Silence(Silence::Client(None, Instant::now()));
        if self.server.shutdown().await.is_err() {
            return silence;
        }
        let more = timeout(LAST_WORD, self.server.read_buf(&mut self.server_read));
        match more.await {
            Ok(Ok(1..)) => First::Speaks(Protocol::Other),
            _ => silence,
        }
    }
}
