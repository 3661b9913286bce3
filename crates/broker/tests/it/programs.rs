//! What programs have beside publishing and reading: runs with everything in them, and a table of their own.

use std::sync::Arc;

use headwater_broker::ConsumerGroups as _;
use headwater_broker::{
    Broker, BrokerConfig, Error, EventBroker, EventPublisher, EventSubscriber, Group, GroupConfig, Start,
};
use headwater_embedded::{EmbeddedOptions, EmbeddedStore};
use headwater_events::{Event, Filter, Scope, StreamName, Tenant};
use headwater_store::{Error as StoreError, MemoryOptions, MemoryStore, Store};
use serde_json::json;

async fn brokers() -> (Vec<Broker>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let stores: [Arc<dyn Store>; 2] = [
        Arc::new(MemoryStore::new(MemoryOptions::default())),
        Arc::new(EmbeddedStore::open(folder.path().join("log"), EmbeddedOptions::default()).await.unwrap()),
    ];
    let mut brokers = Vec::new();
    for store in stores {
        brokers.push(Broker::open(store, BrokerConfig::default()).await.unwrap());
    }
    (brokers, folder)
}

fn event(n: usize, ty: &str) -> Event {
    Event::builder("/a", ty).id(n.to_string()).subject("run").data(&json!({ "text": "x" })).build().unwrap()
}

#[tokio::test]
async fn a_run_is_read_whole_page_by_page_and_others_do_not_see_what_is_internal() {
    let (brokers, _folder) = brokers().await;
    for broker in brokers {
        let types = ["note.v1", "checkpoint.saved.v1", "token.v1", "checkpoint.saved.v1", "note.v1"];
        let events: Vec<Event> = types.iter().enumerate().map(|(n, ty)| event(n, ty)).collect();
        broker.publish(&events).await.unwrap();
        let (tenant, run) = (Tenant::default(), StreamName::new("run").unwrap());
        let (mut seen, mut start) = (Vec::new(), Start::Earliest);
        loop {
            let page = broker.read_whole(&tenant, &run, start, 2).await.unwrap();
            seen.extend(page.events.iter().map(|delivery| delivery.event().ty().to_owned()));
            if !page.more {
                break;
            }
            start = Start::After(page.next);
        }
        assert_eq!(seen, types);
        let scope = Scope::Stream(tenant.clone(), run.clone());
        let page = broker.read(&scope, &Filter::all(), Start::Earliest, 10).await.unwrap();
        assert_eq!(page.events.len(), 3);
        let other =
            broker.cursor(&Scope::Stream(tenant.clone(), StreamName::new("other").unwrap())).await.unwrap();
        let foreign = broker.read_whole(&tenant, &run, Start::After(other), 2).await;
        assert!(matches!(foreign, Err(Error::ForeignCursor)));
        broker.close().await.unwrap();
    }
}

#[tokio::test]
async fn the_table_of_programs_is_theirs_alone() {
    let (brokers, _folder) = brokers().await;
    for broker in brokers {
        let group = Group::of_all("g".parse().unwrap());
        broker.put_group(&group, Start::Earliest, GroupConfig::default()).await.unwrap();
        let state = broker.state().unwrap();
        assert_eq!(state.list("", None, 10).await.unwrap(), [], "what the broker keeps is not in it");
        let first = state.put("run/a", "1".into(), None).await.unwrap();
        state.put("run/b", "2".into(), None).await.unwrap();
        let conflict = state.put("run/a", "3".into(), None).await;
        assert!(matches!(conflict, Err(StoreError::Conflict { .. })));
        assert_eq!(state.get("run/a").await.unwrap().unwrap().key, "run/a");
        let listed = state.list("run/", Some("run/a"), 10).await.unwrap();
        assert_eq!(listed.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["run/b"]);
        state.delete("run/a", first).await.unwrap();
        assert!(state.get("run/a").await.unwrap().is_none());
        broker.close().await.unwrap();
    }
}
