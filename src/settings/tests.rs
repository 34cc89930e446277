use super::{document::Document, *};
use crate::cli;
use std::path::Path;

fn set(text: &str, key: &str, value: Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    let mut document = Document::read(&path).unwrap();
    let row = ROWS.iter().find(|row| row.key == key).unwrap();
    document.set(row, &row.checked(&value).unwrap());
    document.file().unwrap();
    document.write(&path).unwrap();
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn everything_that_has_a_flag_is_a_setting() {
    let command = cli::settings();
    let mut flags: Vec<_> = command
        .get_arguments()
        .filter_map(|a| a.get_long())
        // how one run begins; it is switched by `/api/offline` later
        .filter(|flag| *flag != "replay-from")
        .collect();
    let mut keys = ROWS.map(|row| row.key);
    flags.sort_unstable();
    keys.sort_unstable();
    assert_eq!(flags, keys);
    for row in ROWS {
        assert!(!row.help().is_empty(), "{}", row.key);
    }
}

#[test]
fn comments_and_order_stay() {
    let text =
        "# mine\nweb = '127.0.0.1:1' # the page\n\n# who\nallow = [\"10.0.0.0/8\"] # all\n# end\n";
    assert_eq!(
        set(text, "web", json!("127.0.0.1:2")),
        text.replace("'127.0.0.1:1'", "\"127.0.0.1:2\"")
    );
    assert_eq!(
        set(text, "allow", json!(["10.0.0.0/8", "::1"])),
        text.replace("[\"10.0.0.0/8\"]", "[\"10.0.0.0/8\", \"::1\"]")
    );
    assert_eq!(
        set(text, "no-open", json!(true)),
        "# mine\nweb = '127.0.0.1:1' # the page\n\n# who\nallow = [\"10.0.0.0/8\"] # all\nno-open = true\n# end\n"
    );
    // the comment above a line survives it
    assert_eq!(
        set(text, "web", Value::Null),
        "# mine\n\n# who\nallow = [\"10.0.0.0/8\"] # all\n# end\n"
    );
    assert_eq!(
        set(text, "allow", json!([])),
        "# mine\nweb = '127.0.0.1:1' # the page\n\n# who\n# end\n"
    );
    assert_eq!(
        set("", "insecure-upstream", json!("*")),
        "insecure-upstream = true\n"
    );
    assert_eq!(
        set("", "insecure-upstream", json!(["B\u{fc}cher.example"])),
        "insecure-upstream = [\"xn--bcher-kva.example\"]\n"
    );
}

#[test]
fn values_are_checked_as_the_command_line_does() {
    let cases = [
        (
            "web",
            json!("localhost"),
            "invalid value 'localhost' for '--web <ADDR:PORT>'",
        ),
        ("web", json!(["127.0.0.1:1"]), "write a text"),
        (
            "listen",
            json!(["1.2.3.4"]),
            "invalid value '1.2.3.4' for '--listen <ADDR:PORT>'",
        ),
        ("listen", json!([1]), "write a list of texts"),
        ("listen", json!([""]), "a text is empty"),
        ("allow", json!(["10.0.0.0/8,::1"]), "holds a comma"),
        ("allow", json!("300.0.0.0/8"), "is not an address range"),
        ("insecure-upstream", json!(["a b"]), "is not a host name"),
        ("no-open", json!("yes"), "write true or false"),
        ("upstream-ca", json!(["corp.pem"]), "is not a whole path"),
        ("data", json!(""), "a text is empty"),
    ];
    for (key, value, reason) in cases {
        let row = ROWS.iter().find(|row| row.key == key).unwrap();
        let said = row.checked(&value).unwrap_err();
        assert!(said.contains(reason), "{key} {value}: {said}");
    }
}

#[test]
fn a_broken_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    for text in ["web = ", "\u{0}", "[[x"] {
        std::fs::write(&path, text).unwrap();
        let Err(refused) = Document::read(&path) else {
            panic!("{text}");
        };
        assert!(refused.reason.contains("config.toml"), "{}", refused.reason);
    }
    assert!(Document::read(Path::new("/dev/null/config.toml")).is_err());
}

#[cfg(unix)]
#[test]
fn rights_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("dotfiles.toml");
    std::fs::write(&real, "# mine\n").unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("config.toml");
    symlink(&real, &link).unwrap();
    let row = ROWS.iter().find(|row| row.key == "qr").unwrap();
    for path in [&link, &folder.path().join("new/config.toml")] {
        let mut document = Document::read(path).unwrap();
        document.set(row, &json!(true));
        document.write(path).unwrap();
    }
    assert!(std::fs::read_link(&link).is_ok());
    assert_eq!(
        std::fs::read_to_string(&real).unwrap(),
        "# mine\nqr = true\n"
    );
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&real), 0o640);
    assert_eq!(mode(&folder.path().join("new/config.toml")), 0o600);
}
