//! A conversation in the clear whose sides have agreed to go on in TLS (`starttls`): TLS is ended on both sides and what
//! follows is recorded in the same flow. Where it is not to be opened, or fails, that is a flow of its own, as in a tunnel.

use super::{
    first::{AT_ONCE, Ends, First, Layer, Silence},
    inside::{Inside, Way},
    ours,
};
use crate::{
    http1,
    sniff::Protocol,
    starttls::Agreed,
    tls::{self, Failed, Hello, Wish, second_thoughts},
};
use bytes::BytesMut;
use overhear_store::{FlowRecorder, Party};
use std::{net::IpAddr, time::Instant};

/// What a flow is tagged with in which a side sent something in the clear where the other may take it for the inside of TLS.
const INJECTION: &str = "starttls-injection";

impl Inside<'_> {
    /// Goes on behind the agreement. `after`: so many bytes came with the server's consent, behind it.
    pub(super) async fn upgraded(
        mut self,
        flow: FlowRecorder,
        mut ends: Ends,
        agreed: Agreed,
        after: u64,
    ) {
        let engine = &self.client.engine;
        mark(&flow, agreed, after);
        match ends.first(Layer::Tcp, &engine.stop).await {
            First::Speaks(Protocol::Tls) => {}
            First::Speaks(_) => {
                note(
                    &flow,
                    &format!(
                        "both sides agreed to go on in TLS ({}), and what followed was no TLS ClientHello: it was relayed as it came",
                        agreed.name
                    ),
                );
                return self.on(flow, ends).await;
            }
            First::Silence(silence) => {
                self.connection.edit(|c| {
                    c.closed_by = Some(match silence {
                        Silence::Client(..) => Party::Client,
                        Silence::Server(_) => Party::Server,
                        Silence::Stop => Party::Proxy,
                    });
                });
                note(
                    &flow,
                    "both sides agreed to go on in TLS, and the connection ended before it began",
                );
                return flow.complete();
            }
        }
        if let Some((info, decided)) = self
            .closed_tls(&mut ends.client, &mut ends.client_read)
            .await
        {
            self.goes_elsewhere(flow);
            return self.unopened(ends, info, decided).await;
        }
        self.open(flow, ends).await;
    }

    async fn open(mut self, flow: FlowRecorder, ends: Ends) {
        let engine = &self.client.engine;
        let mut hello = match Hello::read(ends.client, ends.client_read).await {
            Ok(hello) => hello,
            Err(failure) => {
                self.goes_elsewhere(flow);
                return self.failed_handshake(failure);
            }
        };
        if self.way == Way::Led {
            self.is_called(hello.sni.clone());
        }
        self.connection.edit(|c| c.client_tls = Some(hello.info()));
        let target = &self.target;
        let asked = hello.sni.clone().unwrap_or_else(|| target.host.clone());
        // in a server's place the client's name for it is ours
        let (leaf_for, sni) = match self.way {
            Way::Reverse => {
                let named = target.host.parse::<IpAddr>().is_err();
                let sni = named.then(|| target.host.clone());
                (self.client.name_of(&hello), sni)
            }
            Way::Tunnel | Way::Led => (asked.clone(), hello.sni.clone()),
        };
        let wish = Wish {
            target,
            sni: sni.as_deref(),
            alpn: hello.alpn.clone(),
        };
        let connecting = engine
            .connector
            .connect(ends.server, ends.server_read, wish);
        let accepted = &self.client.accepted;
        let connected = tokio::select! {
            biased;
            connected = connecting => connected,
            () = hello.gone((accepted.client, accepted.local)) => {
                self.connection.edit(|c| c.closed_by = Some(Party::Client));
                let failure = http1::given_up(target);
                self.goes_elsewhere(flow);
                return self.failed_handshake(failure);
            }
        };
        let (server, info) = match connected {
            Ok(connected) => connected,
            Err(failed) => {
                let Failed { failure, info } = *failed;
                self.connection.edit(|c| {
                    c.server_tls = Some(info);
                    c.closed_by = Some(Party::Proxy);
                });
                self.goes_elsewhere(flow);
                self.failed_handshake(failure);
                return hello.refuse().await;
            }
        };
        let mirror = info.certificates.first().cloned();
        self.server_agreed(info);
        let alpn = server.alpn();
        let leaf = match engine
            .leaf(&leaf_for, mirror.as_deref(), alpn.as_deref())
            .await
        {
            Ok(leaf) => leaf,
            Err(error) => {
                self.goes_elsewhere(flow);
                let text = format!("no certificate can be made for {leaf_for}: {error}");
                return self.failed_handshake(ours(text));
            }
        };
        let Some(client) = self.finish(hello, &leaf, &asked).await else {
            return self.goes_elsewhere(flow);
        };
        let ends = Ends {
            client,
            client_read: BytesMut::new(),
            server,
            server_read: BytesMut::new(),
            server_gone: None,
        };
        self.inside_tls(flow, ends, &asked).await;
    }

    /// Both handshakes are done: what the sides say in TLS belongs to the same flow.
    async fn inside_tls(self, flow: FlowRecorder, mut ends: Ends, name: &str) {
        let engine = &self.client.engine;
        let (agreed, ip) = (Instant::now(), self.client.ip());
        let here = engine.crowd.enter(ip, &self.target);
        if self.way == Way::Led {
            flow.edit(|flow| flow.host.clone_from(&self.target.host));
        }
        match ends.first(Layer::Tls, &engine.stop).await {
            First::Speaks(_) => {
                flow.apart();
                self.on(flow, ends).await;
            }
            First::Silence(silence) => {
                flow.complete();
                match silence {
                    Silence::Client(error, at) => {
                        let quick = at.duration_since(agreed) < AT_ONCE && here.is_alone();
                        let thought = second_thoughts(error.as_ref(), quick);
                        if let Some((mut failure, distrusts)) = thought {
                            if distrusts {
                                engine.admission.saw_trust(ip, false);
                            }
                            self.refused_again(name, &mut failure);
                            self.failed_handshake(failure);
                        }
                    }
                    Silence::Server(gone) => {
                        let ended = gone.0.and_then(|error| tls::ended(&error, &self.target));
                        if let Some(failure) = ended {
                            self.failed_handshake(failure);
                        }
                    }
                    Silence::Stop => {}
                }
            }
        }
    }

    /// The flow ends where TLS begins: that is told by another one of the same connection.
    fn goes_elsewhere(&self, flow: FlowRecorder) {
        note(
            &flow,
            "what both sides said in the clear; the TLS that they turned to is a flow of its own on the same connection",
        );
        flow.complete();
    }
}

