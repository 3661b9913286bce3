//! TLS and SCRAM with a real server, and what is said where the two do not fit.
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

/// A server whose second listener, behind the proxy, speaks TLS, and asks for a user if the protocol has one.
fn start(folder: &Path, proxy: &Proxy, protocol: &str) -> Kafka {
    make_key(folder);
    let key = folder.join("key.p12").display().to_string();
    let login = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let map = format!("CLIENT:PLAINTEXT,PROXIED:{protocol},CONTROLLER:PLAINTEXT");
    let options = headwater_test_servers::KafkaOptions::default()
        .behind(proxy)
        .property("listener.security.protocol.map", &map)
        .property("listener.name.proxied.sasl.enabled.mechanisms", "SCRAM-SHA-256,SCRAM-SHA-512")
        .property("listener.name.proxied.scram-sha-256.sasl.jaas.config", login)
        .property("listener.name.proxied.scram-sha-512.sasl.jaas.config", login)
        .property("ssl.keystore.type", "PKCS12")
        .property("ssl.keystore.location", &key)
        .property("ssl.keystore.password", "changeit")
        .property("ssl.key.password", "changeit");
    Kafka::start(options).expect("a server")
}

/// Appends an event and closes.
async fn use_once(url: &str) {
    let store = open(url).await.expect("it opens");
    let event = Event::builder("/test", "test.event.v1").tenant(&Tenant::default());
    let event = event.stream(&"a".parse().expect("a name")).build().expect("an event");
    store.append(vec![Append::new(event).expect("an event")]).await.expect("an append");
    store.close().await.expect("it closes");
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
    let kafka = aside(move || start(&path, &front, "SSL")).await;
    let (secure, plain) = (proxy.address(), kafka.address());
    let ca = folder.path().join("ca.pem").display().to_string();

    use_once(&format!("kafka://{secure}?tls=true&ca={ca}")).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn scram_over_tls_works_and_a_wrong_password_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let proxy = Proxy::unaimed().expect("a proxy");
    let (path, front) = (folder.path().to_owned(), proxy.clone());
    let kafka = aside(move || start(&path, &front, "SASL_SSL")).await;
    let _kafka = aside(move || {
        let users = "SCRAM-SHA-256=[password=right],SCRAM-SHA-512=[password=right]";
        let user = ["--alter", "--entity-type", "users", "--entity-name", "me", "--add-config", users];
        kafka.tool("kafka.admin.ConfigCommand", &user).map(|_| kafka)
    })
    .await
    .expect("a user");
    let ca = folder.path().join("ca.pem").display().to_string();
    let url =
        |login: &str, sasl: &str| format!("kafka://{login}@{}?tls=true&ca={ca}&sasl={sasl}", proxy.address());
    for sasl in ["scram-sha-256", "scram-sha-512"] {
        use_once(&url("me:right", sasl)).await;
    }
    for (login, sasl) in
        [("me:secret", "scram-sha-512"), ("you:secret", "scram-sha-256"), ("me:secret", "plain")]
    {
        let error = open(&url(login, sasl)).await.expect_err("nobody comes in so");
        println!("{login} {sasl}: {error}");
        assert!(matches!(error, Error::Config { .. }), "{error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
