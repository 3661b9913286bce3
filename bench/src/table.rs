//! The one table.

use crate::stats::Sample;

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
    /// Told for its own sake.
    Nothing,
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    unit: &'static str,
    ours: Sample,
    /// What it is compared to, if it is.
    beside: Option<(&'static str, Sample)>,
    wanted: Wanted,
}

impl Row {
    /// A figure that stands alone; `wanted` is in its unit.
    pub(crate) fn alone(what: impl Into<String>, unit: &'static str, ours: Sample, wanted: Wanted) -> Self {
        Self { what: what.into(), unit, ours, beside: None, wanted }
    }

    /// A figure beside another of the same run; `wanted` is of their ratio.
    pub(crate) fn beside(
        what: impl Into<String>,
        unit: &'static str,
        ours: Sample,
        (name, theirs): (&'static str, Sample),
        wanted: Wanted,
    ) -> Self {
        Self { what: what.into(), unit, ours, beside: Some((name, theirs)), wanted }
    }

    fn cells(&self) -> [String; 6] {
        let ratio = self.beside.as_ref().map(|(_, theirs)| self.ours.over(theirs));
        let judged = ratio.as_ref().unwrap_or(&self.ours).median();
        let (wanted, met) = match self.wanted {
            Wanted::AtLeast(least) => {
                (format!("≥ {}", figure(least)), if judged >= least { "yes" } else { "no" })
            }
            Wanted::AtMost(most) => {
                (format!("≤ {}", figure(most)), if judged <= most { "yes" } else { "no" })
            }
            Wanted::Nothing => (String::new(), ""),
        };
        let beside = self.beside.as_ref();
        [
            self.what.clone(),
            format!("{} {}", spread(&self.ours), self.unit),
            beside.map_or_else(String::new, |(name, theirs)| format!("{name}: {}", spread(theirs))),
            ratio.map_or_else(String::new, |ratio| format!("{} ×", spread(&ratio))),
            wanted,
            met.to_owned(),
        ]
    }
}

/// The table as Markdown, aligned.
pub(crate) fn render(rows: &[Row], runs: usize) -> String {
    let head = ["what", "Headwater", "beside", "ratio", "wanted", "met"].map(str::to_owned);
    let cells: Vec<[String; 6]> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = format!("\nMedian [least–most] of {runs} runs, ours and the other's in turn.\n\n");
    for (at, row) in cells.iter().enumerate() {
        for (cell, width) in row.iter().zip(widths) {
            text.push_str("| ");
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 1));
        }
        text.push_str("|\n");
        if at == 0 {
            for width in widths {
                text.push('|');
                text.extend(std::iter::repeat_n('-', width + 2));
            }
            text.push_str("|\n");
        }
    }
    text
}

fn spread(sample: &Sample) -> String {
    let (low, high) = sample.range();
    format!("{} [{}–{}]", figure(sample.median()), figure(low), figure(high))
}

/// Three significant figures or so, thousands set apart.
fn figure(x: f64) -> String {
    if x.abs() < 10.0 {
        return format!("{x:.2}");
    }
    if x.abs() < 100.0 {
        return format!("{x:.1}");
    }
    let digits = format!("{x:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !text.ends_with('-') {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(figure(0.456), "0.46");
        assert_eq!(figure(12.34), "12.3");
        assert_eq!(figure(1_234_567.8), "1 234 568");
    }

    #[test]
    fn a_row_says_whether_it_is_what_was_wanted() {
        let sample = |x: f64| -> Sample { [x; 5].into_iter().collect() };
        let good = Row::beside("a", "ev/s", sample(60.0), ("bare", sample(100.0)), Wanted::AtLeast(0.5));
        let bad = Row::alone("b", "ms", sample(30.0), Wanted::AtMost(25.0));
        let text = render(&[good, bad], 5);
        assert!(text.contains("| 0.60 [0.60–0.60] × | ≥ 0.50 | yes |"), "{text}");
        assert!(text.contains("| ≤ 25.0 | no  |"), "{text}");
    }
}
