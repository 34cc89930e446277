//! The door, the headers, and the server on a socket.

use super::*;
use crate::testing::{Site, TOKEN};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Percent-encoded as a cookie and a query have it.
fn encoded() -> String {
    percent_encoding::utf8_percent_encode(TOKEN, percent_encoding::NON_ALPHANUMERIC).to_string()
}

async fn send(site: &Site, method: &str, uri: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    site.send(request.body(Body::empty()).expect("a request"))
        .await
}

#[tokio::test]
async fn the_door() {
    let site = Site::new().await;
    let bearer = format!("Bearer {TOKEN}");
    let cookie = format!("x=1; overhear_8081={}", encoded());
    let plain = format!("overhear={}", encoded());
    let host = ("host", "localhost:8081");
    let open = ("authorization", bearer.as_str());
    let cookied = ("cookie", cookie.as_str());
    let list = "/api/flows";
    for (method, uri, headers, status) in [
        // nothing, wrong, right
        ("GET", list, &[host][..], 401),
        ("GET", list, &[host, ("authorization", "Bearer wrong")], 401),
        ("GET", list, &[host, ("authorization", "Bearer ")], 401),
        ("GET", list, &[host, ("cookie", "overhear_8081=wrong")], 401),
        ("GET", list, &[host, ("cookie", "overhear_8081=")], 401),
        ("GET", list, &[host, ("cookie", "other=a%20test")], 401),
        ("GET", list, &[host, open], 200),
        ("GET", list, &[host, cookied], 200),
        ("GET", list, &[host, ("cookie", plain.as_str())], 200),
        ("GET", "/", &[host, cookied], 200),
        ("GET", "/", &[host], 401),
        ("GET", "/assets/x.js", &[host], 401),
        // the name it is asked for under
        ("GET", list, &[open], 403),
        ("GET", list, &[("host", "evil.test"), open], 403),
        ("GET", list, &[("host", "evil.test:8081"), cookied], 403),
        ("GET", list, &[("host", "127.0.0.1:9999"), open], 200),
        ("GET", list, &[("host", "[::1]:8081"), open], 200),
        ("GET", list, &[host, ("host", "evil.test"), open], 403),
        ("GET", "http://evil.test/api/flows", &[host, open], 403),
        ("GET", "http://localhost:8081/api/flows", &[host, open], 200),
        // who sent it
        ("DELETE", list, &[host, cookied], 200),
        (
            "DELETE",
            list,
            &[host, cookied, ("origin", "http://localhost:8081")],
            200,
        ),
        (
            "DELETE",
            list,
            &[host, cookied, ("origin", "http://localhost:3000")],
            403,
        ),
        (
            "DELETE",
            list,
            &[host, cookied, ("origin", "http://evil.test")],
            403,
        ),
        ("DELETE", list, &[host, cookied, ("origin", "null")], 403),
        (
            "DELETE",
            list,
            &[host, cookied, ("sec-fetch-site", "same-site")],
            403,
        ),
        (
            "DELETE",
            list,
            &[host, cookied, ("sec-fetch-site", "same-origin")],
            200,
        ),
        (
            "POST",
            "/api/export",
            &[host, cookied, ("origin", "http://127.0.0.1:8081")],
            403,
        ),
        (
            "GET",
            list,
            &[host, cookied, ("sec-fetch-site", "same-site")],
            403,
        ),
        (
            "GET",
            list,
            &[host, cookied, ("sec-fetch-site", "cross-site")],
            403,
        ),
        (
            "GET",
            list,
            &[host, cookied, ("sec-fetch-site", "none")],
            200,
        ),
        (
            "GET",
            "/",
            &[host, cookied, ("sec-fetch-site", "cross-site")],
            200,
        ),
    ] {
        let answer = send(&site, method, uri, headers).await;
        assert_eq!(
            answer.status().as_u16(),
            status,
            "{method} {uri} {headers:?}"
        );
        let headers = answer.headers();
        for name in [
            "content-security-policy",
            "x-content-type-options",
            "referrer-policy",
            "cross-origin-resource-policy",
        ] {
            assert!(headers.contains_key(name), "{method} {uri} {name}");
        }
        if status > 400 {
            let kind = headers[header::CONTENT_TYPE].to_str().expect("ASCII");
            let expected = match uri.contains("/api/") {
                true => "application/problem+json",
                false => "text/html; charset=utf-8",
            };
            assert_eq!(kind, expected, "{method} {uri}");
        }
    }
}

