//! A line of coloured text, cut to a width.

use crate::output::Paint;

/// A line: pieces of text, each with its SGR code.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line(Vec<(&'static str, String)>);

impl Line {
    /// An empty line.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds text in a colour; an empty code is plain text.
    #[must_use]
    pub(crate) fn add(mut self, sgr: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.0.push((sgr, text));
        }
        self
    }

    /// Adds another line's text.
    #[must_use]
    pub(crate) fn join(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// How many columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| text.chars().count()).sum()
    }

    /// Adds text at the right edge of `width` columns, cutting what stands in its way.
    #[must_use]
    pub(crate) fn right(self, width: usize, sgr: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        let room = width.saturating_sub(text.chars().count() + 1);
        let line = self.cut(room);
        let fill = width.saturating_sub(line.width() + text.chars().count());
        line.add("", " ".repeat(fill)).add(sgr, text)
    }

    /// The first `width` columns.
    #[must_use]
    pub(crate) fn cut(mut self, width: usize) -> Self {
        if self.width() <= width {
            return self;
        }
        let mut room = width.saturating_sub(1);
        for (_, text) in &mut self.0 {
            *text = text.chars().take(room).collect();
            room -= text.chars().count();
        }
        self.0.retain(|(_, text)| !text.is_empty());
        if width > 0 { self.add("2", "…") } else { self }
    }

    /// As it is written.
    pub(crate) fn render(&self, paint: Paint) -> String {
        self.0.iter().map(|(sgr, text)| paint.sgr(sgr, text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_and_right() {
        let line = Line::new().add("32", "abcdef").add("", "ghi");
        assert_eq!(line.clone().cut(5).render(Paint(false)), "abcd…");
        assert_eq!(line.clone().cut(9).render(Paint(false)), "abcdefghi");
        assert_eq!(line.clone().right(12, "", "1 s").render(Paint(false)), "abcdefg… 1 s");
        assert_eq!(line.clone().right(14, "", "1 s").render(Paint(false)), "abcdefghi  1 s");
        assert_eq!(line.right(20, "", "x").width(), 20);
    }
}
