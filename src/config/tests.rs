use super::*;

fn parse(text: &str) -> anyhow::Result<File> {
    File::parse(text, Path::new("/home/jane/.config/overhear/config.toml"))
}

#[test]
fn every_key_is_read() {
    let file = parse(
        r#"
        data = "recording"
        listen = ["127.0.0.1:8080", "[::1]:8080"]
        mode = "reverse:https://dev.local@[::1]:9001"
        web = "127.0.0.1:9000"
        allow = "192.168.0.0/16"
        insecure-upstream = ["dev.local"]
        upstream-ca = ["corp.pem", "/etc/ssl/other.pem"]
        capture = ["eth0", "any:udp port 53"]
        capture-limit = "500MB"
        capture-keylog = "keys.log"
        proto = "shop.pb"
        token = "abc"
        no-open = true
        "#,
    )
    .unwrap();
    let folder = Path::new("/home/jane/.config/overhear");
    assert_eq!(
        file.data(&Global::default()).unwrap(),
        folder.join("recording")
    );
    let run = file.run(Run::default()).unwrap();
    assert_eq!(
        run.listen,
        ["127.0.0.1:8080", "[::1]:8080"].map(|a| a.parse().unwrap())
    );
    assert_eq!(
        run.modes,
        ["reverse:https://dev.local:443@[::1]:9001".parse().unwrap()]
    );
    assert_eq!(run.web, "127.0.0.1:9000".parse().unwrap());
    assert_eq!(run.allow, ["192.168.0.0/16".parse().unwrap()]);
    assert_eq!(run.upstream.insecure_hosts, ["dev.local"]);
    assert!(!run.upstream.insecure_all && !run.open);
    assert_eq!(
        run.upstream.ca,
        [folder.join("corp.pem"), "/etc/ssl/other.pem".into()]
    );
    assert_eq!(
        run.capture,
        ["eth0", "any:udp port 53"].map(|text| text.parse().unwrap())
    );
    assert_eq!(run.packets(), 500_000_000);
    assert_eq!(run.capture_keylog, [folder.join("keys.log")]);
    assert_eq!(run.proto, [folder.join("shop.pb")]);
    assert_eq!(run.token.as_deref(), Some("abc"));
}

#[test]
fn flags_win() {
    let file = parse(
        "listen = '127.0.0.1:1'\nweb = '127.0.0.1:2'\ninsecure-upstream = true\ntoken = 'a'\n",
    );
    let file = file.unwrap();
    assert!(file.run(Run::default()).unwrap().upstream.insecure_all);
    let flags = Run {
        listen: vec!["127.0.0.1:3".parse().unwrap()],
        web: Some("127.0.0.1:4".parse().unwrap()),
        token: Some("b".to_owned()),
        upstream: Upstream {
            insecure_upstream: vec!["h".to_owned()],
            ..Upstream::default()
        },
        ..Run::default()
    };
    let run = file.run(flags).unwrap();
    assert_eq!(run.listen, ["127.0.0.1:3".parse().unwrap()]);
    assert_eq!((run.web.port(), run.token.as_deref()), (4, Some("b")));
    assert!(!run.upstream.insecure_all);
    assert_eq!(run.upstream.insecure_hosts, ["h"]);
}

#[test]
fn without_a_file_there_are_defaults() {
    let run = File::default().run(Run::default()).unwrap();
    assert!(run.listen.is_empty() && run.allow.is_empty() && run.open);
    assert_eq!(run.web.to_string(), "127.0.0.1:8081");
    assert_eq!(run.token, None);
}

#[test]
fn mistakes_are_shown_with_their_place() {
    let cases = [
        ("listne = 'x'", "line 1", "unknown field `listne`"),
        ("\nweb = 'localhost'", "line 2", "invalid socket address"),
        ("listen = ['1.2.3.4']", "line 1", "\"1.2.3.4\""),
        ("allow = '300.0.0.0/8'", "line 1", "is not an address range"),
        ("no-open = 'yes'", "line 1", "expected a boolean"),
        (
            "insecure-upstream = 3",
            "line 1",
            "expected true, false, a host",
        ),
        ("web = ", "line 1", "config.toml"),
    ];
    for (text, place, reason) in cases {
        let error = parse(text).unwrap_err();
        assert!(error.is::<Usage>());
        let said = error.to_string();
        assert!(
            said.contains(place) && said.contains(reason),
            "{text}: {said}"
        );
    }
}

#[test]
fn tokens_must_fit_a_link() {
    for token in ["", "a b", "a&b", "é"] {
        let run = Run {
            token: Some(token.to_owned()),
            ..Run::default()
        };
        assert!(
            File::default().run(run).unwrap_err().is::<Usage>(),
            "{token:?}"
        );
    }
}

fn read_or_refused(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Err(error) = File::parse(&text, Path::new("/etc/config.toml")) {
        assert!(error.to_string().contains("/etc/config.toml"), "{error}");
    }
}

#[test]
fn mutated_configurations_are_read_or_refused() {
    let seeds = [
        "listen = [\"127.0.0.1:8080\", \"[::1]:8080\"]\nmode = \"reverse:https://a.example@127.0.0.1:9000\"\nproxy-user = \"me:pw\"\nallow = \"192.0.2.0/24\"\n",
        "upstream = [\"*.example.com=http://u:p@proxy.test:3128\", \"socks5://[::1]:1080\"]\nmap-host = \"a.example=127.0.0.1:3000\"\nbind = \"127.0.0.1\"\ntls = \"pass *.bank.example\"\ntls-min = \"1.2\"\n",
        "client-cert = \"a.example=/x/y.p12\"\ncapture = \"lo:tcp port 80\"\ncapture-limit = \"1 GB\"\nscript-time = \"100ms\"\nscript-memory = \"16 MiB\"\ninsecure-upstream = true\n",
    ];
    overhear_fuzz_rounds::rounds("config", read_or_refused, &seeds);
}
