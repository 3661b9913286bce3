//! Work-sharing over HTTP.

use async_trait::async_trait;
use headwater_broker::{
    ConsumerGroups, DeadLetter, DeadLetterFilter, Error, Fetch, Fetched, Group, GroupConfig, GroupInfo,
    Lease, Refused, Settlement, Start, WorkerName,
    wire::{
        DeliveryBody, ExtendBody, FetchAnswer, FetchBody, GroupList, LeaveBody, LetterBody, LetterList,
        LettersAnswer, LettersBody, PutGroup, ResultsBody, SettleBody, SettlementBody,
    },
};
use headwater_events::{Position, Tenant};
use reqwest::{Method, StatusCode};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    HttpBroker,
    http::{Call, Http},
    problem, query,
};

/// How many dead letters are asked for at once.
const LETTERS: usize = 1000;

#[async_trait]
impl ConsumerGroups for HttpBroker {
    async fn put_group(&self, group: &Group, start: Start, config: GroupConfig) -> Result<bool, Error> {
        let body = PutGroup { start: Some(start.to_string()), config };
        let (status, _) =
            self.open()?.send(&call(self.open()?, Method::PUT, group, &[], Some(&body))?).await?;
        Ok(status == StatusCode::CREATED)
    }

    async fn delete_group(&self, group: &Group) -> Result<bool, Error> {
        let http = self.open()?;
        let (status, body) = http.send(&call::<()>(http, Method::DELETE, group, &[], None)?).await?;
        is_there(status, &body)
    }

    async fn groups(&self, tenant: Option<&Tenant>) -> Result<Vec<GroupInfo>, Error> {
        let http = self.open()?;
        let mut call = http.get(&["v1", "groups"], tenant.unwrap_or(&Tenant::default()));
        if tenant.is_none() {
            query::add(&mut call.url, "all_tenants", "true");
        }
        let (status, body) = http.send(&call).await?;
        found::<GroupList>(status, &body).map(|list| list.groups)
    }

    async fn group(&self, group: &Group) -> Result<Option<GroupInfo>, Error> {
        let http = self.open()?;
        let (status, body) = http.send(&call::<()>(http, Method::GET, group, &[], None)?).await?;
        if is_there(status, &body)? { parse(&body).map(Some) } else { Ok(None) }
    }

    async fn fetch(&self, group: &Group, fetch: Fetch) -> Result<Fetched, Error> {
        let body = FetchBody {
            worker: fetch.worker.to_string(),
            session: fetch.session,
            max: fetch.max,
            wait_ms: u64::try_from(fetch.wait.as_millis()).unwrap_or(u64::MAX),
        };
        let answer: FetchAnswer = self.post(group, &["fetch"], &body).await?;
        let deliveries =
            answer.deliveries.into_iter().map(DeliveryBody::into_leased).collect::<Option<Vec<_>>>();
        let deliveries = deliveries.ok_or_else(|| odd("a delivery cannot be read"))?;
        Ok(Fetched { deliveries, gaps: answer.gaps })
    }

