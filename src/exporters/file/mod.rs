//! Writes every batch to a file: a line of OTLP/JSON, or length-prefixed records. What was accepted has been handed to the
//! operating system; no half record stays behind after a failed write. Refuses to start on a path that cannot be written.

mod writer;

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use anyhow::Context;
use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use self::writer::{Rotate, Writer};
use crate::{
    net::compression::{Compressor, Encoding},
    otlp::{TraceBatch, json},
    pipeline::{Build, ExportError, Exporter, Fault, Host, queue::Delivery},
    values::duration,
};

/// `file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Path of the file, such as `/var/lib/plano/traces.jsonl` or `/dev/stdout`. Required.
    pub path: String,
    /// Write behind what the file held before this process, instead of emptying it at the start. false.
    pub append: bool,
    /// Start a new file when this one is large. Off.
    pub rotation: Option<Rotation>,
    /// json (a line a batch) or proto (length, then `ExportTraceServiceRequest`). json.
    pub format: Format,
    /// none, or zstd: every record by itself, after its length. none.
    pub compression: Compression,
    /// Accepted: every batch is written at once. 1s.
    #[serde(with = "duration")]
    pub flush_interval: Duration,
    /// Make the directory where it is missing. false.
    pub create_directory: bool,
    /// Permissions of a directory made so, octal. 0755.
    pub directory_permissions: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            path: String::new(),
            append: false,
            rotation: None,
            format: Format::default(),
            compression: Compression::default(),
            flush_interval: Duration::from_secs(1),
            create_directory: false,
            directory_permissions: "0755".to_owned(),
        }
    }
}

/// `rotation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rotation {
    /// Size from which a new file is begun, in MiB. 100.
    pub max_megabytes: u64,
    /// Days after which an old file is deleted; 0 = never. 0.
    pub max_days: u64,
    /// Most old files that are kept; 0 = all. 100.
    pub max_backups: usize,
    /// Not available: names of old files carry UTC. false.
    pub localtime: bool,
}

impl Default for Rotation {
    fn default() -> Rotation {
        Rotation {
            max_megabytes: 100,
            max_days: 0,
            max_backups: 100,
            localtime: false,
        }
    }
}

/// `format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// OTLP/JSON, one line a batch.
    #[default]
    Json,
    /// Protobuf after its length, four bytes, big-endian.
    Proto,
}

/// `compression`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// None.
    #[default]
    #[serde(alias = "")]
    None,
    /// zstd.
    Zstd,
}

impl Config {
    /// Permissions of a directory that is made.
    fn mode(&self) -> Option<u32> {
        u32::from_str_radix(&self.directory_permissions, 8)
            .ok()
            .filter(|mode| *mode <= 0o7777)
    }

    /// Where the file is, its directory made where that was asked for.
    fn place(&self) -> io::Result<PathBuf> {
        let path = PathBuf::from(&self.path);
        if self.create_directory
            && let Some(directory) = path.parent()
        {
            writer::make_directory(directory, self.mode().expect("validated"))?;
        }
        Ok(path)
    }

    fn is_device(&self) -> bool {
        self.path.starts_with("/dev/") || self.path.starts_with("/proc/")
    }
}

impl Build<dyn Exporter> for Config {
    const TYPE: &'static str = "file";

    fn validate(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault = |wrong: bool, path: &str, reason: &str| {
            if wrong {
                faults.push(Fault::at(path, reason));
            }
        };
        fault(self.path.is_empty(), "path", "must be non-empty, such as traces.jsonl");
        fault(
            self.flush_interval.is_zero(),
            "flush_interval",
            "must be longer than 0s",
        );
        fault(
            self.mode().is_none(),
            "directory_permissions",
            "must be octal permissions, such as 0755",
        );
        fault(
            self.append && self.compression != Compression::None,
            "append",
            "does not go together with compression",
        );
        if let Some(rotation) = &self.rotation {
            fault(
                self.append,
                "append",
                "does not go together with rotation, which appends by itself",
            );
            fault(
                rotation.max_megabytes == 0,
                "rotation::max_megabytes",
                "must be larger than 0",
            );
            fault(
                rotation.localtime,
                "rotation::localtime",
                "is not available: names of old files carry UTC",
            );
            fault(self.is_device(), "rotation", "does not work on a device");
        }
        faults
    }

