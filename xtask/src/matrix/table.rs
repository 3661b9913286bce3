//! The matrix as text.

use std::fmt::Write as _;

use serde_json::Value;

use super::{clauses::Suite, page::Cells};

/// How a store is called in the reports, and in the page; the second has the broker's suite only.
const STORES: [(&str, &str); 5] = [
    ("memory", "memory"),
    ("embedded", "embedded"),
    ("redis", "Redis"),
    ("nats", "NATS"),
    ("kafka", "Kafka"),
];
const HTTP: (&str, &str) = ("http over memory", "HTTP");

/// What a cell says until somebody ran it.
const UNKNOWN: &str = "?";

/// The whole matrix. A cell without a report stays as it was.
pub(super) fn render(suites: &[Suite], entries: &[Value], committed: &str) -> String {
    let old = Cells::of(committed);
    let mut out = String::new();
    capabilities(&mut out, entries, &old);
    settings(&mut out, entries, &old);
    for suite in suites {
        let mut columns = STORES.to_vec();
        if suite.name == "broker" {
            columns.push(HTTP);
        }
        for group in &suite.groups {
            let heading = format!("{}: {}", title(suite.name), group.heading.trim_end_matches('.'));
            let of = |clause: &str, store: &str| {
                let entry = entries.iter().find(|entry| {
                    [("suite", suite.name), ("group", &group.name), ("clause", clause), ("store", store)]
                        .iter()
                        .all(|(key, wanted)| entry[key] == *wanted)
                });
                entry.map(|entry| cell(&entry["outcome"]))
            };
            head(&mut out, &heading, "what holds", columns.iter().map(|(_, shown)| *shown));
            for (clause, sentence) in &group.clauses {
                let cells = columns.iter().map(|(store, shown)| {
                    of(clause, store)
                        .or_else(|| old.get(&heading, sentence, shown).map(str::to_owned))
                        .unwrap_or_else(|| UNKNOWN.to_owned())
                });
                row(&mut out, sentence, cells);
            }
        }
    }
    out
}

fn title(suite: &str) -> &'static str {
    if suite == "store" { "The store" } else { "The broker over it" }
}

/// What became of a clause, in a few words.
fn cell(outcome: &Value) -> String {
    let listed = |names: &Value| {
        let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
        names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    if outcome == "failed" {
        return "FAILS".to_owned();
    }
    if let Some(held) = outcome.get("held") {
        let without = listed(&held["without"]);
        return if without.is_empty() {
            "yes".to_owned()
        } else {
            format!("yes, as far as without {without}")
        };
    }
    if let Some(capability) = outcome.pointer("/unsupported/capability").and_then(Value::as_str) {
        return format!("declared: no `{capability}`");
    }
    let why = outcome.pointer("/skipped/why").and_then(Value::as_str).unwrap_or(UNKNOWN);
    format!("not tried: {why}")
}

fn capabilities(out: &mut String, entries: &[Value], old: &Cells) {
    const HEADING: &str = "What each store declares";
    const NAMES: [&str; 14] = [
        "durable",
        "shared",
        "atomic_batch",
        "dedup_window",
        "run_read",
        "vector_positions",
        "follow_by_tenant",
        "tenant_order",
        "trim_transient",
        "delete_stream",
        "list_streams",
        "lag",
        "max_event_bytes",
        "retention",
    ];
    let declared = |store: &str| {
        let mut of_store =
            entries.iter().filter(|entry| entry["suite"] == "store" && entry["store"] == *store);
        of_store.find_map(|entry| entry.get("capabilities").filter(|found| found.is_object()))
    };
    head(out, HEADING, "capability", STORES.iter().map(|(_, shown)| *shown));
    for name in NAMES {
        let label = format!("`{name}`");
        let cells: Vec<_> = STORES
            .iter()
            .map(|(store, shown)| match declared(store) {
                Some(found) => found.get(name).map(|value| plain(name, value)),
                None => old.get(HEADING, &label, shown).map(str::to_owned),
            })
            .collect();
        if cells.iter().any(Option::is_some) {
            row(out, &label, cells.into_iter().map(|cell| cell.unwrap_or_else(|| UNKNOWN.to_owned())));
        }
    }
}

/// A value of a capability as a reader would say it.
fn plain(name: &str, value: &Value) -> String {
    match value {
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Null => "none".to_owned(),
        Value::Object(time) => format!("{} s", time.get("secs").unwrap_or(value)),
        Value::Number(bytes) if name.ends_with("_bytes") => {
            format!("{} KiB", bytes.as_u64().unwrap_or_default() / 1024)
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn settings(out: &mut String, entries: &[Value], old: &Cells) {
    const HEADING: &str = "Settings of the servers that come to harm";
    const COLUMN: &str = "settings";
    head(out, HEADING, "server", [COLUMN].into_iter());
    for (store, shown) in STORES {
        let mut of_store = entries.iter().filter(|entry| entry["store"] == store);
        let found = of_store.find_map(|entry| entry["settings"].as_str());
        if let Some(text) = found.or_else(|| old.get(HEADING, shown, COLUMN)) {
            row(out, shown, [text.to_owned()].into_iter());
        }
    }
}

fn head<'a>(out: &mut String, heading: &str, first: &str, columns: impl Iterator<Item = &'a str> + Clone) {
    let _ = writeln!(out, "\n### {heading}\n");
    row(out, first, columns.clone().map(str::to_owned));
    let _ = writeln!(out, "|---|{}", columns.map(|_| "---|").collect::<String>());
}

fn row(out: &mut String, first: &str, cells: impl Iterator<Item = String>) {
    let _ = writeln!(out, "| {first} | {} |", cells.collect::<Vec<_>>().join(" | "));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::clauses::Group, *};

    #[test]
    fn reports_fill_cells_and_the_others_stay() {
        let clauses =
            vec![("one".to_owned(), "One holds.".to_owned()), ("two".to_owned(), "Two.".to_owned())];
        let group = Group { name: "order".to_owned(), heading: "Order.".to_owned(), clauses };
        let suites = [Suite { name: "store", groups: vec![group] }];
        let entry = |clause: &str, store: &str, outcome: Value| json!({ "suite": "store", "group": "order", "clause": clause, "store": store, "outcome": outcome });
        let entries = [
            entry("one", "memory", json!({ "held": { "without": [] } })),
            entry("one", "redis", json!({ "held": { "without": ["lag"] } })),
            entry("one", "kafka", json!({ "unsupported": { "capability": "dedup_window" } })),
            entry("two", "nats", json!({ "skipped": { "why": "no server" } })),
        ];
        let first = render(&suites, &entries, "");
        assert!(first.contains(
            "| One holds. | yes | ? | yes, as far as without `lag` | ? | declared: no `dedup_window` |\n"
        ));
        assert!(first.contains("| Two. | ? | ? | ? | not tried: no server | ? |\n"), "{first}");
        assert_eq!(render(&suites, &[], &first), first, "what nobody ran stays as it was");
        let failed = render(&suites, &[entry("one", "memory", json!("failed"))], &first);
        assert!(failed.contains("| One holds. | FAILS | ? |"));
    }
}