    async fn settle(
        &self,
        group: &Group,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Result<(), Refused>>, Error> {
        let body = SettleBody { settlements: settlements.iter().map(SettlementBody::new).collect() };
        self.post::<ResultsBody>(group, &["settle"], &body).await.map(ResultsBody::into_results)
    }

    async fn extend(&self, group: &Group, leases: &[Lease]) -> Result<Vec<Result<(), Refused>>, Error> {
        let body = ExtendBody { leases: leases.iter().map(Lease::to_string).collect() };
        self.post::<ResultsBody>(group, &["extend"], &body).await.map(ResultsBody::into_results)
    }

    async fn leave(&self, group: &Group, worker: &WorkerName) -> Result<(), Error> {
        let http = self.open()?;
        let body = LeaveBody { worker: worker.to_string() };
        let (status, body) = http.send(&call(http, Method::POST, group, &["leave"], Some(&body))?).await?;
        if status.is_success() { Ok(()) } else { Err(problem::parse(status, &body)) }
    }

    async fn dead_letters(
        &self,
        group: &Group,
        filter: &DeadLetterFilter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        let http = self.open()?;
        let (mut letters, mut after) = (Vec::new(), after);
        while letters.len() < limit {
            let mut call = call::<()>(http, Method::GET, group, &["dead-letters"], None)?;
            query::add(&mut call.url, "after", &after.to_string());
            query::add(&mut call.url, "limit", &LETTERS.min(limit - letters.len()).to_string());
            let meant = meant(filter);
            for (key, value) in [("stream", meant.stream), ("types", meant.types), ("reason", meant.reason)] {
                if let Some(value) = value {
                    query::add(&mut call.url, key, &value);
                }
            }
            let (status, body) = http.send(&call).await?;
            let list: LetterList = found(status, &body)?;
            let page = list.dead_letters.into_iter().map(LetterBody::into_letter).collect::<Option<Vec<_>>>();
            letters.extend(page.ok_or_else(|| odd("a dead letter cannot be read"))?);
            match list.next {
                Some(next) => after = next,
                None => break,
            }
        }
        if !filter.positions.is_empty() {
            letters.retain(|letter| filter.positions.contains(&letter.position));
        }
        Ok(letters)
    }

    async fn replay(&self, group: &Group, filter: &DeadLetterFilter) -> Result<u64, Error> {
        let answer: LettersAnswer = self.post(group, &["dead-letters", "replay"], &meant(filter)).await?;
        Ok(answer.count)
    }

    async fn discard(&self, group: &Group, filter: &DeadLetterFilter) -> Result<u64, Error> {
        let answer: LettersAnswer = self.post(group, &["dead-letters", "discard"], &meant(filter)).await?;
        Ok(answer.count)
    }
}

impl HttpBroker {
    async fn post<T: DeserializeOwned>(
        &self,
        group: &Group,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let http = self.open()?;
        let (status, body) = http.send(&call(http, Method::POST, group, path, Some(body))?).await?;
        found(status, &body)
    }
}

fn call<B: Serialize>(
    http: &Http,
    method: Method,
    group: &Group,
    path: &[&str],
    body: Option<&B>,
) -> Result<Call, Error> {
    let path: Vec<&str> =
        ["v1", "groups", group.name.as_str()].into_iter().chain(path.iter().copied()).collect();
    let mut call = http.get(&path, group.tenant.as_ref().unwrap_or(&Tenant::default()));
    if group.tenant.is_none() {
        query::add(&mut call.url, "all_tenants", "true");
    }
    call.method = method;
    if let Some(body) = body {
        let json = serde_json::to_vec(body).map_err(|error| odd(&error.to_string()))?;
        call.body = Some(("application/json", json.into()));
    }
    Ok(call)
}

fn meant(filter: &DeadLetterFilter) -> LettersBody {
    LettersBody {
        positions: filter.positions.clone(),
        stream: filter.stream.as_ref().map(ToString::to_string),
        types: (!filter.types.is_all()).then(|| filter.types.types_list()),
        reason: filter.reason.clone(),
    }
}

/// Whether there is such a group. Another 404 means that the address is no Headwater's.
fn is_there(status: StatusCode, body: &[u8]) -> Result<bool, Error> {
    if status != StatusCode::NOT_FOUND {
        return Ok(true);
    }
    match problem::parse(status, body) {
        Error::NoGroup => Ok(false),
        error => Err(error),
    }
}

fn found<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, Error> {
    if status.is_success() { parse(body) } else { Err(problem::parse(status, body)) }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| odd(&error.to_string()))
}

fn odd(detail: &str) -> Error {
    Error::Remote {
        code: "bad-answer".into(),
        status: 200,
        detail: format!("the answer cannot be read: {detail}"),
    }
}
