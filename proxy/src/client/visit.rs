//! Visits to the site that the proxy shows of itself; they are not recorded.

use super::{Client, SILENCE, first::UNDECIDED};
use crate::{
    engine::is_site,
    options::Visit,
    sniff::{self, Protocol},
    stream::Stream,
    tls::Hello,
};
use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

impl Client {
    pub(super) fn visitor(&self, proxied: bool, secure: bool) -> Visit {
        Visit {
            client: self.accepted.client,
            local: self.accepted.local,
            proxied,
            secure,
        }
    }

    /// Leads a visit to the proxy itself to its site; not recorded.
    pub(super) async fn visit(&self, mut client: Stream, read: BytesMut, visit: Visit) {
        let mut site = self.engine.open_site(visit);
        let pass = async {
            site.write_all(&read).await?;
            tokio::io::copy_bidirectional(&mut client, &mut site).await
        };
        tokio::select! {
            // how a visit ended is nobody's concern
            _ = pass => {}
            () = self.engine.stop.cancelled() => {}
        }
    }

    /// Serves a tunnel to the site that the proxy shows of itself; not recorded.
    pub(super) async fn visit_inside(&self, mut client: Stream, mut read: BytesMut, host: &str) {
        match self.client_sniff(&mut client, &mut read).await {
            Some(Protocol::Tls) => {}
            Some(_) => return self.visit(client, read, self.visitor(true, false)).await,
            None => return,
        }
        let Ok(hello) = Hello::read(client, read).await else {
            return;
        };
        // a certificate for any name is for devices that are admitted
        let named = hello.sni.as_deref();
        let named = named.filter(|name| self.is_admitted() || is_site(name, 443));
        let host = named.unwrap_or(host).to_owned();
        let alpn = hello.offers(b"http/1.1").then_some(&b"http/1.1"[..]);
        let admission = &self.engine.admission;
        let Ok(leaf) = self.engine.leaf(&host, None, alpn).await else {
            return;
        };
        match hello.finish(&leaf, false).await {
            Ok((stream, _)) => {
                admission.saw_trust(self.ip(), true);
                self.visit(stream, BytesMut::new(), self.visitor(true, true))
                    .await;
            }
            Err(unfinished) if unfinished.distrusts => admission.saw_trust(self.ip(), false),
            Err(_) => {}
        }
    }

    /// What a client speaks when there is no server to listen to.
    pub(super) async fn client_sniff(
        &self,
        client: &mut Stream,
        read: &mut BytesMut,
    ) -> Option<Protocol> {
        loop {
            if let Some(protocol) = sniff::tunnel(read) {
                return Some(protocol);
            }
            let patience = if read.is_empty() { SILENCE } else { UNDECIDED };
            let more = tokio::select! {
                more = timeout(patience, client.read_buf(read)) => more,
                () = self.engine.stop.cancelled() => return None,
            };
            match more {
                Ok(Ok(1..)) => {}
                _ if read.is_empty() => return None,
                _ => return Some(Protocol::Other),
            }
        }
    }
}
