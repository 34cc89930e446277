//! `flows`

use crate::testing::{Exchange, Site};
use serde_json::{Value, json};

#[tokio::test]
async fn the_list_is_paged_sorted_and_filtered() {
    let site = Site::new().await;
    for number in 0..5_u16 {
        let path = format!("/{number}?q=<script>");
        let body = vec![b'x'; usize::from(5 - number)];
        let host = if number % 2 == 0 {
            "even.test"
        } else {
            "odd.test"
        };
        let exchange = Exchange {
            host,
            path: &path,
            status: 200 + number,
            response_body: &body,
            ..Exchange::default()
        };
        site.record(exchange).await;
    }
    let ids = |page: &Value| -> Vec<i64> {
        let items = page["items"].as_array().expect("a list");
        items
            .iter()
            .map(|flow| flow["id"].as_i64().expect("a number"))
            .collect()
    };
    let page = site.get("/api/flows").await.json();
    assert_eq!(ids(&page), [5, 4, 3, 2, 1]);
    assert_eq!(page["next"], Value::Null);
    assert_eq!(page["items"][0]["url"], "https://even.test/4?q=<script>");
    assert_eq!(page["items"][0]["tls"], Value::Null);
    assert_eq!(page["items"][0]["request"].get("headers"), None);

    let first = site.get("/api/flows?limit=2&order=asc").await.json();
    assert_eq!(ids(&first), [1, 2]);
    let cursor = first["next"].as_str().expect("more");
    let second = site
        .get(&format!("/api/flows?limit=2&order=asc&cursor={cursor}"))
        .await
        .json();
    assert_eq!(ids(&second), [3, 4]);
    assert_eq!(
        ids(&site.get("/api/flows?order=asc&skip=3").await.json()),
        [4, 5]
    );
    assert_eq!(
        ids(&site
            .get("/api/flows?sort=size&order=desc&limit=2")
            .await
            .json()),
        [1, 2]
    );
    assert_eq!(
        ids(&site.get("/api/flows?sort=status").await.json()),
        [5, 4, 3, 2, 1]
    );
    for sort in [
        "duration", "host", "method", "path", "type", "client", "upload", "kind",
    ] {
        assert_eq!(
            ids(&site.get(&format!("/api/flows?sort={sort}")).await.json()).len(),
            5
        );
    }
    assert_eq!(
        ids(&site.get("/api/flows?filter=host%3Aodd.test").await.json()),
        [4, 2]
    );
    assert_eq!(
        ids(&site.get("/api/flows?filter=%20%20").await.json()).len(),
        5
    );
    assert_eq!(
        site.get("/api/flows/count").await.json(),
        json!({"count": 5})
    );
    assert_eq!(
        site.get("/api/flows/count?filter=status%3A%3E202")
            .await
            .json(),
        json!({"count": 2})
    );
    assert_eq!(
        ids(&site
            .get("/api/flows?ids=1,2,5&filter=host%3Aodd.test")
            .await
            .json()),
        [2]
    );
    let position = async |query: &str| {
        let answer = site.get(&format!("/api/flows/{query}")).await;
        answer.json()["position"].clone()
    };
    assert_eq!(position("4/position").await, 1);
    assert_eq!(position("4/position?order=asc").await, 3);
    assert_eq!(position("2/position?filter=host%3Aodd.test").await, 1);
    assert_eq!(
        position("3/position?filter=host%3Aodd.test").await,
        json!(null)
    );
    assert_eq!(position("9/position").await, json!(null));
}

