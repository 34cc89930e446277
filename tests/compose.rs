//! Promise: a request is sent once or many times, in a chosen version, where it is redirected to, with others in order, and as the
//! opening of a WebSocket; and what comes of it is told in numbers and is in the list.

use crate::{
    clients::{websocket_conversation, websocket_server},
    support::{
        Nginx, Program, Run, Server,
        api::json,
        folder, http,
        program::{Setup, overhear},
        server::response,
        until,
    },
};
use serde_json::{Value, json};
use std::sync::{
    Arc, Condvar, Mutex,
    atomic::{AtomicUsize, Ordering},
};

pub fn send(program: &Program, request: &Value) -> Value {
    let answer = program
        .api
        .expect(202, "POST", "/api/replay", Some(request));
    let id = json(&answer)["flow"].as_i64().unwrap();
    ended(program, id)
}

fn ended(program: &Program, id: i64) -> Value {
    until("a flow to end", || {
        let flow = program.api.detail(id);
        (flow["state"] != "running").then_some(flow)
    })
}

/// Begins a run and waits for its end.
fn run(program: &Program, plan: &Value) -> Value {
    let answer = program
        .api
        .expect(201, "POST", "/api/replay/runs", Some(plan));
    over(program, &json(&answer)["id"])
}

fn over(program: &Program, id: &Value) -> Value {
    until("a run to end", || {
        let run = program.api.get(&format!("/api/replay/runs/{id}"));
        (run["state"] != "running").then_some(run)
    })
}

fn results(program: &Program, run: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    let mut skip = json!(0);
    while !skip.is_null() {
        let path = format!("/api/replay/runs/{}/results?limit=7&skip={skip}", run["id"]);
        let page = program.api.get(&path);
        all.extend(page["items"].as_array().unwrap().clone());
        skip = page["next"].clone();
    }
    all
}

/// What came of one request.
fn run_of(program: &Program, request: Value) -> Value {
    let run = run(program, &json!({"requests": [request]}));
    results(program, &run).remove(0)
}

fn refused(program: &Program, path: &str, body: &Value) -> String {
    let answer = program.api.send("POST", path, Some(body));
    assert_eq!(answer.status(), 400, "{body}: {}", answer.text());
    json(&answer)["detail"].as_str().unwrap().to_owned()
}

/// Leads from place to place: `/post` by 303, `/keep` by 307, `/there` to another origin, `/loop` to itself, `/far/N` on and on.
fn leading(other: u16) -> Server {
    Server::answering(None, move |request| {
        let line = request.start_line();
        let path = line.split(' ').nth(1).unwrap();
        let to = |status: &str, location: &str| {
            response(status, &[&format!("Location: {location}")], "moved")
        };
        match path {
            "/post" => to("303 See Other", "/end"),
            "/keep" => to("307 Temporary Redirect", "end?kept"),
            "/there" => to("302 Found", &format!("http://localhost:{other}/end")),
            "/loop" => to("301 Moved Permanently", "/loop"),
            "/odd" => to("302 Found", "ftp://localhost/"),
            _ => match path.strip_prefix("/far/") {
                Some(n) => to("302 Found", &format!("{}", n.parse::<u32>().unwrap() + 1)),
                None => response("200 OK", &[], format!("{line}|{}", request.text())),
            },
        }
    })
}

