//! Heavy crates are built once: a second version doubles the build and splits their types.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Crates of which there is one version.
const ONCE: [&str; 22] = [
    "axum",
    "axum-core",
    "bytes",
    "clap",
    "fjall",
    "h2",
    "http",
    "http-body",
    "hyper",
    "hyper-util",
    "jiff",
    "lsm-tree",
    "metrics",
    "reqwest",
    "ring",
    "rustls",
    "schemars",
    "serde",
    "serde_json",
    "tokio",
    "tower",
    "tower-http",
];

/// Crates that must not be there at all: a second TLS stack, or a C build.
const NOT_AT_ALL: [&str; 4] = ["aws-lc-rs", "native-tls", "openssl", "openssl-sys"];

/// Names the heavy crates that the build resolves to several versions, and those that have no business here.
pub(crate) fn check(metadata: &Value) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        if let (Some(name), Some(version)) = (package["name"].as_str(), package["version"].as_str()) {
            versions.entry(name).or_default().insert(version);
        }
    }
    let several = ONCE.iter().filter_map(|name| {
        let have = versions.get(name).filter(|have| have.len() > 1)?;
        let have: Vec<_> = have.iter().copied().collect();
        Some(format!("{name}: {} versions in the build: {}", have.len(), have.join(", ")))
    });
    let banned = NOT_AT_ALL
        .iter()
        .filter(|name| versions.contains_key(*name))
        .map(|name| format!("{name}: must not be in the build; see deny.toml"));
    several.chain(banned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_version_of_a_heavy_crate_is_told() {
        let metadata = serde_json::json!({ "packages": [
            { "name": "tokio", "version": "1.54.1" },
            { "name": "tokio", "version": "0.2.0" },
            { "name": "syn", "version": "2.0.0" },
            { "name": "syn", "version": "3.0.0" },
            { "name": "openssl", "version": "0.10.0" },
        ] });
        let found = check(&metadata);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("tokio: 2 versions"));
        assert!(found[1].contains("openssl"));
    }

    #[test]
    fn one_version_each_passes() {
        let metadata = serde_json::json!({ "packages": [{ "name": "tokio", "version": "1.54.1" }] });
        assert!(check(&metadata).is_empty());
    }
}
