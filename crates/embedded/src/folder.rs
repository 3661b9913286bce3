//! The folder of a log: who owns it, which format it has, how far it has come.
//!
//! ```text
//! <folder>/FORMAT   headwater-embedded 2
//! <folder>/lock     held while the log is open
//! <folder>/mark     the last position that was answered (see `Mark`)
//! <folder>/db/      the database
//! ```

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Read, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use headwater_events::Position;
use headwater_store::Error;
use xxhash_rust::xxh3::xxh3_64;

/// The format this version writes. Since 2 the records of runs may lag behind (see `late`), which 1 did not know.
pub(crate) const FORMAT: u32 = 2;
const NAME: &str = "headwater-embedded";

/// A folder that this process owns.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Unlocked when dropped.
    _lock: File,
}

impl Folder {
    /// Takes the folder for this process; makes it where there is none and `create` is set.
    pub(crate) fn take(path: &Path, create: bool) -> Result<Self, Error> {
        let known = read_format(path)?;
        if known.is_none() {
            if !create {
                return Err(Error::config(format_args!("{} holds no Headwater log", path.display())));
            }
            refuse_foreign(path)?;
            fs::create_dir_all(path).map_err(|e| unusable(path, &e))?;
        }
        let lock = lock(path)?;
        let folder = Self { path: path.to_owned(), _lock: lock };
        if create && known != Some(FORMAT) {
            folder.write_format().map_err(|e| unusable(path, &e))?;
        }
        folder.clear_half_made_database().map_err(|e| unusable(path, &e))?;
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the database is.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("db")
    }

    fn write_format(&self) -> std::io::Result<()> {
        let new = self.path.join("FORMAT.new");
        let mut file = File::create(&new)?;
        file.write_all(format!("{NAME} {FORMAT}\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, self.path.join("FORMAT"))?;
        sync_folder(&self.path)?;
        self.path.parent().filter(|p| !p.as_os_str().is_empty()).map_or(Ok(()), sync_folder)
    }

    /// A crash while the database was being made leaves one that was never used and does not open.
    fn clear_half_made_database(&self) -> std::io::Result<()> {
        let db = self.database();
        if db.try_exists()? && !db.join("version").try_exists()? {
            fs::remove_dir_all(db)?;
        }
        Ok(())
    }
}

/// Makes the names in a folder safe against a crash of the machine.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

fn lock(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join("lock"))
        .map_err(|e| unusable(path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::config(format_args!(
            "{} is in use by another process: stop it, point it at another folder, or reach it by its http:// address",
            path.display()
        ))),
        Err(TryLockError::Error(e)) => Err(unusable(path, &e)),
    }
}

/// The format of the folder, if it has one that can be read.
fn read_format(path: &Path) -> Result<Option<u32>, Error> {
    let text = match fs::read_to_string(path.join("FORMAT")) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(unusable(path, &e)),
    };
    let format = text.trim().strip_prefix(NAME).and_then(|rest| rest.trim().parse::<u32>().ok());
    match format {
        Some(format @ 1..=FORMAT) => Ok(Some(format)),
        Some(newer) => Err(Error::config(format_args!(
            "{} has format {newer}, this version reads up to {FORMAT}: use a newer Headwater; nothing was touched",
            path.display()
        ))),
        None => Err(Error::config(format_args!("{}/FORMAT is not one of a Headwater log", path.display()))),
    }
}

/// Refuses a folder that holds something else.
fn refuse_foreign(path: &Path) -> Result<(), Error> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(unusable(path, &e)),
    };
    for entry in entries {
        let name = entry.map_err(|e| unusable(path, &e))?.file_name();
        // What a crash leaves that came before the format was written.
        if name != "lock" && name != "FORMAT.new" && name != "lost+found" {
            return Err(Error::config(format_args!(
                "{} is not empty and holds no Headwater log: name another folder",
                path.display()
            )));
        }
    }
    Ok(())
}

fn unusable(path: &Path, error: &std::io::Error) -> Error {
    Error::config(format_args!(
        "{} cannot be used: {error}; name a folder that can be written",
        path.display()
    ))
}

/// The last position that was answered, kept outside the database.
///
/// It is written after each commit and not synced, which costs next to nothing. When the database comes back with
/// less than it says, acknowledged events were lost: the database takes damage in the middle of its journal for
/// a torn end and says nothing.
#[derive(Debug)]
pub(crate) struct Mark(File);

impl Mark {
    /// Opens the mark and reads it; one that was torn says nothing.
    pub(crate) fn open(folder: &Folder) -> std::io::Result<(Self, Option<Position>)> {
        let path = folder.path().join("mark");
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        let mut bytes = Vec::with_capacity(16);
        file.read_to_end(&mut bytes)?;
        let marked = bytes.first_chunk::<16>().and_then(|bytes| {
            let (position, sum) = bytes.split_at(8);
            (xxh3_64(position).to_be_bytes() == *sum)
                .then(|| Position(position.first_chunk().map_or(0, |p| u64::from_be_bytes(*p))))
        });
        Ok((Self(file), marked))
    }

    /// Writes the mark.
    pub(crate) fn set(&mut self, position: Position) -> std::io::Result<()> {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&position.0.to_be_bytes());
        let sum = xxh3_64(&bytes[..8]);
        bytes[8..].copy_from_slice(&sum.to_be_bytes());
        self.0.write_all_at(&bytes, 0)
    }
}