#[test]
fn redirections_are_followed_as_the_rfc_says() {
    let other = leading(0);
    let origin = leading(other.port());
    let program = Program::start();
    let ask = |path: &str, follow: bool| {
        json!({
            "method": "POST", "url": format!("http://localhost:{}{path}", origin.port()),
            "headers": [["Authorization", "Bearer secret"], ["Cookie", "a=b"], ["Content-Type", "text/x"], ["X-Keep", "1"]],
            "body": {"text": "content"}, "follow_redirects": follow,
        })
    };
    // not unless it is asked for
    assert_eq!(send(&program, &ask("/post", false))["status"], 303);
    assert_eq!(origin.requests().len(), 1);

    let run_of = |path: &str| {
        let run = run(&program, &json!({"requests": [ask(path, true)]}));
        let mut found = results(&program, &run);
        assert_eq!(found.len(), 1, "{run:#}");
        found.remove(0)
    };
    let posted = run_of("/post");
    assert_eq!(
        (&posted["redirects"], &posted["status"]),
        (&json!(1), &json!(200))
    );
    let first = program.api.detail(posted["flow"].as_i64().unwrap());
    let last = program.api.detail(posted["last"].as_i64().unwrap());
    assert_eq!(first["status"], 303);
    assert_eq!(program.api.body(&last, "response"), b"GET /end HTTP/1.1|");
    assert_eq!(
        last["comment"],
        format!("redirect 1, from #{}", first["id"])
    );
    assert_eq!(last["replay_of"], first["id"]);
    assert_eq!(last["related"]["redirect_from"], first["id"]);
    let sent = origin.requests().pop().unwrap();
    assert_eq!(
        sent.field("content-type"),
        None,
        "there is no content any more"
    );
    assert_eq!(sent.field("cookie").as_deref(), Some("a=b"));

    let kept = run_of("/keep");
    let last = program.api.detail(kept["last"].as_i64().unwrap());
    assert_eq!(
        program.api.body(&last, "response"),
        b"POST /end?kept HTTP/1.1|content"
    );

    let there = run_of("/there");
    assert_eq!(there["status"], 200);
    let sent = other.requests().pop().unwrap();
    assert_eq!(sent.start_line(), "GET /end HTTP/1.1");
    assert_eq!(
        sent.field("host"),
        Some(format!("localhost:{}", other.port()))
    );
    assert_eq!(
        (sent.field("authorization"), sent.field("cookie")),
        (None, None)
    );
    assert_eq!(sent.field("x-keep").as_deref(), Some("1"));

    let looped = run_of("/loop");
    assert_eq!(
        (&looped["redirects"], &looped["status"]),
        (&json!(20), &json!(301))
    );
    let text = looped["text"].as_str().unwrap();
    assert!(
        text.contains("20 redirections it leads in a loop"),
        "{text}"
    );
    let last = program
        .api
        .flow_when(&format!("id:{}", looped["last"]), |flow| {
            flow["comment"].as_str().unwrap().contains("loop")
        });
    assert_eq!(last["status"], 301, "{last:#}");
    let far = run_of("/far/0");
    let text = far["text"].as_str().unwrap();
    assert!(
        text.contains("at most 20 are followed; the next would be"),
        "{text}"
    );
    assert!(text.contains("/far/21"), "{text}");
    let odd = run_of("/odd");
    assert!(
        odd["text"]
            .as_str()
            .unwrap()
            .contains("neither http nor https"),
        "{odd}"
    );
    assert_eq!(odd["redirects"], 0);
}

