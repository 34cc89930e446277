//! What must hold for any bytes at all in certificates and names that others wrote. Run by the fuzz targets in `fuzz/`, and by
//! the tests here on mutated ones.

use crate::{
    import::Material,
    name::{MOST_NAMES, Name, names},
};

/// A file with certificates and keys: it is read, or refused in words, and what was read as a certificate or a key in DER is
/// read again as the same. The first byte says whether there is a password.
pub fn certificates(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else {
        return;
    };
    let password = (first % 2 == 1).then_some("secret");
    match Material::read(bytes, None, password) {
        Ok(material) => {
            for key in &material.keys {
                // PEM may hold anything
                if let Ok(again) = Material::read(key, None, None) {
                    assert!(again.keys.len() + again.certificates.len() > 0);
                }
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    // a key file must have a key
    if let Ok(material) = Material::read(bytes, Some(bytes), password) {
        assert!(!material.keys.is_empty());
    }
}

/// A host that a client asks for, and a server's certificate: the names in our leaf are valid, and each is there once.
pub fn host_name(data: &[u8]) {
    if let Some(name) = Name::host(&String::from_utf8_lossy(data)) {
        assert!(name.san().is_some(), "{name:?}");
        let text = match &name {
            Name::Dns(text) => text.clone(),
            Name::Ip(ip) => ip.to_string(),
        };
        assert!(text.is_ascii() && !text.is_empty() && text.len() <= 253);
        assert_eq!(Name::host(&text), Some(name));
    }
    let host = Name::Dns("a.test".to_owned());
    let names = names(&host, Some(data));
    assert_eq!(names.first(), Some(&host));
    assert!(names.len() <= MOST_NAMES);
    for (at, name) in names.iter().enumerate() {
        assert!(name.san().is_some() && !names[..at].contains(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use overhear_fuzz_rounds::rounds;
    use pem::Pem;
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};

    fn certificate() -> (Vec<u8>, KeyPair) {
        let names = ["a.test", "*.b.test", "192.0.2.1", "2001:db8::1"];
        let params = CertificateParams::new(names.map(str::to_owned)).unwrap();
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        (params.self_signed(&key).unwrap().der().to_vec(), key)
    }

    #[test]
    fn mutated_certificate_files_are_read_or_refused() {
        let (der, key) = certificate();
        let pem = pem::encode(&Pem::new("CERTIFICATE", der.as_slice()));
        let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        // RFC 7292: no more than the beginning, and that without certificates
        let pkcs12 = b"\x30\x1d\x02\x01\x03\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x0b\x04\x09\x30\x07\x04\x05hello";
        let both = [pem.as_bytes(), key.serialize_pem().as_bytes()].concat();
        let rsa = pem::encode(&Pem::new("RSA PRIVATE KEY", der.as_slice()));
        let seeds = [
            der.as_slice(),
            key.serialized_der(),
            ed25519.serialized_der(),
            pkcs12,
            &both,
            rsa.as_bytes(),
        ];
        let seeds = seeds.map(|seed| [&[0], seed].concat());
        rounds("ca_certificates", certificates, &seeds);
    }

    #[test]
    fn mutated_names_are_fit_for_a_leaf() {
        let seeds = [
            b"www.example.com.".to_vec(),
            "b\u{fc}cher.example".as_bytes().to_vec(),
            b"[fe80::1%25en0]".to_vec(),
            b"127.1".to_vec(),
            certificate().0,
        ];
        rounds("ca_host_name", host_name, &seeds);
    }
}
