//! Listeners, TLS, the HTTP engine and raw tunnels, recorded as they pass.
//!
//! A byte's way: `listen` accepts and `admit` says who may, `client` looks at the first bytes and leads
//! the connection on, `upstream` reaches the server, `sniff` tells what speaks in a tunnel, `tls` is ended on
//! both sides, `http1` and `http2` carry the exchanges, `tunnel` carries all else. This crate does not
//! know that there is a web page: a plain visit is handed to a [`LocalSite`].

mod admit;
mod apps;
mod client;
mod crowd;
mod engine;
mod error;
mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod http1;
mod http2;
mod intercept;
mod listen;
mod options;
mod proxy;
mod replay;
mod script;
mod sniff;
mod starttls;
mod stream;
mod target;
mod tls;
mod tunnel;
mod upstream;
mod websocket;
mod words;

pub use admit::{Cidr, Decision, Device, ProxyUser};
pub use error::Error;
pub use intercept::{Choice, Edit, WaitError, Waiting, WaitingData, WaitingMessage, check_rule};
pub use intercept::{Recorded, RecordedAnswer, RecordedAsk};
pub use listen::{Listen, Mode, ModeSpec, Reverse, Spoken};
pub use options::{LocalSite, Options, TlsMin, TlsOptions, UpstreamTls, Visit, WayOptions};
pub use proxy::{Handle, Proxy, Status};
pub use replay::{
    Distribution, Kinds, MOST_AT_ONCE, MOST_LISTEN, MOST_REQUESTS, MOST_SENDS, Measured, Outcome,
    Plan, ReplayRequest, Replaying, Run, RunState, Say, Span, Talk,
};
pub use script::{
    ConsoleLine, EXAMPLE as SCRIPT_EXAMPLE, Level, Limits as ScriptLimits, ScriptError, ScriptInfo,
    ScriptState, check_script, types as script_types,
};
pub use target::{Scheme, Target};
pub use tls::{ClientCert, Passing, TlsChoice, TlsRule};
pub use upstream::{HostMap, UpstreamRule};
pub use websocket::{ByHandError, Delivery};
