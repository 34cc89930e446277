//! SOCKS as a server reads it: version 5 (RFC 1928, with the passwords of RFC 1929), version 4, and 4a with names.
//!
//! A [`Dialogue`] is given what came so far and says what to answer; it has no socket and no clock. What a client
//! says of itself while it proves who it is, is never given out.

use crate::http1::dialable;
use bytes::{Buf as _, BytesMut};
use overhear_store::FailureCause;
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// The longest user name of version 4, and host of 4a, that is waited for: bytes. Version 5 cannot say more.
const MOST_TEXT: usize = 255;

/// Whether a user may use the proxy with a password.
pub(crate) type Check<'c> = &'c (dyn Fn(&[u8], &[u8]) -> bool + Send + Sync);

/// Which SOCKS a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// With an address.
    Socks4,
    /// Version 4 with a name.
    Socks4a,
    /// RFC 1928.
    Socks5,
}

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) version: Version,
    /// A DNS name or an IP address, without brackets.
    pub(crate) host: String,
    /// From 1 to 65535.
    pub(crate) port: u16,
    /// As it came.
    pub(crate) bytes: Vec<u8>,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing, until more bytes have come.
    Wait,
    /// Send this, and ask again.
    Say(&'static [u8]),
    /// The client waits for the answer to its request.
    Asked(Request),
    /// Send this, and close.
    Refuse(Refusal),
}

/// Why a client is not served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What it is told.
    pub(crate) answer: Vec<u8>,
    /// Why, for a person: what the client did.
    pub(crate) why: String,
    /// What it sent last, without passwords.
    pub(crate) shown: Vec<u8>,
    /// The password was wrong, or there was none.
    pub(crate) unknown: bool,
}

/// One client's dialogue before the bytes that are meant for the server.
pub(crate) struct Dialogue<'c> {
    stage: Stage,
    check: Option<Check<'c>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Greeting,
    Password,
    Request,
}

/// A message that was read whole, and its length in bytes; none while more is to come.
type Read<T> = Result<Option<(T, usize)>, Refusal>;

impl<'c> Dialogue<'c> {
    /// With a check, a client has to prove who it is; without one, whatever it says is taken.
    pub(crate) fn new(check: Option<Check<'c>>) -> Self {
        Self {
            stage: Stage::Greeting,
            check,
        }
    }

    /// Looks at what came, and takes what it has understood.
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> Turn {
        let turn = match (self.stage, input.first()) {
            (_, None) => Ok(None),
            (Stage::Greeting, Some(4)) => self.version_4(input),
            (Stage::Greeting, Some(_)) => self.greeting(input),
            (Stage::Password, Some(_)) => self.password(input),
            (Stage::Request, Some(_)) => request(input),
        };
        match turn {
            Ok(None) => Turn::Wait,
            Ok(Some((turn, length))) => {
                input.advance(length.min(input.len()));
                turn
            }
            Err(refusal) => Turn::Refuse(refusal),
        }
    }

