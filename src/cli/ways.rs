//! How servers are reached, and what becomes of TLS.

use clap::{Args, ValueHint, builder::FalseyValueParser};
use overhear_proxy::{ClientCert, HostMap, TlsMin, TlsRule, UpstreamRule, WayOptions};
use std::{net::IpAddr, path::PathBuf};

/// How servers are reached.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Ways {
    /// Reach servers through another proxy: http://[USER:PASSWORD@]HOST[:PORT], https:// or socks5://, or direct for none; with
    /// a pattern only these hosts (example.com and all below it, *.example.com); may be repeated, the first that fits counts
    #[arg(
        long,
        value_name = "[PATTERN=]PROXY",
        env = "OVERHEAR_UPSTREAM",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) upstream: Vec<UpstreamRule>,
    /// Connect to another place for a host, as api.example.com=127.0.0.1:3000; what is asked for there (SNI, Host) stays as the
    /// client asked; may be repeated, the first that fits counts, and no upstream proxy is used for it
    #[arg(
        long,
        value_name = "PATTERN=HOST[:PORT]",
        env = "OVERHEAR_MAP_HOST",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) map_host: Vec<HostMap>,
    /// Address of this computer that connections to servers are made from
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "OVERHEAR_BIND",
        hide_env_values = true
    )]
    pub(crate) bind: Option<IpAddr>,
    /// Oldest version of TLS that is spoken with servers: 1.2 or 1.3 [default: 1.2]
    #[arg(
        long,
        value_name = "VERSION",
        env = "OVERHEAR_TLS_MIN",
        hide_env_values = true
    )]
    pub(crate) tls_min: Option<TlsMin>,
    /// Certificate for servers that ask who we are: PEM with its key, or PKCS#12 (FILE:PASSWORD, or the password in
    /// OVERHEAR_CLIENT_CERT_PASSWORD); with a pattern only for these hosts; may be repeated, the first that fits counts
    #[arg(
        long,
        value_name = "[PATTERN=]FILE",
        env = "OVERHEAR_CLIENT_CERT",
        hide_env_values = true,
        value_delimiter = ',',
        value_hint = ValueHint::FilePath
    )]
    pub(crate) client_cert: Vec<ClientCert>,
    /// Write the TLS secrets of both sides into a file (RFC 9850), so that Wireshark decrypts captured packets
    #[arg(
        long,
        value_name = "FILE",
        env = "SSLKEYLOGFILE",
        hide_env_values = true,
        value_hint = ValueHint::FilePath
    )]
    pub(crate) key_log: Option<PathBuf>,
}

impl Ways {
    /// What is said here, and what `file` says where nothing is.
    pub(crate) fn or(self, file: &WayOptions) -> WayOptions {
        let Self {
            upstream,
            map_host,
            bind,
            ..
        } = self;
        WayOptions {
            upstream: match upstream.is_empty() {
                true => file.upstream.clone(),
                false => upstream,
            },
            mapped: match map_host.is_empty() {
                true => file.mapped.clone(),
                false => map_host,
            },
            bind: bind.or(file.bind),
        }
    }
}

/// What becomes of TLS.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Tls {
    /// What becomes of TLS with these hosts: intercept (read it, the usual), pass (relay it unread) or block; as
    /// '*.bank.example=pass'; may be repeated, the first that fits counts
    #[arg(
        long,
        value_name = "PATTERN=CHOICE",
        env = "OVERHEAR_TLS",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) tls: Vec<TlsRule>,
    /// Let a host pass through unread when a client has refused overhear's certificate for it three times in five minutes (it
    /// probably pins its own); such flows are tagged pinned
    #[arg(long, env = "OVERHEAR_PASS_PINNED", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) pass_pinned: bool,
    /// Ask clients for certificates of their own, and record what they show; some programs then ask their user
    #[arg(long, env = "OVERHEAR_ASK_CLIENT_CERT", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) ask_client_cert: bool,
}
