//! A thin end to end.
mod kit;
use headwater_store::{suite::{Fixture, Setup}, *};
use std::{sync::Arc, time::{Duration, Instant}};
use futures_util::StreamExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn smoke() {
    let setup = Setup { clock: Arc::new(SystemClock), retention: Retention::default(), lanes: 8, dedup_window: Duration::from_secs(1) };
    let fixture = kit::OnKafka::new();
    let t = Instant::now();
    let store = fixture.open(&setup).await;
    println!("server + open {:?}", t.elapsed());
    let tenant: Tenant = "default".parse().unwrap();
    let stream: StreamName = "a".parse().unwrap();
    let lane = headwater_events::lane_of("default", "a", 8);
    let mut follow = store.follow(&FollowScope::Lane(lane), Position::ZERO).await.unwrap();
    let one = |n: usize| {
        let event = Event::builder("/s", "x.y.v1").id(format!("{n}")).tenant(&tenant).stream(&stream).data(&serde_json::json!({"n": n})).build().unwrap();
        Append::new(event).unwrap()
    };
    for n in 0..5 {
        let t = Instant::now();
        let a = store.append(vec![one(n)]).await.unwrap();
        let b = t.elapsed();
        let got = follow.next().await.unwrap().unwrap();
        println!("{a:?} in {b:?}, followed {:?}: {got:?}", t.elapsed());
        let t = Instant::now();
        let run = store.run(&tenant, &stream).await.unwrap();
        println!("{run:?} {:?}", t.elapsed());
        let t = Instant::now();
        let page = store.read(&ReadScope::Stream(tenant.clone(), stream.clone(), ClassesKey::All), Position::ZERO, 10, 1000).await.unwrap();
        println!("{} {:?} {} {:?}", page.records.len(), page.next, page.more, t.elapsed());
    }
    let t = Instant::now();
    let v = store.put("k", "v".into(), None).await.unwrap();
    println!("{v:?} {:?}", t.elapsed());
    let t = Instant::now();
    let v = store.put("k", "w".into(), Some(v)).await.unwrap();
    println!("{v:?} {:?}", t.elapsed());
    let t = Instant::now();
    println!("{:?} {:?}", store.get("k").await, t.elapsed());
    println!("{:?}", store.put("k", "w".into(), None).await);
    println!("{:?}", store.list("", None, 10).await);
    let t = Instant::now();
    store.close().await.unwrap();
    println!("closed {:?}", t.elapsed());
    drop(store);
    let t = Instant::now();
    let store = fixture.open(&setup).await;
    println!("open {:?} {:?}", t.elapsed(), store.get("k").await);
    let t = Instant::now();
    let page = store.read(&ReadScope::Stream(tenant.clone(), stream.clone(), ClassesKey::All), Position::ZERO, 10, 1000).await.unwrap();
    println!("{} {:?} {} {:?}", page.records.len(), page.next, page.more, t.elapsed());
    store.close().await.unwrap();
}
