//! The description: whole, and sound in itself.

use crate::testing::Site;
use serde_json::Value;
use std::collections::BTreeSet;

/// Every route, as `API` says.
const ROUTES: &[(&str, &[&str])] = &[
    ("/openapi.json", &["get"]),
    ("/flows", &["get", "patch", "delete"]),
    ("/flows/count", &["get"]),
    ("/flows/tree", &["get"]),
    ("/flows/timeline", &["get"]),
    ("/flows/undelete", &["post"]),
    ("/flows/{id}", &["get", "delete", "patch"]),
    ("/flows/{id}/request/body", &["get"]),
    ("/flows/{id}/response/body", &["get"]),
    ("/flows/{id}/request/head", &["get"]),
    ("/flows/{id}/response/head", &["get"]),
    ("/flows/{id}/messages", &["get", "post"]),
    ("/flows/{id}/messages/changed", &["get"]),
    ("/flows/{id}/analysis", &["get"]),
    ("/flows/{id}/findings", &["get"]),
    ("/flows/{id}/dns", &["get"]),
    ("/flows/{id}/position", &["get"]),
    ("/flows/{id}/packets", &["get"]),
    ("/flows/{id}/packets/{file}/{offset}", &["get"]),
    ("/flows/{id}/packets.pcapng", &["get"]),
    ("/flows/{id}/{side}/preview", &["get"]),
    ("/flows/{id}/{side}/search", &["get"]),
    ("/filter/fields", &["get"]),
    ("/filter/values", &["get"]),
    ("/sessions", &["get", "post"]),
    ("/sessions/{id}", &["patch", "delete"]),
    ("/sessions/compare", &["get"]),
    ("/recording", &["put"]),
    ("/offline", &["get", "put"]),
    ("/captures", &["get", "post"]),
    ("/captures/{id}", &["delete"]),
    ("/captures/kept", &["get"]),
    ("/captures/kept/{id}", &["delete"]),
    ("/captures/kept/{id}/packets", &["get"]),
    ("/captures/kept/{id}/packets/{file}/{offset}", &["get"]),
    ("/captures/kept/{id}/overview", &["get"]),
    ("/captures/kept/{id}/decrypt", &["post"]),
    ("/interfaces", &["get"]),
    ("/replay", &["post"]),
    ("/replay/runs", &["get", "post"]),
    ("/replay/runs/{id}", &["get", "delete"]),
    ("/replay/runs/{id}/results", &["get"]),
    ("/rules", &["get", "post", "patch"]),
    ("/rules/{id}", &["get", "put", "delete"]),
    ("/rules/order", &["put"]),
    ("/rules/preview", &["post"]),
    ("/rules/import", &["post"]),
    ("/rules.toml", &["get"]),
    ("/waiting", &["get"]),
    ("/waiting/{id}", &["get", "put"]),
    ("/waiting/{id}/continue", &["post"]),
    ("/waiting/{id}/drop", &["post"]),
    ("/waiting/{id}/answer", &["post"]),
    ("/waiting/continue", &["post"]),
    ("/scripts", &["get"]),
    ("/scripts/console", &["get", "delete"]),
    ("/scripts/types", &["get"]),
    ("/scripts/example", &["get"]),
    ("/export", &["get", "post"]),
    ("/import", &["post"]),
    ("/status", &["get"]),
    ("/devices", &["get"]),
    ("/devices/{address}", &["put"]),
    ("/settings", &["get", "patch"]),
    ("/settings/accepted-certificates/{host}", &["put", "delete"]),
    ("/settings/passed-hosts/{host}", &["put", "delete"]),
    ("/protobuf/descriptors", &["get"]),
    ("/ca.pem", &["get"]),
    ("/ca.crt", &["get"]),
    ("/ca.p12", &["get"]),
    ("/ca.mobileconfig", &["get"]),
    ("/qr.svg", &["get"]),
    ("/events", &["get"]),
];

