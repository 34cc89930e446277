//! What `overhear run` takes for ports that are no ordinary proxy's.

use clap::Args;
use overhear_proxy::{ModeSpec, ProxyUser};

/// Ports beside the proxy's.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Listening {
    /// Listen for something else than a proxy's clients, too: reverse:https://HOST[:PORT]@ADDR:PORT (also http, tls, tcp) stands in
    /// the place of one server; transparent[@ADDR:PORT] takes what the system's rules lead to it (port 8082 on all interfaces,
    /// if nothing else is said) and prints these rules; may be repeated
    #[arg(
        long,
        value_name = "MODE",
        env = "OVERHEAR_MODE",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) mode: Vec<ModeSpec>,
    /// Serve only clients that give this user and password (Basic, or in SOCKS5)
    #[arg(
        long,
        value_name = "USER:PASSWORD",
        env = "OVERHEAR_PROXY_USER",
        hide_env_values = true
    )]
    pub(crate) proxy_user: Option<ProxyUser>,
}
