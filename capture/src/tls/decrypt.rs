//! Which keys open which records of a TLS connection: they change with the handshake, in each direction by itself.
//!
//! RFC 8446 sections 2, 4.6.3 (KeyUpdate) and 4.2.10 (early data), RFC 5246 section 7.1 (change_cipher_spec). Records
//! that come before their keys can be known wait, 64 KiB of them at most; so do those whose secrets may still come, as a key
//! log grows, for two seconds. Nothing is guessed: a record that does not open ends it, in words.

use super::{
    ContentType, Record,
    hello::{ClientHello, ServerHello},
    keylog::{KeyLog, Secret, Secrets},
    protection::{Protection, Suite},
    suite_name,
};
use crate::http::Position;
use overhear_store::{Side, Timestamp};
use std::{collections::VecDeque, mem};

/// So many bytes may wait for their keys.
const MOST_WAITING: usize = 64 << 10;
/// Secrets are written while hands are shaken; who reads a key log that grows waits for them so long: nanoseconds.
const PATIENCE: i64 = 2_000_000_000;
/// The extension of a client that sends early data, and of a server that takes it.
const EARLY_DATA: u16 = 42;

const NO_SECRETS: &str = "Not decrypted: the key log has no secrets of this connection.";
const NOT_OPEN: &str = "Not decrypted: the key log's secrets do not open it. They may be another connection's, or \
    the packets were changed.";

/// A record as it is kept.
#[derive(Debug)]
struct Kept {
    at: Position,
    /// How many were kept before it.
    order: u64,
    content: ContentType,
    header: [u8; 5],
    fragment: Vec<u8>,
}

/// Both directions' keys.
#[derive(Debug, Default)]
pub(super) struct Decrypt {
    keys: KeyLog,
    /// Of the last hellos.
    client: Option<Client>,
    /// A ServerHello that came before the secrets, and when.
    pending: Option<(ServerHello, Timestamp)>,
    agreed: Option<Agreed>,
    /// Records that were kept so far.
    kept: u64,
    sides: [Direction; 2],
    /// Records were opened.
    works: bool,
    /// Records were sought in vain.
    tried: bool,
    /// Why it is not opened, or not any further.
    why_not: Option<String>,
    /// The client's early data is not opened.
    pub(super) early_left_out: bool,
}

#[derive(Debug)]
struct Client {
    random: [u8; 32],
    early: bool,
}

#[derive(Debug)]
struct Agreed {
    suite: Suite,
    secrets: Secrets,
    client_random: [u8; 32],
    server_random: [u8; 32],
    is_13: bool,
}

#[derive(Debug, Default)]
struct Direction {
    phase: Phase,
    waiting: VecDeque<Kept>,
    size: usize,
}

#[derive(Debug, Default)]
enum Phase {
    /// Nothing is encrypted yet, or the hellos are not known.
    #[default]
    Clear,
    /// Whether early data is taken is not known yet.
    Undecided,
    Early(Protection),
    Handshake(Protection),
    Traffic(Protection, Secret),
    /// TLS 1.2.
    Old(Protection),
    /// Until a record opens, they are of another key.
    Seek(Box<Phase>),
    /// Not opened any more.
    Lost,
}

/// What became of a record.
pub(super) enum Opened {
    /// It is not encrypted, or nothing is known of it.
    Nothing,
    Content(ContentType, Vec<u8>),
}

impl Decrypt {
    pub(super) fn new(keys: KeyLog) -> Self {
        Self {
            keys,
            ..Self::default()
        }
    }

    /// Whether it waits for secrets that may still come.
    pub(super) fn awaits_keys(&self) -> bool {
        self.pending.is_some()
    }

