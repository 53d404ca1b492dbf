//! Tries a config beside the one that runs: builds its components, takes for a moment the ports that are free, asks exporters
//! whether they could open. What fails here would otherwise fail after the old config has stopped. Lets no data move.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;

use crate::{
    config::{self, Checked, Wiring},
    net::listen::Trial,
    pipeline::{Health, Running},
    telemetry::Metrics,
};

/// Longest time that a config may take to be tried: names that do not resolve, disks that do not answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Whether the config would start if the ports at these addresses were free.
///
/// # Errors
/// Which component could not start, and why.
pub(super) async fn rehearse(checked: Checked, wiring: Wiring, ours: Vec<SocketAddr>) -> anyhow::Result<()> {
    let tried = tokio::time::timeout(LIMIT, attempt(checked, wiring, ours)).await;
    tried.with_context(|| format!("could not be tried within {}s", LIMIT.as_secs()))?
}

async fn attempt(checked: Checked, wiring: Wiring, ours: Vec<SocketAddr>) -> anyhow::Result<()> {
    // Numbers of its own: those of the config that runs stay as they are.
    let prepared = Metrics::new()
        .scope(|| config::assemble(checked, wiring).map(|blueprint| Running::prepare(blueprint, Health::new())))?;
    let mut ports = Trial::beside(ours);
    for (component, endpoint) in prepared.endpoints() {
        ports.take(&endpoint).await.context(component)?;
    }
    prepared.check().await
}
