//! `planoai collector` as a process: started with a config, asked for its ports, signaled, ended.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

pub(crate) use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

use super::{PATIENCE, binary::binary};

/// The program, cut off from the environment's settings.
pub(crate) fn planoai() -> Command {
    let mut command = Command::new(binary());
    command
        .env_remove("PLANO_DEFAULT_HOST")
        .env_remove("PLANO_LOG")
        .stdin(Stdio::null());
    command
}

/// Runs `planoai collector` to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    planoai()
        .arg("collector")
        .args(args)
        .output()
        .expect("the program runs")
}

/// A port that nobody uses now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

/// A directory of a test's own.
pub(crate) struct Folder(pub(crate) tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a directory"))
    }

    /// Writes `config.yaml`.
    pub(crate) fn write(&self, text: &str) -> PathBuf {
        let path = self.0.path().join("config.yaml");
        fs::write(&path, text).expect("written");
        path
    }
}

/// A running collector, killed where a test fails.
pub(crate) struct Collector {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<thread::JoinHandle<()>>,
    read: usize,
}

impl Collector {
    /// Starts it with more arguments behind the config's.
    pub(crate) fn start(config: &Path, args: &[&str]) -> Collector {
        let mut command = planoai();
        command.args(["collector", "--config"]).arg(config).args(args);
        Collector::spawn(command)
    }

    /// Starts the gateway.
    pub(crate) fn up(config: &Path) -> Collector {
        let mut command = planoai();
        command.arg("up").arg(config);
        Collector::spawn(command)
    }

    fn spawn(mut command: Command) -> Collector {
        let mut child = command
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program runs");
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, written) = (child.stderr.take().expect("piped"), Arc::clone(&log));
        let reader = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                *written.lock().expect("a log") += &format!("{line}\n");
            }
        });
        Collector {
            child,
            log,
            reader: Some(reader),
            read: 0,
        }
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("a log").clone()
    }

    /// Waits for a line with these words, behind those that were waited for before.
    pub(crate) fn wait_for(&mut self, words: &str) {
        let started = Instant::now();
        loop {
            let log = self.log();
            if let Some(found) = log[self.read..].find(words) {
                self.read += found + words.len();
                return;
            }
            assert!(started.elapsed() < PATIENCE, "never said {words:?}:\n{log}");
            assert!(
                !self.reader.as_ref().is_none_or(thread::JoinHandle::is_finished),
                "ended without {words:?}:\n{log}"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The ports on which that component listens, once it does, in the order of the log.
    pub(crate) fn ports<const N: usize>(&mut self, component: &str) -> [u16; N] {
        let mark = format!("listening component={component} address=");
        let started = Instant::now();
        loop {
            let log = self.log();
            let addresses = log.lines().filter_map(|line| line.split_once(&mark));
            let ports: Vec<u16> = addresses
                .filter_map(|(_, address)| address.rsplit_once(':')?.1.trim().parse().ok())
                .collect();
            if let Ok(ports) = ports.try_into() {
                return ports;
            }
            assert!(started.elapsed() < PATIENCE, "{N} ports of {component}:\n{log}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The port of the address that stands behind those words in the log, once they do.
    pub(crate) fn port_behind(&self, words: &str) -> u16 {
        let started = Instant::now();
        loop {
            let log = self.log();
            let address = log.lines().find_map(|line| line.split_once(words));
            if let Some(port) = address.and_then(|(_, address)| address.rsplit_once(':')?.1.trim().parse().ok()) {
                return port;
            }
            assert!(started.elapsed() < PATIENCE, "a port behind {words:?}:\n{log}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn lives(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Waits for its end: exit code and whole log.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let started = Instant::now();
        while self.lives() {
            assert!(started.elapsed() < PATIENCE, "does not end:\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
        // The log ends with the process.
        let _ = self.reader.take().map(thread::JoinHandle::join);
        (self.child.wait().expect("a child").code(), self.log())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