    /// Looks for the secrets again: at `now`, which may be so late that they will not come any more.
    pub(super) fn look(&mut self, now: Timestamp) {
        let Some((hello, since)) = &self.pending else {
            return;
        };
        let random = self.client.as_ref().map(|client| client.random);
        let has_all = random.is_some_and(|random| self.keys.has_all(&random, hello.is_13()));
        if (has_all || now.0.saturating_sub(since.0) > PATIENCE)
            && let Some((hello, _)) = self.pending.take()
        {
            self.agree(&hello);
        }
    }

    /// Whether it may still open something.
    pub(super) fn is_on(&self) -> bool {
        self.keys.is_given() && self.why_not.is_none()
    }

    /// Whether what is said is read.
    pub(super) fn reads(&self) -> bool {
        self.is_on() && self.works
    }

    /// What a person should know.
    pub(super) fn note(&self) -> Option<&str> {
        if let Some(why) = &self.why_not {
            return Some(why);
        }
        if !self.keys.is_given() {
            return None;
        }
        match (&self.agreed, self.works) {
            (None, _) if self.client.is_none() => {
                Some("Not decrypted: the ClientHello is not in the capture.")
            }
            (None, _) => None,
            (Some(_), false) => self.tried.then_some(NOT_OPEN),
            (Some(_), true) if self.early_left_out => {
                Some("The client's early data is not decrypted: the key log has no secret of it.")
            }
            (Some(_), true) => None,
        }
    }

    /// Nothing can be opened from here on.
    pub(super) fn stop(&mut self, why: String) {
        if !self.is_on() {
            return;
        }
        self.why_not = Some(match self.works {
            true => format!("Not decrypted any further: {why}"),
            false => format!("Not decrypted: {why}"),
        });
        self.pending = None;
        self.sides = Default::default();
        for direction in &mut self.sides {
            direction.phase = Phase::Lost;
        }
    }

    fn fail(&mut self, why: &str) {
        if self.works {
            // TLS 1.2 shook hands again
            let why = why.trim_start_matches("Not decrypted: ").to_owned();
            return self.stop(why);
        }
        self.why_not = Some(why.to_owned());
        self.sides = Default::default();
        for direction in &mut self.sides {
            direction.phase = Phase::Lost;
        }
    }

    pub(super) fn client_hello(&mut self, hello: &ClientHello) {
        let early = hello.extensions.iter().any(|e| e.number == EARLY_DATA);
        if self.client.is_some() && self.agreed.is_none() {
            // after a HelloRetryRequest early data is not taken and sent again, RFC 8446 section 4.2.10
            self.sides[0].waiting.clear();
            self.sides[0].size = 0;
        }
        self.client = Some(Client {
            random: hello.random,
            early,
        });
    }

    /// The server's hello came at `at`.
    pub(super) fn server_hello(&mut self, hello: &ServerHello, at: Timestamp) {
        if !self.is_on() {
            return;
        }
        // those of another handshake in TLS 1.2 are there or not
        if self.keys.grows() && self.agreed.is_none() && self.client.is_some() {
            self.pending = Some((hello.clone(), at));
            return self.look(at);
        }
        self.agree(hello);
    }

    fn agree(&mut self, hello: &ServerHello) {
        let Some(client) = &self.client else {
            return self.fail("Not decrypted: the ClientHello is not in the capture.");
        };
        let Some(secrets) = self.keys.find(&client.random) else {
            return self.fail(NO_SECRETS);
        };
        let Some(suite) = Suite::new(hello.suite, hello.version()) else {
            let name = suite_name(hello.suite);
            let why = format!(
                "Not decrypted: {name} is not read, only AES-GCM and ChaCha20-Poly1305 in TLS 1.2 and 1.3 are."
            );
            return self.fail(&why);
        };
        let agreed = Agreed {
            suite,
            secrets,
            client_random: client.random,
            server_random: hello.random,
            is_13: hello.is_13(),
        };
        let early = client.early;
        if agreed.is_13 {
            let phases = [Side::Request, Side::Response].map(|side| agreed.handshake(side));
            let reads_extensions = matches!(phases[1], Phase::Handshake(_));
            let [client, server] = phases;
            self.sides[1].phase = server;
            self.sides[0].phase = match early {
                true if reads_extensions => Phase::Undecided,
                true => {
                    self.early_left_out = true;
                    client.sought()
                }
                false => client,
            };
            let lost = |direction: &Direction| matches!(direction.phase, Phase::Lost);
            if self.sides.iter().any(lost) {
                return self.fail(NO_SECRETS);
            }
        } else if agreed.secrets.master.is_none() {
            return self.fail(NO_SECRETS);
        }
        self.agreed = Some(agreed);
    }

