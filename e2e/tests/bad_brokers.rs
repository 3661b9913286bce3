//! Brokers that cannot work, and input that they cannot take: the server ends with 64, or says what is wrong, and names
//! the broker without its credentials.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use headwater_e2e::{Chance, Server, get, publish, refusal};
use headwater_test_servers::{
    Error, Kafka, KafkaOptions, Nats, NatsOptions, Redis, RedisOptions, Sentinel, need,
};

/// The configuration must be changed.
const CONFIG: i32 = 64;
/// Trying again may help: nobody answers.
const AWAY: i32 = 1;

/// The server gives up with `code` and says all of `words`, among them where the broker is, and no password.
fn refuses(broker: &str, code: i32, words: &[&str]) {
    let refusal = refusal(broker).expect("a refusal");
    assert_eq!(refusal.code, Some(code), "{broker}: {}", refusal.said);
    let said = refusal.said.to_lowercase();
    for word in words {
        assert!(said.contains(&word.to_lowercase()), "{broker}: `{word}` is not said: {}", refusal.said);
    }
    assert!(!said.contains("s3cret"), "{broker}: the password is shown: {}", refusal.said);
}

fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

/// A server that answers each connection with `talk`, for as long as the test program runs.
fn fake(talk: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let talk = talk.clone();
            thread::spawn(move || talk(socket));
        }
    });
    address
}

/// Whether the program under test has what a URL names; where it has not, the test is skipped as if the server were
/// missing.
fn built(feature: &str) -> Option<()> {
    let refusal = refusal(&format!("{feature}://{}", nobody())).expect("a refusal");
    need(match refusal.said.contains("is not part of this build") {
        true => Err(Error::Missing(format!("the headwater under test was built without `{feature}`"))),
        false => Ok(()),
    })
}

#[test]
fn redis_that_cannot_work() {
    if built("redis").is_none() {
        return;
    }
    let away = nobody();
    refuses(&format!("redis://:s3cret@{away}"), AWAY, &[&away.to_string()]);
    refuses("redis://:s3cret@127.0.0.1:1/nodb", CONFIG, &["url"]);
    refuses("redis+sentinel://:s3cret@127.0.0.1:1", CONFIG, &["master"]);

    let Some(redis) = need(Redis::start(RedisOptions::default().password("0pen"))) else { return };
    let at = redis.address().to_string();
    refuses(&format!("redis://:s3cret@{at}"), CONFIG, &["password", &at]);
    refuses(&format!("redis://{at}"), CONFIG, &["password", &at]);
    refuses(&format!("rediss://:s3cret@{at}"), AWAY, &["tls", &at]);

    let cluster = Redis::start(RedisOptions::default().cluster()).unwrap();
    refuses(&cluster.url(), CONFIG, &["cluster", &cluster.address().to_string()]);
    let evicts = Redis::start(RedisOptions::default().maxmemory_policy("allkeys-lru")).unwrap();
    refuses(&evicts.url(), CONFIG, &["maxmemory-policy", "noeviction", &evicts.address().to_string()]);

    let pair = Sentinel::start().unwrap();
    refuses(&pair.replica().url(), CONFIG, &["replica", &pair.replica().address().to_string()]);
    let sentinel = pair.sentinel().address();
    refuses(&format!("redis+sentinel://{sentinel}/nobody"), CONFIG, &["nobody", &sentinel.to_string()]);
}

#[test]
fn redis_that_is_too_old() {
    if built("redis").is_none() {
        return;
    }
    let old = fake(|socket| {
        let mut lines = BufReader::new(socket.try_clone()?).lines();
        let mut socket = socket;
        let mut next = move || lines.next().unwrap_or_else(|| Ok(String::new()));
        loop {
            let head = next()?;
            let Some(words) = head.strip_prefix('*').and_then(|count| count.parse::<u32>().ok()) else {
                return Ok(());
            };
            let mut command = Vec::new();
            for _ in 0..words {
                next()?;
                command.push(next()?.to_lowercase());
            }
            let info = "redis_version:5.0.7\r\nredis_mode:standalone\r\nrole:master\r\n";
            match command[0].as_str() {
                "info" => write!(socket, "${}\r\n{info}\r\n", info.len())?,
                "config" => write!(socket, "*0\r\n")?,
                // As that one answers to what came later.
                "hello" | "client" => write!(socket, "-ERR unknown command `{}`\r\n", command[0])?,
                _ => write!(socket, "+OK\r\n")?,
            }
        }
    });
    refuses(&format!("redis://{old}"), CONFIG, &["5.0.7", "6.2", &old.to_string()]);
}

