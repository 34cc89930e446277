//! Visits, as bytes over the same pipe that the proxy uses.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

fn visit(proxied: bool, secure: bool) -> Visit {
    Visit {
        client: "192.168.1.7:50000".parse().expect("an address"),
        local: "192.168.1.5:8080".parse().expect("an address"),
        proxied,
        secure,
    }
}

async fn send(site: &Onboarding, visit: Visit, request: &str) -> (String, Vec<u8>) {
    let (mut client, server) = duplex(4096);
    site.serve(server, visit);
    client
        .write_all(request.as_bytes())
        .await
        .expect("the site reads");
    let mut answer = Vec::new();
    client
        .read_to_end(&mut answer)
        .await
        .expect("the site answers");
    let end = answer
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .expect("a head");
    let body = answer.split_off(end + 4);
    (
        String::from_utf8(answer)
            .expect("an ASCII head")
            .to_lowercase(),
        body,
    )
}

async fn get(site: &Onboarding, visit: Visit, path: &str, fields: &str) -> (String, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n");
    let (head, body) = send(site, visit, &request).await;
    (head, String::from_utf8_lossy(&body).into_owned())
}

fn site() -> (tempfile::TempDir, Arc<Authority>, Onboarding) {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Arc::new(Authority::load_or_create(folder.path()).expect("a root"));
    let site = Onboarding::new(authority.clone());
    (folder, authority, site)
}

const IPHONE: &str =
    "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15\r\n";

#[tokio::test]
async fn each_device_gets_its_steps_in_order() {
    let (_folder, authority, site) = site();
    for (device, words) in [
        (
            "ios",
            &[
                "/overhear.mobileconfig",
                "Allow",
                "VPN &amp; Device Management",
                "Certificate Trust Settings",
            ][..],
        ),
        (
            "macos",
            &[
                "/overhear.crt",
                "Keychain Access",
                "Always Trust",
                "security add-trusted-cert",
            ],
        ),
        (
            "android",
            &[
                "/overhear.crt",
                "CA certificate",
                "API level 24",
                "&lt;certificates src=&quot;user&quot; /&gt;",
            ],
        ),
        (
            "windows",
            &[
                "/overhear.crt",
                "Trusted Root Certification Authorities",
                "certutil -user -addstore Root",
            ],
        ),
        (
            "linux",
            &[
                "/overhear.pem",
                "update-ca-certificates",
                "trust anchor",
                ".pki/nssdb",
            ],
        ),
        (
            "firefox",
            &[
                "/overhear.crt",
                "Trust this CA to identify websites",
                "security.enterprise_roots.enabled",
            ],
        ),
    ] {
        let path = format!("/?device={device}");
        let (head, body) = get(&site, visit(true, false), &path, IPHONE).await;
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        let mut from = 0;
        for word in words {
            let at = body.get(from..).and_then(|rest| rest.find(word));
            from += at.unwrap_or_else(|| panic!("{device}: {word:?} is not there after {from}"));
        }
        assert!(
            body.contains(&format!("href=\"/?device={device}\" aria-current")),
            "{device}"
        );
        assert!(body.contains("✓ This device uses the proxy"), "{device}");
        let fingerprint = &authority.info().fingerprint;
        let shown = body.replace([' ', '\u{a0}'], "").to_lowercase();
        assert!(
            shown.contains(fingerprint.as_str()),
            "{device}: {fingerprint}"
        );
        assert!(
            body.contains(&*html::escape(&authority.info().name)),
            "{device}"
        );
    }
}

#[tokio::test]
async fn the_device_is_recognized_and_can_be_chosen() {
    let (_folder, _, site) = site();
    let (_, body) = get(&site, visit(true, false), "/", IPHONE).await;
    assert!(body.contains("href=\"/?device=ios\" aria-current"));
    let (_, body) = get(&site, visit(true, false), "/?device=android", IPHONE).await;
    assert!(body.contains("href=\"/?device=android\" aria-current"));
    for odd in [
        "/?device=%22%3E%3Cscript%3E",
        "/?",
        "/?x=y",
        "/?device=ios&device=linux",
    ] {
        let (head, body) = get(&site, visit(true, false), odd, IPHONE).await;
        assert!(head.starts_with("http/1.1 200 "), "{odd} {head}");
        assert!(body.contains("href=\"/?device=ios\" aria-current"), "{odd}");
        assert!(!body.contains("\"><script>"), "{odd}");
    }
    let mac = "User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15\r\n";
    assert!(
        get(&site, visit(true, false), "/", mac)
            .await
            .1
            .contains("data-maybe-ipad")
    );
    assert!(
        !get(&site, visit(true, false), "/?device=macos", mac)
            .await
            .1
            .contains("data-maybe-ipad")
    );
}

#[tokio::test]
async fn without_the_proxy_its_settings_come_first() {
    let (_folder, _, site) = site();
    let (head, body) = get(&site, visit(false, false), "/", IPHONE).await;
    let proxy = body.find("Configure Proxy").expect("the proxy's step");
    let certificate = body
        .find("/overhear.mobileconfig")
        .expect("the certificate's step");
    assert!(proxy < certificate);
    assert!(body.contains("<code>192.168.1.5</code>") && body.contains("<code>8080</code>"));
    assert!(body.contains("data-url=\"https://192.168.1.5:8080/trusted\""));
    assert!(
        head.contains("connect-src 'self' https://192.168.1.5:8080\r\n"),
        "{head}"
    );
}

