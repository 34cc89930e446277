use super::*;
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    version::{TLS12, TLS13},
};
use std::sync::Arc;

/// What a server of this version sends in a handshake, and its certificate.
fn transcript(version: &'static SupportedProtocolVersion) -> (Vec<u8>, Vec<u8>) {
    let key = KeyPair::generate().expect("a key");
    let names = vec!["a.test".to_owned()];
    let params = CertificateParams::new(names).expect("names");
    let certificate = params.self_signed(&key).expect("signed");
    let der = certificate.der().clone();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], key)
        .expect("an identity");
    config.alpn_protocols = vec![b"h2".to_vec()];
    let mut server = ServerConnection::new(Arc::new(config)).expect("a server");
    let mut roots = RootCertStore::empty();
    roots.add(der.clone()).expect("a root");
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = "a.test".try_into().expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut said = Vec::new();
    while client.is_handshaking() || server.is_handshaking() {
        let mut up = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut up).expect("memory");
        }
        let mut from = up.as_slice();
        while !from.is_empty() {
            server.read_tls(&mut from).expect("memory");
            server.process_new_packets().expect("a client");
        }
        let mut down = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut down).expect("memory");
        }
        said.extend_from_slice(&down);
        let mut from = down.as_slice();
        while !from.is_empty() {
            client.read_tls(&mut from).expect("memory");
            // what it thinks of the certificate is its own affair
            if client.process_new_packets().is_err() {
                return (said, der.to_vec());
            }
        }
    }
    (said, der.to_vec())
}

/// Reads a transcript in pieces of a size.
fn read(said: &[u8], size: usize) -> (TlsInfo, usize) {
    let mut seen = ServerSeen::default();
    let told = said.chunks(size).filter(|piece| seen.read(piece)).count();
    (seen.info().clone(), told)
}

#[test]
fn the_hello_and_before_tls_1_3_the_certificate() {
    let (said, der) = transcript(&TLS12);
    for size in [1, 7, 1000, 1 << 20] {
        let (info, told) = read(&said, size);
        assert_eq!(told, 1, "{size}");
        assert_eq!(info.version, "TLSv1.2");
        assert!(
            info.cipher.starts_with("TLS_ECDHE_ECDSA_WITH_"),
            "{}",
            info.cipher
        );
        assert_eq!(info.alpn.as_deref(), Some("h2"));
        assert_eq!(info.certificates[..], std::slice::from_ref(&der)[..]);
    }
    let (said, _) = transcript(&TLS13);
    for size in [1, 7, 1 << 20] {
        let (info, told) = read(&said, size);
        assert_eq!((told, info.version.as_str()), (1, "TLSv1.3"));
        assert!(info.cipher.starts_with("TLS_") && !info.cipher.contains("13_"));
        assert!(info.certificates.is_empty(), "it is encrypted");
    }
}

#[test]
fn what_is_no_handshake_ends_it() {
    for said in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x16\x03\x03\x00\x06\x02\x00\x00\x02\x03\x03",
        b"\x16\x03\x03\x00\x05\x01\x00\x00\x01\x00",
    ] {
        let (info, told) = read(said, 1);
        assert_eq!((told, info.version.as_str()), (1, ""), "{said:?}");
    }
    // a message that says that it is longer than all that is held
    let mut seen = ServerSeen::default();
    let record = [
        &[22, 3, 3, 0x40, 0, 2, 0xff, 0xff, 0xff][..],
        &[0; 0x4000 - 4],
    ]
    .concat();
    let ended = (0..10).any(|_| seen.read(&record));
    assert!(ended && seen.records.is_empty() && seen.messages.is_empty());
}

/// The fuzz target's function on mutated handshakes: the same in every run.
#[test]
fn mutated_handshakes_are_read_the_same_however_they_are_cut() {
    let seeds = [transcript(&TLS12).0, transcript(&TLS13).0];
    overhear_fuzz_rounds::rounds("proxy_server_seen", crate::tls::fuzz::server_seen, &seeds);
}
