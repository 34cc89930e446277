//! The forms a device takes the root in: PEM, DER, PKCS#12, and Apple's configuration profile.
//!
//! The DER form is [`Authority::certificate_der`].

use crate::{authority::Authority, error::Error};
use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey,
    PrivateKeyChain,
};
use pem::Pem;
use plist::{Dictionary, Value};
use uuid::Uuid;

/// Iterations of the key derivation: little where only a certificate is sealed, much where the key is.
const ITERATIONS: (u32, u32) = (2_048, 100_000);

impl Authority {
    /// The root certificate in PEM.
    pub fn pem(&self) -> String {
        pem::encode(&Pem::new("CERTIFICATE", self.certificate_der()))
    }

    /// The certificate alone in PKCS#12 (a trust store), sealed with `password`; with `key` also the private key.
    ///
    /// Sealed with Triple DES and SHA-1 (RFC 7292 appendix C), which every keychain reads: those of macOS and
    /// older Windows refuse AES. The password protects the key on its way, not for years.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the root cannot be written in this form.
    pub fn pkcs12(&self, password: &str, key: bool) -> Result<Vec<u8>, Error> {
        let wrong = |error: p12_keystore::error::Error| Error::Unusable {
            what: "the root".to_owned(),
            reason: format!("it cannot be written as PKCS#12 ({error})"),
        };
        let entry = if key {
            let certificates = self.root().chain().iter();
            let chain: Result<Vec<_>, _> =
                certificates.map(|der| Certificate::from_der(der)).collect();
            let id = self.fingerprint(20);
            let key = PrivateKey::from_der(self.root().key()).map_err(wrong)?;
            KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new(id, key, chain.map_err(wrong)?))
        } else {
            KeyStoreEntry::Certificate(
                Certificate::from_der(self.certificate_der()).map_err(wrong)?,
            )
        };
        let iterations = if key { ITERATIONS.1 } else { ITERATIONS.0 };
        let mut store = KeyStore::new();
        store.add_entry(&self.info().name, entry);
        store
            .writer(password)
            .encryption_algorithm(EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc)
            .encryption_iterations(iterations)
            .mac_algorithm(MacAlgorithm::HmacSha1)
            .mac_iterations(iterations)
            .write()
            .map_err(wrong)
    }

    /// Apple's configuration profile (XML property list) that installs the root: iOS and macOS.
    ///
    /// The same root gives the same profile, so installing it twice replaces it.
    pub fn mobileconfig(&self) -> Vec<u8> {
        let info = self.info();
        let uuid = |part: &str| {
            let name = format!("{}/{part}", info.fingerprint);
            Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
                .hyphenated()
                .to_string()
                .to_uppercase()
        };
        let identifier = format!(
            "overhear.ca.{}",
            info.fingerprint.get(..16).unwrap_or_default()
        );
        let kind = if self.root().is_self_signed() {
            "com.apple.security.root"
        } else {
            "com.apple.security.pkcs1"
        };
        let certificate = dictionary([
            ("PayloadType", kind.into()),
            ("PayloadVersion", 1.into()),
            (
                "PayloadIdentifier",
                format!("{identifier}.certificate").into(),
            ),
            ("PayloadUUID", uuid("certificate").into()),
            ("PayloadDisplayName", info.name.as_str().into()),
            (
                "PayloadDescription",
                "The root certificate that overhear signs with.".into(),
            ),
            ("PayloadCertificateFileName", "overhear.cer".into()),
            (
                "PayloadContent",
                Value::Data(self.certificate_der().to_vec()),
            ),
        ]);
        let description = "Lets overhear on your computer show what this device says over TLS. After \
                           installing it, switch the certificate on in Settings > General > About > \
                           Certificate Trust Settings. Remove the profile when you no longer need it.";
        let profile = dictionary([
            ("PayloadType", "Configuration".into()),
            ("PayloadVersion", 1.into()),
            ("PayloadIdentifier", identifier.as_str().into()),
            ("PayloadUUID", uuid("profile").into()),
            ("PayloadDisplayName", info.name.as_str().into()),
            ("PayloadOrganization", "overhear".into()),
            ("PayloadDescription", description.into()),
            ("PayloadContent", Value::Array(vec![certificate])),
        ]);
        let mut xml = Vec::new();
        if let Err(error) = profile.to_writer_xml(&mut xml) {
            // writing dictionaries, texts and numbers into memory has nothing that can fail
            tracing::error!(%error, "the configuration profile could not be written");
        }
        xml
    }

    /// The first octets of the fingerprint.
    fn fingerprint(&self, octets: usize) -> Vec<u8> {
        let hex = self.info().fingerprint.as_bytes();
        let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        hex.chunks(2).take(octets).filter_map(octet).collect()
    }
}

fn dictionary<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let entries = entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value));
    Value::Dictionary(Dictionary::from_iter(entries))
}

#[cfg(test)]
mod tests;
