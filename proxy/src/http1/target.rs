//! Where a request wants to go: the four forms of a request target (RFC 9112 section 3.2), authorities, and names
//! that can be dialled.

use crate::{
    http1::problem::{Problem, quote},
    target::{Scheme, Target},
};
use std::net::{IpAddr, Ipv6Addr};

/// A request target.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Form<'b> {
    /// `/path?query`: on a proxy's port, a visit to the proxy itself.
    Origin,
    /// `http://host/path`: what a proxy is asked for.
    Absolute(Absolute<'b>),
    /// `host:port`, of CONNECT.
    Authority(Target),
    /// `*`, of OPTIONS.
    Asterisk,
}

/// An absolute form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Absolute<'b> {
    /// Whom it names. User information is dropped, RFC 9110 section 4.2.4.
    pub(crate) target: Target,
    /// What follows the authority, as sent: possibly empty, possibly a query without a path.
    pub(crate) rest: &'b [u8],
}

/// Reads a request target.
pub(crate) fn form<'b>(method: &str, target: &'b [u8]) -> Result<Form<'b>, Problem> {
    let bad = |why| Problem::BadTarget {
        target: quote(target),
        why,
    };
    if method == "CONNECT" {
        return connect(target).map(Form::Authority).map_err(bad);
    }
    match target {
        [b'/', ..] => return Ok(Form::Origin),
        b"*" if method == "OPTIONS" => return Ok(Form::Asterisk),
        b"*" => return Err(bad("is only for OPTIONS (RFC 9112 section 3.2.4)")),
        _ => {}
    }
    let (scheme, rest) = match scheme(target) {
        Some(split) => split,
        None => {
            return Err(bad(
                "is neither a path nor an http:// or https:// address (RFC 9112 section 3.2)",
            ));
        }
    };
    let ends = |b: &u8| matches!(b, b'/' | b'?' | b'#' | b'\\');
    let end = rest.iter().position(ends).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let host_port = match memchr::memrchr(b'@', authority) {
        Some(at) => authority.get(at + 1..).unwrap_or_default(),
        None => authority,
    };
    let (host, port) = host_and_port(host_port).map_err(bad)?;
    let port = port.unwrap_or(scheme.default_port());
    let target = Target { scheme, host, port };
    Ok(Form::Absolute(Absolute { target, rest }))
}

impl Absolute<'_> {
    /// The same target in origin form (asterisk form for OPTIONS without a path, RFC 9112 section 3.2.4), written
    /// to the end of `out`.
    pub(crate) fn origin_form(&self, method: &str, out: &mut Vec<u8>) {
        match self.rest {
            [] if method == "OPTIONS" => out.push(b'*'),
            [b'/', ..] => {}
            _ => out.push(b'/'),
        }
        out.extend_from_slice(self.rest);
    }
}

/// True for a host with an optional port, as a Host field holds it.
pub(crate) fn is_authority(bytes: &[u8]) -> bool {
    // most hosts are plain names
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    bytes.iter().all(plain) || host_and_port(bytes).is_ok()
}

/// A host with an optional port.
pub(crate) fn authority(bytes: &[u8]) -> Result<(String, Option<u16>), &'static str> {
    host_and_port(bytes)
}

/// A host without brackets that can be dialled: an IP address, or a name that may have to go through IDNA.
pub(crate) fn dialable(host: &[u8]) -> Result<String, &'static str> {
    let ip = std::str::from_utf8(host)
        .ok()
        .and_then(|text| text.parse::<IpAddr>().ok());
    match ip {
        Some(ip) => Ok(ip.to_canonical().to_string()),
        None => name(host),
    }
}

fn connect(authority: &[u8]) -> Result<Target, &'static str> {
    let shape = "is not HOST:PORT, which CONNECT needs (RFC 9112 section 3.2.3)";
    if authority.contains(&b'@') {
        return Err("names a user: CONNECT takes HOST:PORT only (RFC 9112 section 3.2.3)");
    }
    match host_and_port(authority)? {
        (host, Some(port)) => Ok(Target {
            // what is spoken in the tunnel is not known yet
            scheme: Scheme::Https,
            host,
            port,
        }),
        (_, None) => Err(shape),
    }
}