#[test]
fn nats_that_cannot_work() {
    if built("nats").is_none() {
        return;
    }
    let away = nobody();
    refuses(&format!("nats://me:s3cret@{away}"), AWAY, &[&away.to_string()]);
    refuses("nats://me:s3cret@127.0.0.1:1/path", CONFIG, &["nats url"]);
    refuses("nats://me:s3cret@127.0.0.1:1?speed=high", CONFIG, &["speed"]);

    let old = fake(|mut socket| {
        let info = r#"{"server_id":"OLD","server_name":"old","version":"2.8.4","go":"go1.19","host":"127.0.0.1","port":4222,"headers":true,"max_payload":1048576,"proto":1,"jetstream":true}"#;
        write!(socket, "INFO {info}\r\n")?;
        for line in BufReader::new(socket.try_clone()?).lines() {
            if line? == "PING" {
                write!(socket, "PONG\r\n")?;
            }
        }
        Ok(())
    });
    refuses(&format!("nats://{old}"), CONFIG, &["2.8.4", "2.10", &old.to_string()]);

    let locked = NatsOptions::default().user("me", "0pen");
    let Some(nats) = need(Nats::start(locked)) else { return };
    let at = nats.address().to_string();
    refuses(&format!("nats://me:s3cret@{at}"), CONFIG, &["password", &at]);
    refuses(&format!("nats://{at}"), CONFIG, &["password", &at]);
    refuses(&format!("tls://me:s3cret@{at}"), CONFIG, &["tls", &at]);

    let bare = Nats::start(NatsOptions::default().jetstream(false)).unwrap();
    refuses(&bare.url(), CONFIG, &["jetstream", &bare.address().to_string()]);
    let reads = r#"authorization { users: [
        { user: "reader", password: "s3cret", permissions: { publish: "none", subscribe: ">" } }
    ] }"#;
    let reads = Nats::start(NatsOptions::default().config(reads)).unwrap();
    let at = reads.address();
    refuses(&format!("nats://reader:s3cret@{at}"), CONFIG, &["permission", &at.to_string()]);
}

#[test]
fn kafka_that_cannot_work() {
    if built("kafka").is_none() {
        return;
    }
    let away = nobody();
    refuses(&format!("kafka://me:s3cret@{away}"), AWAY, &[&away.to_string()]);
    refuses("kafka://me:s3cret@127.0.0.1:port", CONFIG, &["port"]);
    refuses("kafka://me:s3cret@127.0.0.1:1?sasl=magic", CONFIG, &["sasl"]);

    let Some(kafka) = need(Kafka::shared()) else { return };
    let at = kafka.address().to_string();
    let topics = "org.apache.kafka.tools.TopicCommand";
    kafka.tool(topics, &["--create", "--topic", "narrow", "--partitions", "3"]).unwrap();
    refuses(&format!("kafka://{at}/narrow"), CONFIG, &["narrow", "3 partitions", "32", &at]);

    let locked = KafkaOptions::default()
        .user("me", "0pen")
        .property("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer")
        // The server talks to itself as `me`, over one listener without a name.
        .property("super.users", "User:ANONYMOUS;User:me")
        .second_user("guest", "s3cret");
    let locked = Kafka::start(locked).unwrap();
    let at = locked.address().to_string();
    refuses(&format!("kafka://me:s3cret@{at}"), CONFIG, &["password", &at]);
    refuses(&format!("kafka://guest:s3cret@{at}"), CONFIG, &["may not create", &at]);
    // A build without TLS says so, one with it finds a server that has none.
    refuses(&format!("kafka://me:s3cret@{at}?tls=true"), CONFIG, &["tls"]);
}

