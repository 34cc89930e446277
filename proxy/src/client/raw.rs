//! Bytes both ways, recorded as they come and named where they are known; watched for an agreement to turn to TLS.

use super::{
    first::{Ends, Layer},
    inside::Inside,
};
use crate::{engine::Row, sniff, starttls::Watch, stream::Stream, tunnel, tunnel::Until};
use bytes::BytesMut;
use overhear_store::{FlowRecorder, Kind, Side, Timestamp};
use parking_lot::Mutex;

impl Inside<'_> {
    /// Relays until both sides have closed. What is spoken over TCP (`layer`) may turn to TLS.
    pub(super) async fn raw(
        self,
        client: (Stream, BytesMut),
        server: (Stream, BytesMut),
        layer: Layer,
    ) {
        let engine = &self.client.engine;
        let row = Row {
            kind: Kind::Tcp,
            method: sniff::application(&client.1).unwrap_or_default(),
            scheme: "tcp",
            host: &self.target.host,
            port: self.target.port,
            started: Timestamp::now(),
        };
        let flow = engine.row(&self.connection, row);
        let (watch, settled) = (Mutex::new(Watch::new()), Mutex::new(None));
        let turn = |side: Side, bytes: &[u8]| {
            let mut watch = watch.lock();
            let unnamed = watch.name().is_none();
            let agreed = watch.saw(side, bytes);
            if unnamed && let Some(name) = watch.name() {
                flow.edit(|flow| name.clone_into(&mut flow.method));
            }
            let agreed = agreed.filter(|_| layer == Layer::Tcp)?;
            // behind the server's consent nothing is TLS that the server says: it goes on as it came
            let (at, after) = match agreed.by {
                Side::Request => (agreed.at, 0),
                Side::Response => (bytes.len(), bytes.len() - agreed.at.min(bytes.len())),
            };
            *settled.lock() = Some((agreed, after as u64));
            Some(at)
        };
        let ((mut client, client_read), (mut server, server_read)) = (client, server);
        let until = tunnel::relay_until(
            (&mut client, client_read),
            (&mut server, server_read),
            &flow,
            &engine.recorder,
            &turn,
        )
        .await;
        let settled = settled.into_inner();
        match (until, settled) {
            (
                Until::Turned {
                    client_read,
                    server_read,
                },
                Some((agreed, after)),
            ) => {
                let ends = Ends {
                    client,
                    client_read,
                    server,
                    server_read,
                    server_gone: None,
                };
                Box::pin(self.upgraded(flow, ends, agreed, after)).await;
            }
            (until, _) => self.ended(flow, client, server, until.end()),
        }
    }

    /// Relays what is left, whatever it is.
    pub(super) async fn on(self, flow: FlowRecorder, ends: Ends) {
        let (mut client, mut server) = (ends.client, ends.server);
        let end = tunnel::relay(
            &mut client,
            ends.client_read,
            &mut server,
            ends.server_read,
            &flow,
            &self.client.engine.recorder,
        )
        .await;
        self.ended(flow, client, server, end);
    }

    /// Records how a tunnel ended, and passes a reset on.
    pub(super) fn ended(
        &self,
        flow: FlowRecorder,
        client: Stream,
        server: Stream,
        end: tunnel::TunnelEnd,
    ) {
        self.connection.edit(|c| {
            c.closed_by = Some(end.by);
            c.reset = end.reset;
        });
        match end.failure(&self.target) {
            Some(failure) => {
                flow.fail(failure);
                client.cut();
                server.cut();
            }
            None => flow.complete(),
        }
    }
}