fn scheme(target: &[u8]) -> Option<(Scheme, &[u8])> {
    let at = memchr::memmem::find(target.get(..8.min(target.len()))?, b"://")?;
    let (scheme, rest) = (target.get(..at)?, target.get(at + 3..)?);
    if scheme.eq_ignore_ascii_case(b"http") {
        Some((Scheme::Http, rest))
    } else if scheme.eq_ignore_ascii_case(b"https") {
        Some((Scheme::Https, rest))
    } else {
        None
    }
}

/// A host that can be dialled, without brackets, and the port when one is given.
fn host_and_port(authority: &[u8]) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = match authority {
        [b'[', rest @ ..] => {
            let end = memchr::memchr(b']', rest).ok_or("has no ] after its IPv6 address")?;
            let (address, after) = rest.split_at(end);
            let port = match after {
                b"]" => None,
                [b']', b':', port @ ..] => Some(port),
                _ => return Err("has something other than a port after its IPv6 address"),
            };
            (ipv6(address)?, port)
        }
        _ => match memchr::memrchr(b':', authority) {
            Some(colon) => {
                let (host, port) = authority.split_at(colon);
                (name(host)?, port.get(1..))
            }
            None => (name(authority)?, None),
        },
    };
    match port {
        None | Some([]) => Ok((host, None)),
        Some(port) => Ok((host, Some(number(port)?))),
    }
}

fn number(port: &[u8]) -> Result<u16, &'static str> {
    let wrong = "has a port that is not a number from 1 to 65535";
    let mut number = 0_u16;
    for byte in port {
        let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
        let next = number.checked_mul(10).zip(digit);
        number = next.and_then(|(n, d)| n.checked_add(d)).ok_or(wrong)?;
    }
    if number == 0 { Err(wrong) } else { Ok(number) }
}

/// An IPv6 address, possibly with a zone (RFC 6874: `%25en0`; as people write it: `%en0`).
fn ipv6(address: &[u8]) -> Result<String, &'static str> {
    let wrong = "has something other than an IPv6 address in its brackets";
    let text = std::str::from_utf8(address).map_err(|_| wrong)?;
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, zone.strip_prefix("25").unwrap_or(zone)),
        None => (text, ""),
    };
    // %2525 could be read as two zones
    let zone_good = !zone.starts_with("25")
        && zone
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
    if address.parse::<Ipv6Addr>().is_err() || !zone_good || (zone.is_empty() && text.contains('%'))
    {
        return Err(wrong);
    }
    match zone {
        "" => Ok(address.to_owned()),
        _ => Ok(format!("{address}%{zone}")),
    }
}

/// A reg-name (RFC 3986) that can be dialled: what is not ASCII, or percent-encoded, goes through IDNA.
fn name(host: &[u8]) -> Result<String, &'static str> {
    let wrong = "has a host name with a character that host names cannot have";
    let text = std::str::from_utf8(host).map_err(|_| "has a host name that is not UTF-8")?;
    if text.is_empty() {
        return Err("has no host");
    }
    if !text.is_ascii() || text.contains('%') {
        return match url::Host::parse(text) {
            Ok(url::Host::Domain(name)) if name.bytes().all(is_name) => Ok(name),
            Ok(url::Host::Domain(_)) => Err(wrong),
            Ok(url::Host::Ipv4(address)) => Ok(address.to_string()),
            Ok(url::Host::Ipv6(_)) | Err(_) => Err("has a host name that is no domain name"),
        };
    }
    if text.bytes().all(is_name) {
        Ok(text.to_owned())
    } else {
        Err(wrong)
    }
}

/// An ASCII character of a reg-name (RFC 3986) that needs no encoding.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests;
