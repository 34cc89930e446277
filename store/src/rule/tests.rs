use super::*;

fn rule(filter: &str, stage: Stage, actions: Vec<Action>) -> Rule {
    Rule {
        name: "one".to_owned(),
        group: String::new(),
        on: true,
        filter: filter.to_owned(),
        stage,
        sender: None,
        actions,
    }
}

#[test]
fn a_file_is_read_and_written_alike() {
    let text = r#"
[[rule]]
name = "Staging"
group = "shop"
filter = "host:api.example.com \"a b\""
on = false
actions = [
  { do = "map-remote", to = "https://staging.example.com/x" },
  { do = "set-json", path = "/a", value = { b = [1, "two\nlines"], "c d" = true, "e\nf" = 0, "" = "\u007f" } },
]

[[rule]]
name = "Slow"
stage = "response"
actions = [{ do = "delay", ms = 5 }, { do = "answer", status = 404, headers = [["X-A", "b"]], body = { text = "it's \"gone\"" } }]
"#;
    let rules = from_toml(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(rules.len(), 2);
    assert_eq!((rules[0].on, rules[0].stage), (false, Stage::Request));
    let written = to_toml(&rules);
    assert!(
        written.contains("\n  { do = \"map-remote\", to = \"https://staging.example.com/x\" },\n"),
        "{written}"
    );
    assert_eq!(from_toml(&written), Ok(rules), "{written}");
    assert_eq!(from_toml(""), Ok(Vec::new()));
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_place() {
    for (text, told) in [
        ("[[rule]]\nname = \"a\"\nactions = 1\n", "line 3"),
        (
            "[[rule]]\nname = \"a\"\nfiltre = \"x\"\nactions = []\n",
            "filtre",
        ),
        (
            "[[rule]]\nname = \"a\"\nactions = [{ do = \"fly\" }]\n",
            "fly",
        ),
        ("[[rule]]\nname = \"a\"\nactions = []\n", "has no action"),
        (
            "[[rule]]\nname = \"a\"\nfilter = \"hots:x\"\nactions = [{ do = \"no-caching\" }]\n",
            "did you mean host:",
        ),
    ] {
        let error = from_toml(text).map(|_| String::new());
        let error = error.map_or_else(|error| error.to_string(), |_| "nothing".to_owned());
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn what_is_not_known_at_a_stage_is_told() {
    let actions = || vec![Action::NoCaching];
    for (filter, stage) in [
        ("status:404", Stage::Request),
        ("host:a or not (x size:>1)", Stage::Request),
        ("size:>10k", Stage::Response),
        ("duration:>1s", Stage::Response),
        ("body:x", Stage::Response),
        ("body:x", Stage::Request),
        ("error:dns", Stage::Response),
        ("id:7", Stage::Response),
    ] {
        let error = rule(filter, stage, actions()).check();
        assert!(
            matches!(error, Err(RuleError::Unknown(_))),
            "{filter}: {error:?}"
        );
    }
    for (filter, stage) in [
        ("status:404", Stage::Response),
        (
            "host:a -header:cookie type:json client:10.0.0.0/8 method:GET",
            Stage::Request,
        ),
        ("is:replay", Stage::Request),
    ] {
        assert_eq!(rule(filter, stage, actions()).check(), Ok(()), "{filter}");
    }
    let early = rule("", Stage::Request, vec![Action::SetStatus { status: 204 }]);
    let error = early.check().map_err(|error| error.to_string());
    assert!(
        error.is_err_and(|text| text.contains("set-status is for rules of the stage response"))
    );
}
