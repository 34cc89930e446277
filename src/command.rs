//! One file a subcommand, and what they share.

mod ca;
mod capture;
mod completions;
mod export;
mod flows;
mod import;
mod intercept;
mod keylog;
mod packets;
mod read;
mod replay;
mod rule;
mod run;
mod script;
mod sessions;
mod show;
mod table;

use crate::{
    cli::{Cli, Command, SessionName},
    config::File,
    data::Data,
    exit,
};
use anyhow::Context;
use overhear_store::{SessionId, Store, filter::Filter};
use std::{future::Future, net::SocketAddr};

/// Does what the command line says.
pub(crate) fn execute(cli: Cli) -> anyhow::Result<()> {
    let command = cli.command.unwrap_or(Command::Run(Box::new(cli.run)));
    if let Command::Completions { shell } = command {
        return completions::print(shell);
    }
    if let Command::Read(read) = command {
        return read::execute(&read);
    }
    if let Command::Script(script) = command {
        return block_on(script::execute(script.command));
    }
    if let Command::Capture(options) = &command {
        return capture::execute(options);
    }
    if let Command::Packets(options) = &command {
        return packets::execute(options);
    }
    let config = File::load()?;
    let data = Data::new(config.data(&cli.global)?);
    match command {
        Command::Run(run) => {
            let settings = config.run(*run)?;
            run::execute(data, config, settings)
        }
        Command::Flows(flows) => block_on(flows::execute(&data, flows)),
        Command::Show(show) => block_on(show::execute(&data, show)),
        Command::Replay(replay) => {
            let upstream = config.upstream(replay.upstream.clone());
            block_on(replay::execute(&data, replay, upstream))
        }
        Command::Sessions(sessions) => block_on(sessions::execute(&data, sessions.command)),
        Command::Import(import) => block_on(import::execute(&data, import)),
        Command::Export(export) => block_on(export::execute(&data, export)),
        Command::Rule(rule) => block_on(rule::execute(&data, rule.command)),
        Command::Intercept(waits) => block_on(intercept::execute(&data, waits.command)),
        Command::Ca(ca) => ca::execute(&data, ca.command),
        Command::Read(_)
        | Command::Script(_)
        | Command::Capture(_)
        | Command::Packets(_)
        | Command::Completions { .. } => Ok(()),
    }
}

/// Where the proxy listens when nobody says otherwise.
pub(crate) fn usual_listen() -> Vec<SocketAddr> {
    run::listen(&[])
}

/// Runs a command that waits for the disk and the network.
fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
    runtime.block_on(work)
}

/// Reads a filter; none is none.
fn filter(text: Option<&str>) -> anyhow::Result<Option<Filter>> {
    text.map(|text| Filter::parse(text).map_err(|error| exit::wrong_filter(text, &error)))
        .transpose()
}

/// The session that is meant, which must exist.
async fn session(store: &Store, name: &SessionName) -> anyhow::Result<SessionId> {
    let id = match name {
        SessionName::Current => store.current_session().await?,
        SessionName::Number(id) => SessionId(*id),
        SessionName::Named(name) => {
            let sessions = store.sessions().await?;
            let named: Vec<_> = sessions.iter().filter(|one| one.name == *name).collect();
            return match named.as_slice() {
                [one] => Ok(one.id),
                [] => {
                    let names = sessions.iter().filter(|one| !one.name.is_empty());
                    let names: Vec<_> = names.map(|one| format!("{:?}", one.name)).collect();
                    anyhow::bail!(
                        "there is no session {name:?}{}",
                        match names.is_empty() {
                            true => ": none has a name; the page shows their numbers".to_owned(),
                            false => format!(": there are {}", names.join(", ")),
                        }
                    )
                }
                several => {
                    let numbers: Vec<_> = several.iter().map(|one| one.id.to_string()).collect();
                    anyhow::bail!(
                        "{} sessions are named {name:?}: say which by its number, {}",
                        several.len(),
                        numbers.join(" or ")
                    )
                }
            };
        }
    };
    match store.session(id).await? {
        Some(session) => Ok(session.id),
        None => anyhow::bail!("there is no session {id}"),
    }
}
