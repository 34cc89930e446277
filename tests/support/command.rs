//! Running other programs to their end, with a time limit.

use super::system;
use std::{
    ffi::OsStr,
    io::{Read, Write},
    path::Path,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// A command to run.
pub struct Run {
    command: Command,
    name: String,
    input: Option<Vec<u8>>,
    /// Standard input stays open, for [`Running::say`].
    open: bool,
    limit: Duration,
}

/// A command that runs beside the test; killed when dropped.
pub struct Running {
    child: Child,
    name: String,
    stdin: Option<ChildStdin>,
    out: Arc<Mutex<Vec<u8>>>,
    err: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
    end: Instant,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ran {
    /// What was run, for messages.
    pub name: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub out: Vec<u8>,
    /// Its standard error, as text.
    pub err: String,
}

impl Run {
    /// A program, without the proxy settings of the machine.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let name = program.as_ref().to_string_lossy().into_owned();
        let mut command = Command::new(program);
        for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
            command.env_remove(variable);
            command.env_remove(variable.to_lowercase());
        }
        Self {
            command,
            name,
            input: None,
            open: false,
            limit: Duration::from_secs(180),
        }
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.name = format!("{} {}", self.name, arg.as_ref().to_string_lossy());
        self.command.arg(arg);
        self
    }

    /// More arguments.
    pub fn args<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// An environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Takes an environment variable away.
    pub fn without(mut self, name: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(name);
        self
    }

    /// The folder to run in.
    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// What it reads from standard input (nothing otherwise).
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// Its standard input stays open: see [`Running::say`].
    pub fn input_open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Another time limit than a minute.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end, whatever that is.
    pub fn run(self) -> Ran {
        self.start().wait()
    }

    /// Runs it and insists that it succeeds.
    pub fn ok(self) -> Ran {
        self.run().ok()
    }

    /// Runs it, insists that it succeeds, and returns the SHA-256 and length of its standard output
    /// without holding it.
    pub fn hashed(mut self) -> (String, u64) {
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = system::dies_with_us(&mut self.command).spawn().unwrap();
        let err = Arc::default();
        let reader = collect(child.stderr.take().unwrap(), Arc::clone(&err));
        let out = child.stdout.take().unwrap();
        let hashing = std::thread::spawn(move || super::sha256(out));
        let readers = vec![reader];
        let end = Instant::now() + self.limit;
        let running = Running {
            child,
            name: self.name,
            stdin: None,
            out: Arc::default(),
            err,
            readers,
            end,
        };
        running.wait().ok();
        hashing.join().unwrap()
    }

    /// Starts it beside the test.
    pub fn start(mut self) -> Running {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.stdin(if self.input.is_some() || self.open {
            Stdio::piped()
        } else {
            Stdio::null()
        });
        let mut child = system::dies_with_us(&mut self.command)
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run {}: {e} (tests/run installs it)", self.name));
        let (out, err) = <(Arc<Mutex<Vec<u8>>>, Arc<Mutex<Vec<u8>>>)>::default();
        let mut readers = vec![
            collect(child.stdout.take().unwrap(), out.clone()),
            collect(child.stderr.take().unwrap(), err.clone()),
        ];
        if let Some(input) = self.input {
            let mut stdin = child.stdin.take().unwrap();
            // A program that does not want all of its input closes it: no concern of ours.
            readers.push(std::thread::spawn(move || drop(stdin.write_all(&input))));
        }
        let end = Instant::now() + self.limit;
        let stdin = child.stdin.take();
        Running {
            child,
            name: self.name,
            stdin,
            out,
            err,
            readers,
            end,
        }
    }
}

impl Running {
    /// Writes to its standard input, which [`Run::input_open`] left open.
    pub fn say(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
    }

    /// What it has written to standard output so far.
    pub fn out_so_far(&self) -> String {
        String::from_utf8_lossy(&self.out.lock().unwrap()).into_owned()
    }

    /// Both outputs so far, for messages.
    pub fn said_so_far(&self) -> String {
        let err = String::from_utf8_lossy(&self.err.lock().unwrap()).into_owned();
        self.out_so_far() + &err
    }

    /// Whether it has ended already.
    pub fn ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// The process, to signal it.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ran {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > self.end {
                let _ = self.child.kill();
                let _ = self.child.wait();
                panic!(
                    "{} did not end in time; it said:\n{}",
                    self.name,
                    self.said_so_far()
                );
            }
            std::thread::park_timeout(Duration::from_millis(2));
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        Ran {
            name: std::mem::take(&mut self.name),
            status,
            out: std::mem::take(&mut self.out.lock().unwrap()),
            err: String::from_utf8_lossy(&self.err.lock().unwrap()).into_owned(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Ran {
    /// Insists on exit status 0.
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// Insists on an exit status.
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.status.code(),
            Some(code),
            "{} ended with {}\n--- standard output\n{}\n--- standard error\n{}",
            self.name,
            self.status,
            String::from_utf8_lossy(&self.out[..self.out.len().min(8000)]),
            self.err
        );
        self
    }

    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.out)
            .unwrap_or_else(|e| panic!("{}: {e} in {:?}", self.name, self.text()))
    }

    /// Standard output as JSON, one value a line.
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let read = |line| {
            serde_json::from_str(line).unwrap_or_else(|e| panic!("{}: {e} in {line:?}", self.name))
        };
        self.text().lines().map(read).collect()
    }
}

fn collect(mut from: impl Read + Send + 'static, to: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 65536];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            to.lock().unwrap().extend_from_slice(&buffer[..n]);
        }
    })
}
