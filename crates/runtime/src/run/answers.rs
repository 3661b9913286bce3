//! Questions to humans, and their answers.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use headwater_broker::{Error, EventBroker, Item, Subscription};
use headwater_events::{
    Event, EventType, Filter, Scope,
    catalogue::{ApprovalResolved, InterruptResolved},
};
use serde_json::Value;

/// What a question goes by: node, visit and number, so that it has the same name after a crash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct InterruptId(pub(crate) String);

/// The questions of a run and their answers.
pub(crate) struct Answers {
    broker: Arc<dyn EventBroker>,
    scope: Scope,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    asked: HashSet<String>,
    given: HashMap<String, Value>,
}

impl Answers {
    pub(crate) fn new(broker: Arc<dyn EventBroker>, scope: Scope) -> Self {
        Self { broker, scope, inner: Mutex::default() }
    }

    /// Notes an event of the run, where it asks or answers.
    pub(crate) fn note(&self, event: &Event) {
        let id = |member: &str| {
            let data: Option<Value> = event.data_as().ok();
            data.and_then(|data| data[member].as_str().map(ToOwned::to_owned))
        };
        match event.ty() {
            "interrupt.requested.v1" => self.inner().asked.extend(id("interrupt_id")),
            "approval.requested.v1" => self.inner().asked.extend(id("approval_id")),
            _ => {
                if let Some((id, value)) = answer(event) {
                    self.inner().given.insert(id, value);
                }
            }
        }
    }

    /// The answer, if it is there.
    pub(crate) fn get(&self, id: &InterruptId) -> Option<Value> {
        self.inner().given.get(&id.0).cloned()
    }

    /// Whether the question is still to be asked; from now on it is not.
    pub(crate) fn asks(&self, id: &InterruptId) -> bool {
        self.inner().asked.insert(id.0.clone())
    }

    /// Waits until the answer is in the run's stream.
    pub(crate) async fn wait(&self, id: &InterruptId) -> Result<(), Error> {
        let filter = Filter::types(&format!("{},{}", InterruptResolved::TYPE, ApprovalResolved::TYPE))?;
        let wanted = Subscription::new(self.scope.clone()).filter(filter);
        let mut events = self.broker.subscribe(wanted).await?;
        while self.get(id).is_none() {
            match events.next().await {
                Some(Ok(Item::Event(delivery))) => self.note(delivery.event()),
                // A run that was ended elsewhere while it waits goes on here when it is answered.
                Some(Ok(Item::End(cursor))) => {
                    let again = Subscription::new(self.scope.clone())
                        .filter(Filter::types("interrupt.resolved,approval.resolved")?)
                        .start(headwater_broker::Start::After(cursor));
                    events = self.broker.subscribe(again).await?;
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
                Some(Ok(Item::CaughtUp(_) | Item::Gap(_))) => {}
                Some(Err(error)) => return Err(error),
                None => return Err(headwater_store::Error::Closed.into()),
            }
        }
        Ok(())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing under this lock can panic half-way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which question an event answers, and how.
fn answer(event: &Event) -> Option<(String, Value)> {
    match event.ty() {
        InterruptResolved::TYPE => {
            let data: InterruptResolved = event.data_as().ok()?;
            Some((data.interrupt_id?, data.value.unwrap_or(Value::Null)))
        }
        ApprovalResolved::TYPE => {
            let data: ApprovalResolved = event.data_as().ok()?;
            Some((data.approval_id?, Value::Bool(data.approved)))
        }
        _ => None,
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}
