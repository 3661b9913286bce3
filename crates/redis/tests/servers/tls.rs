//! TLS with a real server: by its own authority, by another one, and where only one side speaks it.

use std::path::Path;

use crate::common::{event, ids, scope};
use headwater_redis::{RedisOptions, RedisStore};
use headwater_store::{Error, EventLog, Position};
use headwater_test_servers::{Authority, Redis, RedisOptions as ServerOptions, aside, need};

async fn start(authority: &Authority) -> Option<Redis> {
    let options = ServerOptions::default().tls(authority).unwrap();
    aside(move || need(Redis::start(options))).await
}

async fn refused(url: &str) -> Error {
    let options =
        RedisOptions { response_timeout: std::time::Duration::from_secs(2), ..RedisOptions::default() };
    RedisStore::connect(url, options).await.expect_err("they do not understand each other")
}

fn trusting(url: &str, ca: &Path) -> String {
    format!("{url}?tls_ca={}", ca.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_trusted_by_its_authority_and_by_no_other() {
    let (authority, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    let Some(redis) = start(&authority).await else { return };
    let url = redis.tls_url().unwrap();

    let store = RedisStore::connect(&trusting(&url, &authority.ca()), RedisOptions::default()).await.unwrap();
    store.append(vec![event("a", 0)]).await.unwrap();
    let page = store.read(&scope("a"), Position::ZERO, 10, 1 << 20).await.unwrap();
    assert_eq!(ids(&page.records), ["a/0"]);
    let options = RedisOptions { tls_ca: Some(authority.ca()), ..RedisOptions::default() };
    RedisStore::connect(&url, options).await.unwrap();

    // Another authority, and those that the system knows.
    for url in [trusting(&url, &other.ca()), url.clone()] {
        let error = refused(&url).await;
        assert!(matches!(error, Error::Config { .. }), "{error:?}");
        let text = error.to_string();
        let server = url.split("://").nth(1).unwrap().split('?').next().unwrap();
        assert!(text.contains("certificate") && text.contains("tls_ca") && text.contains(server), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_on_one_side_only_is_told() {
    let authority = Authority::new().unwrap();
    let Some(redis) = start(&authority).await else { return };
    let plain = redis.url().replace("redis://", "rediss://");
    let secure = redis.tls_url().unwrap().replace("rediss://", "redis://");
    for (url, server) in [(trusting(&plain, &authority.ca()), plain), (secure.clone(), secure)] {
        let text = refused(&url).await.to_string();
        assert!(text.contains(server.split("://").nth(1).unwrap()), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_certificates_is_told() {
    let authority = Authority::new().unwrap();
    for file in [authority.key(), "/nowhere/ca.pem".into()] {
        let error = refused(&trusting("rediss://127.0.0.1:1", &file)).await;
        assert!(matches!(error, Error::Config { .. }), "{error:?}");
        assert!(error.to_string().contains(&file.display().to_string()), "{error}");
    }
}
