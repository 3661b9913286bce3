//! The audit file: lines that are on disk, in files of a limited size.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::writer::Target;

/// Where the audit file is, and how it grows.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// The file that is written. Older ones stand beside it: `audit.jsonl.1` is the youngest of them.
    pub path: PathBuf,
    /// How large the file may become before it is put aside: 100 MiB. A single line may exceed it.
    pub max_bytes: u64,
    /// How many older files are kept: 10.
    pub keep: u32,
    /// Whether lines are on the disk before their events are acked, safe against a crash of the machine: yes. Otherwise
    /// they are safe against a crash of the process.
    pub sync: bool,
}

impl AuditOptions {
    /// A file with the defaults.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), max_bytes: 100 * 1024 * 1024, keep: 10, sync: true }
    }
}

/// An audit file that is open.
///
/// Every line is one event as it was published, byte for byte. An event may stand in it twice, since events come at
/// least once: its `source` and `id` tell.
#[derive(Debug)]
pub struct AuditFile {
    options: AuditOptions,
    file: File,
    len: u64,
}

impl AuditFile {
    /// Opens the file, or makes it. What a killed process left of a line at its end is cut off: its event was not acked.
    ///
    /// # Errors
    /// The file cannot be opened or read.
    pub fn open(options: AuditOptions) -> io::Result<Self> {
        let mut file = append(&options.path)?;
        let len = whole_lines(&mut file)?;
        file.set_len(len)?;
        Ok(Self { options, file, len })
    }

    fn rotate(&mut self) -> io::Result<()> {
        let path = &self.options.path;
        if self.options.keep == 0 {
            self.file.set_len(0)?;
            self.len = 0;
            return Ok(());
        }
        for n in (1..self.options.keep).rev() {
            move_aside(&older(path, n), &older(path, n + 1))?;
        }
        move_aside(path, &older(path, 1))?;
        self.file = append(path)?;
        self.len = self.file.metadata()?.len();
        if self.options.sync
            && let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
        {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

impl Target for AuditFile {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.len > 0 && self.len + lines.len() as u64 > self.options.max_bytes {
            self.rotate()?;
        }
        let synced = |file: &File, sync| if sync { file.sync_data() } else { Ok(()) };
        let written = self.file.write_all(lines).and_then(|()| synced(&self.file, self.options.sync));
        match written {
            Ok(()) => self.len += lines.len() as u64,
            // Part of it may be there, and the last line in two.
            Err(_) => self.file.set_len(self.len)?,
        }
        written
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

fn older(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    name.into()
}

fn move_aside(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// How many bytes of the file end in a line's end.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    const STEP: u64 = 64 * 1024;
    let mut end = file.metadata()?.len();
    let mut piece = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(start))?;
        piece.clear();
        Read::by_ref(file).take(end - start).read_to_end(&mut piece)?;
        if let Some(at) = piece.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn files_are_put_aside_by_size_and_the_oldest_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.jsonl");
        let mut options = AuditOptions::new(&path);
        (options.max_bytes, options.keep) = (10, 2);
        let mut file = AuditFile::open(options).expect("a file");
        for n in 0..5 {
            file.write(format!("line-{n}\n").as_bytes()).expect("room");
        }
        assert_eq!(read(&path), "line-4\n");
        assert_eq!((read(&older(&path, 1)), read(&older(&path, 2))), ("line-3\n".into(), "line-2\n".into()));
        assert!(!older(&path, 3).exists());
    }

    #[test]
    fn half_a_line_of_a_killed_process_is_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.jsonl");
        for (found, kept) in [("a\nb\nhalf", "a\nb\n"), ("half", ""), ("a\n", "a\n"), ("", "")] {
            fs::write(&path, found).expect("room");
            let mut file = AuditFile::open(AuditOptions::new(&path)).expect("a file");
            file.write(b"c\n").expect("room");
            assert_eq!(read(&path), format!("{kept}c\n"));
        }
    }

    #[test]
    fn a_full_disk_is_told_and_leaves_whole_lines() {
        // Every write to this device finds it full.
        let full = Path::new("/dev/full");
        if !full.exists() {
            println!("not tested: there is no /dev/full here");
            return;
        }
        let file = OpenOptions::new().append(true).open(full).expect("the device");
        let options = AuditOptions { sync: false, ..AuditOptions::new(full) };
        let mut file = AuditFile { options, file, len: 0 };
        assert!(file.write(b"a\n").is_err());
    }
}
