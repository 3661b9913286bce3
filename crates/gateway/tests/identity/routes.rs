//! Every route, tried by strangers and by those of another tenant.

use headwater_gateway::Right;

use super::{Guarded, grant};
use crate::support::{Request, events, started};

/// Every route that says anything of a tenant.
const ROUTES: [(&str, &str); 19] = [
    ("POST", "/v1/events"),
    ("GET", "/v1/events"),
    ("GET", "/v1/events?streams=wf-1"),
    ("GET", "/v1/streams"),
    ("GET", "/v1/streams/wf-1"),
    ("DELETE", "/v1/streams/wf-1"),
    ("GET", "/v1/streams/wf-1/events"),
    ("POST", "/v1/tickets"),
    ("GET", "/v1/groups"),
    ("GET", "/v1/groups/g"),
    ("PUT", "/v1/groups/g"),
    ("DELETE", "/v1/groups/g"),
    ("POST", "/v1/groups/g/fetch"),
    ("POST", "/v1/groups/g/settle"),
    ("POST", "/v1/groups/g/extend"),
    ("POST", "/v1/groups/g/leave"),
    ("GET", "/v1/groups/g/dead-letters"),
    ("POST", "/v1/groups/g/dead-letters/replay"),
    ("POST", "/v1/groups/g/dead-letters/discard"),
];

#[tokio::test]
async fn no_route_answers_a_stranger_or_another_tenant_by_name() {
    let guarded = Guarded::start().await;
    let (_, theirs) = guarded.key(grant("acme", &Right::ALL), None).await;
    let (_, other) = guarded.key(grant("other", &Right::ALL), None).await;
    assert_eq!(guarded.publish(&events("wf-1", 0, 2), &theirs).await.status, 200);
    assert_eq!(guarded.send(Request::new("PUT", "/v1/groups/g"), &theirs).await.status, 201);
    for (method, path) in ROUTES {
        let stranger = Request::new(method, path).send(guarded.server.addr).await;
        stranger.problem(401, "unauthenticated");
        // By the name of the tenant, there or not: the same answer.
        let told = async |tenant: &str| {
            let request = Request::new(method, path).header("headwater-tenant", tenant);
            let problem = guarded.send(request, &other).await.problem(403, "forbidden");
            problem["detail"].as_str().unwrap().replace(tenant, "T")
        };
        assert_eq!(told("acme").await, told("nobody").await, "{method} {path}");
        guarded
            .send(Request::new("GET", "/v1/groups?all_tenants=true"), &other)
            .await
            .problem(403, "forbidden");
    }
    // Nothing of it happened.
    let page = guarded.get("/v1/streams/wf-1/events", &theirs).await.json();
    assert_eq!(page["events"].as_array().unwrap().len(), 2);
    assert_eq!(guarded.get("/v1/groups/g", &theirs).await.status, 200);
}

#[tokio::test]
async fn in_ones_own_tenant_what_others_have_is_not_there() {
    let guarded = Guarded::start().await;
    let (_, theirs) = guarded.key(grant("acme", &Right::ALL), None).await;
    let (_, other) = guarded.key(grant("other", &Right::ALL), None).await;
    assert_eq!(guarded.publish(&[started("wf-1")], &theirs).await.status, 200);
    assert_eq!(guarded.send(Request::new("PUT", "/v1/groups/g"), &theirs).await.status, 201);
    guarded.get("/v1/streams/wf-1", &other).await.problem(404, "stream-not-found");
    guarded.send(Request::new("DELETE", "/v1/streams/wf-1"), &other).await.problem(404, "stream-not-found");
    guarded.get("/v1/groups/g", &other).await.problem(404, "no-such-group");
    assert_eq!(guarded.get("/v1/streams", &other).await.json()["streams"].as_array().unwrap().len(), 0);
    assert_eq!(guarded.get("/v1/groups", &other).await.json()["groups"].as_array().unwrap().len(), 0);
    // A cursor of theirs is a foreign one, whether their stream is there or not.
    let cursor = guarded.get("/v1/streams/wf-1/events", &theirs).await.json()["next"].clone();
    let path = format!("/v1/streams/wf-1/events?after={}", cursor.as_str().unwrap());
    guarded.get(&path, &other).await.problem(409, "foreign-cursor");
    // An event of theirs by the same name and id is another event.
    assert_eq!(guarded.publish(&[started("wf-1")], &other).await.json()["results"][0]["duplicate"], false);
    // Even inside an event their tenant cannot be named.
    let mut forged = started("wf-2");
    forged["tenant"] = "acme".into();
    guarded.publish(&[forged], &other).await.problem(403, "foreign-tenant");
}
