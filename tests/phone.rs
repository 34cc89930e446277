//! Promise: a phone on the network is asked about, guided, and then recorded with its own address.

use crate::support::{Nginx, Program, Run, phone::Phone, program::Setup, until, wire};
use serde_json::{Value, json};

const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 \
                      (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";

#[test]
fn it_is_asked_about_and_then_recorded() {
    let Some(phone) = Phone::plug_in() else {
        return;
    };
    let origin = Nginx::start();
    let program = Setup::new()
        .listen("0.0.0.0:0")
        .trusting(&origin.ca.pem)
        .start();
    let waiting = curl(&phone, &program)
        .arg(origin.http("/hello.txt?asked"))
        .start();
    let device = until("the phone to be asked about", || device(&program, &phone));
    assert_eq!(device["decision"], Value::Null);
    let address = phone.address.to_string();
    until("the terminal to ask", || {
        program.said().contains(&address).then_some(())
    });

    let path = format!("/api/devices/{address}");
    let answer = program
        .api
        .send("PUT", &path, Some(&json!({"decision": "allow"})));
    assert!((200..300).contains(&answer.status()), "{}", answer.text());
    let got = waiting.wait();
    // Either its request has waited for the answer, or it was told to come again.
    if got.text() != "hello, world\n" {
        assert_eq!(
            curl(&phone, &program)
                .arg(origin.http("/hello.txt?asked"))
                .ok()
                .text(),
            "hello, world\n"
        );
    }
    let ca = program.ca_file();
    let url = origin.https("/hello.txt?secure");
    let got = curl(&phone, &program).arg("--cacert").arg(ca).arg(url).ok();
    assert_eq!(got.text(), "hello, world\n");
    for path in ["asked", "secure"] {
        let flow = until("the phone's flow", || {
            let flows = program.api.flows(&format!("path:hello.txt?{path}"));
            flows.into_iter().find(|flow| flow["status"] == 200)
        });
        assert!(
            flow["client"]
                .as_str()
                .unwrap()
                .starts_with(&format!("{address}:")),
            "{flow:#}"
        );
    }
    assert!(
        !program.api.flows(&format!("client:{address}")).is_empty(),
        "found by its address"
    );
    assert!(program.api.flows("client:10.255.255.1").is_empty());
}

#[test]
fn it_may_be_refused() {
    let Some(phone) = Phone::plug_in() else {
        return;
    };
    let origin = Nginx::start();
    let program = Setup::new().listen("0.0.0.0:0").start();
    let path = format!("/api/devices/{}", phone.address);
    let waiting = curl(&phone, &program)
        .arg(origin.http("/hello.txt"))
        .start();
    until("the phone to be asked about", || device(&program, &phone));
    program
        .api
        .send("PUT", &path, Some(&json!({"decision": "refuse"})));
    assert_ne!(waiting.wait().text(), "hello, world\n");
    let again = curl(&phone, &program).arg(origin.http("/hello.txt")).run();
    assert_ne!(again.text(), "hello, world\n");
    assert!(program.api.flows("status:200").is_empty());
}

#[test]
fn a_network_may_be_allowed_ahead() {
    let Some(phone) = Phone::plug_in() else {
        return;
    };
    let origin = Nginx::start();
    let network = format!("{}/24", phone.host);
    let program = Setup::new()
        .listen("0.0.0.0:0")
        .args(["--allow", &network])
        .start();
    let got = curl(&phone, &program).arg(origin.http("/hello.txt")).ok();
    assert_eq!(got.text(), "hello, world\n");
}

#[test]
fn the_onboarding_page_and_the_profile() {
    let Some(phone) = Phone::plug_in() else {
        return;
    };
    let program = Setup::new().listen("0.0.0.0:0").start();
    // Without the proxy set up: a plain visit to its address, before anyone was asked.
    let plain = format!("http://{}:{}/", phone.host, program.proxy.port());
    let page = phone
        .run("curl")
        .args(["-sS", "-A", SAFARI, "--max-time", "60", &plain])
        .ok()
        .text();
    for step in ["profile", "Certificate Trust Settings", "Settings"] {
        assert!(
            page.contains(step),
            "the page for an iPhone says {step:?}: {page}"
        );
    }
    let profile = page
        .split('"')
        .find(|part| part.ends_with(".mobileconfig"))
        .unwrap_or_else(|| panic!("no link to a profile in {page}"));
    let url = if profile.starts_with("http") {
        profile.into()
    } else {
        join(&plain, profile)
    };
    let got = phone
        .run("curl")
        .args(["-sSi", "-A", SAFARI, "--max-time", "60", &url])
        .ok()
        .text();
    assert!(got.contains("application/x-apple-aspen-config"), "{got}");
    assert!(got.contains("com.apple.security.root"), "{got}");

    // Other devices get other words.
    let android = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36";
    let other = phone
        .run("curl")
        .args(["-sS", "-A", android, "--max-time", "60", &plain])
        .ok()
        .text();
    assert!(other.contains("Android"), "{other}");
    assert_ne!(page, other);
}

#[test]
fn overhear_internal_through_the_proxy() {
    let Some(phone) = Phone::plug_in() else {
        return;
    };
    let network = format!("{}/24", phone.host);
    let program = Setup::new()
        .listen("0.0.0.0:0")
        .args(["--allow", &network])
        .start();
    let page = curl(&phone, &program)
        .args(["-A", SAFARI, "http://overhear.internal/"])
        .ok()
        .text();
    assert!(page.contains("Certificate Trust Settings"), "{page}");
    let root = program.home().join("downloaded.pem");
    let link = page
        .split('"')
        .find(|part| part.ends_with(".pem") || part.ends_with(".crt") || part.ends_with(".cer"))
        .unwrap_or_else(|| panic!("no certificate to download in {page}"));
    let url = join("http://overhear.internal/", link);
    curl(&phone, &program).arg("-o").arg(&root).arg(url).ok();
    assert!(std::fs::metadata(root).unwrap().len() > 100);
    // Over TLS with our own leaf: this is what the trust check stands on.
    let check = page
        .split(['"', '\'', '`'])
        .find(|part| part.starts_with("https://overhear.internal"))
        .unwrap_or_else(|| panic!("no trust check in {page}"));
    let without = curl(&phone, &program).arg(check).run();
    assert_eq!(
        without.status.code(),
        Some(60),
        "not trusted yet: {}",
        without.err
    );
    until("the phone to be known not to trust", || {
        (device(&program, &phone)?["trusts"] == false).then_some(())
    });
    let ca = program.ca_file();
    curl(&phone, &program)
        .arg("--cacert")
        .arg(ca)
        .arg(check)
        .ok();
    until("the phone to be known to trust", || {
        (device(&program, &phone)?["trusts"] == true).then_some(())
    });
    // And the profile is removed again.
    curl(&phone, &program).arg(check).run();
    until("the phone to be known not to trust any more", || {
        let device = device(&program, &phone)?;
        (device["trusts"] == false && device["trusted"].is_string()).then_some(())
    });
}

#[test]
fn a_plain_visit_on_loopback() {
    let program = Program::start();
    let page = wire::exchange(
        program.proxy,
        format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nUser-Agent: {SAFARI}\r\n\r\n",
            program.proxy
        ),
    );
    assert_eq!(page.status(), 200, "{}", page.head_text());
    assert!(page.field("content-type").unwrap().starts_with("text/html"));
    assert!(
        page.field("content-security-policy").is_some(),
        "{}",
        page.head_text()
    );
    assert!(page.text().contains("Certificate Trust Settings"));
}

fn curl(phone: &Phone, program: &Program) -> Run {
    let proxy = format!("http://{}:{}", phone.host, program.proxy.port());
    phone.run("curl").args([
        "-sS",
        "--max-time",
        "60",
        "--noproxy",
        "",
        "--proxy",
        &proxy,
    ])
}

/// What the API says of the phone.
fn device(program: &Program, phone: &Phone) -> Option<Value> {
    let devices = program.api.get("/api/devices");
    let devices = devices["items"].as_array().unwrap();
    let address = phone.address.to_string();
    devices
        .iter()
        .find(|device| device["address"] == address)
        .cloned()
}

/// A link on a page that stands at the top of its site.
fn join(site: &str, link: &str) -> String {
    if link.starts_with("http") {
        return link.to_owned();
    }
    format!(
        "{}/{}",
        site.trim_end_matches('/'),
        link.trim_start_matches('/')
    )
}
