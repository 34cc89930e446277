//! A script's thread, and the way to it.
//!
//! A question waits for its turn and for its answer no longer than two limits of time and two seconds, and then goes without.
//! What cannot be interrupted (there is next to nothing of the kind in QuickJS) holds up its own thread alone:
//! nothing is asked there any more, until the file is saved.

use super::{
    Console, Level, Limits, ScriptError,
    exchange::{Hook, Input, Output},
    runtime::{Clock, Loaded, Plan, Problem, STACK, Script, runtime},
};
use overhear_store::FlowId;
use parking_lot::Mutex;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::{sync::oneshot, time::timeout};

/// The most questions that wait for one script.
const MOST_WAITING: usize = 64;
/// What a call may take beyond its limit before it is taken for one that never ends: the clock is not asked at every step.
const GRACE: Duration = Duration::from_secs(2);

/// A script at work.
#[derive(Debug)]
pub(crate) struct Worker {
    name: String,
    limits: Limits,
    questions: SyncSender<Question>,
    shared: Arc<Shared>,
    console: Arc<Console>,
    pub(crate) loaded: Loaded,
}

/// A question, and where its answer goes.
#[derive(Debug)]
struct Question {
    input: Input,
    answer: oneshot::Sender<Result<Output, ScriptError>>,
}

/// What the thread and those who ask know of each other.
#[derive(Debug, Default)]
struct Shared {
    /// Since when the thread has been busy with one question.
    busy: Mutex<Option<Instant>>,
    /// Why nothing is asked any more.
    broken: Mutex<Option<ScriptError>>,
    calls: AtomicU64,
    failures: AtomicU64,
    nanoseconds: AtomicU64,
}

type First = oneshot::Sender<Result<Loaded, ScriptError>>;

/// How a life ended.
enum Ended {
    /// Nobody asks any more.
    Over,
    /// The script must begin anew.
    Renew,
    /// It cannot.
    Broken(ScriptError),
}

impl Worker {
    /// Loads a script on a thread of its own.
    pub(super) async fn start(
        name: &str,
        source: String,
        limits: Limits,
        console: Arc<Console>,
    ) -> Result<Self, ScriptError> {
        let (questions, receiver) = sync_channel(MOST_WAITING);
        let (first, loaded) = oneshot::channel();
        let shared = Arc::new(Shared::default());
        let plan = Plan {
            name: name.to_owned(),
            source,
            limits,
            console: console.clone(),
        };
        let known = shared.clone();
        let spawned = thread::Builder::new()
            .name("script".to_owned())
            .stack_size(2 * STACK)
            .spawn(move || work(&plan, &receiver, &known, first));
        if let Err(error) = spawned {
            return Err(format!("no thread can be had for it: {error}").into());
        }
        let loaded = match timeout(limits.time + GRACE, loaded).await {
            Ok(Ok(loaded)) => loaded?,
            Ok(Err(_)) => return Err("the engine gave up while it was loaded".to_owned().into()),
            Err(_) => {
                let text = "it does not end to be loaded, and cannot be interrupted";
                return Err(text.to_owned().into());
            }
        };
        Ok(Self {
            name: name.to_owned(),
            limits,
            questions,
            shared,
            console,
            loaded,
        })
    }

    /// Asks the script; an error is also said in the console.
    pub(crate) async fn call(&self, input: Input) -> Result<Output, ScriptError> {
        let (hook, flow) = (input.start.hook(), input.flow.id);
        let answer = self.ask(input).await;
        if let Err(error) = &answer {
            self.failed(hook, flow, &error.to_string());
        }
        answer
    }

    /// Counts and tells what went wrong with a call, also with what it gave.
    pub(crate) fn failed(&self, hook: Hook, flow: FlowId, why: &str) {
        self.shared.failures.fetch_add(1, Ordering::Relaxed);
        let text = format!("{}: {why}", hook.name());
        self.console
            .add(&self.name, Level::Error, &text, Some(flow));
    }

