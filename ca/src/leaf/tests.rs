use super::*;
use crate::{Authority, import::Material};
use rcgen::{BasicConstraints, Issuer, SanType};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::ServerName,
    version::{TLS12, TLS13},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

fn leaves() -> Leaves {
    Leaves::new(Root::generate().unwrap()).unwrap()
}

fn alternatives(der: &[u8]) -> Vec<String> {
    let (_, certificate) = X509Certificate::from_der(der).unwrap();
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => format!("DNS:{name}"),
        GeneralName::IPAddress(bytes) => format!("IP:{bytes:?}"),
        other => format!("{other:?}"),
    };
    names.value.general_names.iter().map(text).collect()
}

/// A certificate of some origin with these names.
fn origin(names: Vec<SanType>) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

/// Shakes hands as a client that trusts `anchor` and asks for `name`: what was negotiated, or why not.
async fn shake(
    config: Arc<ServerConfig>,
    anchor: &[u8],
    name: &str,
    versions: &[&'static rustls::SupportedProtocolVersion],
    alpn: &[&[u8]],
) -> Result<Option<Vec<u8>>, String> {
    let mut roots = RootCertStore::empty();
    roots.add(anchor.to_vec().into()).unwrap();
    let mut client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = alpn.iter().map(|p| p.to_vec()).collect();
    let (near, far) = tokio::io::duplex(64 * 1024);
    let server = tokio::spawn(async move { TlsAcceptor::from(config).accept(far).await.is_ok() });
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TlsConnector::from(Arc::new(client))
        .connect(name, near)
        .await;
    let stream = stream.map_err(|error| error.to_string())?;
    assert!(server.await.unwrap());
    Ok(stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec))
}

