//! Every code an answer can carry.

/// One stable code: its status and its title. Each has a page in `docs/errors/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemCode {
    /// The code, and the name of its page.
    pub code: &'static str,
    /// The HTTP status it is answered with.
    pub status: u16,
    /// What it means, in a few words.
    pub title: &'static str,
}

const fn code(code: &'static str, status: u16, title: &'static str) -> ProblemCode {
    ProblemCode { code, status, title }
}

/// Every code, in the order of the alphabet.
///
/// An event that is not well formed is 400; one that is well formed but not acceptable (its type, its data, its
/// place in the run) is 422.
pub const CODES: &[ProblemCode] = &[
    code("bad-configuration", 500, "the server is configured wrongly"),
    code("bad-cursor", 400, "not a cursor"),
    code("bad-filter", 400, "a filter pattern is not one"),
    code("bad-group", 400, "a group or worker cannot be called or be like that"),
    code("bad-lease", 400, "not a lease, or not one thing said of it"),
    code("bad-message", 400, "not a message of a socket"),
    code("bad-query", 400, "a query parameter has a value it cannot have"),
    code("bad-ticket", 400, "a ticket cannot be like that"),
    code("batch-too-large", 413, "the batch is over the limit"),
    code("body-timeout", 408, "the request's body did not come in time"),
    code("body-too-large", 413, "the request's body is over the limit"),
    code("closed", 503, "the broker is closed"),
    code("conflict", 409, "somebody else changed it first"),
    code("corrupt", 500, "stored data is damaged"),
    code("event-too-large", 413, "the event is over the limit"),
    code("forbidden", 403, "the credential does not allow it"),
    code("foreign-cursor", 409, "the cursor belongs to another stream or tenant"),
    code("foreign-tenant", 403, "the event names another tenant"),
    code("internal", 500, "the server failed"),
    code("invalid-attribute", 400, "an attribute has a value it cannot have"),
    code("invalid-data", 422, "the data does not fit the type"),
    code("invalid-stream", 400, "not a stream name"),
    code("invalid-tenant", 400, "not a tenant name"),
    code("invalid-transition", 422, "the event does not follow the run's state"),
    code("malformed-json", 400, "not JSON"),
    code("method-not-allowed", 405, "the method is not one of this path"),
    code("missing-attribute", 400, "an attribute is missing"),
    code("missing-stream", 400, "the event names no stream"),
    code("no-such-group", 404, "no such group"),
    code("not-found", 404, "no such path"),
    code("outcome-unknown", 503, "it is not known whether the events were stored"),
    code("partly-stored", 503, "only part of the batch was stored"),
    code("slow-consumer", 503, "the reader was too slow"),
    code("storage-full", 507, "there is no room"),
    code("stream-not-found", 404, "no such stream"),
    code("too-many-readers", 503, "there is no room for another reader"),
    code("too-many-subscriptions", 429, "the socket has no room for another subscription"),
    code("unauthenticated", 401, "no valid credential"),
    code("unavailable", 503, "the broker is not available"),
    code("unknown-type", 422, "the type is not in the catalogue"),
    code("unsupported", 501, "the store cannot do this"),
    code("unsupported-media-type", 415, "the content type is not supported"),
    code("unsupported-specversion", 400, "the CloudEvents version is not supported"),
    code("upgrade-required", 426, "there is only a WebSocket here"),
    code("worker-conflict", 409, "another worker goes by this name"),
];

/// The row of a code.
pub(crate) fn find(code: &str) -> Option<&'static ProblemCode> {
    CODES.binary_search_by(|row| row.code.cmp(code)).ok().map(|at| &CODES[at])
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_statuses_are_errors() {
        assert!(CODES.is_sorted_by(|a, b| a.code < b.code));
        assert!(CODES.iter().all(|row| (400..600).contains(&row.status)));
    }

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        let page = |name: &str| fs::read_to_string(folder.join(format!("{name}.md"))).unwrap();
        let pages: BTreeSet<String> = fs::read_dir(&folder)
            .unwrap()
            .filter_map(|entry| {
                entry.unwrap().file_name().into_string().unwrap().strip_suffix(".md").map(String::from)
            })
            // Other programs tell codes too: their own tests look for the pages.
            .filter(|name| name != "README" && !page(name).contains("Never an answer over HTTP"))
            .collect();
        let codes: BTreeSet<String> = CODES.iter().map(|row| row.code.to_owned()).collect();
        assert_eq!(pages, codes);
        for row in CODES {
            let text = page(row.code);
            assert!(
                text.contains(&row.status.to_string()),
                "the page of {} does not name its status",
                row.code
            );
        }
    }

    #[test]
    fn every_code_of_an_event_is_in_the_table() {
        for code in headwater_events::Code::ALL {
            assert!(find(code.as_str()).is_some(), "{code}");
        }
    }
}
