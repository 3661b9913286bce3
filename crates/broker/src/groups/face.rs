//! The broker's groups as the contract has them.

use async_trait::async_trait;
use headwater_events::{Position, Tenant};

use super::engine::Call;
use crate::{
    Broker, ConsumerGroups, DeadLetter, DeadLetterFilter, Error, Fetch, Fetched, Group, GroupConfig,
    GroupInfo, Lease, Refused, Settlement, Start, WorkerName,
};

#[async_trait]
impl ConsumerGroups for Broker {
    async fn put_group(&self, group: &Group, start: Start, config: GroupConfig) -> Result<bool, Error> {
        self.groups().put(group, start, config).await
    }

    async fn delete_group(&self, group: &Group) -> Result<bool, Error> {
        self.groups().delete(group).await
    }

    async fn groups(&self, tenant: Option<&Tenant>) -> Result<Vec<GroupInfo>, Error> {
        self.groups().list(tenant).await
    }

    async fn group(&self, group: &Group) -> Result<Option<GroupInfo>, Error> {
        self.groups().info(group).await
    }

    async fn fetch(&self, group: &Group, fetch: Fetch) -> Result<Fetched, Error> {
        self.groups().ask(group, |answer| Call::Fetch(fetch.clone(), answer)).await
    }

    async fn settle(
        &self,
        group: &Group,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Result<(), Refused>>, Error> {
        self.groups().ask(group, |answer| Call::Settle(settlements.clone(), answer)).await
    }

    async fn extend(&self, group: &Group, leases: &[Lease]) -> Result<Vec<Result<(), Refused>>, Error> {
        self.groups().ask(group, |answer| Call::Extend(leases.to_vec(), answer)).await
    }

    async fn leave(&self, group: &Group, worker: &WorkerName) -> Result<(), Error> {
        self.groups().ask(group, |answer| Call::Leave(worker.clone(), answer)).await
    }

    async fn dead_letters(
        &self,
        group: &Group,
        filter: &DeadLetterFilter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        self.groups().dead_letters(group, filter, after, limit).await
    }

    async fn replay(&self, group: &Group, filter: &DeadLetterFilter) -> Result<u64, Error> {
        self.groups().replay(group, filter).await
    }

    async fn discard(&self, group: &Group, filter: &DeadLetterFilter) -> Result<u64, Error> {
        self.groups().discard(group, filter).await
    }
}
