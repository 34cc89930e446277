//! One life of a script in QuickJS: it is loaded, and answers questions until it is replaced or must begin anew.
//!
//! After a call that took too long or too much memory nobody knows what state the script is in, so it begins
//! anew. QuickJS asks the clock every few thousand steps, also within a regular expression.

use super::{
    Console, Level, Limits, ScriptError,
    bytes::copied,
    exchange::{Asked, Edits, Hook, Input, Output, Sent, Start, Verdict},
};
use crate::intercept::{message_text, url_parts};
use overhear_store::FlowId;
use rquickjs::{
    CaughtError, Coerced, Context, Ctx, Exception, FromJs, Function, Module, Object, Promise,
    Runtime, TypedArray, Value, context::EvalOptions,
};
use std::{
    cell::Cell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

/// How much of the thread's stack the script may use: bytes.
pub(super) const STACK: usize = 2 << 20;

const PRELUDE: &str = include_str!("prelude.js");

/// What a life is made of.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) limits: Limits,
    pub(super) console: Arc<Console>,
}

/// What a script says of itself when it is loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Loaded {
    hooks: [bool; 3],
    pub(crate) filter: Option<String>,
    pub(crate) bodies: bool,
}

impl Loaded {
    pub(crate) fn has(&self, hook: Hook) -> bool {
        let mut known = Hook::ALL.into_iter().zip(self.hooks);
        known.any(|(one, there)| one == hook && there)
    }

    /// The names of the functions that it has.
    pub(crate) fn hooks(&self) -> impl Iterator<Item = &'static str> {
        let known = Hook::ALL.into_iter().zip(self.hooks);
        known
            .filter(|(_, there)| *there)
            .map(|(hook, _)| hook.name())
    }
}

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Problem {
    /// The script threw something.
    Thrown(ScriptError),
    /// It ran for too long.
    Time(Duration),
    /// It wanted too much memory.
    Memory(usize),
    /// It waits for what cannot happen.
    Never,
}

impl Problem {
    /// Whether the script must begin anew.
    pub(super) fn renews(&self) -> bool {
        matches!(self, Self::Time(_) | Self::Memory(_))
    }

    pub(super) fn error(self) -> ScriptError {
        match self {
            Self::Thrown(error) => error,
            Self::Time(limit) => format!(
                "it ran for longer than {} ms, which is its limit (--script-time), and was stopped; its state is lost",
                limit.as_millis()
            )
            .into(),
            Self::Memory(limit) => format!(
                "it wanted more than {} MiB of memory, which is its limit (--script-memory), and was stopped; its state is lost",
                limit >> 20
            )
            .into(),
            Self::Never => {
                "it waits for what never happens: scripts have no timers and no network".to_owned().into()
            }
        }
    }
}

/// When a call must end.
#[derive(Debug, Default)]
pub(super) struct Clock {
    until: Cell<Option<Instant>>,
    /// The call was stopped.
    cut: Cell<bool>,
}

impl Clock {
    fn start(&self, limit: Duration) {
        self.cut.set(false);
        self.until.set(Instant::now().checked_add(limit));
    }

    fn is_over(&self) -> bool {
        let over = self
            .until
            .get()
            .is_some_and(|until| Instant::now() >= until);
        if over {
            self.cut.set(true);
        }
        over
    }
}

/// A runtime with its limits.
pub(super) fn runtime(limits: Limits, clock: &Rc<Clock>) -> rquickjs::Result<(Runtime, Context)> {
    let runtime = Runtime::new()?;
    runtime.set_memory_limit(limits.memory);
    runtime.set_max_stack_size(STACK);
    let clock = clock.clone();
    runtime.set_interrupt_handler(Some(Box::new(move || clock.is_over())));
    let context = Context::full(&runtime)?;
    Ok((runtime, context))
}

/// A script that is loaded.
pub(super) struct Script<'js, 'p> {
    ctx: Ctx<'js>,
    plan: &'p Plan,
    clock: Rc<Clock>,
    /// Whose flow is talked about.
    flow: Rc<Cell<Option<FlowId>>>,
    call: Function<'js>,
    hooks: [Option<Function<'js>>; 3],
    pub(super) loaded: Loaded,
}

impl<'js, 'p> Script<'js, 'p> {
    pub(super) fn load(ctx: &Ctx<'js>, plan: &'p Plan, clock: Rc<Clock>) -> Result<Self, Problem> {
        clock.start(plan.limits.time);
        let flow = Rc::new(Cell::new(None));
        let loaded = load(ctx, plan, &clock, &flow);
        loaded.map_err(|error| problem(ctx, plan, &clock, error))?
    }

