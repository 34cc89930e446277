//! Client to server: reads requests, begins their exchanges, and forwards them.

use crate::{
    admit::ProxyUser,
    apps,
    engine::is_site,
    failure::Format,
    http1::{
        exchange::{Exchange, Opening, State, persists},
        framing::{Asked, Body},
        half::{Half, send},
        head::{HeadReader, RequestHead},
        input::Input,
        link::{Link, Turn},
        offer::Offer,
        plain,
        prepared::Prepared,
        problem::Problem,
        record, send_slowly,
        target::{self, Absolute, Form},
    },
    intercept::{Log, Seen, Set, throttle::Throttle},
    target::Target,
    words::failed,
};
use overhear_store::{Failure, FailureCause, HeadKind, Party, Side, filter::Passing};
use std::{future::pending, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    time::{Instant, sleep, sleep_until, timeout},
};

/// The largest piece of a body that is copied behind a head to be written with it.
const TOGETHER: usize = 16 << 10;
/// The most requests that a client may send ahead of their answers; what more it sends is not read.
const MOST_UNANSWERED: usize = if cfg!(test) { 8 } else { 100 };
/// The most that is read ahead while a switch of protocols is undecided, or too many requests are unanswered: bytes.
pub(crate) const MOST_AHEAD: usize = 64 << 10;
/// How long a server may answer a client that has closed its sending side before the server is told: many take
/// that for the client's being gone, as it often is.
pub(crate) const GRACE: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 10_000 });

/// How long the head of a request may take from its first byte to its last.
pub(crate) const SLOW: Duration = Duration::from_secs(60);
/// How long a client's connection is kept on which nothing is asked and nothing is answered.
pub(crate) const IDLE: Duration = Duration::from_secs(600);

/// Forwards requests until something else must be decided.
pub(crate) async fn forward<C, S>(link: &Link<'_, C, S>, input: &mut Input) -> Turn
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut client = Half(link.client);
    let mut server = Half(link.server);
    let mut deaf = false;
    loop {
        let prepared = link.only.lock().take();
        let mut begun = match prepared {
            Some(prepared) => begin_prepared(link, prepared),
            // this server was for one exchange alone
            None if link.once => {
                let ended = verdict(link, &mut client, input).await;
                return ended.unwrap_or(Turn::Request);
            }
            None => match next(link, &mut client, input).await {
                Ok(begun) => begun,
                Err(turn) => return turn,
            },
        };
        let throttle = begun.throttle.clone();
        let throttle = throttle.as_deref();
        let (head, piece) = input.bytes().split_at(begun.head);
        let mut received = 0_u64;
        let mut taken = begun.body.take(piece, |content| {
            received += content.len() as u64;
            let at = input.last();
            link.exchanges
                .requesting(|exchange| exchange.chunk(Side::Request, at, content));
        });
        let piece = piece.get(..taken.wire).unwrap_or_default();
        let sent = match begun.rewritten {
            Some(mut head) if piece.len() <= TOGETHER => {
                head.extend_from_slice(piece);
                send_slowly(&mut server, &head, Side::Request, throttle).await
            }
            Some(head) => match send_slowly(&mut server, &head, Side::Request, throttle).await {
                Ok(()) => send_slowly(&mut server, piece, Side::Request, throttle).await,
                failed => failed,
            },
            None => {
                let together = head.len() + piece.len();
                send(
                    &mut server,
                    input.bytes().get(..together).unwrap_or_default(),
                )
                .await
            }
        };
        deaf |= sent.is_err();
        input.consume(begun.head + taken.wire);

        while !taken.done {
            if let Some(problem) = taken.problem {
                let framing = begun.body.framing().to_vec();
                let turn = Turn::ClientBroken(problem.of_request(), framing);
                return alone(link, turn).await;
            }
            link.journal.recorder.room().await;
            match input.fill(&mut client).await {
                Ok(0) => return alone(link, cut(link, received)).await,
                Ok(_) => {}
                Err(error) => return Turn::ClientReset(error),
            }
            taken = begun.body.take(input.bytes(), |content| {
                received += content.len() as u64;
                let at = input.last();
                link.exchanges
                    .requesting(|exchange| exchange.chunk(Side::Request, at, content));
            });
            // a server that takes no more may still answer: the rest is read, so that the client gets to hear it
            if !deaf {
                let wire = input.bytes().get(..taken.wire).unwrap_or_default();
                let sent = send_slowly(&mut server, wire, Side::Request, throttle).await;
                deaf = sent.is_err();
            }
            input.consume(taken.wire);
        }

        let trailers = begun.body.trailers();
        if !trailers.is_empty() {
            link.exchanges.requesting(|exchange| {
                if let Some(flow) = &exchange.flow {
                    flow.head(HeadKind::RequestTrailers, input.last(), trailers);
                }
            });
        }
        link.exchanges.request_done(input.last());
        if begun.switches
            && let Some(turn) = verdict(link, &mut client, input).await
        {
            return turn;
        }
        if begun.last || deaf {
            // the response direction ends this, unless the client does
            return no_more(link, &mut client, input).await;
        }
    }
}

