//! A conversation that turned to TLS: what was said in the clear and what inside, piece by piece and followed.

use super::shared::drive_with;
use crate::{
    starttls::{in_place_of, mail, place, psql},
    support::databases::Daemon,
};
use serde_json::json;

#[test]
fn a_conversation_that_turned_to_tls_is_followed() {
    let server = Daemon::python("smtp_server.py", &[]);
    let program = in_place_of(&server, &[]);
    mail("smtp", 0, place(&program).port(), &program.ca_file()).ok();
    program.api.flow("method:smtp");
    let seen = drive_with(&program, "", "starttls", &["mail"], json!({}));
    let mail = &seen["mail"];
    assert_eq!(mail["method"], "SMTP", "{mail:#}");
    let story = mail["story"].as_str().unwrap();
    assert!(
        story.contains("speaks SMTP to localhost:")
            && story.contains("began in the clear and turned to TLS"),
        "{story}"
    );
    let kinds = mail["pieces"].as_array().unwrap();
    // greeting, EHLO, its answer, STARTTLS, consent
    assert_eq!(
        kinds[..6],
        ["clear", "clear", "clear", "clear", "clear", "TLS"]
    );
    let lines: Vec<_> = mail["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    let begins = lines
        .iter()
        .position(|line| line.starts_with("[TLS begins here"))
        .unwrap();
    assert!(
        lines[begins - 1].starts_with("220 Ready to start TLS"),
        "{lines:?}"
    );
    assert_eq!(lines[begins + 1], "ehlo me.test");
    assert!(lines.contains(&"meet me behind the tea house"), "{lines:?}");
    assert!(
        mail["picture"]
            .as_str()
            .unwrap()
            .contains("The client believes to talk to localhost"),
        "{mail:#}"
    );
    assert_eq!(
        (&mail["wide"], &mail["broken"]),
        (&json!(390), &json!([])),
        "{mail:#}"
    );
    assert_eq!(seen["troubles"], json!([]));
}

#[test]
fn a_session_of_a_database_is_followed() {
    let Some(server) = Daemon::postgres() else {
        return;
    };
    let program = in_place_of(&server, &[]);
    let query = "select 'read ' || 6 * 7";
    psql(
        place(&program).port(),
        &program.ca_file(),
        "verify-full",
        query,
    )
    .ok();
    program.api.flow("method:postgresql");
    let seen = drive_with(&program, "", "starttls", &["database"], json!({}));
    let said = seen["database"].as_str().unwrap();
    for words in ["[TLS begins here", query, "read 42"] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    assert_eq!(seen["troubles"], json!([]));
}
