//! Files with one event a line, a new one when one is full.

use std::{io, path::PathBuf};

use async_trait::async_trait;
use headwater_broker::Item;
use tokio::fs;

use super::{EventSink, JsonLinesSink, SinkError};

/// Which files, how large, how many.
#[derive(Debug, Clone)]
pub struct RotateOptions {
    /// The file that grows. Full ones are `<path>.1`, the newest, `<path>.2` and so on.
    pub path: PathBuf,
    /// How large it may grow: 64 MiB.
    pub max_bytes: u64,
    /// How many full files are kept: 5.
    pub keep: u32,
}

impl RotateOptions {
    /// The defaults, at a path.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), max_bytes: 64 << 20, keep: 5 }
    }
}

/// As [`JsonLinesSink`](super::JsonLinesSink), with a new file when one is full. An event is in one file.
#[derive(Debug)]
pub struct RotatingFileSink {
    options: RotateOptions,
    growing: JsonLinesSink,
}

impl RotatingFileSink {
    /// Opens the file that grows.
    ///
    /// # Errors
    /// It cannot be opened.
    pub async fn open(options: RotateOptions) -> Result<Self, SinkError> {
        let growing = JsonLinesSink::open(&options.path).await?;
        Ok(Self { options, growing })
    }

    fn path(&self, number: u32) -> PathBuf {
        let mut name = self.options.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }

    async fn rotate(&mut self) -> Result<(), SinkError> {
        self.rename_all()
            .await
            .map_err(|error| SinkError::Retry(format!("{}: {error}", self.options.path.display())))?;
        self.growing = JsonLinesSink::open(&self.options.path).await?;
        Ok(())
    }

    async fn rename_all(&self) -> io::Result<()> {
        let keep = self.options.keep.max(1);
        for number in (1..keep).rev() {
            rename(self.path(number), self.path(number + 1)).await?;
        }
        rename(self.options.path.clone(), self.path(1)).await
    }
}

async fn rename(from: PathBuf, to: PathBuf) -> io::Result<()> {
    match fs::rename(from, to).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[async_trait]
impl EventSink for RotatingFileSink {
    async fn handle(&mut self, item: &Item) -> Result<(), SinkError> {
        if self.growing.length() >= self.options.max_bytes {
            self.growing.flush().await?;
            self.rotate().await?;
        }
        self.growing.handle(item).await
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        self.growing.flush().await
    }
}
