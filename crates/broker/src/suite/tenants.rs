//! The tenant is always there.

use headwater_events::{Filter, Scope, Tenant};
use headwater_store::{RunState, suite::report};

use super::{
    Factory,
    kit::{completed, ids, name, note, plain, publish, publish_notes, started, stream, streams, tenant},
    tape::{Tape, same},
};
use crate::{Error, Start, Subscription};

/// Two tenants with streams of one name see nothing of each other, in any call.
pub async fn tenants_see_only_their_own(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    let (a, b) = (tenant("ten-a"), tenant("ten-b"));
    let scope = |t: &Tenant| Scope::Stream(t.clone(), name("run"));
    let both = |t: &Tenant| Scope::Streams(t.clone(), vec![name("run"), name("other")]);
    let event = |t: &Tenant, n| note("run", n).to_builder().tenant(t).build().expect("a good event");
    let mut readers = Vec::new();
    for scope in [scope(&b), both(&b), Scope::Tenant(b.clone())] {
        readers.push(Tape::start(&*broker, Subscription::new(scope)).await);
    }
    publish(&*broker, &[event(&a, 0), event(&a, 1)]).await;
    publish(&*broker, &[event(&b, 2)]).await;
    publish(&*broker, &[event(&a, 3)]).await;
    publish(&*broker, &[event(&b, 4)]).await;
    for reader in &mut readers {
        reader.until("run/4").await;
        reader.is_exactly(&["run/2", "run/4"]);
        assert!(reader.events.iter().all(|d| d.event().tenant() == Some("ten-b")));
    }
    for (t, want) in [(&a, ["run/0", "run/1", "run/3"].as_slice()), (&b, ["run/2", "run/4"].as_slice())] {
        for scope in [scope(t), both(t), Scope::Tenant(t.clone())] {
            same(&super::kit::read_ids(&*broker, &scope, &Filter::all(), Start::Earliest).await, want);
        }
        let run = broker.stream(t, &name("run")).await.expect("an answer").expect("a run");
        assert_eq!(run.durable_events, want.len() as u64);
        assert_eq!(broker.streams(t, None, 10).await.expect("a list").len(), 1);
    }
    assert!(broker.streams(&tenant("ten-c"), None, 10).await.expect("a list").is_empty());
    assert!(broker.stream(&Tenant::default(), &name("run")).await.expect("an answer").is_none());
    if subject.capabilities().delete_stream {
        assert!(!broker.delete_stream(&tenant("ten-c"), &name("run")).await.expect("an answer"));
        assert!(broker.delete_stream(&a, &name("run")).await.expect("an answer"));
        let kept = super::kit::read_ids(&*broker, &scope(&b), &Filter::all(), Start::Earliest).await;
        same(&kept, &["run/2", "run/4"]);
    }
}

/// A cursor of another stream, of another tenant or of another kind of scope is refused, by read and subscribe.
pub async fn foreign_cursors_are_refused(factory: &dyn Factory) {
    let subject = plain(factory).await;
    let broker = subject.broker();
    publish_notes(&*broker, "mine", 0..3).await;
    publish_notes(&*broker, "yours", 0..3).await;
    let scopes = [
        stream("mine"),
        stream("yours"),
        Scope::Stream(tenant("ten-a"), name("mine")),
        Scope::Tenant(Tenant::default()),
        Scope::Tenant(tenant("ten-a")),
        Scope::Streams(tenant("ten-a"), vec![name("mine")]),
    ];
    for own in &scopes {
        let cursor = broker.cursor(own).await.expect("a cursor");
        for scope in &scopes {
            let start = Start::After(cursor.clone());
            let read = broker.read(scope, &Filter::all(), start.clone(), 10).await.map(drop);
            let subscribed = broker.subscribe(Subscription::new(scope.clone()).start(start)).await.map(drop);
            for outcome in [read, subscribed] {
                if own.print() == scope.print() {
                    assert!(outcome.is_ok(), "the own cursor works in {scope:?}: {outcome:?}");
                } else {
                    assert!(
                        matches!(outcome, Err(Error::ForeignCursor)),
                        "{own:?} in {scope:?}: {outcome:?}"
                    );
                }
            }
        }
    }
    // One stream among several has the tenant's cursors, not its own.
    let cursor = broker.cursor(&stream("mine")).await.expect("a cursor");
    let several = broker.read(&streams(&["mine", "yours"]), &Filter::all(), Start::After(cursor), 10).await;
    assert!(matches!(several, Err(Error::ForeignCursor)), "{several:?}");
}

/// Runs are listed in the order of their names, page by page, with where they stand.
pub async fn runs_are_listed_in_order(factory: &dyn Factory) {
    let subject = plain(factory).await;
    if !subject.capabilities().list_streams {
        return report::lacks("list_streams");
    }
    let broker = subject.broker();
    let mut names: Vec<String> = (0..25).map(|n| format!("run-{n}")).collect();
    for run in names.iter().rev() {
        publish(&*broker, &[started(run, 0), note(run, 1)]).await;
    }
    publish(&*broker, &[completed("run-7", 2), super::kit::delta("run-8", 2, "p", "t")]).await;
    names.sort();
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let part = broker.streams(&Tenant::default(), after.as_ref(), 4).await.expect("a list");
        assert!(part.len() <= 4);
        let Some(last) = part.last() else { break };
        after = Some(last.stream.clone());
        listed.extend(part);
    }
    same(&listed.iter().map(|run| run.stream.to_string()).collect::<Vec<_>>(), &names);
    for run in &listed {
        let one = broker.stream(&Tenant::default(), &run.stream).await.expect("an answer");
        assert_eq!(one.as_ref(), Some(run), "the list and the run agree");
        let ended = run.stream.as_str() == "run-7";
        assert_eq!(run.state, if ended { RunState::Completed } else { RunState::Open });
        assert_eq!(run.ended_at.is_some(), ended);
        assert_eq!(run.durable_events, if ended { 3 } else { 2 });
        assert_eq!(run.transient_events, u64::from(run.stream.as_str() == "run-8"));
    }
    same(
        &super::kit::read_ids(&*broker, &stream("run-7"), &Filter::all(), Start::Earliest).await,
        &ids("run-7", 0..3),
    );
}
