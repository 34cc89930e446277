//! Promise: one filter language, the same in the API and on the command line.

use crate::support::{Nginx, Program, api::encode, api::json};

#[test]
fn every_word_of_it() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    program
        .curl()
        .args(["-H", "X-Colour: Teal", &origin.http("/hello.txt?q=lime")])
        .ok();
    program
        .curl()
        .args([
            "--data-binary",
            "needle in the hay",
            &origin.https("/upload"),
        ])
        .ok();
    program.curl().arg(origin.http("/data.json")).ok();
    program.curl().arg(origin.http("/teapot")).ok();
    program.curl().arg(origin.http("/missing")).ok();
    program.curl().arg("http://127.0.0.1:1/refused").run();
    program.api.wait_for("", 6);
    let json = program.api.flows("path:/data.json")[0]["id"].clone();
    let body = serde_json::json!({"tags": ["kept", "odd"], "comment": "look here"});
    program
        .api
        .expect(200, "PATCH", &format!("/api/flows/{json}"), Some(&body));

    let port = origin.plain;
    let cases = [
        ("", "refused missing teapot data upload hello"),
        ("hello", "hello"),
        ("teal", "hello"),
        ("\"x-colour: teal\"", "hello"),
        ("host:localhost", "missing teapot data upload hello"),
        ("host:127.0.0.1", "refused"),
        ("path:/data.json", "data"),
        ("path:*.json", "data"),
        ("path:/*.txt*", "hello"),
        ("url:lime", "hello"),
        (
            &format!("url:localhost:{port}"),
            "missing teapot data hello",
        ),
        ("method:POST", "upload"),
        ("method:post", "upload"),
        ("status:200", "data upload hello"),
        ("status:4xx", "missing teapot"),
        ("status:>=400", "refused missing teapot"),
        ("status:400..499", "missing teapot"),
        ("type:json", "data"),
        ("type:application/json", "data"),
        ("header:x-colour", "hello"),
        ("header:x-colour=teal", "hello"),
        ("body:needle", "upload"),
        ("body:\"good day\"", "data"),
        ("size:>40", "missing data upload"),
        ("duration:<60s", "refused missing teapot data upload hello"),
        ("duration:>60s", ""),
        (
            "client:127.0.0.1",
            "refused missing teapot data upload hello",
        ),
        ("kind:http", "refused missing teapot data upload hello"),
        ("kind:websocket", ""),
        ("error:refused", "refused"),
        ("error:*", "refused"),
        ("tag:odd", "data"),
        ("/h[aeiou]llo\\.txt/", "hello"),
        ("path:/^\\/(data|upload)/", "data upload"),
        ("not host:localhost", "refused"),
        ("method:POST or status:418", "teapot upload"),
        ("host:localhost not (status:200 or status:404)", "teapot"),
        ("host:localhost and status:200 and method:GET", "data hello"),
    ];
    let mut wrong = Vec::new();
    for (filter, expected) in cases {
        let answer = program.api.send(
            "GET",
            &format!("/api/flows?filter={}", encode(filter)),
            None,
        );
        let found = if answer.status() == 200 {
            let items = json_items(&answer);
            items
                .iter()
                .map(|path| path[1..].split(['.', '?']).next().unwrap())
                .collect::<Vec<_>>()
                .join(" ")
        } else {
            answer.text()
        };
        if found != expected {
            wrong.push(format!(
                "{filter:?}\n   expected {expected:?}\n   found    {found:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let listed = program
        .command("flows")
        .args(["method:POST or status:418", "--json"])
        .ok();
    assert_eq!(listed.json_lines().len(), 2);
}

fn json_items(answer: &crate::support::http::Message) -> Vec<String> {
    let answer = json(answer);
    let items = answer["items"].as_array().unwrap();
    items
        .iter()
        .map(|flow| flow["path"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_wrong_filter_is_shown_where_it_is_wrong() {
    let program = Program::start();
    for (filter, offset) in [
        ("status:abc", 7),
        ("host:a (method:GET", 7),
        ("statsu:200", 0),
        ("not", 3),
        ("/un(closed/", 0),
        ("a or", 4),
        (")", 0),
    ] {
        let answer = program.api.send(
            "GET",
            &format!("/api/flows?filter={}", encode(filter)),
            None,
        );
        assert_eq!(answer.status(), 400, "{filter}: {}", answer.text());
        assert!(
            answer
                .field("content-type")
                .unwrap()
                .starts_with("application/problem+json")
        );
        let problem = json(&answer);
        assert_eq!(problem["status"], 400);
        let place = &problem["filter"];
        assert!(place["message"].as_str().unwrap().len() > 10, "{problem}");
        assert!(place["length"].as_u64().unwrap() >= 1, "{problem}");
        let found = place["offset"].as_u64().unwrap();
        assert!(
            found.abs_diff(offset) <= 4,
            "{filter:?}: expected about {offset}: {problem}"
        );
        let cli = program.command("flows").arg("--").arg(filter).run();
        assert_eq!(cli.status.code(), Some(2), "{filter}: {}", cli.err);
        assert!(
            cli.err.contains(place["message"].as_str().unwrap()),
            "{}",
            cli.err
        );
    }
}