#[test]
fn cookies_that_are_set_on_the_way_are_sent_on() {
    let other = Server::answering(None, |_| response("200 OK", &[], "there"));
    let port = other.port();
    let origin = Server::answering(None, move |request| {
        let line = request.start_line();
        match line.split(' ').nth(1).unwrap() {
            "/login" => response(
                "302 Found",
                &[
                    "Location: /in/home",
                    "Set-Cookie: session=new; Path=/; HttpOnly",
                    "Set-Cookie: side=1; Path=/side",
                    "Set-Cookie: old=; Max-Age=0; Path=/",
                ],
                "",
            ),
            "/in/home" => response(
                "302 Found",
                &["Location: /in/end", "Set-Cookie: here=2"],
                "",
            ),
            "/in/end" => response(
                "302 Found",
                &[&format!("Location: http://127.0.0.1:{port}/there")],
                "",
            ),
            _ => response("200 OK", &[], ""),
        }
    });
    let program = Program::start();
    let request = json!({
        "method": "GET", "url": format!("http://localhost:{}/login", origin.port()), "follow_redirects": true,
        "headers": [["Cookie", "session=stale; mine=1; old=2"], ["X-Behind", "1"]],
    });
    let found = run_of(&program, request);
    assert_eq!(
        (&found["redirects"], &found["status"]),
        (&json!(3), &json!(200))
    );
    let asked = origin.requests();
    let cookies: Vec<_> = asked.iter().map(|asked| asked.field("cookie")).collect();
    let expected = [
        "session=stale; mine=1; old=2",
        "mine=1; session=new",
        "mine=1; here=2; session=new",
    ];
    assert_eq!(cookies, expected.map(|text| Some(text.to_owned())));
    let names: Vec<_> = asked[1]
        .fields()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let place = |wanted: &str| names.iter().position(|name| name == wanted).unwrap();
    assert!(
        place("Cookie") < place("X-Behind"),
        "in its place: {names:?}"
    );
    assert_eq!(other.requests()[0].field("cookie"), None, "another host");
    // each hop's flow shows what went
    let hops = program.api.wait_for("", 4);
    let hop = hops.iter().find(|flow| flow["path"] == "/in/end").unwrap();
    let hop = program.api.detail(hop["id"].as_i64().unwrap());
    let sent = crate::support::api::headers(&hop["request"]);
    assert!(
        sent.contains(&("Cookie".to_owned(), expected[2].to_owned())),
        "{hop:#}"
    );
    let comment = hop["comment"].as_str().unwrap();
    assert!(
        comment.ends_with(", with 2 cookies that were set on the way"),
        "{comment}"
    );

    let nginx = Nginx::start();
    let program = Program::trusting(&nginx.ca.pem);
    for version in ["HTTP/2", "HTTP/1.1"] {
        let url = nginx.https(&format!("/moved/in?{version}"));
        let request =
            json!({"method": "GET", "url": url, "version": version, "follow_redirects": true});
        let found = run_of(&program, request);
        let last = program.api.detail(found["last"].as_i64().unwrap());
        assert_eq!(last["request"]["version"], version);
        let sent = crate::support::api::headers(&last["request"]);
        let cookie = sent
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        assert_eq!(
            cookie.map(|(_, value)| value.as_str()),
            Some("way=1"),
            "{last:#}"
        );
    }
}

#[test]
fn over_http_2_too_and_from_one_version_to_another() {
    let origin = Nginx::start();
    let program = Program::trusting(&origin.ca.pem);
    for (url, version) in [
        (origin.https("/moved"), "HTTP/2"),
        (origin.https("/moved"), "HTTP/1.1"),
        (format!("http://localhost:{}/moved", origin.h2c), "HTTP/2"),
    ] {
        let request =
            json!({"method": "GET", "url": url, "version": version, "follow_redirects": true});
        let run = run(&program, &json!({"requests": [request]}));
        let found = results(&program, &run).remove(0);
        assert_eq!(
            (&found["redirects"], &found["status"]),
            (&json!(1), &json!(200)),
            "{url} {version}: {found}"
        );
        for flow in ["flow", "last"] {
            let flow = program.api.detail(found[flow].as_i64().unwrap());
            assert_eq!(flow["response"]["version"], version);
        }
        let last = program.api.detail(found["last"].as_i64().unwrap());
        assert_eq!(
            program.api.body(&last, "response"),
            origin.file("hello.txt")
        );
    }
}

