//! TLS with a real server, and without it on one side only.
#![cfg(feature = "tls")]

use std::{path::Path, process::Command, time::Duration};

use headwater_kafka::{KafkaOptions, KafkaStore};
use headwater_store::{Append, Error, Event, EventLog, Tenant};
use headwater_test_servers::{Kafka, Proxy, aside};

/// Makes a key of a server at 127.0.0.1 that vouches for itself, and gives what it must be trusted by.
fn make_key(folder: &Path) {
    let run = |args: &[&str]| {
        let out = Command::new("keytool").args(args).current_dir(folder).output().expect("keytool");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    };
    let store =
        ["-keystore", "key.p12", "-storetype", "PKCS12", "-storepass", "changeit", "-alias", "server"];
    let key = ["-genkeypair", "-keyalg", "EC", "-dname", "CN=127.0.0.1", "-ext", "SAN=IP:127.0.0.1"];
    run(&[&key[..], &store[..]].concat());
    run(&[&["-exportcert", "-rfc", "-file", "ca.pem"][..], &store[..]].concat());
}

/// A server whose second listener, behind the proxy, speaks TLS.
fn start(folder: &Path, proxy: &Proxy) -> Kafka {
    make_key(folder);
    let key = folder.join("key.p12").display().to_string();
    let options = headwater_test_servers::KafkaOptions::default()
        .behind(proxy)
        .property("listener.security.protocol.map", "CLIENT:PLAINTEXT,PROXIED:SSL,CONTROLLER:PLAINTEXT")
        .property("ssl.keystore.type", "PKCS12")
        .property("ssl.keystore.location", &key)
        .property("ssl.keystore.password", "changeit")
        .property("ssl.key.password", "changeit");
    Kafka::start(options).expect("a server")
}

async fn open(url: &str) -> Result<KafkaStore, Error> {
    let mut options = KafkaOptions::from_url(url).expect("a URL");
    (options.lanes, options.request_timeout) = (2, Duration::from_secs(5));
    KafkaStore::open(options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_works_and_its_absence_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let proxy = Proxy::unaimed().expect("a proxy");
    let (path, front) = (folder.path().to_owned(), proxy.clone());
    let kafka = aside(move || start(&path, &front)).await;
    let (secure, plain) = (proxy.address(), kafka.address());
    let ca = folder.path().join("ca.pem").display().to_string();

    let store = open(&format!("kafka://{secure}?tls=true&ca={ca}")).await.expect("it opens");
    let event = Event::builder("/test", "test.event.v1").tenant(&Tenant::default());
    let event = event.stream(&"a".parse().expect("a name")).build().expect("an event");
    store.append(vec![Append::new(event).expect("an event")]).await.expect("an append");
    store.close().await.expect("it closes");

    for (url, word) in [
        (format!("kafka://{secure}?tls=true"), "tls"),
        (format!("kafka://{plain}?tls=true&ca={ca}"), "tls"),
        (format!("kafka://{secure}"), "tls"),
    ] {
        let error = open(&url).await.expect_err("they do not understand each other").to_string();
        println!("{url}: {error}");
        assert!(error.to_lowercase().contains(word), "{url}: {error}");
    }
}
