//! Dead letters: to see, to send again, to give up.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use headwater_broker::{
    DeadLetterFilter,
    wire::{LetterBody, LetterList, LettersAnswer, LettersBody},
};
use headwater_events::{Filter, Position, StreamName};
use http::{HeaderMap, Uri};

use super::named;
use crate::{
    app::App,
    body::json,
    identity::Right,
    page::PathName,
    problem::Problem,
    query::{bad, limit},
    streams::timed,
};

/// How many dead letters a list has where the request does not say, and at most.
const LIST: (usize, usize) = (100, 1000);

/// `GET /v1/groups/{group}/dead-letters?after=POSITION&limit=N&stream=…&types=…&reason=…`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    name: PathName,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let group = named(&app, Right::Consume, name, &uri, &headers).await?;
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&uri).map_err(|e| bad("query", e))?;
        let (mut after, mut most, mut filter) = (Position::ZERO, LIST.0, LettersBody::default());
        for (key, value) in pairs {
            match key.as_str() {
                "after" => after = Position(value.parse().map_err(|e| bad("after", e))?),
                "limit" => most = limit(&value)?.min(LIST.1),
                "stream" => filter.stream = Some(value),
                "types" => filter.types = Some(value),
                "reason" => filter.reason = Some(value),
                _ => {}
            }
        }
        let letters = app.broker.dead_letters(&group, &meant(filter)?, after, most).await?;
        let next = if letters.len() >= most { letters.last().map(|letter| letter.position) } else { None };
        let dead_letters = letters.iter().filter_map(LetterBody::new).collect();
        Ok(Json(LetterList { dead_letters, next }).into_response())
    };
    timed(&app, "dead_letters", answer).await
}

/// `POST /v1/groups/{group}/dead-letters/replay`.
pub(super) async fn replay(
    State(app): State<Arc<App>>,
    name: PathName,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let group = named(&app, Right::Admin, name, &uri, &headers).await?;
        let filter = meant(json(&app, &headers, body).await?)?;
        let count = app.broker.replay(&group, &filter).await?;
        Ok(Json(LettersAnswer { count }).into_response())
    };
    timed(&app, "replay", answer).await
}

/// `POST /v1/groups/{group}/dead-letters/discard`.
pub(super) async fn discard(
    State(app): State<Arc<App>>,
    name: PathName,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let group = named(&app, Right::Admin, name, &uri, &headers).await?;
        let filter = meant(json(&app, &headers, body).await?)?;
        let count = app.broker.discard(&group, &filter).await?;
        Ok(Json(LettersAnswer { count }).into_response())
    };
    timed(&app, "discard", answer).await
}

fn meant(body: LettersBody) -> Result<DeadLetterFilter, Problem> {
    let types = body.types.as_deref().map_or_else(|| Ok(Filter::all()), Filter::types);
    Ok(DeadLetterFilter {
        positions: body.positions,
        stream: body.stream.map(StreamName::new).transpose()?,
        types: types.map_err(headwater_broker::Error::from)?,
        reason: body.reason,
    })
}
