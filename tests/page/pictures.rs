//! The README's pictures, taken of the real page while a phone is let in and buys a lamp. Every run takes them (into the folder of
//! the tests' screenshots); `OVERHEAR_TEST_PICTURES=docs/images` renews those of the README, with the usual ports.

use crate::support::{
    Server, browser,
    certs::{TestCa, Wanted},
    http::Message,
    phone::Phone,
    program::Setup,
    repository,
    server::response,
    target_dir,
};
use serde_json::json;

const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";

const PRODUCTS: &str = r#"{"page":1,"pages":7,"products":[{"id":101,"name":"Fountain pen","price":{"amount":"34.00","currency":"EUR"},"stock":12},{"id":102,"name":"Desk lamp","price":{"amount":"24.50","currency":"EUR"},"stock":3,"colours":["white","green"]}]}"#;

/// A shop: pages, pictures, an interface that wants quantities from 1 to 9.
fn shop(request: &Message) -> Vec<u8> {
    let line = request.start_line();
    let path = line.split(' ').nth(1).unwrap_or_default();
    let json = [
        "Content-Type: application/json",
        "Cache-Control: max-age=60",
        "Server: shop",
    ];
    match path.split('?').next().unwrap_or_default() {
        "/v1/products" => response("200 OK", &json, PRODUCTS),
        "/v1/login" => response(
            "200 OK",
            &[
                "Content-Type: application/json",
                "Set-Cookie: session=4f1c; Secure; HttpOnly",
            ],
            r#"{"user":"ada"}"#,
        ),
        "/v1/cart" => response("401 Unauthorized", &json, r#"{"error":"log in first"}"#),
        "/v1/orders" if request.text().contains("\"quantity\": 2}") => response(
            "201 Created",
            &[
                "Content-Type: application/json",
                "Server: shop",
                "Location: /v1/orders/77",
            ],
            r#"{"order":77,"product":102,"quantity":2,"total":"49.00"}"#,
        ),
        "/v1/orders" => response(
            "422 Unprocessable Content",
            &["Content-Type: application/json", "Server: shop"],
            r#"{"error":"quantity must be from 1 to 9","field":"quantity"}"#,
        ),
        "/old" => response("301 Moved Permanently", &["Location: /"], ""),
        "/app.css" => response("200 OK", &["Content-Type: text/css"], "body{margin:0}"),
        "/app.js" => response("200 OK", &["Content-Type: text/javascript"], "start()"),
        "/img/lamp.jpg" => response(
            "200 OK",
            &["Content-Type: image/jpeg"],
            super::body::photo(),
        ),
        "/" => response(
            "200 OK",
            &["Content-Type: text/html"],
            "<!doctype html><title>Shop</title>",
        ),
        _ => response("404 Not Found", &["Content-Type: text/plain"], "not here"),
    }
}

#[test]
fn the_readme_has_pictures_of_the_page_as_it_is() {
    let Some(phone) = Phone::plug_in() else {
        return;
    };
    let chosen = std::env::var_os("OVERHEAR_TEST_PICTURES");
    let folder = match &chosen {
        Some(folder) => repository().join(folder),
        None => target_dir().join("screenshots/readme"),
    };
    let port = |usual: u16| if chosen.is_some() { usual } else { 0 };
    let names = ["shop.localhost", "api.shop.localhost", "cdn.shop.localhost"];
    let ca = TestCa::new();
    let wanted = Wanted {
        names: &names,
        ..Wanted::default()
    };
    let tls = ca.sign(&wanted).server(&["http/1.1"]);
    let origin = Server::answering_on(&format!("127.0.0.1:{}", port(443)), Some(tls), shop);
    let program = Setup::new()
        .listen(&format!("0.0.0.0:{}", port(8080)))
        .web(&format!("127.0.0.1:{}", port(8081)))
        .trusting(&ca.pem)
        .start();
    let root = program.ca_file();
    let root = root.to_str().unwrap();
    let proxy = format!("http://{}:{}", phone.host, program.proxy.port());
    let at = match origin.port() {
        443 => String::new(),
        port => format!(":{port}"),
    };
    let curl = |host: &str, path: &str, more: &[&str]| -> Vec<String> {
        let way = [
            "ip",
            "netns",
            "exec",
            phone.name(),
            "curl",
            "--silent",
            "--max-time",
            "30",
        ];
        let through = ["--noproxy", "", "--proxy", &proxy, "--user-agent", SAFARI];
        let url = format!("https://{host}{at}{path}");
        let all = [&way[..], &through, &["--cacert", root], more, &[&url]].concat();
        all.into_iter().map(str::to_owned).collect()
    };
    let [home, api, cdn] = names;
    let json = ["-H", "Content-Type: application/json", "--data-binary"];
    let login = [&json[..], &[r#"{"user":"ada","password":"lovelace"}"#]].concat();
    let order = [&json[..], &[r#"{"product": 102, "quantity": 20}"#]].concat();
    let none = format!("127.0.0.1:{}", program.proxy.port());
    let mut refusing = curl(api, "/v1/products?page=2", &[]);
    refusing.retain(|word| word != "--cacert" && word != root);
    let visits = [
        curl(home, "/", &[]),
        curl(home, "/app.css", &[]),
        curl(home, "/app.js", &[]),
        curl(
            api,
            "/v1/products?page=1",
            &["-H", "Accept: application/json"],
        ),
        curl(cdn, "/img/lamp.jpg", &[]),
        curl(api, "/v1/login", &login),
        curl(api, "/v1/cart", &[]),
        curl(api, "/v1/orders", &order),
        curl("tracker.invalid", "/pixel", &[]),
        refusing,
        curl(home, "/old", &["--location"]),
        curl(cdn, "/img/missing.jpg", &[]),
    ];
    let input = json!({
        "untrusted": true,
        "link": format!("http://{}/?token={}", program.api.address, program.api.token),
        "folder": folder,
        "proxy": none,
        "agent": SAFARI,
        "asks": curl(home, "/", &[]),
        "visits": visits,
    });
    let seen = browser::drive(&program, "pictures", &input);
    let taken = ["device", "onboarding-iphone", "page", "detail", "replay"];
    assert_eq!(seen["taken"], json!(taken));
    for name in taken {
        assert!(folder.join(format!("{name}.png")).is_file(), "{name}");
    }
}
