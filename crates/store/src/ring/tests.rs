use futures_util::{FutureExt, StreamExt};
use headwater_events::{Class, Event, Mark};
use jiff::Timestamp;

use super::*;
use crate::FollowItem;

fn record(tenant: &str, stream: &str, position: u64) -> Record {
    let event = Event::builder("/t", "x.y.v1")
        .tenant(&tenant.parse().unwrap())
        .stream(&stream.parse().unwrap())
        .build()
        .unwrap();
    Record::new(event, Position(position), Timestamp::UNIX_EPOCH, Class::Durable, Mark::None)
}

fn batch(tenant: &str, positions: impl IntoIterator<Item = u64>) -> Arc<[Record]> {
    positions.into_iter().map(|p| record(tenant, "s", p)).collect()
}

/// Everything that is ready, in short: positions, and gaps as `from..to`. `.` at the end stands for the end.
fn ready(follow: &mut Follow) -> String {
    let mut out = Vec::new();
    while let Some(item) = follow.next().now_or_never() {
        match item {
            Some(Ok(FollowItem::Batch(batch))) => out.extend(batch.iter().map(|r| r.position().to_string())),
            Some(Ok(FollowItem::Gap(gap))) => out.push(format!("{}..{} {}", gap.from, gap.to, gap.reason)),
            Some(Ok(FollowItem::Deleted { tenant, stream, to })) => {
                out.push(format!("{tenant}/{stream} deleted to {to}"));
            }
            Some(Err(error)) => panic!("{error}"),
            None => {
                out.push(".".to_owned());
                break;
            }
        }
    }
    out.join(" ")
}

fn all(ring: &Ring, after: u64) -> Follow {
    ring.follow(FollowScope::All, 8, Position(after))
}

#[test]
fn followers_read_from_their_place_and_go_on() {
    let ring = Ring::new(Position(10), 1 << 20);
    ring.push(batch("a", 11..=13));
    let (mut start, mut inside, mut end, mut ahead) =
        (all(&ring, 10), all(&ring, 12), all(&ring, 13), all(&ring, 15));
    assert_eq!(ready(&mut start), "11 12 13");
    assert_eq!(ready(&mut inside), "13");
    assert_eq!(ready(&mut end), "");
    ring.push(batch("a", [15, 17]));
    assert_eq!(ready(&mut start), "15 17");
    assert_eq!(ready(&mut inside), "15 17");
    assert_eq!(ready(&mut end), "15 17");
    assert_eq!(ready(&mut ahead), "17");
    assert_eq!(ring.tail(), Position(17));
}

#[test]
fn a_whole_batch_is_shared() {
    let ring = Ring::new(Position::ZERO, 1 << 20);
    let pushed = batch("a", 1..=3);
    ring.push(Arc::clone(&pushed));
    for mut follow in
        [all(&ring, 0), ring.follow(FollowScope::Tenant("a".parse().unwrap()), 8, Position::ZERO)]
    {
        let Some(Some(Ok(FollowItem::Batch(got)))) = follow.next().now_or_never() else { panic!("no batch") };
        assert!(Arc::ptr_eq(&pushed, &got));
    }
}

#[test]
fn scopes_are_filtered() {
    let ring = Ring::new(Position::ZERO, 1 << 20);
    ring.push([record("a", "s", 1), record("b", "s", 2), record("a", "t", 3)].into());
    ring.push(batch("b", [4]));
    ring.push(batch("a", [5]));
    let tenant = |name: &str| ring.follow(FollowScope::Tenant(name.parse().unwrap()), 8, Position::ZERO);
    assert_eq!(ready(&mut tenant("a")), "1 3 5");
    assert_eq!(ready(&mut tenant("b")), "2 4");
    assert_eq!(ready(&mut tenant("c")), "");
    let lane = record("a", "s", 1).lane(8);
    let got = ready(&mut ring.follow(FollowScope::Lane(lane), 8, Position::ZERO));
    assert!(got.starts_with('1') && got.ends_with('5'), "{got}");
}

#[test]
fn what_is_too_old_is_one_gap() {
    let ring = Ring::new(Position(100), 1 << 20);
    ring.push(batch("a", [101]));
    assert_eq!(ready(&mut all(&ring, 0)), "0..100 overflow 101");
    assert_eq!(ready(&mut all(&ring, 99)), "99..100 overflow 101");
    assert_eq!(ready(&mut all(&ring, 100)), "101");
    let empty = Ring::new(Position(100), 1 << 20);
    assert_eq!(ready(&mut all(&empty, 7)), "7..100 overflow");
}