    /// What of the bytes that came may be shown: no passwords.
    pub(crate) fn shown<'b>(&self, input: &'b [u8]) -> &'b [u8] {
        match self.stage {
            Stage::Password => &[],
            Stage::Greeting | Stage::Request => input,
        }
    }

    /// RFC 1928 section 3: version, number of methods, methods.
    fn greeting(&mut self, input: &[u8]) -> Read<Turn> {
        let [version, count, rest @ ..] = input else {
            return Ok(None);
        };
        if *version != 5 {
            return Err(refuse(
                NO_METHOD,
                input,
                "begins with a version that is none of SOCKS",
            ));
        }
        let Some(methods) = rest.get(..usize::from(*count)) else {
            return Ok(None);
        };
        let length = 2 + methods.len();
        let (stage, answer): (_, &'static [u8]) = match self.check {
            None if methods.contains(&0) => (Stage::Request, &[5, 0]),
            _ if methods.contains(&2) => (Stage::Password, &[5, 2]),
            check => {
                let why = match (methods, check) {
                    ([], _) => "offers no way at all to say who it is (RFC 1928 section 3)",
                    (_, Some(_)) => "offers no password, and this proxy asks for one",
                    (_, None) => {
                        "offers only ways to say who it is that this proxy does not know (GSSAPI, for example): none and a password are known"
                    }
                };
                return Err(Refusal {
                    unknown: check.is_some(),
                    ..refuse(NO_METHOD, input.get(..length).unwrap_or(input), why)
                });
            }
        };
        self.stage = stage;
        Ok(Some((Turn::Say(answer), length)))
    }

    /// RFC 1929 section 2: version, name and password, each behind its length.
    fn password(&mut self, input: &[u8]) -> Read<Turn> {
        if input.first() != Some(&1) {
            return Err(refuse(
                &[1, 1],
                &[],
                "sends a password of another version than RFC 1929 has",
            ));
        }
        let Some((user, rest)) = input.get(1..).and_then(counted) else {
            return Ok(None);
        };
        let Some((password, rest)) = counted(rest) else {
            return Ok(None);
        };
        if self.check.is_some_and(|check| !check(user, password)) {
            return Err(Refusal {
                unknown: true,
                ..refuse(
                    &[1, 1],
                    &[],
                    "sends another user name or password than this proxy asks for",
                )
            });
        }
        self.stage = Stage::Request;
        Ok(Some((Turn::Say(&[1, 0]), input.len() - rest.len())))
    }

    /// Version, command, port, address, user name; in 4a a name behind an address 0.0.0.x.
    fn version_4(&self, input: &[u8]) -> Read<Turn> {
        let [_, command, high, low, a, b, c, d, rest @ ..] = input else {
            return Ok(None);
        };
        let (port, ip) = (
            u16::from_be_bytes([*high, *low]),
            Ipv4Addr::new(*a, *b, *c, *d),
        );
        let Some((_, rest)) = ended(rest, "user name")? else {
            return Ok(None);
        };
        let named = matches!(ip.octets(), [0, 0, 0, last] if last > 0);
        let (version, host, rest) = match named {
            false => (Version::Socks4, None, rest),
            true => match ended(rest, "host")? {
                Some((host, rest)) => (Version::Socks4a, Some(host), rest),
                None => return Ok(None),
            },
        };
        let length = input.len() - rest.len();
        let bytes = input.get(..length).unwrap_or(input);
        let refuse = |why: &str| refuse(&NOT_GRANTED, bytes, why);
        if self.check.is_some() {
            return Err(Refusal {
                unknown: true,
                ..refuse(
                    "speaks SOCKS4, which knows no password, and this proxy asks for one: use SOCKS5",
                )
            });
        }
        match command {
            1 => {}
            2 => {
                return Err(refuse(
                    "asks for BIND, and this proxy only makes connections",
                ));
            }
            _ => return Err(refuse("asks for a command that SOCKS4 does not have")),
        }
        let host = match host {
            Some(host) => dialable(host)
                .map_err(|why| refuse(&format!("names no host that can be reached: it {why}")))?,
            None => ip.to_string(),
        };
        let request = asked(version, host, port, bytes);
        let request = request.ok_or_else(|| refuse("names port 0"))?;
        Ok(Some((Turn::Asked(request), length)))
    }
}

/// RFC 1928 section 4: version, command, reserved, kind of address, address, port.
fn request(input: &[u8]) -> Read<Turn> {
    let [version, command, _, kind, rest @ ..] = input else {
        return Ok(None);
    };
    if *version != 5 {
        return Err(refuse(
            &answer_5(FAILED, None),
            input,
            "changes to another version after its greeting",
        ));
    }
    let split: Option<(Host<'_>, &[u8])> = match kind {
        1 => rest
            .split_first_chunk::<4>()
            .map(|(ip, rest)| (Host::Ip(Ipv4Addr::from(*ip).into()), rest)),
        3 => counted(rest).map(|(name, rest)| (Host::Name(name), rest)),
        4 => rest.split_first_chunk::<16>().map(|(ip, rest)| {
            (
                Host::Ip(IpAddr::from(Ipv6Addr::from(*ip)).to_canonical()),
                rest,
            )
        }),
        other => {
            let why = format!("gives an address of the unknown kind {other} (RFC 1928 section 5)");
            let bytes = input.get(..4).unwrap_or(input);
            return Err(refuse(&answer_5(NO_SUCH_ADDRESS, None), bytes, &why));
        }
    };
    let Some((host, rest)) = split else {
        return Ok(None);
    };
    let Some((port, rest)) = rest.split_first_chunk() else {
        return Ok(None);
    };
    let length = input.len() - rest.len();
    let bytes = input.get(..length).unwrap_or(input);
    let refuse = |code, why: &str| refuse(&answer_5(code, None), bytes, why);
    match command {
        1 => {}
        2 => {
            return Err(refuse(
                NO_SUCH_COMMAND,
                "asks for BIND, and this proxy only makes connections",
            ));
        }
        3 => {
            return Err(refuse(
                NO_SUCH_COMMAND,
                "asks to send UDP (UDP ASSOCIATE), and this proxy only makes TCP connections",
            ));
        }
        other => {
            let why = format!("asks for the unknown command {other} (RFC 1928 section 4)");
            return Err(refuse(NO_SUCH_COMMAND, &why));
        }
    }
    let host = match host {
        Host::Ip(ip) => ip.to_string(),
        Host::Name(name) => dialable(name).map_err(|why| {
            refuse(
                FAILED,
                &format!("names no host that can be reached: it {why}"),
            )
        })?,
    };
    let request = asked(Version::Socks5, host, u16::from_be_bytes(*port), bytes);
    let request = request.ok_or_else(|| refuse(FAILED, "names port 0"))?;
    Ok(Some((Turn::Asked(request), length)))
}

