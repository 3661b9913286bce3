//! How far a publish has come, on stderr.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Tally;

/// A bar where stderr is a terminal, nothing elsewhere.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar over so many bytes; without a number a spinner.
    pub(crate) fn new(bytes: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::stderr_with_hz(10));
        let look = match bytes {
            Some(_) => "{bar:30.cyan/dim} {percent:>3}% {bytes:>10}/{total_bytes} {bytes_per_sec}  {msg}",
            None => "{spinner:.cyan} {bytes:>10} {bytes_per_sec}  {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(look) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// More was sent.
    pub(crate) fn advance(&self, bytes: u64, tally: &Tally) {
        self.0.inc(bytes);
        self.0.set_message(tally.to_string());
    }

    /// Says something above the bar.
    pub(crate) fn say(&self, text: &str) {
        self.0.suspend(|| eprintln!("headwater: {text}"));
    }

    /// Takes the bar away and says what came of it.
    pub(crate) fn finish(&self, tally: &Tally) {
        self.0.finish_and_clear();
        eprintln!("headwater: {tally}");
    }
}
