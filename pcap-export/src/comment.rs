//! What the file says about itself and about a connection, in comments (pcapng).

use crate::addresses::Addresses;
use overhear_store::Connection;
use std::net::{IpAddr, SocketAddr};

/// What the first packet of a connection says: who really talked to whom, over which TLS, and what was changed
/// to write it down.
/// Readers find HTTP/2 on port 80 by themselves, on others they have to be told.
pub(crate) fn connection(
    connection: &Connection,
    real: Addresses,
    written: Addresses,
    http2: bool,
) -> String {
    let client = canonical(connection.client);
    let server = real.server();
    let named = match connection.host.parse::<IpAddr>() {
        Err(_) if !connection.host.is_empty() => format!("{} at ", connection.host),
        _ => String::new(),
    };
    let mut text = format!(
        "overhear connection {}: client {client}, server {named}{server}.",
        connection.id
    );
    if written.client().ip() != client.ip() {
        let note = format!(
            " The client is written as {}, another address family than its own.",
            written.client()
        );
        text.push_str(&note);
    } else if written.client_port != client.port() {
        let note = format!(
            " The client's port is written as {}: another conversation in this file has port {}.",
            written.client_port,
            client.port()
        );
        text.push_str(&note);
    }
    text.push_str(&tls(connection).unwrap_or_default());
    if written.server_port != server.port() {
        let note = format!(
            " Its decrypted content is written to port {} instead of {}.",
            written.server_port,
            server.port()
        );
        text.push_str(&note);
    }
    if http2 && written.server_port != 80 {
        let note = format!(
            " This is HTTP/2: Wireshark shows it with Decode As, tcp.port=={},http2.",
            written.server_port
        );
        text.push_str(&note);
    }
    text
}

/// What the section header says.
pub(crate) fn file(flows: usize, without_packets: u64) -> String {
    let mut text =
        "Written by overhear from recorded conversations: addresses, ports, times and content are \
        those that were recorded; TCP segments and HTTP/2 frames were made for this file."
            .to_owned();
    if without_packets > 0 {
        let note = format!(
            " {without_packets} of {flows} selected flows have no packets here: they failed before there was \
             an address to connect to, or no connection of theirs was recorded."
        );
        text.push_str(&note);
    }
    text
}

fn tls(connection: &Connection) -> Option<String> {
    let (tls, with) = match (&connection.server_tls, &connection.client_tls) {
        (Some(tls), _) => (tls, "server"),
        (None, Some(tls)) => (tls, "client"),
        (None, None) => return None,
    };
    let mut parts = vec![format!(" TLS with the {with}:")];
    let version = [&tls.version, &tls.cipher];
    parts.extend(version.into_iter().filter(|p| !p.is_empty()).cloned());
    parts.extend(tls.sni.as_ref().map(|name| format!("SNI {name}")));
    parts.extend(tls.alpn.as_ref().map(|name| format!("ALPN {name}")));
    Some(format!("{}.", parts.join(" ")))
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use overhear_store::{ConnectionId, TlsInfo};

    #[test]
    fn says_what_was_changed() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mut recorded = Connection::accepted(
            address("[::ffff:192.0.2.1]:5000"),
            address("127.0.0.1:8080"),
        );
        recorded.id = ConnectionId(7);
        "example.org".clone_into(&mut recorded.host);
        recorded.server = Some(address("203.0.113.1:443"));
        let real = Addresses::of(&recorded).unwrap();
        let plain =
            "overhear connection 7: client 192.0.2.1:5000, server example.org at 203.0.113.1:443.";
        assert_eq!(connection(&recorded, real, real, false), plain);

        recorded.server_tls = Some(TlsInfo {
            version: "TLSv1.3".to_owned(),
            sni: Some("example.org".to_owned()),
            alpn: Some("h2".to_owned()),
            ..TlsInfo::default()
        });
        let mut written = real;
        written.client_port = 65_535;
        written.server_port = 80;
        let expected = format!(
            "{plain} The client's port is written as 65535: another conversation in this file has port 5000. \
             TLS with the server: TLSv1.3 SNI example.org ALPN h2. Its decrypted content is written to port 80 \
             instead of 443."
        );
        assert_eq!(connection(&recorded, real, written, true), expected);
    }
}
