//! Generated files are committed, and for each there is a test that compares them with what the code would write.

use super::files::File;
use crate::shell;

/// What is generated, the file with the test that compares it, and what that test must mention.
const GENERATED: &[(&str, &str, &str)] = &[
    ("crates/events/schemas", "crates/events/tests/suite/schemas.rs", "schemas"),
    ("docs/cli.md", "crates/cli/src/reference.rs", "docs/cli.md"),
    ("docs/brokers.md", "xtask/src/matrix/mod.rs", "docs/brokers.md"),
    ("docs/errors", "crates/gateway/src/problem/codes.rs", "docs/errors"),
];

/// Names what is listed but missing, and each test that no longer compares.
pub(crate) fn check(files: &[File]) -> Vec<String> {
    let root = shell::root();
    check_with(files, GENERATED, &|path| root.join(path).exists())
}

fn check_with(files: &[File], listed: &[(&str, &str, &str)], exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (path, test, mention) in listed {
        if !exists(path) {
            found.push(format!("{path}: is generated and not committed"));
        }
        let compared = files.iter().find(|f| f.path == *test).is_some_and(|f| {
            f.text.contains(mention) && f.text.contains("#[test]") && f.text.contains("assert")
        });
        if !compared {
            found.push(format!("{path}: no test in {test} compares it with the code"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_and_a_missing_test_are_told() {
        let listed = [("docs/a.md", "src/a.rs", "docs/a.md"), ("docs/b.md", "src/b.rs", "docs/b.md")];
        let files = [File::new("src/a.rs", "#[test]\nfn a() { assert_eq!(read(\"docs/a.md\"), text()); }\n")];
        assert_eq!(check_with(&files, &listed[..1], &|_| true), Vec::<String>::new());
        let found = check_with(&files, &listed, &|path| path == "docs/b.md");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("docs/a.md: is generated"));
        assert!(found[1].starts_with("docs/b.md: no test in src/b.rs"));
    }
}
