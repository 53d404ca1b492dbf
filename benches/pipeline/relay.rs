//! A TCP relay, no protocol at all: what moving the bytes costs. Runs as a process of its own, so that it is measured alike.

use std::time::Duration;

use tokio::{
    io::copy_bidirectional_with_sizes,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// `relay PORT TARGET_PORT`: prints a line when it listens, ends when its input does.
pub(crate) fn run(mut words: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let mut port = || -> anyhow::Result<u16> { Ok(words.next().unwrap_or_default().parse()?) };
    let (own, target) = (port()?, port()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let listener = TcpListener::bind(("127.0.0.1", own)).await?;
        let mut connections = JoinSet::new();
        let end = tokio::time::sleep(Duration::from_secs(600));
        tokio::pin!(end);
        loop {
            let (mut from, _) = tokio::select! {
                accepted = listener.accept() => accepted?,
                () = &mut end => return Ok(()),
            };
            from.set_nodelay(true)?;
            connections.spawn(async move {
                let mut to = TcpStream::connect(("127.0.0.1", target)).await?;
                to.set_nodelay(true)?;
                copy_bidirectional_with_sizes(&mut from, &mut to, 64 << 10, 64 << 10).await
            });
        }
    })
}
