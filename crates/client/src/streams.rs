//! Runs.

use headwater_broker::{Error, StreamInfo};
use headwater_events::{StreamName, Tenant};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{http::Http, query};

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
    let (_, body) = http.send(&call).await?;
    parse::<Listing>(&body).map(|listing| listing.streams)
}

/// One run.
pub(crate) async fn get(
    http: &Http,
    tenant: &Tenant,
    stream: &StreamName,
) -> Result<Option<StreamInfo>, Error> {
    let (status, body) = http
        .send(&http.get(&["v1", "streams", stream.as_str()], tenant))
        .await?;
    if status == StatusCode::NOT_FOUND {
        Ok(None)
    } else {
        parse(&body).map(Some)
    }
}

/// Deletes a run's stream. A try whose answer was lost may have deleted it: then the next one finds none.
pub(crate) async fn delete(http: &Http, tenant: &Tenant, stream: &StreamName) -> Result<bool, Error> {
    let mut call = http.get(&["v1", "streams", stream.as_str()], tenant);
    call.method = Method::DELETE;
    let (status, _) = http.send(&call).await?;
    Ok(status != StatusCode::NOT_FOUND)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|e| Error::Remote {
        code: "bad-answer".into(),
        status: 200,
        detail: format!("a run cannot be read: {e}"),
    })
}