#[test]
fn a_version_that_the_server_does_not_speak_is_said() {
    let origin = Nginx::start();
    let only_http2 = origin.ca.identity().server(&["h2"]);
    let only_http2 = Server::new(Some(only_http2), |_| panic!("no such handshake"));
    let program = Program::trusting(&origin.ca.pem);
    for (url, version, said) in [
        (
            format!("https://localhost:{}/", origin.tls_http1),
            "HTTP/2",
            "does not speak HTTP/2, which was asked for",
        ),
        (
            format!("https://localhost:{}/", only_http2.port()),
            "HTTP/1.1",
            "does not speak HTTP/1.1, which was asked for",
        ),
        (origin.http("/"), "HTTP/2", "HTTP/2 without TLS"),
    ] {
        let flow = send(
            &program,
            &json!({"method": "GET", "url": url, "version": version}),
        );
        assert_eq!(flow["state"], "failed", "{flow:#}");
        let text = flow["error"]["text"].as_str().unwrap();
        assert!(
            text.contains(said) && text.contains("Choose"),
            "{url}: {text}"
        );
    }
}

#[test]
fn many_times_and_how_that_was_distributed() {
    let turn = AtomicUsize::new(0);
    let origin = Server::answering(None, move |_| {
        let status = match turn.fetch_add(1, Ordering::SeqCst) % 10 {
            3 => "503 Service Unavailable",
            7 => return Vec::new(),
            _ => "200 OK",
        };
        response(status, &["Connection: close"], "ok")
    });
    let program = Program::start();
    let url = format!("http://localhost:{}/many", origin.port());
    program.curl().args(["-H", "X-Mine: 1", &url]).ok();
    let first = program.api.flow("path:/many");
    // as it was recorded, nothing else given
    let run = run(
        &program,
        &json!({"requests": [{"flow": first["id"]}], "times": 40, "concurrency": 8}),
    );
    assert_eq!(
        (&run["total"], &run["done"], &run["begun"]),
        (&json!(40), &json!(40), &json!(40))
    );
    assert_eq!(run["state"], "done");
    let of = &run["distribution"];
    let kinds: Vec<_> = of["statuses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| {
            (
                kind["status"].clone(),
                kind["error"].clone(),
                kind["count"].clone(),
            )
        })
        .collect();
    // the first of all 41 was curl's
    assert_eq!(
        kinds,
        [
            (json!(200), Value::Null, json!(32)),
            (json!(503), Value::Null, json!(4)),
            (Value::Null, json!("closed"), json!(4)),
        ]
    );
    let all = results(&program, &run);
    assert_eq!(all.len(), 40);
    let flows = program.api.wait_for(&format!("replay:{}", first["id"]), 40);
    let mut times = Vec::new();
    for flow in &flows {
        let result = all.iter().find(|one| one["flow"] == flow["id"]).unwrap();
        assert_eq!(flow["replay_of"], first["id"]);
        assert_eq!(flow["modified"], false);
        if result["error"].is_null() {
            assert_eq!(result["status"], flow["status"]);
            let (told, is) = (
                result["ms"].as_f64().unwrap(),
                flow["duration_ms"].as_f64().unwrap(),
            );
            assert!((told - is).abs() < 0.001, "{told} {is}");
            times.push(told);
        } else {
            assert_eq!(flow["state"], "failed");
            assert!(!result["text"].as_str().unwrap().is_empty());
        }
    }
    times.sort_by(f64::total_cmp);
    assert_eq!(of["answered"], 36);
    for (name, at) in [
        ("min_ms", 0),
        ("median_ms", 17),
        ("p95_ms", 34),
        ("p99_ms", 35),
        ("max_ms", 35),
    ] {
        assert_eq!(of[name].as_f64().unwrap(), times[at], "{name}");
    }
    let bars = of["histogram"].as_array().unwrap();
    let counted: u64 = bars.iter().map(|bar| bar["count"].as_u64().unwrap()).sum();
    assert_eq!(counted, 36);
    let requests = origin.requests();
    assert!(
        requests
            .iter()
            .all(|r| r.field("x-mine").as_deref() == Some("1"))
    );
    assert_eq!(requests.len(), 41);
    let list = program.api.get("/api/replay/runs");
    assert_eq!(list["items"][0]["id"], run["id"]);
}