    /// The server's EncryptedExtensions came: whether it takes early data.
    pub(super) fn extensions(&mut self, takes_early: bool) {
        let Some(agreed) = &self.agreed else {
            return;
        };
        if !matches!(self.sides[0].phase, Phase::Undecided) {
            return;
        }
        let key = agreed.secrets.early.as_ref().filter(|_| takes_early);
        self.sides[0].phase = match key.and_then(|secret| agreed.suite.of_secret(secret)) {
            Some(protection) => Phase::Early(protection),
            None => {
                // what is not taken is sent again
                self.early_left_out |= takes_early;
                agreed.handshake(Side::Request).sought()
            }
        };
    }

    /// A handshake message of TLS 1.3 came that changes the keys of its sender.
    pub(super) fn message(&mut self, side: Side, kind: u8) {
        const END_OF_EARLY_DATA: u8 = 5;
        const FINISHED: u8 = 20;
        const KEY_UPDATE: u8 = 24;
        let Some(agreed) = self.agreed.as_ref().filter(|agreed| agreed.is_13) else {
            return;
        };
        let direction = &mut self.sides[side as usize];
        let next = match (&direction.phase, kind) {
            (Phase::Early(_), END_OF_EARLY_DATA) => agreed.handshake(side),
            (Phase::Handshake(_), FINISHED) => agreed.traffic(side),
            (Phase::Traffic(_, secret), KEY_UPDATE) => agreed.updated(secret),
            _ => return,
        };
        direction.phase = next;
        if matches!(direction.phase, Phase::Lost) {
            let label = match side {
                Side::Request => "CLIENT_TRAFFIC_SECRET_0",
                Side::Response => "SERVER_TRAFFIC_SECRET_0",
            };
            self.stop(format!("the key log has no {label} of this connection."));
        }
    }

    /// Takes a record; gives back what can be opened now: it, or nothing.
    pub(super) fn record(&mut self, side: Side, at: Position, record: &Record<'_>) -> Opened {
        if !self.is_on() {
            return Opened::Nothing;
        }
        let is_later = matches!(
            record.content,
            ContentType::ChangeCipherSpec | ContentType::ApplicationData
        );
        let direction = &mut self.sides[side as usize];
        let must_wait = !direction.waiting.is_empty()
            || matches!(direction.phase, Phase::Undecided)
            || (self.agreed.is_none() && is_later);
        if !must_wait {
            return self.open(side, record);
        }
        direction.size += record.fragment.len() + mem::size_of::<Kept>();
        let full = direction.size > MOST_WAITING;
        if full && self.pending.is_some() {
            self.look(Timestamp(i64::MAX));
        } else if full {
            self.stop("too much was sent before its keys could be known.".to_owned());
        }
        if !self.is_on() {
            return Opened::Nothing;
        }
        self.kept += 1;
        self.sides[side as usize].waiting.push_back(Kept {
            at,
            order: self.kept,
            content: record.content,
            header: record.header,
            fragment: record.fragment.to_vec(),
        });
        Opened::Nothing
    }

