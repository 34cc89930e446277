use super::*;

fn absolute(target: &str) -> Result<(String, String), Problem> {
    match form("GET", target.as_bytes())? {
        Form::Absolute(absolute) => {
            let mut path = Vec::new();
            absolute.origin_form("GET", &mut path);
            let scheme = absolute.target.scheme.as_str();
            let server = format!("{scheme} {}", absolute.target);
            Ok((server, String::from_utf8(path).unwrap()))
        }
        form => panic!("{form:?}"),
    }
}

#[test]
fn reads_absolute_forms() {
    let cases = [
        ("http://a", "http a:80", "/"),
        ("http://a/", "http a:80", "/"),
        ("HTTPS://A.example/x?y", "https A.example:443", "/x?y"),
        ("http://a:8080?q", "http a:8080", "/?q"),
        ("http://a:/b", "http a:80", "/b"),
        ("http://user:secret@a:81/b@c", "http a:81", "/b@c"),
        ("http://[::1]:8080/x", "http [::1]:8080", "/x"),
        ("http://[FE80::1%25en0]/", "http [FE80::1%en0]:80", "/"),
        ("http://127.0.0.1/x", "http 127.0.0.1:80", "/x"),
        (
            "http://bücher.example/ü",
            "http xn--bcher-kva.example:80",
            "/ü",
        ),
        (
            "http://b%C3%BCcher.example/%C3",
            "http xn--bcher-kva.example:80",
            "/%C3",
        ),
        ("http://例え.テスト/", "http xn--r8jz45g.xn--zckzah:80", "/"),
        ("http://a/http://b/", "http a:80", "/http://b/"),
        ("http://a\\b", "http a:80", "/\\b"),
    ];
    for (target, server, path) in cases {
        let expected = Ok((server.to_owned(), path.to_owned()));
        assert_eq!(absolute(target), expected, "{target}");
    }
}

#[test]
fn refuses_targets_that_name_nobody() {
    for target in [
        "http://",
        "http:///x",
        "http://:80/",
        "http://a:0/",
        "http://a:65536/",
        "http://a:8x/",
        "http://[::1/",
        "http://[::1]x/",
        "http://[nonsense]/",
        "http://[::1%]/",
        "http://a b/",
        "http://a<b/",
        "http://a%00b/",
        "http://%/",
        "ftp://a/",
        "example.com:80",
        "x",
        "://a",
        "*",
        "http:/a",
    ] {
        assert!(form("GET", target.as_bytes()).is_err(), "{target}");
    }
    assert!(form("GET", b"http://caf\xe9/").is_err());
}

#[test]
fn reads_the_other_forms() {
    assert_eq!(form("GET", b"/x"), Ok(Form::Origin));
    assert_eq!(form("OPTIONS", b"*"), Ok(Form::Asterisk));
    let authority = |host: &str, port| {
        let scheme = Scheme::Https;
        let host = host.to_owned();
        Ok(Form::Authority(Target { scheme, host, port }))
    };
    assert_eq!(
        form("CONNECT", b"a.example:443"),
        authority("a.example", 443)
    );
    assert_eq!(
        form("CONNECT", b"[2001:db8::1]:8443"),
        authority("2001:db8::1", 8443)
    );
    let unicode = "bücher.example:443".as_bytes();
    assert_eq!(
        form("CONNECT", unicode),
        authority("xn--bcher-kva.example", 443)
    );
    for bad in [
        "a",
        "a:",
        "/x",
        "http://a:1/",
        "u@a:1",
        ":443",
        "a:1/",
        "a:1:2",
        "::1:443",
    ] {
        assert!(form("CONNECT", bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn options_for_the_whole_server_become_an_asterisk() {
    let Ok(Form::Absolute(absolute)) = form("OPTIONS", b"http://a") else {
        panic!("an absolute form");
    };
    let mut path = Vec::new();
    absolute.origin_form("OPTIONS", &mut path);
    assert_eq!(path, b"*");
}
