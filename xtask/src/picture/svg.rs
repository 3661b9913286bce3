//! A terminal's screen, as text with colour codes, drawn as SVG.

use std::fmt::Write as _;

/// The size of one cell, in pixels.
const CELL: (f64, f64) = (8.4, 18.0);
/// Around the text, and for the bar with the title.
const EDGE: f64 = 16.0;
const BAR: f64 = 34.0;
/// Colours 0 to 7 of a terminal on a dark ground, and the ground and ink of it.
const COLOURS: [&str; 8] =
    ["#5c6773", "#f07178", "#a6cc70", "#ffcc66", "#73b8ff", "#d4a6ff", "#73d9d9", "#d9d7ce"];
const GROUND: &str = "#141a21";
const INK: &str = "#d9d7ce";

/// How text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Style {
    colour: Option<usize>,
    bold: bool,
    dim: bool,
    italic: bool,
}

/// Draws a screen, without the empty rows below.
pub(super) fn draw(screen: &str, columns: usize, title: &str) -> String {
    let rows = screen.trim_end().lines().count();
    let width = columns as f64 * CELL.0 + 2.0 * EDGE;
    let height = rows as f64 * CELL.1 + EDGE + BAR;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         aria-label=\"{title}\">\n<style>text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans \
         Mono',monospace;fill:{INK}}}.b{{font-weight:700}}.d{{opacity:.6}}.i{{font-style:italic}}\n"
    );
    for (n, colour) in COLOURS.iter().enumerate() {
        let _ = write!(svg, ".c{n}{{fill:{colour}}}");
    }
    let _ = writeln!(svg, "</style>\n<rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"{GROUND}\"/>");
    for (n, colour) in ["#f07178", "#ffcc66", "#a6cc70"].iter().enumerate() {
        let _ = writeln!(svg, "<circle cx=\"{}\" cy=\"17\" r=\"5.5\" fill=\"{colour}\"/>", 20 + 18 * n);
    }
    let _ = writeln!(svg, "<text class=\"d\" x=\"50%\" y=\"22\" text-anchor=\"middle\">{title}</text>");
    for (row, line) in screen.lines().take(rows).enumerate() {
        let y = BAR + (row as f64 + 0.75) * CELL.1;
        let mut column = 0;
        for (style, text) in pieces(line) {
            for (at, word) in words(&text) {
                let x = EDGE + (column + at) as f64 * CELL.0;
                let cells = word.chars().count() as f64 * CELL.0;
                let (class, word) = (class(style), escape(word));
                // The length holds the columns together whatever font is there.
                let _ = writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{cells:.1}\" lengthAdjust=\"spacingAndGlyphs\"{class}>{word}</text>"
                );
            }
            column += text.chars().count();
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Text between wide gaps, each with its column: how a viewer draws several spaces is its own affair.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut column = 0;
    for part in text.split("  ") {
        let word = part.trim();
        if !word.is_empty() {
            let before = part.chars().take_while(|c| c.is_whitespace()).count();
            words.push((column + before, word));
        }
        column += part.chars().count() + 2;
    }
    words
}

/// The text alone.
pub(super) fn plain(screen: &str) -> String {
    let lines = screen.lines().map(|line| pieces(line).into_iter().map(|(_, text)| text).collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

/// A line in pieces of one style each.
fn pieces(line: &str) -> Vec<(Style, String)> {
    let mut pieces: Vec<(Style, String)> = Vec::new();
    let mut style = Style::default();
    let mut rest = line;
    while let Some(at) = rest.find("\x1b[") {
        push(&mut pieces, style, &rest[..at]);
        let codes = &rest[at + 2..];
        let Some(end) = codes.find(|c: char| c.is_ascii_alphabetic()) else {
            return pieces;
        };
        if codes[end..].starts_with('m') {
            codes[..end].split(';').for_each(|code| apply(&mut style, code));
        }
        rest = &codes[end + 1..];
    }
    push(&mut pieces, style, rest);
    pieces
}

fn push(pieces: &mut Vec<(Style, String)>, style: Style, text: &str) {
    if !text.is_empty() {
        pieces.push((style, text.to_owned()));
    }
}

fn apply(style: &mut Style, code: &str) {
    match code.parse::<usize>().unwrap_or(0) {
        0 => *style = Style::default(),
        1 => style.bold = true,
        2 => style.dim = true,
        3 => style.italic = true,
        22 => (style.bold, style.dim) = (false, false),
        23 => style.italic = false,
        colour @ 30..=37 => style.colour = Some(colour - 30),
        39 => style.colour = None,
        _ => {}
    }
}

fn class(style: Style) -> String {
    let mut names: Vec<String> = style.colour.map(|n| format!("c{n}")).into_iter().collect();
    for (is, name) in [(style.bold, "b"), (style.dim, "d"), (style.italic, "i")] {
        if is {
            names.push(name.to_owned());
        }
    }
    if names.is_empty() { String::new() } else { format!(" class=\"{}\"", names.join(" ")) }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_classes_and_columns_stay() {
        let svg = draw("ab\x1b[1;32mcd\x1b[0m   <e>", 20, "t");
        assert!(svg.contains("class=\"c2 b\">cd</text>"), "{svg}");
        assert!(svg.contains("&lt;e&gt;"), "{svg}");
        assert!(svg.contains(&format!("x=\"{:.1}\"", EDGE + 2.0 * CELL.0)), "{svg}");
        assert!(svg.contains(&format!("x=\"{:.1}\"", EDGE + 7.0 * CELL.0)), "{svg}");
        assert_eq!(plain("a\x1b[2mb\x1b[22mc\n\x1b[31md"), "abc\nd");
    }
}
