//! What a worker does with what its handler says.
#![allow(clippy::unwrap_used)]

mod kit;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use headwater_events::upcast::Upcasters;
use headwater_worker::{Action, Context, Failure, Kind, Policy, Routes, handler_fn};
use kit::{Seen, broker, letters, ms, note, publish, settled, typed, worker};
use tokio::sync::oneshot;

/// Runs a worker until a group has nothing open, and stops it.
macro_rules! run {
    ($broker:expr, $name:literal, $worker:expr) => {{
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn($worker.run(async move {
            let _ = stopped.await;
        }));
        settled(&$broker, $name).await;
        stop.send(()).expect("it runs");
        running.await.expect("no panic").expect("no error")
    }};
}

#[tokio::test]
async fn what_succeeds_is_acked_once_in_the_order_of_its_run() {
    let broker = broker().await;
    let events: Vec<_> = (0..20).flat_map(|n| ["a", "b", "c"].map(|run| note(run, n))).collect();
    publish(&broker, &events).await;
    let seen: Seen = Arc::default();
    let log = Arc::clone(&seen);
    let handler = handler_fn(move |event, context: Context| {
        let log = Arc::clone(&log);
        async move {
            log.lock().unwrap().push((event.id().to_owned(), context.attempt()));
            Ok(())
        }
    });
    let report = run!(broker, "plain", worker(broker.clone(), "plain").build(handler).unwrap());
    assert_eq!((report.succeeded, report.failed, report.lost, report.unsettled), (60, 0, 0, 0));
    let seen = seen.lock().unwrap();
    for run in ["a", "b", "c"] {
        let ids: Vec<_> =
            seen.iter().filter(|(id, _)| id.starts_with(run)).map(|(id, _)| id.clone()).collect();
        assert_eq!(ids, (0..20).map(|n| format!("{run}/{n}")).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_run_that_fails_keeps_its_order_and_delays_no_other() {
    let broker = broker().await;
    let events: Vec<_> = (0..10).flat_map(|n| ["a", "b"].map(|run| note(run, n))).collect();
    publish(&broker, &events).await;
    let seen: Seen = Arc::default();
    let log = Arc::clone(&seen);
    let handler = handler_fn(move |event, context: Context| {
        let log = Arc::clone(&log);
        async move {
            log.lock().unwrap().push((event.id().to_owned(), context.attempt()));
            if event.stream() == "a" && context.attempt() < 3 {
                Err(Failure::retry("not yet"))
            } else {
                Ok(())
            }
        }
    });
    let report = run!(broker, "retry", worker(broker.clone(), "retry").build(handler).unwrap());
    assert_eq!((report.succeeded, report.failed), (20, 20));
    let seen = seen.lock().unwrap().clone();
    let of = |run: &str| seen.iter().filter(|(id, _)| id.starts_with(run)).cloned().collect::<Vec<_>>();
    let want: Vec<_> =
        (0..10).flat_map(|n| (1..=3).map(move |attempt| (format!("a/{n}"), attempt))).collect();
    assert_eq!(of("a"), want, "attempts count up, and nothing passes what is retried");
    let last_of_b = seen.iter().rposition(|(id, _)| id.starts_with('b')).unwrap();
    let last_of_a = seen.iter().rposition(|(id, _)| id.starts_with('a')).unwrap();
    assert!(last_of_b < last_of_a, "the other run was done before");
    assert!(letters(&broker, "retry").await.is_empty());
}

#[tokio::test]
async fn each_kind_of_failure_ends_as_its_policy_says() {
    let broker = broker().await;
    let runs = ["panic", "reject", "named", "fine"];
    publish(&broker, &runs.map(|run| note(run, 0))).await;
    let calls: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
    let counted = Arc::clone(&calls);
    let handler = handler_fn(move |event, _| {
        *counted.lock().unwrap().entry(event.stream().to_owned()).or_default() += 1;
        async move {
            match event.stream() {
                "panic" => panic!("the handler's own fault"),
                "reject" => Err(Failure::reject("never")),
                "named" => Err(Failure::new(Kind::Named("database-down"), "no route")),
                _ => Ok(()),
            }
        }
    });
    let policy = Policy::new()
        .backoff(headwater_worker::Backoff::new(ms(1), ms(2)))
        .on(Kind::Named("database-down"), Action::Reject);
    run!(broker, "kinds", worker(broker.clone(), "kinds").policy(policy).build(handler).unwrap());
    let reasons: HashMap<_, _> = letters(&broker, "kinds")
        .await
        .into_iter()
        .map(|letter| (letter.event.stream().to_owned(), (letter.reason, letter.attempts)))
        .collect();
    assert_eq!(reasons["panic"], ("handler-panicked: the handler's own fault".to_owned(), 3));
    assert_eq!(reasons["reject"], ("rejected: never".to_owned(), 1));
    assert_eq!(reasons["named"], ("database-down: no route".to_owned(), 1));
    assert_eq!(reasons.len(), 3);
    let calls = calls.lock().unwrap();
    assert_eq!((calls["panic"], calls["reject"], calls["named"], calls["fine"]), (3, 1, 1, 1));
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Order {
    total: u64,
    currency: String,
}

#[tokio::test]
async fn what_cannot_be_decoded_is_a_dead_letter_at_once_and_old_versions_are_brought_up() {
    let broker = broker().await;
    let json = |text: &str| serde_json::from_str(text).expect("JSON");
    publish(
        &broker,
        &[
            typed("old", 0, "order.placed.v1", &json(r#"{"total":3}"#)),
            typed("new", 0, "order.placed.v2", &json(r#"{"total":4,"currency":"USD"}"#)),
            typed("odd", 0, "order.placed.v2", &json(r#"{"total":"many"}"#)),
            typed("far", 0, "order.placed.v3", &json("{}")),
            typed("else", 0, "order.shipped.v1", &json("{}")),
        ],
    )
    .await;
    let orders: Arc<Mutex<Vec<(u64, String)>>> = Arc::default();
    let log = Arc::clone(&orders);
    let upcasters = Upcasters::new()
        .with("order.placed.v1", "order.placed.v2", |mut data| {
            data["currency"] = "EUR".into();
            Ok(data)
        })
        .unwrap();
    let routes = Routes::new().upcasters(upcasters).on_type(
        "order.placed.v2",
        handler_fn(move |event, _| {
            let log = Arc::clone(&log);
            async move {
                let order: Order =
                    event.data_as().map_err(|e| Failure::new(Kind::Undecodable, e.to_string()))?;
                log.lock().unwrap().push((order.total, order.currency));
                Ok(())
            }
        }),
    );
    run!(broker, "typed", worker(broker.clone(), "typed").build(routes).unwrap());
    let mut orders = orders.lock().unwrap().clone();
    orders.sort();
    assert_eq!(orders, [(3, "EUR".to_owned()), (4, "USD".to_owned())]);
    let mut reasons: Vec<_> = letters(&broker, "typed")
        .await
        .into_iter()
        .map(|letter| (letter.event.stream().to_owned(), letter.reason, letter.attempts))
        .collect();
    reasons.sort();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].1.starts_with("unknown-version: `order.placed.v3`"), "{reasons:?}");
    assert!(reasons[1].1.starts_with("undecodable: "), "{reasons:?}");
    assert!(reasons.iter().all(|(_, _, attempts)| *attempts == 1));
}

#[tokio::test]
async fn many_runs_are_handled_at_once_and_one_run_never_is() {
    let broker = broker().await;
    let events: Vec<_> = (0..3).flat_map(|n| (0..8).map(move |run| note(&format!("r{run}"), n))).collect();
    publish(&broker, &events).await;
    let (at_once, most) =
        (Arc::new(Mutex::new(HashMap::<String, usize>::new())), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (Arc::clone(&at_once), Arc::clone(&most));
    let handler = handler_fn(move |event, _| {
        let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
        async move {
            let all = {
                let mut now = now.lock().unwrap();
                let run = now.entry(event.stream().to_owned()).or_default();
                *run += 1;
                assert_eq!(*run, 1, "one event of a run at a time");
                now.values().sum()
            };
            peak.fetch_max(all, Ordering::SeqCst);
            tokio::time::sleep(ms(30)).await;
            *now.lock().unwrap().get_mut(event.stream()).unwrap() -= 1;
            Ok(())
        }
    });
    let report = run!(broker, "wide", worker(broker.clone(), "wide").concurrency(4).build(handler).unwrap());
    assert_eq!(report.succeeded, 24);
    let most = most.load(Ordering::SeqCst);
    assert!((2..=4).contains(&most), "at most as many as there are slots: {most}");
}

#[tokio::test]
async fn one_poison_among_many_holds_up_nothing() {
    let broker = broker().await;
    let events: Vec<_> = (0..10_000).map(|n| note(&format!("r{}", n % 2_000), n / 2_000)).collect();
    publish(&broker, &events).await;
    let handler = handler_fn(|event, _| async move {
        if event.id() == "r77/1" { Err(Failure::retry("poison")) } else { Ok(()) }
    });
    let report =
        run!(broker, "poison", worker(broker.clone(), "poison").concurrency(500).build(handler).unwrap());
    assert_eq!((report.succeeded, report.failed), (9_999, 3));
    let letters = letters(&broker, "poison").await;
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].event.id(), letters[0].attempts), ("r77/1", 3));
}
