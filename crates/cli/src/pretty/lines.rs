//! Events as lines, with streamed text running on.

use std::io::{self, Write};

use headwater::{Data, Event};

use super::{category_colour, short};
use crate::{
    outline::delta_text,
    output::{Paint, printable},
};

/// How much of a payload is shown.
const DATA_WIDTH: usize = 96;

/// Prints events one a line; the deltas of one part run on as the text they are.
#[derive(Debug)]
pub(crate) struct Lines {
    paint: Paint,
    /// The part whose text the present line holds.
    text_of: Option<(String, String)>,
}

impl Lines {
    /// Prints with colours or without.
    pub(crate) fn new(colour: bool) -> Self {
        Self { paint: Paint(colour), text_of: None }
    }

    /// Prints an event.
    pub(crate) fn event(&mut self, out: &mut impl Write, event: &Event) -> io::Result<()> {
        if let Some(text) = delta_text(event) {
            return self.delta(out, event, &text);
        }
        self.finish(out)?;
        let paint = self.paint;
        let data = match event.data() {
            Data::None => String::new(),
            Data::Json(json) => short(&printable(json), DATA_WIDTH),
            Data::Binary(bytes) => format!("({} bytes)", bytes.len()),
        };
        writeln!(
            out,
            "{} {} {} {}",
            paint.dim(clock(event)),
            paint.sgr(category_colour(event.ty()), format!("{:<26}", printable(event.ty()))),
            format_args!("{:<30}", printable(event.subject().unwrap_or(event.stream()))),
            paint.dim(data),
        )
    }

    /// Ends a line of running text, if there is one.
    pub(crate) fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.text_of.take().is_some() { out.write_all(b"\n") } else { Ok(()) }
    }

    fn delta(&mut self, out: &mut impl Write, event: &Event, text: &str) -> io::Result<()> {
        let part = (event.ty().to_owned(), event.subject().unwrap_or("").to_owned());
        if self.text_of.as_ref() != Some(&part) {
            self.finish(out)?;
            let paint = self.paint;
            let ty = paint.sgr(category_colour(event.ty()), format!("{:<26}", printable(event.ty())));
            write!(out, "{} {ty} {:<30} ", paint.dim(clock(event)), printable(&part.1))?;
            self.text_of = Some(part);
        }
        // Running text stays on its line, so that the next event is found by eye.
        write!(out, "{}", printable(text).replace(['\n', '\t'], " "))
    }
}

/// The time of day of an event, UTC.
fn clock(event: &Event) -> &str {
    event.time_text().and_then(|time| time.get(11..23)).unwrap_or("            ")
}
