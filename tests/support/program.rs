//! The program under test: the real binary, on ports and in folders of its own.

use super::{Api, Run, command::Running, system, until};
use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// How to start the program.
pub struct Setup {
    args: Vec<OsString>,
    data: Option<PathBuf>,
    listen: String,
    web: String,
    upstream_ca: Option<String>,
    binary: PathBuf,
    environment: Vec<(String, OsString)>,
}

/// A running program. Killed when dropped, by its own id.
pub struct Program {
    /// The proxy's address.
    pub proxy: SocketAddr,
    /// The way to its API.
    pub api: Api,
    running: Option<Running>,
    data: PathBuf,
    home: TempDir,
}

/// The program's file.
pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_overhear"))
}

/// A command of the program in a home of its own (a folder that outlives it), away from the
/// configuration and the environment of the person who runs the tests.
pub fn overhear(home: &Path) -> Run {
    at_home(binary(), home)
}

fn at_home(binary: &Path, home: &Path) -> Run {
    let mut run = Run::new(binary)
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_DATA_HOME", home.join("share"))
        .env("NO_COLOR", "1")
        .env("RUST_BACKTRACE", "1")
        .without("SSLKEYLOGFILE");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OVERHEAR_") {
            run = run.without(&name);
        }
    }
    run
}

impl Setup {
    /// The proxy and the page on free loopback ports, the data in a folder of its own.
    pub fn new() -> Self {
        Self {
            args: Vec::new(),
            data: None,
            listen: "127.0.0.1:0".to_owned(),
            web: "127.0.0.1:0".to_owned(),
            upstream_ca: None,
            binary: binary().to_owned(),
            environment: Vec::new(),
        }
    }

    /// More arguments.
    pub fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// A data folder that outlives the program.
    pub fn data(mut self, data: &Path) -> Self {
        self.data = Some(data.to_owned());
        self
    }

    /// Where the proxy listens.
    pub fn listen(mut self, address: &str) -> Self {
        self.listen = address.to_owned();
        self
    }

    /// Where the page listens.
    pub fn web(mut self, address: &str) -> Self {
        self.web = address.to_owned();
        self
    }

    /// Trusts servers whose certificates this authority (PEM) signed.
    pub fn trusting(mut self, pem: &str) -> Self {
        self.upstream_ca = Some(pem.to_owned());
        self
    }

    /// Another build of the program.
    pub fn binary(mut self, file: &Path) -> Self {
        self.binary = file.to_owned();
        self
    }

    /// A variable of its environment.
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// The command line that [`start`](Self::start) would run, in a home (which must live on).
    pub fn command(&self, home: &Path) -> (Run, PathBuf) {
        let data = self.data.clone().unwrap_or_else(|| home.join("data"));
        let mut run = at_home(&self.binary, home)
            .arg("run")
            .args([
                "--listen",
                &self.listen,
                "--web",
                &self.web,
                "--no-open",
                "--data",
            ])
            .arg(&data)
            .args(&self.args)
            .limit(Duration::from_secs(3600));
        for (name, value) in &self.environment {
            run = run.env(name, value);
        }
        if let Some(pem) = &self.upstream_ca {
            let file = home.join("upstream-ca.pem");
            std::fs::write(&file, pem).unwrap();
            run = run.arg("--upstream-ca").arg(file);
        }
        (run, data)
    }

    /// Starts it and waits until it has printed where it is and answers there.
    pub fn start(self) -> Program {
        let home = super::folder();
        let (run, data) = self.command(home.path());
        let mut running = run.start();
        let (address, token) = until("the program to print its link", || {
            assert!(
                !running.ended(),
                "the program ended:\n{}",
                running.said_so_far()
            );
            link(&running.said_so_far())
        });
        let api = Api { address, token };
        let status = api.get("/api/status");
        let proxy: SocketAddr = status["proxy"][0].as_str().unwrap().parse().unwrap();
        Program {
            proxy,
            api,
            running: Some(running),
            data,
            home,
        }
    }
}

/// The page's address and token, once the program has printed the link.
fn link(said: &str) -> Option<(SocketAddr, String)> {
    let (before, after) = said.split_once("/?token=")?;
    let address = before
        .rsplit("http://")
        .next()?
        .replace("localhost", "127.0.0.1");
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c))?;
    Some((address.parse().ok()?, after[..end].to_owned()))
}

impl Program {
    /// Starts it as [`Setup::new`] says.
    pub fn start() -> Self {
        Setup::new().start()
    }

    /// Starts it trusting an authority (PEM) upstream.
    pub fn trusting(pem: &str) -> Self {
        Setup::new().trusting(pem).start()
    }

    /// `http://ADDRESS` of the proxy, as clients want it.
    pub fn url(&self) -> String {
        format!("http://{}", self.proxy)
    }

    /// Its process id.
    pub fn id(&mut self) -> u32 {
        self.running.as_mut().unwrap().child().id()
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A scratch folder that lives as long as the program's handle.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The root certificate, PEM.
    pub fn ca_pem(&self) -> String {
        String::from_utf8(self.api.bytes("/api/ca.pem")).unwrap()
    }

    /// The root certificate in a file, for clients that want a path.
    pub fn ca_file(&self) -> PathBuf {
        let file = self.home().join("root.pem");
        // a client that was started before may just read it
        super::save(&file, &self.ca_pem());
        file
    }

    /// A command of the program on the same data.
    pub fn command(&self, subcommand: &str) -> Run {
        overhear(self.home())
            .arg(subcommand)
            .arg("--data")
            .arg(&self.data)
    }

    /// curl through the proxy, trusting the program's root, quiet, failing only when it has no answer.
    pub fn curl(&self) -> Run {
        Run::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--max-time",
                "60",
                "--noproxy",
                "",
                "--proxy",
            ])
            .arg(self.url())
            .arg("--cacert")
            .arg(self.ca_file())
            .env("CURL_HOME", self.home())
    }

    /// Everything it has written so far.
    pub fn said(&self) -> String {
        self.running.as_ref().unwrap().said_so_far()
    }

    /// The largest its memory has been, in MiB; nothing where the system does not say.
    pub fn peak_memory_mib(&mut self) -> Option<u64> {
        let pid = self.running.as_mut().unwrap().child().id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace()
            .nth(1)?
            .parse::<u64>()
            .ok()
            .map(|kib| kib / 1024)
    }

    /// Asks it to end, as a service manager does, and insists that it does so well and soon. What it
    /// recorded stays only when the test gave the data folder.
    pub fn stop(self) -> String {
        self.stop_with(system::terminate)
    }

    /// [`stop`](Self::stop) by another signal.
    pub fn stop_with(mut self, signal: impl Fn(&std::process::Child)) -> String {
        let mut running = self.running.take().unwrap();
        signal(running.child());
        until("the program to end", || running.ended().then_some(()));
        let ran = running.wait().ok();
        ran.text() + &ran.err
    }

    /// Ends it without warning.
    pub fn kill(mut self) {
        let mut running = self.running.take().unwrap();
        running.child().kill().unwrap();
        until("the killed program to end", || {
            running.ended().then_some(())
        });
    }
}
