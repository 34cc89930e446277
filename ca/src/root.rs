//! A root that can sign: a certificate with the key that belongs to it, checked.
//!
//! Whether it was made here, loaded or imported, it goes through the same door ([`Root::new`]), so what is in
//! a [`Root`] signs leaves that verify.

use crate::{authority::RootInfo, error::Error, import::Material};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use x509_parser::{
    certificate::X509Certificate, der_parser::oid::Oid, prelude::FromDer, x509::X509Name,
};

const ODD_NAME: &str = "its subject name has parts that leaves cannot repeat exactly (several attributes of \
                        one kind, or uncommon types): use one with a plain name";

const VALID: Duration = Duration::days(3650);

/// Clocks of devices are wrong: what is signed now has been valid for a day.
pub(crate) const BACKDATED: Duration = Duration::days(1);

/// A certificate that may sign leaves, with its key.
pub(crate) struct Root {
    issuer: Issuer<'static, KeyPair>,
    /// The signing certificate first, then those above it as far as known.
    chain: Vec<CertificateDer<'static>>,
    self_signed: bool,
    signer_valid: (OffsetDateTime, OffsetDateTime),
    info: RootInfo,
}

impl Root {
    /// Makes a new one: P-256, ten years, for leaves only (`pathlen:0`).
    pub(crate) fn generate() -> Result<Self, Error> {
        let key = KeyPair::generate().map_err(sign)?;
        let now = OffsetDateTime::now_utc();
        let serial = serial();
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.not_before = now - BACKDATED;
        params.not_after = now + VALID;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name = DistinguishedName::new();
        let name = common_name(&machine(), now, &serial);
        params.distinguished_name.push(DnType::CommonName, name);
        params
            .distinguished_name
            .push(DnType::OrganizationName, "overhear");
        let certificate = params.self_signed(&key).map_err(sign)?;
        let material = Material {
            certificates: vec![certificate.der().clone()],
            keys: vec![key.serialize_der()],
        };
        Self::new(material, "the new root")
    }

    /// Takes the key and the certificate that belongs to it, and checks that they can sign leaves now. `what`
    /// names them for a person.
    pub(crate) fn new(material: Material, what: &str) -> Result<Self, Error> {
        let unusable = |reason: String| Error::Unusable {
            what: what.to_owned(),
            reason,
        };
        let (key, signer) = pair(&material).map_err(unusable)?;
        let (_, certificate) = X509Certificate::from_der(&signer)
            .map_err(|_| unusable("it is not an X.509 certificate".to_owned()))?;
        may_sign(&certificate).map_err(unusable)?;

        let chain = chain(signer.clone(), material.certificates);
        let anchor = chain.last().unwrap_or(&signer);
        let (_, top) = X509Certificate::from_der(anchor)
            .map_err(|_| unusable("a certificate above it cannot be read".to_owned()))?;
        let info = info(anchor, &top);
        let self_signed = top.subject().as_raw() == top.issuer().as_raw();
        let validity = certificate.validity();
        let signer_valid = (
            validity.not_before.to_datetime(),
            validity.not_after.to_datetime(),
        );
        plain_name(certificate.subject()).map_err(unusable)?;
        let issuer =
            Issuer::from_ca_cert_der(&signer, key).map_err(|error| unusable(format!("{error}")))?;
        copies_exactly(&issuer, &certificate).map_err(unusable)?;
        Ok(Self {
            issuer,
            chain,
            self_signed,
            signer_valid,
            info,
        })
    }

    /// Who signs.
    pub(crate) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    /// When the signing certificate is valid.
    pub(crate) fn signer_valid(&self) -> (OffsetDateTime, OffsetDateTime) {
        self.signer_valid
    }

    /// The certificates that a server has to send after its leaf: all above it but the trust anchor itself.
    pub(crate) fn intermediates(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        let sent = self.chain.len() - usize::from(self.self_signed);
        self.chain.iter().take(sent)
    }

    /// What a device has to trust.
    pub(crate) fn anchor(&self) -> &[u8] {
        self.chain.last().map_or(&[], |der| der.as_ref())
    }

