//! What a read asks for: the query of a stream or of a tenant.

use axum::extract::Query;
use headwater_broker::{Overflow, Start};
use headwater_events::{Filter, Scope, StreamName, Tenant};
use http::{HeaderMap, Uri, header};

use crate::problem::Problem;

/// A read, checked.
#[derive(Debug)]
pub(crate) struct ReadQuery {
    /// Which events.
    pub(crate) filter: Filter,
    /// Where to begin; `None` where nothing says so.
    pub(crate) start: Option<Start>,
    /// How many events a page has; `None` where nothing says so.
    pub(crate) limit: Option<usize>,
    /// What happens when the reader is slow.
    pub(crate) overflow: Overflow,
    /// Whether frames have an `event:` line.
    pub(crate) named: bool,
    /// Several streams instead of the tenant.
    streams: Option<String>,
}

/// The header a browser comes back with.
const LAST_EVENT_ID: &str = "last-event-id";

impl ReadQuery {
    /// Reads query and headers. Where to begin: `Last-Event-ID`, else `last_event_id`, else `after`.
    pub(crate) fn parse(uri: &Uri, headers: &HeaderMap) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|e| Problem::new("bad-query", format!("the query cannot be read: {e}")))?;
        let mut query = Self {
            filter: Filter::all(),
            start: None,
            limit: None,
            overflow: Overflow::default(),
            named: true,
            streams: None,
        };
        let (mut after, mut last_event_id) = (None, None);
        for (key, value) in pairs {
            match key.as_str() {
                "types" => query.filter = query.filter.and_types(&value).map_err(bad_filter)?,
                "subject" => query.filter = query.filter.and_subjects(&value).map_err(bad_filter)?,
                "source" => query.filter = query.filter.and_sources(&value).map_err(bad_filter)?,
                "after" => after = Some(value),
                "last_event_id" => last_event_id = Some(value),
                "limit" => query.limit = Some(limit(&value)?),
                "overflow" => query.overflow = value.parse().map_err(|e| bad("overflow", e))?,
                "named" => query.named = boolean("named", &value)?,
                "streams" => query.streams = Some(value),
                // Proxies and caches add parameters of their own.
                _ => {}
            }
        }
        let header = match headers.get(LAST_EVENT_ID) {
            Some(value) => {
                Some(value.to_str().map_err(|_| Problem::from(headwater_broker::Error::BadCursor))?)
            }
            None => None,
        };
        // An empty value is what a client sends that has none yet.
        let given = [header, last_event_id.as_deref(), after.as_deref()]
            .into_iter()
            .flatten()
            .find(|v| !v.is_empty());
        query.start = given.map(str::parse).transpose().map_err(Problem::from)?;
        Ok(query)
    }

    /// What `GET /v1/events` reads: the tenant, or the streams named in the query.
    pub(crate) fn tenant_scope(&self, tenant: Tenant) -> Result<Scope, Problem> {
        let Some(list) = &self.streams else {
            return Ok(Scope::Tenant(tenant));
        };
        let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        Ok(Scope::Streams(tenant, several(names)?))
    }
}

/// Several streams, each once.
pub(crate) fn several<'a>(names: impl Iterator<Item = &'a str>) -> Result<Vec<StreamName>, Problem> {
    let mut streams = Vec::new();
    for name in names {
        let name = StreamName::new(name.to_owned())?;
        if !streams.contains(&name) {
            streams.push(name);
        }
        if streams.len() > MAX_STREAMS {
            return Err(bad("streams", format!("at most {MAX_STREAMS} streams")));
        }
    }
    if streams.is_empty() {
        return Err(bad("streams", "name at least one stream, separated by commas"));
    }
    Ok(streams)
}

/// How many streams one reader may have.
const MAX_STREAMS: usize = 256;

/// Whether the caller asked for a stream of events rather than a page.
pub(crate) fn wants_sse(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| range.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// A limit of a page or a list: 1 or more.
pub(crate) fn limit(value: &str) -> Result<usize, Problem> {
    value.parse().ok().filter(|n| *n > 0).ok_or_else(|| bad("limit", "must be a whole number of at least 1"))
}

/// A parameter with a value it cannot have.
pub(crate) fn bad(parameter: &str, why: impl std::fmt::Display) -> Problem {
    Problem::new("bad-query", format!("{parameter}: {why}"))
}

fn boolean(parameter: &str, value: &str) -> Result<bool, Problem> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(bad(parameter, "must be `true` or `false`")),
    }
}

fn bad_filter(error: headwater_events::FilterError) -> Problem {
    Problem::from(headwater_broker::Error::BadFilter(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str, last_event_id: Option<&str>) -> Result<ReadQuery, Problem> {
        let mut headers = HeaderMap::new();
        if let Some(id) = last_event_id {
            headers.insert(LAST_EVENT_ID, id.parse().unwrap());
        }
        ReadQuery::parse(&format!("/v1/events?{query}").parse().unwrap(), &headers)
    }

    #[test]
    fn the_header_wins_over_the_query() {
        assert_eq!(parse("after=earliest&last_event_id=live", None).unwrap().start, Some(Start::Live));
        assert_eq!(parse("last_event_id=live", Some("earliest")).unwrap().start, Some(Start::Earliest));
        assert_eq!(parse("after=live", Some("")).unwrap().start, Some(Start::Live));
        assert_eq!(parse("", None).unwrap().start, None);
    }

    #[test]
    fn wrong_values_are_named() {
        for (query, code) in [
            ("limit=0", "bad-query"),
            ("limit=x", "bad-query"),
            ("named=maybe", "bad-query"),
            ("overflow=panic", "bad-query"),
            ("after=nonsense", "bad-cursor"),
            ("types=a..b", "bad-filter"),
        ] {
            assert_eq!(parse(query, None).unwrap_err().code(), code, "{query}");
        }
    }

    #[test]
    fn accept_is_read_as_a_list() {
        for (accept, expected) in [
            ("text/event-stream", true),
            ("application/json, Text/Event-Stream;q=0.5", true),
            ("application/json", false),
            ("*/*", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(wants_sse(&headers), expected, "{accept}");
        }
    }
}
