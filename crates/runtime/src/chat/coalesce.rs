//! Fewer deltas of a fast model: what comes within a short window is one.

use std::time::Duration;

use tokio::time::Instant;

/// Which part of an answer a delta belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Text,
    Reasoning,
    /// The arguments of a call, by its index.
    Arguments(usize),
}

/// Puts deltas together. The first of a part goes out at once; what follows waits until the window is over, or until
/// something else comes.
#[derive(Debug)]
pub(super) struct Coalescer {
    window: Duration,
    last: Option<(Part, Instant)>,
    held: String,
}

impl Coalescer {
    pub(super) const fn new(window: Duration) -> Self {
        Self { window, last: None, held: String::new() }
    }

    /// Takes a delta and gives what is to go out now, in order.
    pub(super) fn push(&mut self, part: Part, text: &str, now: Instant) -> Vec<(Part, String)> {
        let mut out = Vec::new();
        match self.last {
            Some((same, since)) if same == part => {
                self.held.push_str(text);
                if now >= since + self.window {
                    out.extend(self.flush(now));
                }
            }
            _ => {
                out.extend(self.flush(now));
                self.last = Some((part, now));
                out.push((part, text.to_owned()));
            }
        }
        out
    }

    /// When what is held must go out.
    pub(super) fn due(&self) -> Option<Instant> {
        let (_, since) = self.last.filter(|_| !self.held.is_empty())?;
        Some(since + self.window)
    }

    /// What is held.
    pub(super) fn flush(&mut self, now: Instant) -> Option<(Part, String)> {
        let (part, since) = self.last.as_mut()?;
        if self.held.is_empty() {
            return None;
        }
        *since = now;
        Some((*part, std::mem::take(&mut self.held)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_goes_at_once_and_the_rest_in_windows_and_in_order() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut coalescer = Coalescer::new(Duration::from_millis(30));
        let text = |text: &str| (Part::Text, text.to_owned());
        assert_eq!(coalescer.push(Part::Text, "a", at(0)), [text("a")]);
        assert_eq!(coalescer.due(), None);
        assert_eq!(coalescer.push(Part::Text, "b", at(10)), []);
        assert_eq!(coalescer.push(Part::Text, "c", at(20)), []);
        assert_eq!(coalescer.due(), Some(at(30)));
        assert_eq!(coalescer.push(Part::Text, "d", at(31)), [text("bcd")]);
        assert_eq!(coalescer.push(Part::Text, "e", at(40)), []);
        let thought = (Part::Reasoning, "f".to_owned());
        assert_eq!(coalescer.push(Part::Reasoning, "f", at(41)), [text("e"), thought]);
        assert_eq!(coalescer.flush(at(42)), None);
    }
}
