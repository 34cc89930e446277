//! For unit tests: flows and connections, and a whole site on a real store and a real proxy.

mod drawer;
mod site;

pub(crate) use drawer::{Drawer, Listed};
pub(crate) use site::{Answer, Exchange, Site, TOKEN};

use overhear_store::{
    Connection, ConnectionId, Flow, FlowId, MessageInfo, State, Times, Timestamp, Version,
};

/// A small complete exchange.
pub(crate) fn flow() -> Flow {
    Flow {
        connection: ConnectionId(3),
        state: State::Complete,
        method: "GET".into(),
        scheme: "https".into(),
        host: "2001:db8::1".into(),
        port: 8443,
        path: "/a?b".into(),
        status: Some(200),
        request: MessageInfo {
            version: Some(Version::Http11),
            head_size: 40,
            ..Default::default()
        },
        response: MessageInfo {
            version: Some(Version::Http11),
            body_size: 5,
            ..Default::default()
        },
        times: Times {
            started: Timestamp(1_000_000_000),
            ended: Some(Timestamp(1_002_500_000)),
            ..Default::default()
        },
        tags: " a, b,,".into(),
        ..Flow::unknown(FlowId(7), ([127, 0, 0, 1], 5000).into())
    }
}

/// A connection of which little is known.
pub(crate) fn connection() -> Connection {
    let address = "127.0.0.1:5000".parse().expect("an address");
    Connection::accepted(address, address)
}