#[tokio::test]
async fn every_route_is_described_and_answers() {
    let site = Site::new().await;
    let answer = site.get("/api/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let api = answer.json();
    let paths = api["paths"].as_object().expect("paths");
    let described: BTreeSet<_> = paths.keys().map(String::as_str).collect();
    assert_eq!(described, ROUTES.iter().map(|(path, _)| *path).collect());
    for &(path, methods) in ROUTES {
        let item = paths[path].as_object().expect("a path");
        let described: BTreeSet<_> = item.keys().map(String::as_str).collect();
        assert_eq!(described, methods.iter().copied().collect(), "{path}");
        let concrete = path
            .replace("{id}", "1")
            .replace("{side}", "response")
            .replace("{address}", "192.0.2.1")
            .replace("{host}", "a.test");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if path == "/events" && method == "GET" {
                continue;
            }
            let status = site
                .ask(method, &format!("/api{concrete}"), None)
                .await
                .status
                .as_u16();
            let described = methods.contains(&method.to_lowercase().as_str());
            assert_eq!(
                status != 405,
                described,
                "{method} {path} answered {status}"
            );
            if described {
                let responses = &item[&method.to_lowercase()]["responses"];
                assert!(
                    responses.get(status.to_string()).is_some(),
                    "{method} {path}: {status} is not described"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_description_is_sound() {
    let site = Site::new().await;
    let api = site.get("/api/openapi.json").await.json();
    assert!(
        api["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1")),
        "{}",
        api["openapi"]
    );
    for pointer in [
        "/info/title",
        "/info/version",
        "/servers/0/url",
        "/components/securitySchemes/token",
    ] {
        assert!(api.pointer(pointer).is_some(), "{pointer}");
    }
    let (mut ids, mut tags) = (BTreeSet::new(), BTreeSet::new());
    for (path, item) in api["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let place = format!("{method} {path}");
            assert!(
                operation["summary"].is_string() || operation["description"].is_string(),
                "{place}"
            );
            assert!(
                ids.insert(operation["operationId"].as_str().expect("an id").to_owned()),
                "{place}"
            );
            tags.extend(
                operation["tags"]
                    .as_array()
                    .expect("tags")
                    .iter()
                    .map(Value::to_string),
            );
            parameters(path, operation);
            for (status, response) in operation["responses"].as_object().expect("responses") {
                assert!(response["description"].is_string(), "{place} {status}");
                let number: u16 = status.parse().expect("a status");
                if number >= 400 {
                    assert!(
                        response
                            .pointer("/content/application~1problem+json/schema")
                            .is_some(),
                        "{place} {status}"
                    );
                }
            }
            for status in ["401", "403", "500"] {
                assert!(
                    operation["responses"].get(status).is_some(),
                    "{place} {status}"
                );
            }
        }
    }
    let listed: BTreeSet<_> = api["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .map(|tag| tag["name"].to_string())
        .collect();
    assert_eq!(listed, tags);
    references(&api, &api);
}

/// Every parameter of the path is described once, and none that is not in it.
fn parameters(path: &str, operation: &Value) {
    let named: BTreeSet<_> = path
        .split('{')
        .skip(1)
        .filter_map(|part| part.split('}').next())
        .collect();
    let mut described = BTreeSet::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().expect("a name");
        assert!(parameter["description"].is_string(), "{path} {name}");
        assert!(parameter["schema"].is_object(), "{path} {name}");
        if parameter["in"] == "path" {
            assert_eq!(parameter["required"], true);
            assert!(described.insert(name), "{path} {name}");
        }
    }
    assert_eq!(named, described, "{path}");
}

/// Every reference leads somewhere.
fn references(value: &Value, api: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref") {
                let pointer = reference
                    .as_str()
                    .and_then(|r| r.strip_prefix('#'))
                    .expect("a local reference");
                assert!(api.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            members.values().for_each(|member| references(member, api));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, api)),
        _ => {}
    }
}
