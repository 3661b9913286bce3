//! The memory store against a list: whatever is appended, trimmed and deleted in whatever order, every page, record
//! and gap is what walking the whole log gives.

// Clippy knows only the functions marked as tests for tests.
#![allow(clippy::unwrap_used)]

mod list;

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use headwater_store::{
    Append, Class, ClassesKey, Clock, Event, EventLog, Lane, Limits, ManualClock, Mark, MemoryOptions,
    MemoryStore, Position, ReadScope, Retention,
};
use proptest::prelude::*;

use crate::list::List;

const TENANTS: [&str; 2] = ["default", "other"];
const STREAMS: [&str; 3] = ["a", "b", "c"];
const LANES: u16 = 2;

#[derive(Debug, Clone)]
enum Step {
    /// Events: tenant, stream, class, mark; a class over 2 sends an earlier event again.
    Append(Vec<(usize, usize, u8, u8)>),
    /// Moves the clock on by so many seconds.
    Wait(i64),
    Trim,
    Remove(usize, usize),
    /// Scope, after how much of the log, limit, bytes.
    Read(usize, u8, usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let event = (0..2usize, 0..3usize, 0..4u8, prop_oneof![8 => Just(0u8), 2 => 1..5u8]);
    prop_oneof![
        6 => prop::collection::vec(event, 0..12).prop_map(Step::Append),
        2 => (0..200i64).prop_map(Step::Wait),
        1 => Just(Step::Trim),
        1 => (0..2usize, 0..3usize).prop_map(|(tenant, stream)| Step::Remove(tenant, stream)),
        8 => (0..22usize, 0..=255u8, 0..20usize, 1..4000usize).prop_map(|(s, a, l, b)| Step::Read(s, a, l, b)),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    (prop::option::of(100..400u64), prop::option::of(1..40u64), prop::option::of(200..8000u64)).prop_map(
        |(age, max_events, max_bytes)| Limits {
            max_age: age.map(Duration::from_secs),
            max_events,
            max_bytes,
        },
    )
}

fn retention() -> impl Strategy<Value = Retention> {
    let after = || prop::option::of((50..200u64).prop_map(Duration::from_secs));
    (limits(), limits(), after(), after()).prop_map(
        |(durable, transient, transient_after_end, run_after_end)| Retention {
            durable,
            transient,
            transient_after_end,
            run_after_end,
        },
    )
}

fn scope(number: usize) -> ReadScope {
    let tenant = TENANTS[number % 2].parse().unwrap();
    match number / 2 {
        n @ 0..3 => ReadScope::Stream(tenant, STREAMS[n].parse().unwrap(), ClassesKey::Visible),
        n @ 3..6 => ReadScope::Stream(tenant, STREAMS[n - 3].parse().unwrap(), ClassesKey::All),
        6 | 7 => ReadScope::Tenant(tenant),
        8 => ReadScope::Lane(Lane(u16::try_from(number % 2).unwrap())),
        n => ReadScope::TenantLane(tenant, Lane(u16::try_from(n % 2).unwrap())),
    }
}

fn event(n: usize, (tenant, stream, class, mark): (usize, usize, u8, u8)) -> Append {
    let event = Event::builder("/model", "model.v1")
        .id(n.to_string())
        .tenant(&TENANTS[tenant].parse().unwrap())
        .stream(&STREAMS[stream].parse().unwrap())
        .build()
        .unwrap();
    let (class, mark) = (Class::from_u8(class).unwrap(), Mark::from_u8(mark).unwrap());
    Append { class, mark, ..Append::new(event).unwrap() }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the memory store never waits")
}

fn run(retention: Retention, max_bytes: usize, steps: Vec<Step>) {
    let clock = ManualClock::new("2026-03-01T12:00:00Z".parse().unwrap());
    let store = MemoryStore::new(MemoryOptions {
        retention,
        max_bytes,
        lanes: LANES,
        dedup_window: Some(Duration::from_secs(100)),
        clock: Arc::new(clock.clone()),
        ..MemoryOptions::default()
    });
    let mut list = List::new(retention, max_bytes, LANES, 100_000);
    let mut sent: Vec<Append> = Vec::new();
    for step in steps {
        let now_ms = clock.now().as_millisecond();
        match step {
            Step::Append(events) => {
                let batch: Vec<_> = events
                    .into_iter()
                    .map(|one| match one {
                        (tenant, stream, 3, _) if !sent.is_empty() => {
                            sent[(tenant * 3 + stream) % sent.len()].clone()
                        }
                        (tenant, stream, class, mark) => {
                            let append = event(sent.len(), (tenant, stream, class % 3, mark));
                            sent.push(append.clone());
                            append
                        }
                    })
                    .collect();
                assert_eq!(now(store.append(batch.clone())).unwrap(), list.append(batch, now_ms));
            }
            Step::Wait(seconds) => {
                let to = now_ms + seconds * 1000;
                clock.set(jiff::Timestamp::from_millisecond(to).unwrap());
            }
            Step::Trim => {
                now(store.trim()).unwrap();
                list.trim(now_ms);
            }
            Step::Remove(tenant, stream) => {
                let (tenant, stream) = (TENANTS[tenant].parse().unwrap(), STREAMS[stream].parse().unwrap());
                assert_eq!(
                    now(store.remove(&tenant, &stream)).unwrap(),
                    list.remove(&tenant, &stream, now_ms)
                );
            }
            Step::Read(number, after, limit, bytes) => {
                let scope = scope(number);
                let after = Position(list.tail().0 * u64::from(after) / 200);
                let page = now(store.read(&scope, after, limit, bytes)).unwrap();
                let wanted = list.read(&scope, after, limit, bytes, now_ms);
                let positions: Vec<_> = page.records.iter().map(headwater_store::Record::position).collect();
                assert_eq!(
                    (positions, page.next, page.more),
                    (wanted.positions, wanted.next, wanted.more),
                    "{scope:?}"
                );
                let gaps: Vec<_> = page.gaps.iter().map(|gap| (gap.from, gap.to, gap.reason)).collect();
                assert_eq!(gaps, wanted.gaps, "{scope:?} after {after}");
            }
        }
        let now_ms = clock.now().as_millisecond();
        for tenant in TENANTS {
            let tenant = tenant.parse().unwrap();
            assert_eq!(now(store.runs(&tenant, None, 10)).unwrap(), list.runs(&tenant, now_ms));
        }
        assert_eq!(now(store.tail()).unwrap(), list.tail());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_store_is_what_walking_the_log_gives(
        retention in retention(),
        max_bytes in prop_oneof![Just(64 << 20), 4_000..60_000usize],
        steps in prop::collection::vec(step(), 1..60),
    ) {
        run(retention, max_bytes, steps);
    }
}
