//! A link in a document leads somewhere.

use std::collections::HashSet;

use super::files::File;
use crate::shell;

/// Names every relative link whose file is missing, and every `#heading` that is not in its document.
pub(crate) fn check(files: &[File]) -> Vec<String> {
    let root = shell::root();
    check_with(files, &|path| root.join(path).exists())
}

fn check_with(files: &[File], exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|f| f.is(".md")) {
        for (line, link) in links(&file.text) {
            if let Some(wrong) = broken(file, &link, files, exists) {
                found.push(format!("{}:{line}: {wrong}", file.path));
            }
        }
    }
    found
}

fn broken(from: &File, link: &str, files: &[File], exists: &dyn Fn(&str) -> bool) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let path = if path.is_empty() { from.path.clone() } else { join(&from.path, path) };
    if !exists(&path) && !files.iter().any(|f| f.path == path) {
        return Some(format!("link to {link}: there is no {path}"));
    }
    let target = files.iter().find(|f| f.path == path)?;
    let known = heading.is_empty() || headings(&target.text).contains(heading);
    (!known).then(|| format!("link to {link}: {path} has no such heading"))
}

/// The path that `link` means in the document `from`.
fn join(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The targets of `[text](target)` and `src="target"` outside code, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, line) in prose(text) {
        for (start, opening, closing) in
            [("](", "](", ')'), ("src=\"", "src=\"", '"')].into_iter().flat_map(|(mark, o, c)| {
                line.match_indices(mark).map(move |(start, _)| (start, o, c)).collect::<Vec<_>>()
            })
        {
            let rest = &line[start + opening.len()..];
            if let Some(target) = rest.split(closing).next() {
                let target = target.split_whitespace().next().unwrap_or_default();
                found.push((at, target.to_owned()));
            }
        }
    }
    found
}

/// The names under which a document's headings can be linked.
fn headings(text: &str) -> HashSet<String> {
    let headings = prose(text).filter_map(|(_, line)| line.strip_prefix('#').map(str::to_owned));
    headings.map(|heading| slug(heading.trim_start_matches('#').trim())).collect()
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// The lines outside code fences, numbered from 1, without `inline code`.
fn prose(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut code = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        let without_code = || line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        let heading = line.starts_with('#');
        (!fence && !code).then(|| (at + 1, if heading { line.to_owned() } else { without_code() }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let files = [
            File::new("docs/a.md", text),
            File::new("docs/b.md", "# Big `code` heading, really\n"),
            File::new("README.md", "# Top\n"),
        ];
        check_with(&files, &|path| path == "docs/picture.svg")
    }

    #[test]
    fn good_links_pass() {
        let text = "[b](b.md) [up](../README.md#top) [h](b.md#big-code-heading-really) ![p](picture.svg)\n\
            [out](https://example.com/x) <img src=\"picture.svg\"> `[not](a-link.md)`\n```\n[nor](this.md)\n```\n";
        assert_eq!(found(text), Vec::<String>::new());
    }

    #[test]
    fn a_missing_file_and_a_missing_heading_are_told() {
        let wrong =
            found("one\n[gone](gone.md)\n[up](../../far.md) [h](b.md#nowhere) <img src=\"no.png\">\n");
        assert_eq!(wrong.len(), 4, "{wrong:?}");
        assert!(wrong[0].starts_with("docs/a.md:2: link to gone.md"));
    }
}