/// What is wrong with an event is told to its publisher, not to the broker.
#[test]
fn names_and_sizes_that_a_broker_cannot_take() {
    let mut brokers = vec!["memory:".to_owned()];
    brokers.extend(need(Redis::shared()).filter(|_| built("redis").is_some()).map(Redis::url));
    brokers.extend(need(Nats::shared()).filter(|_| built("nats").is_some()).map(Nats::url));
    brokers.extend(need(Kafka::shared()).filter(|_| built("kafka").is_some()).map(Kafka::url));
    for broker in brokers {
        let mut server = Server::new(&Server::program().unwrap(), &mut chance(), Some(&broker)).unwrap();
        server.start().unwrap();
        let at = server.address();
        let event = |stream: &str, tenant: &str, bytes: usize| {
            let text = "x".repeat(bytes);
            format!(
                r#"{{"specversion":"1.0","id":"{stream}{bytes}","source":"/e2e","type":"my.note.v1","tenant":"{tenant}","stream":"{stream}","data":"{text}"}}"#
            )
        };
        // Wildcards and separators of the brokers, in every name that becomes a part of a key or a subject.
        for name in ["a.*", "a.>", ">", "*", "a b", "a{b}", "a\\u0000b", ""] {
            let (status, body) = publish(at, &event(name, "default", 1)).unwrap();
            assert_eq!(status, 400, "{broker} stream {name:?}: {body}");
            let (status, body) = publish(at, &event("s", name, 1)).unwrap();
            assert!(matches!(status, 400 | 403), "{broker} tenant {name:?}: {status} {body}");
        }
        // What looks like one and is allowed is its own stream, and nobody else's.
        for name in ["a.b", "a..b", "a:d", "hw:s:default:a.b:d", "a@b+c", ".", "$dead"] {
            let (status, body) = publish(at, &event(name, "default", 1)).unwrap();
            // A path cannot name the one, nobody but the broker writes to the other.
            let allowed = !matches!(name, "." | "$dead");
            assert_eq!(status, if allowed { 200 } else { 400 }, "{broker} stream {name:?}: {body}");
            if allowed {
                let path = format!("/v1/streams/{}/events", name.replace('+', "%2B"));
                let (status, page) = get(at, &path).unwrap();
                assert_eq!((status, page.matches("\"id\"").count()), (200, 1), "{broker} {name:?}: {page}");
            }
        }
        // The limit of an event is ours, below that of each broker.
        let (status, body) = publish(at, &event("big", "default", 300 * 1024)).unwrap();
        assert_eq!(status, 413, "{broker}: {body}");
        let (status, body) = publish(at, &event("big", "default", 250 * 1024)).unwrap();
        assert_eq!(status, 200, "{broker}: {body}");
        server.kill().unwrap();
    }
}

/// A NATS server that takes less than we do says so when it is connected to.
#[test]
fn an_event_that_only_the_broker_finds_too_large() {
    if built("nats").is_none() {
        return;
    }
    let Some(nats) = need(Nats::start(NatsOptions::default().config("max_payload: 16KB"))) else { return };
    let mut server = Server::new(&Server::program().unwrap(), &mut chance(), Some(&nats.url())).unwrap();
    server.start().unwrap();
    let event = |id: u32, bytes: usize| {
        let text = "x".repeat(bytes);
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/e2e","type":"my.note.v1","stream":"s","data":"{text}"}}"#
        )
    };
    assert_eq!(publish(server.address(), &event(1, 8 * 1024)).unwrap().0, 200);
    let (status, body) = publish(server.address(), &event(2, 32 * 1024)).unwrap();
    assert_eq!(status, 413, "{body}");
    assert_eq!(publish(server.address(), &event(3, 8 * 1024)).unwrap().0, 200, "the next one is taken");
    server.kill().unwrap();
}

fn chance() -> Chance {
    Chance::new(Chance::fresh_seed())
}
