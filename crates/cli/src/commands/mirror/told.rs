//! What a mirror tells: results to stdout, everything else to stderr.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use headwater::{
    GapReason,
    mirror::{Happening, MirrorReport, StreamReport},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::Notify;

use crate::output::{Out, printable};

/// How many refused events are named, one line each; the rest is counted.
const NAMED: u64 = 20;

/// Tells of a mirror, from whichever of its tasks it comes.
pub(super) struct Told {
    inner: Mutex<Inner>,
    failed: Notify,
}

struct Inner {
    json: bool,
    out: Out,
    bar: ProgressBar,
    tally: MirrorReport,
    resets: u64,
    away: bool,
    error: Option<io::Error>,
}

impl Told {
    pub(super) fn new(json: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        bar.enable_steady_tick(Duration::from_millis(200));
        let (tally, resets) = (MirrorReport::default(), 0);
        let inner = Inner { json, out: Out::new(), bar, tally, resets, away: false, error: None };
        Self { inner: Mutex::new(inner), failed: Notify::new() }
    }

    /// Takes what the mirror tells.
    pub(super) fn hear(&self, happening: &Happening<'_>) {
        let mut inner = self.lock();
        if let Err(error) = inner.hear(happening) {
            inner.error = Some(error);
            self.failed.notify_one();
        }
    }

    /// Waits until stdout cannot be written.
    pub(super) async fn failed(&self) -> io::Error {
        loop {
            self.failed.notified().await;
            if let Some(error) = self.lock().error.take() {
                return error;
            }
        }
    }

    /// Whether everything was copied, as far as was heard.
    pub(super) fn is_complete(&self) -> bool {
        self.lock().tally.is_complete()
    }

    /// Takes the bar away and says what came of it.
    pub(super) fn finish(&self, stopped: bool) {
        let inner = self.lock();
        inner.bar.finish_and_clear();
        let end = if stopped { "; stopped, the next mirror goes on from here" } else { "" };
        eprintln!("headwater: {}{end}", inner.summary());
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn hear(&mut self, happening: &Happening<'_>) -> io::Result<()> {
        match happening {
            Happening::Found { events, .. } => self.begin(*events),
            Happening::Passed { events, .. } => {
                self.away = false;
                self.bar.inc(*events);
            }
            Happening::Gap { stream, gap } => {
                *self.tally.gaps.entry(gap.reason.as_str()).or_default() += 1;
                if gap.reason != GapReason::Trimmed {
                    self.say(&format!("gap in {stream}: {} (from {} to {})", gap.reason, gap.from, gap.to));
                }
            }
            Happening::Refused { stream, id, error } => {
                self.tally.refused += 1;
                if self.tally.refused <= NAMED {
                    self.say(&format!("refused: {stream}, event {}: {error}", printable(id)));
                }
            }
            Happening::TargetReset { stream } => {
                self.resets += 1;
                if self.resets == 1 {
                    self.say(&format!(
                        "the target was wiped since the last mirror, as seen first in {stream}: copying anew"
                    ));
                }
            }
            Happening::Waiting { .. } if self.away => {}
            Happening::Waiting { error } => {
                self.away = true;
                self.say(&format!("{error}: trying again"));
            }
            Happening::Done(report) => return self.done(report),
            Happening::Live => self.say(&format!("{}; following", self.summary())),
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, events: u64) {
        self.bar.set_length(events.max(self.bar.position()));
        let look = "{bar:30.cyan/dim} {percent:>3}% {human_pos}/{human_len} events {per_sec}  {msg}";
        if let Ok(style) = ProgressStyle::with_template(look) {
            self.bar.set_style(style.progress_chars("━╸ "));
        }
    }

    fn done(&mut self, report: &StreamReport) -> io::Result<()> {
        // Gaps and refusals were counted as they were told.
        self.tally.streams += 1;
        self.tally.stored += report.stored;
        self.tally.already += report.already;
        self.bar.set_message(report.stream.to_string());
        if self.json {
            self.out.json(report)?;
            self.out.flush()?;
        }
        Ok(())
    }

    /// Says something above the bar.
    fn say(&self, text: &str) {
        self.bar.suspend(|| eprintln!("headwater: {text}"));
    }

    fn summary(&self) -> String {
        let MirrorReport { stored, already, refused, gaps, .. } = &self.tally;
        let mut text = format!("{stored} {} copied", if *stored == 1 { "event" } else { "events" });
        if *already > 0 {
            text += &format!(", {already} already there");
        }
        if *refused > 0 {
            text += &format!(", {refused} refused");
        }
        if !gaps.is_empty() {
            text += &format!(", gaps at the source: {}", counts(gaps));
        }
        text
    }
}

fn counts(gaps: &BTreeMap<&'static str, u64>) -> String {
    gaps.iter().map(|(reason, count)| format!("{count} {reason}")).collect::<Vec<_>>().join(", ")
}
