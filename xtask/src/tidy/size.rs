//! A file holds one idea.

use super::files::File;

/// The most lines a source file may have.
const MOST: usize = 500;

/// Files that may be longer, each with the reason.
const LONGER: &[(&str, &str)] = &[];

/// How long the source files are.
pub(crate) fn summary(files: &[File]) -> String {
    let mut lines: Vec<usize> = sources(files).map(count).collect();
    lines.sort_unstable();
    let at = |part: usize| lines.get(lines.len() * part / 100).copied().unwrap_or(0);
    format!(
        "{} source files, median {} lines, 90 % under {}, longest {}",
        lines.len(),
        at(50),
        at(90),
        at(99)
    )
}

/// Names every source file that is too long, and every exception that is no longer one.
pub(crate) fn check(files: &[File]) -> Vec<String> {
    let listed = |path: &str| LONGER.iter().any(|(have, reason)| *have == path && !reason.is_empty());
    let long = sources(files).filter(|f| count(f) > MOST && !listed(&f.path));
    let stale = LONGER.iter().filter(|(path, _)| !files.iter().any(|f| f.path == *path && count(f) > MOST));
    long.map(|f| format!("{}: {} lines, over {MOST}: split it by ideas", f.path, count(f)))
        .chain(stale.map(|(path, _)| format!("{path}: listed as longer than {MOST} lines and is not")))
        .collect()
}

fn sources(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|f| f.is(".rs") || f.is(".mjs") || f.is(".js") || f.is(".py"))
}

fn count(file: &File) -> usize {
    file.text.lines().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_over_the_limit_is_told() {
        let files = [
            File::new("crates/a/src/long.rs", &"line\n".repeat(MOST + 1)),
            File::new("crates/a/src/full.rs", &"line\n".repeat(MOST)),
            File::new("docs/long.md", &"line\n".repeat(MOST * 2)),
        ];
        let found = check(&files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("crates/a/src/long.rs: 501 lines"));
    }
}