/// Says what was sent in the clear where it does not belong.
fn mark(flow: &FlowRecorder, agreed: Agreed, after: u64) {
    let name = agreed.name;
    if agreed.behind > 0 {
        let text = format!(
            "the client sent {} behind its request for TLS, in the clear and before the answer: it went on in the clear and is no part of what is inside TLS. A server that takes it for that lets an attacker put commands there (as CVE-2011-0411, {name})",
            bytes(agreed.behind)
        );
        note(flow, &text);
    }
    if after > 0 {
        let text = format!(
            "the server sent {} behind its consent to TLS, in the clear: it went on in the clear and is no part of what is inside TLS. A client that takes it for that lets an attacker put answers there (as CVE-2021-23222, {name})",
            bytes(after)
        );
        note(flow, &text);
    }
    if agreed.behind + after > 0 {
        flow.edit(|flow| INJECTION.clone_into(&mut flow.tags));
    }
}

fn bytes(count: u64) -> String {
    match count {
        1 => "1 byte".to_owned(),
        _ => format!("{count} bytes"),
    }
}

fn note(flow: &FlowRecorder, text: &str) {
    flow.edit(|flow| {
        if !flow.comment.is_empty() {
            flow.comment.push_str(". ");
        }
        flow.comment.push_str(text);
    });
}
