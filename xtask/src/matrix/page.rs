//! The page around the matrix, and the tables in it.

use std::collections::HashMap;

pub(super) const BEGIN: &str = "<!-- written by cargo xtask test: begin -->\n";
pub(super) const END: &str = "<!-- written by cargo xtask test: end -->\n";

/// The page before, between and behind the markers, which belong to the outer parts.
pub(super) fn split(page: &str) -> Option<(&str, &str, &str)> {
    let begin = page.find(BEGIN)? + BEGIN.len();
    let end = begin + page[begin..].find(END)?;
    Some((&page[..begin], &page[begin..end], &page[end..]))
}

/// The cells of the tables of a text, by heading, row and column.
#[derive(Debug, Default)]
pub(super) struct Cells(HashMap<(String, String, String), String>);

impl Cells {
    pub(super) fn of(text: &str) -> Self {
        let mut cells = Self::default();
        let (mut heading, mut columns) = (String::new(), Vec::new());
        for line in text.lines() {
            if let Some(text) = line.strip_prefix('#') {
                heading = text.trim_start_matches('#').trim().to_owned();
            }
            if line.starts_with("|---") {
                continue;
            }
            let Some(row) = line.strip_prefix("| ").and_then(|row| row.strip_suffix(" |")) else {
                columns.clear();
                continue;
            };
            let row: Vec<_> = row.split(" | ").map(|cell| cell.trim().to_owned()).collect();
            if columns.is_empty() {
                columns = row;
                continue;
            }
            for (column, cell) in columns.iter().zip(&row).skip(1) {
                cells.0.insert((heading.clone(), row[0].clone(), column.clone()), cell.clone());
            }
        }
        cells
    }

    pub(super) fn get(&self, heading: &str, row: &str, column: &str) -> Option<&str> {
        let key = (heading.to_owned(), row.to_owned(), column.to_owned());
        self.0.get(&key).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_cut_at_its_markers_and_cells_are_found() {
        let text = "## One\n\n| clause | redis | nats |\n|---|---|---|\n| a, b. | yes | no |\n\n## Two\n";
        let page = format!("head\n{BEGIN}{text}{END}tail\n");
        let (before, between, after) = split(&page).expect("markers");
        assert_eq!((between, after), (text, &*format!("{END}tail\n")));
        assert!(before.starts_with("head\n"));
        let cells = Cells::of(between);
        assert_eq!(cells.get("One", "a, b.", "nats"), Some("no"));
        assert_eq!(cells.get("Two", "a, b.", "nats"), None);
        assert_eq!(split("no markers"), None);
    }
}
