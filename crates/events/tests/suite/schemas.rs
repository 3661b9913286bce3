//! The committed schemas are those that the code gives.

use std::{collections::BTreeSet, fs, path::Path};

use headwater_events::catalogue;

/// Set it to write the schemas anew.
pub(super) const WRITE: &str = "HEADWATER_WRITE_SCHEMAS";

#[test]
fn the_committed_schemas_are_those_of_the_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let write = std::env::var_os(WRITE).is_some();
    let mut expected = BTreeSet::new();
    for entry in catalogue::all() {
        let name = format!("{}.json", entry.ty);
        let text = serde_json::to_string_pretty(&entry.schema()).unwrap() + "\n";
        if write {
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(&name), &text).unwrap();
        }
        let committed = fs::read_to_string(folder.join(&name)).unwrap_or_default();
        assert!(
            committed == text,
            "schemas/{name} is not what the code gives; if the change is meant, run\n  \
             {WRITE}=1 cargo test -p headwater-events --test suite\nand commit it"
        );
        expected.insert(name);
    }
    let found: BTreeSet<_> =
        fs::read_dir(&folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, expected, "schemas/ holds exactly the catalogue");
}

#[test]
fn every_schema_is_a_schema() {
    for entry in catalogue::all() {
        let schema = entry.schema();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{}", entry.ty);
        assert_eq!(schema["title"], entry.ty);
        assert_eq!(schema["type"], "object", "{}", entry.ty);
        assert!(jsonschema::draft202012::meta::is_valid(&schema), "{}", entry.ty);
    }
}
