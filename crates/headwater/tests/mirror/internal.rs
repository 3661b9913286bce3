//! Internal events.

use std::sync::Arc;

use headwater::{
    Broker, Class, Event, EventPublisher as _, HttpBroker, HttpOptions, MemoryOptions, Position, Tenant,
    mirror::{End, MirrorError, MirrorOptions},
};

use crate::support::{broker, fill, forgetful, name, small};

async fn classes(broker: &Broker) -> Vec<Class> {
    use headwater_store::{ClassesKey, ReadScope};
    let scope = ReadScope::Stream(Tenant::default(), name("wf-0"), ClassesKey::All);
    let page = broker.store().read(&scope, Position::ZERO, 1000, usize::MAX).await.unwrap();
    page.records.iter().map(headwater::Record::class).collect()
}

#[tokio::test]
async fn checkpoints_are_copied_where_both_are_in_process() {
    let (from, to) = (broker(MemoryOptions::default()).await, forgetful().await);
    fill(&from, 1, 4).await;
    let internal = headwater::catalogue::all().find(|entry| entry.class == Class::Internal).unwrap();
    let builder = Event::builder("/test", format!("{}.v1", internal.name)).id("checkpoint");
    let checkpoint = builder.stream(&name("wf-0")).data(&serde_json::json!({})).build().unwrap();
    assert_eq!(checkpoint.class(), Class::Internal);
    from.publish(&[checkpoint]).await.unwrap();
    let options = MirrorOptions { internal: true, ..small() };
    for stored in [5, 0] {
        let run = headwater::mirror(from.clone().into(), End::from(to.clone()), options.clone());
        assert_eq!(run.await.unwrap().stored, stored);
        assert_eq!(classes(&from).await, classes(&to).await);
    }
    let restart = MirrorOptions { restart: true, ..options.clone() };
    let report = headwater::mirror(from.clone().into(), End::from(to.clone()), restart).await.unwrap();
    assert_eq!((report.stored, report.already), (0, 5));

    let server = headwater::serve(Arc::new(to), "127.0.0.1:0").await.unwrap();
    let remote = HttpBroker::connect(&server.url(), HttpOptions::default()).unwrap();
    let refused = headwater::mirror(from.into(), End::from(remote), options).await.unwrap_err();
    assert!(matches!(&refused, MirrorError::Options(what) if what.contains("not over HTTP")), "{refused}");
    assert!(refused.is_config());
}
