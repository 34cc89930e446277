use super::*;

fn data() -> (tempfile::TempDir, Data) {
    let folder = tempfile::tempdir().unwrap();
    let data = Data::new(folder.path().join("data"));
    data.create().unwrap();
    (folder, data)
}

#[test]
fn one_program_at_a_time() {
    let (_folder, data) = data();
    let lock = data.lock().unwrap().unwrap();
    assert!(data.lock().unwrap().is_none());
    drop(lock);
    assert!(data.lock().unwrap().is_some());
}

#[test]
fn the_token_stays() {
    let (_folder, data) = data();
    let token = data.token().unwrap();
    assert_eq!(token.len(), 32);
    assert!(
        token
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    );
    assert_eq!(data.token().unwrap(), token);
    fs::write(data.path().join("token"), "  \n").unwrap();
    assert_ne!(data.token().unwrap(), token, "an empty file is no secret");
}

#[cfg(unix)]
#[test]
fn what_is_written_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, data) = data();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let token = data.token().unwrap();
    let file = data.path().join("token");
    assert_eq!((mode(data.path()), mode(&file)), (0o700, 0o600));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(data.token().unwrap(), token);
    assert_eq!(mode(&file), 0o600);
}

#[test]
fn where_it_runs_is_told_while_it_runs() {
    let (_folder, data) = data();
    assert_eq!(data.running(), None);
    let running = Running {
        pid: 7,
        web: "127.0.0.1:8081".parse().unwrap(),
        token: "t".to_owned(),
        proxy: vec!["[::]:8080".parse().unwrap()],
    };
    let announced = data.announce(&running).unwrap();
    assert_eq!(data.running(), Some(running));
    drop(announced);
    assert_eq!(data.running(), None);
}

#[test]
fn devices_are_remembered() {
    let (_folder, data) = data();
    assert!(data.devices().unwrap().is_empty());
    let devices = BTreeMap::from([
        ("192.168.1.20".parse().unwrap(), Decision::Allow),
        ("fe80::1".parse().unwrap(), Decision::Refuse),
    ]);
    data.remember_devices(&devices).unwrap();
    assert_eq!(data.devices().unwrap(), devices);
    fs::write(data.path().join("devices.toml"), "devices = 3").unwrap();
    assert!(format!("{:#}", data.devices().unwrap_err()).contains("correct or delete it"));
}

#[test]
fn what_cannot_be_used_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let said = Data::new(file.join("data"))
        .create()
        .unwrap_err()
        .to_string();
    assert!(
        said.starts_with("cannot use the data folder") && said.contains("--data"),
        "{said}"
    );
    let said = Data::new(file).create().unwrap_err().to_string();
    assert!(said.contains("not a folder"), "{said}");
}
