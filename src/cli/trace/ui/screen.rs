//! The terminal: raw keys and the other screen while the viewer runs, and everything as it was however it ends, by a key, a signal,
//! an error or a panic.

use std::{
    io::{self, BufWriter, Stdout, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor, event, execute,
        terminal::{self, EnterAlternateScreen, LeaveAlternateScreen},
    },
};
use tokio::sync::mpsc;

use super::{
    app::{App, Event},
    draw,
    key::Key,
};
use crate::viewer::Ink;

/// How long the thread that reads keys waits before it looks whether it shall end.
const TICK: Duration = Duration::from_millis(100);
/// Keys that wait to be taken; the terminal keeps more.
const WAITING: usize = 256;
/// Bytes of a frame that go to the terminal at once.
const FRAME: usize = 64 << 10;

/// The terminal while the viewer has it.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Where it is none.
    pub(super) fn take() -> io::Result<Screen> {
        let backend = CrosstermBackend::new(BufWriter::with_capacity(FRAME, io::stdout()));
        let terminal = Terminal::new(backend)?;
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
        // From here on the drop gives it back, also where the next line fails halfway.
        let screen = Screen { terminal };
        enter()?;
        Ok(screen)
    }

    /// Columns and lines.
    pub(super) fn size(&self) -> (u16, u16) {
        terminal::size().unwrap_or((80, 24))
    }

    /// Draws a frame: only cells that changed are sent.
    ///
    /// # Errors
    /// Where the terminal does not take it.
    pub(super) fn draw(&mut self, app: &App, ink: Ink) -> io::Result<()> {
        self.terminal.draw(|frame| draw::draw(app, ink, frame.buffer_mut()))?;
        Ok(())
    }

    /// Forgets what is on the terminal, so that the next frame draws all of it.
    ///
    /// # Errors
    /// Where the terminal does not take it.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }

    /// Asks the terminal to put text on the clipboard (OSC 52). Nothing but letters of base64 stands in what is sent.
    ///
    /// # Errors
    /// Where the terminal does not take it.
    pub(super) fn copy(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        write!(out, "\x1b]52;c;{}\x07", STANDARD.encode(text))?;
        out.flush()
    }

    /// Gives the terminal to the shell until the user brings the viewer back.
    ///
    /// # Errors
    /// Where the terminal cannot be taken again.
    pub(super) async fn suspend(&mut self) -> io::Result<()> {
        give_back();
        stop_until_continued().await?;
        enter()?;
        self.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn enter() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        event::EnableBracketedPaste,
        cursor::Hide
    )
}

/// Everything as it was. What fails here has nobody to tell.
fn give_back() {
    let _ = execute!(
        io::stdout(),
        event::DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = terminal::disable_raw_mode();
}

/// Longest time to be stopped in: where the shell has no jobs, nothing stops.
#[cfg(unix)]
const STOPS: Duration = Duration::from_secs(1);

#[cfg(unix)]
async fn stop_until_continued() -> io::Result<()> {
    use rustix::process::{Signal, kill_current_process_group};
    use tokio::signal::unix::{SignalKind, signal};
    let mut continued = signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
    // The group, as the terminal does it: what started the viewer stops with it.
    kill_current_process_group(Signal::TSTP)?;
    // The signal may take another thread a moment later: the terminal must not be taken before.
    let _ = tokio::time::timeout(STOPS, continued.recv()).await;
    Ok(())
}

#[cfg(not(unix))]
async fn stop_until_continued() -> io::Result<()> {
    Ok(())
}

/// The thread that reads keys: the terminal has no way to wait for them with others.
pub(super) struct Keys {
    events: mpsc::Receiver<Event>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Keys {
    /// Starts it.
    pub(super) fn start() -> Keys {
        let (sender, events) = mpsc::channel(WAITING);
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                match event::poll(TICK).and_then(|ready| if ready { event::read().map(Some) } else { Ok(None) }) {
                    Ok(Some(read)) => {
                        let over = translate(read).is_some_and(|event| sender.blocking_send(event).is_err());
                        if over {
                            return;
                        }
                    }
                    Ok(None) => {}
                    // The terminal is gone; so is the sender now, which ends the viewer.
                    Err(_) => return,
                }
            }
        });
        Keys { events, stop, thread }
    }

    /// The next event; `None` where the terminal is gone.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// An event that is there already.
    pub(super) fn ready(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Ends the thread; takes as long as one wait of it.
    pub(super) fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.events);
        // It cannot have panicked but for a bug that the hook has told.
        let _ = self.thread.join();
    }
}

fn translate(read: event::Event) -> Option<Event> {
    match read {
        event::Event::Key(key) => Key::of(&key).map(Event::Key),
        event::Event::Paste(text) => Some(Event::Paste(text)),
        event::Event::Resize(width, height) => Some(Event::Size(width, height)),
        _ => None,
    }
}