    /// Whether the anchor signed itself (what Apple calls a root).
    pub(crate) fn is_self_signed(&self) -> bool {
        self.self_signed
    }

    /// All certificates, the signing one first.
    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The key in PKCS#8.
    pub(crate) fn key(&self) -> &[u8] {
        self.issuer.key().serialized_der()
    }

    /// What the anchor says of itself.
    pub(crate) fn info(&self) -> &RootInfo {
        &self.info
    }
}

/// A positive random serial number of 16 octets.
pub(crate) fn serial() -> [u8; 16] {
    let mut serial: [u8; 16] = rand::random();
    serial[0] = serial[0] & 0x7f | 0x40;
    serial
}

pub(crate) fn sign(error: rcgen::Error) -> Error {
    Error::Sign(error.to_string())
}

/// `overhear CA (janes-macbook, 2026-11-21 3f2a)`, at most 64 characters.
fn common_name(machine: &str, now: OffsetDateTime, serial: &[u8; 16]) -> String {
    let date = now.date();
    let [a, b, ..] = serial;
    format!("overhear CA ({machine}, {date} {a:02x}{b:02x})")
}

/// This machine's name: its first label, what a person can read on a phone.
fn machine() -> String {
    let name = gethostname::gethostname();
    let name = name.to_string_lossy();
    let label = name.split('.').next().unwrap_or_default();
    let kept: String = label
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .take(32)
        .collect();
    if kept.is_empty() {
        "this machine".to_owned()
    } else {
        kept
    }
}

/// The first key that has its certificate, as `(key, certificate)`.
fn pair(material: &Material) -> Result<(KeyPair, CertificateDer<'static>), String> {
    let mut readable = false;
    for key in &material.keys {
        let Ok(key) = KeyPair::try_from(&PrivatePkcs8KeyDer::from(key.as_slice())) else {
            continue;
        };
        readable = true;
        let belongs = |der: &&CertificateDer<'static>| {
            X509Certificate::from_der(der)
                .is_ok_and(|(_, c)| c.public_key().subject_public_key.data == key.der_bytes())
        };
        if let Some(certificate) = material.certificates.iter().find(belongs).cloned() {
            return Ok((key, certificate));
        }
    }
    Err(
        match (
            material.certificates.is_empty(),
            material.keys.is_empty(),
            readable,
        ) {
            (true, ..) => "there is no certificate in it".to_owned(),
            (_, true, _) => "there is no private key: give the key as well".to_owned(),
            (_, _, false) => {
                "its key is of a kind that cannot sign here: RSA (2048 bits or more), \
                          ECDSA (P-256, P-384, P-521) and Ed25519 keys can"
                    .to_owned()
            }
            _ => "the key does not belong to the certificate".to_owned(),
        },
    )
}

fn may_sign(certificate: &X509Certificate<'_>) -> Result<(), String> {
    let constraints = certificate.basic_constraints().ok().flatten();
    if !constraints.is_some_and(|c| c.value.ca) {
        return Err("it is not a certificate authority (basic constraints CA:TRUE)".to_owned());
    }
    let usage = certificate.key_usage().ok().flatten();
    if usage.is_some_and(|u| !u.value.key_cert_sign()) {
        return Err("its key usage does not include signing certificates".to_owned());
    }
    let now = OffsetDateTime::now_utc();
    let validity = certificate.validity();
    let (from, to) = (
        validity.not_before.to_datetime(),
        validity.not_after.to_datetime(),
    );
    if to < now {
        return Err(format!(
            "it expired on {}: make a new root with `overhear ca rotate`",
            to.date()
        ));
    }
    if from > now {
        return Err(format!(
            "it is not valid before {from}: is this machine's clock right?"
        ));
    }
    Ok(())
}

/// From `signer` upward through those of `pool` that signed each other, without loops.
fn chain(
    signer: CertificateDer<'static>,
    mut pool: Vec<CertificateDer<'static>>,
) -> Vec<CertificateDer<'static>> {
    pool.retain(|der| *der != signer);
    let mut chain = vec![signer];
    while let Some(last) = chain.last() {
        let Ok((_, below)) = X509Certificate::from_der(last) else {
            break;
        };
        if below.subject().as_raw() == below.issuer().as_raw() {
            break;
        }
        let above = pool.iter().position(|der| {
            X509Certificate::from_der(der).is_ok_and(|(_, above)| {
                above.subject().as_raw() == below.issuer().as_raw()
                    && below.verify_signature(Some(above.public_key())).is_ok()
            })
        });
        match above {
            Some(at) => {
                let above = pool.swap_remove(at);
                chain.push(above);
            }
            None => break,
        }
    }
    chain
}

