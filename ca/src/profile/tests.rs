use super::*;
use std::{fs, process::Command};

fn authority() -> (tempfile::TempDir, Authority) {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::load_or_create(folder.path()).unwrap();
    (folder, authority)
}

#[test]
fn the_profile_is_stable_and_names_the_root() {
    let (_folder, authority) = authority();
    let profile = authority.mobileconfig();
    assert_eq!(profile, authority.mobileconfig());
    let value = Value::from_reader_xml(profile.as_slice()).unwrap();
    let profile = value.as_dictionary().unwrap();
    let text = |d: &Dictionary, key: &str| d.get(key).unwrap().as_string().unwrap().to_owned();
    assert_eq!(text(profile, "PayloadType"), "Configuration");
    assert_eq!(text(profile, "PayloadOrganization"), "overhear");
    assert_eq!(text(profile, "PayloadDisplayName"), authority.info().name);
    assert!(text(profile, "PayloadDescription").contains("Certificate Trust Settings"));
    let content = profile.get("PayloadContent").unwrap().as_array().unwrap();
    let payload = content[0].as_dictionary().unwrap();
    assert_eq!(text(payload, "PayloadType"), "com.apple.security.root");
    assert_eq!(
        payload.get("PayloadContent").unwrap().as_data(),
        Some(authority.certificate_der())
    );
    assert_ne!(text(payload, "PayloadUUID"), text(profile, "PayloadUUID"));
    Uuid::parse_str(&text(payload, "PayloadUUID")).unwrap();

    let (_folder, other) = self::authority();
    assert_ne!(other.mobileconfig(), authority.mobileconfig());
}

#[test]
fn pem_is_the_der() {
    let (_folder, authority) = authority();
    let block = pem::parse(authority.pem()).unwrap();
    assert_eq!(
        (block.tag(), block.contents()),
        ("CERTIFICATE", authority.certificate_der())
    );
}

#[test]
fn openssl_reads_the_pkcs12() {
    let (folder, authority) = authority();
    let path = folder.path().join("root.p12");
    for key in [false, true] {
        fs::write(&path, authority.pkcs12("overhear", key).unwrap()).unwrap();
        let mut command = Command::new("openssl");
        command.args([
            "pkcs12",
            "-passin",
            "pass:overhear",
            "-nodes",
            "-info",
            "-in",
        ]);
        let out = match command.arg(&path).output() {
            Ok(out) => out,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => panic!("openssl: {error}"),
        };
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        let info = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success() && info.contains("MAC"), "{info}");
        let blocks = pem::parse_many(&said).unwrap();
        let certificates: Vec<_> = blocks.iter().filter(|b| b.tag() == "CERTIFICATE").collect();
        assert_eq!(certificates.len(), 1, "{said}");
        assert_eq!(certificates[0].contents(), authority.certificate_der());
        assert_eq!(blocks.iter().any(|b| b.tag() == "PRIVATE KEY"), key);
    }
}
