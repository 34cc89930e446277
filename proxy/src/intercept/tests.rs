//! Which rules touch what, and what they make of a message.

use super::*;
use crate::target::{Scheme, Target};
use overhear_store::rule::{Action, Content as Given, How, RuleId};

fn rule(filter: &str, stage: Stage, actions: Vec<Action>) -> Rule {
    Rule {
        name: "r".to_owned(),
        group: String::new(),
        on: true,
        filter: filter.to_owned(),
        stage,
        sender: None,
        actions,
    }
}

fn one(rule: &Rule) -> Arc<One> {
    Arc::new(One::new(1, rule, None).unwrap_or_else(|error| panic!("{error}")))
}

fn target() -> Target {
    Target {
        scheme: Scheme::Https,
        host: "a.test".to_owned(),
        port: 443,
    }
}

/// Runs actions on a request; gives it as it goes on.
async fn on_request(head: &str, body: &str, actions: Vec<Action>) -> (Verdict, String, Log) {
    let method = head.split(' ').next().unwrap_or_default();
    let mut message = Message::request(head.as_bytes(), method, &target());
    message.body = Content::Held(body.as_bytes().to_vec());
    finish(message, rule("", Stage::Request, actions)).await
}

async fn on_response(head: &str, body: &str, actions: Vec<Action>) -> (Verdict, String, Log) {
    let mut message = Message::response(head.as_bytes(), 200);
    message.body = Content::Held(body.as_bytes().to_vec());
    finish(message, rule("", Stage::Response, actions)).await
}

async fn finish(mut message: Message, rule: Rule) -> (Verdict, String, Log) {
    let mut log = Log::default();
    let asked = Asked::of(&message);
    let at = At {
        room: &Arc::default(),
        flow: overhear_store::FlowId(1),
        row: None,
        head: b"",
    };
    let verdict = run(
        &vec![one(&rule)],
        &mut message,
        &asked,
        &mut log,
        &mut None,
        at,
    )
    .await;
    let mut text = String::from_utf8_lossy(&message.to_http1(1)).into_owned();
    if let Content::Held(body) = &message.body {
        text.push_str(&String::from_utf8_lossy(body));
    }
    (verdict, text, log)
}

fn text(text: &str) -> Given {
    Given {
        text: Some(text.to_owned()),
        ..Given::default()
    }
}

#[tokio::test]
async fn a_request_is_changed_in_order() {
    let actions = vec![
        Action::SetHeader {
            as_written: false,
            name: "X-A".into(),
            value: "1".into(),
        },
        Action::ReplaceHeader {
            name: "x-a".into(),
            find: "1".into(),
            with: "22".into(),
            regex: false,
        },
        Action::ReplaceUrl {
            find: "v1/(.*)".into(),
            with: "v2/$1".into(),
            regex: true,
        },
        Action::SetMethod {
            method: "PUT".into(),
        },
        Action::SetJson {
            path: "/n".into(),
            value: 5.into(),
        },
        Action::MapRemote {
            to: "http://b.test:8080/pre".into(),
            from: "/api".into(),
            keep_host: false,
        },
        Action::SetCookie {
            name: "s".into(),
            value: "2".into(),
            attributes: String::new(),
        },
    ];
    let head = "POST /api/v1/x?y HTTP/1.1\r\nHost: a.test\r\nCookie: s=1; t=3\r\nContent-Length: 8\r\n\r\n";
    let (verdict, made, log) = on_request(head, "{\"n\": 1}", actions).await;
    assert!(matches!(verdict, Verdict::Go) && log.changed);
    assert_eq!(
        made,
        "PUT /pre/v2/x?y HTTP/1.1\r\nHost: b.test:8080\r\nCookie: t=3; s=2\r\nContent-Length: 8\r\nX-A: 22\r\n\r\n{\"n\": 5}"
    );
}

#[tokio::test]
async fn a_response_is_changed() {
    let head = "HTTP/1.1 200 OK\r\nETag: x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n";
    let actions = vec![
        Action::NoCaching,
        Action::StripCookies { name: "a".into() },
        Action::SetStatus { status: 404 },
        Action::ReplaceBody {
            find: "l+".into(),
            with: "L".into(),
            regex: true,
        },
        Action::AllowCors,
    ];
    let (verdict, made, _) = on_response(head, "hello", actions).await;
    assert!(matches!(verdict, Verdict::Go));
    assert_eq!(
        made,
        "HTTP/1.1 404 Not Found\r\nSet-Cookie: b=2\r\nCache-Control: no-store\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: *\r\nContent-Length: 4\r\n\r\nheLo"
    );
}

