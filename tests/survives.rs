//! Promise: whatever happens to the program, what was recorded stays, and it says what is wrong.

use crate::support::{
    Nginx, Run, Server,
    disk::SmallDisk,
    http, not_run,
    program::{Setup, binary, overhear},
    server::response,
    system, until, wire,
};
use std::{
    io::Write,
    net::TcpListener,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

#[test]
fn killed_in_the_middle_of_traffic() {
    let origin = Server::answering(None, |request| {
        if request.start_line().contains("/hangs") {
            // Half an answer, and the rest never.
            return b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf".to_vec();
        }
        response("200 OK", &[], "done")
    });
    let folder = tempfile::tempdir().unwrap();
    let program = Setup::new().data(folder.path()).start();
    let host = format!("localhost:{}", origin.port());
    let mut client = wire::dial(program.proxy);
    for n in 0..50 {
        write!(
            client,
            "GET http://{host}/before/{n} HTTP/1.1\r\nHost: {host}\r\n\r\n"
        )
        .unwrap();
        http::read_response(&mut client).unwrap();
    }
    program.api.wait_for("path:/before/", 50);
    let mut hanging = wire::dial(program.proxy);
    write!(
        hanging,
        "GET http://{host}/hangs HTTP/1.1\r\nHost: {host}\r\n\r\n"
    )
    .unwrap();
    program
        .api
        .flow_when("path:/hangs", |flow| flow["response"]["body_size"] == 4);
    // Traffic that goes on while it is killed.
    let proxy = program.proxy;
    let done = Arc::new(AtomicU64::new(0));
    let counted = done.clone();
    let busy = std::thread::spawn(move || {
        while write!(
            client,
            "GET http://{host}/during/{counted:?} HTTP/1.1\r\nHost: {host}\r\n\r\n"
        )
        .is_ok_and(|()| http::read_response(&mut client).is_ok())
        {
            counted.fetch_add(1, SeqCst);
        }
    });
    until("much to be done", || {
        (done.load(SeqCst) > 500).then_some(())
    });
    // What was done when this was asked is written as soon as the count says so; then it is killed, at work.
    let before = done.load(SeqCst);
    until("that to be recorded", || {
        let count = &program.api.get("/api/flows/count?filter=path:/during/")["count"];
        (count.as_u64()? >= before).then_some(())
    });
    program.kill();
    busy.join().unwrap();
    let done = done.load(SeqCst);
    assert!(std::net::TcpStream::connect(proxy).is_err(), "it is dead");

    let again = Setup::new().data(folder.path()).start();
    assert_eq!(again.api.flows("path:/before/").len(), 50);
    let hung = again.api.flow("path:/hangs");
    assert_eq!(hung["state"], "interrupted", "{hung:#}");
    assert_eq!(again.api.body(&hung, "response"), b"half");
    let kept = again.api.get("/api/flows/count?filter=path:/during/")["count"]
        .as_u64()
        .unwrap();
    assert!(
        before <= kept && kept <= done + 1,
        "{before} and more, {kept} of {done}"
    );
    assert!(
        again
            .api
            .flows("")
            .iter()
            .all(|flow| flow["state"] != "running")
    );
    // It still records.
    let page = wire::exchange(
        again.proxy,
        format!(
            "GET http://localhost:{0}/after HTTP/1.1\r\nHost: localhost:{0}\r\n\r\n",
            origin.port()
        ),
    );
    assert_eq!(page.status(), 200);
    again.api.flow("path:/after");
}

#[test]
fn sigterm_and_ctrl_c_end_it_in_order() {
    let origin = Server::answering(None, |request| {
        if request.start_line().contains("/hangs") {
            return b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf".to_vec();
        }
        response("200 OK", &[], "done")
    });
    let host = format!("localhost:{}", origin.port());
    for signal in [system::terminate, system::interrupt] {
        let folder = tempfile::tempdir().unwrap();
        let program = Setup::new().data(folder.path()).start();
        let get = |path: &str| format!("GET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let mut hanging = wire::dial(program.proxy);
        hanging.write_all(get("/hangs").as_bytes()).unwrap();
        program
            .api
            .flow_when("path:/hangs", |flow| flow["response"]["body_size"] == 4);
        let mut client = wire::dial(program.proxy);
        for n in 0..20 {
            client
                .write_all(get(&format!("/done/{n}")).as_bytes())
                .unwrap();
            http::read_response(&mut client).unwrap();
        }
        // At once: nothing may be left behind in memory.
        program.stop_with(signal);
        let listed = overhear(folder.path())
            .args(["flows", "--json", "-n", "1000", "--data"])
            .arg(folder.path())
            .ok()
            .json_lines();
        let count = |path: &str, state: &str| {
            let fits = |f: &&serde_json::Value| {
                f["path"].as_str().unwrap().starts_with(path) && f["state"] == state
            };
            listed.iter().filter(fits).count()
        };
        assert_eq!(count("/done/", "complete"), 20);
        assert_eq!(count("/hangs", "running"), 0);
        assert_eq!(
            count("/hangs", "interrupted") + count("/hangs", "failed"),
            1
        );
    }
}

#[test]
fn an_exchange_may_end_before_it_does() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let origin = Server::new(None, move |mut stream| {
        http::read_head(&mut *stream).unwrap();
        wait.lock()
            .unwrap()
            .recv_timeout(crate::support::PATIENCE)
            .unwrap();
        stream
            .write_all(&response("200 OK", &[], "in time"))
            .unwrap();
        wire::read_rest(&mut *stream);
    });
    let folder = tempfile::tempdir().unwrap();
    let program = Setup::new().data(folder.path()).start();
    let host = format!("localhost:{}", origin.port());
    let mut client = wire::dial(program.proxy);
    write!(
        client,
        "GET http://{host}/late HTTP/1.1\r\nHost: {host}\r\n\r\n"
    )
    .unwrap();
    program
        .api
        .flow_when("path:/late", |flow| flow["server"].is_string());
    let proxy = program.proxy;
    let ending = std::thread::spawn(move || {
        // The port closes first; the exchange that is under way gets its answer.
        until("the port to close", || {
            std::net::TcpStream::connect(proxy).is_err().then_some(())
        });
        go.send(()).unwrap();
        http::read_response(&mut client).unwrap().text()
    });
    program.stop();
    assert_eq!(ending.join().unwrap(), "in time");
}

#[test]
fn a_full_disk() {
    let Some(disk) = SmallDisk::mount("16m") else {
        return;
    };
    let origin = Nginx::start();
    origin.large_file("large.bin", 64 << 20);
    let data = disk.path().join("data");
    let program = Setup::new().data(&data).start();
    program.curl().arg(origin.http("/hello.txt")).ok();
    program.api.flow("path:/hello.txt");
    // Recording fails, the traffic may not: the client gets its bytes.
    let (hash, _) = program.curl().arg(origin.http("/large.bin")).hashed();
    let (expected, _) = crate::support::sha256(origin.file("large.bin").as_slice());
    assert_eq!(hash, expected);
    let trouble = until("the status to tell of the full disk", || {
        program.api.get("/api/status")["trouble"]
            .as_str()
            .map(str::to_owned)
    });
    assert!(trouble.contains("full"), "{trouble}");
    assert_eq!(
        program.api.flows("path:/hello.txt").len(),
        1,
        "what was recorded is still there"
    );
    assert_eq!(
        program
            .curl()
            .arg(origin.http("/hello.txt?after"))
            .ok()
            .text(),
        "hello, world\n"
    );
    assert!(!program.said().contains("panicked"), "{}", program.said());
}

#[test]
fn room_on_the_disk_again() {
    let Some(disk) = SmallDisk::mount("48m") else {
        return;
    };
    let ballast = disk.path().join("ballast");
    let origin = Nginx::start();
    origin.large_file("large.bin", 8 << 20);
    let program = Setup::new().data(&disk.path().join("data")).start();
    std::fs::write(&ballast, vec![1; 42 << 20]).unwrap();
    program.curl().arg(origin.http("/large.bin")).hashed();
    until("the status to tell of the full disk", || {
        program.api.get("/api/status")["trouble"].as_str().map(drop)
    });
    std::fs::remove_file(ballast).unwrap();
    until("recording to go on", || {
        program.curl().arg(origin.http("/hello.txt?room")).ok();
        (!program
            .api
            .flows("path:/hello.txt?room state:complete")
            .is_empty()
            || program
                .api
                .flows("path:?room")
                .iter()
                .any(|f| f["state"] == "complete"))
        .then_some(())
    });
    until("the trouble to be over", || {
        program.api.get("/api/status")["trouble"]
            .is_null()
            .then_some(())
    });
}

#[test]
fn a_database_from_a_newer_program() {
    let folder = tempfile::tempdir().unwrap();
    Setup::new().data(folder.path()).start().stop();
    let database = database(folder.path());
    let newer = "import sqlite3, sys\n\
                 db = sqlite3.connect(sys.argv[1])\n\
                 tables = [r[0] for r in db.execute(\"select name from sqlite_master\")]\n\
                 if '_sqlx_migrations' in tables:\n\
                 \x20   db.execute(\"insert into _sqlx_migrations (version, description, success, checksum, \
                 execution_time) values (99999999999999, 'newer', 1, x'00', 0)\")\n\
                 db.execute('pragma user_version = 999999')\n\
                 db.commit()\n\
                 db.close()\n";
    Run::new("python3").args(["-c", newer]).arg(&database).ok();
    let before = contents(&database);
    let said = refuses_to_start(Setup::new().data(folder.path()), folder.path());
    assert!(said.contains("newer") && said.contains("--data"), "{said}");
    assert_eq!(contents(&database), before, "it was not touched");
    let listed = overhear(folder.path())
        .args(["flows", "--data"])
        .arg(folder.path())
        .run()
        .exits(1);
    assert!(listed.err.contains("newer"), "{}", listed.err);
}

#[test]
fn a_file_that_is_no_database() {
    let folder = tempfile::tempdir().unwrap();
    Setup::new().data(folder.path()).start().stop();
    let database = database(folder.path());
    for extra in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{extra}", database.display()));
    }
    std::fs::write(
        &database,
        "this is no database, it is a letter".repeat(1000),
    )
    .unwrap();
    let said = refuses_to_start(Setup::new().data(folder.path()), folder.path());
    assert!(said.contains("database"), "{said}");
    assert!(
        std::fs::read(&database)
            .unwrap()
            .starts_with(b"this is no database"),
        "it was not touched"
    );
}