#[test]
fn a_slow_follower_gets_one_gap_and_goes_on() {
    let one = record("a", "s", 1).weight();
    let ring = Ring::new(Position::ZERO, 4 * (one + 200));
    let (mut slow, mut other) =
        (all(&ring, 0), ring.follow(FollowScope::Tenant("b".parse().unwrap()), 8, Position(0)));
    ring.push(batch("a", [1]));
    assert_eq!(ready(&mut slow), "1");
    for p in 2..=50 {
        ring.push(batch("a", [p]));
    }
    let floor = ring.floor().0;
    assert!((40..50).contains(&floor), "{floor}");
    let rest: Vec<_> = (floor + 1..=50).map(|p| p.to_string()).collect();
    assert_eq!(ready(&mut slow), format!("1..{floor} overflow {}", rest.join(" ")));
    assert_eq!(ready(&mut slow), "");
    assert_eq!(ready(&mut other), format!("0..{floor} overflow"));
    // A batch that is larger than the ring is kept all the same.
    ring.push(batch("a", 51..=99));
    assert_eq!(ready(&mut slow).split(' ').count(), 49);
    assert_eq!(ring.floor(), Position(50));
}

#[test]
fn a_follower_that_keeps_up_has_no_gap() {
    let ring = Ring::new(Position::ZERO, 1);
    let mut follow = all(&ring, 0);
    for p in 1..100 {
        ring.push(batch("a", [p]));
        assert_eq!(ready(&mut follow), p.to_string());
    }
}

#[test]
fn what_the_log_lost_is_told_in_its_place() {
    let ring = Ring::new(Position::ZERO, 1 << 20);
    ring.push(batch("a", [1]));
    ring.lost(Position(1), Position(1000), GapReason::Lost);
    ring.push(batch("b", [1001]));
    assert_eq!(ready(&mut all(&ring, 0)), "1 1..1000 lost 1001");
    assert_eq!(ready(&mut all(&ring, 500)), "500..1000 lost 1001");
    assert_eq!(ready(&mut all(&ring, 1000)), "1001");
    let mut scoped = ring.follow(FollowScope::Tenant("c".parse().unwrap()), 8, Position::ZERO);
    assert_eq!(ready(&mut scoped), "1..1000 lost");
}

#[test]
fn a_forgotten_stream_is_not_delivered() {
    let ring = Ring::new(Position::ZERO, 1 << 20);
    ring.push([record("a", "s", 1), record("a", "t", 2), record("b", "s", 3)].into());
    ring.push(batch("a", [4]));
    ring.forget(&"a".parse().unwrap(), &"s".parse().unwrap());
    assert_eq!(ready(&mut all(&ring, 0)), "2 3 a/s deleted to 4");
    ring.push(batch("a", [5]));
    assert_eq!(ready(&mut all(&ring, 4)), "5");
    assert_eq!(ready(&mut all(&ring, 3)), "a/s deleted to 4 5");
    let mut other = ring.follow(FollowScope::Tenant("b".parse().unwrap()), 8, Position(3));
    assert_eq!(ready(&mut other), "");
}

#[test]
fn closing_ends_followers_after_what_is_kept() {
    let ring = Ring::new(Position::ZERO, 1 << 20);
    let (mut first, mut second) = (all(&ring, 0), all(&ring, 0));
    ring.push(batch("a", [1]));
    ring.close();
    ring.push(batch("a", [2]));
    assert_eq!(ready(&mut first), "1 .");
    drop(ring);
    assert_eq!(ready(&mut second), "1 .");
}

#[tokio::test]
async fn a_push_and_the_close_wake_those_who_wait() {
    let ring = Ring::new(Position::ZERO, 1 << 20);
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let follow = all(&ring, 0);
            tokio::spawn(async move { follow.count().await })
        })
        .collect();
    for p in 1..=100 {
        ring.push(batch("a", [p]));
        tokio::task::yield_now().await;
    }
    drop(ring);
    for task in tasks {
        assert_eq!(task.await.unwrap(), 100);
    }
}
