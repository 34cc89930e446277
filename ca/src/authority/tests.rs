use super::*;
use std::{fs, process::Command};
use time::OffsetDateTime;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

/// What `openssl` says, or `None` where it is not installed.
fn openssl(arguments: &[&str]) -> Option<String> {
    let out = match Command::new("openssl").args(arguments).output() {
        Ok(out) => out,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("openssl: {error}"),
    };
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "openssl {arguments:?}: {said}");
    Some(String::from_utf8_lossy(&out.stdout).into_owned())
}

#[test]
fn a_root_is_made_once_and_loaded_again() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("deep/ca");
    let made = Authority::load_or_create(&folder).unwrap();
    let loaded = Authority::load_or_create(&folder).unwrap();
    assert_eq!(made.info(), loaded.info());
    assert_eq!(made.certificate_der(), loaded.certificate_der());

    let info = made.info();
    let now = OffsetDateTime::now_utc();
    assert!(
        info.name.starts_with("overhear CA (") && info.name.len() <= 64,
        "{}",
        info.name
    );
    assert!(info.name.contains(&now.date().to_string()));
    assert_eq!(info.fingerprint.len(), 64);
    let days = (info.not_after - now.unix_timestamp()) / 86_400;
    assert!((3649..=3650).contains(&days));
    assert!(info.not_before <= now.unix_timestamp() - 86_000);

    let (_, certificate) = X509Certificate::from_der(made.certificate_der()).unwrap();
    let constraints = certificate.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca);
    assert_eq!(constraints.value.path_len_constraint, Some(0));
    let usage = certificate.key_usage().unwrap().unwrap().value;
    assert!(usage.key_cert_sign() && usage.crl_sign() && !usage.digital_signature());
    assert!(
        certificate
            .iter_extensions()
            .any(|e| e.oid.to_id_string() == "2.5.29.14")
    );
}

#[tokio::test]
async fn openssl_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::load_or_create(folder.path()).unwrap();
    let root = folder.path().join("cert.pem");
    let root = root.to_str().unwrap();
    let Some(text) = openssl(&["x509", "-in", root, "-noout", "-text"]) else {
        return;
    };
    assert!(
        text.contains("CA:TRUE, pathlen:0") && text.contains("prime256v1"),
        "{text}"
    );

    let path = folder.path().join("leaf.pem");
    let long = format!("{}.example", ["abcdefgh"; 9].join("."));
    for host in ["example.com", "192.0.2.1", "2001:db8::1", &long] {
        let leaf = authority.leaf(host, None, None).await.unwrap();
        let der = leaf.certificates[0].clone();
        fs::write(&path, pem::encode(&pem::Pem::new("CERTIFICATE", der))).unwrap();
        let named = if host.parse::<std::net::IpAddr>().is_ok() {
            "-verify_ip"
        } else {
            "-verify_hostname"
        };
        let path = path.to_str().unwrap();
        let purpose = [
            "-x509_strict",
            "-purpose",
            "sslserver",
            "-CAfile",
            root,
            named,
            host,
            path,
        ];
        let said = openssl(&[&["verify"][..], &purpose].concat()).unwrap();
        assert!(said.contains(": OK"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn the_folder_and_the_key_are_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("ca");
    Authority::load_or_create(&folder).unwrap();
    let key = folder.join("key.pem");
    assert_eq!((mode(&folder), mode(&key)), (0o700, 0o600));

    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    Authority::load_or_create(&folder).unwrap();
    assert_eq!((mode(&folder), mode(&key)), (0o700, 0o600));
}

#[test]
fn rotating_keeps_the_old_root_beside() {
    let folder = tempfile::tempdir().unwrap();
    let first = Authority::load_or_create(folder.path()).unwrap();
    let second = Authority::rotate(folder.path()).unwrap();
    let third = Authority::rotate(folder.path()).unwrap();
    assert_ne!(first.info().fingerprint, second.fingerprint);
    assert_ne!(second.fingerprint, third.fingerprint);
    assert_eq!(
        Authority::load_or_create(folder.path()).unwrap().info(),
        &third
    );
    let today = OffsetDateTime::now_utc().date();
    let kept = fs::read_to_string(folder.path().join(format!("cert-{today}.pem"))).unwrap();
    assert_eq!(kept, first.pem());
    for name in ["key-DATE.pem", "cert-DATE-2.pem", "key-DATE-2.pem"] {
        assert!(
            folder
                .path()
                .join(name.replace("DATE", &today.to_string()))
                .exists(),
            "{name}"
        );
    }
}

#[test]
fn two_starts_at_once_agree() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca");
    let start = || {
        Authority::load_or_create(&path)
            .unwrap()
            .info()
            .fingerprint
            .clone()
    };
    let made: std::collections::HashSet<String> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        starts.into_iter().map(|s| s.join().unwrap()).collect()
    });
    assert_eq!(made.len(), 1);
}

#[test]
fn a_broken_folder_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let said = || {
        Authority::load_or_create(folder.path())
            .err()
            .unwrap()
            .to_string()
    };
    Authority::load_or_create(folder.path()).unwrap();
    Authority::load_or_create(other.path()).unwrap();
    let (cert, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );

    fs::copy(other.path().join("key.pem"), &key).unwrap();
    assert!(
        said().contains("does not belong to the certificate"),
        "{}",
        said()
    );
    fs::write(&key, "").unwrap();
    assert!(said().contains("neither PEM"), "{}", said());
    fs::remove_file(&key).unwrap();
    assert!(
        said().contains("is missing") && said().contains("ca rotate"),
        "{}",
        said()
    );
    fs::write(
        &cert,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    fs::copy(other.path().join("key.pem"), &key).unwrap();
    assert!(said().contains("cert.pem cannot be used"), "{}", said());
    Authority::rotate(folder.path()).unwrap();
    Authority::load_or_create(folder.path()).unwrap();

    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Authority::load_or_create(&file.join("ca")).err().unwrap();
    assert!(matches!(error, Error::File { .. }), "{error}");
}
