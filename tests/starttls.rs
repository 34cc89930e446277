//! Promise: a conversation that begins in the clear and turns to TLS (mail, databases) is read to its end, in one flow; what is
//! not to be opened passes as it came.

use crate::clients::interpreter;
use crate::support::{
    Program, Server,
    certs::TestCa,
    command::{Ran, Run},
    databases::Daemon,
    peers::join,
    program::Setup,
    repository, until, wire,
    wire::Stream,
};
use serde_json::{Value, json};
use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
};

/// A program that trusts a server, stands in the place of each of its ports, and is started with more arguments.
pub fn in_place_of(server: &Daemon, more: &[&str]) -> Program {
    let mut setup = Setup::new().trusting(&server.ca.pem).args(more);
    for port in &server.ports {
        let mode = format!("reverse:tcp://localhost:{port}@127.0.0.1:0");
        setup = setup.args(["--mode", &mode]);
    }
    setup.start()
}

/// Where it stands in the server's place.
pub fn place(program: &Program) -> SocketAddr {
    places(program)[0]
}

fn places(program: &Program) -> Vec<SocketAddr> {
    let status = program.api.get("/api/status");
    let listeners = status["listeners"].as_array().unwrap().iter();
    let reverse = listeners.filter(|one| one["mode"] == "reverse");
    reverse
        .map(|one| one["address"].as_str().unwrap().parse().unwrap())
        .collect()
}

/// psql with a way to want TLS; `verify-full` checks whom it has.
pub fn psql(port: u16, roots: &std::path::Path, mode: &str, query: &str) -> Run {
    let target = format!(
        "host=localhost hostaddr=127.0.0.1 port={port} user=me dbname=postgres sslmode={mode} sslrootcert={} connect_timeout=60",
        roots.display()
    );
    Run::new("psql")
        .args(["--no-psqlrc", "--tuples-only", "--no-align", "--command"])
        .arg(query)
        .arg(target)
}

/// A client of mail in Python; `proxy` 0: the port is a reverse listener's.
pub fn mail(what: &str, proxy: u16, port: u16, roots: &std::path::Path) -> Run {
    Run::new(interpreter())
        .arg(repository().join("tests/clients/mail_client.py"))
        .args([what, &proxy.to_string(), &port.to_string()])
        .arg(roots)
}

/// `openssl s_client -starttls`, which says something inside and waits for the server's end. `to` is how it gets there: its
/// `-proxy` loses what a server says first when that comes together with the answer to CONNECT, so only PostgreSQL goes so.
fn s_client(program: &Program, protocol: &str, to: &[&str], says: &[u8]) -> Ran {
    Run::new("openssl")
        .args(["s_client", "-starttls", protocol])
        .args(to)
        .args(["-servername", "localhost", "-verify_hostname", "localhost"])
        .args(["-quiet", "-verify_return_error", "-CAfile"])
        .arg(program.ca_file())
        .input(says)
        .run()
}

/// The one flow of a protocol that was read in TLS: what was sent, and what came back.
fn read(program: &Program, name: &str) -> (Value, String, String) {
    let flow = program.api.flow(&format!("kind:tcp method:{name}"));
    assert_eq!(flow["state"], "complete", "{flow:#}");
    let connection = &flow["connection"];
    for side in ["client_tls", "server_tls"] {
        let tls = &connection[side];
        assert!(
            tls["version"].as_str().unwrap().starts_with("TLSv1."),
            "{tls}"
        );
        assert_eq!(tls["certificates"][0]["names"][0], "localhost", "{tls}");
    }
    assert!(
        connection["times"]["client_tls_done"].is_string(),
        "{connection}"
    );
    let text = |side| String::from_utf8_lossy(&program.api.sent(&flow, side)).into_owned();
    (flow.clone(), text("request"), text("response"))
}

fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
}

