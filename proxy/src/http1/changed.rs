//! A response that rules touch: held where they look at its body, changed, and written again.

use crate::{
    http1::{
        framing::Body,
        half::Half,
        input::Input,
        link::{Link, Turn},
        response::{chunk, more, record},
        send_slowly,
    },
    intercept::{
        self, Asked, At, Content, Log, MOST_BODY, Message, Plan, Room, Seen, Verdict, finished,
        needs_body, type_of, waits,
    },
    words::failed,
};
use overhear_store::{
    Failure, FailureCause, Flow, FlowId, HeadKind, Party, Side, Timestamp, rule::How,
};
use tokio::io::{AsyncRead, AsyncWrite};

/// A response, and what touches it.
pub(crate) struct Touched {
    pub(crate) plan: Plan,
    pub(crate) message: Message,
    /// Its head as it came.
    pub(crate) head: Vec<u8>,
    /// The digit behind the point of its version.
    pub(crate) minor: u8,
    /// It answers a HEAD: whatever it says, it has no body.
    pub(crate) is_head: bool,
}

/// The rules that touch the response at the front.
pub(crate) fn plan<C, S>(link: &Link<'_, C, S>, head: &[u8]) -> Option<Plan> {
    link.exchanges.read(|state| {
        let exchange = state.awaited()?;
        let (seen, flow) = (exchange.seen.as_ref()?, exchange.flow.as_ref()?);
        Some(intercept::on_response(seen, flow, head)).filter(|plan| !plan.is_empty())
    })
}

/// Sends the head, and the body as far as it was held; gives how many bytes of content came, and whether nothing may follow.
/// What `body` still lacks passes as it comes.
pub(crate) async fn forward<C, S>(
    link: &Link<'_, C, S>,
    input: &mut Input,
    body: &mut Body,
    touched: Touched,
) -> Result<(u64, bool), Turn>
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let Touched {
        plan,
        mut message,
        head,
        minor,
        is_head,
    } = touched;
    let mut held = Held::default();
    if needs_body(&plan, &message) && !is_head && !body.is_done() {
        held = hold(link, input, body).await?;
        message.body = match held.whole {
            false => Content::Unseen(format!("it is larger than {} MiB", MOST_BODY >> 20)),
            true => {
                let coding = message.first("content-encoding").unwrap_or_default();
                match intercept::decoded(coding, std::mem::take(&mut held.content)).await {
                    Ok(content) => Content::Held(content),
                    Err(why) => Content::Unseen(why),
                }
            }
        };
    } else if body.is_done() {
        message.body = match is_head {
            true => Content::Unseen("a response to HEAD has none".to_owned()),
            false => Content::Held(Vec::new()),
        };
    }

    let mut work = Work::take(link, &plan);
    let waits = waits(&plan);
    link.exchanges.change(|state| state.held = waits);
    let verdict = intercept::run(
        &plan,
        &mut message,
        &work.asked,
        &mut work.log,
        &mut work.throttle,
        At {
            room: &work.room,
            flow: work.flow,
            row: work.row.as_ref(),
            head: &work.head,
        },
    )
    .await;
    link.exchanges.change(|state| state.held = false);
    let replaced = match verdict {
        Verdict::Go => None,
        Verdict::Answer(answer) => Some(finished(answer)),
        Verdict::Block(how, rule) => {
            work.put_back(link);
            return Err(Turn::Blocked {
                reset: how == How::Reset,
                failure: blocked(&rule),
            });
        }
    };
    let throttle = work.throttle.clone();
    work.put_back(link);

    let is_replaced = replaced.is_some();
    let message = replaced.unwrap_or(message);
    let alone = message.as_written;
    let changed = message.head_changed || message.body_changed || is_replaced;
    let mut bytes = match changed {
        true => message.to_http1(minor),
        false => head,
    };
    if changed {
        let sent = bytes.clone();
        let (content_type, content_encoding) = type_of(&message);
        record(link, |flow| {
            flow.head(HeadKind::ResponseSent, Timestamp::now(), &sent);
            flow.edit(|flow| {
                flow.status = Some(message.status());
                flow.response.content_type = content_type;
                if !(message.body_changed || is_replaced) {
                    flow.response.content_encoding = content_encoding;
                }
            });
        });
    }
    match &message.body {
        Content::Held(content) if (message.body_changed || is_replaced) && !is_head => {
            bytes.extend_from_slice(content);
            record(link, |flow| flow.sent_body(Side::Response, content));
            // whatever the server still sends is not wanted, but it is recorded
            let mut received = held.received;
            while !body.is_done() {
                let dropped = take(link, input, body, None);
                received += dropped?;
                if body.is_done() || !more(link, input, body, received).await? {
                    break;
                }
            }
            *body = Body::NONE;
            held.received = received;
        }
        _ => bytes.extend_from_slice(&held.wire),
    }
    if held.whole && !body.is_done() {
        // it ended with the connection
        *body = Body::NONE;
    }
    let mut client = Half(link.client);
    let sent = send_slowly(&mut client, &bytes, Side::Response, throttle.as_deref()).await;
    match sent {
        Ok(()) => Ok((held.received, alone)),
        Err(error) => Err(Turn::ClientReset(error)),
    }
}