#[tokio::test]
async fn bad_parameters_are_said_to_be_so() {
    let site = Site::new().await;
    for path in [
        "/api/flows?limit=0",
        "/api/flows?limit=1001",
        "/api/flows?limit=x",
        "/api/flows?skip=-1",
        "/api/flows?sort=colour",
        "/api/flows?order=up",
        "/api/flows?cursor=nonsense",
        "/api/flows?session=x",
        "/api/flows?ids=1,x",
        "/api/flows/count?session=1.5",
        "/api/flows/x/position",
        "/api/flows/tree?path=/a/",
        "/api/flows/tree?host=a.test&path=a",
        "/api/flows/timeline?buckets=0",
        "/api/flows/timeline?from=yesterday",
        "/api/flows/timeline?from=2026-11-21T13:05:00Z&to=2026-11-21T13:04:00Z",
        "/api/filter/values",
        "/api/filter/values?field=header",
        "/api/filter/values?field=host&limit=0",
        "/api/flows/x",
        "/api/flows/99999999999999999999",
        "/api/flows/1/messages?limit=0",
        "/api/flows/%ff",
    ] {
        site.get(path).await.problem(400);
    }
    site.ask("DELETE", "/api/flows?ids=1,x", None)
        .await
        .problem(400);
    site.ask("DELETE", "/api/flows?ids=1&filter=host:x", None)
        .await
        .problem(400);
    for path in [
        "/api/flows/7",
        "/api/flows/-1",
        "/api/flows/7/request/body",
        "/api/flows/7/response/head",
        "/api/flows/7/messages",
        "/api/nothing",
        "/api/flows?session=9",
        "/api/flows/count?session=9",
        "/api/flows/tree?session=9",
        "/api/flows/timeline?session=9",
        "/api/filter/values?field=host&session=9",
        "/api/events?session=9",
        "/api/",
        "/api",
    ] {
        site.get(path).await.problem(404);
    }
    site.ask("DELETE", "/api/flows/7", None).await.problem(404);
    site.ask("PATCH", "/api/flows/7", Some(json!({"comment": "x"})))
        .await
        .problem(404);
    site.ask("POST", "/api/flows", None).await.problem(405);
    site.ask("PUT", "/api/status", None).await.problem(405);
}

#[tokio::test]
async fn a_wrong_filter_gets_its_place() {
    let site = Site::new().await;
    for path in [
        "/api/flows?",
        "/api/flows/count?",
        "/api/flows/tree?",
        "/api/flows/timeline?",
        "/api/filter/values?field=host&",
        "/api/events?",
    ] {
        let problem = site
            .get(&format!("{path}filter=host%3Aa%20and%20%28"))
            .await
            .problem(400);
        assert_eq!(problem["type"], "urn:overhear:problem:filter");
        assert!(
            problem["filter"]["offset"]
                .as_u64()
                .is_some_and(|at| at >= 10),
            "{problem}"
        );
        assert!(
            problem["filter"]["length"]
                .as_u64()
                .is_some_and(|length| length >= 1)
        );
        assert!(problem["filter"]["message"].is_string());
    }
    let wrong = json!({"format": "har", "filter": "("});
    site.ask("POST", "/api/export", Some(wrong))
        .await
        .problem(400);
    site.ask("DELETE", "/api/flows?filter=%28", None)
        .await
        .problem(400);
}

#[tokio::test]
async fn the_detail_has_everything() {
    let site = Site::new().await;
    let evil = "<script>alert(1)</script>";
    let fields = format!("X-Evil: {evil}\r\nx-evil: 2\r\n");
    let id = site
        .record(Exchange {
            path: "/p",
            fields: &fields,
            response_fields: "Content-Type: text/html\r\n",
            ..Exchange::default()
        })
        .await;
    let answer = site.get(&format!("/api/flows/{id}")).await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("content-security-policy").contains("sandbox"));
    let flow = answer.json();
    assert_eq!(flow["request"]["start_line"], "GET /p HTTP/1.1");
    let headers = json!([["Host", "example.test"], ["X-Evil", evil], ["x-evil", "2"]]);
    assert_eq!(flow["request"]["headers"], headers);
    assert_eq!(flow["response"]["start_line"], "HTTP/1.1 200 Fine");
    assert_eq!(flow["tls"]["version"], "TLSv1.3");
    assert_eq!(flow["times"]["started"], "2026-11-21T01:02:03.025000000Z");
    assert_eq!(
        flow["connection"]["times"]["dns_start"],
        "2026-11-21T01:02:03.001000000Z"
    );
    let certificate = &flow["connection"]["client_tls"]["certificates"][0];
    assert_eq!(
        certificate["sha256"],
        site.authority.info().fingerprint.as_str()
    );
    assert_eq!(certificate["key"], "ECDSA P-256");
    assert_eq!(
        certificate["pem"],
        site.authority.pem().replace("\r\n", "\n")
    );
}

