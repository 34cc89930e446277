//! The web page: REST API, event stream, onboarding site and the browser app.
//!
//! The server shows and exports what the store has and tells the proxy what a person decides; it
//! records nothing itself. What the command line shares with it is public: the JSON [`model`],
//! [`decode`] and [`export`].

mod api;
mod assets;
mod auth;
mod body;
pub mod captures;
pub mod decode;
mod disk;
pub mod export;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod import;
pub mod lan;
mod onboarding;
pub mod protobuf;
pub mod replay;
pub mod rules;
mod server;
pub mod settings;
#[cfg(test)]
mod testing;
mod watched;

pub use api::model;
pub use onboarding::Onboarding;
pub use server::Server;
pub use watched::Watched;

use overhear_ca::Authority;
use overhear_proxy::Handle;
use overhear_store::Store;
use std::{path::PathBuf, sync::Arc};

/// What the web server is made of.
pub struct Options {
    /// What opens the page: in the printed link once, then in a cookie.
    pub token: String,
    /// The recorded flows.
    pub store: Store,
    /// The running proxy.
    pub proxy: Handle,
    /// The root certificate.
    pub authority: Arc<Authority>,
    /// The file with the root certificate in PEM, for the page to name.
    pub certificate: PathBuf,
    /// The data folder, for the page to name.
    pub data: PathBuf,
    /// What the program was told, and who changes it.
    pub settings: Arc<dyn settings::Desk>,
    /// What is changed on its way.
    pub rules: Arc<rules::Rulebook>,
    /// Packets that are captured beside the proxy.
    pub captures: Arc<dyn captures::Captures>,
}
