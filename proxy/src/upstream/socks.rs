//! A SOCKS5 proxy is asked for a connection: RFC 1928, with user and password as RFC 1929 says.
//!
//! What it answers is read from bytes alone ([`Reply`]); names are sent as names, so that they are resolved there.

use super::{peer::Peer, via::failure};
use crate::{http1::send, target::Target};
use bytes::BytesMut;
use overhear_store::{Failure, FailureCause};
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// The versions of the protocol, and of its log in.
const VERSION: u8 = 5;
const LOGIN_VERSION: u8 = 1;
/// The ways to log in, RFC 1928 section 3.
const NOBODY: u8 = 0;
const PASSWORD: u8 = 2;
const NO_WAY: u8 = 0xff;

/// An answer: what it says, and how many bytes it is long. None while it is not whole.
pub(super) type Read<T> = Result<Option<(T, usize)>, Wrong>;

/// What is no answer of SOCKS5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It begins with another number than the version's.
    Version(u8),
    /// It chooses a way to log in that was not offered.
    Method(u8),
    /// Its address is of no known kind.
    AddressType(u8),
    /// Its address is a name without a letter.
    EmptyName,
}

impl Wrong {
    fn words(self) -> String {
        match self {
            Self::Version(4 | 0) => "it speaks SOCKS4, or refuses as SOCKS4 does".to_owned(),
            Self::Version(b'H') => "it seems to speak HTTP: write http:// for it".to_owned(),
            Self::Version(first) => format!("its answer begins with {first}, not with 5"),
            Self::Method(method) => {
                format!("it chose a way to log in that it was not offered ({method})")
            }
            Self::AddressType(kind) => {
                format!("its answer holds an address of an unknown kind ({kind})")
            }
            Self::EmptyName => "its answer holds a name of no letters".to_owned(),
        }
    }
}

/// The way to log in that was chosen, RFC 1928 section 3.
pub(crate) fn method(bytes: &[u8]) -> Read<u8> {
    match bytes {
        [VERSION, method @ (NOBODY | PASSWORD | NO_WAY), ..] => Ok(Some((*method, 2))),
        [VERSION, other, ..] => Err(Wrong::Method(*other)),
        [] | [VERSION] => Ok(None),
        [other, ..] => Err(Wrong::Version(*other)),
    }
}

/// Whether the log in was accepted, RFC 1929 section 2.
pub(crate) fn login(bytes: &[u8]) -> Read<bool> {
    match bytes {
        // some answer with the version of the protocol
        [LOGIN_VERSION | VERSION, status, ..] => Ok(Some((*status == 0, 2))),
        [] | [LOGIN_VERSION | VERSION] => Ok(None),
        [other, ..] => Err(Wrong::Version(*other)),
    }
}

/// The code of the answer to the request, RFC 1928 section 6: 0 is a connection that stands. A failure is told before
/// all of it has come.
pub(crate) fn connected(bytes: &[u8]) -> Read<u8> {
    let (code, kind, rest) = match bytes {
        [VERSION, code @ 1..=255, ..] => return Ok(Some((*code, bytes.len().min(2)))),
        [VERSION, code, _, kind, rest @ ..] => (*code, *kind, rest),
        [] | [VERSION, ..] => return Ok(None),
        [other, ..] => return Err(Wrong::Version(*other)),
    };
    let address = match (kind, rest) {
        (1, _) => 4,
        (4, _) => 16,
        (3, [0, ..]) => return Err(Wrong::EmptyName),
        (3, [length, ..]) => 1 + usize::from(*length),
        (3, []) => return Ok(None),
        (kind, _) => return Err(Wrong::AddressType(kind)),
    };
    let whole = 4 + address + 2;
    Ok((bytes.len() >= whole).then_some((code, whole)))
}

/// The request for a connection, RFC 1928 section 4.
fn request(target: &Target) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![VERSION, 1, 0];
    match target.host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            bytes.push(1);
            bytes.extend_from_slice(&ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            bytes.push(4);
            bytes.extend_from_slice(&ip.octets());
        }
        Err(_) => {
            let name = target.host.as_bytes();
            let length = u8::try_from(name.len()).ok().filter(|length| *length > 0);
            let Some(length) = length else {
                return Err(failure(
                    FailureCause::Dns,
                    format!(
                        "a host name of {} bytes cannot be asked for through SOCKS5: 1 to 255 are possible",
                        name.len()
                    ),
                ));
            };
            bytes.extend_from_slice(&[3, length]);
            bytes.extend_from_slice(name);
        }
    }
    bytes.extend_from_slice(&target.port.to_be_bytes());
    Ok(bytes)
}