#[tokio::test]
async fn notes_are_put_on_and_taken_off() {
    let site = Site::new().await;
    let id = site.record(Exchange::default()).await;
    let path = format!("/api/flows/{id}");
    let noted = json!({"tags": ["slow", "slow", " two words "], "comment": "<b>look</b>"});
    let flow = site.ask("PATCH", &path, Some(noted)).await.json();
    assert_eq!(flow["tags"], json!(["slow", "two words"]));
    assert_eq!(flow["comment"], "<b>look</b>");
    let flow = site
        .ask("PATCH", &path, Some(json!({"tags": []})))
        .await
        .json();
    assert_eq!(
        (&flow["tags"], &flow["comment"]),
        (&json!([]), &json!("<b>look</b>"))
    );
    site.ask("PATCH", &path, Some(json!({"tags": ["a,b"]})))
        .await
        .problem(400);
    site.ask("PATCH", &path, Some(json!({"tags": 7})))
        .await
        .problem(422);
    site.ask("PATCH", &path, Some(json!({"colour": "red"})))
        .await
        .problem(422);
    site.ask("PATCH", &path, None).await.problem(415);
    let long = json!({"comment": "x".repeat(70_000)});
    site.ask("PATCH", &path, Some(long)).await.problem(400);
    let huge = json!({"comment": "x".repeat(3 << 20)});
    site.ask("PATCH", &path, Some(huge)).await.problem(413);
}

