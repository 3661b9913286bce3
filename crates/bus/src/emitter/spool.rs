//! A file that takes events while the store is away: one event a line, published from its head.
//!
//! Beside it stands `<file>.head` with how many bytes were published, so that another life goes on there. An event that
//! was published and whose head was not written yet is published again; the dedup window knows it.

use std::{
    collections::BTreeMap,
    io::{self, SeekFrom},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use headwater_broker::Published;
use headwater_events::Event;
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
    sync::oneshot,
};

use super::{SpoolOptions, batch::Batch, queue::Answer};

/// How much of the file is looked at to find the next events.
const READ_BYTES: usize = 1 << 20;

/// The spool of one emitter.
pub(super) struct Spool {
    options: SpoolOptions,
    file: Option<File>,
    /// Everything before it is published.
    head: u64,
    tail: u64,
    /// Ends of the lines that were looked at last.
    ends: Vec<u64>,
    /// How many events are looked at next, where a batch did not pass.
    limit: usize,
    /// Who waits for the line that ends there.
    answers: BTreeMap<u64, Answer>,
    /// Who waits for everything before.
    flushes: Vec<(u64, oneshot::Sender<()>)>,
}

impl Spool {
    pub(super) fn new(options: SpoolOptions) -> Self {
        Self {
            options,
            file: None,
            head: 0,
            tail: 0,
            ends: Vec::new(),
            limit: usize::MAX,
            answers: BTreeMap::new(),
            flushes: Vec::new(),
        }
    }

    /// Opens the file. Gives whether an earlier life left events in it. A line that was cut off is no event.
    pub(super) async fn open(&mut self) -> io::Result<bool> {
        let path = &self.options.path;
        let text = match fs::read(path).await {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at as u64 + 1);
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).await?;
        file.set_len(whole).await?;
        self.file = Some(file);
        self.tail = whole;
        let head = fs::read_to_string(head_path(path)).await.ok();
        self.head = head.and_then(|text| text.trim().parse().ok()).unwrap_or(0).min(whole);
        Ok(!self.is_empty())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.head >= self.tail
    }

    /// How many bytes wait.
    pub(super) const fn bytes(&self) -> u64 {
        self.tail - self.head
    }

    /// Appends a batch. `false`, with nothing written, where there is no room.
    pub(super) async fn append(&mut self, batch: &mut Batch) -> io::Result<bool> {
        let mut text = Vec::new();
        let mut ends = Vec::with_capacity(batch.events.len());
        for event in &batch.events {
            text.extend_from_slice(event.json());
            text.push(b'\n');
            ends.push(self.tail + text.len() as u64);
        }
        if self.bytes() + text.len() as u64 > self.options.max_bytes {
            return Ok(false);
        }
        let tail = self.tail;
        let file = self.file()?;
        if let Err(error) = write(file, tail, &text).await {
            // Half a line is no event; where even this fails, the next write begins at the same place.
            drop(file.set_len(tail).await);
            return Err(error);
        }
        self.tail += text.len() as u64;
        for (end, waiting) in ends.into_iter().zip(batch.answers.drain(..)) {
            if let Some(waiting) = waiting {
                self.answers.insert(end, waiting);
            }
        }
        let tail = self.tail;
        self.flushes.extend(batch.flushes.drain(..).map(|done| (tail, done)));
        batch.events.clear();
        Ok(true)
    }

    /// The next events, at most `max`, without taking them.
    pub(super) async fn head(&mut self, max: usize) -> io::Result<Vec<Event>> {
        let (head, want) = (self.head, self.bytes().min(READ_BYTES as u64));
        self.ends.clear();
        if want == 0 {
            return Ok(Vec::new());
        }
        let file = self.file()?;
        file.seek(SeekFrom::Start(head)).await?;
        let mut text = vec![0; usize::try_from(want).unwrap_or(READ_BYTES)];
        file.read_exact(&mut text).await?;
        let (text, mut from, mut events) = (Bytes::from(text), 0, Vec::new());
        while events.len() < max.min(self.limit)
            && let Some(length) = text[from..].iter().position(|byte| *byte == b'\n')
        {
            let line = text.slice(from..from + length);
            from += length + 1;
            match Event::from_stored(line) {
                Ok(event) => {
                    events.push(event);
                    self.ends.push(head + from as u64);
                }
                // Damage: what cannot be read is passed over, with the next event.
                Err(error) => tracing::error!(file = %self.options.path.display(), "spool: {error}"),
            }
        }
        if events.is_empty() {
            self.advance(head + from as u64).await;
        }
        Ok(events)
    }

    /// Only so many of the next events are looked at.
    pub(super) fn look_at(&mut self, limit: usize) {
        self.limit = limit.max(1);
    }

    /// The events that were looked at are stored.
    pub(super) async fn stored(&mut self, published: Vec<Published>) {
        for (end, published) in std::mem::take(&mut self.ends).into_iter().zip(published) {
            if let Some(waiting) = self.answers.remove(&end) {
                drop(waiting.send(Ok(published)));
            }
            self.head = end;
        }
        let head = self.head;
        self.advance(head).await;
    }

    /// The next event is given up. Gives who waits for it.
    pub(super) async fn skip_head(&mut self) -> Option<Answer> {
        let end = *self.ends.first()?;
        self.advance(end).await;
        self.answers.remove(&end)
    }

    /// Nobody waits any more: what is here is for the next life.
    pub(super) fn let_go(&mut self) {
        self.answers.clear();
        self.flushes.clear();
    }

    async fn advance(&mut self, head: u64) {
        self.head = head.min(self.tail);
        self.limit = usize::MAX;
        let (passed, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.flushes).into_iter().partition(|(at, _)| *at <= self.head);
        self.flushes = waiting;
        if let Err(error) = self.note().await {
            // The next life may publish more again than it must.
            tracing::warn!(file = %self.options.path.display(), "spool: head not noted: {error}");
        }
        for (_, done) in passed {
            // Who does not wait any more does not need to know.
            let _ = done.send(());
        }
    }

    /// Notes the head; an empty spool has an empty file.
    async fn note(&mut self) -> io::Result<()> {
        let head_path = head_path(&self.options.path);
        if !self.is_empty() || self.tail == 0 {
            return fs::write(head_path, self.head.to_string()).await;
        }
        let file = self.file()?;
        file.set_len(0).await?;
        (self.head, self.tail) = (0, 0);
        fs::write(head_path, "0").await
    }

    fn file(&mut self) -> io::Result<&mut File> {
        self.file.as_mut().ok_or_else(|| io::Error::other("the spool is not open"))
    }
}

async fn write(file: &mut File, at: u64, text: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at)).await?;
    file.write_all(text).await?;
    file.flush().await?;
    file.sync_data().await
}

fn head_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".head");
    PathBuf::from(name)
}