#[test]
fn postgres_and_psql() {
    let Some(server) = Daemon::postgres() else {
        return;
    };
    let program = in_place_of(&server, &[]);
    let query = "select 'read ' || 6 * 7";
    let said = psql(
        place(&program).port(),
        &program.ca_file(),
        "verify-full",
        query,
    )
    .ok();
    assert_eq!(said.text(), "read 42\n");
    let (flow, sent, received) = read(&program, "postgresql");
    assert_eq!(flow["method"], "PostgreSQL");
    assert_eq!(
        (&flow["host"], &flow["port"]),
        (&json!("localhost"), &json!(server.port()))
    );
    assert!(sent.as_bytes().starts_with(b"\0\0\0\x08\x04"), "{sent:?}");
    says(&sent, &["user\0me\0", "select 'read ' || 6 * 7\0"]);
    assert!(received.starts_with('S'), "{received:?}");
    says(&received, &["server_version\0", "read 42"]);
    assert_eq!(program.api.flows("").len(), 1, "all of it is one flow");
    // in turn: in the clear, then inside, each with its time
    let turns = program.api.messages(&flow);
    let sides: Vec<_> = turns
        .iter()
        .take(4)
        .map(|(side, _)| side.as_str())
        .collect();
    assert_eq!(sides, ["request", "response", "request", "response"]);
    assert_eq!((turns[0].1.len(), &turns[1].1[..]), (8, &b"S"[..]));
    assert_eq!(
        turns[2].1[4..8],
        [0, 3, 0, 0],
        "the session begins in a piece of its own"
    );
    let page = program
        .api
        .get(&format!("/api/flows/{}/messages", flow["id"]));
    let times = &flow["connection"]["times"];
    let done = times["client_tls_done"].as_str().unwrap();
    let at = |n: usize| page["items"][n]["at"].as_str().unwrap();
    assert!(at(1) < done && done < at(2), "{} {done} {}", at(1), at(2));

    // by SOCKS, of which psql knows nothing, so somebody before it does: to a name, and to an address
    for (address, query) in [
        (&b"\x03\x09localhost"[..], "select 'by name'"),
        (b"\x01\x7f\0\0\x01", "select 'by address'"),
    ] {
        let (proxy, port) = (program.proxy, server.port());
        let socks = Server::new(None, move |client| {
            let mut way = wire::dial(proxy);
            let request = [b"\x05\x01\0\x05\x01\0", address, &port.to_be_bytes()].concat();
            way.write_all(&request).unwrap();
            let mut granted = [0; 12];
            way.read_exact(&mut granted).unwrap();
            assert_eq!(granted[..4], [5, 0, 5, 0], "{granted:?}");
            join(client.socket(), way);
        });
        psql(socks.port(), &program.ca_file(), "verify-full", query).ok();
        let flow = program
            .api
            .flow(&format!("body:\"{}\"", &query[8..query.len() - 1]));
        assert_eq!(flow["connection"]["through"], "SOCKS5");
        assert_eq!(flow["connection"]["server_tls"]["version"], "TLSv1.3");
        assert_eq!(flow["host"], "localhost", "as it is called inside");
    }
    for (mode, encrypted) in [("require", true), ("disable", false)] {
        let query = format!("select 'mode {mode}'");
        psql(place(&program).port(), &program.ca_file(), mode, &query).ok();
        let flow = program.api.flow(&format!("body:\"mode {mode}\""));
        assert_eq!(flow["method"], "PostgreSQL");
        assert_eq!(
            flow["connection"]["client_tls"].is_object(),
            encrypted,
            "{flow:#}"
        );
    }
    // encryption by GSSAPI is asked for: what the server says to that passes
    let mut client = wire::dial(place(&program));
    client.write_all(b"\0\0\0\x08\x04\xd2\x16\x30").unwrap();
    let mut answer = [0];
    client.read_exact(&mut answer).unwrap();
    assert!(b"GN".contains(&answer[0]), "{answer:?}");
    drop(client);
    until("the flow of GSSAPI", || {
        let flows = program.api.flows("method:postgresql");
        flows
            .iter()
            .find(|flow| flow["request"]["body_size"] == 8)
            .cloned()
    });
    // OpenSSL's own way, through CONNECT
    s_client(
        &program,
        "postgres",
        &[
            "-proxy",
            &program.proxy.to_string(),
            "-connect",
            &format!("localhost:{}", server.port()),
        ],
        b"\0\0\0\x21\0\x03\0\0user\0me\0database\0nobase\0\0",
    );
    let flow = program.api.flow("body:nobase");
    assert_eq!(
        (&flow["method"], &flow["connection"]["through"]),
        (&json!("PostgreSQL"), &Value::Null)
    );
}

