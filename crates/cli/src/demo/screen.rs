//! The screen: reads the run over SSE, draws it, and is cut off in the middle on purpose.

use std::{
    collections::HashSet,
    io::{self, Write as _},
    time::{Duration, Instant},
};

use headwater::{
    Clock as _, Event, EventType as _, Item, SystemClock,
    catalogue::{LlmDelta, LlmReasoningDelta},
};
use tokio::time::MissedTickBehavior;

use super::{
    check,
    frame::{Canvas, Frame},
    reader::Reader,
    setting::Setting,
};
use crate::{
    follow::Step,
    outline::Outline,
    output::{Out, stdout_has_colour},
    pretty::Lines,
};

/// How often the picture changes.
const FRAME: Duration = Duration::from_millis(66);
/// After how many deltas of the audit's model the reader is cut off.
const CUT_AFTER: usize = 14;
/// How long it stays away, in milliseconds at normal speed.
const AWAY_MS: u64 = 1500;

/// What the screen saw.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// The run.
    pub(crate) outline: Outline,
    /// The ids of all events, in the order in which they came.
    pub(crate) seen: Vec<String>,
    /// How long each event took from its publisher to the screen, those left out that waited for the reader.
    pub(crate) delays: Vec<Duration>,
    /// How long the first token of each answer took.
    pub(crate) first_tokens: Vec<Duration>,
    /// From the first event to the last.
    pub(crate) length: Duration,
    /// Where the reader was cut off and what happened then.
    pub(crate) cut: Option<Cut>,
}

/// The reader's accident.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// After how many events.
    pub(crate) at: usize,
    /// Since when it is away.
    since: Instant,
    /// How long it was away, once it is back.
    pub(crate) away: Option<Duration>,
    /// How many events were waiting for it.
    pub(crate) replayed: usize,
    /// How many it missed, once the log was asked.
    pub(crate) missed: Option<usize>,
}

/// Shows a run.
pub(crate) struct Screen {
    setting: Setting,
    canvas: Option<Canvas>,
    lines: Lines,
    out: Out,
    shown: Shown,
    begun: Option<Instant>,
    /// The answers whose first token has come.
    answers: HashSet<String>,
}

impl Screen {
    /// A picture on a terminal that has colours, lines elsewhere.
    pub(crate) fn new(plain: bool, setting: &Setting) -> Self {
        let picture = !plain && stdout_has_colour();
        Self {
            setting: setting.clone(),
            canvas: picture.then(Canvas::new),
            lines: Lines::new(stdout_has_colour()),
            out: Out::new(),
            shown: Shown::default(),
            begun: None,
            answers: HashSet::new(),
        }
    }

    /// Shows the run to its end.
    pub(crate) async fn show(mut self, mut reader: Reader) -> anyhow::Result<Shown> {
        let mut tick = tokio::time::interval(FRAME);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut back = std::pin::pin!(tokio::time::sleep(Duration::ZERO));
        loop {
            let away = self.shown.cut.is_some_and(|cut| cut.away.is_none());
            tokio::select! {
                step = reader.next() => {
                    let Step::Items(items) = step? else { break };
                    if self.take(items).await? {
                        break;
                    }
                    if self.shown.cut.is_none() && self.is_time_to_cut() {
                        reader.cut();
                        self.cut()?;
                        back.as_mut().reset(tokio::time::Instant::now() + self.setting.pace.of(AWAY_MS));
                    }
                }
                () = &mut back, if away => {
                    reader.resume().await?;
                    if let Some(cut) = &mut self.shown.cut {
                        cut.away = Some(cut.since.elapsed());
                    }
                }
                _ = tick.tick() => self.draw(false)?,
            }
        }
        self.shown.length = self.begun.map(|begun| begun.elapsed()).unwrap_or_default();
        self.draw(true)?;
        self.lines.finish(&mut self.out)?;
        self.out.flush()?;
        Ok(self.shown)
    }

    /// Takes what came; gives whether the run is over.
    async fn take(&mut self, items: Vec<Item>) -> anyhow::Result<bool> {
        for item in items {
            match item {
                Item::Event(delivery) => self.event(delivery.event())?,
                Item::Gap(gap) => anyhow::bail!("the screen misses something: {}", gap.reason),
                Item::CaughtUp(_) => self.caught_up().await?,
                Item::End(_) => return Ok(true),
            }
        }
        self.out.flush()?;
        Ok(false)
    }

    fn event(&mut self, event: &Event) -> anyhow::Result<()> {
        self.begun.get_or_insert_with(Instant::now);
        let shown = &mut self.shown;
        shown.seen.push(event.id().to_owned());
        shown.outline.apply(event);
        match &mut shown.cut {
            Some(cut) if cut.missed.is_none() => cut.replayed += 1,
            _ => {
                let age = age(event);
                shown.delays.extend(age);
                let token = matches!(event.ty(), LlmDelta::TYPE | LlmReasoningDelta::TYPE);
                if token && self.answers.insert(event.subject().unwrap_or_default().to_owned()) {
                    shown.first_tokens.extend(age);
                }
            }
        }
        if self.canvas.is_none() {
            self.lines.event(&mut self.out, event)?;
        }
        Ok(())
    }

    /// Whether the audit's model is in the middle of a sentence.
    fn is_time_to_cut(&self) -> bool {
        let reading = format!("{}/audit/read", self.setting.run);
        self.shown.outline.parts().iter().any(|part| part.subject == reading && part.events > CUT_AFTER)
    }

    fn cut(&mut self) -> io::Result<()> {
        let at = self.shown.seen.len();
        self.shown.cut = Some(Cut { at, since: Instant::now(), away: None, replayed: 0, missed: None });
        self.say(&format!("reader disconnected on purpose after event {at}"))
    }

    /// History has been delivered: after an accident this is when the log is asked whether anything is missing.
    async fn caught_up(&mut self) -> anyhow::Result<()> {
        let waiting = self.shown.cut.is_some_and(|cut| cut.away.is_some() && cut.missed.is_none());
        if waiting {
            let missed = check::missed_so_far(&self.setting, &self.shown.seen).await?;
            if let Some(cut) = &mut self.shown.cut {
                cut.missed = Some(missed);
                let replayed = cut.replayed;
                self.say(&format!("reader reconnected, {replayed} events replayed, missed {missed}"))?;
            }
        }
        Ok(())
    }

    /// Says something among the lines; the picture has a place of its own for it.
    fn say(&mut self, text: &str) -> io::Result<()> {
        if self.canvas.is_none() {
            self.lines.finish(&mut self.out)?;
            writeln!(self.out, "-- {text}")?;
        }
        Ok(())
    }

    fn draw(&mut self, last: bool) -> io::Result<()> {
        let elapsed = self.begun.map(|begun| begun.elapsed()).unwrap_or_default();
        match &mut self.canvas {
            Some(canvas) => canvas
                .draw(&Frame { setting: &self.setting, shown: &self.shown, elapsed, last }, &mut self.out),
            None => Ok(()),
        }
    }
}

/// How long ago an event was made, to the millisecond.
fn age(event: &Event) -> Option<Duration> {
    let age = SystemClock.now().duration_since(event.time()?);
    Some(age.max(jiff::SignedDuration::ZERO).unsigned_abs())
}
