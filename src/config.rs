//! The configuration: a flag wins over an environment variable, which wins over `config.toml`.
//!
//! Flags and variables are read by [`crate::cli`]; here the file is read and fills what they leave open.

use crate::{
    captures::{self, Where},
    cli::{Global, Run, Said, Size, Span, Upstream},
    exit::Usage,
};
use anyhow::Context;
use directories::ProjectDirs;
use overhear_proxy::{
    Cidr, ClientCert, HostMap, ModeSpec, ProxyUser, TlsMin, TlsOptions, TlsRule, UpstreamRule,
    UpstreamTls, WayOptions,
};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};
use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
};

/// Where the page listens when nobody says otherwise.
pub(crate) const WEB: SocketAddr = SocketAddr::V4(std::net::SocketAddrV4::new(
    std::net::Ipv4Addr::LOCALHOST,
    8081,
));

/// The password of PKCS#12 files that say none: a flag would be seen by others on this computer.
const CLIENT_CERT_PASSWORD: &str = "OVERHEAR_CLIENT_CERT_PASSWORD";

/// The least memory that a script may have: bytes.
const LEAST_MEMORY: u64 = 4 << 20;

/// `config.toml`: keys are named as the flags. Unknown keys are errors.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct File {
    data: Option<PathBuf>,
    #[serde(default, deserialize_with = "one_or_more")]
    listen: Vec<SocketAddr>,
    #[serde(default, deserialize_with = "one_or_more")]
    mode: Vec<ModeSpec>,
    #[serde(default, deserialize_with = "parsed")]
    proxy_user: Option<ProxyUser>,
    web: Option<SocketAddr>,
    #[serde(default, deserialize_with = "one_or_more")]
    allow: Vec<Cidr>,
    #[serde(default)]
    insecure_upstream: Insecure,
    #[serde(default, deserialize_with = "one_or_more")]
    upstream_ca: Vec<PathBuf>,
    #[serde(default, deserialize_with = "one_or_more")]
    upstream: Vec<UpstreamRule>,
    #[serde(default, deserialize_with = "one_or_more")]
    map_host: Vec<HostMap>,
    bind: Option<IpAddr>,
    #[serde(default, deserialize_with = "one_or_more")]
    tls: Vec<TlsRule>,
    pass_pinned: Option<bool>,
    ask_client_cert: Option<bool>,
    #[serde(default, deserialize_with = "parsed")]
    tls_min: Option<TlsMin>,
    #[serde(default, deserialize_with = "one_or_more")]
    client_cert: Vec<ClientCert>,
    key_log: Option<PathBuf>,
    #[serde(default, deserialize_with = "one_or_more")]
    capture: Vec<Where>,
    #[serde(default, deserialize_with = "parsed")]
    capture_limit: Option<Size>,
    rules: Option<PathBuf>,
    #[serde(default, deserialize_with = "one_or_more")]
    script: Vec<PathBuf>,
    #[serde(default, deserialize_with = "parsed")]
    script_time: Option<Span>,
    #[serde(default, deserialize_with = "parsed")]
    script_memory: Option<Size>,
    #[serde(default, deserialize_with = "one_or_more")]
    capture_keylog: Vec<PathBuf>,
    #[serde(default, deserialize_with = "one_or_more")]
    proto: Vec<PathBuf>,
    token: Option<String>,
    no_open: Option<bool>,
    qr: Option<bool>,
}

/// `true` for every server, or the hosts.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected true, false, a host or a list of hosts"
)]
enum Insecure {
    All(bool),
    One(String),
    Hosts(Vec<String>),
}

