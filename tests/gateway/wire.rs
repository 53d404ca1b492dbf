//! A stand-in for a provider that breaks the rules: below HTTP, it writes the bytes that it is told to, stops where it is told to.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What it does with a connection once it has read a request. After the last act it closes.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Write(Vec<u8>),
    /// Writes one byte a chunk.
    Trickle(Vec<u8>),
    Pause(Duration),
    /// Closes as a program that crashed does.
    Reset,
    Hang,
}

/// A part of a chunked body.
pub(crate) fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// An answer with a body of a known length.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Act {
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
    Act::Write([head.as_bytes(), body].concat())
}

/// Acts by the model that a request names; an empty name is any.
pub(crate) type Acts = Vec<(&'static str, Vec<Act>)>;

struct State {
    acts: Acts,
    asked: Mutex<Vec<String>>,
    open: AtomicUsize,
}

/// A running stand-in.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

impl Wire {
    pub(crate) async fn start(acts: Acts) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(State {
            acts,
            asked: Mutex::default(),
            open: AtomicUsize::new(0),
        });
        let (mut tasks, shared) = (JoinSet::new(), Arc::clone(&state));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                connections.spawn(async move {
                    state.open.fetch_add(1, Ordering::SeqCst);
                    // A connection that breaks is the other side's to notice.
                    let _ = serve(stream, &state).await;
                    state.open.fetch_sub(1, Ordering::SeqCst);
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Wire {
            address,
            state,
            _tasks: tasks,
        }
    }

    /// Head and body of each request, as they came.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.asked.lock().expect("a list").clone()
    }

    /// Connections that are open.
    pub(crate) fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    let request = read(&mut stream).await?;
    let acts = state.acts.iter().find(|(model, _)| {
        let named = format!("\"model\":\"{model}\"");
        model.is_empty() || request.contains(&named)
    });
    let acts = acts.map(|(_, acts)| acts.clone()).unwrap_or_default();
    state.asked.lock().expect("a list").push(request);
    for act in acts {
        match act {
            Act::Write(bytes) => stream.write_all(&bytes).await?,
            Act::Trickle(bytes) => {
                for byte in bytes {
                    stream.write_all(&chunk(&[byte])).await?;
                }
            }
            Act::Pause(time) => tokio::time::sleep(time).await,
            Act::Reset => {
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
                return Ok(());
            }
            // Until the other side has had enough.
            Act::Hang => while stream.read(&mut [0; 512]).await? > 0 {},
        }
    }
    stream.shutdown().await
}

/// A request with a body of a known length.
async fn read(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut got = Vec::new();
    loop {
        if stream.read_buf(&mut got).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&got);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().expect("a length")) {
            return Ok(text.into_owned());
        }
    }
}
