//! Writing: data to stdout, everything else to stderr.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write};

/// Buffered stdout. Errors come back as values: a closed pipe ends the command without a panic.
pub(crate) struct Out(BufWriter<Stdout>);

impl Out {
    /// Opens stdout.
    pub(crate) fn new() -> Self {
        Self(BufWriter::with_capacity(64 * 1024, io::stdout()))
    }

    /// Writes a value as one line of JSON.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, value)?;
        self.0.write_all(b"\n")
    }

    /// Writes bytes that are one line.
    pub(crate) fn line(&mut self, line: &[u8]) -> io::Result<()> {
        self.0.write_all(line)?;
        self.0.write_all(b"\n")
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// How many columns stdout has, where it is a terminal.
pub(crate) fn width() -> Option<usize> {
    let size = io::stdout().is_terminal().then(crossterm::terminal::size)?;
    size.ok().map(|(columns, _)| columns.into())
}

/// Whether stdout shows colours.
pub(crate) fn stdout_has_colour() -> bool {
    io::stdout().is_terminal() && colour_wanted()
}

/// Whether stderr shows colours.
pub(crate) fn stderr_has_colour() -> bool {
    io::stderr().is_terminal() && colour_wanted()
}

/// Whether nobody has asked to go without colours (<https://no-color.org>).
pub(crate) fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

/// Paints text where colours are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    /// Wraps `text` in an SGR code such as `32` or `1;34`.
    pub(crate) fn sgr(self, code: &str, text: impl std::fmt::Display) -> String {
        if self.0 && !code.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    /// Less important text.
    pub(crate) fn dim(self, text: impl std::fmt::Display) -> String {
        self.sgr("2", text)
    }
}

/// Text from an event as it may be shown: no control character reaches the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}