#[tokio::test]
async fn chains_verify_for_names_and_addresses() {
    let leaves = leaves();
    let hosts = [
        ("example.com", "example.com"),
        ("Example.COM.", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("under_score.example", "under_score.example"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[::1]", "::1"),
    ];
    for (host, asked) in hosts {
        for version in [&TLS12, &TLS13] {
            let leaf = leaves.get(host, None, Vec::new()).await.unwrap();
            let config = Arc::clone(&leaf.config);
            let shaken = shake(config, leaves.root().anchor(), asked, &[version], &[]).await;
            assert_eq!(shaken, Ok(None), "{host}");
        }
    }
    let leaf = leaves.get("example.com", None, Vec::new()).await.unwrap();
    let config = Arc::clone(&leaf.config);
    let other = shake(
        config,
        leaves.root().anchor(),
        "example.org",
        &[&TLS13],
        &[],
    )
    .await;
    assert!(other.unwrap_err().contains("not valid for name"));
}

#[tokio::test]
async fn offers_the_protocol_that_was_asked_for() {
    let leaves = leaves();
    for protocol in [&b"h2"[..], b"http/1.1"] {
        let leaf = leaves
            .get("a.example", None, vec![protocol.to_vec()])
            .await
            .unwrap();
        let both: &[&[u8]] = &[b"h2", b"http/1.1"];
        let config = Arc::clone(&leaf.config);
        let shaken = shake(config, leaves.root().anchor(), "a.example", &[&TLS13], both).await;
        assert_eq!(shaken, Ok(Some(protocol.to_vec())));
    }
    assert_eq!(
        leaves.signed.load(Ordering::Relaxed),
        1,
        "one leaf for both protocols"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_at_once_sign_once() {
    let leaves = Arc::new(leaves());
    let mirror = Arc::new(origin(vec![dns("cdn.example")]));
    let mut asks = tokio::task::JoinSet::new();
    for n in 0..1000 {
        let (leaves, mirror) = (Arc::clone(&leaves), Arc::clone(&mirror));
        let alpn = if n % 2 == 0 {
            vec![b"h2".to_vec()]
        } else {
            Vec::new()
        };
        asks.spawn(async move {
            let leaf = leaves
                .get("Busy.example", Some(&mirror), alpn)
                .await
                .unwrap();
            leaf.certificates[0].clone()
        });
    }
    let mut certificates = std::collections::HashSet::new();
    while let Some(certificate) = asks.join_next().await {
        certificates.insert(certificate.unwrap());
    }
    assert_eq!(certificates.len(), 1);
    assert_eq!(leaves.signed.load(Ordering::Relaxed), 1);
    leaves.get("other.example", None, Vec::new()).await.unwrap();
    assert_eq!(leaves.signed.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn mirrors_the_origins_names_within_bounds() {
    let leaves = leaves();
    let mut names = vec![
        dns("WWW.example.com"),
        dns("*.example.com"),
        dns("www.example.com"),
        dns("not a name"),
        dns("*"),
        dns("1.2.3.4.5"),
        dns("198.51.100.1"),
        SanType::IpAddress("2001:db8::9".parse().unwrap()),
        SanType::URI("https://example.com/".try_into().unwrap()),
    ];
    let leaf = leaves
        .get("example.com", Some(&origin(names.clone())), Vec::new())
        .await
        .unwrap();
    let expected = [
        "DNS:example.com",
        "DNS:www.example.com",
        "DNS:*.example.com",
        "IP:[198, 51, 100, 1]",
        "IP:[32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]",
    ];
    assert_eq!(alternatives(&leaf.certificates[0]), expected);
    for asked in ["example.com", "any.example.com", "198.51.100.1"] {
        let config = Arc::clone(&leaf.config);
        let shaken = shake(config, leaves.root().anchor(), asked, &[&TLS13], &[]).await;
        assert_eq!(shaken, Ok(None), "{asked}");
    }
    names.extend((0..500).map(|n| dns(&format!("n{n}.example"))));
    let leaf = leaves
        .get("example.com", Some(&origin(names)), Vec::new())
        .await
        .unwrap();
    assert_eq!(alternatives(&leaf.certificates[0]).len(), name::MOST_NAMES);
}

#[tokio::test]
async fn a_leaf_is_as_clients_demand() {
    let leaves = leaves();
    let long = format!("{}.example", ["abcdefgh"; 9].join("."));
    let mut serials = std::collections::HashSet::new();
    for host in ["example.com", long.as_str(), "127.0.0.1"] {
        let leaf = leaves.get(host, None, Vec::new()).await.unwrap();
        assert_eq!(leaf.certificates.len(), 1, "the root itself is not sent");
        let (_, certificate) = X509Certificate::from_der(&leaf.certificates[0]).unwrap();
        let (_, root) = X509Certificate::from_der(leaves.root().anchor()).unwrap();
        assert_eq!(certificate.issuer().as_raw(), root.subject().as_raw());
        assert_ne!(certificate.public_key().raw, root.public_key().raw);
        certificate
            .verify_signature(Some(root.public_key()))
            .unwrap();

        let validity = certificate.validity();
        let seconds = validity.not_after.timestamp() - validity.not_before.timestamp();
        assert!(seconds < 398 * 86_400);
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let backdated = now - validity.not_before.timestamp();
        assert!((86_000..90_000).contains(&backdated), "{backdated}");

        let common = certificate
            .subject()
            .iter_common_name()
            .next()
            .map(|n| n.as_str().unwrap());
        assert_eq!(common, (host.len() <= 64).then_some(host));
        assert!(!certificate.basic_constraints().unwrap().unwrap().value.ca);
        let usage = certificate.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.server_auth && !usage.client_auth && !usage.any);
        assert!(
            certificate
                .key_usage()
                .unwrap()
                .unwrap()
                .value
                .digital_signature()
        );
        let oids = ["2.5.29.14", "2.5.29.35"]; // subject and authority key identifier
        for oid in oids {
            let found = certificate
                .extensions()
                .iter()
                .any(|e| e.oid.to_id_string() == oid);
            assert!(found, "{oid}");
        }
        assert!(serials.insert(certificate.raw_serial().to_vec()));
    }
}

#[tokio::test]
async fn odd_hosts_are_an_error_in_words() {
    let leaves = leaves();
    for host in ["", "a b", "\u{0}", "..", "[::", &"x".repeat(70_000)] {
        let error = leaves.get(host, None, Vec::new()).await.err().unwrap();
        assert!(matches!(error, Error::Unusable { .. }), "{error}");
    }
}

/// An intermediate signs; its root is known: the intermediate is sent, the root is what a device trusts.
#[tokio::test]
async fn an_intermediate_is_sent_along() {
    let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut params = CertificateParams::default();
    params.not_after = OffsetDateTime::now_utc() + Duration::days(20);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "The root");
    let root = params.self_signed(&root_key).unwrap();
    let issuer = Issuer::from_params(&params, &root_key);
    let mut below = params.clone();
    below.not_after = OffsetDateTime::now_utc() + Duration::days(10);
    below
        .distinguished_name
        .push(DnType::CommonName, "The intermediate");
    let intermediate = below.signed_by(&key, &issuer).unwrap();

    let material = Material {
        certificates: vec![root.der().clone(), intermediate.der().clone()],
        keys: vec![key.serialize_der()],
    };
    let leaves = Leaves::new(Root::new(material, "test").unwrap()).unwrap();
    assert_eq!(leaves.root().anchor(), root.der().as_ref());
    assert_eq!(leaves.root().info().name, "The root");
    let leaf = leaves.get("a.example", None, Vec::new()).await.unwrap();
    assert_eq!(leaf.certificates.len(), 2);
    assert_eq!(leaf.certificates[1], intermediate.der().as_ref());
    let config = Arc::clone(&leaf.config);
    let shaken = shake(config, root.der(), "a.example", &[&TLS13], &[]).await;
    assert_eq!(shaken, Ok(None));
    let (_, certificate) = X509Certificate::from_der(&leaf.certificates[0]).unwrap();
    let left =
        certificate.validity().not_after.timestamp() - OffsetDateTime::now_utc().unix_timestamp();
    assert!(left <= 10 * 86_400, "a leaf does not outlive its signer");
}

#[tokio::test]
async fn hudsuckers_trait_offers_both_and_refuses_what_has_no_name() {
    use hudsucker::certificate_authority::CertificateAuthority as _;
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::load_or_create(folder.path()).unwrap();
    let anchor = authority.certificate_der();
    let both: &[&[u8]] = &[b"h2", b"http/1.1"];
    let config = authority
        .gen_server_config(&"[::1]:443".parse().unwrap())
        .await;
    let shaken = shake(config, anchor, "::1", &[&TLS13], both).await;
    assert_eq!(shaken, Ok(Some(b"h2".to_vec())));
    let config = authority.gen_server_config(&"a..b".parse().unwrap()).await;
    assert!(shake(config, anchor, "a.b", &[&TLS13], both).await.is_err());
}