/// What `overhear run` is to do, nothing left open but where a default depends on the machine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunSettings {
    /// Empty: port 8080 on all interfaces.
    pub(crate) listen: Vec<SocketAddr>,
    /// Ports that are no ordinary proxy's.
    pub(crate) modes: Vec<ModeSpec>,
    /// Whom clients have to be.
    pub(crate) user: Option<ProxyUser>,
    pub(crate) web: SocketAddr,
    pub(crate) allow: Vec<Cidr>,
    pub(crate) upstream: UpstreamSettings,
    /// Which TLS is opened.
    pub(crate) tls: Vec<TlsRule>,
    /// Hosts whose apps pin pass through.
    pub(crate) pass_pinned: bool,
    /// Clients are asked for certificates.
    pub(crate) ask_client_cert: bool,
    /// Interfaces that packets are captured on.
    pub(crate) capture: Vec<Where>,
    /// Most that is kept of their packets.
    pub(crate) capture_limit: Option<Size>,
    /// A file of rules.
    pub(crate) rules: Option<PathBuf>,
    /// Scripts, in their order.
    pub(crate) scripts: Vec<PathBuf>,
    /// Most that a call of a script may take.
    pub(crate) script_time: Option<Span>,
    /// Most memory that a script may have.
    pub(crate) script_memory: Option<Size>,
    /// Flows that requests are answered with.
    pub(crate) replay_from: Option<String>,
    /// Key logs that decrypt their TLS.
    pub(crate) capture_keylog: Vec<PathBuf>,
    /// Sets of descriptors that messages of gRPC are read with.
    pub(crate) proto: Vec<PathBuf>,
    /// None: the data folder's own.
    pub(crate) token: Option<String>,
    pub(crate) open: bool,
    pub(crate) qr: bool,
    /// Who said what.
    pub(crate) said: Said,
}

/// How servers are reached and trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UpstreamSettings {
    pub(crate) insecure_all: bool,
    pub(crate) insecure_hosts: Vec<String>,
    pub(crate) ca: Vec<PathBuf>,
    pub(crate) ways: WayOptions,
    pub(crate) tls: UpstreamTls,
    /// Where the secrets of TLS go.
    pub(crate) key_log: Option<PathBuf>,
}

