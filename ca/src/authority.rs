//! The root: made on first start, loaded, imported, rotated.

use crate::{
    error::Error,
    folder::Folder,
    import::Material,
    leaf::{Leaf, Leaves},
    root::Root,
};
use hudsucker::certificate_authority::CertificateAuthority;
use rustls::ServerConfig;
use std::{path::Path, sync::Arc};

/// The root certificate with its key, and the leaves it has signed in this run.
pub struct Authority {
    leaves: Leaves,
}

/// What a person wants to know of a root certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootInfo {
    /// Common name, with machine and date.
    pub name: String,
    /// SHA-256 of the DER, lower-case hex without separators.
    pub fingerprint: String,
    /// First second of validity, Unix.
    pub not_before: i64,
    /// Last second of validity, Unix.
    pub not_after: i64,
}

impl Authority {
    /// Loads the root from `folder` (`cert.pem`, `key.pem`), or makes it there on first use: folder 0700, key 0600.
    ///
    /// # Errors
    /// [`Error::File`] when the folder cannot be used, [`Error::Unusable`] when what is in it is not a
    /// root that can sign now (expired, key and certificate do not belong together...).
    pub fn load_or_create(folder: &Path) -> Result<Self, Error> {
        let folder = Folder::open(folder)?;
        let root = match folder.read()? {
            Some(pair) => pair.root()?,
            None => {
                let root = Root::generate()?;
                folder.replace(&root)?;
                root
            }
        };
        Self::new(root)
    }

    /// Puts a root that exists elsewhere into `folder` (PEM certificate and PEM key, possibly in one file
    /// as mitmproxy's `mitmproxy-ca.pem`; DER; or PKCS#12 with its password). The root that was there is
    /// kept beside it, as `cert-<date>.pem` and `key-<date>.pem`.
    ///
    /// When the certificate is an intermediate, the certificates above it may stand in the same file: they are
    /// sent with every leaf, and the topmost is what a device has to trust.
    ///
    /// # Errors
    /// [`Error::Unusable`] says what is wrong with what was given; nothing is changed then.
    pub fn import(
        folder: &Path,
        certificate: &[u8],
        key: Option<&[u8]>,
        password: Option<&str>,
    ) -> Result<RootInfo, Error> {
        let material = Material::read(certificate, key, password)?;
        let root = Root::new(material, "the given certificate")?;
        Folder::open(folder)?.replace(&root)?;
        Ok(root.info().clone())
    }

    /// Makes a new root in `folder`; the one that was there is kept beside it.
    ///
    /// # Errors
    /// [`Error::File`] when the folder cannot be used.
    pub fn rotate(folder: &Path) -> Result<RootInfo, Error> {
        let folder = Folder::open(folder)?;
        let root = Root::generate()?;
        folder.replace(&root)?;
        Ok(root.info().clone())
    }

    /// Asks clients for certificates of their own, which are taken whatever they are; some programs then ask their user.
    #[must_use]
    pub fn asking_clients(mut self, ask: bool) -> Self {
        self.leaves.ask(ask);
        self
    }

    /// What the root says of itself.
    pub fn info(&self) -> &RootInfo {
        self.root().info()
    }

    /// The root certificate in DER: what a device has to trust.
    pub fn certificate_der(&self) -> &[u8] {
        self.root().anchor()
    }

    /// The server configuration for a client that asked for `host` (a DNS name or an IP literal without brackets).
    ///
    /// The leaf names `host` and, when `mirror` (the origin's own leaf in DER) is given, the names in it.
    /// `alpn` is the one protocol to choose, or none. Signed once per host however many ask at once; cached.
    ///
    /// # Errors
    /// [`Error::Unusable`] when `host` can be neither a DNS name nor an IP address.
    pub async fn server_config(
        &self,
        host: &str,
        mirror: Option<&[u8]>,
        alpn: Option<&[u8]>,
    ) -> Result<Arc<ServerConfig>, Error> {
        let leaf = self.leaf(host, mirror, alpn).await?;
        Ok(Arc::clone(&leaf.config))
    }

    /// As [`server_config`](Self::server_config), with the certificates that the client will be shown.
    ///
    /// # Errors
    /// As [`server_config`](Self::server_config).
    pub async fn leaf(
        &self,
        host: &str,
        mirror: Option<&[u8]>,
        alpn: Option<&[u8]>,
    ) -> Result<Arc<Leaf>, Error> {
        let alpn = alpn.map(<[u8]>::to_vec).into_iter().collect();
        self.leaves.get(host, mirror, alpn).await
    }

    fn new(root: Root) -> Result<Self, Error> {
        let leaves = Leaves::new(root)?;
        Ok(Self { leaves })
    }

    pub(crate) fn root(&self) -> &Root {
        self.leaves.root()
    }
}

impl CertificateAuthority for Authority {
    /// Offers HTTP/2 and HTTP/1.1. A host that cannot be named gets a configuration that refuses the handshake.
    async fn gen_server_config(&self, authority: &http::uri::Authority) -> Arc<ServerConfig> {
        let alpn = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        match self.leaves.get(authority.host(), None, alpn).await {
            Ok(leaf) => Arc::clone(&leaf.config),
            Err(error) => {
                tracing::warn!(%authority, %error, "no certificate for this host");
                self.leaves.refusing()
            }
        }
    }
}

#[cfg(test)]
mod tests;