#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let home = tempfile::tempdir().unwrap();
    let said = refuses_to_start(Setup::new().listen(&address), home.path());
    assert!(
        said.contains(&address) && said.contains("--listen"),
        "{said}"
    );
    // The page's port: the last flag wins over the one the tests give.
    let run = overhear(home.path())
        .args([
            "run",
            "--listen",
            "127.0.0.1:0",
            "--web",
            &address,
            "--no-open",
            "--data",
        ])
        .arg(home.path().join("data"));
    let said = run.run().exits(1).err;
    assert!(said.contains(&address) && said.contains("--web"), "{said}");
}

#[test]
fn a_data_folder_that_cannot_be_used() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    for data in [file.clone(), file.join("below")] {
        let said = refuses_to_start(Setup::new().data(&data), home.path());
        assert!(said.contains(&*data.to_string_lossy()), "{said}");
    }
}

#[test]
fn a_data_folder_of_someone_else() {
    let home = tempfile::tempdir().unwrap();
    let locked = home.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    system::forbid(&locked);
    let run = if system::is_root() {
        if Run::new("setpriv").arg("--version").run().status.code() != Some(0) {
            return not_run(
                "root may do everything, and there is no setpriv to become someone else",
            );
        }
        // The built program may lie where nobody else can look.
        let copy = home.path().join("overhear");
        // Not by this process: while another test starts a program, that one would hold the copy open for writing.
        Run::new("cp").arg(binary()).arg(&copy).ok();
        system::open_to_all(home.path());
        Run::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(copy)
            .env("HOME", home.path())
    } else {
        overhear(home.path())
    };
    let data = locked.join("data");
    let run = run
        .args([
            "run",
            "--listen",
            "127.0.0.1:0",
            "--web",
            "127.0.0.1:0",
            "--no-open",
            "--data",
        ])
        .arg(&data);
    let ran = run.run().exits(1);
    system::open_to_all(&locked);
    assert!(ran.err.contains(&*data.to_string_lossy()), "{}", ran.err);
    assert!(ran.err.to_lowercase().contains("permission"), "{}", ran.err);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
}