#[test]
fn mail_that_is_sent() {
    let server = Daemon::python("smtp_server.py", &[]);
    let keys = crate::support::folder();
    let log = keys.path().join("keys.log");
    let program = in_place_of(&server, &["--key-log", &log.display().to_string()]);
    let roots = program.ca_file();
    let said = mail("smtp", program.proxy.port(), server.port(), &roots).ok();
    assert_eq!(said.text(), "\"TLSv1.3\"\n");
    let (flow, sent, received) = read(&program, "smtp");
    assert_eq!(flow["method"], "SMTP");
    let (clear, inside) = sent.split_once("STARTTLS\r\n").unwrap();
    assert_eq!(clear, "ehlo me.test\r\n");
    assert!(inside.starts_with("ehlo me.test\r\n"), "{inside:?}");
    says(
        inside,
        &[
            "rcpt TO:<you@b.test>",
            "meet me behind the tea house\r\n",
            "QUIT\r\n",
        ],
    );
    says(
        &received,
        &[
            "250-STARTTLS\r\n",
            "220 Ready to start TLS\r\n",
            "250 taken\r\n",
            "221 Bye\r\n",
        ],
    );
    let got: Value = until("the mail", || {
        server
            .said()
            .lines()
            .nth(1)
            .map(|line| serde_json::from_str(line).unwrap())
    });
    assert_eq!(
        (&got["tls"], &got["to"]),
        (&json!(true), &json!(["you@b.test"]))
    );
    let secrets = std::fs::read_to_string(&log).unwrap();
    let count = secrets.matches("CLIENT_HANDSHAKE_TRAFFIC_SECRET ").count();
    assert_eq!(count, 2, "one of each side");
    assert_eq!(flow["comment"], "");
    assert_eq!(program.api.flows("").len(), 1);

    program.api.expect(200, "DELETE", "/api/flows", None);
    let heard = s_client(
        &program,
        "smtp",
        &["-connect", &place(&program).to_string()],
        b"NOOP hello\r\nQUIT\r\n",
    );
    says(&heard.text(), &["250 OK", "221 Bye"]);
    says(
        &read(&program, "smtp").1,
        &["STARTTLS\r\nNOOP hello\r\nQUIT\r\n"],
    );
}

#[test]
fn a_server_that_does_not_want_it() {
    let server = Daemon::python("smtp_server.py", &["clear"]);
    let program = in_place_of(&server, &[]);
    let mut client = wire::dial(place(&program));
    let mut heard = hears(&mut client, b"\r\n");
    // each by itself: nothing waits for more
    for line in ["EHLO me.test\r\n", "STARTTLS\r\n", "NOOP\r\n", "QUIT\r\n"] {
        client.write_all(line.as_bytes()).unwrap();
    }
    client.read_to_end(&mut heard).unwrap();
    drop(client);
    let flow = program.api.flow("kind:tcp");
    assert_eq!(
        (&flow["method"], &flow["state"]),
        (&json!("SMTP"), &json!("complete"))
    );
    assert_eq!(
        program.api.sent(&flow, "request"),
        b"EHLO me.test\r\nSTARTTLS\r\nNOOP\r\nQUIT\r\n"
    );
    assert_eq!(program.api.sent(&flow, "response"), heard);
    says(
        &String::from_utf8_lossy(&heard),
        &["454 TLS not available", "221 Bye"],
    );
    assert_eq!(flow["connection"]["client_tls"], Value::Null);
    mail("clear", 0, place(&program).port(), &program.ca_file()).ok();
    let flow = program.api.flow("body:\"tea house\"");
    says(&server.said(), &["\"tls\": false", "meet me behind"]);
    assert_eq!((&flow["comment"], &flow["tags"]), (&json!(""), &json!([])));
}

