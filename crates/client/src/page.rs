//! Pages of history.

use headwater_broker::{Delivery, Error, Gap, Page, Start};
use headwater_events::{Cursor, Event, Filter, Scope};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    frames::{self, WireGap},
    http::Http,
    problem, query,
};

#[derive(Deserialize)]
struct WirePage<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    /// Where each event stands.
    cursors: Vec<String>,
    #[serde(default)]
    gaps: Vec<WireGap>,
    next: String,
    #[serde(default)]
    more: bool,
    #[serde(default)]
    end: bool,
}

/// Reads one page.
pub(crate) async fn read(
    http: &Http,
    scope: &Scope,
    filter: &Filter,
    start: Start,
    limit: usize,
) -> Result<Page, Error> {
    let mut call = query::events(http, scope, filter)?;
    query::add(&mut call.url, "after", &start.to_string());
    query::add(&mut call.url, "limit", &limit.max(1).to_string());
    query::add(&mut call.url, "cursors", "true");
    let (status, body) = http.send(&call).await?;
    if status == reqwest::StatusCode::NOT_FOUND {
        return Err(problem::parse(status, &body));
    }
    let page: WirePage<'_> =
        serde_json::from_slice(&body).map_err(|e| odd(format!("a page cannot be read: {e}")))?;
    page.take(&body, filter, matches!(scope, Scope::Stream(..)))
}

/// The present end of a scope.
pub(crate) async fn end(http: &Http, scope: &Scope) -> Result<Cursor, Error> {
    read(http, scope, &Filter::all(), Start::Live, 1).await.map(|page| page.next)
}

impl WirePage<'_> {
    fn take(self, body: &bytes::Bytes, filter: &Filter, single: bool) -> Result<Page, Error> {
        if self.cursors.len() != self.events.len() {
            return Err(odd(format!("{} cursors for {} events", self.cursors.len(), self.events.len())));
        }
        let mut events = Vec::with_capacity(self.events.len());
        for (raw, cursor) in self.events.iter().zip(&self.cursors) {
            let cursor = parse(cursor)?;
            let event = Event::from_stored(body.slice_ref(raw.get().as_bytes()))
                .map_err(|e| odd(format!("an event cannot be read: {e}")))?;
            // A server may know fewer kinds of patterns than this client.
            if filter.matches(&event) {
                events.push(Delivery { record: frames::record(event, &cursor), cursor, merged: 1 });
            }
        }
        let gaps: Result<Vec<Gap>, Error> = self
            .gaps
            .into_iter()
            .map(|gap| gap.gap(single).ok_or_else(|| odd("a gap cannot be read".into())))
            .collect();
        Ok(Page { gaps: gaps?, events, next: parse(&self.next)?, more: self.more, end: self.end })
    }
}

fn parse(cursor: &str) -> Result<Cursor, Error> {
    cursor.parse().map_err(|_| odd(format!("`{cursor}` is no cursor")))
}

fn odd(detail: String) -> Error {
    Error::Remote { code: "bad-answer".into(), status: 200, detail }
}
