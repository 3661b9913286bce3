//! Everything is copied, once.

use headwater::{
    EventBroker as _, EventPublisher as _, MemoryOptions, StoreError,
    mirror::{End, MirrorError, MirrorOptions},
};

use crate::support::{broker, event, fill, forgetful, name, same, small, stored};

#[tokio::test]
async fn copies_every_stream_in_its_order_with_its_ids_and_only_once() {
    let (from, to) = (broker(MemoryOptions::default()).await, forgetful().await);
    fill(&from, 5, 40).await;
    let (source, target) = (End::from(from.clone()), End::from(to.clone()));
    let report = headwater::mirror(source.clone(), target.clone(), small()).await.unwrap();
    assert_eq!((report.streams, report.stored, report.already), (5, 200, 0));
    assert!(report.is_complete());
    same(&from, &to, 5).await;

    let report = headwater::mirror(source.clone(), target.clone(), small()).await.unwrap();
    assert_eq!((report.stored, report.already), (0, 0), "behind the marks there is nothing");

    fill(&from, 6, 41).await;
    let report = headwater::mirror(source, target, small()).await.unwrap();
    assert_eq!(report.stored, 5 + 41, "dedup at the source leaves one more event a run, and a new run");
    same(&from, &to, 6).await;
}

#[tokio::test]
async fn what_the_target_has_is_left_out_where_there_is_no_mark() {
    let (from, to) = (broker(MemoryOptions::default()).await, forgetful().await);
    fill(&from, 2, 20).await;
    fill(&to, 2, 13).await;
    for (options, already) in [(small(), 26), (MirrorOptions { name: "other".into(), ..small() }, 40)] {
        let report = headwater::mirror(from.clone().into(), End::from(to.clone()), options).await.unwrap();
        assert_eq!((report.stored, report.already), (40 - already, already));
        same(&from, &to, 2).await;
    }
    let options = MirrorOptions { restart: true, ..small() };
    let report = headwater::mirror(from.clone().into(), End::from(to.clone()), options).await.unwrap();
    assert_eq!((report.stored, report.already), (0, 40), "a restart compares everything");
}

#[tokio::test]
async fn only_the_streams_that_are_named_and_only_up_to_the_beginning() {
    let (from, to) = (broker(MemoryOptions::default()).await, forgetful().await);
    fill(&from, 4, 10).await;
    let streams = ["wf-1", "wf-3", "wf-1", "nowhere"].map(name).to_vec();
    let options = MirrorOptions { streams: Some(streams), ..small() };
    let late = from.clone();
    let observer = move |happening: headwater::mirror::Happening<'_>| {
        if let headwater::mirror::Happening::Passed { stream, .. } = happening {
            // Published while the mirror runs: not of this round.
            let event = event(stream.as_str(), 1_000);
            let late = late.clone();
            tokio::spawn(async move { late.publish(&[event]).await.unwrap() });
        }
    };
    let report =
        headwater::mirror::mirror_with(from.clone().into(), End::from(to.clone()), options, observer);
    let report = report.await.unwrap();
    assert_eq!((report.streams, report.stored), (3, 20));
    for stream in ["wf-1", "wf-3"] {
        assert_eq!(stored(&to, stream).await, stored(&from, stream).await[..10]);
    }
    assert!(stored(&to, "wf-0").await.is_empty());
}

#[tokio::test]
async fn another_mirror_of_the_same_name_is_noticed() {
    let (from, to) = (broker(MemoryOptions::default()).await, forgetful().await);
    fill(&from, 1, 300).await;
    let both = (0..2).map(|_| {
        let (from, to) = (from.clone(), to.clone());
        tokio::spawn(async move { headwater::mirror(from.into(), End::from(to), small()).await })
    });
    let mut errors = Vec::new();
    for task in both.collect::<Vec<_>>() {
        errors.extend(task.await.unwrap().err());
    }
    assert!(errors.iter().all(|error| matches!(error, MirrorError::TwoMirrors { .. })), "{errors:?}");
}

#[tokio::test]
async fn an_end_that_is_gone_is_told() {
    let (from, to) = (broker(MemoryOptions::default()).await, forgetful().await);
    fill(&from, 1, 3).await;
    to.close().await.unwrap();
    let failed = headwater::mirror(from.into(), End::from(to), small()).await.unwrap_err();
    assert!(
        matches!(&failed, MirrorError::Target(headwater::Error::Store(StoreError::Closed)))
            || matches!(&failed, MirrorError::Target(_) | MirrorError::Marks(StoreError::Closed)),
        "{failed:?}"
    );
    assert!(!failed.is_config());
}