#[test]
fn mailboxes() {
    let Some(server) = Daemon::dovecot() else {
        return;
    };
    let program = in_place_of(&server, &[]);
    let (imap, pop3) = (server.ports[0], server.ports[1]);
    let roots = program.ca_file();
    let got = mail("imap", program.proxy.port(), imap, &roots).ok();
    says(&got.text(), &["meet me behind the tea house"]);
    let (flow, sent, received) = read(&program, "imap");
    assert_eq!(flow["method"], "IMAP");
    says(
        &sent,
        &[
            " STARTTLS\r\n",
            " LOGIN me \"password for imap\"\r\n",
            "meet me behind",
        ],
    );
    says(
        &received,
        &[
            "* OK [CAPABILITY",
            "Begin TLS negotiation now.",
            "Logged in",
        ],
    );
    let got = mail("pop3", program.proxy.port(), pop3, &roots).ok();
    says(&got.text(), &["meet me behind the tea house"]);
    let (flow, sent, received) = read(&program, "pop3");
    assert_eq!(flow["method"], "POP3");
    says(&sent, &["STLS\r\nUSER me\r\nPASS password for pop3\r\n"]);
    says(
        &received,
        &["+OK Begin TLS negotiation now.\r\n", "meet me behind"],
    );

    program.api.expect(200, "DELETE", "/api/flows", None);
    let heard = s_client(
        &program,
        "imap",
        &["-connect", &places(&program)[0].to_string()],
        b"b NOOP\r\nc LOGOUT\r\n",
    );
    says(&heard.text(), &["b OK NOOP completed"]);
    says(
        &read(&program, "imap").1,
        &[" STARTTLS\r\nb NOOP\r\nc LOGOUT\r\n"],
    );
    let heard = s_client(
        &program,
        "pop3",
        &["-connect", &places(&program)[1].to_string()],
        b"NOOP\r\nQUIT\r\n",
    );
    says(&heard.text(), &["+OK Logging out"]);
    says(&read(&program, "pop3").1, &["STLS\r\nNOOP\r\nQUIT\r\n"]);
}

/// The server is no database: it greets, turns to TLS and answers as one, which is what passes here.
#[test]
fn mysql_and_its_client() {
    let server = Daemon::python("mysql_server.py", &[]);
    let program = in_place_of(&server, &[]);
    let at = place(&program).port().to_string();
    let query = "SELECT 'secret'";
    let said = Run::new(interpreter())
        .arg(repository().join("tests/clients/mysql_client.py"))
        .args([&at, &program.ca_file().display().to_string(), query])
        .ok();
    assert_eq!(said.text(), format!("{query}\n"));
    let (flow, sent, received) = read(&program, "mysql");
    assert_eq!(flow["method"], "MySQL");
    let pieces = program.api.messages(&flow);
    assert_eq!(
        pieces[1].1.len(),
        36,
        "the request for TLS is a piece of its own"
    );
    assert_eq!(sent.as_bytes()[..4], [32, 0, 0, 1]);
    says(&sent, &["mysql_native_password", query]);
    says(&received, &["8.4.2-tests", query]);
    program.api.expect(200, "DELETE", "/api/flows", None);
    let login = b"\x36\0\0\x02\x85\xa2\x0a\0\0\0\0\x01\x21";
    let login = [&login[..], &[0; 23], b"me\0\0mysql_native_pass\0"].concat();
    let quit = b"\x01\0\0\0\x01";
    s_client(
        &program,
        "mysql",
        &["-connect", &place(&program).to_string()],
        &[&login[..], quit].concat(),
    );
    let (_, sent, received) = read(&program, "mysql");
    assert!(sent.as_bytes().ends_with(quit), "{sent:?}");
    assert!(
        received.as_bytes().ends_with(&[0, 0, 0, 2, 0, 0, 0]),
        "{received:?}"
    );
}

/// A flow in which the clear part ended where TLS began, and the flow of that TLS.
fn parted(program: &Program, state: &str) -> Value {
    let clear = program.api.flow("kind:tcp");
    assert_eq!(
        (&clear["method"], &clear["state"]),
        (&json!("SMTP"), &json!("complete"))
    );
    assert_eq!(
        program.api.sent(&clear, "request"),
        b"ehlo me.test\r\nSTARTTLS\r\n"
    );
    says(
        clear["comment"].as_str().unwrap(),
        &["is a flow of its own"],
    );
    let tls = program.api.flow("kind:tls");
    assert_eq!(
        (&tls["state"], &tls["connection"]["id"]),
        (&json!(state), &clear["connection"]["id"])
    );
    tls
}

