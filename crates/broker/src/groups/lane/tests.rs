//! A lane without a store: what it does when the log or the clock goes back under it.

use std::time::Duration;

use headwater_events::{Class, Epoch, Event, Lane, Mark, Position, Tenant};
use headwater_store::{Page, ReadScope, Record};
use jiff::Timestamp;
use tokio::time::Instant;

use super::LaneWork;
use crate::{
    api::groups::{Leased, Refused, Verdict},
    groups::{lost::Lost, run::Run, state::Reopened},
};

const MAX_ATTEMPTS: u32 = 3;

fn record(run: &str, position: u64) -> Record {
    let event = Event::builder("/test", "note.v1").id(position.to_string()).subject(run);
    let event = event.tenant(&Tenant::default()).build().expect("a good event");
    Record::new(event, Position(position), Timestamp::UNIX_EPOCH, Class::Durable, Mark::None)
}

fn run(name: &str) -> Run {
    Run::new(Tenant::default(), name.parse().expect("a run's name"))
}

/// A lane with these events at hand, at positions from 1.
fn lane(runs: &[&str]) -> LaneWork {
    let records: Vec<_> = runs.iter().zip(1..).map(|(run, position)| record(run, position)).collect();
    let scope = ReadScope::TenantLane(Tenant::default(), Lane(0));
    let mut work = LaneWork::new(Lane(0), scope, (Epoch(1), Position::ZERO), Instant::now());
    let next = Position(records.len() as u64);
    work.take_page(Page { records, next, more: false, gaps: Vec::new() });
    work
}

fn give(work: &mut LaneWork, now_ms: i64) -> (Vec<Leased>, Vec<Lost>) {
    let mut lost = Vec::new();
    work.wake(now_ms);
    let given = work.give(10, now_ms, Instant::now() + Duration::from_secs(60), MAX_ATTEMPTS, &mut lost);
    (given, lost)
}

fn places(given: &[Leased]) -> Vec<(u64, u32)> {
    given.iter().map(|leased| (leased.record.position().0, leased.attempt)).collect()
}

#[test]
fn what_follows_a_delivery_that_the_log_lost_has_all_its_attempts() {
    let mut work = lane(&["a", "a", "a"]);
    let (first, _) = give(&mut work, 0);
    assert_eq!(places(&first), [(1, 1)]);
    // The log has no longer what is with a worker.
    work.refill(&run("a"), vec![record("a", 2), record("a", 3)], true);
    assert_eq!(work.in_flight(), 0, "nothing keeps the lane from going to another worker");
    assert_eq!(work.holds(&first[0].lease), Err(Refused::NotHeld));
    assert_eq!(places(&give(&mut work, 0).0), [(2, 1)]);
}

#[test]
fn a_run_that_the_log_lost_is_let_go() {
    let mut work = lane(&["a"]);
    give(&mut work, 0);
    work.refill(&run("a"), Vec::new(), true);
    assert_eq!((work.in_flight(), work.state.held.len()), (0, 0));
}

#[test]
fn reading_on_in_a_run_leaves_the_deliveries_of_others() {
    let mut work = lane(&["a", "b", "a"]);
    let (given, _) = give(&mut work, 0);
    assert_eq!(places(&given), [(1, 1), (2, 1)]);
    // What follows in the run must be read: it is looked for from where the other run's event stands.
    work.queues.end(&run("a"));
    assert!(work.settle(&given[0].lease, &Verdict::Ack, 0, MAX_ATTEMPTS).is_ok());
    work.refill(&run("a"), vec![record("a", 3)], true);
    assert_eq!(work.holds(&given[1].lease), Ok(()));
    assert_eq!(places(&give(&mut work, 0).0), [(3, 1)]);
}

#[test]
fn a_clock_that_is_put_back_keeps_no_run_from_its_turn() {
    let mut work = lane(&["a"]);
    let (given, _) = give(&mut work, 1_000);
    let retry = Verdict::Retry { after: Duration::ZERO, reason: None };
    assert!(work.settle(&given[0].lease, &retry, 1_000, MAX_ATTEMPTS).is_ok());
    work.wake(1_000);
    assert_eq!(places(&give(&mut work, 500).0), []);
    assert_eq!(places(&give(&mut work, 1_000).0), [(1, 2)]);
}

#[test]
fn an_event_whose_letter_was_not_stored_is_given_up_again() {
    let mut work = lane(&["a"]);
    for attempt in 1..=MAX_ATTEMPTS {
        assert_eq!(places(&give(&mut work, 0).0), [(1, attempt)]);
        work.change_owner(None);
    }
    for _ in 0..2 {
        let (given, lost) = give(&mut work, 0);
        assert_eq!((given.len(), lost.len()), (0, 1));
    }
    work.buried(&run("a"), Position(1), false);
    let (given, lost) = give(&mut work, 0);
    assert_eq!((given.len(), lost.len(), work.state.held.len()), (0, 0, 0));
}

#[test]
fn a_letter_that_lives_again_waits_for_what_has_begun() {
    let mut work = lane(&["b", "a", "a"]);
    let (given, _) = give(&mut work, 0);
    assert_eq!(places(&given), [(1, 1), (2, 1)]);
    work.raise(run("a"), Some(Reopened { position: Position::ZERO, letter: Position(9) }));
    assert_eq!(work.holds(&given[1].lease), Ok(()));
    let retry = Verdict::Retry { after: Duration::ZERO, reason: None };
    assert!(work.settle(&given[1].lease, &retry, 0, MAX_ATTEMPTS).is_ok());
    work.raise(run("a"), Some(Reopened { position: Position(1), letter: Position(8) }));
    for attempt in 2..=MAX_ATTEMPTS {
        work.refill(&run("a"), vec![record("a", 2)], false);
        let (again, _) = give(&mut work, 0);
        assert_eq!(places(&again), [(2, attempt)], "its attempts stay its own");
        assert_eq!(again[0].replay_of, None, "it is no letter");
        let verdict = if attempt < MAX_ATTEMPTS { &retry } else { &Verdict::Ack };
        assert!(work.settle(&again[0].lease, verdict, 0, MAX_ATTEMPTS).is_ok());
    }
    work.refill(&run("a"), vec![record("a", 0)], false);
    let (letter, _) = give(&mut work, 0);
    assert_eq!((places(&letter), letter[0].replay_of), (vec![(0, 1)], Some(Position(9))));
}
