//! For unit tests: flows and connections, and a whole site on a real store and a real proxy.

mod drawer;
mod site;

pub(crate) use drawer::{Drawer, Listed};
pub(crate) use site::{Answer, Exchange, Site, TOKEN};

use overhear_store::{
    Connection, ConnectionId, Flow, FlowId, Kind, MessageInfo, SessionId, State, Times, Timestamp,
    Version,
};

/// A small complete exchange.
pub(crate) fn flow() -> Flow {
    Flow {
        id: FlowId(7),
        connection: ConnectionId(3),
        kind: Kind::Http,
        state: State::Complete,
        method: "GET".into(),
        scheme: "https".into(),
        host: "2001:db8::1".into(),
        port: 8443,
        path: "/a?b".into(),
        status: Some(200),
        error: None,
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
        client: "127.0.0.1:5000".parse().expect("an address"),
        server: None,
        replay_of: None,
        modified: false,
        rules: String::new(),
        app: String::new(),
        grpc: None,
        tags: " a, b,,".into(),
        comment: String::new(),
        session: SessionId(1),
        color: None,
        starred: false,
    }
}

/// A connection of which little is known.
pub(crate) fn connection() -> Connection {
    let address = "127.0.0.1:5000".parse().expect("an address");
    Connection::accepted(address, address)
}