#[test]
fn what_is_not_opened() {
    let server = Daemon::python("smtp_server.py", &[]);
    let own = crate::support::folder();
    let pinned = own.path().join("pinned.pem");
    std::fs::write(&pinned, &server.ca.pem).unwrap();

    // passed through: the client sees the server's own certificate, which the program does not even trust
    let program = Setup::new().args(["--tls", "localhost=pass"]).start();
    mail("smtp", program.proxy.port(), server.port(), &pinned).ok();
    let tls = parted(&program, "complete");
    assert_eq!(
        tls["comment"],
        "passed through: the setting localhost=pass says so"
    );
    assert_eq!(tls["connection"]["server_tls"]["version"], "TLSv1.3");
    assert!(
        tls["request"]["body_size"].as_u64().unwrap() > 300,
        "{tls:#}"
    );
    says(&server.said(), &["\"tls\": true", "meet me behind"]);
    assert!(program.api.flows("body:\"tea house\"").is_empty());

    // blocked
    let program = Setup::new().args(["--tls", "localhost=block"]).start();
    let said = mail("refused", program.proxy.port(), server.port(), &pinned).ok();
    says(&said.text().to_lowercase(), &["access denied"]);
    let tls = parted(&program, "failed");
    assert_eq!(tls["error"]["cause"], "forbidden");

    // a server that the program does not trust
    let program = Program::start();
    let said = mail("refused", program.proxy.port(), server.port(), &pinned).ok();
    says(&said.text().to_lowercase(), &["internal error"]);
    let tls = parted(&program, "failed");
    assert_eq!(tls["error"]["cause"], "certificate", "{tls:#}");
    says(
        tls["error"]["text"].as_str().unwrap(),
        &["localhost", "issuer", "Origin test CA"],
    );
    program.api.expect(200, "DELETE", "/api/flows", None);

    // a client that accepts the server's own authority alone, until that is noticed
    let program = Setup::new()
        .trusting(&server.ca.pem)
        .args(["--pass-pinned"])
        .start();
    for turn in 1..=3 {
        mail("refused", program.proxy.port(), server.port(), &pinned).ok();
        let tls = parted(&program, "failed");
        let error = &tls["error"];
        assert_eq!(
            (&error["cause"], &error["side"]),
            (&json!("tls"), &json!("client"))
        );
        let noticed = error["text"].as_str().unwrap().contains("probably pins");
        assert_eq!(noticed, turn == 3, "{error}");
        program.api.expect(200, "DELETE", "/api/flows", None);
    }
    mail("smtp", program.proxy.port(), server.port(), &pinned).ok();
    assert_eq!(parted(&program, "complete")["tags"], json!(["pinned"]));
}

/// A mail server of few words: greets, answers two lines, and says what is given behind its consent.
fn curt(tls: Option<std::sync::Arc<rustls::ServerConfig>>, consent: &'static [u8]) -> Server {
    Server::new(None, move |mut client: Box<dyn Stream>| {
        client.write_all(b"220 mail.test\r\n").unwrap();
        let mut said = Vec::new();
        while !said.windows(8).any(|eight| eight == b"STARTTLS") {
            let mut some = [0; 1000];
            match client.read(&mut some).unwrap() {
                0 => return,
                n => said.extend_from_slice(&some[..n]),
            }
            if said.ends_with(b"EHLO me\r\n") {
                client.write_all(b"250 STARTTLS\r\n").unwrap();
            }
        }
        client.write_all(consent).unwrap();
        let Some(config) = tls.clone() else {
            // whatever comes is heard to its end
            let heard = wire::read_rest(&mut *client);
            client.write_all(&heard).unwrap();
            return client.finish();
        };
        let connection = rustls::ServerConnection::new(config).unwrap();
        let socket = client.socket().try_clone().unwrap();
        let mut inside = rustls::StreamOwned::new(connection, socket);
        let mut line = [0; 6];
        inside.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"QUIT\r\n");
        inside.write_all(b"221 bye\r\n").unwrap();
        inside.finish();
    })
}

