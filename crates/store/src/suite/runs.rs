//! The records of runs.

use std::{sync::Arc, time::Duration};

use headwater_events::{Class, Mark, Position};

use super::{
    Case,
    case::{delta, durable, event, marked, stream, tenant},
    checks::append,
};
use crate::{Error, RunRecord, RunState, Store};

/// How long clauses wait between two stamps where they really wait.
const STEP: Duration = Duration::from_millis(20);

async fn run(store: &Arc<dyn Store>, name: &str) -> RunRecord {
    let run = store.run(&tenant("default"), &stream(name)).await.expect("a call");
    run.unwrap_or_else(|| panic!("no record of {name}"))
}

/// A record tells first, last, counts and times, from the first event on.
pub async fn a_record_keeps_up_with_its_run(case: Case) {
    let store = case.open().await;
    let answer = append(&store, vec![durable("other", 0), delta("a", 1)]).await[1];
    let (first, first_at) = (answer.position, answer.stored_at.as_millisecond());
    let record = run(&store, "a").await;
    assert_eq!((record.first, record.last, record.durable, record.transient), (first, first, 0, 1));
    assert_eq!((record.state, record.ended, record.ended_at), (RunState::Open, None, None));
    case.pass(case.span(Duration::from_secs(5), STEP)).await;
    let batch = vec![durable("a", 2), event("default", "a", 3, Class::Internal, Mark::None), durable("a", 4)];
    let answer = append(&store, batch).await[2];
    let (last, last_at) = (answer.position, answer.stored_at.as_millisecond());
    let record = run(&store, "a").await;
    assert_eq!((record.first, record.last, record.durable, record.transient), (first, last, 2, 1));
    assert_eq!((record.first_at, record.last_at), (first_at, last_at));
    assert_eq!((record.trimmed, record.removed), (Position::ZERO, Position::ZERO));
    assert_eq!(run(&store, "other").await.durable, 1);
}

/// A run opens, ends with one of three states, takes late events, and may be reopened and end again.
pub async fn a_run_ends_and_reopens(case: Case) {
    let store = case.open().await;
    append(&store, vec![marked("a", 0, Mark::Opens), durable("a", 1)]).await;
    assert!(!run(&store, "a").await.is_ended());
    let ends = [
        (Mark::Completed, RunState::Completed),
        (Mark::Failed, RunState::Failed),
        (Mark::Cancelled, RunState::Cancelled),
    ];
    for (round, (mark, state)) in ends.into_iter().enumerate() {
        let n = 10 * (round + 1);
        case.pass(case.span(Duration::from_secs(1), STEP)).await;
        let answer = append(&store, vec![marked("a", n, mark)]).await[0];
        let (end, at) = (answer.position, answer.stored_at.as_millisecond());
        let record = run(&store, "a").await;
        assert_eq!((record.state, record.ended, record.ended_at), (state, Some(end), Some(at)));
        case.pass(case.span(Duration::from_secs(1), STEP)).await;
        let late = append(&store, vec![durable("a", n + 1), delta("a", n + 2)]).await[1].position;
        let record = run(&store, "a").await;
        assert_eq!(
            (record.state, record.ended, record.last),
            (state, Some(end), late),
            "late events end nothing"
        );
        append(&store, vec![marked("a", n + 3, Mark::Opens)]).await;
        let record = run(&store, "a").await;
        assert_eq!((record.state, record.ended, record.ended_at), (RunState::Open, None, None), "reopened");
    }
}

/// Start and end may come in one batch, and a batch may hold several runs.
pub async fn whole_runs_in_one_batch(case: Case) {
    let store = case.open().await;
    let names = ["a", "b", "c"];
    let batch: Vec<_> = (0..9)
        .map(|n| {
            let mark = [Mark::Opens, Mark::None, Mark::Completed][n / 3];
            marked(names[n % 3], n, mark)
        })
        .collect();
    let answer = append(&store, batch).await;
    for (i, name) in names.into_iter().enumerate() {
        let record = run(&store, name).await;
        assert_eq!(
            (record.first, record.last, record.durable),
            (answer[i].position, answer[6 + i].position, 3)
        );
        assert_eq!((record.state, record.ended), (RunState::Completed, Some(answer[6 + i].position)));
    }
}

/// The record agrees with the log however many write at once.
pub async fn a_record_counts_concurrent_appends(case: Case) {
    let store = case.open().await;
    let writers: Vec<_> = (0..20)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut last = Position::ZERO;
                for call in 0..5 {
                    let n = writer * 100 + call;
                    last =
                        last.max(append(&store, vec![durable("a", n), delta("a", n + 50)]).await[1].position);
                }
                last
            })
        })
        .collect();
    let mut last = Position::ZERO;
    for writer in writers {
        last = last.max(writer.await.expect("a writer"));
    }
    let record = run(&store, "a").await;
    assert_eq!((record.durable, record.transient), (100, 100));
    assert_eq!(record.last, last);
}

/// Runs are listed by tenant, in the order of their names' bytes, page by page.
pub async fn runs_are_listed_in_order(case: Case) {
    let store = case.open().await;
    if !store.capabilities().list_streams {
        let answer = store.runs(&tenant("default"), None, 10).await;
        assert!(matches!(answer, Err(Error::Unsupported { .. })), "{answer:?}");
        return case.lacks("list_streams");
    }
    let mut names: Vec<_> = (0..25).map(|i| format!("run-{i}")).collect();
    names.extend(["Z", "a", "a-", "a.", "a:", "a@", "aa", "+", "0"].map(str::to_owned));
    let batch = names.iter().map(|name| durable(name, 0)).collect();
    append(&store, batch).await;
    append(&store, vec![event("default-", "b", 0, Class::Durable, Mark::None)]).await;
    append(&store, vec![event("defaul", "b", 0, Class::Durable, Mark::None)]).await;
    names.sort_unstable();
    let listed = |runs: Vec<(crate::StreamName, RunRecord)>| {
        runs.into_iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()
    };
    let all = store.runs(&tenant("default"), None, 1000).await.expect("runs");
    for (name, record) in &all {
        assert_eq!(*record, run(&store, name.as_str()).await);
    }
    assert_eq!(listed(all), names);
    for limit in [1, 4, 34] {
        let mut got: Vec<String> = Vec::new();
        loop {
            let after = got.last().map(|name| stream(name));
            let part = store.runs(&tenant("default"), after.as_ref(), limit).await.expect("runs");
            assert!(part.len() <= limit);
            if part.is_empty() {
                break;
            }
            got.extend(listed(part));
        }
        assert_eq!(got, names, "in pages of {limit}");
    }
    let after = store.runs(&tenant("default"), Some(&stream("a0")), 2).await.expect("runs");
    assert_eq!(listed(after), ["a:", "a@"], "after a name that is not there");
    assert_eq!(listed(store.runs(&tenant("default-"), None, 10).await.expect("runs")), ["b"]);
}
