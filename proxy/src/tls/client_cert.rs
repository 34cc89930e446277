//! Certificates that are shown to servers which ask who we are, by host.

use crate::{error::Error, upstream::MASK};
use overhear_ca::Identity;
use overhear_store::filter::HostPattern;
use rustls::{SignatureScheme, client::ResolvesClientCert, sign::CertifiedKey};
use std::{
    cell::Cell,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

tokio::task_local! {
    static ASKED: Cell<bool>;
}

/// Runs a handshake; also says whether the server asked for a client certificate in it.
pub(super) async fn watch<F: Future>(handshake: F) -> (F::Output, bool) {
    let run = async {
        let output = handshake.await;
        (output, ASKED.with(Cell::get))
    };
    ASKED.scope(Cell::new(false), run).await
}

/// A client certificate for servers: `[PATTERN=]FILE[:PASSWORD]`, PEM with its key or PKCS#12.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCert {
    pattern: Option<HostPattern>,
    file: PathBuf,
    password: Option<String>,
}

impl ClientCert {
    /// As it was written. With the password: nothing to show.
    pub fn with_password(&self) -> String {
        self.text(self.password.as_deref())
    }

    /// The same, with a relative path that begins at `folder`.
    #[must_use]
    pub fn within(mut self, folder: &Path) -> Self {
        self.file = folder.join(self.file);
        self
    }

    /// Whether `host` is shown it.
    pub(super) fn is_for(&self, host: &str) -> bool {
        self.pattern
            .as_ref()
            .is_none_or(|pattern| pattern.matches(host))
    }

    /// Reads the file; `password` is taken where none was written.
    pub(super) fn read(&self, password: Option<&str>) -> Result<Identity, Error> {
        let wrong = |reason: String| {
            Error::Option(format!(
                "the client certificate in {} cannot be used: {reason}",
                self.file.display()
            ))
        };
        let bytes = std::fs::read(&self.file).map_err(|error| wrong(error.to_string()))?;
        let password = self.password.as_deref().or(password);
        Identity::read(&bytes, password).map_err(|error| match error {
            overhear_ca::Error::Unusable { reason, .. } => wrong(reason.replace(
                "give it with --password",
                "write FILE:PASSWORD, or set OVERHEAR_CLIENT_CERT_PASSWORD",
            )),
            other => wrong(other.to_string()),
        })
    }

    fn text(&self, password: Option<&str>) -> String {
        let hosts = match &self.pattern {
            Some(pattern) => format!("{pattern}="),
            None => String::new(),
        };
        let password = password.map(|password| format!(":{password}"));
        format!(
            "{hosts}{}{}",
            self.file.display(),
            password.unwrap_or_default()
        )
    }
}

impl FromStr for ClientCert {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (pattern, rest) = HostPattern::split(text.trim(), "/");
        // a drive of Windows has a colon, too
        let drive = match rest.as_bytes() {
            [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic() => 2,
            _ => 0,
        };
        let colon = rest.get(drive..).and_then(|rest| rest.find(':'));
        let (file, password) = match colon.map(|at| at + drive) {
            Some(at) => (rest.get(..at), rest.get(at + 1..)),
            None => (Some(rest), None),
        };
        let file = file.unwrap_or_default();
        if file.is_empty() {
            return Err(
                "a file is missing: write FILE, HOST=FILE, or for PKCS#12 HOST=FILE:PASSWORD"
                    .to_owned(),
            );
        }
        Ok(Self {
            pattern: pattern.map(str::parse::<HostPattern>).transpose()?,
            file: file.into(),
            password: password.map(str::to_owned),
        })
    }
}

/// With `***` for the password.
impl fmt::Display for ClientCert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(self.password.as_ref().map(|_| MASK)))
    }
}

impl fmt::Debug for ClientCert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Notices that a server asks, and answers with a certificate or with none.
#[derive(Debug)]
pub(super) struct Shown(pub(super) Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        // outside of `watch` nobody wants to know
        let _ = ASKED.try_with(|asked| asked.set(true));
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_for_hosts_with_a_password() {
        for (text, shown, file, password) in [
            ("/a/b.pem", "/a/b.pem", "/a/b.pem", None),
            ("a.test=me.pem", "a.test=me.pem", "me.pem", None),
            (
                "*.test=/a=b/me.p12:s3:c=ret",
                "*.test=/a=b/me.p12:***",
                "/a=b/me.p12",
                Some("s3:c=ret"),
            ),
            ("C:\\me.p12:x", "C:\\me.p12:***", "C:\\me.p12", Some("x")),
            ("./a=b.pem", "./a=b.pem", "./a=b.pem", None),
        ] {
            let cert: ClientCert = text.parse().expect(text);
            assert_eq!(
                (cert.to_string(), format!("{cert:?}")),
                (shown.to_owned(), shown.to_owned())
            );
            assert_eq!(cert.with_password(), text);
            assert_eq!(cert.file, Path::new(file), "{text}");
            assert_eq!(cert.password.as_deref(), password);
        }
        for wrong in ["", "a.test=", ":x", "a:1=/b"] {
            assert!(wrong.parse::<ClientCert>().is_err(), "{wrong:?}");
        }
        let within = "a.test=me.pem".parse::<ClientCert>().expect("one");
        assert_eq!(within.within(Path::new("/x")).file, Path::new("/x/me.pem"));
    }

    #[test]
    fn what_cannot_be_read_is_told_without_the_password() {
        let cert: ClientCert = "/nowhere/me.p12:s3cret".parse().expect("one");
        let said = cert.read(None).expect_err("no file").to_string();
        assert!(said.contains("/nowhere/me.p12 cannot be used"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}
