//! Real TLS, made by rustls in memory, and its key log.

use crate::http::Position;
use crate::tls::{KeyLog, Observer, Said};
use overhear_store::{Side, Timestamp};
use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, RootCertStore, ServerConfig,
    ServerConnection,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{PrivateKeyDer, ServerName},
};
use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    sync::{Arc, Mutex},
};

/// A key log in memory.
#[derive(Debug, Default)]
struct Lines(Mutex<String>);

impl rustls::KeyLog for Lines {
    fn log(&self, label: &str, random: &[u8], secret: &[u8]) {
        let mut lines = self.0.lock().unwrap();
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let _ = writeln!(lines, "{label} {} {}", hex(random), hex(secret));
    }
}

/// A client and a server.
struct Lab {
    keys: Arc<Lines>,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    certificate: Vec<u8>,
}

/// What went over the wire: whose, and which bytes.
pub(crate) type Wire = Vec<(Side, Vec<u8>)>;

impl Lab {
    /// With one cipher suite, and perhaps with other groups at the server.
    fn new(suite: rustls::CipherSuite, retry: bool) -> Self {
        let mut provider = aws_lc_rs::default_provider();
        provider
            .cipher_suites
            .retain(|known| known.suite() == suite);
        let mut servers = CryptoProvider { ..provider.clone() };
        if retry {
            servers.kx_groups = vec![aws_lc_rs::kx_group::SECP384R1];
        }
        let names = vec!["a.test".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let certificate = made.cert.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let keys = Arc::new(Lines::default());
        let mut client = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.key_log = keys.clone();
        client.enable_early_data = true;
        client.alpn_protocols = vec![b"h2".to_vec()];
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let mut server = ServerConfig::builder_with_provider(Arc::new(servers))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        server.max_early_data_size = 10_000;
        server.alpn_protocols = vec![b"h2".to_vec()];
        Self {
            keys,
            client: Arc::new(client),
            server: Arc::new(server),
            certificate: certificate.to_vec(),
        }
    }

    fn connect(&self) -> Talk {
        let name = ServerName::try_from("a.test").unwrap();
        Talk {
            client: ClientConnection::new(self.client.clone(), name).unwrap(),
            server: ServerConnection::new(self.server.clone()).unwrap(),
            wire: Wire::new(),
        }
    }

    fn log(&self) -> String {
        self.keys.0.lock().unwrap().clone()
    }
}

struct Talk {
    client: ClientConnection,
    server: ServerConnection,
    wire: Wire,
}

impl Talk {
    /// Passes on all that both want to say.
    fn settle(&mut self) {
        let Self {
            client,
            server,
            wire,
        } = self;
        while pass(client, server, Side::Request, wire)
            || pass(server, client, Side::Response, wire)
        {}
    }

    fn says(&mut self, side: Side, bytes: &[u8]) {
        match side {
            Side::Request => self.client.writer().write_all(bytes).unwrap(),
            Side::Response => self.server.writer().write_all(bytes).unwrap(),
        }
        self.settle();
    }

    fn closes(&mut self) {
        self.client.send_close_notify();
        self.settle();
        self.server.send_close_notify();
        self.settle();
    }
}

fn pass<A, B>(
    from: &mut ConnectionCommon<A>,
    to: &mut ConnectionCommon<B>,
    side: Side,
    wire: &mut Wire,
) -> bool {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes).unwrap();
    }
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        to.read_tls(&mut rest).unwrap();
        to.process_new_packets().unwrap();
        let mut read = Vec::new();
        // the end is not there yet
        let _ = to.reader().read_to_end(&mut read);
    }
    let said = !bytes.is_empty();
    wire.extend(said.then_some((side, bytes)));
    said
}

/// What is heard of it in pieces of that length: what was said, and what is to be known.
fn hear(wire: &Wire, log: &str, piece: usize) -> (Vec<(Side, Vec<u8>)>, Observer) {
    let keys = KeyLog::default();
    keys.add(log.as_bytes());
    let mut observer = Observer::new(keys);
    let mut heard: Vec<Said> = Vec::new();
    for (side, bytes) in wire {
        for piece in bytes.chunks(piece) {
            observer.push(*side, Position::default(), piece);
            heard.append(&mut observer.take_said());
        }
    }
    let heard = heard.into_iter().map(|said| (said.side, said.bytes));
    (heard.collect(), observer)
}

/// A talk in TLS 1.3 and one in 1.2, each with its key log.
pub(crate) fn talks() -> Vec<(String, Wire)> {
    let talk = |suite| {
        let lab = Lab::new(suite, false);
        let mut talk = lab.connect();
        talk.settle();
        talk.says(Side::Request, b"a question");
        talk.says(Side::Response, b"an answer");
        if suite == SUITES[0] {
            talk.client.refresh_traffic_keys().unwrap();
            talk.says(Side::Request, b"another");
        }
        talk.closes();
        (lab.log(), talk.wire)
    };
    [SUITES[0], SUITES[4]].map(talk).into()
}

