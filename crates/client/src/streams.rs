//! Runs.

use headwater_broker::{Error, StreamInfo};
use headwater_events::{StreamName, Tenant};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{http::Http, problem, query};

#[derive(Deserialize)]
struct Listing {
    streams: Vec<StreamInfo>,
}

/// Runs in the order of their names.
pub(crate) async fn list(
    http: &Http,
    tenant: &Tenant,
    after: Option<&StreamName>,
    limit: usize,
) -> Result<Vec<StreamInfo>, Error> {
    let mut call = http.get(&["v1", "streams"], tenant);
    if let Some(after) = after {
        query::add(&mut call.url, "after", after.as_str());
    }
    query::add(&mut call.url, "limit", &limit.to_string());
    let (status, body) = http.send(&call).await?;
    is_there(status, &body)?;
    parse::<Listing>(&body).map(|listing| listing.streams)
}

/// One run.
pub(crate) async fn get(
    http: &Http,
    tenant: &Tenant,
    stream: &StreamName,
) -> Result<Option<StreamInfo>, Error> {
    let (status, body) = http.send(&http.get(&["v1", "streams", stream.as_str()], tenant)).await?;
    if is_there(status, &body)? { parse(&body).map(Some) } else { Ok(None) }
}

/// Deletes a run's stream. A try whose answer was lost may have deleted it: then the next one finds none.
pub(crate) async fn delete(http: &Http, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error> {
    let mut call = http.get(&["v1", "streams", stream.as_str()], tenant);
    call.method = Method::DELETE;
    let (status, body) = http.send(&call).await?;
    is_there(status, &body)
}

/// Whether there is such a run. Another 404 means that the address is no Headwater's.
fn is_there(status: StatusCode, body: &[u8]) -> Result<bool, Error> {
    if status != StatusCode::NOT_FOUND {
        return Ok(true);
    }
    let error = problem::parse(status, body);
    if error.code() == "stream-not-found" { Ok(false) } else { Err(error) }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|e| Error::Remote {
        code: "bad-answer".into(),
        status: 200,
        detail: format!("a run cannot be read: {e}"),
    })
}
