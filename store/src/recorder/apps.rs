//! The programs that make connections from this computer: who made which is asked for when a connection is accepted, and
//! told later, perhaps when its first flows are over.

use super::{
    live::{LiveConnection, LiveFlow},
    queue::{Command, Done, Queue},
};
use crate::{
    Recorder,
    changes::Change,
    flow::App,
    sqlite::{Database, Value},
    table::flows,
};
use parking_lot::Mutex;
use std::{collections::HashMap, mem, net::SocketAddr, sync::Arc};
use tokio::sync::oneshot;

/// Flows and connections of one client that wait for its name; the name of more stays unknown.
const MOST_WAITING: usize = 256;

/// What is known of the clients that are connected, by their address and port.
#[derive(Default)]
pub(crate) struct Apps(Mutex<HashMap<SocketAddr, Client>>);

/// What is known of a client's program.
pub(super) enum Known {
    Nothing,
    /// It may be known soon.
    Asked,
    App(App),
}

#[derive(Default)]
struct Client {
    app: Option<App>,
    /// It is still asked for.
    asked: bool,
    /// Its connection has ended; the answer is still awaited.
    gone: bool,
    flows: Vec<Arc<LiveFlow>>,
    connections: Vec<Arc<LiveConnection>>,
}

impl Apps {
    /// What is known of the program that is this client.
    pub(super) fn get(&self, client: SocketAddr) -> Known {
        match self.0.lock().get(&client) {
            None => Known::Nothing,
            Some(Client { app: Some(app), .. }) => Known::App(app.clone()),
            Some(known) if known.asked => Known::Asked,
            Some(_) => Known::Nothing,
        }
    }

    /// A flow that began without a name for its client: it gets it as soon as there is one.
    pub(super) fn wait(&self, queue: &Queue, client: SocketAddr, flow: &Arc<LiveFlow>) {
        let late = {
            let mut clients = self.0.lock();
            match clients.get_mut(&client) {
                Some(known) if known.asked && known.flows.len() < MOST_WAITING => {
                    known.flows.push(flow.clone());
                    None
                }
                Some(known) => known.app.clone(),
                None => None,
            }
        };
        if let Some(app) = late {
            name(queue, &app, vec![flow.clone()], Vec::new());
        }
    }

    /// The same for a connection.
    pub(super) fn wait_connected(
        &self,
        queue: &Queue,
        client: SocketAddr,
        connection: &Arc<LiveConnection>,
    ) {
        let late = {
            let mut clients = self.0.lock();
            match clients.get_mut(&client) {
                Some(known) if known.asked && known.connections.len() < MOST_WAITING => {
                    known.connections.push(connection.clone());
                    None
                }
                Some(known) => known.app.clone(),
                None => None,
            }
        };
        if let Some(app) = late {
            name(queue, &app, Vec::new(), vec![connection.clone()]);
        }
    }
}

/// A client on this computer whose program is asked for. Dropping it says that its connection has ended.
pub struct AskedApp {
    recorder: Recorder,
    client: SocketAddr,
}

/// The question which program a client is. Dropped, it stays unknown.
pub struct AppQuestion {
    recorder: Recorder,
    client: SocketAddr,
    answered: bool,
}

impl Recorder {
    /// Says that it is being asked which program has this address and port. What is recorded of the client gets the name
    /// with the answer, also what has ended by then.
    pub fn ask_app(&self, client: SocketAddr) -> (AskedApp, AppQuestion) {
        let asked = Client {
            asked: true,
            ..Client::default()
        };
        self.queue.apps.0.lock().insert(client, asked);
        let recorder = self.clone();
        let question = AppQuestion {
            recorder: recorder.clone(),
            client,
            answered: false,
        };
        (AskedApp { recorder, client }, question)
    }
}

impl AppQuestion {
    /// Whose program is asked for.
    pub fn client(&self) -> SocketAddr {
        self.client
    }

    /// Tells which it is.
    pub fn answer(mut self, app: App) {
        self.end(Some(app));
    }

    fn end(&mut self, app: Option<App>) {
        self.answered = true;
        let queue = &self.recorder.queue;
        let (flows, connections) = {
            let mut clients = queue.apps.0.lock();
            let Some(known) = clients.get_mut(&self.client) else {
                return;
            };
            known.asked = false;
            known.app.clone_from(&app);
            let waiting = (
                mem::take(&mut known.flows),
                mem::take(&mut known.connections),
            );
            if known.gone {
                clients.remove(&self.client);
            }
            waiting
        };
        if let Some(app) = app {
            name(queue, &app, flows, connections);
        }
    }
}

impl Drop for AppQuestion {
    fn drop(&mut self) {
        if !self.answered {
            self.end(None);
        }
    }
}

impl Drop for AskedApp {
    fn drop(&mut self) {
        let mut clients = self.recorder.queue.apps.0.lock();
        if let Some(known) = clients.get_mut(&self.client) {
            known.gone = true;
            if !known.asked {
                clients.remove(&self.client);
            }
        }
    }
}

/// Gives what was recorded its name: what is not written yet is written with it, the rest is changed.
fn name(
    queue: &Queue,
    app: &App,
    flows: Vec<Arc<LiveFlow>>,
    connections: Vec<Arc<LiveConnection>>,
) {
    for live in connections {
        let mut state = live.state.lock();
        state.connection.app = Some(app.clone());
        let listed = mem::replace(&mut state.listed, true);
        drop(state);
        if !listed {
            queue.add_connection(live);
        }
    }
    let mut written = Vec::new();
    for live in flows {
        let mut state = live.state.lock();
        app.name.clone_into(&mut state.flow.app);
        if state.written && !state.unrecorded {
            written.push(live.id);
        }
    }
    if written.is_empty() {
        return;
    }
    written.sort_unstable();
    let name = app.name.clone();
    let work = move |database: &Database<'_>| {
        let mut statement = database.prepare(flows::NAME_APP)?;
        for id in &written {
            statement.run(&[Value::Int(id.0), Value::Text(&name)])?;
        }
        Ok(Done::told(Change::Flows(written.clone().into())))
    };
    // nobody waits for it
    let (done, _) = oneshot::channel();
    queue.ask(Command::Work(Box::new(work), done));
}
