//! What the source has lost is told.

use headwater::{Limits, MemoryOptions, Retention, mirror::End};

use crate::support::{broker, fill, forgetful, same, small};

#[tokio::test]
async fn what_retention_removed_is_told_and_counts() {
    let durable = Limits { max_events: Some(40), ..Limits::default() };
    let retention = Retention { durable, ..Retention::default() };
    let from = broker(MemoryOptions { retention, ..MemoryOptions::default() }).await;
    let to = forgetful().await;
    fill(&from, 1, 300).await;
    let report = headwater::mirror(from.clone().into(), End::from(to.clone()), small()).await.unwrap();
    assert!(report.gaps.get("retention").is_some_and(|count| *count > 0), "{report:?}");
    assert!(!report.is_complete());
    same(&from, &to, 1).await;
}

#[tokio::test]
async fn trimmed_deltas_are_told_and_leave_the_copy_complete() {
    let transient = Limits { max_events: Some(5), ..Limits::default() };
    let retention = Retention { transient, ..Retention::default() };
    let from = broker(MemoryOptions { retention, ..MemoryOptions::default() }).await;
    let to = forgetful().await;
    fill(&from, 1, 300).await;
    let report = headwater::mirror(from.clone().into(), End::from(to.clone()), small()).await.unwrap();
    assert_eq!(report.gaps.keys().copied().collect::<Vec<_>>(), ["trimmed"], "{report:?}");
    assert!(report.is_complete());
    same(&from, &to, 1).await;
}