fn asking(at: SocketAddr, request: &[u8]) -> (TcpStream, String) {
    let mut client = wire::dial(at);
    let mut heard = String::new();
    for line in [&b"EHLO me\r\n"[..], request] {
        while !heard.ends_with('\n') {
            let mut some = [0; 1000];
            let n = client.read(&mut some).unwrap();
            heard.push_str(std::str::from_utf8(&some[..n]).unwrap());
        }
        client.write_all(line).unwrap();
        heard.push(' ');
    }
    (client, heard)
}

/// Reads until it has heard an end.
fn hears(client: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    while !heard.ends_with(end) {
        let mut one = [0];
        client.read_exact(&mut one).unwrap();
        heard.push(one[0]);
    }
    heard
}

#[test]
fn what_is_sent_in_the_clear_behind_it_is_told() {
    let ca = TestCa::new();
    const CONSENT: &[u8] = b"220 go ahead\r\n";
    const MORE: &[u8] = b"220 go ahead\r\n250 injected\r\n";
    for (request, consent, clear, who) in [
        (
            &b"STARTTLS\r\nRSET\r\n"[..],
            CONSENT,
            "the client sent 6 bytes",
            "CVE-2011-0411",
        ),
        (
            b"STARTTLS\r\n",
            MORE,
            "the server sent 14 bytes",
            "CVE-2021-23222",
        ),
    ] {
        let server = curt(Some(ca.identity().server(&[])), consent);
        let mode = format!("reverse:tcp://localhost:{}@127.0.0.1:0", server.port());
        let program = Setup::new()
            .trusting(&ca.pem)
            .args(["--mode", &mode])
            .start();
        let (mut client, _) = asking(place(&program), request);
        assert_eq!(hears(&mut client, consent), consent, "as it came");
        let mut client = wire::tls(client, "localhost", &program.ca_pem(), &[]);
        client.write_all(b"QUIT\r\n").unwrap();
        client.flush().unwrap();
        assert_eq!(
            wire::read_rest(&mut client),
            b"221 bye\r\n",
            "nothing else is inside"
        );
        drop(client);
        let flow = program.api.flow("kind:tcp");
        assert_eq!(flow["tags"], json!(["starttls-injection"]));
        says(
            flow["comment"].as_str().unwrap(),
            &[clear, "is no part of what is inside TLS", who],
        );
        let sent = [&b"EHLO me\r\n"[..], request, b"QUIT\r\n"].concat();
        assert_eq!(program.api.sent(&flow, "request"), sent);
        assert_eq!(program.api.flows("tag:starttls-injection").len(), 1);
    }
}

#[test]
fn what_follows_and_is_no_tls_passes_as_it_came() {
    let server = curt(None, b"220 go ahead\r\n");
    let mode = format!("reverse:tcp://localhost:{}@127.0.0.1:0", server.port());
    let program = Setup::new().args(["--mode", &mode]).start();
    let garbage: Vec<u8> = (0..=255).rev().cycle().take(70_000).collect();
    for said in [
        &garbage[..],
        b"RSET\r\n",
        b"\x16\x03\x01\x02\0\x09",
        b"\x16",
        b"",
    ] {
        let (mut client, _) = asking(place(&program), b"STARTTLS\r\n");
        hears(&mut client, b"220 go ahead\r\n");
        client.write_all(said).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(wire::read_rest(&mut client), said, "it comes back");
        drop(client);
        let flow = program.api.flow("kind:tcp");
        let sent = [b"EHLO me\r\nSTARTTLS\r\n", said].concat();
        assert_eq!(program.api.sent(&flow, "request"), sent);
        says(
            flow["comment"].as_str().unwrap(),
            &["agreed to go on in TLS"],
        );
        program.api.expect(200, "DELETE", "/api/flows", None);
    }
    // a client that stays silent, until the server ends it
    let (mut client, _) = asking(place(&program), b"STARTTLS\r\n");
    hears(&mut client, b"220 go ahead\r\n");
    drop(client);
    says(
        program.api.flow("kind:tcp")["comment"].as_str().unwrap(),
        &["ended before it began"],
    );
}
