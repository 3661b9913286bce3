//! The clauses there are, with the sentence each begins with: read from the suites themselves.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// One of the two suites.
#[derive(Debug)]
pub(super) struct Suite {
    /// As in the reports.
    pub(super) name: &'static str,
    pub(super) groups: Vec<Group>,
}

/// Clauses of one matter.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    /// The first sentence of its module.
    pub(super) heading: String,
    /// Names and sentences.
    pub(super) clauses: Vec<(String, String)>,
}

/// Where each suite is, and the file with the macro that names its clauses.
const SUITES: [(&str, &str, &str); 2] = [
    ("store", "crates/store/src/suite", "crates/store/src/suite/list.rs"),
    ("broker", "crates/broker/src/suite", "crates/broker/src/suite/mod.rs"),
];

/// Both suites, in their order.
pub(super) fn all(root: &Path) -> Result<Vec<Suite>> {
    SUITES.iter().map(|(name, folder, list)| one(name, &root.join(folder), &root.join(list))).collect()
}

fn one(name: &'static str, folder: &Path, list: &Path) -> Result<Suite> {
    let text = std::fs::read_to_string(list).with_context(|| format!("{} is not there", list.display()))?;
    let mut groups = Vec::new();
    for (group, names) in listed(&text).with_context(|| format!("{} lists no clauses", list.display()))? {
        let sources = sources(folder, &group)?;
        let heading = sources.first().and_then(|source| source.strip_prefix("//! "));
        let heading = heading.and_then(|source| source.lines().next()).unwrap_or(&group).to_owned();
        let mut clauses = Vec::new();
        for clause in names {
            let sentence = sources.iter().find_map(|source| sentence(source, &clause));
            let sentence = sentence.with_context(|| format!("clause {group}::{clause} has no sentence"))?;
            clauses.push((clause, sentence));
        }
        groups.push(Group { name: group, heading, clauses });
    }
    Ok(Suite { name, groups })
}

/// The module of a group, and what is in its folder if it has one.
fn sources(folder: &Path, group: &str) -> Result<Vec<String>> {
    let mut paths: Vec<PathBuf> = vec![folder.join(format!("{group}.rs"))];
    if let Ok(files) = std::fs::read_dir(folder.join(group)) {
        paths = files.map(|file| file.map(|file| file.path())).collect::<Result<_, _>>()?;
        paths.sort_by_key(|path| (!path.ends_with("mod.rs"), path.clone()));
    }
    paths
        .iter()
        .map(|path| std::fs::read_to_string(path).with_context(|| format!("{}", path.display())))
        .collect()
}

/// Groups and clauses of the macro's list: `group: one, two;` or `group: [one, two];`.
fn listed(text: &str) -> Option<Vec<(String, Vec<String>)>> {
    let begin = text.find("@clauses $f")?;
    let begin = begin + text[begin..].find(';')? + 1;
    let list = &text[begin..begin + text[begin..].find("(@clauses")?];
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for part in list.split(';') {
        let Some((group, names)) = part.split_once(':') else { continue };
        let word = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric() && c != '_').to_owned();
        let names = names.split(',').map(word).filter(|name| !name.is_empty()).collect();
        groups.push((word(group), names));
    }
    Some(groups)
}

/// The first paragraph above a clause's function.
fn sentence(source: &str, clause: &str) -> Option<String> {
    let at = source.find(&format!("pub async fn {clause}("))?;
    let mut lines: Vec<_> = source[..at].lines().rev().map_while(|line| line.strip_prefix("///")).collect();
    lines.reverse();
    let paragraph: Vec<_> = lines.into_iter().map(str::trim).take_while(|line| !line.is_empty()).collect();
    (!paragraph.is_empty()).then(|| paragraph.join(" ").replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_list_are_read() {
        let store =
            "(x) => { m!(@clauses $fixture;\n order: one, two;\n read: three;\n ); };\n (@clauses rest";
        let broker = "m! { @clauses $factory;\n order: [\n one,\n two,\n ];\n read: [ three, ];\n }};\n (@clauses rest";
        let wanted = [("order", vec!["one", "two"]), ("read", vec!["three"])].map(|(group, names)| {
            (group.to_owned(), names.into_iter().map(str::to_owned).collect::<Vec<_>>())
        });
        for text in [store, broker] {
            assert_eq!(listed(text).expect("a list"), wanted);
        }
    }

    #[test]
    fn a_sentence_is_the_first_paragraph() {
        let source =
            "use x;\n\n/// First line\n/// and second.\n///\n/// More.\npub async fn one(case: Case) {}\n";
        assert_eq!(sentence(source, "one").as_deref(), Some("First line and second."));
        assert_eq!(sentence(source, "two"), None);
    }
}