fn info(der: &[u8], certificate: &X509Certificate<'_>) -> RootInfo {
    let subject = certificate.subject();
    let common = subject
        .iter_common_name()
        .next()
        .and_then(|n| n.as_str().ok());
    let fingerprint = Sha256::digest(der);
    RootInfo {
        name: common.map_or_else(|| subject.to_string(), str::to_owned),
        fingerprint: fingerprint.iter().map(|b| format!("{b:02x}")).collect(),
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
    }
}

/// rcgen panics on empty sets and on object identifiers that cannot be (X.660: the first arc is 0, 1 or 2, the
/// second below 40 under the first two).
fn plain_name(name: &X509Name<'_>) -> Result<(), String> {
    let possible = |oid: &Oid<'_>| {
        let arcs: Option<Vec<u64>> = oid.iter().map(|arcs| arcs.take(2).collect());
        matches!(arcs.as_deref(), Some([0 | 1, 0..=39] | [2, _]))
    };
    let plain = name.iter().all(|set| {
        let mut attributes = set.iter();
        let one = attributes.next().is_some_and(|a| possible(a.attr_type()));
        one && attributes.next().is_none()
    });
    if plain {
        Ok(())
    } else {
        Err(ODD_NAME.to_owned())
    }
}

/// A leaf must carry its issuer's name byte for byte (RFC 5280 section 6.1.3), so one is signed and compared:
/// names with repeated attributes or uncommon strings do not survive being read and written again.
fn copies_exactly(
    issuer: &Issuer<'static, KeyPair>,
    certificate: &X509Certificate<'_>,
) -> Result<(), String> {
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&serial()));
    let trial = params
        .signed_by(issuer.key(), issuer)
        .map_err(|e| e.to_string())?;
    let same = X509Certificate::from_der(trial.der()).is_ok_and(|(_, trial)| {
        trial.issuer().as_raw() == certificate.subject().as_raw()
            && trial
                .verify_signature(Some(certificate.public_key()))
                .is_ok()
    });
    if same {
        Ok(())
    } else {
        Err(ODD_NAME.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_tell_roots_apart() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut serial = [0; 16];
        serial[..2].copy_from_slice(&[0x3f, 0x2a]);
        let name = common_name("janes-macbook", now, &serial);
        assert_eq!(name, "overhear CA (janes-macbook, 1970-01-01 3f2a)");
        assert_eq!(common_name(&"m".repeat(32), now, &serial).len(), 63);
        assert!(machine().len() <= 32 && !machine().is_empty());
    }

    #[test]
    fn names_that_would_not_survive_are_refused() {
        // SEQUENCE { SET { SEQUENCE { OID, UTF8String "x" } } }
        let attribute = |oid: &[u8]| {
            [
                &[0x30, 5 + oid.len() as u8, 6, oid.len() as u8],
                oid,
                &[12, 1, b'x'],
            ]
            .concat()
        };
        let set = |inner: &[u8]| [&[0x31, inner.len() as u8], inner].concat();
        let name = |inner: &[u8]| [&[0x30, inner.len() as u8], inner].concat();
        let plain = |der: &[u8]| plain_name(&X509Name::from_der(der).unwrap().1).is_ok();
        let common = attribute(&[0x55, 4, 3]);
        assert!(plain(&name(&set(&common))));
        // first arc 4: yasna would panic
        assert!(!plain(&name(&set(&attribute(&[0xb8, 4, 3])))));
        assert!(!plain(&name(&set(&[common.clone(), common].concat()))));
    }

    #[test]
    fn serials_are_positive_random_and_of_full_length() {
        let (a, b) = (serial(), serial());
        assert_ne!(a, b);
        assert!(a[0] & 0x80 == 0 && a[0] != 0);
    }
}