    fn writes(&self) -> Vec<String> {
        // Many may write to a device.
        let is_file = !self.path.is_empty() && !self.is_device();
        is_file.then(|| self.path.clone()).into_iter().collect()
    }

    fn delivery() -> Delivery {
        Delivery::direct()
    }

    fn build(self, _: &Host) -> anyhow::Result<Box<dyn Exporter>> {
        Ok(Box::new(File {
            config: self,
            writer: Arc::default(),
        }))
    }
}

struct File {
    config: Config,
    /// `None` until opened. Held by one thread at a time, one that may block.
    writer: Arc<Mutex<Option<Writer>>>,
}

impl File {
    /// The batch as one record.
    fn record(&self, batch: &TraceBatch) -> Bytes {
        let (json_lines, plain) = (
            self.config.format == Format::Json,
            self.config.compression == Compression::None,
        );
        let mut record = Vec::with_capacity(batch.byte_len() * if json_lines { 2 } else { 1 } + 4);
        if !json_lines || !plain {
            record.extend_from_slice(&[0; 4]);
        }
        let start = record.len();
        if json_lines {
            json::write(batch, &mut record);
        } else {
            batch.chunks().iter().for_each(|chunk| record.extend_from_slice(chunk));
        }
        if json_lines && plain {
            record.push(b'\n');
            return record.into();
        }
        if !plain {
            let packed = Compressor::new(Encoding::Zstd).compress(&[Bytes::copy_from_slice(&record[start..])]);
            record.truncate(start);
            record.extend_from_slice(&packed);
        }
        let length = u32::try_from(record.len() - start).expect("a batch is smaller than 4 GiB");
        record[..start].copy_from_slice(&length.to_be_bytes());
        record.into()
    }

    /// Does something with the writer on a thread that may block.
    async fn with_writer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Option<Writer>) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let writer = self.writer.clone();
        let path = self.config.path.clone();
        tokio::task::spawn_blocking(move || work(&mut writer.lock().expect("no holder panics")))
            .await
            .context("the writing thread panicked")?
            .with_context(|| format!("cannot write {path:?}"))
    }
}

#[async_trait]
impl Exporter for File {
    async fn check(&self) -> anyhow::Result<()> {
        let config = self.config.clone();
        self.with_writer(move |_| Ok(writer::check(&config.place()?)?)).await
    }

    async fn open(&self) -> anyhow::Result<()> {
        let config = self.config.clone();
        self.with_writer(move |writer| {
            let path = config.place()?;
            let rotate = config.rotation.as_ref().map(|rotation| Rotate {
                bytes: rotation.max_megabytes.saturating_mul(1 << 20),
                age: Duration::from_secs(rotation.max_days.saturating_mul(86_400)),
                backups: rotation.max_backups,
            });
            let mut opened = if config.append || rotate.is_some() || config.is_device() {
                Writer::resume(path, rotate)?
            } else {
                Writer::begin(path)?
            };
            if config.format == Format::Json && config.compression == Compression::None {
                opened.end_line()?;
            }
            *writer = Some(opened);
            Ok(())
        })
        .await
    }

    async fn export(&self, batch: &TraceBatch) -> Result<(), ExportError> {
        let record = self.record(batch);
        self.with_writer(move |writer| {
            let writer = writer.as_mut().context("it is not open")?;
            writer.write(&record, SystemTime::now())?;
            Ok(())
        })
        .await
        .map_err(|source| ExportError::Retry { after: None, source })
    }

    async fn close(&self) {
        let closed = self.with_writer(|writer| Ok(writer.take().map_or(Ok(()), |writer| writer.close())?));
        if let Err(e) = closed.await {
            tracing::warn!(
                error = format!("{e:#}"),
                "the file exporter's last bytes may not be on disk"
            );
        }
    }
}

#[cfg(test)]
mod tests;