/// Reads the next request and begins its exchange.
async fn next<C, S>(
    link: &Link<'_, C, S>,
    client: &mut Half<'_, C>,
    input: &mut Input,
) -> Result<Begun, Turn>
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    if let Some(turn) = not_too_far(link, client, input).await {
        return Err(turn);
    }
    let mut reader = HeadReader::default();
    match read_head(client, input, &mut reader, link.exchanges.until_idle()).await {
        Awaited::Idle => return Err(Turn::Idle),
        Awaited::Head => {}
        Awaited::Closed => return Err(silent(link).await),
        Awaited::Cut | Awaited::Bad(_) => {
            link.exchanges.until_idle().await;
            return Err(Turn::Request);
        }
        Awaited::Reset(error) => return Err(Turn::ClientReset(error)),
    }
    if link.stop.is_cancelled() {
        return pending().await;
    }
    link.journal.recorder.room().await;
    let set = link.rules.current();
    let begun = match set {
        // a request that rules touch is taken apart when those before it are answered
        Some(set) if touched(link, input, &reader, &set) => None,
        set => begin(link, input, &reader, set),
    };
    match begun {
        Some(begun) => Ok(begun),
        None => {
            link.exchanges.until_idle().await;
            Err(Turn::Request)
        }
    }
}

/// Whether rules touch the request at the beginning of the input.
fn touched<C, S>(link: &Link<'_, C, S>, input: &Input, reader: &HeadReader, set: &Set) -> bool {
    // an answer of this program's own is no flow
    if link.place.server.is_none() || !set.touches_requests(&link.place.target.host) {
        return false;
    }
    let Ok(head) = reader.request(input.bytes()) else {
        return false;
    };
    let absolute = link.named.then(|| absolute_for(link, &head)).flatten();
    let start = link
        .journal
        .start(&head, absolute.as_ref(), link.place, input.first());
    let row = link.journal.preview(start, &head);
    let passing = Passing {
        flow: &row,
        heads: &[head.bytes],
        body: None,
    };
    !set.on_request(passing).is_empty()
}

