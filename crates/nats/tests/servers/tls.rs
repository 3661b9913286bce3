//! TLS with a real server: by its own authority, by another one, and where only one side speaks it.

use std::{path::Path, time::Duration};

use crate::kit::events::{ids, read, scope, sized};
use headwater_nats::{NatsOptions, NatsStore};
use headwater_store::{Error, EventLog};
use headwater_test_servers::{Authority, Nats, NatsOptions as ServerOptions, aside};

async fn start(authority: &Authority) -> Nats {
    let options = ServerOptions::default().tls(authority);
    aside(move || Nats::start(options)).await.unwrap()
}

fn quick() -> NatsOptions {
    NatsOptions { timeout: Duration::from_secs(3), ..crate::kit::quiet() }
}

fn trusting(nats: &Nats, ca: &Path) -> String {
    format!("tls://{}?tls_ca={}", nats.address(), ca.display())
}

async fn refused(url: &str) -> String {
    let error = NatsStore::open(url, quick()).await.expect_err("they do not understand each other");
    assert!(matches!(error, Error::Config { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_trusted_by_its_authority_and_by_no_other() {
    let (authority, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    let nats = start(&authority).await;
    let store = NatsStore::open(&trusting(&nats, &authority.ca()), quick()).await.unwrap();
    store.append(vec![sized("a", 0, 1000)]).await.unwrap();
    let (records, _) = read(&store, &scope("a")).await;
    assert_eq!(ids(&records), ["a/0"]);

    // Another authority; those that the system knows; and none asked for, though the server wants TLS.
    for url in [trusting(&nats, &other.ca()), format!("tls://{}", nats.address()), nats.url()] {
        let text = refused(&url).await;
        assert!(
            text.contains("certificate")
                && text.contains("tls_ca")
                && text.contains(&nats.address().to_string()),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_certificates_is_told() {
    let authority = Authority::new().unwrap();
    let nats = start(&authority).await;
    for file in [authority.key(), "/nowhere/ca.pem".into()] {
        let text = refused(&trusting(&nats, &file)).await;
        assert!(text.contains(&nats.address().to_string()), "{text}");
    }
}
