//! Each server comes, goes and comes back; a proxy breaks what it should and nothing else.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use headwater_test_servers::{
    Kafka, KafkaOptions, Nats, NatsOptions, Proxy, Redis, RedisOptions, Sentinel, Server, need,
};

/// Says a line to a server and gives what it answers within a second.
fn say(address: SocketAddr, line: &str) -> String {
    let Ok(mut socket) = TcpStream::connect(address) else { return String::new() };
    socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a socket");
    let _ = socket.write_all(line.as_bytes());
    let mut answer = [0; 4096];
    let len = socket.read(&mut answer).unwrap_or(0);
    String::from_utf8_lossy(&answer[..len]).into_owned()
}

fn soon(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(30), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn comes_and_goes(server: &Server, answers: impl Fn() -> bool) {
    assert!(answers(), "after start");
    server.pause().expect("pause");
    soon("paused", || !answers());
    assert!(server.runs(), "paused, not gone");
    server.resume().expect("resume");
    soon("resumed", &answers);
    server.crash().expect("crash");
    soon("after a crash", &answers);
    server.restart().expect("restart");
    soon("after a restart", &answers);
    server.stop().expect("stop");
    assert!(!server.runs() && !answers(), "stopped");
    assert!(server.stop().is_err() && server.pause().is_err(), "there is nothing to stop or to pause");
    server.start().expect("start");
    soon("after a start", &answers);
}

#[test]
fn redis_keeps_what_it_answered_until_it_is_wiped() {
    let Some(redis) = need(Redis::start(RedisOptions::default())) else { return };
    assert_eq!(say(redis.address(), "SET k v\r\n"), "+OK\r\n");
    comes_and_goes(redis.server(), || say(redis.address(), "GET k\r\n").contains("\r\nv\r\n"));
    redis.server().wipe().unwrap();
    assert_eq!(say(redis.address(), "GET k\r\n"), "$-1\r\n");
}

#[test]
fn redis_options_arrive() {
    let options = RedisOptions::default().password("open sesame").maxmemory_policy("allkeys-lru").cluster();
    let Some(redis) = need(Redis::start(options.appendfsync("everysec"))) else { return };
    assert!(say(redis.address(), "PING\r\n").starts_with("-NOAUTH"));
    let say = |line: &str| say(redis.address(), &format!("AUTH \"open sesame\"\r\n{line}\r\n"));
    soon("policy", || say("CONFIG GET maxmemory-policy").contains("allkeys-lru"));
    soon("fsync", || say("CONFIG GET appendfsync").contains("everysec"));
    soon("cluster", || say("INFO cluster").contains("cluster_enabled:1"));
}

#[test]
fn a_sentinel_replaces_a_primary_that_is_gone() {
    let Some(pair) = need(Sentinel::start()) else { return };
    assert_eq!(pair.elected(), Some(pair.primary().address()));
    pair.primary().server().kill().unwrap();
    soon("no failover", || pair.elected() == Some(pair.replica().address()));
}

#[test]
fn nats_has_jetstream_or_not() {
    let Some(nats) = need(Nats::start(NatsOptions::default())) else { return };
    comes_and_goes(nats.server(), || say(nats.address(), "").contains("\"jetstream\":true"));
    let options = NatsOptions::default().jetstream(false).user("me", "secret").config("max_payload: 1000");
    let bare = Nats::start(options).unwrap();
    let greeting = say(bare.address(), "");
    assert!(
        !greeting.contains("\"jetstream\":true") && greeting.contains("\"max_payload\":1000"),
        "{greeting}"
    );
    assert!(greeting.contains("\"auth_required\":true"));
    assert_eq!(bare.url(), format!("nats://me:secret@{}", bare.address()));
}

#[test]
fn kafka_keeps_its_topics() {
    let Some(kafka) = need(Kafka::start(KafkaOptions::default())) else { return };
    let topics = |args: &[&str]| kafka.tool("org.apache.kafka.tools.TopicCommand", args).unwrap();
    topics(&["--create", "--topic", "kept", "--partitions", "3"]);
    comes_and_goes(kafka.server(), || !say(kafka.address(), "\0\0\0\x0a\0\x12\0\0here\0\0").is_empty());
    assert!(topics(&["--list"]).lines().any(|name| name == "kept"));
    kafka.server().wipe().unwrap();
    assert!(!topics(&["--list"]).lines().any(|name| name == "kept"));
}

#[test]
fn a_proxy_breaks_what_it_is_told_to() {
    let Some(redis) = need(Redis::start(RedisOptions::default())) else { return };
    let proxy = Proxy::to(redis.address()).unwrap();
    assert_eq!(say(proxy.address(), "PING\r\n"), "+PONG\r\n");

    proxy.refuse(true);
    assert_eq!(say(proxy.address(), "PING\r\n"), "");
    proxy.refuse(false);
    assert_eq!(proxy.attempts(), 2);

    proxy.stall(true);
    assert_eq!(say(proxy.address(), "PING\r\n"), "");
    proxy.stall(false);

    let mut socket = TcpStream::connect(proxy.address()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.write_all(b"PING\r\n").unwrap();
    let mut pong = [0; 7];
    socket.read_exact(&mut pong).unwrap();
    proxy.cut_after(9);
    socket.write_all(b"PING\r\nPING\r\n").unwrap();
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest);
    assert_eq!(rest, b"+PONG\r\n+P", "cut in the middle of a reply");

    soon("counted", || proxy.connections() == 0);
    let mut socket = TcpStream::connect(proxy.address()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    soon("counted", || proxy.connections() == 1);
    proxy.cut_now();
    assert_eq!(socket.read(&mut pong).unwrap_or(0), 0, "cut");
    soon("counted", || proxy.connections() == 0);
    assert_eq!(say(proxy.address(), "PING\r\n"), "+PONG\r\n", "the next connection is whole");
}

/// Runs itself again as the owner of a server, kills that owner, and looks whether the server outlives it.
#[test]
fn a_server_dies_with_its_owner() {
    const OWNER: &str = "HEADWATER_TEST_OWNER";
    if std::env::var_os(OWNER).is_some() {
        let redis = Redis::start(RedisOptions::default()).unwrap();
        println!("\nat {} {}", redis.address(), redis.server().folder().display());
        thread::sleep(Duration::from_secs(60));
        return;
    }
    if need(Redis::shared()).is_none() {
        return;
    }
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_server_dies_with_its_owner", "--nocapture"])
        .env(OWNER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.into_iter().find(|line| line.starts_with("at ")).unwrap();
    let mut words = line.split(' ').skip(1);
    let address: SocketAddr = words.next().unwrap().parse().unwrap();
    let folder = Path::new(words.next().unwrap());
    assert_eq!(say(address, "PING\r\n"), "+PONG\r\n");
    assert!(folder.exists());
    owner.kill().unwrap();
    owner.wait().unwrap();
    soon("the server lives on", || TcpStream::connect(address).is_err());
    soon("the folder is left", || !folder.exists());
}

#[test]
fn kafka_asks_who_is_there_and_stays_behind_a_proxy() {
    let proxy = Proxy::unaimed().unwrap();
    let options = KafkaOptions::default().user("me", "secret").behind(&proxy);
    let Some(kafka) = need(Kafka::start(options)) else { return };
    assert_eq!(kafka.url_at(proxy.address()), format!("kafka://me:secret@{}", proxy.address()));
    let list = |password: &str, address: SocketAddr| {
        let login = format!(
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nrequest.timeout.ms=8000\ndefault.api.timeout.ms=8000\nsasl.jaas.config=\
             org.apache.kafka.common.security.plain.PlainLoginModule required username=\"me\" password=\"{password}\";\n"
        );
        let file = kafka.server().folder().join("client.properties");
        std::fs::write(&file, login).unwrap();
        let (file, address) = (file.to_string_lossy().into_owned(), address.to_string());
        let args = ["--bootstrap-server", &address, "--command-config", &file, "--list"];
        kafka.run("org.apache.kafka.tools.TopicCommand", &args)
    };
    list("secret", kafka.address()).unwrap();
    assert_eq!(proxy.attempts(), 0);
    list("secret", proxy.address()).unwrap();
    assert!(proxy.attempts() >= 2, "the client went past the proxy");
    assert!(list("wrong", kafka.address()).unwrap_err().to_string().contains("Authentication failed"));
}
