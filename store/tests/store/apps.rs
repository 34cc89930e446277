//! Which program a client is: told late, and given to all that was recorded of it.

use crate::support::*;
use overhear_store::{
    App, Change,
    filter::Filter,
    read::{FlowQuery, Level, Which},
};

fn curl() -> App {
    App {
        name: "curl".to_owned(),
        pid: 4711,
    }
}

#[tokio::test]
async fn what_began_before_the_answer_and_after_it_has_the_name() {
    let fixture = Fixture::new().await;
    let (store, recorder) = (&fixture.store, fixture.recorder());
    let (asked, question) = recorder.ask_app(client());
    assert_eq!(question.client(), client());
    let connection = connection(&recorder);
    // over and written, over and unwritten, running and written, and begun with the answer there
    let ended = exchange(&recorder, "a.example", "/ended", 200);
    let mut ids = vec![ended.id()];
    ended.complete();
    let running = exchange(&recorder, "a.example", "/running", 200);
    ids.push(running.id());
    store.flush().await.unwrap();
    for id in &ids {
        assert_eq!(store.flow(*id).await.unwrap().unwrap().app, "");
    }
    let unwritten = exchange(&recorder, "a.example", "/unwritten", 200);
    ids.push(unwritten.id());
    unwritten.complete();
    let mut changes = store.changes();
    question.answer(curl());
    let late = exchange(&recorder, "a.example", "/late", 200);
    ids.push(late.id());
    late.complete();
    running.complete();
    let mut told = Vec::new();
    while !ids[..2].iter().all(|id| told.contains(id)) {
        if let Some(Change::Flows(flows)) = changes.next().await {
            told.extend(flows.iter().copied());
        }
    }
    store.flush().await.unwrap();
    for id in &ids {
        let flow = store.flow(*id).await.unwrap().unwrap();
        assert_eq!(flow.app, "curl", "{}", flow.path);
    }
    let read = store.connection(connection.id()).await.unwrap().unwrap();
    assert_eq!(read.app, Some(curl()));
    let filter = Filter::parse("app:=curl").unwrap();
    assert_eq!(store.count(Some(&filter)).await.unwrap(), 4);
    let all = Which::default();
    let nodes = store.tree(&all, &Level::Devices).await.unwrap().nodes;
    let [node] = &nodes[..] else {
        panic!("{nodes:?}");
    };
    assert_eq!(
        (&*node.name, &*node.key, node.count),
        ("curl", "app:curl", 4)
    );
    assert_eq!(node.filter, "app:=curl");
    let below = Level::Hosts {
        client: Some(node.key.clone()),
    };
    let hosts = store.tree(&all, &below).await.unwrap().nodes;
    assert_eq!((&*hosts[0].name, hosts[0].count), ("a.example", 4));
    assert_eq!(hosts[0].filter, "app:=curl host:=a.example");

    // the next connection from the same port is another client
    drop(asked);
    let other = exchange(&recorder, "a.example", "/other", 200);
    let id = other.id();
    other.complete();
    store.flush().await.unwrap();
    assert_eq!(store.flow(id).await.unwrap().unwrap().app, "");
    fixture.store.close().await.unwrap();
}

#[tokio::test]
async fn an_answer_after_the_end_of_the_connection_counts_and_none_is_none() {
    let fixture = Fixture::new().await;
    let (store, recorder) = (&fixture.store, fixture.recorder());
    let (asked, question) = recorder.ask_app(client());
    let first = connection(&recorder);
    let flow = exchange(&recorder, "a.example", "/", 200);
    let id = flow.id();
    flow.complete();
    let number = first.id();
    drop((first, asked));
    question.answer(curl());
    store.flush().await.unwrap();
    assert_eq!(store.flow(id).await.unwrap().unwrap().app, "curl");
    let read = store.connection(number).await.unwrap().unwrap();
    assert_eq!(read.app, Some(curl()));
    assert!(read.closed.is_some());

    let (asked, question) = recorder.ask_app(client());
    drop(question);
    let flow = exchange(&recorder, "a.example", "/", 200);
    let id = flow.id();
    flow.complete();
    drop(asked);
    store.flush().await.unwrap();
    assert_eq!(store.flow(id).await.unwrap().unwrap().app, "");
    // a deletion is not undone by an answer
    let (_asked, question) = recorder.ask_app(client());
    exchange(&recorder, "a.example", "/deleted", 200).complete();
    store.flush().await.unwrap();
    store.discard(&Which::default()).await.unwrap();
    question.answer(curl());
    store.flush().await.unwrap();
    let page = store.flows(&FlowQuery::default()).await.unwrap();
    assert_eq!(page.flows, []);
    fixture.store.close().await.unwrap();
}