impl File {
    /// Reads the file of this person; there need not be one.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let Some(path) = path() else {
            return Ok(Self::default());
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => {
                return Err(e)
                    .with_context(|| format!("cannot read the configuration {}", path.display()));
            }
        };
        Self::parse(&text, &path)
    }

    /// Reads a file's text. Relative paths in it begin at its folder.
    pub(crate) fn parse(text: &str, path: &Path) -> anyhow::Result<Self> {
        let mut file: Self = toml::from_str(text).map_err(|error| {
            Usage(format!(
                "the configuration {} cannot be used: {error}",
                path.display()
            ))
        })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let paths = file.upstream_ca.iter_mut().chain(&mut file.data);
        let paths = paths.chain(&mut file.rules).chain(&mut file.script);
        let paths = paths.chain(&mut file.key_log);
        let paths = paths.chain(&mut file.capture_keylog);
        for path in paths.chain(&mut file.proto) {
            *path = folder.join(&path);
        }
        let certs = std::mem::take(&mut file.client_cert).into_iter();
        file.client_cert = certs.map(|cert| cert.within(folder)).collect();
        Ok(file)
    }

    /// What the file says about a setting, by its key; paths are whole. None where it says nothing.
    pub(crate) fn says(&self, key: &str) -> Option<Value> {
        fn list<T: ToString>(items: &[T]) -> Option<Value> {
            let texts = || items.iter().map(ToString::to_string).collect();
            (!items.is_empty()).then(texts)
        }
        let path = |path: &PathBuf| json!(path.display().to_string());
        let paths = |paths: &[PathBuf]| {
            let texts = || paths.iter().map(path).collect();
            (!paths.is_empty()).then(texts)
        };
        match key {
            "data" => self.data.as_ref().map(path),
            "listen" => list(&self.listen),
            "mode" => list(&self.mode),
            // without the password
            "proxy-user" => self.proxy_user.as_ref().map(|user| json!(user.to_string())),
            "web" => self.web.map(|web| json!(web.to_string())),
            "allow" => list(&self.allow),
            "insecure-upstream" => {
                let upstream = self.upstream(Upstream::default());
                list(&upstream.insecure())
            }
            "upstream-ca" => paths(&self.upstream_ca),
            // without the passwords
            "upstream" => list(&self.upstream),
            "map-host" => list(&self.map_host),
            "tls" => list(&self.tls),
            "pass-pinned" => self.pass_pinned.map(Value::Bool),
            "ask-client-cert" => self.ask_client_cert.map(Value::Bool),
            "tls-min" => self.tls_min.map(|min| json!(min.to_string())),
            // without the passwords
            "client-cert" => list(&self.client_cert),
            "key-log" => self.key_log.as_ref().map(path),
            "bind" => self.bind.map(|bind| json!(bind.to_string())),
            "capture-keylog" => paths(&self.capture_keylog),
            "proto" => paths(&self.proto),
            "capture" => list(&self.capture),
            "capture-limit" => {
                let limit = self.capture_limit.as_ref();
                limit.map(|limit| json!(limit.to_string()))
            }
            "rules" => self.rules.as_ref().map(path),
            "script" => paths(&self.script),
            "script-time" => self
                .script_time
                .as_ref()
                .map(|time| json!(time.to_string())),
            "script-memory" => {
                let memory = self.script_memory.as_ref();
                memory.map(|memory| json!(memory.to_string()))
            }
            "token" => self.token.as_ref().map(|token| json!(token)),
            "no-open" => self.no_open.map(Value::Bool),
            "qr" => self.qr.map(Value::Bool),
            _ => None,
        }
    }

    /// The data folder.
    ///
    /// # Errors
    /// Nobody says which, and the platform does not either.
    pub(crate) fn data(&self, global: &Global) -> anyhow::Result<PathBuf> {
        let chosen = global.data.as_ref().or(self.data.as_ref());
        match chosen {
            Some(path) if path.as_os_str().is_empty() => {
                Err(Usage("the data folder has no name: write --data DIR".to_owned()).into())
            }
            Some(path) => Ok(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
            None => folders()
                .map(|f| f.data_dir().to_owned())
                .context("there is no home folder to keep data in: choose a folder with --data"),
        }
    }

    /// What `overhear run` is to do.
    pub(crate) fn run(&self, run: Run) -> anyhow::Result<RunSettings> {
        let token = run.token.or_else(|| self.token.clone());
        let url_safe = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        if token
            .as_ref()
            .is_some_and(|t| t.is_empty() || !t.chars().all(url_safe))
        {
            let text = "the token goes into a link: use letters, digits and - . _ ~ only";
            return Err(Usage(text.to_owned()).into());
        }
        Ok(RunSettings {
            listen: first(run.listen, &self.listen),
            modes: first(run.listening.mode, &self.mode),
            user: run.listening.proxy_user.or_else(|| self.proxy_user.clone()),
            web: run.web.or(self.web).unwrap_or(WEB),
            allow: first(run.allow, &self.allow),
            upstream: self.upstream(run.upstream),
            tls: first(run.tls.tls, &self.tls),
            pass_pinned: run.tls.pass_pinned || self.pass_pinned.unwrap_or(false),
            ask_client_cert: run.tls.ask_client_cert || self.ask_client_cert.unwrap_or(false),
            capture: first(run.capture, &self.capture),
            capture_limit: run.capture_limit.or_else(|| self.capture_limit.clone()),
            rules: run.rules.or_else(|| self.rules.clone()),
            scripts: first(run.script, &self.script),
            script_time: run.script_time.or_else(|| self.script_time.clone()),
            script_memory: memory(run.script_memory.or_else(|| self.script_memory.clone()))?,
            replay_from: run.replay_from,
            capture_keylog: first(run.capture_keylog, &self.capture_keylog),
            proto: first(run.proto, &self.proto),
            token,
            open: !(run.no_open || self.no_open.unwrap_or(false)),
            qr: run.qr || self.qr.unwrap_or(false),
            said: run.said,
        })
    }

    /// The client certificates that the file names, with their passwords.
    pub(crate) fn client_certs(&self) -> &[ClientCert] {
        &self.client_cert
    }

    /// The user that the file names, with the password.
    pub(crate) fn proxy_user(&self) -> Option<&ProxyUser> {
        self.proxy_user.as_ref()
    }

    /// The proxies that the file names, with their passwords.
    pub(crate) fn upstream_rules(&self) -> &[UpstreamRule] {
        &self.upstream
    }

    /// How servers are reached and trusted.
    pub(crate) fn upstream(&self, upstream: Upstream) -> UpstreamSettings {
        let (insecure_all, insecure_hosts) = if upstream.insecure_upstream.is_empty() {
            match &self.insecure_upstream {
                Insecure::All(all) => (*all, Vec::new()),
                Insecure::One(host) => all_or(vec![host.clone()]),
                Insecure::Hosts(hosts) => all_or(hosts.clone()),
            }
        } else {
            all_or(upstream.insecure_upstream)
        };
        UpstreamSettings {
            insecure_all,
            insecure_hosts,
            ca: first(upstream.upstream_ca, &self.upstream_ca),
            tls: UpstreamTls {
                min: upstream.ways.tls_min.or(self.tls_min).unwrap_or_default(),
                client_certs: first(upstream.ways.client_cert.clone(), &self.client_cert),
                client_cert_password: std::env::var(CLIENT_CERT_PASSWORD).ok(),
            },
            key_log: upstream
                .ways
                .key_log
                .clone()
                .or_else(|| self.key_log.clone()),
            ways: upstream.ways.or(&WayOptions {
                upstream: self.upstream.clone(),
                mapped: self.map_host.clone(),
                bind: self.bind,
            }),
        }
    }
}