/// A server that answers nobody before so many have asked.
fn together(count: usize) -> Server {
    let state = Arc::new((Mutex::new(0), Condvar::new()));
    Server::answering(None, move |_| {
        let (inside, came) = &*state;
        let mut inside = inside.lock().unwrap();
        *inside += 1;
        came.notify_all();
        while *inside < count {
            inside = came.wait(inside).unwrap();
        }
        response("200 OK", &["Connection: close"], "ok")
    })
}

#[test]
fn several_at_once_and_stopped() {
    let program = Program::start();
    let origin = together(12);
    let url = format!("http://localhost:{}/", origin.port());
    let plan = json!({"requests": [{"method": "GET", "url": url}], "times": 12, "concurrency": 12});
    let run = run(&program, &plan);
    assert_eq!(
        run["distribution"]["answered"], 12,
        "none is answered before all have asked"
    );
    // what was made from nothing is sent again from what was sent first
    let all = results(&program, &run);
    let first = all.iter().find(|one| one["round"] == 0).unwrap();
    let flows = program
        .api
        .wait_for(&format!("replay:{}", first["flow"]), 11);
    assert!(flows.iter().all(|flow| flow["modified"] == false));

    let hangs = together(usize::MAX);
    let url = format!("http://localhost:{}/", hangs.port());
    let plan =
        json!({"requests": [{"method": "GET", "url": url}], "times": 1000, "concurrency": 4});
    let begun = json(
        &program
            .api
            .expect(201, "POST", "/api/replay/runs", Some(&plan)),
    );
    let path = format!("/api/replay/runs/{}", begun["id"]);
    let under_way = until("four to be under way", || {
        let flows = program.api.flows(&format!("url:{url}"));
        (flows.len() == 4).then_some(flows)
    });
    let stopped = json(&program.api.expect(200, "DELETE", &path, None));
    assert_eq!(stopped["state"], "stopped");
    assert_eq!(stopped["done"], 4, "{stopped:#}");
    for flow in under_way {
        let flow = ended(&program, flow["id"].as_i64().unwrap());
        let text = flow["error"]["text"].as_str().unwrap();
        assert!(text.contains("was stopped"), "{flow:#}");
    }
    assert_eq!(
        program.api.flows(&format!("url:{url}")).len(),
        4,
        "nothing more was sent"
    );
    program.api.expect(404, "GET", "/api/replay/runs/999", None);
}

#[test]
fn in_order_each_after_the_one_before() {
    let origin = Server::answering(None, |_| response("200 OK", &["Connection: close"], "ok"));
    let program = Program::start();
    let ids: Vec<Value> = ["/c", "/a", "/b"]
        .iter()
        .map(|path| {
            let url = format!("http://localhost:{}{path}", origin.port());
            program.curl().args(["--data-binary", path, &url]).ok();
            program.api.flow(&format!("path:{path}"))["id"].clone()
        })
        .collect();
    let requests: Vec<Value> = ids.iter().rev().map(|id| json!({"flow": id})).collect();
    let run = run(&program, &json!({"requests": requests, "times": 3}));
    let lines: Vec<_> = origin.requests()[3..]
        .iter()
        .map(http::Message::text)
        .collect();
    assert_eq!(lines, ["/b", "/a", "/c"].repeat(3));
    let places: Vec<_> = results(&program, &run)
        .iter()
        .map(|one| {
            (
                one["round"].as_u64().unwrap(),
                one["request"].as_u64().unwrap(),
            )
        })
        .collect();
    let expected: Vec<_> = (0..3)
        .flat_map(|round| (0..3).map(move |at| (round, at)))
        .collect();
    assert_eq!(places, expected);
    let path = format!("/api/replay/runs/{}?request=1", run["id"]);
    assert_eq!(program.api.get(&path)["distribution"]["answered"], 3);
}

