//! `rules`: what is wrong is said with its place, and who watches hears of changes.

use crate::testing::Site;
use serde_json::{Value, json};

async fn problem(site: &Site, rule: &Value) -> Value {
    let answer = site.ask("POST", "/api/rules/preview", Some(rule.clone()));
    answer.await.problem(400)
}

#[tokio::test]
async fn a_problem_says_which_action_is_wrong() {
    let site = Site::new().await;
    let fine = json!({"do": "set-header", "name": "A", "value": "b"});
    let regex = json!({"do": "replace-body", "find": "(", "with": "", "regex": true});
    let elsewhere = json!({"do": "set-status", "status": 404});
    for (wrong, at) in [
        (json!([regex, fine]), 0),
        (json!([fine, regex]), 1),
        (json!([fine, fine, elsewhere]), 2),
    ] {
        let rule = json!({"name": "r", "actions": wrong});
        let told = problem(&site, &rule).await;
        assert_eq!(told["action"], at, "{told}");
    }
    // what is wrong with the rest is no action's
    for rule in [
        json!({"name": "", "actions": [fine]}),
        json!({"name": "r", "actions": []}),
        json!({"name": "r", "filter": "hots:x", "actions": [regex]}),
    ] {
        let told = problem(&site, &rule).await;
        assert_eq!(told["action"], Value::Null, "{told}");
    }
}
