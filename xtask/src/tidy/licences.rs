//! Every dependency's licence is one that `deny.toml` allows.

use super::{files::File, manifests::Package};

/// Names each package whose licence expression the allow-list does not satisfy.
pub(crate) fn check(packages: &[Package], files: &[File]) -> Vec<String> {
    let Some(deny) = files.iter().find(|f| f.path == "deny.toml") else {
        return vec!["deny.toml: missing".to_owned()];
    };
    let allowed = list(&deny.text, "allow = [");
    let clarified = clarified(&deny.text);
    let refused = packages.iter().filter(|package| {
        !satisfied(&package.licence, &allowed) && !clarified.iter().any(|name| *name == package.name)
    });
    refused
        .map(|p| format!("{} {}: licence `{}` is not allowed by deny.toml", p.name, p.version, p.licence))
        .collect()
}

/// The strings of the first list that starts with `opening`.
fn list<'a>(toml: &'a str, opening: &str) -> Vec<&'a str> {
    let Some((_, rest)) = toml.split_once(opening) else {
        return Vec::new();
    };
    let body = rest.split(']').next().unwrap_or_default();
    body.lines().map(|line| line.split('#').next().unwrap_or_default()).flat_map(quoted).collect()
}

/// The crates whose licence is stated by hand: `crate = "name"` below `[[licenses.clarify]]`.
fn clarified(toml: &str) -> Vec<&str> {
    let blocks = toml.split("[[licenses.clarify]]").skip(1);
    blocks
        .filter_map(|block| block.split_once("crate = ").and_then(|(_, rest)| quoted(rest).next()))
        .collect()
}

fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

/// Whether an SPDX expression (`A OR B`, `A AND (B OR C)`, the old `A/B`) can be met with the allowed licences.
fn satisfied(expression: &str, allowed: &[&str]) -> bool {
    let expression =
        expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ").replace(" WITH ", "+WITH+");
    let tokens: Vec<&str> = expression.split_whitespace().collect();
    let mut at = 0;
    let good = any(&tokens, &mut at, allowed);
    good && at == tokens.len()
}

fn any(tokens: &[&str], at: &mut usize, allowed: &[&str]) -> bool {
    let mut good = every(tokens, at, allowed);
    while tokens.get(*at) == Some(&"OR") {
        *at += 1;
        good |= every(tokens, at, allowed);
    }
    good
}

fn every(tokens: &[&str], at: &mut usize, allowed: &[&str]) -> bool {
    let mut good = one(tokens, at, allowed);
    while tokens.get(*at) == Some(&"AND") {
        *at += 1;
        good &= one(tokens, at, allowed);
    }
    good
}

fn one(tokens: &[&str], at: &mut usize, allowed: &[&str]) -> bool {
    let Some(token) = tokens.get(*at) else {
        return false;
    };
    *at += 1;
    if *token == "(" {
        let good = any(tokens, at, allowed);
        *at += 1;
        return good;
    }
    let name = token.replace("+WITH+", " WITH ");
    allowed.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: [&str; 3] = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"];

    #[test]
    fn reads_expressions() {
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "MIT AND Apache-2.0",
            "(MIT OR GPL-3.0) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
        ] {
            assert!(satisfied(good, &ALLOWED), "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(GPL-3.0 OR MPL-2.0) AND MIT", "MIT Apache-2.0"] {
            assert!(!satisfied(bad, &ALLOWED), "{bad}");
        }
    }

    #[test]
    fn a_copyleft_dependency_is_told_and_a_clarified_one_is_not() {
        let package = |name: &str, licence: &str| Package {
            name: name.to_owned(),
            licence: licence.to_owned(),
            ..Package::default()
        };
        let packages = [package("fine", "MIT"), package("copyleft", "GPL-3.0"), package("by-hand", "")];
        let deny = File::new(
            "deny.toml",
            "[licenses]\nallow = [\n  \"MIT\", # the usual\n  \"Zlib\",\n]\n[[licenses.clarify]]\ncrate = \"by-hand\"\n",
        );
        let found = check(&packages, &[deny]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("copyleft"));
    }
}