const SUITES: [rustls::CipherSuite; 6] = [
    rustls::CipherSuite::TLS13_AES_128_GCM_SHA256,
    rustls::CipherSuite::TLS13_AES_256_GCM_SHA384,
    rustls::CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    rustls::CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    rustls::CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    rustls::CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// Both sides speak, more than a record holds, change their keys, and close; then they resume.
#[test]
fn what_is_said_is_heard_with_every_cipher() {
    for suite in SUITES {
        let lab = Lab::new(suite, false);
        let is_13 = format!("{suite:?}").starts_with("TLS13");
        let long: Vec<u8> = (0..50_000_u32).map(|n| n as u8).collect();
        for resumed in [false, true] {
            let mut talk = lab.connect();
            talk.settle();
            talk.says(Side::Request, b"a question");
            talk.says(Side::Response, &long);
            if is_13 {
                talk.client.refresh_traffic_keys().unwrap();
                talk.says(Side::Request, b"with other keys");
                talk.says(Side::Response, b"and so am I");
                talk.server.refresh_traffic_keys().unwrap();
            }
            talk.says(Side::Request, b"the last");
            talk.says(Side::Response, b"the last, too");
            talk.closes();
            for piece in [usize::MAX, 1000, 7] {
                let (heard, observer) = hear(&talk.wire, &lab.log(), piece);
                let all = |side: Side| {
                    let said = heard.iter().filter(|said| said.0 == side);
                    said.flat_map(|said| said.1.clone()).collect::<Vec<_>>()
                };
                let between: [&[u8]; 2] = match is_13 {
                    true => [b"with other keys", b"and so am I"],
                    false => [b"", b""],
                };
                assert!(all(Side::Request) == [b"a question", between[0], b"the last"].concat());
                assert!(all(Side::Response) == [&long, between[1], b"the last, too"].concat());
                // both said that they are at the end
                let ends = heard.iter().filter(|said| said.1.is_empty());
                assert_eq!(ends.count(), 2);
                assert_eq!(observer.note(), None);
                let info = observer.seen().info();
                assert_eq!(info.alpn.as_deref(), Some("h2"));
                if !resumed {
                    assert!(info.certificates.iter().eq([&lab.certificate]));
                }
                assert_eq!(observer.seen().alerts.len(), 2);
            }
        }
    }
}

#[test]
fn a_server_may_ask_for_another_hello() {
    let lab = Lab::new(SUITES[0], true);
    let mut talk = lab.connect();
    talk.settle();
    talk.says(Side::Request, b"yes");
    let (heard, observer) = hear(&talk.wire, &lab.log(), 100);
    assert_eq!(heard, [(Side::Request, b"yes".to_vec())]);
    assert_eq!(observer.note(), None);
}

/// Early data is heard with its secret, and missed without.
#[test]
fn early_data_is_heard() {
    let lab = Lab::new(SUITES[0], false);
    let mut first = lab.connect();
    first.settle();
    first.says(Side::Response, b"here is a ticket");
    let mut talk = lab.connect();
    talk.client
        .early_data()
        .unwrap()
        .write_all(b"early")
        .unwrap();
    talk.settle();
    assert!(talk.client.is_early_data_accepted());
    talk.says(Side::Request, b"late");
    let (heard, observer) = hear(&talk.wire, &lab.log(), usize::MAX);
    let said = |bytes: &[u8]| (Side::Request, bytes.to_vec());
    assert_eq!(heard, [said(b"early"), said(b"late")]);
    assert_eq!(observer.note(), None);
    let log = lab.log();
    let without: String = log
        .lines()
        .filter(|line| !line.starts_with("CLIENT_EARLY"))
        .fold(String::new(), |text, line| text + line + "\n");
    let (heard, observer) = hear(&talk.wire, &without, usize::MAX);
    assert_eq!(heard, [said(b"late")]);
    assert!(observer.is_partial() && observer.note().unwrap().contains("early data"));
}

/// What was written down may be less than all.
/// A key log that grows while hands are shaken: what came before its secrets waits for them, and no longer than it should.
#[test]
fn secrets_may_come_after_what_they_open() {
    use rustls::CipherSuite;
    for suite in [
        CipherSuite::TLS13_AES_256_GCM_SHA384,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ] {
        let lab = Lab::new(suite, false);
        let mut talk = lab.connect();
        talk.settle();
        talk.says(Side::Request, b"ping");
        talk.says(Side::Response, b"pong");
        let log = lab.log();
        let half: Vec<_> = log
            .lines()
            .filter(|line| line.contains("HANDSHAKE"))
            .collect();
        let expected = [
            (Side::Request, b"ping".to_vec()),
            (Side::Response, b"pong".to_vec()),
        ];
        let said = |observer: &mut Observer| -> Vec<_> {
            let said = observer.take_said().into_iter();
            said.map(|said| (said.side, said.bytes)).collect()
        };
        let hear = |observer: &mut Observer| {
            for (side, bytes) in &talk.wire {
                observer.push(*side, Position::default(), bytes);
            }
        };
        // they come in the middle, and after everything
        let keys = KeyLog::growing();
        let mut observer = Observer::new(keys.clone());
        hear(&mut observer);
        assert!(observer.awaits_keys());
        keys.add(half.join("\n").as_bytes());
        observer.look(Timestamp(1_000_000_000));
        assert!(observer.awaits_keys() && said(&mut observer).is_empty());
        keys.add(log.as_bytes());
        observer.look(Timestamp(1_000_000_000));
        assert!(!observer.awaits_keys());
        assert_eq!(said(&mut observer), expected);
        assert_eq!((observer.note(), keys.used()), (None, 1));
        // there already
        let mut observer = Observer::new(keys);
        hear(&mut observer);
        assert_eq!(said(&mut observer), expected);
        // they never come
        let mut observer = Observer::new(KeyLog::growing());
        hear(&mut observer);
        observer.look(Timestamp(2_000_000_000));
        assert!(observer.awaits_keys() && observer.decrypts());
        observer.look(Timestamp(2_000_000_001));
        assert!(!observer.awaits_keys() && !observer.decrypts());
        assert!(said(&mut observer).is_empty());
        assert_eq!(
            observer.note(),
            Some("Not decrypted: the key log has no secrets of this connection.")
        );
        // too much to wait for them
        let mut observer = Observer::new(KeyLog::growing());
        hear(&mut observer);
        let record = [&[23, 3, 3, 0x40, 0][..], &[0; 0x4000]].concat();
        for _ in 0..4 {
            observer.push(Side::Response, Position::default(), &record);
        }
        assert!(!observer.awaits_keys() && !observer.decrypts());
    }
}

#[test]
fn secrets_of_the_traffic_alone_are_enough() {
    let lab = Lab::new(SUITES[1], false);
    let mut talk = lab.connect();
    talk.settle();
    talk.says(Side::Request, b"a question");
    talk.says(Side::Response, b"an answer");
    let log = lab.log();
    let some: Vec<_> = log
        .lines()
        .filter(|line| line.contains("_TRAFFIC_SECRET_0"))
        .collect();
    assert_eq!(some.len(), 2);
    let (heard, observer) = hear(&talk.wire, &some.join("\n"), usize::MAX);
    assert_eq!(heard.len(), 2);
    assert_eq!(observer.note(), None);
    assert!(observer.seen().certificates.is_empty());
}

/// Nothing that was not said is ever heard, and the reason is told.
#[test]
fn what_cannot_be_opened_is_not_guessed() {
    for suite in SUITES {
        let lab = Lab::new(suite, false);
        let mut talk = lab.connect();
        talk.settle();
        talk.says(Side::Request, b"a question");
        let told = |wire: &Wire, log: &str| {
            let (heard, observer) = hear(wire, log, usize::MAX);
            let note = observer.note().unwrap_or_default().to_owned();
            (heard.len(), note)
        };
        let log = lab.log();
        // no key log, one of others, one with wrong secrets
        assert_eq!(told(&talk.wire, "").1, super::NO_SECRETS);
        let (random, rest) = log.split_at(log.find(' ').unwrap() + 1);
        let _ = random;
        let other = log.replace(&rest[..64], &"00".repeat(32));
        assert_eq!(told(&talk.wire, &other), (0, super::NO_SECRETS.to_owned()));
        let wrong: String = log
            .lines()
            .map(|line| {
                let (start, secret) = line.rsplit_once(' ').unwrap();
                format!("{start} {}\n", "5a".repeat(secret.len() / 2))
            })
            .collect();
        assert_eq!(told(&talk.wire, &wrong), (0, super::NOT_OPEN.to_owned()));
        // a byte that was changed
        let mut changed = talk.wire.clone();
        *changed.last_mut().unwrap().1.last_mut().unwrap() ^= 1;
        let (heard, note) = told(&changed, &log);
        assert_eq!(heard, 0);
        assert!(note.contains("does not open"), "{note}");
        // a beginning that is missing
        let (heard, note) = told(&talk.wire[1..].to_vec(), &log);
        assert_eq!(heard, 0);
        assert!(note.contains("ClientHello is not in the capture"), "{note}");
        // bytes that are missing
        let keys = KeyLog::default();
        keys.add(log.as_bytes());
        let mut observer = Observer::new(keys);
        for (side, bytes) in &talk.wire {
            observer.push(*side, Position::default(), bytes);
        }
        assert_eq!(observer.take_said().len(), 1);
        observer.gap(Side::Request, 3);
        assert!(!observer.decrypts());
        let note = observer.note().unwrap();
        assert_eq!(
            note,
            "Not decrypted any further: 3 bytes are not in the capture."
        );
    }
}