    /// Asks the script.
    pub(super) fn call(&self, input: &Input) -> Result<Output, Problem> {
        self.clock.start(self.plan.limits.time);
        self.flow.set(Some(input.flow.id));
        let asked = self.ask(input);
        let result = match asked {
            Ok(result) => result,
            Err(error) => Err(problem(&self.ctx, self.plan, &self.clock, error)),
        };
        self.flow.set(None);
        result
    }

    fn ask(&self, input: &Input) -> rquickjs::Result<Result<Output, Problem>> {
        let hook = input.start.hook();
        let mut known = Hook::ALL.into_iter().zip(&self.hooks);
        let Some((_, Some(function))) = known.find(|(one, _)| *one == hook) else {
            return Ok(Ok(Output::default()));
        };
        let data = data(&self.ctx, input)?;
        let value: Value = self.call.call((hook.name(), function.clone(), data))?;
        let value = match value.into_promise_or() {
            Err(value) => value,
            Ok(promise) => match settle(&self.ctx, &promise, &self.clock, self.plan)? {
                Ok(value) => value,
                Err(problem) => return Ok(Err(problem)),
            },
        };
        // what was begun and is not waited for
        while !self.clock.is_over() && self.ctx.execute_pending_job() {}
        if self.clock.cut.get() {
            return Ok(Err(Problem::Time(self.plan.limits.time)));
        }
        output(&Object::from_value(value)?).map(Ok)
    }
}

trait PromiseOr<'js>: Sized {
    fn into_promise_or(self) -> Result<Promise<'js>, Self>;
}

impl<'js> PromiseOr<'js> for Value<'js> {
    fn into_promise_or(self) -> Result<Promise<'js>, Self> {
        match self.as_promise().cloned() {
            Some(promise) => Ok(promise),
            None => Err(self),
        }
    }
}

fn load<'js, 'p>(
    ctx: &Ctx<'js>,
    plan: &'p Plan,
    clock: &Rc<Clock>,
    flow: &Rc<Cell<Option<FlowId>>>,
) -> rquickjs::Result<Result<Script<'js, 'p>, Problem>> {
    let prelude = prelude(ctx, plan, flow)?;
    let module = Module::declare(ctx.clone(), plan.name.as_str(), plan.source.as_str())?;
    let (module, evaluated) = module.eval()?;
    if let Err(problem) = settle(ctx, &evaluated, clock, plan)? {
        return Ok(Err(problem));
    }
    let exports = module.namespace()?;
    let mut hooks = [None, None, None];
    let mut loaded = Loaded::default();
    for (at, hook) in Hook::ALL.into_iter().enumerate() {
        let value: Value = exports.get(hook.name())?;
        let function = value.as_function().cloned();
        if function.is_none() && !value.is_undefined() {
            let text = format!("{} is exported, but it is no function", hook.name());
            return Ok(Err(Problem::Thrown(text.into())));
        }
        if let (Some(place), Some(there)) = (hooks.get_mut(at), loaded.hooks.get_mut(at)) {
            *there = function.is_some();
            *place = function;
        }
    }
    if loaded.hooks == [false; 3] {
        let text = "it exports none of onRequest, onResponse and onMessage: write export function onRequest(request, flow) { … }";
        return Ok(Err(Problem::Thrown(text.to_owned().into())));
    }
    let filter: Value = exports.get("filter")?;
    let bodies: Value = exports.get("bodies")?;
    let wrong = |text: &str| Ok(Err(Problem::Thrown(text.to_owned().into())));
    loaded.filter = match (filter.is_undefined(), filter.as_string()) {
        (true, _) => None,
        (false, Some(text)) => Some(text.to_string()?),
        (false, None) => return wrong("filter is exported, but it is no text"),
    };
    loaded.bodies = match (bodies.is_undefined(), bodies.as_bool()) {
        (true, _) => true,
        (false, Some(bodies)) => bodies,
        (false, None) => return wrong("bodies is exported, but it is neither true nor false"),
    };
    Ok(Ok(Script {
        ctx: ctx.clone(),
        plan,
        clock: clock.clone(),
        flow: flow.clone(),
        call: prelude.get("call")?,
        hooks,
        loaded,
    }))
}

