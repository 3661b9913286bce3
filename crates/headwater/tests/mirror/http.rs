//! Both ends over HTTP.

use std::sync::Arc;

use headwater::{
    EventPublisher as _, HttpBroker, HttpOptions, MemoryOptions, Tenant,
    mirror::{End, MirrorOptions},
};

use crate::support::{broker, event, fill, forgetful, same, small, stored};

#[tokio::test]
async fn between_servers_with_and_without_a_file_for_the_marks() {
    let (from, to) = (broker(MemoryOptions::default()).await, forgetful().await);
    fill(&from, 4, 30).await;
    let source = headwater::serve(Arc::new(from.clone()), "127.0.0.1:0").await.unwrap();
    let target = headwater::serve(Arc::new(to.clone()), "127.0.0.1:0").await.unwrap();
    let end = |url: String| End::from(HttpBroker::connect(&url, HttpOptions::default()).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let filed = || MirrorOptions { state_file: Some(folder.path().join("marks")), ..small() };
    for (options, stored, already) in
        [(small(), 120, 0), (small(), 0, 120), (filed(), 0, 120), (filed(), 0, 0)]
    {
        let report = headwater::mirror(end(source.url()), end(target.url()), options).await.unwrap();
        assert_eq!((report.stored, report.already), (stored, already));
        same(&from, &to, 4).await;
    }
}

#[tokio::test]
async fn a_tenant_of_its_own() {
    let (from, to) = (broker(MemoryOptions::default()).await, forgetful().await);
    let acme: Tenant = "acme".parse().unwrap();
    for n in 0..9 {
        let event = event("wf-0", n).to_builder().tenant(&acme).build().unwrap();
        from.publish(&[event]).await.unwrap();
    }
    fill(&from, 1, 3).await;
    let target = headwater::serve(Arc::new(to.clone()), "127.0.0.1:0").await.unwrap();
    let remote = HttpBroker::connect(&target.url(), HttpOptions::default().tenant(acme.clone())).unwrap();
    let options = MirrorOptions { tenant: acme, ..small() };
    let report = headwater::mirror(from.clone().into(), End::from(remote), options).await.unwrap();
    assert_eq!(report.stored, 9);
    assert!(stored(&to, "wf-0").await.is_empty(), "nothing of another tenant");
}
