//! `planoai trace ui` in a terminal of its own: it draws, takes keys, and leaves the terminal as it was, however it ends.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::fd::OwnedFd,
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Termios, Winsize, tcgetattr, tcsetwinsize},
};

use super::support::{
    listener::{Listener, attribute, request},
    process::planoai,
};

/// A terminal, and everything that was written to it.
struct Terminal {
    keyboard: File,
    inside: File,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn new() -> Terminal {
        let outside: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&outside).expect("granted");
        unlockpt(&outside).expect("unlocked");
        let name = ptsname(&outside, Vec::new()).expect("it has a name");
        let inside = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().expect("text"));
        let inside = inside.expect("the inside opens");
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&inside, size).expect("it takes a size");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mut screen, written) = (File::from(outside.try_clone().expect("cloned")), Arc::clone(&seen));
        // Ends with the terminal, when the last one that holds its inside is gone.
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut part) {
                written.lock().expect("no panic").extend_from_slice(&part[..length]);
            }
        });
        Terminal {
            keyboard: File::from(outside),
            inside,
            seen,
        }
    }

    fn start(&self, port: u16) -> Child {
        let inside = || Stdio::from(self.inside.try_clone().expect("cloned"));
        let mut command = planoai();
        command
            .args(["trace", "ui"])
            .env("PLANO_TRACE_PORT", port.to_string())
            .env("TERM", "xterm-256color");
        command
            .stdin(inside())
            .stdout(inside())
            .stderr(inside())
            .spawn()
            .expect("planoai starts")
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("keys are taken");
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().expect("no panic")).into_owned()
    }

    /// Waits until text was written.
    fn until(&self, text: &str) {
        let begun = Instant::now();
        while !self.text().contains(text) {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "no {text:?} in {:?}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn modes(&self) -> Termios {
        tcgetattr(&self.inside).expect("it is a terminal")
    }
}

/// The program, which does not outlive a test that fails.
struct Viewer(Child);

impl Drop for Viewer {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn code(viewer: &mut Viewer) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = viewer.0.try_wait().expect("it is ours") {
            return status.code();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn check(end: impl FnOnce(&mut Terminal, &Child), expected: i32) -> String {
    let listener = Listener::start(&[]);
    listener.send(&request("7f", "1", "", "firstspan", &attribute("llm.model", "gpt-4o")));
    let mut terminal = Terminal::new();
    let before = terminal.modes();
    let mut viewer = Viewer(terminal.start(listener.ports.grpc));
    terminal.until("firstspan");
    assert_ne!(terminal.modes().local_modes, before.local_modes, "keys come raw");
    end(&mut terminal, &viewer.0);
    assert_eq!(code(&mut viewer), Some(expected), "{}", terminal.text());
    let after = terminal.modes();
    assert_eq!(
        (after.local_modes, after.input_modes, after.output_modes),
        (before.local_modes, before.input_modes, before.output_modes)
    );
    terminal.until("\x1b[?1049l");
    terminal.until("\x1b[?25h");
    terminal.text()
}

#[test]
fn keys_are_taken_and_the_terminal_is_given_back() {
    let text = check(
        |terminal, _| {
            terminal.press("\r");
            terminal.until("Attributes");
            terminal.press("\r");
            terminal.until("gpt-4o");
            terminal.press("\x1b");
            std::thread::sleep(Duration::from_millis(200));
            terminal.press("y");
            terminal.until("\x1b]52;c;N2Y3Zjdm");
            terminal.press("q");
        },
        0,
    );
    assert!(text.starts_with("\x1b[?1049h"), "{text:?}");
    check(|terminal, _| terminal.press("\x03"), 130);
}

#[test]
fn a_signal_ends_it_as_a_key_does() {
    let signal = |signal: Signal| {
        move |_: &mut Terminal, child: &Child| {
            let pid = Pid::from_raw(child.id().try_into().expect("a pid")).expect("not zero");
            kill_process(pid, signal).expect("it runs");
        }
    };
    check(signal(Signal::TERM), 130);
    check(signal(Signal::INT), 130);
}

#[test]
fn without_a_listener_the_terminal_is_not_touched() {
    let terminal = Terminal::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    assert_eq!(code(&mut Viewer(terminal.start(port))), Some(4));
    terminal.until("no trace listener on");
    assert!(!terminal.text().contains("\x1b[?1049h"), "{:?}", terminal.text());
}