#[tokio::test]
async fn the_printed_link_becomes_a_cookie() {
    let site = Site::new().await;
    let host = ("host", "localhost:8081");
    let link = format!("/?token={}&filter=host%3Aa", encoded());
    let answer = send(&site, "GET", &link, &[host]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()[header::LOCATION], "/?filter=host%3Aa");
    let cookie = answer.headers()[header::SET_COOKIE]
        .to_str()
        .expect("ASCII")
        .to_owned();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().expect("a pair");
    assert_eq!(
        send(&site, "GET", "/", &[host, ("cookie", pair)])
            .await
            .status(),
        StatusCode::OK
    );

    for wrong in ["/?token=wrong", "/?token=", "/?token"] {
        let answer = send(&site, "GET", wrong, &[host]).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{wrong}");
        assert!(!answer.headers().contains_key(header::SET_COOKIE));
    }
    // only under our own name, or it would be a way in for another one
    let answer = send(&site, "GET", &link, &[("host", "evil.test")]).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(!answer.headers().contains_key(header::SET_COOKIE));
}

#[tokio::test]
async fn a_link_on_another_site_asks_again() {
    let site = Site::new().await;
    let host = ("host", "localhost:8081");
    for (from, again) in [
        ("cross-site", true),
        ("none", false),
        ("same-origin", false),
    ] {
        let answer = send(&site, "GET", "/", &[host, ("sec-fetch-site", from)]).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20)
            .await
            .expect("a page");
        let page = String::from_utf8_lossy(&body);
        assert_eq!(page.contains("http-equiv=\"refresh\""), again, "{from}");
        assert!(
            page.contains("Open the link that overhear printed"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn nothing_inline_runs() {
    let site = Site::new().await;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("host", "localhost"), ("authorization", bearer.as_str())];
    for path in ["/", "/flows/1", "/index.html"] {
        let answer = send(&site, "GET", path, &headers).await;
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .expect("ASCII");
        assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"), "{policy}");
    }
    // a page that may not be seen has its style in it, and no script
    let answer = send(&site, "GET", "/", &[("host", "localhost")]).await;
    let policy = answer.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .expect("ASCII");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'unsafe-inline';"),
        "{policy}"
    );
}

#[tokio::test]
async fn a_taken_port_is_said_in_words() {
    let taken = Server::bind("127.0.0.1:0".parse().expect("an address"))
        .await
        .expect("a port");
    let error = Server::bind(taken.address())
        .await
        .err()
        .expect("an error")
        .to_string();
    assert!(
        error.contains("another program has the port") && error.contains("--web"),
        "{error}"
    );
}

#[tokio::test]
async fn it_serves_on_a_socket_and_stops_although_a_client_listens() {
    let site = Site::new().await;
    let server = Server::bind("127.0.0.1:0".parse().expect("an address"))
        .await
        .expect("a port");
    let address = server.address();
    let options = Options {
        token: "t".to_owned(),
        store: site.store.clone(),
        proxy: site.proxy.clone(),
        authority: site.authority.clone(),
        certificate: site.folder.path().join("ca/cert.pem"),
        data: site.folder.path().to_owned(),
        rules: crate::rules::Rulebook::open(site.store.clone(), site.proxy.clone())
            .await
            .expect("rules"),
        settings: Arc::new(crate::testing::Drawer::default()),
        captures: Arc::new(crate::testing::Listed::default()),
    };
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(server.run(options, stopped));

    let mut client = TcpStream::connect(address).await.expect("it listens");
    let request =
        format!("GET /api/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer t\r\n\r\n");
    client
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    let mut answer = vec![0; 4096];
    let size = client.read(&mut answer).await.expect("it answers");
    let head = String::from_utf8_lossy(&answer[..size]).to_lowercase();
    assert!(
        head.starts_with("http/1.1 200 ok") && head.contains("text/event-stream"),
        "{head}"
    );

    stop.send(true).expect("it runs");
    timeout(Duration::from_secs(60), running)
        .await
        .expect("it stops in time")
        .expect("no panic");
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.expect("an orderly end");
    assert!(
        rest.ends_with(b"0\r\n\r\n"),
        "{}",
        String::from_utf8_lossy(&rest)
    );
}