/// Makes what scripts are given: `call`, and the classes by name.
pub(super) fn prelude<'js>(
    ctx: &Ctx<'js>,
    plan: &Plan,
    flow: &Rc<Cell<Option<FlowId>>>,
) -> rquickjs::Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    native.set("version", env!("CARGO_PKG_VERSION"))?;
    native.set("decode", Function::new(ctx.clone(), decode)?)?;
    native.set("encode", Function::new(ctx.clone(), encode)?)?;
    native.set("url", Function::new(ctx.clone(), url)?)?;
    let (console, name, flow) = (plan.console.clone(), plan.name.clone(), flow.clone());
    let log = move |level: String, text: String| {
        console.add(&name, Level::named(&level), &text, flow.get());
    };
    native.set("log", Function::new(ctx.clone(), log)?)?;
    let mut options = EvalOptions::default();
    options.filename = Some("overhear".to_owned());
    let make: Function = ctx.eval_with_options(PRELUDE, options)?;
    make.call((native,))
}

fn decode(ctx: Ctx<'_>, array: TypedArray<'_, u8>) -> rquickjs::Result<String> {
    match copied(&array) {
        Some(bytes) => Ok(message_text(&bytes)),
        None => Err(Exception::throw_type(&ctx, "the bytes were given away")),
    }
}

fn encode<'js>(ctx: Ctx<'js>, text: String) -> rquickjs::Result<TypedArray<'js, u8>> {
    TypedArray::new_copy(ctx, text.as_bytes())
}

fn url<'js>(ctx: Ctx<'js>, text: String) -> rquickjs::Result<Object<'js>> {
    let Some((scheme, host, port, path)) = url_parts(&text) else {
        let why = format!("{text:?} is no absolute URL of http or https");
        return Err(Exception::throw_type(&ctx, &why));
    };
    let parts = Object::new(ctx)?;
    parts.set("scheme", scheme)?;
    parts.set("host", host)?;
    parts.set("port", port)?;
    parts.set("path", path)?;
    Ok(parts)
}

/// Runs what is to be done until a promise is settled.
fn settle<'js>(
    ctx: &Ctx<'js>,
    promise: &Promise<'js>,
    clock: &Clock,
    plan: &Plan,
) -> rquickjs::Result<Result<Value<'js>, Problem>> {
    loop {
        if let Some(result) = promise.result::<Value<'js>>() {
            return result.map(Ok);
        }
        if clock.is_over() {
            return Ok(Err(Problem::Time(plan.limits.time)));
        }
        if !ctx.execute_pending_job() {
            return Ok(Err(match clock.cut.get() {
                true => Problem::Time(plan.limits.time),
                false => Problem::Never,
            }));
        }
    }
}

/// What went wrong, in words.
fn problem(ctx: &Ctx<'_>, plan: &Plan, clock: &Clock, error: rquickjs::Error) -> Problem {
    if clock.cut.get() {
        // nobody looks at it
        drop(ctx.catch());
        return Problem::Time(plan.limits.time);
    }
    let exception = match CaughtError::from_error(ctx, error) {
        CaughtError::Exception(exception) => exception,
        // what QuickJS throws when there is no room for an error
        CaughtError::Value(value) if value.is_null() => return Problem::Memory(plan.limits.memory),
        CaughtError::Value(value) => {
            let text = Coerced::<String>::from_js(ctx, value).map(|text| text.0);
            let text = text.unwrap_or_else(|_| "something that is no text".to_owned());
            return match clock.cut.get() {
                true => Problem::Time(plan.limits.time),
                false => Problem::Thrown(format!("it threw {text}").into()),
            };
        }
        CaughtError::Error(rquickjs::Error::Allocation) => {
            return Problem::Memory(plan.limits.memory);
        }
        CaughtError::Error(error) => return Problem::Thrown(error.to_string().into()),
    };
    let kind = exception.as_object().get::<_, Coerced<String>>("name");
    let kind = kind.map_or_else(|_| "Error".to_owned(), |kind| kind.0);
    let message = exception.message().unwrap_or_default();
    if kind == "InternalError" && message == "out of memory" {
        return Problem::Memory(plan.limits.memory);
    }
    let stack = exception.stack().unwrap_or_default();
    let (line, column) = place(&stack, &plan.name);
    Problem::Thrown(ScriptError {
        text: match message.is_empty() {
            true => kind,
            false => format!("{kind}: {message}"),
        },
        line,
        column,
    })
}