    /// The next record that waited for its keys and need not any more, and what it carries.
    pub(super) fn waited(&mut self) -> Option<(Side, Position, Opened)> {
        self.agreed.as_ref()?;
        let first = |side: Side| {
            let direction = &self.sides[side as usize];
            let decided = !matches!(direction.phase, Phase::Undecided);
            let kept = direction.waiting.front().filter(|_| decided)?;
            Some((kept.order, side))
        };
        let firsts = [Side::Request, Side::Response].into_iter();
        let (_, side) = firsts.filter_map(first).min_by_key(|(order, _)| *order)?;
        let direction = &mut self.sides[side as usize];
        let kept = direction.waiting.pop_front()?;
        direction.size = direction
            .size
            .saturating_sub(kept.fragment.len() + mem::size_of::<Kept>());
        let opened = self.open(
            side,
            &Record {
                content: kept.content,
                header: kept.header,
                fragment: &kept.fragment,
            },
        );
        Some((side, kept.at, opened))
    }

    fn open(&mut self, side: Side, record: &Record<'_>) -> Opened {
        let Some(agreed) = &self.agreed else {
            return Opened::Nothing;
        };
        let phase = &mut self.sides[side as usize].phase;
        if agreed.is_13 {
            // all else is as in the clear, for the sake of what stands between, RFC 8446 appendix D.4
            if record.content != ContentType::ApplicationData {
                return Opened::Nothing;
            }
        } else if record.content == ContentType::ChangeCipherSpec {
            let master = agreed.secrets.master.as_ref();
            let made = master.and_then(|master| {
                let (client, server) = (&agreed.client_random, &agreed.server_random);
                agreed.suite.of_master(master, client, server, side)
            });
            *phase = made.map_or(Phase::Lost, Phase::Old);
            return Opened::Nothing;
        }
        if let Phase::Seek(sought) = phase {
            let Some((content, bytes)) = sought.protection().and_then(|p| p.open(record)) else {
                self.tried = true;
                return Opened::Nothing;
            };
            *phase = mem::take(sought);
            self.works = true;
            return Opened::Content(content, bytes);
        }
        let Some(protection) = phase.protection() else {
            return Opened::Nothing;
        };
        match protection.open(record) {
            Some((content, bytes)) => {
                self.works = true;
                Opened::Content(content, bytes)
            }
            None if self.works => {
                self.stop(
                    "a record does not open; it was changed, or others are missing.".to_owned(),
                );
                Opened::Nothing
            }
            None => {
                self.fail(NOT_OPEN);
                Opened::Nothing
            }
        }
    }
}

impl Agreed {
    /// The keys of a side's handshake in TLS 1.3; without them those of what comes after it are sought.
    fn handshake(&self, side: Side) -> Phase {
        let secret = self.secrets.handshake[side as usize].as_ref();
        match secret.and_then(|secret| self.suite.of_secret(secret)) {
            Some(protection) => Phase::Handshake(protection),
            None => self.traffic(side).sought(),
        }
    }

    fn traffic(&self, side: Side) -> Phase {
        match &self.secrets.traffic[side as usize] {
            Some(secret) => self.traffic_of(secret.clone()),
            None => Phase::Lost,
        }
    }

    fn updated(&self, secret: &Secret) -> Phase {
        let next = self.suite.next(secret);
        next.map_or(Phase::Lost, |secret| self.traffic_of(secret))
    }

    fn traffic_of(&self, secret: Secret) -> Phase {
        let protection = self.suite.of_secret(&secret);
        protection.map_or(Phase::Lost, |protection| Phase::Traffic(protection, secret))
    }
}

impl Phase {
    fn sought(self) -> Self {
        match self {
            Self::Lost => Self::Lost,
            Self::Seek(phase) => Self::Seek(phase),
            phase => Self::Seek(Box::new(phase)),
        }
    }

    fn protection(&mut self) -> Option<&mut Protection> {
        match self {
            Self::Early(protection)
            | Self::Handshake(protection)
            | Self::Traffic(protection, _)
            | Self::Old(protection) => Some(protection),
            Self::Seek(_) | Self::Clear | Self::Undecided | Self::Lost => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
