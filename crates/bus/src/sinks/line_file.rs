//! A file that grows by whole lines.

use std::{
    io::{self, SeekFrom},
    path::{Path, PathBuf},
};

use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};

use super::SinkError;

/// A file that grows by whole lines: a write that fails half-way is taken back.
#[derive(Debug)]
pub(super) struct LineFile {
    path: PathBuf,
    file: File,
    /// Everything before it is whole lines.
    length: u64,
}

impl LineFile {
    /// Opens a file at its end. A line that was cut off stays one: what comes stands on a line of its own.
    pub(super) async fn open(path: &Path) -> io::Result<Self> {
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).await?;
        let mut length = file.seek(SeekFrom::End(0)).await?;
        if length > 0 {
            let mut last = [0];
            file.seek(SeekFrom::Start(length - 1)).await?;
            file.read_exact(&mut last).await?;
            if last != *b"\n" {
                file.write_all(b"\n").await?;
                file.flush().await?;
                length += 1;
            }
        }
        Ok(Self { path: path.to_owned(), file, length })
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Appends lines, all or none.
    pub(super) async fn append(&mut self, lines: &[u8]) -> Result<(), SinkError> {
        match self.write(lines).await {
            Ok(()) => {
                self.length += lines.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Where this fails as well, the next write begins at the same place.
                drop(self.file.set_len(self.length).await);
                Err(SinkError::Retry(format!("{}: {error}", self.path.display())))
            }
        }
    }

    async fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.length)).await?;
        self.file.write_all(lines).await?;
        self.file.flush().await
    }
}
