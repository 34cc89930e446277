//! `overhear replay`: sends a recorded request again, changed or as it was.
//!
//! The running proxy does it when there is one, so that the page sees it at once. Otherwise the engine
//! is started here, without listeners. Either way the new flow is recorded.

mod run;

use super::show;
use crate::{
    api,
    cli::{HttpVersion, Replay},
    config::UpstreamSettings,
    data::{Data, Running},
    exit::Usage,
    terminal::tell,
};
use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use overhear_proxy::TlsOptions;
use overhear_proxy::{MOST_LISTEN, Plan, Proxy, ReplayRequest, Talk};
use overhear_store::{Flow, FlowId, HeadKind, Kind, Replayed, Side, State, Store, Version, head};
use overhear_webui::replay as recorded;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    io::{self, BufWriter, Read, Write},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

/// How often it is looked whether the response has come.
const POLL: Duration = Duration::from_millis(20);

/// A program that has just been started says where it is within this time.
const STARTING: Duration = Duration::from_secs(5);

pub(super) async fn execute(
    data: &Data,
    options: Replay,
    upstream: UpstreamSettings,
) -> anyhow::Result<()> {
    let changes = Changes::read(&options)?;
    if let Some(lock) = lock(data)? {
        let store = data.record().await?;
        let replayed = alone(data, &store, &changes, upstream, &options).await;
        let closed = store.close().await;
        drop(lock);
        replayed?;
        return Ok(closed?);
    }
    if upstream != UpstreamSettings::default() {
        tell(
            "overhear is running on this data folder: its settings decide which servers are trusted",
        );
    }
    let running = running(data).await?;
    let store = data.read().await?;
    let replayed = through(&running, &store, &changes, &options).await;
    store.close().await?;
    replayed
}

/// Whether one request is sent, once, so that its response is what is printed.
fn is_single(options: &Replay) -> bool {
    options.ids.len() == 1 && options.times == 1
}

/// The lock of a data folder that exists and is not in use.
fn lock(data: &Data) -> anyhow::Result<Option<crate::data::Lock>> {
    if !data.path().try_exists().unwrap_or(true) {
        anyhow::bail!(
            "nothing has been recorded in {} yet: choose another folder with --data",
            data.path().display()
        );
    }
    data.lock()
}