/// The client sends nothing more: it may still wait for answers, or be gone.
async fn silent<C, S>(link: &Link<'_, C, S>) -> Turn
where
    S: AsyncWrite + Unpin,
{
    let answered = async {
        let idle = link.exchanges.until_idle();
        if timeout(GRACE, idle).await.is_err() {
            link.exchanges.change(|state| state.left = true);
            // what a server makes of that is its own decision, as without a proxy
            let _ = Half(link.server).shutdown().await;
            // what waits for a person would wait for a client that is gone
            let over = |state: &State| state.queue.is_empty() || state.held;
            link.exchanges.until(over).await;
        }
        Turn::ClientClosed
    };
    tokio::select! {
        biased;
        turn = answered => turn,
        () = gone(link.ends) => Turn::ClientCut(gave_up()),
    }
}

/// Ends when the client, which sends nothing more and waits for an answer, is taken to be gone.
pub(crate) async fn left(ends: Option<(SocketAddr, SocketAddr)>) {
    tokio::select! {
        () = sleep(GRACE) => {}
        () = gone(ends) => {}
    }
}

/// Ends when the client, which sends nothing more, is known to listen no more either.
async fn gone(ends: Option<(SocketAddr, SocketAddr)>) {
    match ends {
        Some((client, local)) => apps::gone(client, local).await,
        None => pending().await,
    }
}

pub(crate) fn gave_up() -> Failure {
    let text = "The client gave up before the exchange was complete.";
    failed(FailureCause::Closed, Party::Client, text)
}

/// Nothing that the client sends from here on is forwarded; it is read to hear of its end.
async fn no_more<C, S>(link: &Link<'_, C, S>, client: &mut Half<'_, C>, input: &mut Input) -> Turn
where
    C: AsyncRead + Unpin,
    S: AsyncWrite + Unpin,
{
    loop {
        input.consume(usize::MAX);
        match input.fill(client).await {
            Ok(0) => return silent(link).await,
            Ok(_) => {}
            Err(error) => return Turn::ClientReset(error),
        }
    }
}

/// Waits while so many requests are unanswered that no more are taken; meanwhile only a little is read, to hear of
/// a client's reset.
async fn not_too_far<C, S>(
    link: &Link<'_, C, S>,
    client: &mut Half<'_, C>,
    input: &mut Input,
) -> Option<Turn>
where
    C: AsyncRead + Unpin,
{
    let mut fewer = pin!(
        link.exchanges
            .until(|state| state.queue.len() < MOST_UNANSWERED)
    );
    while input.bytes().len() < MOST_AHEAD {
        tokio::select! {
            biased;
            () = &mut fewer => return None,
            read = input.fill(client) => match read {
                // what it has sent before is answered
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => return Some(Turn::ClientReset(error)),
            },
        }
    }
    fewer.await;
    None
}

/// Waits for the answer to a request to switch protocols: what follows is HTTP only if the server refuses. None
/// when it has refused.
async fn verdict<C, S>(
    link: &Link<'_, C, S>,
    client: &mut Half<'_, C>,
    input: &mut Input,
) -> Option<Turn>
where
    C: AsyncRead + Unpin,
    S: AsyncWrite + Unpin,
{
    let mut answered = pin!(link.exchanges.until_idle());
    while input.bytes().len() < MOST_AHEAD {
        tokio::select! {
            biased;
            () = &mut answered => return None,
            read = input.fill(client) => match read {
                Ok(0) => return Some(silent(link).await),
                Ok(_) => {}
                Err(error) => return Some(Turn::ClientReset(error)),
            },
        }
    }
    answered.await;
    None
}

/// What waiting for a request's head came to.
pub(crate) enum Awaited {
    /// It is whole.
    Head,
    /// The client has closed instead.
    Closed,
    /// The client has closed in the middle of it.
    Cut,
    /// It is no head.
    Bad(Problem),
    /// The client's connection broke.
    Reset(io::Error),
    /// The client said nothing for [`IDLE`].
    Idle,
}

/// Reads until `input` begins with a whole head. `idle` says since when nothing else happens on the connection: a
/// client that says nothing for [`IDLE`] from then on has forgotten it.
pub(crate) async fn read_head<R: AsyncRead + Unpin>(
    client: &mut R,
    input: &mut Input,
    reader: &mut HeadReader,
    idle: impl Future<Output = ()>,
) -> Awaited {
    let mut forgotten = pin!(async {
        idle.await;
        sleep(IDLE).await;
    });
    let mut end = None;
    loop {
        if !input.is_empty() {
            match reader.request_ready(input.bytes()) {
                Ok(true) => return Awaited::Head,
                Ok(false) => {}
                Err(problem) => return Awaited::Bad(problem),
            }
        }
        if input.is_given_up() {
            return Awaited::Bad(Problem::SlowHead { limit: SLOW });
        }
        let begun = !HeadReader::is_blank(input.bytes());
        if begun {
            end = end.or_else(|| Some(Instant::now() + SLOW));
        }
        let late = async {
            match end {
                Some(end) => sleep_until(end).await,
                None => pending().await,
            }
        };
        let read = tokio::select! {
            biased;
            read = input.fill(client) => read,
            () = late => {
                input.give_up();
                continue;
            }
            () = &mut forgotten, if !begun => return Awaited::Idle,
        };
        match read {
            Ok(0) if HeadReader::is_blank(input.bytes()) => return Awaited::Closed,
            Ok(0) => match HeadReader::cut_request(input.bytes()) {
                Some(problem) => return Awaited::Bad(problem),
                None => return Awaited::Cut,
            },
            Ok(_) => {}
            Err(error) => return Awaited::Reset(error),
        }
    }
}

/// A request that is being forwarded.
struct Begun {
    body: Body,
    /// Bytes of its head in the input, empty lines before it included.
    head: usize,
    /// The head as it goes on, when that is not as it came.
    rewritten: Option<Vec<u8>>,
    /// Nothing follows it.
    last: bool,
    /// It asks for another protocol.
    switches: bool,
    /// How slow it is made.
    throttle: Option<Arc<Throttle>>,
}

/// Begins the exchange of a request that rules have changed.
fn begin_prepared<C, S>(link: &Link<'_, C, S>, prepared: Prepared) -> Begun {
    let Prepared {
        exchange,
        head,
        body,
        ..
    } = prepared;
    let begun = Begun {
        body,
        head: 0,
        rewritten: Some(match link.forward {
            Some(forward) => {
                let head = plain::for_proxy(&head, link.place.target);
                plain::with_credentials(head, forward.authorization().as_deref())
            }
            None => head,
        }),
        last: exchange.last,
        switches: exchange.upgrade.is_some(),
        throttle: exchange.throttle(),
    };
    link.exchanges.change(|state| {
        state.resend.clear();
        state.queue.push_back(exchange);
    });
    begun
}

/// Begins the exchange of the request at the beginning of the input; `None` when that request is not for this server.
fn begin<C, S>(
    link: &Link<'_, C, S>,
    input: &Input,
    reader: &HeadReader,
    set: Option<Arc<Set>>,
) -> Option<Begun> {
    let head = reader.request(input.bytes()).ok()?;
    let absolute = if link.named {
        Some(absolute_for(link, &head)?)
    } else {
        None
    };
    let body = Body::of_request(&head.fields, head.version).ok()?;
    let rewritten = match (&absolute, link.forward, link.host) {
        (Some(_), Some(_), _) | (None, Some(_), None) => {
            Some(plain::for_proxy(head.bytes, link.place.target))
        }
        // in the place of a server, which is reached through another proxy
        (None, Some(_), Some(host)) => {
            let named = plain::with_host(head.bytes, host);
            let head = named.as_deref().unwrap_or(head.bytes);
            Some(plain::for_proxy(head, link.place.target))
        }
        (Some(absolute), None, _) => Some(plain::forwarded(&head, absolute)),
        (None, None, Some(host)) => plain::with_host(head.bytes, host),
        (None, None, None) => None,
    };
    let asked = match head.method {
        "HEAD" => Asked::Head,
        "CONNECT" => Asked::Connect,
        _ => Asked::Other,
    };
    let goes = rewritten.as_deref().unwrap_or(head.bytes);
    let offer = Offer::of(&head, asked, goes, link.journal.built);
    let (upgrade, declined) = (offer.upgrade, offer.without_h2c.is_some());
    let rewritten = offer.without_h2c.or(rewritten);
    let sent = rewritten.as_deref().unwrap_or(head.bytes);

    // an answer of this program's own is no flow
    let flow = link.place.server.map(|_| {
        let first = input.first();
        let flow = link
            .journal
            .request(&head, absolute.as_ref(), link.place, first);
        if rewritten.is_some() {
            flow.head(HeadKind::RequestSent, input.last(), sent);
        }
        if declined {
            flow.edit(record::declined);
        }
        flow
    });
    // what proves to another proxy who we are is recorded nowhere
    let rewritten = match (rewritten, link.forward) {
        (Some(head), Some(forward)) => Some(plain::with_credentials(
            head,
            forward.authorization().as_deref(),
        )),
        (rewritten, _) => rewritten,
    };
    let sent = rewritten.as_deref().unwrap_or(head.bytes);
    let last = !persists(head.version, head.fields.close, head.fields.keep_alive);
    let seen = set.filter(|set| flow.is_some() && set.touches_responses(&link.place.target.host));
    let seen = seen.map(|set| {
        Box::new(Seen {
            set,
            head: head.bytes.to_vec(),
            asked: None,
            log: Log::default(),
            throttle: None,
        })
    });
    let exchange = Exchange {
        flow,
        opening: Opening::of(upgrade, head.bytes),
        seen,
        asked,
        upgrade,
        format: format_of(&head),
        last,
        repeatable: upgrade.is_none()
            && body.is_done()
            && matches!(head.method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "DELETE"),
        request_done: false,
        response_begun: false,
        response_done: false,
    };
    link.exchanges.change(|state| {
        state.resend.clear();
        if link.named && exchange.repeatable && state.served > 0 && state.queue.is_empty() {
            state.resend.extend_from_slice(sent);
        }
        state.queue.push_back(exchange);
    });
    Some(Begun {
        body,
        head: head.skipped + head.bytes.len(),
        rewritten,
        last,
        switches: upgrade.is_some(),
        throttle: None,
    })
}

/// How a client wants to hear of a failure of its request.
pub(crate) fn format_of(head: &RequestHead<'_>) -> Format {
    Format {
        html: head.fields.html,
        head: head.method == "HEAD",
    }
}

/// Whether a request that names this server is from the user who may ask for it; the proxy's own page is for all.
pub(crate) fn is_known(head: &RequestHead<'_>, target: &Target, user: Option<&ProxyUser>) -> bool {
    let given = head.fields.proxy_authorization;
    user.is_none_or(|user| {
        is_site(&target.host, target.port) || given.is_some_and(|given| user.is_named_in(given))
    })
}

fn absolute_for<'b, C, S>(link: &Link<'_, C, S>, head: &RequestHead<'b>) -> Option<Absolute<'b>> {
    match target::form(head.method, head.target) {
        Ok(Form::Absolute(absolute)) if absolute.target == *link.place.target => {
            // who is not known is told so where the next request is looked at
            is_known(head, &absolute.target, link.user).then_some(absolute)
        }
        _ => None,
    }
}

/// Waits until the requests before the one that is being forwarded have their responses.
async fn alone<C, S>(link: &Link<'_, C, S>, turn: Turn) -> Turn {
    link.exchanges.until(|state| state.queue.len() <= 1).await;
    turn
}

fn cut<C, S>(link: &Link<'_, C, S>, received: u64) -> Turn {
    let text = format!(
        "The client closed its connection after {received} bytes of the request's body, before the end that the \
         request announced."
    );
    let failure = failed(FailureCause::Closed, Party::Client, text);
    match link.exchanges.read(|state| state.awaited().is_some()) {
        true => Turn::ClientCut(failure),
        // the answer did not wait for the rest, and the client knows it
        false => Turn::ClientClosed,
    }
}
