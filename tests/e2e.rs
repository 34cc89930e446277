//! End to end: the real program, real clients, real servers and real readers, one file a promise to the
//! user. `tests/run` installs what is needed and runs everything; `tests/run NAME` runs what matches.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on says so by panicking, and says what it could not try"
)]

mod actions;
mod alongside;
mod api;
mod apps;
mod as_code;
mod big_bodies;
mod breakpoints;
mod browser;
mod by_hand;
mod capture;
mod captured;
mod changes;
mod clients;
mod command_line;
mod compose;
mod decrypt;
mod diagnose;
mod elsewhere;
mod export;
mod failures;
mod filter;
mod flags;
mod grpc;
mod h2c;
mod headers;
mod import;
mod listening;
mod messages;
mod named;
mod offline;
mod overview;
mod page;
mod phone;
mod proxy_user;
mod raw;
mod read;
mod records;
mod replay;
mod rules;
mod scripts;
mod sessions;
mod settings;
mod slowly;
mod starttls;
mod support;
mod survives;
mod tables;
mod tls;
mod transparent;
mod upstream;
mod websocket_http2;
