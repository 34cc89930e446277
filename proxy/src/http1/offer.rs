//! What a request offers to switch to (RFC 9110 section 7.8), and the one offer that is not passed on.
//!
//! Behind a switch to HTTP/2 (`h2c`, RFC 7540 section 3.2, which RFC 9113 no longer has) nothing would be seen exchange by exchange,
//! and no rule could act. An intermediary need not pass an offer on, and a server need not take it: the conversation goes on in
//! HTTP/1.1. What a person built is sent as it was built.

use super::{exchange::Upgrade, framing::Asked, head::RequestHead};

/// What a request offers.
pub(crate) struct Offer {
    /// What its connection may switch to when it goes on.
    pub(crate) upgrade: Option<Upgrade>,
    /// The head without the offer of HTTP/2; none where that was not made.
    pub(crate) without_h2c: Option<Vec<u8>>,
}

impl Offer {
    /// Of a request whose head would go on as `goes`. `built`: a person built it.
    pub(crate) fn of(head: &RequestHead<'_>, asked: Asked, goes: &[u8], built: bool) -> Self {
        let upgrade = upgrade(head, asked);
        let declined = match upgrade {
            Some(_) if asked != Asked::Connect && !built => without_h2c(goes),
            _ => None,
        };
        let others = declined.as_ref().is_none_or(|declined| declined.upgrades);
        Self {
            upgrade: upgrade.filter(|_| others),
            without_h2c: declined.map(|declined| declined.head),
        }
    }
}

fn upgrade(head: &RequestHead<'_>, asked: Asked) -> Option<Upgrade> {
    if asked == Asked::Connect {
        return Some(Upgrade::Other);
    }
    let protocols = head
        .fields
        .upgrade
        .filter(|_| head.fields.connection_upgrade)?;
    match members(protocols).any(|protocol| protocol.eq_ignore_ascii_case(b"websocket")) {
        true => Some(Upgrade::WebSocket),
        false => Some(Upgrade::Other),
    }
}

/// A request without an offer to go over to HTTP/2.
struct Declined {
    /// Its head: all but the offer is as it was sent.
    head: Vec<u8>,
    /// It offers other protocols, too.
    upgrades: bool,
}

/// Leaves `h2c` out of a head, and what belongs to it (RFC 7540 section 3.2); none of a head that does not offer it.
fn without_h2c(head: &[u8]) -> Option<Declined> {
    let lines = || head.split_inclusive(|b| *b == b'\n').skip(1);
    let offers = lines().filter_map(|line| value_of(line, b"upgrade"));
    let (h2c, others): (Vec<_>, Vec<_>) = offers.flat_map(members).partition(|one| is_h2c(one));
    if h2c.is_empty() {
        return None;
    }
    let upgrades = !others.is_empty();
    let mut out = Vec::with_capacity(head.len());
    out.extend(head.split_inclusive(|b| *b == b'\n').next()?);
    for line in lines() {
        if value_of(line, b"http2-settings").is_some() {
            continue;
        }
        let goes = |option: &&[u8]| {
            option.eq_ignore_ascii_case(b"http2-settings")
                || !upgrades && option.eq_ignore_ascii_case(b"upgrade")
        };
        if let Some(value) = value_of(line, b"upgrade") {
            without(line, value, |one| is_h2c(one), &mut out);
        } else if let Some(value) = value_of(line, b"connection") {
            without(line, value, goes, &mut out);
        } else {
            out.extend_from_slice(line);
        }
    }
    Some(Declined {
        head: out,
        upgrades,
    })
}

/// `h2c`, or a draft of it (`h2c-14`).
fn is_h2c(protocol: &[u8]) -> bool {
    let (name, rest) = protocol.split_at_checked(3).unwrap_or((protocol, &[]));
    name.eq_ignore_ascii_case(b"h2c") && matches!(rest.first(), None | Some(b'-'))
}

/// The value of a field's line, if it has that name.
fn value_of<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    start.eq_ignore_ascii_case(name).then_some(value)
}

/// The members of a list, RFC 9110 section 5.6.1.
fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let members = value.split(|b| *b == b',').map(<[u8]>::trim_ascii);
    members.filter(|member| !member.is_empty())
}

/// Writes the line of a list without some of its members: as it was when it has none of these, and not at all when it has no others.
fn without<'l>(
    line: &'l [u8],
    value: &'l [u8],
    goes: impl Fn(&&'l [u8]) -> bool,
    out: &mut Vec<u8>,
) {
    let stay: Vec<_> = members(value).filter(|member| !goes(member)).collect();
    if stay.len() == members(value).count() {
        return out.extend_from_slice(line);
    }
    if stay.is_empty() {
        return;
    }
    let (blank, end) = (
        value.len() - value.trim_ascii_start().len(),
        value.trim_ascii_end().len(),
    );
    let name = line.len() - value.len();
    out.extend_from_slice(line.get(..name + blank).unwrap_or_default());
    out.extend_from_slice(&stay.join(&b", "[..]));
    out.extend_from_slice(value.get(end..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_of_http_2_is_left_out_and_nothing_else() {
        let without = |fields: &str| {
            let head = format!("GET /h2c HTTP/1.1\r\n{fields}\r\n");
            let made = without_h2c(head.as_bytes())?;
            let made_head = String::from_utf8(made.head).expect("text");
            let fields = made_head.strip_prefix("GET /h2c HTTP/1.1\r\n");
            let fields = fields.and_then(|fields| fields.strip_suffix("\r\n"));
            Some((fields.expect("a head").to_owned(), made.upgrades))
        };
        for (came, goes, upgrades) in [
            // as curl writes it
            (
                "Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
                "Host: a\r\n",
                false,
            ),
            (
                "CONNECTION:  keep-alive ,Upgrade,http2-settings \r\nupgrade:H2C\r\nX:  h2c\r\nHttp2-settings: A\r\n",
                "CONNECTION:  keep-alive \r\nX:  h2c\r\n",
                false,
            ),
            (
                "Upgrade: websocket, h2c-14, x\r\nConnection: Upgrade\r\nConnection: HTTP2-Settings\r\n",
                "Upgrade: websocket, x\r\nConnection: Upgrade\r\n",
                true,
            ),
            (
                "Upgrade: h2c\r\nUpgrade: tls/1.0\r\nConnection: upgrade\r\n",
                "Upgrade: tls/1.0\r\nConnection: upgrade\r\n",
                true,
            ),
        ] {
            assert_eq!(without(came), Some((goes.to_owned(), upgrades)), "{came}");
        }
        for stays in [
            "Upgrade: websocket\r\nConnection: Upgrade\r\n",
            "Upgrade: h2\r\nX-Upgrade: h2c\r\n",
            "Upgrade: h2cx\r\n",
            "HTTP2-Settings: A\r\n",
        ] {
            assert_eq!(without(stays), None, "{stays}");
        }
        let bare = without_h2c(b"GET / HTTP/1.1\nUpgrade: h2c\nA: b\n\n").expect("an offer");
        assert_eq!(bare.head, b"GET / HTTP/1.1\nA: b\n\n");
    }
}
