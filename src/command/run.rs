//! `overhear run`: the proxy and the page, until Ctrl-C or SIGTERM.

mod banner;
mod devices;
mod leading;
mod scripts;
mod signals;

use crate::{
    captures::Table as Captured,
    config::{self, File, RunSettings},
    data::{Data, Lock, Running},
    exit::Usage,
    settings::Table,
    terminal::tell,
};
use anyhow::Context;
use overhear_proxy::{Listen, Proxy};
use overhear_store::{
    Store,
    changes::Change,
    rule::{Action, Missing},
};
use overhear_webui::{Onboarding, Server, captures::Captures, lan, protobuf, rules::Rulebook};
use std::{
    io::{self, IsTerminal},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{sync::watch, task::JoinSet};

/// The proxy's port when nobody says otherwise.
const PORT: u16 = 8080;

/// The proxy and the page give exchanges two seconds to end; this is more than both need.
const STOPPING: Duration = Duration::from_secs(10);

/// Runs until it is told to stop, or cannot start.
pub(super) fn execute(data: Data, config: File, settings: RunSettings) -> anyhow::Result<()> {
    // a connection needs two descriptors; systems give few unless asked. Without more it works, for fewer.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    super::block_on(run(data, config, settings))
}

async fn run(data: Data, config: File, settings: RunSettings) -> anyhow::Result<()> {
    super::filter(settings.replay_from.as_deref())?;
    protobuf::read(&settings.proto).map_err(Usage)?;
    data.create()?;
    let lock = alone(&data)?;
    let devices = data.devices()?;
    let token = match &settings.token {
        Some(token) => token.clone(),
        None => data.token()?,
    };
    let server = Server::bind(settings.web).await?;
    let authority = Arc::new(data.authority()?.asking_clients(settings.ask_client_cert));
    let store = data.record().await?;
    let proxy = Proxy::bind(overhear_proxy::Options {
        listen: listen(&settings.listen),
        user: settings.user.clone(),
        modes: {
            let ipv6 = has_ipv6();
            let modes = settings.modes.iter();
            modes.flat_map(|mode| mode.listen(ipv6)).collect()
        },
        authority: Arc::clone(&authority),
        recorder: store.recorder(),
        site: Some(Arc::new(Onboarding::new(Arc::clone(&authority)))),
        reserved: vec![server.address()],
        allow: settings.allow.clone(),
        devices: devices
            .iter()
            .map(|(address, decision)| (*address, *decision))
            .collect(),
        insecure_all: settings.upstream.insecure_all,
        insecure_hosts: settings.upstream.insecure_hosts.clone(),
        upstream_ca: settings.upstream.ca.clone(),
        ways: settings.upstream.ways.clone(),
        tls: settings.tls(),
    });
    let proxy = match proxy.await {
        Ok(proxy) => proxy,
        Err(error) => {
            store.close().await?;
            return Err(error.into());
        }
    };

    let handle = proxy.handle();
    let overhear_proxy::Status {
        listening,
        listeners,
        ..
    } = handle.status();
    let places = banner::Places {
        lan: lan::addresses(&listening),
        proxy: listening,
        listeners,
        web: server.address(),
        token: token.clone(),
    };
    let ports = listening_ports(&places.listeners, places.web);
    let rules = Rulebook::open(store.clone(), handle.clone()).await?;
    if let Some(file) = &settings.rules
        && let Err(why) = rules.read_file(file).await
    {
        store.close().await?;
        return Err(Usage(why).into());
    }
    let scripts = match scripts::Scripts::start(handle.clone(), &settings).await {
        Ok(scripts) => scripts,
        Err(error) => {
            store.close().await?;
            return Err(error);
        }
    };
    if let Some(filter) = &settings.replay_from {
        let action = Action::AnswerRecorded {
            filter: filter.clone(),
            ignore_query: Vec::new(),
            same_headers: Vec::new(),
            same_body: false,
            missing: Missing::NotFound,
        };
        rules.set_offline(Some(action)).await?;
    }
    let captures = Arc::new(Captured::new(
        store.clone(),
        handle.clone(),
        ports,
        settings.packets(),
        &settings.capture_keylog,
    ));
    let (stop, stopped) = signals::watch()?;
    let mut servers = JoinSet::new();
    servers.spawn(named("the proxy", proxy.run(stopped.clone())));
    let page = overhear_webui::Options {
        token: token.clone(),
        store: store.clone(),
        proxy: handle.clone(),
        authority: Arc::clone(&authority),
        certificate: data.ca().join("cert.pem"),
        data: data.path().to_owned(),
        settings: Arc::new(Table::new(
            config::path(),
            &config,
            settings.clone(),
            data.path().display().to_string(),
            handle.clone(),
        )),
        rules: rules.clone(),
        captures: captures.clone(),
    };
    servers.spawn(named("the page", server.run(page, stopped.clone())));
    let announced = data.announce(&Running {
        pid: std::process::id(),
        web: places.web,
        token,
        proxy: places.proxy.clone(),
    })?;
    banner::print(&places, data.path(), authority.info(), settings.qr)?;
    if settings.open && banner::can_open() {
        banner::open(&places);
    }
    for place in &settings.capture {
        let begun = captures.start(&place.interface, place.expression.as_deref());
        if let Err(refused) = begun {
            tell(&format!("overhear: {}", refused.reason));
        }
    }
    let helpers = [
        tokio::spawn(devices::watch(
            handle.clone(),
            data.clone(),
            devices,
            places.page(),
        )),
        tokio::spawn(tell_trouble(store.clone())),
        tokio::spawn(read_rules_again(rules, settings.rules.clone())),
        tokio::spawn(scripts.watch()),
    ];

    let ended = serve(servers, &stop, stopped).await;
    for helper in helpers {
        helper.abort();
    }
    drop(announced);
    if let Err(error) = tokio::task::spawn_blocking(move || captures.end()).await {
        tracing::warn!(%error, "the captures did not end in order");
    }
    let closed = store.close().await;
    drop(lock);
    ended?;
    closed?;
    Ok(())
}

/// The ports of the proxy and of the page, in order.
fn listening_ports(proxy: &[Listen], web: SocketAddr) -> Vec<u16> {
    let proxy = proxy.iter().map(|place| place.address);
    let mut ports: Vec<_> = proxy.chain([web]).map(|address| address.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Waits for the stop and for the servers to end; if one of them ends by itself, the others are stopped.
async fn serve(
    mut servers: JoinSet<&'static str>,
    stop: &watch::Sender<bool>,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let first = tokio::select! {
        biased;
        _ = stopped.wait_for(|stop| *stop) => None,
        ended = servers.join_next() => ended,
    };
    let early = !stop.send_replace(true);
    let ended = match first {
        Some(Ok(name)) if early => Err(anyhow::anyhow!("{name} ended by itself")),
        Some(Err(error)) => Err(error).context("a server broke down"),
        _ => Ok(()),
    };
    let rest = async {
        while let Some(ended) = servers.join_next().await {
            ended.context("a server broke down")?;
        }
        Ok(())
    };
    match tokio::time::timeout(STOPPING, rest).await {
        Ok(rest) => ended.and(rest),
        Err(_) => {
            tracing::warn!("connections did not end in time and are cut");
            ended
        }
    }
}

/// The name of the server that ended.
async fn named(name: &'static str, server: impl Future<Output = ()>) -> &'static str {
    server.await;
    name
}

/// The folder's lock, or an error that says who has it.
fn alone(data: &Data) -> anyhow::Result<Lock> {
    if let Some(lock) = data.lock()? {
        return Ok(lock);
    }
    let path = data.path().display();
    match data.running() {
        Some(running) => anyhow::bail!(
            "another overhear (process {}) uses the data folder {path}: its page is at http://{}/. Stop it, or \
             choose another folder with --data",
            running.pid,
            running.web
        ),
        None => anyhow::bail!(
            "another overhear uses the data folder {path}: wait until it is done, or choose another folder with \
             --data"
        ),
    }
}

/// Where to listen: as asked, else port 8080 on all interfaces, with IPv6 where the system has it.
pub(super) fn listen(asked: &[SocketAddr]) -> Vec<SocketAddr> {
    if !asked.is_empty() {
        return asked.to_vec();
    }
    let mut listen = vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT))];
    if has_ipv6() {
        listen.push(SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT)));
    }
    listen
}

fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

/// Says when recording stops, because of a full disk for example, and when it goes on.
async fn tell_trouble(store: Store) {
    let mut changes = store.changes();
    while let Some(change) = changes.next().await {
        match change {
            Change::Trouble(Some(text)) => tell(&format!("overhear: {text}")),
            Change::Trouble(None) => tell("overhear: recording goes on"),
            _ => {}
        }
    }
}

/// Reads the file of rules again whenever it changes.
async fn read_rules_again(rules: Arc<Rulebook>, file: Option<PathBuf>) {
    let Some(file) = file else {
        return;
    };
    let told = |read: Result<usize, String>| match read {
        Ok(count) => tell(&format!("overhear: {count} rules were read again")),
        Err(why) => tell(&format!("overhear: {why}. The rules before act on.")),
    };
    rules.watch_file(&file, told).await;
}

/// Whether somebody can be asked: both what is asked and the answer go through a terminal.
fn someone_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_all_that_is_listened_on() {
        let asked = ["127.0.0.1:0".parse().unwrap()];
        assert_eq!(listen(&asked), asked);
        let usual = listen(&[]);
        assert_eq!(
            usual.first().map(ToString::to_string).as_deref(),
            Some("0.0.0.0:8080")
        );
        assert!(
            usual
                .iter()
                .all(|a| a.port() == PORT && a.ip().is_unspecified())
        );
    }

    /// The servers and how the program ends when they do, with the stop at `before` or after they ended.
    async fn end(servers: JoinSet<&'static str>, before: bool) -> anyhow::Result<()> {
        let (stop, stopped) = watch::channel(before);
        serve(servers, &stop, stopped).await
    }

    #[tokio::test]
    async fn servers_that_end_when_told_to_are_well() {
        for _ in 0..100 {
            let mut servers = JoinSet::new();
            servers.spawn(async { "the proxy" });
            servers.spawn(async { "the page" });
            tokio::task::yield_now().await;
            end(servers, true).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_server_that_ends_by_itself_stops_the_other() {
        let (stop, stopped) = watch::channel(false);
        let mut servers = JoinSet::new();
        servers.spawn(async { "the page" });
        let mut told = stopped.clone();
        servers.spawn(async move {
            told.wait_for(|stop| *stop).await.unwrap();
            "the proxy"
        });
        let said = serve(servers, &stop, stopped)
            .await
            .unwrap_err()
            .to_string();
        assert_eq!(said, "the page ended by itself");

        let mut servers = JoinSet::new();
        servers.spawn(async { panic!("on purpose") });
        assert!(
            end(servers, false)
                .await
                .unwrap_err()
                .to_string()
                .contains("broke down")
        );
    }

    #[test]
    fn a_second_program_is_told_where_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::new(folder.path().to_owned());
        let lock = alone(&data).unwrap();
        let said = alone(&data).unwrap_err().to_string();
        assert!(said.contains("wait until it is done"), "{said}");
        let web = "127.0.0.1:8081".parse().unwrap();
        let running = Running {
            pid: 42,
            web,
            token: "t".to_owned(),
            proxy: Vec::new(),
        };
        let announced = data.announce(&running).unwrap();
        let said = alone(&data).unwrap_err().to_string();
        assert!(
            said.contains("process 42") && said.contains("http://127.0.0.1:8081/"),
            "{said}"
        );
        assert!(!said.contains("token"));
        drop((lock, announced));
        alone(&data).unwrap();
    }
}
