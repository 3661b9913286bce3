//! The tree as lines.

use std::collections::HashSet;

use headwater::catalogue::Kind;
use jiff::Timestamp;

use super::{Line, Outline, Part, State};
use crate::pretty::length;

/// How the tree is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// How many columns there are.
    pub(crate) width: usize,
    /// How many rows there are; parts that are done are folded until the tree fits.
    pub(crate) rows: usize,
    /// The present, for parts that go on.
    pub(crate) now: Option<Timestamp>,
    /// Which picture of the wheel is shown before parts that go on.
    pub(crate) frame: usize,
}

const WHEEL: [&str; 8] = ["⣾", "⣽", "⣻", "⢿", "⡿", "⣟", "⣯", "⣷"];
const BAR: usize = 24;

impl Outline {
    /// Draws the tree.
    pub(crate) fn draw(&self, look: Look) -> Vec<Line> {
        let mut folded = HashSet::new();
        let mut lines = self.lines(look, &folded);
        // Oldest first; a part that still goes on is never folded.
        let done =
            |part: &Part| part.state != State::Open && !part.children.is_empty() && part.parent.is_some();
        for (at, _) in self.parts.iter().enumerate().filter(|(_, part)| done(part)) {
            if lines.len() <= look.rows {
                break;
            }
            folded.insert(at);
            lines = self.lines(look, &folded);
        }
        lines.truncate(look.rows);
        lines
    }

    fn lines(&self, look: Look, folded: &HashSet<usize>) -> Vec<Line> {
        let mut lines = Vec::new();
        for (at, part) in self.parts.iter().enumerate().filter(|(_, part)| part.parent.is_none()) {
            lines.push(self.line(part, String::new(), look, folded.contains(&at)));
            self.below(at, "", look, folded, &mut lines);
        }
        lines
    }

    fn below(&self, at: usize, indent: &str, look: Look, folded: &HashSet<usize>, lines: &mut Vec<Line>) {
        if folded.contains(&at) {
            return;
        }
        let children = self.shown_below(at);
        for (i, child) in children.iter().copied().enumerate() {
            let last = i + 1 == children.len();
            let branch = format!("{indent}{}", if last { "└─ " } else { "├─ " });
            lines.push(self.line(&self.parts[child], branch, look, folded.contains(&child)));
            let indent = format!("{indent}{}", if last { "   " } else { "│  " });
            self.below(child, &indent, look, folded, lines);
        }
    }

    /// The children that are drawn: a step that is nothing but the frame of a stage, which stands at the same subject, gives
    /// its place to what is in it.
    fn shown_below(&self, at: usize) -> Vec<usize> {
        let mut shown = Vec::new();
        for &child in &self.parts[at].children {
            let part = &self.parts[child];
            let frames = |&inner: &usize| self.parts[inner].subject == part.subject;
            if part.kind == Kind::Step && part.children.iter().any(frames) {
                shown.extend(self.shown_below(child));
            } else {
                shown.push(child);
            }
        }
        shown
    }

    fn line(&self, part: &Part, branch: String, look: Look, folded: bool) -> Line {
        let (sgr, sign) = match part.state {
            State::Open => ("33", WHEEL[look.frame % WHEEL.len()]),
            State::Done => ("32", "✓"),
            State::Failed => ("31", "✗"),
            State::Cancelled => ("35", "⊘"),
        };
        let mut line = Line::new()
            .add("2", branch)
            .add(sgr, sign)
            .add("", " ")
            .add(colour(part.kind), part.name.as_str());
        if let Some(percentage) = part.percentage.filter(|_| part.kind.is_root()) {
            let full = (percentage / 100.0 * BAR as f64).round() as usize;
            line = line
                .add("", "  ")
                .add("32", "━".repeat(full.min(BAR)))
                .add("2", "╌".repeat(BAR - full.min(BAR)));
            line = line.add("", format!(" {percentage:.0}%"));
        }
        if !part.note.is_empty() {
            line = line.add("2", format!("  {}", part.note));
        }
        if folded {
            line = line.add("2", format!("  (+{})", self.size(part) - 1));
        }
        match part.length(look.now) {
            Some(took) => line.right(look.width, "2", length(took)),
            None => line.cut(look.width),
        }
    }

    /// How many parts a part is made of, itself included.
    fn size(&self, part: &Part) -> usize {
        1 + part.children.iter().map(|&child| self.size(&self.parts[child])).sum::<usize>()
    }
}

fn colour(kind: Kind) -> &'static str {
    match kind {
        Kind::Workflow => "1",
        Kind::Generation | Kind::Audit | Kind::Testing | Kind::Deployment | Kind::Task | Kind::Step => "1;34",
        Kind::Llm => "36",
        Kind::Tool => "33",
        Kind::A2a => "35",
        _ => "",
    }
}
