//! Marks in a file: JSON Lines, one a mark, the last of a stream counts.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use headwater_events::{StreamName, Tenant};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{MirrorError, mark::Mark, marks::prefix};

/// How many lines too many the file may have before it is written anew.
const SLACK: usize = 10_000;

/// A file of marks. It may serve several mirrors, one after the other: one process has it open at a time.
pub(crate) struct MarkFile {
    path: PathBuf,
    prefix: String,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    /// Marks by key, as they stand in the file.
    marks: HashMap<String, Bytes>,
    file: File,
    /// Held open so that its lock is kept.
    _lock: File,
    lines: usize,
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    key: &'a str,
    #[serde(borrow)]
    mark: &'a RawValue,
}

impl MarkFile {
    /// Opens a file, or makes one.
    pub(crate) async fn open(path: PathBuf, name: &str, tenant: &Tenant) -> Result<Self, MirrorError> {
        let prefix = prefix(name, tenant);
        let at = path.clone();
        let inner = blocking(&path, move || Inner::open(&at)).await?;
        Ok(Self { path, prefix, inner: Arc::new(Mutex::new(inner)) })
    }

    pub(crate) fn load(&self, stream: &StreamName) -> Mark {
        let inner = lock(&self.inner);
        let found = inner.marks.get(&format!("{}{stream}", self.prefix));
        found.map_or_else(Mark::default, |bytes| Mark::decode(bytes, None))
    }

    /// Writes a mark. It reaches the system, not the disk: a mark that is lost only costs a look at the target.
    pub(crate) async fn save(&self, stream: &StreamName, mark: Mark) -> Result<(), MirrorError> {
        let Some(bytes) = mark.encode() else { return Ok(()) };
        let (key, inner, path) =
            (format!("{}{stream}", self.prefix), Arc::clone(&self.inner), self.path.clone());
        blocking(&self.path, move || lock(&inner).save(&path, key, bytes)).await
    }
}

impl Inner {
    fn open(path: &Path) -> io::Result<Self> {
        let lock_path = beside(path, "lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another mirror has it open"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        // A line that a crash has cut is no mark.
        let marks: HashMap<String, Bytes> = text
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice::<Line<'_>>(line).ok())
            .map(|line| (line.key.to_owned(), Bytes::copy_from_slice(line.mark.get().as_bytes())))
            .collect();
        let file = rewrite(path, &marks)?;
        Ok(Self { lines: marks.len(), marks, file, _lock: lock })
    }

    fn save(&mut self, path: &Path, key: String, mark: Bytes) -> io::Result<()> {
        self.file.write_all(&line(&key, &mark)?)?;
        self.marks.insert(key, mark);
        self.lines += 1;
        if self.lines > 2 * self.marks.len() + SLACK {
            self.file = rewrite(path, &self.marks)?;
            self.lines = self.marks.len();
        }
        Ok(())
    }
}

/// Writes the file anew, one line a mark, and puts it in place whole.
fn rewrite(path: &Path, marks: &HashMap<String, Bytes>) -> io::Result<File> {
    let fresh = beside(path, "new");
    let mut text = Vec::new();
    for (key, mark) in marks {
        text.extend(line(key, mark)?);
    }
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(&fresh)?;
    file.write_all(&text)?;
    file.sync_data()?;
    fs::rename(&fresh, path)?;
    Ok(file)
}

fn line(key: &str, mark: &[u8]) -> io::Result<Vec<u8>> {
    let mark: &RawValue = serde_json::from_slice(mark)?;
    let mut line = serde_json::to_vec(&Line { key, mark })?;
    line.push(b'\n');
    Ok(line)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, MirrorError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| MirrorError::Lost)?;
    done.map_err(|error| MirrorError::MarkFile { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use headwater_events::{Cursor, Epoch, Position, Scope};

    use super::*;

    #[tokio::test]
    async fn marks_outlive_the_file_s_owner_and_a_cut_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("marks");
        let tenant = Tenant::default();
        let stream: StreamName = "wf-1".parse().unwrap();
        let cursor = |n| Cursor::new(Scope::Tenant(tenant.clone()).print(), Epoch(1), Position(n));
        let file = MarkFile::open(path.clone(), "a", &tenant).await.unwrap();
        for n in 1..4 {
            let mark = Mark { from: Some(cursor(n)), to: Some(cursor(n)), version: None };
            file.save(&stream, mark).await.unwrap();
        }
        let busy = MarkFile::open(path.clone(), "a", &tenant).await.err().unwrap();
        assert!(std::error::Error::source(&busy).unwrap().to_string().contains("another mirror"));
        drop(file);
        let mut text = fs::read(&path).unwrap();
        assert_eq!(text.split(|b| *b == b'\n').filter(|line| !line.is_empty()).count(), 3);
        text.extend(b"{\"key\":\"mirror/a/def");
        fs::write(&path, text).unwrap();
        let file = MarkFile::open(path.clone(), "a", &tenant).await.unwrap();
        assert_eq!(file.load(&stream).from, Some(cursor(3)));
        drop(file);
        let other = MarkFile::open(path, "b", &tenant).await.unwrap();
        assert_eq!(other.load(&stream), Mark::default());
    }
}
