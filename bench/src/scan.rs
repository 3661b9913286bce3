//! Finding stamps in what comes over a socket, without parsing it.

use crate::data::{DIGITS, MARK};

/// Keeps what a read cut in two.
#[derive(Debug, Default)]
pub(crate) struct Scanner(Vec<u8>);

impl Scanner {
    /// Gives the stamp of every event whose mark is complete, in order.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut found: impl FnMut(u64)) {
        self.0.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(at) = find(&self.0[from..]) {
            let digits = from + at + MARK.len();
            let Some(stamp) = self.0.get(digits..digits + DIGITS) else {
                from += at;
                break;
            };
            found(stamp.iter().fold(0, |n, digit| n * 10 + u64::from(digit.wrapping_sub(b'0'))));
            from = digits + DIGITS;
        }
        // Of what is left only the beginning of a mark matters.
        let keep = from.max(self.0.len().saturating_sub(MARK.len() + DIGITS));
        self.0.drain(..keep);
    }
}

fn find(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|b| *b == b'"') {
        let rest = &bytes[from + at..];
        if rest.starts_with(MARK) || (rest.len() < MARK.len() && MARK.starts_with(rest)) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_stamp_wherever_reads_cut() {
        let text = b"id: x\ndata: {\"data\":{\"at\":\"000000000042\"}}\n\ndata: {\"a\":\"at\",\"at\":\"000000000043\"}\n\n";
        for cut in 0..text.len() {
            let (mut scanner, mut stamps) = (Scanner::default(), Vec::new());
            scanner.feed(&text[..cut], |stamp| stamps.push(stamp));
            scanner.feed(&text[cut..], |stamp| stamps.push(stamp));
            assert_eq!(stamps, [42, 43], "cut at {cut}");
        }
    }
}
