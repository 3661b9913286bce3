//! What every crate's manifest must say.

use serde_json::Value;

/// A package of the build: ours or somebody else's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: String,
    pub(crate) description: String,
    /// Whether it is a member of the workspace.
    pub(crate) ours: bool,
    /// Dependencies that are built for its users: everything but dev-dependencies.
    pub(crate) needs: Vec<String>,
}

/// The packages of `cargo metadata`.
pub(crate) fn packages(metadata: &Value) -> Vec<Package> {
    let members: Vec<&str> =
        metadata["workspace_members"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let package = |package: &Value| Package {
        name: text(&package["name"]),
        version: text(&package["version"]),
        licence: text(&package["license"]),
        description: text(&package["description"]),
        ours: package["id"].as_str().is_some_and(|id| members.contains(&id)),
        needs: package["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|dependency| dependency["kind"] != "dev")
            .map(|dependency| text(&dependency["name"]))
            .collect(),
    };
    metadata["packages"].as_array().into_iter().flatten().map(package).collect()
}

/// Every crate of ours says in a sentence what it is for, and under which licence.
pub(crate) fn check(packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages.iter().filter(|p| p.ours) {
        if package.description.split_whitespace().count() < 2 {
            found.push(format!("{}: Cargo.toml has no description", package.name));
        }
        if package.licence != "MIT OR Apache-2.0" {
            found.push(format!("{}: Cargo.toml does not take the licence of the workspace", package.name));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_members_and_leaves_dev_dependencies_out() {
        let metadata = serde_json::json!({
            "workspace_members": ["a 0.1"],
            "packages": [
                { "id": "a 0.1", "name": "a", "version": "0.1.0", "license": "MIT OR Apache-2.0",
                  "description": "does one thing", "dependencies": [
                    { "name": "b", "kind": null }, { "name": "c", "kind": "dev" }, { "name": "d", "kind": "build" }] },
                { "id": "b 1.0", "name": "b", "version": "1.0.0", "license": null, "description": null, "dependencies": [] },
            ],
        });
        let packages = packages(&metadata);
        assert_eq!(packages[0].needs, ["b", "d"]);
        assert!(packages[0].ours && !packages[1].ours);
        assert!(check(&packages).is_empty());
    }

    #[test]
    fn a_crate_without_description_or_licence_is_told() {
        let bare = Package { name: "bare".to_owned(), ours: true, ..Package::default() };
        assert_eq!(check(&[bare]).len(), 2);
    }
}
