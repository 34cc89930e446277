//! TLS records (RFC 8446, 5.1; RFC 5246, 6.2) that begin in a packet, and the hellos in them.

use super::{
    Field, Layers,
    application::counted,
    bytes_text,
    fields::{Bytes, Fields},
};
use crate::tls::{Alert, ClientHello, ServerHello, suite_name, version_name};

impl Layers {
    /// Records, one after the other; the last may go on in the next packet.
    pub(super) fn tls(&mut self, bytes: Bytes<'_>) {
        let mut rest = bytes;
        let mut records = 0;
        while !rest.data.is_empty() && records < 16 {
            let Some((record, after)) = self.record(rest) else {
                break;
            };
            records += 1;
            rest = after;
            if record == 0 {
                return;
            }
        }
        self.data("Data", rest);
    }

    /// One record: how many of its bytes are missing here, as 0 for some and 1 for none, and what follows.
    fn record<'a>(&mut self, bytes: Bytes<'a>) -> Option<(usize, Bytes<'a>)> {
        let mut fields = Fields::new(bytes);
        let (kind, length) = (*bytes.data.first()?, usize::from(bytes.be16(3)?));
        let name = match kind {
            20 => "Change cipher spec",
            21 => "Alert",
            22 => "Handshake",
            23 => "Application data",
            24 => "Heartbeat",
            _ => return None,
        };
        fields.number("Content type", 1, |kind| format!("{kind} ({name})"))?;
        fields.number("Version", 2, |version| version_text(version as u16))?;
        fields.number("Length", 2, |length| bytes_text(length as usize))?;
        let (content, after) = fields.rest().split(length);
        let missing = length - content.data.len();
        fields.limit(length);
        let mut summary = format!("{name}, {}", bytes_text(length));
        if kind == 21
            && let Some(alert) = Alert::read(content.data)
        {
            fields.push("Alert", alert.name().to_owned(), content.range());
            fields.part("Meaning", alert.meaning().to_owned());
            summary = format!("Alert: {}", alert.name());
        } else if kind == 22 {
            let said = messages(&mut fields, content);
            if !said.is_empty() {
                summary = said.join(", ");
            }
        }
        if missing > 0 {
            summary.push_str(&format!(
                " ({} of it in later packets)",
                bytes_text(missing)
            ));
        }
        let (mut layer, _) = fields.layer("TLS", summary, Some(()));
        layer.range = bytes.at..content.range().end;
        self.push(layer);
        Some((usize::from(missing == 0), after))
    }
}

/// The handshake messages that begin in a record, as far as they can be read; encrypted ones cannot.
fn messages(fields: &mut Fields<'_>, mut content: Bytes<'_>) -> Vec<&'static str> {
    let mut said = Vec::new();
    while let [kind, a, b, c, ..] = *content.data {
        let Some(name) = message_name(kind) else {
            break;
        };
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        // no message is that long: it is encrypted
        if length > 1 << 17 {
            break;
        }
        let (message, after) = content.split(4 + length);
        let body = message.data.get(4..).unwrap_or_default();
        fields.push(name, bytes_text(length), message.range());
        if let Some(field) = fields.fields.last_mut() {
            field.fields = match kind {
                1 => client_hello(body, message),
                2 => server_hello(body, message),
                _ => Vec::new(),
            };
        }
        said.push(name);
        content = after;
    }
    said
}

fn client_hello(body: &[u8], bytes: Bytes<'_>) -> Vec<Field> {
    let Some(hello) = ClientHello::read(body) else {
        return Vec::new();
    };
    let suites: Vec<_> = hello
        .suites
        .iter()
        .map(|suite| suite_name(*suite))
        .collect();
    let versions: Vec<_> = hello.versions().into_iter().map(version_text).collect();
    let protocols: Vec<_> = hello
        .protocols()
        .iter()
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    let mut parts = vec![
        ("Server name", hello.server_name().unwrap_or_default()),
        ("Versions", versions.join(", ")),
        ("Application protocols", protocols.join(", ")),
        ("Cipher suites", suites.join(", ")),
        (
            "Extensions",
            counted(hello.extensions.len(), "extension", "extensions"),
        ),
    ];
    parts.retain(|(_, value)| !value.is_empty());
    fields_of(parts, bytes)
}

fn server_hello(body: &[u8], bytes: Bytes<'_>) -> Vec<Field> {
    let Some(hello) = ServerHello::read(body) else {
        return Vec::new();
    };
    let protocol = hello
        .protocol()
        .map(|name| String::from_utf8_lossy(&name).into_owned());
    let mut parts = vec![
        ("Version", version_text(hello.version())),
        ("Cipher suite", suite_name(hello.suite)),
        ("Application protocol", protocol.unwrap_or_default()),
    ];
    parts.retain(|(_, value)| !value.is_empty());
    fields_of(parts, bytes)
}

fn fields_of(parts: Vec<(&str, String)>, bytes: Bytes<'_>) -> Vec<Field> {
    let field = |(name, value): (&str, String)| Field {
        name: name.to_owned(),
        value,
        range: bytes.range(),
        fields: Vec::new(),
    };
    parts.into_iter().map(field).collect()
}

fn version_text(version: u16) -> String {
    match version_name(version) {
        Some(name) => format!("0x{version:04x} ({name})"),
        None => format!("0x{version:04x}"),
    }
}

fn message_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        0 => "Hello request",
        1 => "Client hello",
        2 => "Server hello",
        4 => "New session ticket",
        8 => "Encrypted extensions",
        11 => "Certificate",
        12 => "Server key exchange",
        13 => "Certificate request",
        14 => "Server hello done",
        15 => "Certificate verify",
        16 => "Client key exchange",
        20 => "Finished",
        22 => "Certificate status",
        24 => "Key update",
        _ => return None,
    })
}
