//! Where events come from: JSON Lines, one CloudEvent, or a batch, from a file or stdin.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use anyhow::Context as _;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

/// The longest line, in bytes: far over the largest event, and a bound for what is no JSON Lines at all.
const MAX_LINE: usize = 16 * 1024 * 1024;
/// How many entries wait for the sender.
const QUEUE: usize = 1024;

/// One event as it was read.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The line it began on, from 1.
    pub(crate) line: u64,
    /// Its JSON.
    pub(crate) json: String,
}

/// Entries as they are read, in order.
pub(crate) struct Input {
    entries: mpsc::Receiver<io::Result<Entry>>,
    /// A failure that is still to be told.
    failed: Option<io::Error>,
    /// How many bytes there are, where that is known.
    pub(crate) bytes: Option<u64>,
}

impl Input {
    /// Opens a file, or stdin for `-`, and reads it on a thread of its own.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let (source, bytes): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            let bytes = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|m| m.len());
            (Box::new(file), bytes)
        };
        let (sender, entries) = mpsc::channel(QUEUE);
        std::thread::Builder::new().name("input".into()).spawn(move || {
            let give = |entry| sender.blocking_send(entry).is_ok();
            if let Err(error) =
                read(BufReader::with_capacity(256 * 1024, source), &mut |entry| give(Ok(entry)))
            {
                give(Err(error));
            }
        })?;
        Ok(Self { entries, failed: None, bytes })
    }

    /// Waits for the next entry; `None` at the end. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Entry>> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.entries.recv().await.transpose(),
        }
    }

    /// Puts a failure back: the next call tells it.
    pub(crate) fn fail(&mut self, error: io::Error) {
        self.failed = Some(error);
    }
}

/// Hands on entry by entry until there are no more or nobody wants them.
fn read(mut source: impl BufRead, give: &mut dyn FnMut(Entry) -> bool) -> io::Result<()> {
    let mut number = 0;
    let mut line = Vec::new();
    while next_line(&mut source, &mut line)? {
        number += 1;
        let text = utf8(&line, number)?;
        if text.trim().is_empty() {
            continue;
        }
        let first = number == 1 || text.trim() == "[" || text.trim() == "{";
        if first && !is_whole(text) {
            // No JSON Lines: one document over several lines.
            return document(&mut source, &line, number, give);
        }
        if let Ok(batch) = serde_json::from_str::<Vec<&RawValue>>(text) {
            for json in batch {
                if !give(Entry { line: number, json: json.get().to_owned() }) {
                    return Ok(());
                }
            }
        } else if !give(Entry { line: number, json: text.trim().to_owned() }) {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether the line is a whole JSON value, or wrong in another way than by being cut.
fn is_whole(text: &str) -> bool {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(_) => true,
        Err(error) => !error.is_eof(),
    }
}

fn document(
    source: &mut impl BufRead,
    head: &[u8],
    line: u64,
    give: &mut dyn FnMut(Entry) -> bool,
) -> io::Result<()> {
    let mut whole = head.to_vec();
    source.take((MAX_LINE - head.len().min(MAX_LINE)) as u64).read_to_end(&mut whole)?;
    let text = utf8(&whole, line)?;
    match serde_json::from_str::<Vec<&RawValue>>(text) {
        Ok(batch) => {
            for json in batch {
                if !give(Entry { line, json: json.get().to_owned() }) {
                    break;
                }
            }
        }
        Err(_) => {
            give(Entry { line, json: text.to_owned() });
        }
    }
    Ok(())
}

fn next_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    source.take(MAX_LINE as u64).read_until(b'\n', line)?;
    if line.len() == MAX_LINE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is longer than 16 MiB"));
    }
    Ok(!line.is_empty())
}

fn utf8(bytes: &[u8], line: u64) -> io::Result<&str> {
    std::str::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("line {line} is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(u64, String)> {
        let mut all = Vec::new();
        read(text.as_bytes(), &mut |e| {
            all.push((e.line, e.json));
            true
        })
        .unwrap();
        all
    }

    #[test]
    fn lines_documents_and_batches() {
        let two = [(1, "{\"a\":1}".to_owned()), (3, "{\"b\":2}".to_owned())];
        assert_eq!(entries("{\"a\":1}\n\n{\"b\":2}"), two);
        assert_eq!(entries("{\n \"a\": 1\n}\n"), [(1, "{\n \"a\": 1\n}\n".to_owned())]);
        assert_eq!(entries("[{\"a\":1},\n{\"b\":2}]").len(), 2);
        assert_eq!(entries("[{\"a\":1},{\"b\":2}]\n").len(), 2);
        assert_eq!(entries(""), []);
    }

    #[test]
    fn a_broken_line_is_an_entry_of_its_own() {
        assert_eq!(entries("{\"a\":1}\nnonsense\n{\"b\"\n{\"c\":3}").len(), 4);
        assert_eq!(entries("nonsense\n{\"c\":3}").len(), 2);
    }

    #[test]
    fn bytes_that_are_no_text_are_told_with_their_line() {
        let error = read(&b"{}\n\xff\n"[..], &mut |_| true).unwrap_err();
        assert!(error.to_string().contains("line 2 is not UTF-8"));
    }
}