/// Where the program is that uses the folder.
pub(super) async fn running(data: &Data) -> anyhow::Result<Running> {
    let said = async {
        loop {
            if let Some(running) = data.running() {
                return running;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(STARTING, said).await.with_context(|| {
        let path = data.path().display();
        format!("another overhear uses the data folder {path} and has not said where it listens: try again")
    })
}

/// Has the running program send it.
async fn through(
    running: &Running,
    store: &Store,
    changes: &Changes,
    options: &Replay,
) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Answer {
        flow: FlowId,
    }
    let mut asks = Vec::with_capacity(options.ids.len());
    for id in &options.ids {
        let flow = show::find(store, FlowId(*id)).await?;
        asks.push(ask(store, &flow, changes, options).await?);
    }
    if let ([ask], false) = (asks.as_slice(), options.follow_redirects)
        && is_single(options)
    {
        let answer: Answer = api::post(running, "/api/replay", ask).await?;
        return print(store, answer.flow, options.json).await;
    }
    let plan = json!({
        "requests": asks, "times": options.times, "concurrency": options.concurrency,
    });
    let done = run::through(running, &plan).await?;
    if is_single(options) {
        return print(store, done.last(), options.json).await;
    }
    run::print(&done, options.json)
}

/// A request as the API takes it.
async fn ask(
    store: &Store,
    flow: &Flow,
    changes: &Changes,
    options: &Replay,
) -> anyhow::Result<Value> {
    let (request, body) = request(store, flow, changes.clone()).await?;
    let mut ask = json!({
        "flow": flow.id,
        "method": request.method,
        "url": request.url,
        "headers": request.headers,
        "version": request.version,
        "follow_redirects": options.follow_redirects,
    });
    let body = match body {
        Some(given) => json!({ "base64": STANDARD.encode(&given) }),
        None if flow.kind == Kind::Http && flow.request.body_size > 0 => json!({ "flow": flow.id }),
        None => json!({ "text": "" }),
    };
    if let Some(ask) = ask.as_object_mut() {
        ask.insert("body".to_owned(), body);
        if options.messages || options.listen.is_some() {
            let talk = json!({ "recorded": options.messages, "listen_s": options.listen });
            ask.insert("websocket".to_owned(), talk);
        }
    }
    Ok(ask)
}

/// Sends it without a running program.
async fn alone(
    data: &Data,
    store: &Store,
    changes: &Changes,
    upstream: UpstreamSettings,
    options: &Replay,
) -> anyhow::Result<()> {
    let mut requests = Vec::with_capacity(options.ids.len());
    for id in &options.ids {
        let flow = show::find(store, FlowId(*id)).await?;
        let (mut request, body) = request(store, &flow, changes.clone()).await?;
        request.body = match body {
            Some(given) => given,
            None if flow.kind == Kind::Http => recorded::body(store, &flow).await?,
            None => Bytes::new(),
        };
        request.follow = options.follow_redirects;
        if options.messages || options.listen.is_some() {
            request.talk = Some(talk(store, &flow, options).await?);
        }
        requests.push(request);
    }
    let proxy = Proxy::bind(overhear_proxy::Options {
        listen: Vec::new(),
        authority: Arc::new(data.authority()?),
        recorder: store.recorder(),
        site: None,
        reserved: Vec::new(),
        allow: Vec::new(),
        devices: Vec::new(),
        insecure_all: upstream.insecure_all,
        insecure_hosts: upstream.insecure_hosts,
        upstream_ca: upstream.ca,
        modes: Vec::new(),
        user: None,
        ways: upstream.ways,
        tls: TlsOptions {
            upstream: upstream.tls,
            key_log: upstream.key_log,
            ..TlsOptions::default()
        },
    })
    .await?;
    let handle = proxy.handle();
    let (stop, stopped) = watch::channel(false);
    let runs = tokio::spawn(proxy.run(stopped));
    let plan = Plan {
        requests,
        times: options.times,
        at_once: options.concurrency,
    };
    let done = match handle.replay_run(plan) {
        Ok(run) => {
            tokio::select! {
                () = run.over() => {}
                _ = tokio::signal::ctrl_c() => run.stop(),
            }
            run.over().await;
            store.flush().await?;
            Ok(run::Done::of(&run))
        }
        Err(error) => Err(error),
    };
    let _ = stop.send(true);
    runs.await.context("the engine broke down")?;
    let done = done?;
    if !is_single(options) {
        return run::print(&done, options.json);
    }
    if done.stopped() {
        anyhow::bail!("interrupted before the response was complete");
    }
    print(store, done.last(), options.json).await
}

async fn talk(store: &Store, flow: &Flow, options: &Replay) -> anyhow::Result<Talk> {
    let usual = Talk::default();
    let listen = match options.listen {
        None => usual.listen,
        Some(seconds) => Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|listen| *listen <= MOST_LISTEN)
            .ok_or_else(|| {
                Usage(format!(
                    "--listen is a number of seconds from 0 to {}, not {seconds}",
                    MOST_LISTEN.as_secs()
                ))
            })?,
    };
    let messages = match options.messages {
        true => recorded::messages(store, flow, false).await?,
        false => Vec::new(),
    };
    Ok(Talk { messages, listen })
}

/// Waits for the new flow's end and prints it.
async fn print(store: &Store, id: FlowId, json: bool) -> anyhow::Result<()> {
    let flow = loop {
        match store.flow(id).await? {
            Some(flow) if flow.state != State::Running => break flow,
            _ => tokio::time::sleep(POLL).await,
        }
    };
    let mut out = BufWriter::new(io::stdout());
    if json {
        show::json(store, id, &mut out).await?;
    } else {
        show::text(store, &flow, &[Side::Response], &mut out).await?;
    }
    out.flush()?;
    match flow.error {
        Some(error) => Err(anyhow::anyhow!("flow {id} failed: {}", error.text)),
        None => Ok(()),
    }
}

/// What the command line changes.
#[derive(Debug, Clone, Default)]
struct Changes {
    method: Option<String>,
    url: Option<String>,
    /// Name, and the value or its removal.
    headers: Vec<(String, Option<String>)>,
    body: Option<Bytes>,
    version: Option<Version>,
}

impl Changes {
    fn read(options: &Replay) -> anyhow::Result<Self> {
        let headers: Result<_, _> = options.headers.iter().map(|text| field(text)).collect();
        Ok(Self {
            method: options.method.clone(),
            url: options.url.clone(),
            headers: headers?,
            body: options.body.as_deref().map(body).transpose()?,
            version: options.http.map(|version| match version {
                HttpVersion::Http11 => Version::Http11,
                HttpVersion::Http2 => Version::Http2,
            }),
        })
    }

    /// Whether another request comes of them.
    fn modify(&self, flow: &Flow) -> bool {
        let method = self.method.as_ref().is_some_and(|new| *new != flow.method);
        let url = self.url.as_ref().is_some_and(|new| *new != flow.url());
        method || url || !self.headers.is_empty() || self.body.is_some()
    }
}

/// `Name: value`, or `Name:` to remove it.
fn field(text: &str) -> anyhow::Result<(String, Option<String>)> {
    let wrong = || {
        Usage(format!(
            "--header {text:?} is not a field: write 'Name: value', or 'Name:' to remove it"
        ))
    };
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let name = name.trim();
    if name.is_empty() {
        return Err(wrong().into());
    }
    let value = value.trim();
    Ok((
        name.to_owned(),
        (!value.is_empty()).then(|| value.to_owned()),
    ))
}

/// Text, `@FILE`, or `@-` for standard input.
fn body(text: &str) -> anyhow::Result<Bytes> {
    let bytes = match text.strip_prefix('@') {
        None => text.as_bytes().to_vec(),
        Some("-") => {
            let mut bytes = Vec::new();
            io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .context("cannot read standard input")?;
            bytes
        }
        Some(path) => std::fs::read(path).with_context(|| format!("cannot read {path}"))?,
    };
    Ok(bytes.into())
}

/// The request to send, without its body, and the body where another one was given.
async fn request(
    store: &Store,
    flow: &Flow,
    changes: Changes,
) -> anyhow::Result<(ReplayRequest, Option<Bytes>)> {
    let heads = store.heads(flow.id).await?;
    let head = heads.iter().find(|h| h.kind == HeadKind::Request);
    let head = head.with_context(|| {
        format!(
            "flow {} has no HTTP request that could be sent again",
            flow.id
        )
    })?;
    let recorded = head::parse(&head.bytes, head.bytes.first() != Some(&b':'));
    Ok(change(flow, recorded.fields, changes))
}

/// Puts the changes into what was recorded.
fn change(
    flow: &Flow,
    recorded: Vec<(String, String)>,
    changes: Changes,
) -> (ReplayRequest, Option<Bytes>) {
    let was = flow.url();
    let modified = changes.modify(flow);
    let url = changes.url.unwrap_or_else(|| was.clone());
    let elsewhere = authority(&url) != authority(&was);
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut given = changes.headers;
    // names that were given and have found their place
    let mut placed: Vec<String> = Vec::new();
    for (name, value) in recorded {
        let same = |other: &String| other.eq_ignore_ascii_case(&name);
        let new: Vec<_> = given.extract_if(.., |(n, _)| same(n)).collect();
        if !new.is_empty() {
            headers.extend(new.into_iter().filter_map(|(n, v)| Some((n, v?))));
            placed.push(name);
        } else if placed.iter().any(same) || is_ours(&name) {
            // replaced already, or said by the method, the URL and the body that is sent
        } else if name.eq_ignore_ascii_case("host") && elsewhere {
            headers.push((name, authority(&url).to_owned()));
        } else {
            headers.push((name, value));
        }
    }
    headers.extend(given.into_iter().filter_map(|(n, v)| Some((n, v?))));
    let request = ReplayRequest {
        of: Some(Replayed {
            flow: flow.id,
            modified,
        }),
        method: changes.method.unwrap_or_else(|| flow.method.clone()),
        url,
        headers,
        body: Bytes::new(),
        version: changes.version.or(match flow.request.version {
            Some(Version::Http10 | Version::Http11) => Some(Version::Http11),
            // by ALPN, as it was recorded
            Some(Version::Http2) | None => None,
        }),
        ..ReplayRequest::default()
    };
    (request, changes.body)
}

/// Fields that are not taken from what was recorded: pseudo-header fields, the framing of the body, and what was
/// for the proxy alone.
fn is_ours(name: &str) -> bool {
    let ours = [
        "content-length",
        "transfer-encoding",
        "proxy-connection",
        "proxy-authorization",
    ];
    name.starts_with(':') || ours.iter().any(|n| name.eq_ignore_ascii_case(n))
}

/// Host and port of a URL as they are written in it.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests;
