//! What workers ask.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use headwater_broker::{
    Fetch, Lease,
    wire::{
        DeliveryBody, ExtendBody, FetchAnswer, FetchBody, LeaveBody, ResultsBody, SettleBody, SettlementBody,
    },
};
use http::{HeaderMap, StatusCode, Uri};

use super::{group_name, named};
use crate::{app::App, body::json, identity::Right, page::PathName, problem::Problem, streams::timed};

/// The most events of one fetch.
const MAX_FETCH: usize = 1000;
/// The longest wait of one fetch.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The most leases one call may speak of.
const MAX_LEASES: usize = 10_000;

/// `POST /v1/groups/{group}/fetch`.
pub(super) async fn fetch(
    State(app): State<Arc<App>>,
    name: PathName,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let group = named(&app, Right::Consume, name, &uri, &headers).await?;
        let body: FetchBody = json(&app, &headers, body).await?;
        let fetch = Fetch {
            worker: group_name(body.worker)?,
            session: body.session,
            max: body.max.clamp(1, MAX_FETCH),
            wait: Duration::from_millis(body.wait_ms).min(MAX_WAIT),
        };
        let fetched = app.broker.fetch(&group, fetch).await?;
        let deliveries = fetched.deliveries.iter().map(DeliveryBody::new).collect::<Option<Vec<_>>>();
        let deliveries =
            deliveries.ok_or_else(|| Problem::new("corrupt", "an event's JSON cannot be read"))?;
        Ok(Json(FetchAnswer { deliveries, gaps: fetched.gaps }).into_response())
    };
    timed(&app, "fetch", answer).await
}

/// `POST /v1/groups/{group}/settle`.
pub(super) async fn settle(
    State(app): State<Arc<App>>,
    name: PathName,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let group = named(&app, Right::Consume, name, &uri, &headers).await?;
        let body: SettleBody = json(&app, &headers, body).await?;
        bounded(body.settlements.len())?;
        let settlements = body.settlements.into_iter().map(SettlementBody::into_settlement);
        let settlements = settlements.collect::<Option<Vec<_>>>().ok_or_else(|| {
            Problem::new(
                "bad-lease",
                "each settlement has a lease as it was delivered, and one of ack, retry, release, reject",
            )
        })?;
        let results = app.broker.settle(&group, settlements).await?;
        Ok(Json(ResultsBody::new(&results)).into_response())
    };
    timed(&app, "settle", answer).await
}

/// `POST /v1/groups/{group}/extend`.
pub(super) async fn extend(
    State(app): State<Arc<App>>,
    name: PathName,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let group = named(&app, Right::Consume, name, &uri, &headers).await?;
        let body: ExtendBody = json(&app, &headers, body).await?;
        bounded(body.leases.len())?;
        let leases = body.leases.iter().map(|lease| lease.parse::<Lease>()).collect::<Result<Vec<_>, _>>();
        let leases = leases.map_err(|error| Problem::new("bad-lease", error.to_string()))?;
        let results = app.broker.extend(&group, &leases).await?;
        Ok(Json(ResultsBody::new(&results)).into_response())
    };
    timed(&app, "extend", answer).await
}

/// `POST /v1/groups/{group}/leave`.
pub(super) async fn leave(
    State(app): State<Arc<App>>,
    name: PathName,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let group = named(&app, Right::Consume, name, &uri, &headers).await?;
        let body: LeaveBody = json(&app, &headers, body).await?;
        app.broker.leave(&group, &group_name(body.worker)?).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    timed(&app, "leave", answer).await
}

fn bounded(leases: usize) -> Result<(), Problem> {
    if leases > MAX_LEASES {
        return Err(Problem::new("bad-lease", format!("{leases} leases in one call: at most {MAX_LEASES}")));
    }
    Ok(())
}