#[test]
fn a_websocket_is_opened_again_and_its_messages_are_sent() {
    let (_server, port) = websocket_server(None);
    let program = Program::start();
    let url = format!("ws://localhost:{port}/talk");
    websocket_conversation(&program, &url, "deflate");
    let first = program
        .api
        .flow_when("path:/talk", |flow| flow["state"] == "complete");
    let key = |flow: &Value| {
        let head = program.api.head(flow, "request");
        let line = head
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with("sec-websocket-key:"));
        line.unwrap().to_owned()
    };
    let request = json!({
        "flow": first["id"],
        // the server closes when it has heard the last: however long that takes, nobody waits longer
        "websocket": {"recorded": true, "listen_s": 60, "messages": [{"text": "and more ✓"}, {"base64": "AP8="}, {"text": "goodbye"}]},
    });
    let again = send(&program, &request);
    assert_eq!(
        (&again["kind"], &again["status"], &again["state"]),
        (&json!("websocket"), &json!(101), &json!("complete")),
        "{again:#}"
    );
    assert_eq!(
        (&again["replay_of"], &again["modified"]),
        (&first["id"], &json!(false))
    );
    assert_ne!(
        key(&first),
        key(&again),
        "a key is used once (RFC 6455 section 4.1)"
    );
    // what came back, as a reader of HAR sees it: the server's answers may be compressed
    let har = program
        .api
        .bytes(&format!("/api/export?format=har&ids={}", again["id"]));
    let har: Value = serde_json::from_slice(&har).unwrap();
    let messages = har["log"]["entries"][0]["_webSocketMessages"]
        .as_array()
        .unwrap();
    let of = |side: &str| -> Vec<(u64, String)> {
        let messages = messages
            .iter()
            .filter(|one| one["type"] == side && one["opcode"].as_u64() < Some(8));
        messages
            .map(|one| {
                (
                    one["opcode"].as_u64().unwrap(),
                    one["data"].as_str().unwrap().to_owned(),
                )
            })
            .collect()
    };
    let said = of("send");
    let texts: Vec<_> = said
        .iter()
        .map(|(opcode, data)| (*opcode, data.len()))
        .collect();
    assert_eq!(
        texts,
        [(1, 9), (2, 344), (1, 250_000), (1, 12), (2, 4), (1, 7)]
    );
    assert_eq!(
        (&*said[0].1, &*said[3].1, &*said[4].1),
        ("hello ✓", "and more ✓", "AP8=")
    );
    let mut heard = of("receive");
    assert_eq!(heard.remove(0).1, "welcome None");
    assert_eq!(heard, said, "the server echoes");

    // out of nothing, by the scheme alone
    let bare = json!({"method": "GET", "url": url, "websocket": {"messages": [{"text": "hi"}, {"text": "goodbye"}], "listen_s": 60}});
    let flow = send(&program, &bare);
    assert_eq!(
        (&flow["kind"], &flow["state"]),
        (&json!("websocket"), &json!("complete")),
        "{flow:#}"
    );
    let sent = program.api.sent(&flow, "response");
    assert!(sent.windows(2).any(|w| w == b"hi"), "{sent:?}");

    for (wrong, said) in [
        (
            json!({"method": "GET", "url": url, "websocket": {"recorded": true}}),
            "needs the flow",
        ),
        (json!({"method": "POST", "url": url}), "its method is GET"),
        (
            json!({"method": "GET", "url": url, "version": "HTTP/2"}),
            "HTTP/1.1",
        ),
        (
            json!({"method": "GET", "url": url, "websocket": {"listen_s": 1e9}}),
            "0 to 3600",
        ),
        (
            json!({"method": "GET", "url": url, "websocket": {"messages": [{}]}}),
            "exactly one",
        ),
        (
            json!({"method": "GET", "url": "http://localhost/", "websocket": {}}),
            "Upgrade",
        ),
    ] {
        let text = refused(&program, "/api/replay", &wrong);
        assert!(text.contains(said), "{wrong}: {text}");
    }
    let plain = json!({"method": "GET", "url": format!("http://localhost:{port}/")});
    let plain = send(&program, &plain);
    let wrong = json!({"flow": plain["id"], "websocket": {"recorded": true}});
    let text = refused(&program, "/api/replay", &wrong);
    assert!(text.contains("is no WebSocket"), "{text}");
}

