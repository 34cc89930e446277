//! The command line: what a person starts. Reads arguments and configuration, and wires the crates
//! together; decides nothing about bytes.

mod api;
mod captures;
mod cli;
mod command;
mod config;
mod data;
mod exit;
mod logging;
mod settings;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    terminal::remember_local_time();
    let cli = cli::parse();
    exit::code(logging::start().and_then(|()| command::execute(cli)))
}