impl RunSettings {
    /// What becomes of TLS.
    pub(crate) fn tls(&self) -> TlsOptions {
        TlsOptions {
            rules: self.tls.clone(),
            pass_pinned: self.pass_pinned,
            upstream: self.upstream.tls.clone(),
            key_log: self.upstream.key_log.clone(),
        }
    }

    /// Most that is kept of captured packets: bytes.
    pub(crate) fn packets(&self) -> u64 {
        let limit = self.capture_limit.as_ref();
        limit.map_or(captures::LIMIT, |limit| limit.bytes)
    }
}

impl UpstreamSettings {
    /// Hosts whose certificates are not verified; `*` for all.
    pub(crate) fn insecure(&self) -> Vec<String> {
        let all = self.insecure_all.then(|| "*".to_owned());
        all.into_iter()
            .chain(self.insecure_hosts.iter().cloned())
            .collect()
    }
}

impl Default for Insecure {
    fn default() -> Self {
        Self::All(false)
    }
}

/// Whether `*` is among the hosts, and the others.
fn all_or(hosts: Vec<String>) -> (bool, Vec<String>) {
    let (all, hosts): (Vec<_>, Vec<_>) = hosts.into_iter().partition(|host| host == "*");
    (!all.is_empty(), hosts)
}

/// This person's configuration file; there need not be one.
pub(crate) fn path() -> Option<PathBuf> {
    folders().map(|folders| folders.config_dir().join("config.toml"))
}

fn folders() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "overhear")
}

fn first<T: Clone>(given: Vec<T>, file: &[T]) -> Vec<T> {
    if given.is_empty() {
        file.to_vec()
    } else {
        given
    }
}

/// A script's memory: QuickJS itself needs some.
fn memory(size: Option<Size>) -> Result<Option<Size>, Usage> {
    match &size {
        Some(size) if size.bytes < LEAST_MEMORY => Err(Usage(format!(
            "{size} is too little memory for a script: it takes {} MiB at least",
            LEAST_MEMORY >> 20
        ))),
        _ => Ok(size),
    }
}

/// A text that is read as `T`.
fn parsed<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: std::fmt::Display,
{
    let text = String::deserialize(deserializer)?;
    let read = text.parse();
    read.map(Some)
        .map_err(|error| de::Error::custom(format!("{text:?}: {error}")))
}

/// A text, or a list of texts, each read as `T`.
fn one_or_more<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: std::fmt::Display,
{
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or a list of texts")]
    enum Texts {
        One(String),
        More(Vec<String>),
    }
    let texts = match Texts::deserialize(deserializer)? {
        Texts::One(text) => vec![text],
        Texts::More(texts) => texts,
    };
    let read = |text: String| {
        text.parse()
            .map_err(|error| de::Error::custom(format!("{text:?}: {error}")))
    };
    texts.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests;
