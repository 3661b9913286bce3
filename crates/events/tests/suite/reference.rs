//! `docs/events.md` lists the catalogue as it is.

use std::{fmt::Write, fs, path::Path};

use headwater_events::catalogue::{self, Dialect, Entry, Role};

const INTRO: &str = "# Event types

Every type Headwater knows, generated from the catalogue. Any other CloudEvents `type` is accepted too: it is durable
and its payload is not looked into, unless the tenant's policy is `strict`.

The first token of a type is its category and the last its version. A filter may leave the version out, and may use a
name of another dialect. `headwater schema TYPE` prints the JSON Schema of a payload; every payload may also have
`execution`, `conversation`, `metadata` and members of the producer's own.

**Class.** Durable events are kept and offered to groups; transient ones (deltas, progress) live in the stream only and
go soon after the run; internal ones are for the runtime and administrators.

**Entity.** What the type opens, ends or belongs to. Only a workflow can be a run of its own: a `workflow.*` event
whose `subject` is the stream opens or ends the run, and no other type does. What runs alone, such as a single task, is
framed by `workflow.started` and its terminal.
";

#[test]
fn the_reference_lists_the_catalogue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/events.md");
    let text = reference();
    if std::env::var_os(super::schemas::WRITE).is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == text,
        "docs/events.md is not the catalogue; if the change is meant, run\n  \
         {}=1 cargo test -p headwater-events --test suite\nand commit it",
        super::schemas::WRITE
    );
}

fn reference() -> String {
    let mut out = INTRO.to_owned();
    let mut category = "";
    for entry in catalogue::all() {
        if entry.category() != category {
            category = entry.category();
            write!(
                out,
                "\n## {category}\n\n| type | class | entity | tells | also called |\n|---|---|---|---|---|\n"
            )
            .unwrap();
        }
        let (ty, class, summary) = (entry.ty, entry.class, entry.summary());
        writeln!(out, "| `{ty}` | {class} | {} | {summary} | {} |", entity(entry.role), names(entry))
            .unwrap();
    }
    out
}

fn entity(role: Role) -> String {
    let verb = match role {
        Role::Note => return String::new(),
        Role::Opens(_) => "opens",
        Role::Continues(_) => "opens or goes on with",
        Role::Within(_) => "in",
        Role::Completes(_) => "completes",
        Role::Fails(_) => "fails",
        Role::Cancels(_) => "cancels",
    };
    format!("{verb} {}", role.kind().map_or("", headwater_events::catalogue::Kind::as_str))
}

/// The names that are not ours without the version.
fn names(entry: &Entry) -> String {
    let others =
        entry.aliases.iter().filter(|alias| alias.name != entry.name && alias.dialect != Dialect::Snake);
    others.map(|alias| format!("`{}`", alias.name)).collect::<Vec<_>>().join(" ")
}
