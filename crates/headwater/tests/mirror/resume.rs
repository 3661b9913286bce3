//! Stopped anywhere, a mirror goes on without a double.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use headwater::{
    HttpBroker, HttpOptions, MemoryOptions,
    mirror::{End, Happening, MirrorOptions, mirror_with},
};
use tokio::sync::Notify;

use crate::support::{broker, fill, forgetful, same, small};

/// Runs a mirror and drops it once `after` events have passed. Gives whether it came to its end before.
async fn stopped(from: &End, to: &End, options: MirrorOptions, after: u64) -> bool {
    let (passed, stop) = (AtomicU64::new(0), Arc::new(Notify::new()));
    let bell = Arc::clone(&stop);
    let observer = move |happening: Happening<'_>| {
        if let Happening::Passed { events, .. } = happening
            && passed.fetch_add(events, Ordering::Relaxed) + events >= after
        {
            bell.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = stop.notified() => false,
        done = mirror_with(from.clone(), to.clone(), options, observer) => {
            done.unwrap();
            true
        }
    }
}

/// One thread, so that a mirror that is dropped does nothing more: what two of them do at once is another matter.
#[tokio::test]
async fn dropped_anywhere_it_copies_nothing_twice_into_a_target_that_recognizes_nothing() {
    let (from, to) = (broker(MemoryOptions::default()).await, forgetful().await);
    fill(&from, 6, 60).await;
    let server = headwater::serve(Arc::new(from.clone()), "127.0.0.1:0").await.unwrap();
    let remote = HttpBroker::connect(&server.url(), HttpOptions::default()).unwrap();
    let (source, target) = (End::from(remote), End::from(to.clone()));
    let mut stops = 0;
    while !stopped(&source, &target, small(), 1 + stops % 23).await {
        stops += 1;
    }
    assert!(stops > 5, "{stops}");
    same(&from, &to, 6).await;
}

#[tokio::test]
async fn a_mark_that_was_lost_with_the_process_costs_a_look_and_no_double() {
    let (from, to) = (broker(MemoryOptions::default()).await, forgetful().await);
    fill(&from, 2, 10).await;
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let with = |file: &std::path::Path| MirrorOptions { state_file: Some(file.to_owned()), ..small() };
    let run = |options| headwater::mirror(from.clone().into(), End::from(to.clone()), options);
    run(with(&new)).await.unwrap();
    std::fs::copy(&new, &old).unwrap();
    fill(&from, 2, 20).await;
    assert_eq!(run(with(&new)).await.unwrap().stored, 20);
    // The marks of before the last round, over a target of after it.
    let report = run(with(&old)).await.unwrap();
    assert_eq!((report.stored, report.already), (0, 20));
    same(&from, &to, 2).await;
}

#[tokio::test]
async fn a_source_that_was_reset_is_noticed() {
    let to = forgetful().await;
    let first = broker(MemoryOptions::default()).await;
    fill(&first, 1, 10).await;
    headwater::mirror(first.into(), End::from(to.clone()), small()).await.unwrap();
    // Another numbering: the same run was published again, and went on.
    let second = broker(MemoryOptions::default()).await;
    fill(&second, 1, 15).await;
    let report = headwater::mirror(second.clone().into(), End::from(to.clone()), small()).await.unwrap();
    assert_eq!((report.stored, report.already), (5, 10));
    assert_eq!(report.gaps.get("reset"), Some(&1));
    assert!(!report.is_complete());
    same(&second, &to, 1).await;
    let report = headwater::mirror(second.into(), End::from(to), small()).await.unwrap();
    assert!(report.is_complete() && report.stored == 0, "it is told once: {report:?}");
}

#[tokio::test]
async fn a_target_that_was_wiped_is_noticed() {
    let from = broker(MemoryOptions::default()).await;
    fill(&from, 2, 10).await;
    let folder = tempfile::tempdir().unwrap();
    let options = || MirrorOptions { state_file: Some(folder.path().join("marks")), ..small() };
    let first = End::from(forgetful().await);
    assert_eq!(headwater::mirror(from.clone().into(), first, options()).await.unwrap().stored, 20);
    let second = forgetful().await;
    let resets = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&resets);
    let observer = move |happening: Happening<'_>| {
        if matches!(happening, Happening::TargetReset { .. }) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    };
    let to = End::from(second.clone());
    let report = mirror_with(from.clone().into(), to, options(), observer).await.unwrap();
    assert_eq!((report.stored, resets.load(Ordering::Relaxed)), (20, 2));
    same(&from, &second, 2).await;
}
