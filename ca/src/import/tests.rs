use super::*;
use crate::{Authority, RootInfo};
use pem::Pem;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256,
    SignatureAlgorithm,
};
use std::{fs, path::Path, process::Command};
use time::{Duration, OffsetDateTime};

/// A root as mitmproxy makes it, but for what `change` does to it.
fn root(
    algorithm: &'static SignatureAlgorithm,
    change: impl FnOnce(&mut CertificateParams),
) -> (KeyPair, Vec<u8>) {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "mitmproxy");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "mitmproxy");
    change(&mut params);
    let der = params.self_signed(&key).unwrap().der().to_vec();
    (key, der)
}

fn ec() -> (KeyPair, Vec<u8>) {
    root(&rcgen::PKCS_ECDSA_P256_SHA256, |_| {})
}

fn certificate_pem(der: &[u8]) -> String {
    pem::encode(&Pem::new("CERTIFICATE", der))
}

/// Imports into a fresh folder, loads it again, signs with it.
fn import(
    certificate: &[u8],
    key: Option<&[u8]>,
    password: Option<&str>,
) -> Result<RootInfo, String> {
    let folder = tempfile::tempdir().unwrap();
    let info = Authority::import(folder.path(), certificate, key, password);
    let info = info.map_err(|error| error.to_string())?;
    let loaded = Authority::load_or_create(folder.path()).unwrap();
    assert_eq!(loaded.info(), &info);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let leaf = runtime
        .block_on(loaded.leaf("a.example", None, None))
        .unwrap();
    let (_, leaf) = X509Certificate::from_der(&leaf.certificates[0]).unwrap();
    let (_, anchor) = X509Certificate::from_der(loaded.certificate_der()).unwrap();
    leaf.verify_signature(Some(anchor.public_key())).unwrap();
    Ok(info)
}

#[test]
fn takes_mitmproxys_combined_file() {
    let (key, der) = root(&PKCS_RSA_SHA256, |_| {});
    let pkcs8 = key.serialize_pem() + &certificate_pem(&der);
    assert_eq!(
        import(pkcs8.as_bytes(), None, None).unwrap().name,
        "mitmproxy"
    );

    // older versions wrote PKCS#1; it is what PKCS#8 wraps in 26 octets for 2048 bits
    let pkcs1 = Pem::new("RSA PRIVATE KEY", &key.serialized_der()[26..]);
    let combined = pem::encode(&pkcs1) + &certificate_pem(&der);
    assert_eq!(
        import(combined.as_bytes(), None, None).unwrap().name,
        "mitmproxy"
    );
}

#[test]
fn takes_pem_and_der_in_two_files() {
    let (key, der) = ec();
    let certificate = certificate_pem(&der);
    let key_pem = key.serialize_pem();
    import(certificate.as_bytes(), Some(key_pem.as_bytes()), None).unwrap();
    import(&der, Some(key.serialized_der()), None).unwrap();
    import(certificate.as_bytes(), Some(key.serialized_der()), None).unwrap();
    // text around the blocks, and a certificate that has nothing to do with it, do not matter
    let (_, other) = ec();
    let bundle = format!("Root of Jane\n{}\n{certificate}", certificate_pem(&other));
    import(bundle.as_bytes(), Some(key_pem.as_bytes()), None).unwrap();
}

#[test]
fn takes_other_curves_and_ed25519() {
    for algorithm in [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let (key, der) = root(algorithm, |_| {});
        import(&der, Some(key.serialized_der()), None).unwrap();
    }
}

#[test]
fn says_what_is_wrong_and_changes_nothing() {
    let (key, der) = ec();
    let (other_key, _) = ec();
    let key = key.serialized_der();
    let now = OffsetDateTime::now_utc();
    let made = |change: fn(&mut CertificateParams, OffsetDateTime)| {
        let (key, der) = root(&rcgen::PKCS_ECDSA_P256_SHA256, |p| change(p, now));
        (der, key.serialize_der())
    };
    let leaf = made(|p, _| p.is_ca = IsCa::NoCa);
    let no_signing = made(|p, _| p.key_usages = vec![KeyUsagePurpose::DigitalSignature]);
    let expired = made(|p, now| p.not_after = now - Duration::days(1));
    let future = made(|p, now| p.not_before = now + Duration::days(1));
    type Case<'a> = (&'a [u8], Option<&'a [u8]>, &'static str);
    let cases: [Case<'_>; 13] = [
        (b"\x30\x80\x00", None, "neither PEM nor"),
        (&der, None, "there is no private key"),
        (
            &der,
            Some(other_key.serialized_der()),
            "does not belong to the certificate",
        ),
        (key, None, "there is no certificate"),
        (&der, Some(&der), "no private key in it"),
        (&leaf.0, Some(&leaf.1), "not a certificate authority"),
        (&no_signing.0, Some(&no_signing.1), "key usage"),
        (&expired.0, Some(&expired.1), "expired on"),
        (&future.0, Some(&future.1), "not valid before"),
        (b"", None, "neither PEM nor"),
        (
            b"\x30\x80\x02\x01\x03\x00",
            None,
            "cannot be read as PKCS#12",
        ),
        (
            b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            None,
            "PEM cannot be read",
        ),
        (
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            None,
            "key is encrypted",
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let before = Authority::load_or_create(folder.path()).unwrap();
    for (certificate, key, expected) in cases {
        let error = Authority::import(folder.path(), certificate, key, None).unwrap_err();
        assert!(
            error.to_string().contains(expected),
            "{error}, expected: {expected}"
        );
    }
    let after = Authority::load_or_create(folder.path()).unwrap();
    assert_eq!(before.info(), after.info());
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        3,
        "cert, key, lock"
    );
}

