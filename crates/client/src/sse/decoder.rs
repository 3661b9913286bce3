//! The incremental decoder.

use std::time::Duration;

use bytes::{Buf, Bytes};

/// Turns chunks of a `text/event-stream` body into frames, wherever the chunks are cut.
///
/// Line ends are LF, CR or CRLF. A leading byte order mark is dropped, comments and unknown fields are ignored, a last
/// block without its blank line never becomes a frame. Bytes are scanned once and only payloads are copied, so that
/// a kept event does not hold on to the chunk it came in.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    chunk: Bytes,
    /// The start of a line whose end is in a later chunk.
    partial: Vec<u8>,
    /// The last line ended with CR: an LF directly behind it belongs to the same line end.
    after_cr: bool,
    /// No line has been read: a byte order mark may stand here.
    first: bool,
    event: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The id of the block that is being read; takes effect when the block ends.
    id: Vec<u8>,
    last_id: Vec<u8>,
    merged: Option<u32>,
    retry: Option<Duration>,
    /// Whether the block that is being read has any field that this decoder knows.
    known: bool,
    /// The event name belongs to a frame that was handed out.
    dispatched: bool,
}

/// Where a line stands.
enum Line {
    /// In the chunk, from and to these places.
    Here(usize, usize),
    /// In `partial`: its start came with an earlier chunk.
    Joined,
}

/// One block, as far as it matters here.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The last event id that was received, with this block or an earlier one.
    pub id: &'a [u8],
    /// The name of the event; empty where there is none.
    pub event: &'a [u8],
    /// The payload; `None` where the block has no `data`: it dispatches nothing.
    pub data: Option<Bytes>,
    /// How many events were merged into this one, where the block says so: a field of Headwater's own, which others
    /// ignore.
    pub merged: Option<u32>,
    /// The reconnection time the block asks for.
    pub retry: Option<Duration>,
}

/// A line or a payload is longer than the limit.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLarge;

impl Decoder {
    /// A decoder that refuses lines and payloads of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            chunk: Bytes::new(),
            partial: Vec::new(),
            after_cr: false,
            first: true,
            event: Vec::new(),
            data: Vec::new(),
            has_data: false,
            id: Vec::new(),
            last_id: Vec::new(),
            merged: None,
            retry: None,
            known: false,
            dispatched: false,
        }
    }

    /// Takes the next chunk. Every frame of the one before must have been taken.
    pub fn push(&mut self, chunk: Bytes) {
        debug_assert!(self.chunk.is_empty(), "frames are taken before the next chunk");
        self.chunk = chunk;
    }

    /// The next frame, or `None` until there is another chunk.
    #[allow(clippy::should_implement_trait)] // a frame borrows the decoder
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, TooLarge> {
        if std::mem::take(&mut self.dispatched) {
            self.event.clear();
        }
        // Held aside while its lines are read, and put back behind the frame.
        let mut chunk = std::mem::take(&mut self.chunk);
        let mut at = 0;
        while let Some((line, next)) = self.line(&chunk, at) {
            at = next;
            let blank = match line {
                Line::Here(from, to) => self.read(&chunk[from..to]),
                Line::Joined => {
                    let line = std::mem::take(&mut self.partial);
                    self.read(&line)
                }
            }?;
            if blank && self.known {
                chunk.advance(at);
                self.chunk = chunk;
                return Ok(Some(self.dispatch()));
            }
        }
        if self.partial.len() > self.limit { Err(TooLarge) } else { Ok(None) }
    }

    /// Finds the line that starts at `at`, and where the next one starts. The start of a line without its end is
    /// kept for later.
    fn line(&mut self, chunk: &[u8], at: usize) -> Option<(Line, usize)> {
        let mut at = at;
        if self.after_cr && at < chunk.len() {
            self.after_cr = false;
            at += usize::from(chunk[at] == b'\n');
        }
        let rest = chunk.get(at..).filter(|rest| !rest.is_empty())?;
        let Some(len) = memchr::memchr2(b'\n', b'\r', rest) else {
            self.partial.extend_from_slice(rest);
            return None;
        };
        let end = at + len;
        self.after_cr = chunk[end] == b'\r';
        if self.partial.is_empty() {
            return Some((Line::Here(at, end), end + 1));
        }
        self.partial.extend_from_slice(&chunk[at..end]);
        Some((Line::Joined, end + 1))
    }

    /// Reads one line: `true` for a blank one.
    fn read(&mut self, mut line: &[u8]) -> Result<bool, TooLarge> {
        if std::mem::replace(&mut self.first, false) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(true);
        }
        self.field(line)?;
        Ok(false)
    }

    fn field(&mut self, line: &[u8]) -> Result<(), TooLarge> {
        let colon = memchr::memchr(b':', line);
        let (name, value) = match colon {
            Some(at) => (&line[..at], line[at + 1..].strip_prefix(b" ").unwrap_or(&line[at + 1..])),
            None => (line, &[][..]),
        };
        match name {
            b"data" => {
                if self.data.len() + value.len() > self.limit {
                    return Err(TooLarge);
                }
                if self.has_data {
                    self.data.push(b'\n');
                } else {
                    self.data.reserve_exact(value.len());
                }
                self.data.extend_from_slice(value);
                self.has_data = true;
            }
            b"event" => {
                self.event.clear();
                self.event.extend_from_slice(value);
            }
            b"id" if !value.contains(&0) => {
                self.id.clear();
                self.id.extend_from_slice(value);
            }
            b"retry" => {
                if let Some(ms) = digits(value) {
                    self.retry = Some(Duration::from_millis(ms));
                }
            }
            b"merged" => self.merged = digits(value).and_then(|n| u32::try_from(n).ok()),
            _ => return Ok(()),
        }
        self.known = true;
        Ok(())
    }

    fn dispatch(&mut self) -> Frame<'_> {
        self.known = false;
        self.last_id.clone_from(&self.id);
        self.dispatched = true;
        let data = std::mem::take(&mut self.data);
        let data = std::mem::take(&mut self.has_data).then(|| Bytes::from(data));
        Frame {
            id: &self.last_id,
            event: &self.event,
            data,
            merged: self.merged.take(),
            retry: self.retry.take(),
        }
    }
}

/// ASCII digits only, as the standard asks for `retry`.
fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}
