//! Work-sharing over HTTP: what a worker in any language needs, and what an operator needs.

mod letters;
mod work;

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use headwater_broker::{
    Group, Start,
    wire::{GroupList, PutGroup},
};
use headwater_events::{GroupName, Tenant};
use http::{HeaderMap, StatusCode, Uri};

use crate::{
    app::App, body::json, identity::Right, page::PathName, problem::Problem, query::bad, streams::timed,
};

/// The routes of groups.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/groups", get(list))
        .route("/v1/groups/{group}", get(show).put(create).delete(delete))
        .route("/v1/groups/{group}/fetch", post(work::fetch))
        .route("/v1/groups/{group}/settle", post(work::settle))
        .route("/v1/groups/{group}/extend", post(work::extend))
        .route("/v1/groups/{group}/leave", post(work::leave))
        .route("/v1/groups/{group}/dead-letters", get(letters::list))
        .route("/v1/groups/{group}/dead-letters/replay", post(letters::replay))
        .route("/v1/groups/{group}/dead-letters/discard", post(letters::discard))
}

async fn list(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    let answer = async {
        let tenant = scope(&app, Right::Consume, &uri, &headers).await?;
        let groups = app.broker.groups(tenant.as_ref()).await?;
        Ok(Json(GroupList { groups }).into_response())
    };
    timed(&app, "groups", answer).await
}

async fn show(State(app): State<Arc<App>>, name: PathName, uri: Uri, headers: HeaderMap) -> Response {
    let answer = async {
        let group = named(&app, Right::Consume, name, &uri, &headers).await?;
        let info = app.broker.group(&group).await?.ok_or_else(|| none(&group))?;
        Ok(Json(info).into_response())
    };
    timed(&app, "group", answer).await
}

async fn create(
    State(app): State<Arc<App>>,
    name: PathName,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let group = named(&app, Right::Admin, name, &uri, &headers).await?;
        let put: PutGroup = json(&app, &headers, body).await?;
        let start: Start = put.start.as_deref().unwrap_or("earliest").parse()?;
        let is_new = app.broker.put_group(&group, start, put.config).await?;
        let info = app.broker.group(&group).await?.ok_or_else(|| none(&group))?;
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Ok((status, Json(info)).into_response())
    };
    timed(&app, "group_put", answer).await
}

async fn delete(State(app): State<Arc<App>>, name: PathName, uri: Uri, headers: HeaderMap) -> Response {
    let answer = async {
        let group = named(&app, Right::Admin, name, &uri, &headers).await?;
        if app.broker.delete_group(&group).await? {
            Ok(StatusCode::NO_CONTENT.into_response())
        } else {
            Err(none(&group))
        }
    };
    timed(&app, "group_delete", answer).await
}

/// Whose groups are meant: the caller's tenant's, or with `all_tenants=true` those of all. Who administers may do what
/// workers do.
async fn scope(app: &App, right: Right, uri: &Uri, headers: &HeaderMap) -> Result<Option<Tenant>, Problem> {
    let caller = app.admit(headers, uri).await?;
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|e| bad("query", e))?;
    let all = pairs.iter().rev().find(|(key, _)| key == "all_tenants").map(|(_, value)| value.as_str());
    match all {
        None | Some("false") => {
            let refused = match caller.may_share(right) {
                Ok(tenant) => return Ok(Some(tenant.clone())),
                Err(refused) => refused,
            };
            caller.may_share(Right::Admin).map(|tenant| Some(tenant.clone())).map_err(|_| refused)
        }
        Some("true") => {
            caller.may_everywhere()?;
            Ok(None)
        }
        Some(_) => Err(bad("all_tenants", "must be true or false")),
    }
}

/// The group that a path names, for a caller with this right.
async fn named(
    app: &App,
    right: Right,
    name: PathName,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Group, Problem> {
    let tenant = scope(app, right, uri, headers).await?;
    let Path(name) = name.map_err(|e| Problem::new("bad-group", e.body_text()))?;
    Ok(Group { tenant, name: group_name(name)? })
}

/// A name of a group, or of a worker.
fn group_name(name: String) -> Result<GroupName, Problem> {
    GroupName::new(name).map_err(|error| Problem::new("bad-group", error.to_string()))
}

fn none(group: &Group) -> Problem {
    Problem::new("no-such-group", format!("there is no group `{}` here: create it with PUT", group.name))
}