#[tokio::test]
async fn what_answers_ends_the_rules() {
    let after = Action::SetHeader {
        as_written: false,
        name: "X".into(),
        value: "never".into(),
    };
    let answer = Action::Answer {
        status: 201,
        headers: vec![("A".into(), "b".into())],
        body: Some(text("made")),
    };
    let (verdict, made, _) = on_request("GET / HTTP/1.1\r\n\r\n", "", vec![answer, after]).await;
    let Verdict::Answer(answer) = verdict else {
        panic!("no answer");
    };
    assert_eq!(answer.status(), 201);
    assert!(!made.contains("never"));
    let redirect = Action::Redirect {
        to: "https://b.test{path}".into(),
        status: 307,
    };
    let (verdict, ..) = on_request("GET /x?y HTTP/1.1\r\n\r\n", "", vec![redirect]).await;
    let Verdict::Answer(answer) = verdict else {
        panic!("no answer");
    };
    assert_eq!(answer.first("location"), Some(&b"https://b.test/x?y"[..]));
    let block = Action::Block { how: How::Reset };
    let (verdict, ..) = on_request("GET / HTTP/1.1\r\n\r\n", "", vec![block]).await;
    assert!(matches!(verdict, Verdict::Block(How::Reset, _)));
}

#[tokio::test]
async fn what_cannot_be_done_is_told_and_goes_on() {
    let json = Action::SetJson {
        path: "/a".into(),
        value: 1.into(),
    };
    let (verdict, made, log) = on_response("HTTP/1.1 200 OK\r\n\r\n", "<html>", vec![json]).await;
    assert!(matches!(verdict, Verdict::Go) && !log.changed);
    assert_eq!(made, "HTTP/1.1 200 OK\r\n\r\n<html>");
    assert!(
        format!("{log:?}").contains("the body is not JSON"),
        "{log:?}"
    );
}

#[test]
fn what_is_wrong_with_a_rule_is_told_when_it_is_made() {
    let field = |name: &str| Action::SetHeader {
        as_written: false,
        name: name.into(),
        value: "v".into(),
    };
    for (action, told) in [
        (field("a b"), "cannot be a header's name"),
        (field("Content-Length"), "puts it right by itself"),
        (
            Action::SetHeader {
                as_written: false,
                name: "A".into(),
                value: "b\r\nC: d".into(),
            },
            "one line",
        ),
        (
            Action::ReplaceBody {
                find: "(".into(),
                with: String::new(),
                regex: true,
            },
            "regular expression",
        ),
        (
            Action::MapRemote {
                to: "ftp://a".into(),
                from: String::new(),
                keep_host: false,
            },
            "no URL",
        ),
        (
            Action::MapLocal {
                path: "/no/such/file".into(),
                from: String::new(),
            },
            "/no/such/file cannot be read",
        ),
        (
            Action::MapLocal {
                path: "file".into(),
                from: String::new(),
            },
            "not a whole path",
        ),
        (
            Action::Redirect {
                to: "/".into(),
                status: 200,
            },
            "no redirect",
        ),
        (Action::Delay { ms: 3_600_001 }, "more than an hour"),
        (
            Action::SetJson {
                path: "a.b".into(),
                value: 1.into(),
            },
            "no JSON Pointer",
        ),
        (
            Action::Answer {
                status: 101,
                headers: Vec::new(),
                body: None,
            },
            "no status of a final response",
        ),
        (
            Action::SetBody {
                as_written: false,
                body: Given::default(),
            },
            "exactly one of",
        ),
        (
            Action::Tag {
                tags: vec!["a,b".into()],
            },
            "is no tag",
        ),
    ] {
        let error = check_rule(&rule("", Stage::Request, vec![action.clone()]));
        let error = error.map_or_else(|error| error.to_string(), |()| "nothing".to_owned());
        assert!(error.contains(told), "{action:?}: {error}");
    }
}

#[test]
fn rules_that_are_off_are_not_there() {
    let rules = Rules::default();
    let set = |rules: &Rules, stored: &[StoredRule]| rules.set(stored, &HashMap::new());
    assert!(rules.current().is_none());
    let stored = |on: bool, filter: &str| StoredRule {
        id: RuleId(7),
        rule: Rule {
            on,
            ..rule(filter, Stage::Request, vec![Action::NoCaching])
        },
    };
    assert!(set(&rules, &[stored(false, "")]).is_empty());
    assert!(rules.current().is_none());
    assert!(set(&rules, &[stored(true, "host:a")]).is_empty());
    assert!(rules.current().is_some_and(|set| set.touches_requests("a")
        && !set.touches_requests("b")
        && !set.touches_responses("a")));
    // one that cannot be used is told, and the others act
    let wrong = set(&rules, &[stored(true, "status:404"), stored(true, "")]);
    assert_eq!(wrong.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [7]);
    assert!(rules.current().is_some());
}

#[tokio::test]
async fn a_status_without_a_body_has_none() {
    let to = |status| vec![Action::SetStatus { status }];
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let (_, made, _) = on_response(head, "hello", to(204)).await;
    assert_eq!(made, "HTTP/1.1 204 No Content\r\n\r\n");
    let mut message = Message::response(b"HTTP/1.1 204 No Content\r\n\r\n", 204);
    message.body = Content::Held(Vec::new());
    let (_, made, _) = finish(message, rule("", Stage::Response, to(200))).await;
    assert_eq!(made, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}
