//! Rules that are kept, and what they made of a flow.

use crate::support::*;
use overhear_store::{
    Side,
    filter::Filter,
    read::FlowQuery,
    rule::{Action, Done, Rule, RuleId, Stage},
};

fn rule(name: &str) -> Rule {
    Rule {
        name: name.to_owned(),
        group: "g".to_owned(),
        on: true,
        filter: "host:a".to_owned(),
        stage: Stage::Response,
        sender: None,
        actions: vec![Action::Delay { ms: 5 }],
    }
}

async fn names(fixture: &Fixture) -> Vec<(i64, String)> {
    let rules = fixture.store.rules().await.unwrap();
    rules
        .into_iter()
        .map(|stored| (stored.id.0, stored.rule.name))
        .collect()
}

#[tokio::test]
async fn rules_are_kept_in_their_order() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let ids = store.add_rules(vec![rule("a"), rule("b")]).await.unwrap();
    assert_eq!(ids, [RuleId(1), RuleId(2)]);
    store.add_rules(vec![rule("c")]).await.unwrap();
    assert_eq!(store.rules().await.unwrap()[0].rule, rule("a"));
    store.order_rules(vec![RuleId(3), RuleId(1)]).await.unwrap();
    let all = |all: &[(i64, &str)]| -> Vec<_> {
        all.iter()
            .map(|(id, name)| (*id, (*name).to_owned()))
            .collect()
    };
    assert_eq!(names(&fixture).await, all(&[(3, "c"), (1, "a"), (2, "b")]));
    let changed = Rule {
        on: false,
        ..rule("A")
    };
    assert!(store.change_rule(RuleId(1), changed.clone()).await.unwrap());
    assert!(!store.change_rule(RuleId(9), changed.clone()).await.unwrap());
    assert!(
        store.delete_rule(RuleId(3)).await.unwrap() && !store.delete_rule(RuleId(3)).await.unwrap()
    );
    store.close().await.unwrap();
    let again = open(fixture.path(), false).await;
    let rules = again.rules().await.unwrap();
    assert_eq!(rules.iter().map(|s| s.id.0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(rules[0].rule, changed);
    // a number is not used again
    assert_eq!(
        again.replace_rules(vec![rule("n")]).await.unwrap(),
        [RuleId(4)]
    );
    again.close().await.unwrap();
}

#[tokio::test]
async fn what_rules_made_of_a_flow_is_read_and_goes_with_it() {
    let fixture = Fixture::new().await;
    let (store, recorder) = (&fixture.store, fixture.recorder());
    let flow = exchange(&recorder, "a.example", "/", 200);
    let id = flow.id();
    let done = |text: &str| Done {
        rule: 7,
        name: "r".to_owned(),
        stage: Stage::Request,
        action: "set-header".to_owned(),
        text: text.to_owned(),
        failed: false,
        flow: None,
    };
    flow.edit(|flow| {
        flow.rules = "r,other one".to_owned();
        flow.modified = true;
    });
    flow.sent_body(Side::Request, b"sent");
    flow.rules_did(&[done("first")]);
    store.flush().await.unwrap();
    // what is told again takes the place of what was told
    flow.rules_did(&[done("first"), done("second")]);
    flow.complete();
    store.flush().await.unwrap();
    let rewritten = store.rewritten(id).await.unwrap();
    assert_eq!(rewritten.done, [done("first"), done("second")]);
    assert_eq!(
        (rewritten.request_body, rewritten.response_body),
        (Some(4), None)
    );
    let sent = store.sent_body(id, Side::Request).await.unwrap();
    assert_eq!(sent.as_deref(), Some(&b"sent"[..]));
    assert_eq!(store.sent_body(id, Side::Response).await.unwrap(), None);
    for (filter, count) in [
        ("rule:r", 1),
        ("rule:\"other one\"", 1),
        ("rule:x", 0),
        ("rule:", 1),
        ("is:modified", 1),
    ] {
        let query = FlowQuery {
            filter: Some(Filter::parse(filter).unwrap()),
            ..FlowQuery::default()
        };
        assert_eq!(
            store.flows(&query).await.unwrap().flows.len(),
            count,
            "{filter}"
        );
    }

    assert_eq!(store.delete(&[id]).await.unwrap(), 1);
    while store.sent_body(id, Side::Request).await.unwrap().is_some() {
        // space is given back step by step, and nobody is told
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    // through a door that is shut nothing comes in
    let hidden = recorder.never().flow(start("hidden.example", "/"));
    hidden.sent_body(Side::Request, b"x");
    hidden.complete();
    store.flush().await.unwrap();
    assert_eq!(store.count(None).await.unwrap(), 0);
}
