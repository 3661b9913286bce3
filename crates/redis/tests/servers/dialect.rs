//! The dialect that plain Redis clients read, read by `redis-cli`.

use headwater_events::Event;
use headwater_redis::{PlainStreams, RedisOptions as Options};
use headwater_test_servers::{Redis, RedisOptions, aside, need};

fn event(n: usize, ty: &str) -> Event {
    let builder = Event::builder("/agents/coordinator", ty).id(format!("e-{n}")).subject("wf-42");
    builder.data(&serde_json::json!({ "n": n })).build().unwrap()
}

/// One command of `redis-cli`, its answer as JSON.
fn cli(redis: &Redis, words: &[&str]) -> serde_json::Value {
    let port = redis.address().port().to_string();
    let output =
        std::process::Command::new("redis-cli").args(["-p", &port, "--json"]).args(words).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_groups_read_what_was_written_once() {
    let Some(redis) = aside(|| need(Redis::start(RedisOptions::default()))).await else { return };
    let streams = PlainStreams::open(&redis.url(), &Options::default()).await.unwrap();
    let events = [
        event(0, "workflow.started.v1"),
        event(1, "workflow.progressed.v1"),
        event(2, "workflow.started.v1"),
    ];
    let version = streams.write(&events, "to-plain", None, b"place").await.unwrap();
    assert!(
        streams.write(&events, "to-plain", None, b"place").await.is_err(),
        "one that does not know is refused"
    );
    assert_eq!(streams.mark("to-plain").await.unwrap(), Some((version, "place".into())));
    aside(move || {
        let key = "events:workflow.started";
        cli(&redis, &["XGROUP", "CREATE", key, "db_writers", "0"]);
        let read =
            cli(&redis, &["XREADGROUP", "GROUP", "db_writers", "w1", "COUNT", "10", "STREAMS", key, ">"]);
        let entries = read[key].as_array().unwrap().clone();
        assert_eq!(entries.len(), 2);
        for (n, entry) in [0, 2].into_iter().zip(entries) {
            assert_eq!(entry[1][0], "data");
            let data: serde_json::Value = serde_json::from_str(entry[1][1].as_str().unwrap()).unwrap();
            assert_eq!(
                (data["id"].as_str(), data["type"].as_str()),
                (Some(&*format!("e-{n}")), Some("workflow.started"))
            );
            assert_eq!((data["workflow_id"].as_str(), data["data"]["n"].as_i64()), (Some("wf-42"), Some(n)));
            let id = entry[0].as_str().unwrap();
            assert_eq!(cli(&redis, &["XACK", key, "db_writers", id]), 1);
        }
        let other = cli(&redis, &["XLEN", "events:workflow.progressed"]);
        assert_eq!(other, 1);
    })
    .await;
}
