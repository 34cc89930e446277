//! Which side of a connection is the client.

use crate::{
    http::{begins_like_request, begins_like_response},
    tcp::{Connection, Side},
    tls,
};

/// Ports below this are those of services, RFC 6335 section 6.
const SYSTEM: u16 = 1024;
/// Ports from here on are given to clients: by Linux (`ip_local_port_range`) from 32768 on, by others from 49152.
const EPHEMERAL: u16 = 32768;

/// What only servers say first: SMTP and FTP, POP3, IMAP.
const GREETINGS: [&[u8]; 5] = [b"220 ", b"220-", b"+OK ", b"* OK ", b"* PREAUTH "];
/// And what only clients of theirs do.
const OPENINGS: [&[u8]; 4] = [b"EHLO ", b"HELO ", b"LHLO ", b"STARTTLS\r\n"];

/// Which side is the client, and whether that is certain: who sent the SYN; else what the first bytes say; else what the
/// ports do, of which the higher is only a guess where both are of the same sort.
pub(super) fn client(connection: &Connection, data: Option<(Side, &[u8])>) -> (Side, bool) {
    if let Some(opened) = connection.opened_by {
        return (opened, true);
    }
    if let Some(client) = data.and_then(|(side, bytes)| by_words(side, bytes)) {
        return (client, true);
    }
    by_ports(connection.a.port(), connection.b.port())
}

fn by_words(side: Side, bytes: &[u8]) -> Option<Side> {
    let begins = |words: &[&[u8]]| words.iter().any(|word| bytes.starts_with(word));
    let hello = match (bytes.first(), bytes.get(5)) {
        (Some(22), Some(kind @ (1 | 2))) if tls::begins_like(bytes) => Some(*kind),
        _ => None,
    };
    if hello == Some(1) || begins_like_request(bytes) == Some(true) || begins(&OPENINGS) {
        Some(side)
    } else if hello == Some(2) || begins_like_response(bytes) == Some(true) || begins(&GREETINGS) {
        Some(side.other())
    } else {
        None
    }
}

fn by_ports(a: u16, b: u16) -> (Side, bool) {
    let higher = match a >= b {
        true => Side::A,
        false => Side::B,
    };
    let sort = |port: u16| (port >= SYSTEM, port >= EPHEMERAL);
    (higher, sort(a) != sort(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_two_sorts_tell_the_client() {
        assert_eq!(by_ports(443, 40000), (Side::B, true));
        assert_eq!(by_ports(40000, 8080), (Side::A, true));
        assert_eq!(by_ports(2000, 443), (Side::A, true));
        // two of a sort say nothing
        for (a, b) in [(50000, 40000), (5432, 6000), (20, 21), (7, 7)] {
            assert!(!by_ports(a, b).1, "{a} {b}");
        }
    }

    #[test]
    fn what_is_said_first_tells_the_client() {
        for said in [
            "EHLO here\r\n",
            "GET / HTTP/1.1\r\n",
            "\x16\x03\x01\x00\x50\x01\x00\x00\x4c\x03\x03",
        ] {
            assert_eq!(
                by_words(Side::B, said.as_bytes()),
                Some(Side::B),
                "{said:?}"
            );
        }
        for said in [
            "220 mail.test ESMTP\r\n",
            "* OK IMAP4rev1\r\n",
            "+OK POP3\r\n",
            "HTTP/1.1 200 OK\r\n",
        ] {
            assert_eq!(
                by_words(Side::B, said.as_bytes()),
                Some(Side::A),
                "{said:?}"
            );
        }
        assert_eq!(by_words(Side::A, b"anything"), None);
        assert_eq!(by_words(Side::A, b""), None);
    }
}
