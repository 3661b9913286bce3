//! Every module says what it is for.

use super::files::File;

/// Names each Rust module under a `src` folder that does not open with `//!`. A `tests.rs` tests the module it is in.
pub(crate) fn check(files: &[File]) -> Vec<String> {
    let modules = files.iter().filter(|f| f.is(".rs") && f.path.contains("/src/") && !f.is("/tests.rs"));
    modules
        .filter(|f| !documented(&f.text))
        .map(|f| format!("{}: does not open with a `//!` sentence on what it is for", f.path))
        .collect()
}

fn documented(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("#!["));
    first.is_some_and(|line| line.strip_prefix("//!").is_some_and(|sentence| !sentence.trim().is_empty()))
        || text.trim_start().starts_with("#![doc = include_str!")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_without_a_sentence_is_told() {
        let files = [
            File::new("crates/a/src/good.rs", "//! Does one thing.\nuse std::fmt;\n"),
            File::new("crates/a/src/attribute.rs", "#![allow(dead_code)]\n\n//! Does one thing.\n"),
            File::new("crates/a/src/bare.rs", "use std::fmt;\n//! Too late.\n"),
            File::new("crates/a/src/empty.rs", "//!\nuse std::fmt;\n"),
            File::new("crates/a/src/good/tests.rs", "use std::fmt;\n"),
            File::new("crates/a/tests/free.rs", "use std::fmt;\n"),
        ];
        let found = check(&files).join("\n");
        assert!(found.contains("bare.rs") && found.contains("empty.rs"), "{found}");
        assert_eq!(found.lines().count(), 2, "{found}");
    }
}