    async fn ask(&self, input: Input) -> Result<Output, ScriptError> {
        if let Some(broken) = self.broken() {
            return Err(broken);
        }
        let (answer, answered) = oneshot::channel();
        match self.questions.try_send(Question { input, answer }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                let text = format!("it was not asked: {MOST_WAITING} messages wait for it already");
                return Err(text.into());
            }
            Err(TrySendError::Disconnected(_)) => {
                return Err("its engine has given up".to_owned().into());
            }
        }
        let limit = self.limits.time;
        let most = limit.saturating_mul(2).saturating_add(GRACE);
        match timeout(most, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err("its engine gave up; it begins anew".to_owned().into()),
            Err(_) => {
                let busy = *self.shared.busy.lock();
                let hangs = busy.is_some_and(|since| since.elapsed() > limit + GRACE);
                if hangs {
                    let text = "it hangs in something that cannot be interrupted: it is not asked any more until its file is saved";
                    *self.shared.broken.lock() = Some(text.to_owned().into());
                    self.console.tell();
                    return Err(text.to_owned().into());
                }
                Err(
                    "its turn did not come in time: it takes too long for each message"
                        .to_owned()
                        .into(),
                )
            }
        }
    }

    /// What the script is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has this function.
    pub(crate) fn has(&self, hook: Hook) -> bool {
        self.loaded.has(hook)
    }

    /// Why nothing is asked any more.
    pub(super) fn broken(&self) -> Option<ScriptError> {
        self.shared.broken.lock().clone()
    }

    /// How often it was called, how many calls failed, and how long all took.
    pub(super) fn measures(&self) -> (u64, u64, Duration) {
        let shared = &self.shared;
        (
            shared.calls.load(Ordering::Relaxed),
            shared.failures.load(Ordering::Relaxed),
            Duration::from_nanos(shared.nanoseconds.load(Ordering::Relaxed)),
        )
    }
}

/// The thread: one life after the other, until nobody asks any more.
fn work(plan: &Plan, questions: &Receiver<Question>, shared: &Shared, first: First) {
    let mut first = Some(first);
    loop {
        let life = AssertUnwindSafe(|| live(plan, questions, shared, &mut first));
        let ended = catch_unwind(life).unwrap_or_else(|_| {
            let text = "its engine failed, which is a fault of overhear or of QuickJS";
            Ended::Broken(text.to_owned().into())
        });
        *shared.busy.lock() = None;
        match ended {
            Ended::Over => return,
            Ended::Renew => {
                let text = "the script begins anew; what it had kept is lost";
                plan.console.add(&plan.name, Level::Warn, text, None);
            }
            Ended::Broken(error) => {
                if let Some(first) = first.take() {
                    // whoever asked waits no longer
                    let _ = first.send(Err(error));
                    return;
                }
                let error = ScriptError {
                    text: format!("it is at an end: {}", error.text),
                    ..error
                };
                *shared.broken.lock() = Some(error.clone());
                plan.console.tell();
                for question in questions {
                    let _ = question.answer.send(Err(error.clone()));
                }
                return;
            }
        }
    }
}

fn live(
    plan: &Plan,
    questions: &Receiver<Question>,
    shared: &Shared,
    first: &mut Option<First>,
) -> Ended {
    let clock = Rc::new(Clock::default());
    let (_runtime, context) = match runtime(plan.limits, &clock) {
        Ok(made) => made,
        Err(error) => return Ended::Broken(error.to_string().into()),
    };
    context.with(|ctx| {
        *shared.busy.lock() = Some(Instant::now());
        let script = match Script::load(&ctx, plan, clock) {
            Ok(script) => script,
            Err(problem) => return Ended::Broken(problem.error()),
        };
        *shared.busy.lock() = None;
        if let Some(first) = first.take()
            && first.send(Ok(script.loaded.clone())).is_err()
        {
            return Ended::Over;
        }
        for Question { input, answer } in questions {
            // whoever does not wait any more has gone without
            if answer.is_closed() {
                continue;
            }
            let begun = Instant::now();
            *shared.busy.lock() = Some(begun);
            let result = script.call(&input);
            *shared.busy.lock() = None;
            let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
            shared.nanoseconds.fetch_add(took, Ordering::Relaxed);
            shared.calls.fetch_add(1, Ordering::Relaxed);
            let renews = result.as_ref().is_err_and(Problem::renews);
            // the client may be gone
            let _ = answer.send(result.map_err(Problem::error));
            if renews {
                return Ended::Renew;
            }
        }
        Ended::Over
    })
}