/// A body, as far as it was held.
#[derive(Default)]
struct Held {
    /// As it came.
    wire: Vec<u8>,
    content: Vec<u8>,
    received: u64,
    /// That is all.
    whole: bool,
}

async fn hold<C, S>(link: &Link<'_, C, S>, input: &mut Input, body: &mut Body) -> Result<Held, Turn>
where
    S: AsyncRead + Unpin,
{
    let mut held = Held::default();
    loop {
        held.received += take(link, input, body, Some((&mut held.wire, &mut held.content)))?;
        if body.is_done() {
            held.whole = true;
        } else if held.wire.len() > MOST_BODY {
            return Ok(held);
        } else if !more(link, input, body, held.received).await? {
            held.whole = true;
        }
        if held.whole {
            return Ok(held);
        }
    }
}

/// Takes what has come of a body; how many bytes of content that was. What cannot be read breaks it off.
fn take<C, S>(
    link: &Link<'_, C, S>,
    input: &mut Input,
    body: &mut Body,
    mut keep: Option<(&mut Vec<u8>, &mut Vec<u8>)>,
) -> Result<u64, Turn> {
    let mut received = 0;
    let taken = body.take(input.bytes(), |content| {
        received += content.len() as u64;
        chunk(link, input, content);
        if let Some((_, kept)) = &mut keep {
            kept.extend_from_slice(content);
        }
    });
    if let Some((wire, _)) = keep {
        wire.extend_from_slice(input.bytes().get(..taken.wire).unwrap_or_default());
    }
    input.consume(taken.wire);
    match taken.problem {
        Some(problem) => {
            let failure = problem.of_response(&link.place.target.to_string());
            Err(Turn::Broken(failure, body.framing().to_vec()))
        }
        None => Ok(received),
    }
}

/// A rule's work on the exchange at the front, taken out of the queue while it waits.
struct Work {
    asked: Asked,
    room: std::sync::Arc<Room>,
    flow: FlowId,
    row: Option<Flow>,
    /// The request's head as it came.
    head: Vec<u8>,
    log: Log,
    throttle: Option<std::sync::Arc<crate::intercept::throttle::Throttle>>,
}

impl Work {
    fn take<C, S>(link: &Link<'_, C, S>, plan: &Plan) -> Self {
        let mut work = Self {
            asked: Asked::default(),
            room: link.rules.room.clone(),
            flow: FlowId(0),
            row: None,
            head: Vec::new(),
            log: Log::default(),
            throttle: None,
        };
        link.exchanges.responding(|exchange| {
            let Some(seen) = &mut exchange.seen else {
                return;
            };
            let row = exchange
                .flow
                .as_ref()
                .map(|flow| (flow.id(), flow.get().method));
            let (id, method) = row.unwrap_or((FlowId(0), String::new()));
            work.flow = id;
            let flow = exchange.flow.as_ref();
            work.row = flow.and_then(|flow| intercept::row_for(plan, flow));
            if work.row.is_some() {
                work.head.clone_from(&seen.head);
            }
            work.asked = asked(seen, &method, link);
            work.log = std::mem::take(&mut seen.log);
            work.throttle.clone_from(&seen.throttle);
        });
        work
    }

    fn put_back<C, S>(mut self, link: &Link<'_, C, S>) {
        link.exchanges.responding(|exchange| {
            if let Some(flow) = &exchange.flow {
                self.log.record(flow);
            }
            if let Some(seen) = &mut exchange.seen {
                seen.log = self.log;
            }
        });
    }
}

fn asked<C, S>(seen: &Seen, method: &str, link: &Link<'_, C, S>) -> Asked {
    match &seen.asked {
        Some(asked) => asked.clone(),
        None => Asked::of(&Message::request(&seen.head, method, link.place.target)),
    }
}

/// A rule or a script does not let something pass.
pub(crate) fn blocked(who: &str) -> Failure {
    let text = format!("The {who} does not let this pass.");
    failed(FailureCause::Forbidden, Party::Proxy, text)
}
