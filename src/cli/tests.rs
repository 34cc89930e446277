use super::*;

fn parse(line: &str) -> Result<Cli, String> {
    let words = std::iter::once("overhear").chain(line.split_whitespace());
    parse_from(words).map_err(|error| error.to_string())
}

/// The help of a subcommand, as it is printed 100 columns wide.
fn help(path: &[&str]) -> String {
    let mut command = Cli::command().term_width(100);
    command.build();
    for name in path {
        command = command.find_subcommand(name).unwrap().clone();
    }
    command.render_long_help().to_string()
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn help_is_as_written() {
    insta::assert_snapshot!("overhear", help(&[]));
    for name in [
        "run",
        "flows",
        "show",
        "replay",
        "sessions",
        "export",
        "import",
        "read",
        "capture",
        "completions",
        "ca",
        "rule",
        "intercept",
        "script",
    ] {
        insta::assert_snapshot!(name, help(&[name]));
    }
    for name in ["path", "export", "import", "rotate"] {
        insta::assert_snapshot!(format!("ca_{name}"), help(&["ca", name]));
    }
    for name in ["list", "compare"] {
        insta::assert_snapshot!(format!("sessions_{name}"), help(&["sessions", name]));
    }
    for name in ["list", "show", "continue", "answer", "drop", "all"] {
        insta::assert_snapshot!(format!("intercept_{name}"), help(&["intercept", name]));
    }
    for name in ["list", "add", "rm", "on", "off", "export", "import"] {
        insta::assert_snapshot!(format!("rule_{name}"), help(&["rule", name]));
    }
}

#[test]
fn flags_of_run_may_stand_alone() {
    let cli = parse("--listen 127.0.0.1:0 --listen [::1]:0 --no-open --data /d").unwrap();
    assert!(cli.command.is_none());
    assert_eq!(cli.run.listen.len(), 2);
    assert!(cli.run.no_open);
    assert_eq!(cli.global.data, Some("/d".into()));
    let cli = parse("run --allow 192.168.0.0/16 --allow ::1").unwrap();
    let Some(Command::Run(run)) = cli.command else {
        panic!("not run")
    };
    assert_eq!(run.allow.len(), 2);
}

#[test]
fn data_may_stand_anywhere() {
    for line in [
        "--data /d flows",
        "flows --data /d",
        "ca --data /d path",
        "ca path --data /d",
    ] {
        assert_eq!(
            parse(line).unwrap().global.data,
            Some("/d".into()),
            "{line}"
        );
    }
}

#[test]
fn flags_of_run_before_another_subcommand_are_wrong() {
    let said = parse("--listen 127.0.0.1:0 flows").unwrap_err();
    assert!(
        said.contains("--listen") && said.contains("not to `overhear flows`"),
        "{said}"
    );
    let said = parse("--no-open run").unwrap_err();
    assert!(said.contains("overhear run --no-open"), "{said}");
}

#[test]
fn insecure_upstream_takes_a_host_or_none() {
    let hosts = |line: &str| parse(line).unwrap().run.upstream.insecure_upstream;
    assert_eq!(hosts("--insecure-upstream"), ["*"]);
    assert_eq!(
        hosts("--insecure-upstream=a --insecure-upstream=b,c"),
        ["a", "b", "c"]
    );
    // without the equals sign the next word is not its host
    assert!(parse("--insecure-upstream dev.local").is_err());
}

#[test]
fn wrong_usage_is_refused() {
    let wrong = [
        "flows --nope",
        "--listen 8080",
        "--allow 1.2.3.4/33",
        "show",
        "show x",
        "show 1 --json --raw",
        "show 1 --request --response",
        "show 1 --decoded",
        "export",
        "import",
        "export -f zip",
        "flows -n -1",
        "ca",
        "ca export --with-key",
        "completions tcsh",
    ];
    for line in wrong {
        let error = parse_from(std::iter::once("overhear").chain(line.split(' '))).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn options_may_stand_behind_the_expression() {
    let capture = |line: &str| match parse(line).unwrap().command {
        Some(Command::Capture(capture)) => *capture,
        other => panic!("{other:?}"),
    };
    for line in [
        "capture -n -c 1 -r f tcp port 80",
        "capture -r f tcp port 80 -n -c 1",
        "capture tcp -n port -c 1 80 -r f",
        "capture -nr f -c1 -- tcp port 80",
    ] {
        let capture = capture(line);
        assert_eq!(capture.expression, ["tcp", "port", "80"], "{line}");
        assert_eq!(
            (capture.lines.numbers, capture.count),
            (1, Some(1)),
            "{line}"
        );
    }
    // a sign that stands alone is part of it
    let words = capture("capture -n len - 20 > 0 and -c 2").expression;
    assert_eq!(words, ["len", "-", "20", ">", "0", "and"]);
    let line = "read f --print tcp port 80 -nv --count 3 --data /d";
    let Some(Command::Read(read)) = parse(line).unwrap().command else {
        panic!("not read")
    };
    assert_eq!(read.expression, ["tcp", "port", "80"]);
    assert_eq!((read.lines.verbose, read.count), (1, Some(3)));
    // what stands behind -- is no option
    let words = capture("capture -r f -- -n").expression;
    assert_eq!(words, ["-n"]);
}

#[test]
fn completions_know_every_subcommand() {
    let subcommands: Vec<_> = Cli::command()
        .get_subcommands()
        .map(|c| c.get_name().to_owned())
        .collect();
    for shell in Shell::value_variants() {
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut Cli::command(), "overhear", &mut script);
        let script = String::from_utf8(script).unwrap();
        assert!(
            subcommands
                .iter()
                .all(|name| script.contains(name.as_str())),
            "{shell}"
        );
    }
}
