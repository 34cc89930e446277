//! TLS in a tunnel that is not opened: passed through as it comes, or refused.

use super::{
    first::Ends,
    inside::{Inside, Way},
};
use crate::{
    engine::Row,
    stream::Stream,
    tls::{Decided, ServerSeen, TlsChoice, Why, peek},
    tunnel,
    words::failed,
};
use bytes::BytesMut;
use overhear_store::{FailureCause, Kind, Party, Side, Timestamp, TlsInfo};
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;

/// A fatal alert `access_denied`, RFC 8446 sections 5.1 and 6.2.
const ACCESS_DENIED: [u8; 7] = [21, 3, 3, 0, 2, 2, 49];

/// What a flow is tagged with whose host passes through by itself.
const PINNED: &str = "pinned";

impl Inside<'_> {
    /// Decides by its hello what becomes of the TLS in a tunnel: it is given back where it is to be opened.
    pub(super) async fn unless_opened(mut self, mut ends: Ends) -> Option<(Self, Ends)> {
        match self
            .closed_tls(&mut ends.client, &mut ends.client_read)
            .await
        {
            None => Some((self, ends)),
            Some((info, decided)) => {
                self.unopened(ends, info, decided).await;
                None
            }
        }
    }

    /// What was decided about the TLS that a client begins, with what its hello asks for; none where it is to be opened.
    pub(super) async fn closed_tls(
        &mut self,
        client: &mut Stream,
        read: &mut BytesMut,
    ) -> Option<(TlsInfo, Decided)> {
        let policy = &self.client.engine.policy;
        if policy.is_empty() {
            return None;
        }
        // what is wrong with a hello is told by who opens it
        let info = peek(client, read).await?;
        let name = info.sni.as_deref().unwrap_or(&self.target.host);
        let decided = policy.decide(name, &self.target.host);
        if decided.choice == TlsChoice::Intercept {
            return None;
        }
        if self.way == Way::Led {
            self.is_called(info.sni.clone());
        }
        Some((info, decided))
    }

    /// Passes or refuses TLS, as was decided.
    pub(super) async fn unopened(self, ends: Ends, info: TlsInfo, decided: Decided) {
        match decided.choice {
            TlsChoice::Block => self.block(ends, info, decided).await,
            TlsChoice::Pass | TlsChoice::Intercept => self.pass(ends, info, decided).await,
        }
    }

    /// Relays it byte for byte, and records what can be seen.
    async fn pass(self, ends: Ends, info: TlsInfo, decided: Decided) {
        let engine = &self.client.engine;
        self.connection.edit(|c| c.client_tls = Some(info));
        let flow = engine.row(&self.connection, self.row());
        flow.edit(|flow| {
            flow.comment = said(&decided.why);
            if decided.why == Why::Pinned {
                PINNED.clone_into(&mut flow.tags);
            }
        });
        let seen = Mutex::new(ServerSeen::default());
        let watch = |side: Side, bytes: &[u8]| {
            flow.passed(side, Timestamp::now(), bytes.len() as u64);
            if side == Side::Response {
                let mut seen = seen.lock();
                if seen.read(bytes) {
                    self.agreed(seen.info());
                }
            }
        };
        let (mut client, mut server) = (ends.client, ends.server);
        let end = tunnel::watch(
            (&mut client, ends.client_read),
            (&mut server, ends.server_read),
            &watch,
            &engine.recorder,
        )
        .await;
        self.ended(flow, client, server, end);
    }

    /// What both sides agreed on stands on both: it is one TLS.
    fn agreed(&self, seen: &TlsInfo) {
        let now = Timestamp::now();
        self.connection.edit(|c| {
            let mut theirs = seen.clone();
            if let Some(ours) = &mut c.client_tls {
                ours.version.clone_from(&seen.version);
                ours.cipher.clone_from(&seen.cipher);
                ours.alpn.clone_from(&seen.alpn);
                theirs.sni.clone_from(&ours.sni);
                theirs.alpn_offered.clone_from(&ours.alpn_offered);
            }
            c.server_tls = Some(theirs);
            if !seen.version.is_empty() {
                c.server_tls_done = Some(now);
            }
        });
    }

    /// Refuses it; the client hears it as TLS says it.
    async fn block(self, ends: Ends, info: TlsInfo, decided: Decided) {
        let name = info.sni.as_deref().unwrap_or(&self.target.host);
        let failure = blocked(name, &decided.why);
        self.connection.edit(|c| {
            c.client_tls = Some(info);
            c.closed_by = Some(Party::Proxy);
        });
        self.failed_handshake(failure);
        let mut client = ends.client;
        // the client may be gone already
        let _ = client.write_all(&ACCESS_DENIED).await;
        client.close().await;
    }

    fn row(&self) -> Row<'_> {
        Row {
            kind: Kind::Tls,
            method: "",
            scheme: "tls",
            host: &self.target.host,
            port: self.target.port,
            started: Timestamp::now(),
        }
    }
}

/// A host that a setting blocks.
pub(super) fn blocked(host: &str, why: &Why) -> overhear_store::Failure {
    let setting = match why {
        Why::Setting(text) => format!(" (--tls {text})"),
        _ => String::new(),
    };
    failed(
        FailureCause::Forbidden,
        Party::Proxy,
        format!(
            "TLS with {host} is blocked by a setting{setting}: take it out of the settings, or let {host} pass or be intercepted above it"
        ),
    )
}

fn said(why: &Why) -> String {
    match why {
        Why::Setting(text) => format!("passed through: the setting {text} says so"),
        Why::Pinned => {
            "passed through by itself: its client kept refusing overhear's certificate, and --pass-pinned allows that"
                .to_owned()
        }
        Why::Person | Why::Usual => "passed through: chosen for this host in the page".to_owned(),
    }
}