#[test]
fn two_programs_on_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = Setup::new().data(folder.path()).start();
    let home = tempfile::tempdir().unwrap();
    let said = refuses_to_start(Setup::new().data(folder.path()), home.path());
    assert!(said.contains(&*folder.path().to_string_lossy()), "{said}");
    assert!(said.contains("--data"), "it says what to do: {said}");
    // The first goes on as if nothing had been.
    let origin = Server::answering(None, |_| response("200 OK", &[], "ok"));
    let request = format!(
        "GET http://localhost:{0}/still HTTP/1.1\r\nHost: x\r\n\r\n",
        origin.port()
    );
    assert_eq!(wire::exchange(first.proxy, request).status(), 200);
    first.api.flow("path:/still");
}

#[test]
fn private_things_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let program = Setup::new().data(&data).start();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let mut keys = 0;
    let mut folders = vec![data.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read(&path).is_ok_and(|b| b.starts_with(b"-----BEGIN PRIVATE KEY")) {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                keys += 1;
            }
        }
    }
    assert_eq!(keys, 1, "the root's key lies in the data folder");
    drop(program);
}

#[test]
fn the_same_root_and_the_same_flows_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let origin = Nginx::start();
    let program = Setup::new()
        .data(folder.path())
        .trusting(&origin.ca.pem)
        .start();
    let root = program.ca_pem();
    program.curl().arg(origin.https("/hello.txt")).ok();
    let before = program.api.flow("path:/hello.txt");
    program.stop();
    let again = Setup::new().data(folder.path()).start();
    assert_eq!(again.ca_pem(), root);
    let after = again.api.detail(before["id"].as_i64().unwrap());
    for part in ["url", "status", "request", "times", "started_at", "state"] {
        assert_eq!(before[part], after[part], "{part}");
    }
    assert_eq!(
        before["connection"]["server_tls"],
        after["connection"]["server_tls"]
    );
    assert_eq!(again.api.body(&after, "response"), origin.file("hello.txt"));
}

/// Starts the program, which has to end soon with status 1, and returns what it says.
fn refuses_to_start(setup: Setup, home: &Path) -> String {
    let (run, _) = setup.command(home);
    let ran = run.limit(Duration::from_secs(30)).run().exits(1);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    ran.err
}

/// Everything in a database, as SQL.
fn contents(database: &Path) -> String {
    let dump = "import sqlite3, sys\n\
                db = sqlite3.connect(sys.argv[1])\n\
                print(db.execute('pragma user_version').fetchall(), *db.iterdump(), sep='\\n')\n";
    let dumped = Run::new("python3").args(["-c", dump]).arg(database).ok();
    assert!(dumped.text().contains("CREATE TABLE"));
    dumped.text()
}

/// The database in a data folder.
fn database(folder: &Path) -> std::path::PathBuf {
    let is_database = |path: &Path| {
        std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3\0"))
    };
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .into_iter()
        .find(|path| is_database(path))
        .expect("a database in the data folder")
}