enum Host<'b> {
    Ip(IpAddr),
    Name(&'b [u8]),
}

fn asked(version: Version, host: String, port: u16, bytes: &[u8]) -> Option<Request> {
    (port > 0).then(|| Request {
        version,
        host,
        port,
        bytes: bytes.to_vec(),
    })
}

/// Bytes behind a byte that counts them, and the rest.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*count))
}

/// A part, and the rest.
type Split<'b> = (&'b [u8], &'b [u8]);

/// Bytes before a zero, and what is behind it.
fn ended<'b>(bytes: &'b [u8], what: &str) -> Result<Option<Split<'b>>, Refusal> {
    match memchr::memchr(0, bytes) {
        Some(end) if end <= MOST_TEXT => Ok(bytes
            .split_at_checked(end)
            .map(|(text, rest)| (text, rest.get(1..).unwrap_or_default()))),
        None if bytes.len() <= MOST_TEXT => Ok(None),
        _ => {
            let why = format!("sends a {what} of more than {MOST_TEXT} bytes");
            Err(refuse(
                &NOT_GRANTED,
                bytes.get(..MOST_TEXT).unwrap_or(bytes),
                &why,
            ))
        }
    }
}

fn refuse(answer: &[u8], shown: &[u8], why: &str) -> Refusal {
    Refusal {
        answer: answer.to_vec(),
        why: why.to_owned(),
        shown: shown.to_vec(),
        unknown: false,
    }
}

// RFC 1928 sections 3 and 6
const NO_METHOD: &[u8] = &[5, 0xff];
const FAILED: u8 = 1;
const NOT_ALLOWED: u8 = 2;
const NO_NETWORK: u8 = 3;
const NO_HOST: u8 = 4;
const REFUSED: u8 = 5;
const TOO_LATE: u8 = 6;
const NO_SUCH_COMMAND: u8 = 7;
const NO_SUCH_ADDRESS: u8 = 8;
/// Version 4 knows one answer for all that went wrong.
const NOT_GRANTED: [u8; 8] = [0, 0x5b, 0, 0, 0, 0, 0, 0];

impl Version {
    /// The answer to a request that was granted; `bound` is our end of the connection to the server.
    pub(crate) fn granted(self, bound: Option<SocketAddr>) -> Vec<u8> {
        match self {
            Self::Socks5 => answer_5(0, bound),
            Self::Socks4 | Self::Socks4a => vec![0, 0x5a, 0, 0, 0, 0, 0, 0],
        }
    }

    /// The answer to a request that failed: host unreachable, refused...
    pub(crate) fn failed(self, cause: FailureCause) -> Vec<u8> {
        let code = match cause {
            FailureCause::Dns => NO_HOST,
            FailureCause::Refused => REFUSED,
            FailureCause::Unreachable => NO_NETWORK,
            FailureCause::Timeout => TOO_LATE,
            FailureCause::Forbidden | FailureCause::Loop => NOT_ALLOWED,
            _ => FAILED,
        };
        match self {
            Self::Socks5 => answer_5(code, None),
            Self::Socks4 | Self::Socks4a => NOT_GRANTED.to_vec(),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Socks4 => "SOCKS4",
            Self::Socks4a => "SOCKS4a",
            Self::Socks5 => "SOCKS5",
        })
    }
}

/// RFC 1928 section 6.
fn answer_5(code: u8, bound: Option<SocketAddr>) -> Vec<u8> {
    let bound = bound.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
    let mut answer = vec![5, code, 0];
    match bound.ip() {
        IpAddr::V4(ip) => {
            answer.push(1);
            answer.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            answer.push(4);
            answer.extend_from_slice(&ip.octets());
        }
    }
    answer.extend_from_slice(&bound.port().to_be_bytes());
    answer
}

#[cfg(any(test, fuzzing))]
pub mod fuzz;
#[cfg(test)]
mod tests;