/// The first place in a stack that is in the script's file: `… (name:3:9)`.
pub(super) fn place(stack: &str, name: &str) -> (Option<u32>, Option<u32>) {
    let start = format!("{name}:");
    for line in stack.lines() {
        let Some(at) = line.find(&start) else {
            continue;
        };
        let rest = line.get(at + start.len()..).unwrap_or_default();
        let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
        let line = numbers.next().and_then(|number| number.parse().ok());
        let column = numbers.next().and_then(|number| number.parse().ok());
        if line.is_some() {
            return (line, column);
        }
    }
    (None, None)
}

fn data<'js>(ctx: &Ctx<'js>, input: &Input) -> rquickjs::Result<Object<'js>> {
    let start = Object::new(ctx.clone())?;
    match &input.start {
        Start::Request {
            method,
            scheme,
            host,
            port,
            path,
            version,
        } => {
            start.set("method", method.as_str())?;
            start.set("scheme", *scheme)?;
            start.set("host", host.as_str())?;
            start.set("port", *port)?;
            start.set("path", path.as_str())?;
            start.set("version", version.as_str())?;
        }
        Start::Response { status, reason } => {
            start.set("status", *status)?;
            start.set("reason", reason.as_str())?;
        }
        Start::Message { from_client, text } => {
            let (client, server) = ("client", "server");
            start.set("sender", if *from_client { client } else { server })?;
            start.set("kind", if *text { "text" } else { "binary" })?;
        }
    }
    let data = Object::new(ctx.clone())?;
    data.set("start", start)?;
    data.set("headers", pairs(&input.headers))?;
    match &input.body {
        Some(body) => data.set("body", TypedArray::new_copy(ctx.clone(), body)?)?,
        None => data.set("body", Value::new_null(ctx.clone()))?,
    }
    data.set("why", input.why.as_str())?;
    let flow = &input.flow;
    let about = Object::new(ctx.clone())?;
    about.set("id", flow.id.0)?;
    about.set("client", flow.client.as_str())?;
    about.set("app", flow.app.as_str())?;
    about.set("tags", flow.tags.clone())?;
    about.set("comment", flow.comment.as_str())?;
    about.set("highlight", flow.highlight.as_str())?;
    let Asked {
        method,
        url,
        headers,
    } = &flow.request;
    let asked = Object::new(ctx.clone())?;
    asked.set("method", method.as_str())?;
    asked.set("url", url.as_str())?;
    asked.set("headers", pairs(headers))?;
    about.set("request", asked)?;
    data.set("flow", about)?;
    Ok(data)
}

fn pairs(headers: &[(String, String)]) -> Vec<Vec<&str>> {
    let headers = headers.iter();
    headers
        .map(|(name, value)| vec![name.as_str(), value.as_str()])
        .collect()
}

fn output(made: &Object<'_>) -> rquickjs::Result<Output> {
    let verdict = match made.get::<_, Option<Object<'_>>>("verdict")? {
        None => None,
        Some(verdict) => match verdict.get::<_, String>("what")?.as_str() {
            "drop" => Some(Verdict::Drop),
            "block" => Some(Verdict::Block),
            _ => Some(Verdict::Answer(edits(&verdict)?)),
        },
    };
    let marks: Object<'_> = made.get("marks")?;
    Ok(Output {
        verdict,
        edits: edits(made)?,
        tags: marks.get("tags")?,
        comment: marks.get("comment")?,
        highlight: marks.get("highlight")?,
    })
}

fn edits(made: &Object<'_>) -> rquickjs::Result<Edits> {
    let headers: Option<Vec<Vec<String>>> = made.get("headers")?;
    let headers = headers.map(|headers| {
        let pairs = headers.into_iter().filter_map(|pair| {
            let mut pair = pair.into_iter();
            Some((pair.next()?, pair.next()?))
        });
        pairs.collect()
    });
    let body: Value<'_> = made.get("body")?;
    let body = match body.as_string() {
        Some(text) => Some(Sent::Text(text.to_string()?)),
        None if body.is_undefined() => None,
        None => copied(&TypedArray::from_value(body)?).map(Sent::Bytes),
    };
    Ok(Edits {
        method: made.get("method")?,
        url: made.get("url")?,
        status: made.get("status")?,
        reason: made.get("reason")?,
        headers,
        body,
    })
}