/// Asks for a connection to `target`; gives what came behind the answer.
pub(super) async fn ask<S>(io: &mut S, target: &Target, peer: &Peer) -> Result<BytesMut, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = request(target)?;
    let mut talk = Talk {
        io,
        read: BytesMut::new(),
        target,
        peer,
    };
    let offers: &[u8] = match peer.login {
        Some(_) => &[VERSION, 2, NOBODY, PASSWORD],
        None => &[VERSION, 1, NOBODY],
    };
    match (talk.say(offers, method).await?, &peer.login) {
        (NOBODY, _) => {}
        (PASSWORD, Some((user, password))) => {
            let mut bytes = vec![LOGIN_VERSION];
            for text in [user, password] {
                // the lengths were looked at when the address was read
                bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
                bytes.extend_from_slice(text.as_bytes());
            }
            if !talk.say(&bytes, login).await? {
                return Err(failure(
                    FailureCause::Other,
                    format!(
                        "the upstream proxy {peer} refused the user {user:?} with this password: correct them where it is named (--upstream, the settings, or a rule)"
                    ),
                ));
            }
        }
        (PASSWORD, None) => return Err(talk.wrong(Wrong::Method(PASSWORD))),
        _ if peer.login.is_none() => {
            return Err(failure(
                FailureCause::Other,
                format!(
                    "the upstream proxy {peer} wants to know who uses it: write user and password into its address, as socks5://user:password@{}",
                    peer.place
                ),
            ));
        }
        _ => {
            return Err(failure(
                FailureCause::Other,
                format!(
                    "the upstream proxy {peer} takes no user with a password, nor nobody: it wants another way to log in, which overhear does not know"
                ),
            ));
        }
    }
    match talk.say(&request, connected).await? {
        0 => Ok(talk.read),
        code => Err(refused(peer, target, code)),
    }
}

/// A conversation with the proxy.
struct Talk<'a, S> {
    io: &'a mut S,
    read: BytesMut,
    target: &'a Target,
    peer: &'a Peer,
}

impl<S> Talk<'_, S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Sends something, and reads the answer.
    async fn say<T>(&mut self, bytes: &[u8], read: fn(&[u8]) -> Read<T>) -> Result<T, Failure> {
        let broke = |how| self.peer.broke(self.target, how);
        send(&mut *self.io, bytes)
            .await
            .map_err(|_| broke("broke the connection"))?;
        loop {
            match read(&self.read) {
                Ok(Some((said, length))) => {
                    let _ = self.read.split_to(length);
                    return Ok(said);
                }
                Ok(None) => match self.io.read_buf(&mut self.read).await {
                    Ok(1..) => {}
                    Ok(0) => return Err(broke("closed the connection")),
                    Err(_) => return Err(broke("broke the connection")),
                },
                Err(wrong) => return Err(self.wrong(wrong)),
            }
        }
    }

    fn wrong(&self, wrong: Wrong) -> Failure {
        failure(
            FailureCause::Protocol,
            format!(
                "the upstream proxy {} does not answer as a SOCKS5 proxy does: {}",
                self.peer,
                wrong.words()
            ),
        )
    }
}

/// Why no connection was made, RFC 1928 section 6.
fn refused(peer: &Peer, target: &Target, code: u8) -> Failure {
    let (cause, why) = match code {
        1 => (FailureCause::Other, "it failed there".to_owned()),
        2 => (FailureCause::Other, "it does not allow that".to_owned()),
        3 => (
            FailureCause::Unreachable,
            "it has no way to that network".to_owned(),
        ),
        4 => (
            FailureCause::Unreachable,
            "it cannot reach the host, or found no such name".to_owned(),
        ),
        5 => (
            FailureCause::Refused,
            "the server refused the connection".to_owned(),
        ),
        6 => (
            FailureCause::Timeout,
            "the server did not answer it".to_owned(),
        ),
        7 => (
            FailureCause::Other,
            "it makes no connections for others (CONNECT)".to_owned(),
        ),
        8 => (
            FailureCause::Other,
            "it does not take this kind of address".to_owned(),
        ),
        other => (
            FailureCause::Other,
            format!("it answers with the unknown code {other}"),
        ),
    };
    failure(
        cause,
        format!("the upstream proxy {peer} makes no connection to {target}: {why}"),
    )
}

#[cfg(test)]
mod tests;
