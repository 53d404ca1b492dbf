//! A kept-alive HTTP/1.1 connection of the load generator: blocking, one exchange at a time, and as little CPU as that takes, since
//! the generator shares the machine with what it measures.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use memchr::memmem;

/// The longest wait for anything of an answer.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Connection {
    stream: TcpStream,
    /// Read, and not yet looked at.
    unread: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(port: u16) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(("127.0.0.1", port)).context("connecting to the subject")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Connection {
            stream,
            unread: Vec::with_capacity(16 << 10),
        })
    }

    /// Sends a request and reads its answer, which must be a 200. Each piece of the body is handed over as soon as it is here.
    pub(crate) fn exchange(&mut self, request: &[u8], mut take: impl FnMut(&[u8])) -> anyhow::Result<()> {
        self.stream.write_all(request)?;
        let head = self.read_until(b"\r\n\r\n")?;
        let head = String::from_utf8(head)?.to_ascii_lowercase();
        let status = head.lines().next().unwrap_or_default();
        ensure!(status.starts_with("http/1.1 200"), "the answer is {status:?}");
        let field = |name: &str| {
            let mut lines = head.lines();
            lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
        };
        if let Some(length) = field("content-length") {
            return self.read(length.parse()?, take);
        }
        if field("transfer-encoding") != Some("chunked") {
            bail!("the answer has neither a length nor chunks");
        }
        loop {
            let line = self.read_until(b"\r\n")?;
            let size = usize::from_str_radix(String::from_utf8(line)?.trim(), 16)?;
            if size > 0 {
                self.read(size, &mut take)?;
            }
            self.read(2, |_| {})?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    fn read(&mut self, length: usize, mut take: impl FnMut(&[u8])) -> anyhow::Result<()> {
        while self.unread.len() < length {
            self.fill()?;
        }
        take(&self.unread[..length]);
        self.unread.drain(..length);
        Ok(())
    }

    fn read_until(&mut self, end: &[u8]) -> anyhow::Result<Vec<u8>> {
        loop {
            if let Some(at) = memmem::find(&self.unread, end) {
                return Ok(self.unread.drain(..at + end.len()).collect());
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> anyhow::Result<()> {
        let mut piece = [0; 16 << 10];
        let read = self.stream.read(&mut piece).context("waiting for the answer")?;
        ensure!(read > 0, "the connection ended within an answer");
        self.unread.extend_from_slice(&piece[..read]);
        Ok(())
    }
}
