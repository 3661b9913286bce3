//! One picture of the run, drawn over the one before.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use crossterm::{
    cursor::{Hide, MoveToColumn, MoveUp, Show},
    queue,
    terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate},
};
use headwater::{Clock as _, SystemClock};

use super::{
    screen::{Cut, Shown},
    setting::Setting,
};
use crate::{
    outline::{Line, Look, Voice},
    output::{Out, Paint},
    pretty::length,
};

/// How many rows of running text are shown.
const TEXT_ROWS: usize = 6;

/// Where pictures are drawn.
#[derive(Debug)]
pub(crate) struct Canvas {
    /// How many rows the last picture has.
    rows: usize,
    size: (u16, u16),
    frame: usize,
}

/// What is drawn.
pub(crate) struct Frame<'a> {
    pub(crate) setting: &'a Setting,
    pub(crate) shown: &'a Shown,
    pub(crate) elapsed: Duration,
    /// Whether the run is over: the text gives its place to the tree.
    pub(crate) last: bool,
}

/// Gives the terminal back as it was, whatever ended the drawing.
impl Drop for Canvas {
    fn drop(&mut self) {
        let mut out = io::stdout();
        // Nothing to be done where the terminal is gone.
        let _ = queue!(out, Show).and_then(|()| out.flush());
    }
}

impl Canvas {
    /// Nothing drawn yet.
    pub(crate) fn new() -> Self {
        Self { rows: 0, size: (0, 0), frame: 0 }
    }

    /// Draws over the last picture.
    pub(crate) fn draw(&mut self, frame: &Frame<'_>, out: &mut Out) -> io::Result<()> {
        let size = crossterm::terminal::size().unwrap_or((100, 30));
        queue!(out, BeginSynchronizedUpdate, Hide, MoveToColumn(0))?;
        if self.rows > 0 {
            queue!(out, MoveUp(u16::try_from(self.rows).unwrap_or(u16::MAX)))?;
        }
        // Lines of the last picture may have been broken by a narrower terminal.
        if self.size != size {
            queue!(out, Clear(ClearType::FromCursorDown))?;
        }
        self.size = size;
        let (width, height) = (usize::from(size.0).clamp(40, 140), usize::from(size.1).max(12));
        let lines = frame.lines(width - 1, height - 1, self.frame);
        for line in &lines {
            write!(out, "{}", line.render(Paint(true)))?;
            queue!(out, Clear(ClearType::UntilNewLine))?;
            writeln!(out)?;
        }
        queue!(out, Clear(ClearType::FromCursorDown), EndSynchronizedUpdate)?;
        self.rows = lines.len();
        self.frame += 1;
        out.flush()
    }
}

impl Frame<'_> {
    fn lines(&self, width: usize, height: usize, frame: usize) -> Vec<Line> {
        let text = if self.last { Vec::new() } else { self.text(width) };
        let look = Look {
            width,
            rows: height.saturating_sub(4 + text.len()).max(3),
            now: (!self.last).then(|| SystemClock.now()),
            frame: frame / 2,
        };
        let mut lines = vec![self.head(width), rule(width, Line::new())];
        lines.extend(self.shown.outline.draw(look));
        lines.extend(text);
        lines.push(rule(width, Line::new()));
        lines.push(self.reader().cut(width));
        lines
    }

    fn head(&self, width: usize) -> Line {
        let events = self.shown.outline.events();
        let rate = events as f64 / self.elapsed.as_secs_f64().max(0.1);
        let line =
            Line::new().add("1;36", "headwater demo").add("2", "  run ").add("", self.setting.run.as_str());
        let line = line.add("2", format!("  {events} events  {rate:.0}/s  {}", length(self.elapsed)));
        line.right(width, "2", self.setting.url.as_str())
    }

    /// The running text: the last rows of what is being said.
    fn text(&self, width: usize) -> Vec<Line> {
        let Some(voice) = self.shown.outline.voice() else {
            return Vec::new();
        };
        let sgr = sgr(voice);
        let mut lines = vec![rule(width, title(voice))];
        let rows = wrap(&voice.text, width.saturating_sub(2));
        let first = rows.len().saturating_sub(TEXT_ROWS);
        let last = rows.len().saturating_sub(1);
        for (at, row) in rows.iter().enumerate().skip(first) {
            let line = Line::new().add("", " ").add(sgr, row.as_str());
            lines.push(if at == last { line.add("36", "▌") } else { line });
        }
        lines.resize(TEXT_ROWS + 1, Line::new());
        lines
    }

    fn reader(&self) -> Line {
        let line = Line::new().add("2", "reader  ");
        match self.shown.cut {
            None => line.add("32", "● ").add("", "reading its own stream over SSE"),
            Some(Cut { at, away: None, .. }) => line
                .add("31", "○ ")
                .add("", format!("disconnected on purpose after event {at}; the run goes on")),
            Some(Cut { away: Some(_), missed: None, .. }) => {
                line.add("33", "◐ ").add("", "reconnected with its cursor")
            }
            Some(Cut { at, away: Some(away), replayed, missed: Some(missed), .. }) => line
                .add(if missed == 0 { "32" } else { "31" }, "● ")
                .add(
                    "",
                    format!(
                        "cut off after event {at}, back after {}, {replayed} events replayed, ",
                        length(away)
                    ),
                )
                .add(if missed == 0 { "1;32" } else { "1;31" }, format!("missed {missed}")),
        }
    }
}

fn title(voice: &Voice) -> Line {
    let agent = voice.source.rsplit('/').next().unwrap_or_default();
    let what = match voice.ty {
        "llm.reasoning.delta" => "thinks",
        "tool.arguments" => "calls a tool",
        _ => "writes",
    };
    Line::new().add("1;34", format!(" {agent} ")).add("2", format!("{what} "))
}

fn sgr(voice: &Voice) -> &'static str {
    match voice.ty {
        "llm.reasoning.delta" => "2;3",
        "tool.arguments" => "33",
        _ => "",
    }
}

/// A line across, with a title.
fn rule(width: usize, title: Line) -> Line {
    let rest = width.saturating_sub(title.width() + 2);
    let mut line = Line::new().add("2", "──");
    line = line.join(title);
    line.add("2", "─".repeat(rest))
}

/// Breaks text between words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for paragraph in text.split('\n') {
        let mut row = String::new();
        for word in paragraph.split_inclusive(' ') {
            if row.chars().count() + word.trim_end().chars().count() > width && !row.is_empty() {
                rows.push(std::mem::take(&mut row));
            }
            row.push_str(word);
        }
        rows.push(row);
    }
    rows
}
