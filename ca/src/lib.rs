//! The root certificate, the leaves it signs, and the forms a device takes it in.
//!
//! This crate decides who a client sees when it speaks TLS with the proxy. It knows no sockets and
//! no flows.

mod authority;
mod error;
mod folder;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod identity;
mod import;
mod leaf;
mod name;
pub mod profile;
mod root;

pub use authority::{Authority, RootInfo};
pub use error::Error;
pub use identity::Identity;
pub use leaf::Leaf;