#[tokio::test]
async fn deleting() {
    let site = Site::new().await;
    for host in ["a.test", "a.test", "b.test", "c.test", "d.test"] {
        site.record(Exchange {
            host,
            response_body: b"a body",
            ..Exchange::default()
        })
        .await;
    }
    let delete = async |path: &str| {
        let answer = site.ask("DELETE", path, None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        let undo = answer["undo"].as_str().map(str::to_owned);
        (answer["deleted"].as_u64().expect("a number"), undo)
    };
    let count = async || site.get("/api/flows/count").await.json()["count"].clone();
    let (deleted, first) = delete("/api/flows?filter=host%3Aa.test").await;
    assert_eq!(deleted, 2);
    let (deleted, second) = delete("/api/flows?ids=3,99").await;
    assert_eq!(deleted, 1);
    assert_eq!(delete("/api/flows/4").await.0, 1);
    site.get("/api/flows/4").await.problem(404);
    assert_eq!(count().await, 1);
    // no number named is not every number, and nothing deleted is nothing to undo
    assert_eq!(delete("/api/flows?ids=").await, (0, None));
    let (deleted, rest) = delete("/api/flows").await;
    assert_eq!((deleted, count().await), (1, json!(0)));

    let undelete = async |undo: &Option<String>| {
        let undo = undo.as_deref().expect("an undo");
        site.ask("POST", "/api/flows/undelete", Some(json!({"undo": undo})))
            .await
    };
    for (undo, restored) in [(&rest, 1), (&first, 2)] {
        let answer = undelete(undo).await;
        assert_eq!(answer.json(), json!({"restored": restored}));
    }
    assert_eq!(count().await, 3);
    undelete(&first).await.problem(410);
    for unknown in ["", "x", "-1", "9223372036854775807"] {
        undelete(&Some(unknown.to_owned())).await.problem(404);
    }
    // whole, in its place
    let flow = site.get("/api/flows/2").await.json();
    assert_eq!(flow["response"]["start_line"], "HTTP/1.1 200 Fine");
    let body = site.get("/api/flows/2/response/body").await;
    assert_eq!(body.text(), "a body");
    assert!(flow["connection"].is_object());
    site.get("/api/flows/3").await.problem(404);
    assert_eq!(undelete(&second).await.json(), json!({"restored": 1}));
}

#[tokio::test]
async fn many_are_marked_at_once() {
    let site = Site::new().await;
    for host in ["a.test", "a.test", "b.test"] {
        site.record(Exchange {
            host,
            ..Exchange::default()
        })
        .await;
    }
    let patch = async |body: Value| site.ask("PATCH", "/api/flows", Some(body)).await;
    let marks =
        json!({"filter": "host:a.test", "add_tags": ["x", "y"], "color": "blue", "starred": true});
    assert_eq!(patch(marks).await.json(), json!({"changed": 2}));
    let marks = json!({"ids": [1, 3, 77], "remove_tags": ["x"], "add_tags": ["z"], "color": null});
    assert_eq!(patch(marks).await.json(), json!({"changed": 2}));
    let notes = async |id: i64| {
        let flow = site.get(&format!("/api/flows/{id}")).await.json();
        [&flow["tags"], &flow["color"], &flow["starred"]].map(Value::clone)
    };
    assert_eq!(
        notes(1).await,
        [json!(["y", "z"]), json!(null), json!(true)]
    );
    assert_eq!(
        notes(2).await,
        [json!(["x", "y"]), json!("blue"), json!(true)]
    );
    assert_eq!(notes(3).await, [json!(["z"]), json!(null), json!(false)]);
    let found = async |filter: &str| {
        let path = format!("/api/flows/count?filter={filter}");
        site.get(&path).await.json()["count"].clone()
    };
    assert_eq!(found("color%3Ablue").await, 1);
    assert_eq!(found("is%3Astarred").await, 2);
    assert_eq!(found("color%3A").await, 1);

    for wrong in [
        json!({"color": "red"}),
        json!({"ids": [1], "add_tags": ["a,b"]}),
        json!({"filter": "("}),
    ] {
        patch(wrong).await.problem(400);
    }
    for wrong in [
        json!({"ids": [1], "color": "pink"}),
        json!({"ids": [1], "star": true}),
        json!({"ids": ["1"]}),
    ] {
        patch(wrong).await.problem(422);
    }
    patch(json!({"ids": [1], "session": 99, "starred": true}))
        .await
        .problem(404);
    let one = site
        .ask(
            "PATCH",
            "/api/flows/3",
            Some(json!({"color": "grey", "starred": true})),
        )
        .await
        .json();
    assert_eq!(
        (&one["color"], &one["starred"]),
        (&json!("grey"), &json!(true))
    );
    let one = site
        .ask("PATCH", "/api/flows/3", Some(json!({"color": null})))
        .await
        .json();
    assert_eq!(
        (&one["color"], &one["starred"]),
        (&json!(null), &json!(true))
    );
}

#[tokio::test]
async fn a_redirection_and_a_replay_are_related() {
    let site = Site::new().await;
    let record = async |path: &str, status: u16, location: &str| {
        let fields = format!("Location: {location}\r\n");
        let exchange = Exchange {
            path,
            status,
            response_fields: &fields,
            ..Exchange::default()
        };
        site.record(exchange).await.0
    };
    let from = record("/old?a=b", 302, "../new?x=%20y#part").await;
    let other = record("/elsewhere", 200, "/new?x=%20y").await;
    let to = record("/new?x=%20y", 200, "").await;
    let again = record("/new?x=%20y", 200, "").await;
    let related = async |id: i64| {
        let flow = site.get(&format!("/api/flows/{id}")).await.json();
        flow["related"].clone()
    };
    let nothing =
        json!({"replays": [], "redirect_from": null, "redirect_to": null, "answered_with": null});
    assert_eq!(related(from).await["redirect_to"], to);
    assert_eq!(related(to).await["redirect_from"], from);
    assert_eq!(related(again).await, nothing);
    assert_eq!(related(other).await, nothing);
}
