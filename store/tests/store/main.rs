//! The store from outside: what is recorded is what is read.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and one that is left out says so"
)]

mod apps;
mod batch;
mod beside;
mod delete;
mod filter;
mod list;
mod packets;
mod record;
mod rules;
mod sessions;
mod skip;
mod support;
mod trouble;