#[test]
fn a_run_that_cannot_be_is_refused() {
    let program = Program::start();
    let one = json!({"method": "GET", "url": "http://localhost:1/"});
    for (plan, said) in [
        (json!({"requests": []}), "1 to 200"),
        (json!({"requests": [one], "times": 0}), "1 to 10000"),
        (json!({"requests": [one], "times": 10001}), "1 to 10000"),
        (
            json!({"requests": [one, one], "times": 5001}),
            "10002 sends",
        ),
        (json!({"requests": [one], "concurrency": 65}), "1 to 64"),
        (
            json!({"requests": [one, {"method": "GET"}]}),
            "both, or neither",
        ),
        (
            json!({"requests": [one, {"method": "GET", "url": "nonsense"}]}),
            "whole URL",
        ),
    ] {
        let text = refused(&program, "/api/replay/runs", &plan);
        assert!(text.contains(said), "{plan}: {text}");
    }
    program.api.expect(
        404,
        "POST",
        "/api/replay/runs",
        Some(&json!({"requests": [{"flow": 99}]})),
    );
    assert_eq!(program.api.get("/api/replay/runs")["items"], json!([]));
    assert!(program.api.flows("").is_empty());
}

#[test]
fn from_the_command_line_with_a_program_and_without() {
    let turn = AtomicUsize::new(0);
    let origin = Server::answering(None, move |request| {
        let line = request.start_line();
        if line.contains("/moved") {
            return response("302 Found", &["Location: /end", "Connection: close"], "");
        }
        let n = turn.fetch_add(1, Ordering::SeqCst);
        let status = if n % 5 == 4 { "500 Oops" } else { "200 OK" };
        response(status, &["Connection: close"], format!("answer to {line}"))
    });
    let data = folder();
    let program = Setup::new().data(data.path()).start();
    let url = |path: &str| format!("http://localhost:{}{path}", origin.port());
    let mut ids = Vec::new();
    for path in ["/moved", "/two"] {
        program.curl().arg(url(path)).ok();
        ids.push(program.api.flow(&format!("path:{path}"))["id"].to_string());
    }
    let check = |command: &dyn Fn() -> Run| {
        let followed = command().args([&ids[0], "--follow-redirects"]).ok().text();
        assert!(
            followed.contains("answer to GET /end HTTP/1.1"),
            "{followed}"
        );
        let before = origin.requests().len();
        let out = command()
            .args([&ids[1], &ids[0], "--times", "4", "--concurrency", "2"])
            .ok()
            .text();
        assert!(
            out.contains("302") && out.contains("median") && out.contains('#'),
            "{out}"
        );
        assert_eq!(origin.requests().len(), before + 8);
        let told = command().args([&ids[1], "-n", "5", "--json"]).ok().json();
        assert_eq!(
            (&told["total"], &told["done"], &told["state"]),
            (&json!(5), &json!(5), &json!("done"))
        );
        let statuses = told["distribution"]["statuses"].as_array().unwrap();
        assert!(
            statuses
                .iter()
                .any(|kind| kind["status"] == 500 && kind["count"] == 1),
            "{told:#}"
        );
        let failed = command().args([&ids[1], "--http", "2"]).run().exits(1);
        assert!(failed.err.contains("HTTP/2 without TLS"), "{}", failed.err);
        let wrong = command().args([&ids[1], "--times", "10001"]).run().exits(1);
        assert!(wrong.err.contains("1 to 10000"), "{}", wrong.err);
    };
    check(&|| program.command("replay"));
    let home = folder();
    program.stop();
    check(&|| {
        overhear(home.path())
            .arg("--data")
            .arg(data.path())
            .arg("replay")
    });
    drop(home);
}