#[tokio::test]
async fn the_check_answers_over_tls_only() {
    let (_folder, _, site) = site();
    let (head, body) = get(&site, visit(true, true), "/trusted", "Accept: */*\r\n").await;
    assert!(
        head.starts_with("http/1.1 200 ") && head.contains("access-control-allow-origin: *"),
        "{head}"
    );
    assert_eq!(body, "trusted\n");
    let (_, body) = get(
        &site,
        visit(true, true),
        "/trusted",
        "Accept: text/html\r\n",
    )
    .await;
    assert!(body.contains("Trusted ✓"));
    let (head, _) = get(&site, visit(true, false), "/trusted", "").await;
    assert!(
        head.contains("location: https://overhear.internal/trusted"),
        "{head}"
    );
    let (_, body) = get(&site, visit(false, true), "/", IPHONE).await;
    assert!(body.contains("data-state=\"yes\""));
}

#[tokio::test]
async fn the_certificate_comes_in_every_form() {
    let (_folder, authority, site) = site();
    for (path, kind, bytes) in [
        (
            "/overhear.crt",
            "application/x-x509-ca-cert",
            authority.certificate_der().to_vec(),
        ),
        (
            "/overhear.pem",
            "application/x-pem-file",
            authority.pem().into_bytes(),
        ),
        (
            "/overhear.mobileconfig",
            "application/x-apple-aspen-config",
            authority.mobileconfig(),
        ),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let (head, body) = send(&site, visit(true, false), &request).await;
        assert!(
            head.contains(&format!("content-type: {kind}\r\n")),
            "{head}"
        );
        assert!(body == bytes, "{path}");
    }
    let (head, body) = get(&site, visit(true, false), "/overhear.p12", "").await;
    assert!(
        head.contains("application/x-pkcs12") && !body.is_empty(),
        "{head}"
    );
}

#[tokio::test]
async fn there_is_nothing_else() {
    let (_folder, _, site) = site();
    for path in [
        "/api/flows",
        "/key.pem",
        "/../key.pem",
        "/%2e%2e/key.pem",
        "/<script>alert(1)</script>",
    ] {
        let (head, body) = get(&site, visit(true, false), path, "").await;
        assert!(
            head.starts_with("http/1.1 404 ") || head.starts_with("http/1.1 400 "),
            "{path} {head}"
        );
        assert!(!body.contains("<script>alert"), "{path}");
        assert!(!body.contains("PRIVATE KEY"));
    }
    let request = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert!(
        send(&site, visit(true, false), request)
            .await
            .0
            .starts_with("http/1.1 405 ")
    );
    // absolute form, as a proxy request arrives
    let (head, _) = get(
        &site,
        visit(true, false),
        "http://overhear.internal/site.css",
        "",
    )
    .await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    let (head, _) = send(&site, visit(true, false), "nonsense\r\n\r\n").await;
    assert!(head.starts_with("http/1.1 400 "), "{head}");
}

#[tokio::test]
async fn every_page_is_locked_down_and_has_nothing_inline() {
    let (_folder, _, site) = site();
    for path in [
        "/",
        "/trusted",
        "/nothing",
        "/?device=linux",
        "/overhear.pem",
    ] {
        let (head, body) = get(&site, visit(false, true), path, "Accept: text/html\r\n").await;
        for field in [
            "content-security-policy: default-src 'none'; style-src 'self'; img-src 'self';",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert!(head.contains(field), "{path} {field} {head}");
        }
        for inline in ["<style", " style=", "onclick", "javascript:", "//cdn"] {
            assert!(!body.contains(inline), "{path} {inline}");
        }
    }
}

#[test]
fn a_name_with_markup_is_a_name() {
    let root = overhear_ca::RootInfo {
        name: "<script>alert(1)</script>\"'&".into(),
        fingerprint: "<b>".into(),
        not_before: 0,
        not_after: i64::MAX,
    };
    for device in Device::ALL {
        let visit = visit(false, false);
        let place = Place::of(&visit, device);
        let page = Page {
            root: &root,
            place: &place,
            device,
            picked: false,
            proxied: false,
            secure: false,
        };
        let html = page.render();
        assert!(!html.contains("<script>alert"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
        // every element that is opened is closed
        for tag in [
            "ol", "li", "p", "pre", "code", "dl", "section", "nav", "details", "main", "ul", "a",
            "b",
        ] {
            let opened = html.matches(&format!("<{tag}>")).count()
                + html.matches(&format!("<{tag} ")).count();
            assert_eq!(
                opened,
                html.matches(&format!("</{tag}>")).count(),
                "{} {tag}",
                device.name()
            );
        }
    }
}

#[tokio::test]
async fn the_proxy_auto_configuration_names_the_address_that_was_reached() {
    let (_folder, _authority, site) = site();
    for (local, proxy) in [
        ("192.168.1.5:8080", "192.168.1.5:8080"),
        ("[2001:db8::5]:8080", "[2001:db8::5]:8080"),
        ("[::ffff:192.168.1.5]:8080", "192.168.1.5:8080"),
    ] {
        let visit = Visit {
            local: local.parse().expect("an address"),
            ..visit(true, false)
        };
        let (head, body) = get(&site, visit, "/proxy.pac", "").await;
        assert!(
            head.contains("content-type: application/x-ns-proxy-autoconfig\r\n"),
            "{head}"
        );
        assert!(
            body.contains(&format!("return \"PROXY {proxy}\";")),
            "{body}"
        );
    }
}
