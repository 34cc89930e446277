//! Real servers of databases and mail that turn to TLS: PostgreSQL, Dovecot (IMAP and POP3), and those in Python.

use super::{
    Run, certs::TestCa, command::Running, not_run, repository, server::free_port, system::is_root,
    until,
};
use crate::clients::interpreter;
use std::{
    net::TcpStream,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// Whom servers run as that refuse to be root: nobody.
const NOBODY: u32 = 65_534;

/// A server on loopback with a certificate of [`ca`](Self::ca).
pub struct Daemon {
    /// Signed its certificate.
    pub ca: TestCa,
    /// Its ports.
    pub ports: Vec<u16>,
    running: Running,
    _dir: TempDir,
}

impl Daemon {
    /// A PostgreSQL in which the user `me` needs no password; none where it is not installed.
    pub fn postgres() -> Option<Self> {
        let Some(bin) = postgres_folder() else {
            not_run("there is no PostgreSQL server");
            return None;
        };
        let (ca, dir) = identity();
        let data = dir.path().join("data");
        unprivileged(&bin.join("initdb"))
            .args(["--username=me", "--auth=trust", "--no-sync", "--no-locale"])
            .args(["--encoding=UTF8", "--pgdata"])
            .arg(&data)
            .ok();
        let port = free_port().port();
        let file = |name: &str| dir.path().join(name).display().to_string();
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            "unix_socket_directories=".to_owned(),
            "fsync=off".to_owned(),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", file("server.pem")),
            format!("ssl_key_file={}", file("server.key")),
        ];
        let mut server = unprivileged(&bin.join("postgres")).arg("-D").arg(&data);
        for setting in settings {
            server = server.arg("-c").arg(setting);
        }
        let mut running = server.start();
        until("PostgreSQL", || {
            assert!(!running.ended(), "{}", running.said_so_far());
            running
                .said_so_far()
                .contains("ready to accept connections")
                .then_some(())
        });
        Some(Self {
            ca,
            ports: vec![port],
            running,
            _dir: dir,
        })
    }

    /// A Dovecot with a mailbox for everybody, whatever their password: IMAP, and POP3; none where it is not installed.
    pub fn dovecot() -> Option<Self> {
        let Some(program) = find(&["/usr/sbin", "/usr/bin"], "dovecot") else {
            not_run("there is no Dovecot");
            return None;
        };
        let (ca, dir) = identity();
        let ports = vec![free_port().port(), free_port().port()];
        let file = dir.path().join("dovecot.conf");
        std::fs::write(&file, dovecot_settings(dir.path(), &ports)).unwrap();
        let mut running = unprivileged(&program).args(["-F", "-c"]).arg(&file).start();
        for port in &ports {
            until("Dovecot", || {
                assert!(!running.ended(), "{}", running.said_so_far());
                TcpStream::connect(("127.0.0.1", *port)).ok()
            });
        }
        Some(Self {
            ca,
            ports,
            running,
            _dir: dir,
        })
    }

    /// A server in Python below `tests/clients`: it is given its certificate, its key and more arguments, and prints its port.
    pub fn python(script: &str, more: &[&str]) -> Self {
        let (ca, dir) = identity();
        let mut running = Run::new(interpreter())
            .arg(repository().join("tests/clients").join(script))
            .args(["server.pem", "server.key"].map(|name| dir.path().join(name)))
            .args(more)
            .input_open()
            .start();
        let port = until("the server's port", || {
            assert!(!running.ended(), "{}", running.said_so_far());
            running.out_so_far().lines().next()?.trim().parse().ok()
        });
        Self {
            ca,
            ports: vec![port],
            running,
            _dir: dir,
        }
    }

    /// The first of its ports.
    pub fn port(&self) -> u16 {
        self.ports[0]
    }

    /// What it has printed.
    pub fn said(&self) -> String {
        self.running.out_so_far()
    }
}

/// A folder that others may enter, with `server.pem` and `server.key` in it.
fn identity() -> (TestCa, TempDir) {
    let (ca, dir) = (TestCa::new(), tempfile::tempdir().unwrap());
    ca.identity().write(dir.path(), "server");
    std::fs::set_permissions(
        dir.path().join("server.key"),
        std::fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    if is_root() {
        for path in ["", "server.pem", "server.key"] {
            chown(dir.path().join(path), Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    (ca, dir)
}

/// A program that is not run as root.
fn unprivileged(program: &Path) -> Run {
    match is_root() {
        true => Run::new("setpriv")
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .args(["--pdeathsig", "KILL"])
            .arg(program)
            .dir(Path::new("/")),
        false => Run::new(program),
    }
}

/// Where the newest PostgreSQL server's programs are: Debian keeps them out of the path.
fn postgres_folder() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut found: Vec<_> = versions
        .flatten()
        .filter_map(|version| {
            let number: u32 = version.file_name().to_str()?.parse().ok()?;
            Some((number, version.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin).or_else(|| {
        let initdb = find(
            &["/opt/homebrew/bin", "/usr/local/bin", "/usr/bin"],
            "initdb",
        )?;
        initdb.parent().map(Path::to_owned)
    })
}

fn find(folders: &[&str], program: &str) -> Option<PathBuf> {
    let mut all = folders.iter().map(|folder| Path::new(folder).join(program));
    all.find(|path| path.exists())
}

/// Everything in one folder, by one user who is not root.
fn dovecot_settings(dir: &Path, ports: &[u16]) -> String {
    let user = match is_root() {
        true => "nobody".to_owned(),
        false => Run::new("id").arg("-un").ok().text().trim().to_owned(),
    };
    let group = match is_root() {
        true => "nogroup".to_owned(),
        false => Run::new("id").arg("-gn").ok().text().trim().to_owned(),
    };
    let dir = dir.display();
    let (imap, pop3) = (ports[0], ports[1]);
    format!(
        r"
protocols = imap pop3
listen = 127.0.0.1
base_dir = {dir}/run
state_dir = {dir}/state
log_path = /dev/stderr
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
ssl = yes
ssl_cert = <{dir}/server.pem
ssl_key = <{dir}/server.key
disable_plaintext_auth = yes
mail_location = maildir:{dir}/mail
first_valid_uid = 1
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={dir}
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
"
    )
}