#[test]
fn the_root_that_was_there_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let old = Authority::load_or_create(folder.path()).unwrap();
    let (key, der) = ec();
    Authority::import(folder.path(), &der, Some(key.serialized_der()), None).unwrap();
    let today = OffsetDateTime::now_utc().date();
    let kept = fs::read_to_string(folder.path().join(format!("cert-{today}.pem"))).unwrap();
    assert_eq!(kept, old.pem());
}

#[test]
fn takes_its_own_pkcs12_back() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::load_or_create(folder.path()).unwrap();
    let sealed = authority.pkcs12("secret", true).unwrap();
    assert_eq!(
        &import(&sealed, None, Some("secret")).unwrap(),
        authority.info()
    );
    let error = import(&sealed, None, None).unwrap_err();
    assert!(error.contains("--password"), "{error}");
    let error = import(&sealed, None, Some("wrong")).unwrap_err();
    assert!(error.contains("not the one it was sealed with"), "{error}");
    let without = authority.pkcs12("secret", false).unwrap();
    let error = import(&without, None, Some("secret")).unwrap_err();
    assert!(error.contains("no private key"), "{error}");
}

/// Files as `openssl` writes them: PKCS#1, SEC 1 with parameters, PKCS#12 new and old.
#[test]
fn takes_what_openssl_writes() {
    let folder = tempfile::tempdir().unwrap();
    let run = |command: &str| {
        let mut words = command.split(' ');
        let program = words.next().unwrap();
        match Command::new(program)
            .args(words)
            .current_dir(folder.path())
            .output()
        {
            Ok(out) => {
                let said = String::from_utf8_lossy(&out.stderr).into_owned();
                assert!(out.status.success(), "{command}: {said}");
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => panic!("{command}: {error}"),
        }
    };
    let read = |name: &str| fs::read(Path::join(folder.path(), name)).unwrap();
    let subject = "-subj /CN=Jane/O=Example -addext keyUsage=critical,keyCertSign -days 9";
    if !run("openssl ecparam -name prime256v1 -genkey -out ec.key") {
        return;
    }
    run(&format!(
        "openssl req -x509 -new -key ec.key -out ec.pem {subject}"
    ));
    assert_eq!(
        import(&read("ec.pem"), Some(&read("ec.key")), None)
            .unwrap()
            .name,
        "Jane"
    );

    run("openssl genrsa -traditional -out rsa.key 2048");
    run(&format!(
        "openssl req -x509 -new -key rsa.key -out rsa.pem {subject}"
    ));
    import(&read("rsa.pem"), Some(&read("rsa.key")), None).unwrap();

    run("openssl pkcs12 -export -inkey rsa.key -in rsa.pem -out new.p12 -passout pass:x");
    import(&read("new.p12"), None, Some("x")).unwrap();
    let legacy = "-legacy -certpbe PBE-SHA1-RC2-40 -keypbe PBE-SHA1-3DES -macalg sha1";
    run(&format!(
        "openssl pkcs12 -export {legacy} -inkey ec.key -in ec.pem -out old.p12 -passout pass:x"
    ));
    import(&read("old.p12"), None, Some("x")).unwrap();

    run("openssl pkcs8 -topk8 -in rsa.key -out encrypted.key -passout pass:x");
    let error = import(&read("rsa.pem"), Some(&read("encrypted.key")), Some("x")).unwrap_err();
    assert!(error.contains("encrypted"), "{error}");

    // two attributes of one kind in the name: either repeated exactly or refused
    let twice = "-subj /DC=example/DC=corp/CN=Jane -addext keyUsage=critical,keyCertSign -days 9";
    run(&format!(
        "openssl req -x509 -new -key ec.key -out twice.pem {twice}"
    ));
    let error = import(&read("twice.pem"), Some(&read("ec.key")), None).unwrap_err();
    assert!(error.contains("subject name"), "{error}");
}
