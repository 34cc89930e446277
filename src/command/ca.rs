//! `overhear ca`: where the root certificate is, other forms of it, another one.

use crate::{
    cli::{CaCommand, CaFormat},
    data::Data,
    exit::Usage,
    terminal::tell,
};
use anyhow::Context;
use overhear_ca::{Authority, RootInfo};
use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};
use time::OffsetDateTime;

/// Seals a PKCS#12 file in which nothing is secret.
const PASSWORD: &str = "overhear";

pub(super) fn execute(data: &Data, command: CaCommand) -> anyhow::Result<()> {
    match command {
        CaCommand::Path => {
            data.authority()?;
            let path = data.ca().join("cert.pem");
            Ok(writeln!(io::stdout(), "{}", path.display())?)
        }
        CaCommand::Export {
            format,
            output,
            password,
            with_key,
        } => export(&data.authority()?, format, output, password, with_key),
        CaCommand::Import {
            certificate,
            key,
            password,
        } => {
            let key = key.as_deref().map(read).transpose()?;
            let certificate = read(&certificate)?;
            data.create()?;
            let info = Authority::import(
                &data.ca(),
                &certificate,
                key.as_deref(),
                password.as_deref(),
            )?;
            replaced(data, &info)
        }
        CaCommand::Rotate => {
            data.create()?;
            let info = Authority::rotate(&data.ca())?;
            replaced(data, &info)
        }
    }
}

fn export(
    authority: &Authority,
    format: CaFormat,
    output: Option<PathBuf>,
    password: Option<String>,
    with_key: bool,
) -> anyhow::Result<()> {
    if password.is_some() && format != CaFormat::P12 {
        return Err(
            Usage("--password is for --format p12: nothing else is sealed".to_owned()).into(),
        );
    }
    let bytes = match format {
        CaFormat::Pem => authority.pem().into_bytes(),
        CaFormat::Der => authority.certificate_der().to_vec(),
        CaFormat::P12 => authority.pkcs12(password.as_deref().unwrap_or(PASSWORD), with_key)?,
        CaFormat::Mobileconfig => authority.mobileconfig(),
    };
    let binary = matches!(format, CaFormat::Der | CaFormat::P12);
    match output {
        Some(path) if path.as_os_str() != "-" => {
            let written = if with_key {
                write_private(&path, &bytes)
            } else {
                fs::write(&path, &bytes)
            };
            written.with_context(|| format!("cannot write {}", path.display()))?;
            tell(&format!(
                "{} is in {}",
                authority.info().name,
                path.display()
            ));
        }
        None if binary && io::stdout().is_terminal() => {
            let text =
                "this form is binary and would only upset the terminal: write it with -o FILE";
            return Err(Usage(text.to_owned()).into());
        }
        _ => {
            let mut out = io::stdout().lock();
            out.write_all(&bytes)?;
            out.flush()?;
        }
    }
    if format == CaFormat::P12 && password.is_none() {
        tell(&format!(
            "the password of the PKCS#12 file is \"{PASSWORD}\""
        ));
    }
    Ok(())
}

/// Tells what the root is now, and that devices do not know it yet.
fn replaced(data: &Data, info: &RootInfo) -> anyhow::Result<()> {
    let until = OffsetDateTime::from_unix_timestamp(info.not_after)
        .map_or_else(|_| "?".to_owned(), |t| t.date().to_string());
    writeln!(
        io::stdout(),
        "{}\nSHA-256 {}\nvalid until {until}",
        info.name,
        info.fingerprint
    )?;
    tell(&format!(
        "the root that was there, if any, is kept in {}. Devices have to install and trust the new one.",
        data.ca().display()
    ));
    if data.path().join("lock").exists() && data.lock()?.is_none() {
        tell(
            "overhear is running on this data folder and uses the old root until it is started again.",
        );
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(unix)]
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(bytes)
}

#[cfg(not(unix))]
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(path, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> (tempfile::TempDir, Data) {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::new(folder.path().join("data"));
        (folder, data)
    }

    fn export_to(data: &Data, format: CaFormat, with_key: bool) -> Vec<u8> {
        let path = data.path().with_file_name("out");
        let password = with_key.then(|| "p".to_owned());
        let output = Some(path.clone());
        execute(
            data,
            CaCommand::Export {
                format,
                output,
                password,
                with_key,
            },
        )
        .unwrap();
        fs::read(path).unwrap()
    }

    #[test]
    fn every_form_is_written() {
        let (_folder, data) = data();
        let pem = export_to(&data, CaFormat::Pem, false);
        assert_eq!(fs::read(data.ca().join("cert.pem")).unwrap(), pem);
        let authority = data.authority().unwrap();
        assert_eq!(
            export_to(&data, CaFormat::Der, false),
            authority.certificate_der()
        );
        assert_eq!(
            export_to(&data, CaFormat::Mobileconfig, false),
            authority.mobileconfig()
        );
        assert!(export_to(&data, CaFormat::P12, false).starts_with(&[0x30]));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_with_the_key_is_private_and_can_be_imported() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, data) = data();
        export_to(&data, CaFormat::P12, true);
        let path = data.path().with_file_name("out");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let (_other_folder, other) = self::data();
        let password = Some("p".to_owned());
        execute(
            &other,
            CaCommand::Import {
                certificate: path,
                key: None,
                password,
            },
        )
        .unwrap();
        assert_eq!(
            other.authority().unwrap().info(),
            data.authority().unwrap().info()
        );
    }

    #[test]
    fn a_password_where_nothing_is_sealed_is_wrong() {
        let (_folder, data) = data();
        let password = Some("x".to_owned());
        let command = CaCommand::Export {
            format: CaFormat::Pem,
            output: None,
            password,
            with_key: false,
        };
        assert!(execute(&data, command).unwrap_err().is::<Usage>());
    }

    #[test]
    fn a_missing_file_is_named() {
        let (_folder, data) = data();
        let certificate = PathBuf::from("/nowhere/root.pem");
        let command = CaCommand::Import {
            certificate,
            key: None,
            password: None,
        };
        let said = format!("{:#}", execute(&data, command).unwrap_err());
        assert!(
            said.starts_with("cannot read /nowhere/root.pem: "),
            "{said}"
        );
    }
}
