//! Files with one event a line, a new one when one is full.

use std::{io, path::PathBuf};

use async_trait::async_trait;
use headwater_broker::Item;
use tokio::fs;

use super::{
    EventSink, SinkError,
    json_lines::{CHUNK, line},
    line_file::LineFile,
};

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
    file: LineFile,
    lines: Vec<u8>,
}

impl RotatingFileSink {
    /// Opens the file that grows.
    ///
    /// # Errors
    /// It cannot be opened.
    pub async fn open(options: RotateOptions) -> Result<Self, SinkError> {
        let file = LineFile::open(&options.path).await.map_err(|error| failed(&options, &error))?;
        Ok(Self { options, file, lines: Vec::new() })
    }

    fn path(&self, number: u32) -> PathBuf {
        let mut name = self.options.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }

    async fn rotate(&mut self) -> io::Result<()> {
        let keep = self.options.keep.max(1);
        for number in (1..keep).rev() {
            rename(self.path(number), self.path(number + 1)).await?;
        }
        rename(self.options.path.clone(), self.path(1)).await?;
        self.file = LineFile::open(&self.options.path).await?;
        Ok(())
    }
}

async fn rename(from: PathBuf, to: PathBuf) -> io::Result<()> {
    match fs::rename(from, to).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn failed(options: &RotateOptions, error: &io::Error) -> SinkError {
    SinkError::Retry(format!("{}: {error}", options.path.display()))
}

#[async_trait]
impl EventSink for RotatingFileSink {
    async fn handle(&mut self, item: &Item) -> Result<(), SinkError> {
        let full = self.file.length() + self.lines.len() as u64 >= self.options.max_bytes;
        if full || self.lines.len() >= CHUNK {
            self.flush().await?;
        }
        if full {
            self.rotate().await.map_err(|error| failed(&self.options, &error))?;
        }
        line(&mut self.lines, item);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        if !self.lines.is_empty() {
            self.file.append(&self.lines).await?;
            self.lines.clear();
        }
        Ok(())
    }
}
