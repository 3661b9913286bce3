//! `POST /v1/events`: CloudEvents in, cursors out.

mod decode;
mod results;

use std::{sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use headwater_events::{Event, EventError, Tenant};
use http::{HeaderValue, Request, header};

use crate::{
    app::App,
    body::{self, Piecewise},
    identity::{Caller, Right},
    problem::Problem,
};

/// The route.
pub(crate) async fn publish(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    answer(&app, request).await
}

/// Answers once the batch is stored.
pub(crate) async fn answer(app: &App, request: Request<impl Piecewise>) -> Response {
    let began = Instant::now();
    let response = match store(app, request).await {
        Ok(json) => {
            let mut response = Response::new(Body::from(json));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(problem) => problem.into_response(),
    };
    app.meters.request("publish", response.status().as_u16(), began.elapsed());
    response
}

async fn store(app: &App, request: Request<impl Piecewise>) -> Result<String, Problem> {
    let (head, body) = request.into_parts();
    let caller = app.admit(&head.headers, &head.uri).await?;
    caller.may(Right::Publish)?;
    decode::check_encoding(&head.headers)?;
    let body = body::collect(body, &head.headers, &app.config).await?;
    let bytes = body.len() as u64;
    let events = decode::decode(&head.headers, body)?;
    let events = owned_by(&caller, events)?;
    let published = if events.is_empty() { Vec::new() } else { app.broker.publish(&events).await? };
    app.meters.publishes.increment(1);
    app.meters.events_in.increment(events.len() as u64);
    app.meters.bytes_in.increment(bytes);
    Ok(results::json(&events, &published))
}

/// Every event belongs to the caller's tenant: what names none gets it, what names another is refused.
fn owned_by(caller: &Caller, mut events: Vec<Event>) -> Result<Vec<Event>, Problem> {
    let tenant = caller.tenant();
    let default = *tenant == Tenant::default();
    for (index, event) in events.iter_mut().enumerate() {
        match event.tenant() {
            Some(named) if named == tenant.as_str() => {}
            Some(_) => return Err(Problem::foreign_tenant(index, tenant.as_str())),
            // An event without a tenant belongs to `default` as it is.
            None if default => {}
            None => {
                let owned = event.to_builder().tenant(tenant).build();
                *event = owned.map_err(|error: EventError| Problem::event(index, &error))?;
            }
        }
        caller.may_publish(index, event)?;
    }
    Ok(events)
}
