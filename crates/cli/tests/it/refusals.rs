//! What the binary refuses, and how it ends then.

use std::fs;

use crate::support::{Server, headwater, run, stderr, stdout};

/// Runs a command that must end with `code` and say all of `words` on stderr.
fn refuses(folder: &std::path::Path, args: &[&str], code: i32, words: &[&str]) {
    let output = run(folder, args);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(words.iter().all(|word| said.contains(word)), "{args:?}: {said}");
    assert!(output.stdout.is_empty(), "{args:?}");
}

#[test]
fn bad_configuration_ends_with_64_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = folder.join("headwater.toml");
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    for (toml, words) in [
        ("lisen = \"x\"", ["headwater.toml", "unknown key `lisen`", "`listen`"]),
        ("listen = \"nowhere\"", ["headwater.toml", "key `listen`", "invalid socket address"]),
        (
            "[retention]\ndurable = \"soon\"",
            ["headwater.toml", "key `retention-durable`", "`soon` is no duration"],
        ),
        ("broker = \"amqp://localhost\"", ["headwater.toml", "key `broker`", "is no broker"]),
        ("listen =", ["headwater.toml", "TOML", ""]),
    ] {
        fs::write(&file, toml).unwrap();
        refuses(folder, &serve, 64, &words);
        refuses(folder, &["config", "check"], 64, &words);
    }
    fs::remove_file(&file).unwrap();
    refuses(folder, &["serve", "--config", "missing.toml"], 64, &["no configuration file at missing.toml"]);
    let mut command = headwater(folder);
    let output = command.args(serve).env("HEADWATER_BROKER", "amqp://x").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("HEADWATER_BROKER: `amqp://x` is no broker"), "{}", stderr(&output));
}

/// Whatever is wrong with a URL, its password is not repeated: by no command, from no place a setting comes from.
#[test]
fn a_password_in_a_url_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let good = "http://me:hunter2@127.0.0.1:1/x";
    for bad in
        ["amqp://me:hunter2@h", "redis:me:hunter2@h", "embedded//me:hunter2@h", "kafka://me:hunter2@h:port"]
    {
        for url in [bad, good] {
            let flag = format!("--url={url}");
            let broker = format!("--broker={url}");
            for args in [
                vec!["serve", "--listen", "127.0.0.1:0", &broker],
                vec!["serve", &broker, "--help"],
                vec!["check", &broker],
                vec!["tail", "s", &flag],
                vec!["streams", &flag],
                vec!["config", "check"],
                vec!["serve", "--help"],
                vec!["tail", "--help"],
            ] {
                // A server that would come up is not started.
                if url == good && args[0] == "serve" && !args.contains(&"--help") {
                    continue;
                }
                let from_env = args.iter().all(|arg| !arg.contains("hunter2"));
                let mut command = headwater(folder);
                if from_env {
                    command.env("HEADWATER_BROKER", url).env("HEADWATER_URL", url);
                }
                let output = command.args(&args).output().unwrap();
                let said = stdout(&output) + &stderr(&output);
                assert!(!said.contains("hunter2") && !said.is_empty(), "{url} {args:?}: {said}");
            }
        }
    }
    let mut command = headwater(folder);
    let output = command.args(["config", "check"]).env("HEADWATER_BROKER", good).output().unwrap();
    assert!(stdout(&output).contains("http://127.0.0.1:1/x"), "{}", stdout(&output));
}

/// What Kafka cannot keep to is refused before it is called.
#[test]
fn settings_that_a_broker_cannot_keep_to_end_with_64() {
    if !cfg!(feature = "kafka") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for flag in ["--retention-durable-events=1000", "--retention-run-after-end=1h"] {
        let key = flag[2..].split('=').next().unwrap();
        let words = [&*format!("key `{key}`"), "Kafka"];
        refuses(folder.path(), &["serve", "--broker", "kafka://127.0.0.1:1", flag], 64, &words);
    }
}

/// The build that runs this test may have all of them: then there is nothing to refuse.
#[test]
fn a_broker_that_was_not_built_in_names_the_flag_that_adds_it() {
    let folder = tempfile::tempdir().unwrap();
    for (feature, built) in [
        ("redis", cfg!(feature = "redis")),
        ("nats", cfg!(feature = "nats")),
        ("kafka", cfg!(feature = "kafka")),
    ] {
        let url = format!("--broker={feature}://me:hunter2@h");
        let flag = format!("`cargo build --release --features {feature}`");
        // `check` opens nothing.
        match built {
            true => refuses(folder.path(), &["check", &url], 64, &[&format!("not {feature}://h")]),
            false => refuses(folder.path(), &["check", &url], 2, &["is not part of this build", &flag]),
        }
    }
}

#[test]
fn settings_that_cannot_work_end_with_64_and_name_their_key() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (key, value, why) in [
        ("limit-event", "0", "at least 1"),
        ("limit-event", "5MiB", "must not be over `limit-batch`"),
        ("limit-batch-events", "0", "at least 1"),
        ("limit-batch", "0", "at least 1"),
        ("hub-events", "0", "at least 1"),
        ("hub-size", "0", "at least 1"),
        ("retention-durable", "0s", "at least 1ms"),
        ("retention-durable-events", "0", "at least 1, or `off`"),
        ("retention-durable-size", "0", "at least 1, or `off`"),
        ("retention-transient", "0s", "at least 1ms"),
        ("retention-run-after-end", "0s", "at least 1ms"),
        ("sse-heartbeat", "0s", "at least 1ms"),
        ("sse-lifetime", "0s", "at least 1ms"),
        ("sse-idle", "0s", "at least 1ms"),
        ("max-readers", "0", "at least 1"),
        ("max-connections", "0", "at least 1"),
        ("max-body", "0", "at least 1"),
        ("max-body", "1KiB", "must not be over `max-body`"),
    ] {
        let flag = format!("--{key}={value}");
        let named = format!("key `{}`", if value == "1KiB" { "limit-event" } else { key });
        let serve = ["serve", "--listen", "127.0.0.1:0", "--broker", "memory:", &flag];
        refuses(folder, &serve, 64, &[&named, why]);
        fs::write(folder.join("headwater.toml"), format!("{key} = \"{value}\"")).unwrap();
        refuses(folder, &["config", "check"], 64, &[&named, why]);
        fs::remove_file(folder.join("headwater.toml")).unwrap();
    }
}

#[test]
fn configuration_is_shown_with_its_origin() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("headwater.toml"), "tenant = \"acme\"\n[log]\nformat = \"json\"\n").unwrap();
    let mut command = headwater(folder.path());
    let output = command.args(["config", "check"]).env("HEADWATER_TOKEN", "hunter2").output().unwrap();
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let row = |key: &str| {
        let line = said.lines().find(|line| line.split_whitespace().next() == Some(key)).unwrap();
        line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("tenant"), ["acme", "headwater.toml"]);
    assert_eq!(row("log-format"), ["json", "headwater.toml"]);
    assert_eq!(row("token"), ["***", "HEADWATER_TOKEN"]);
    assert_eq!(row("listen"), ["127.0.0.1:7420", "default"]);
    assert!(!said.contains("hunter2"));
}

#[test]
fn a_folder_that_cannot_be_had_ends_with_64() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let _server = Server::start(folder, &[]);
    let serve = ["serve", "--listen", "127.0.0.1:0", "--broker", "embedded:./data"];
    refuses(folder, &serve, 64, &["cannot open embedded:./data", "in use"]);
    fs::write(folder.join("file"), "").unwrap();
    refuses(folder, &["serve", "--listen", "127.0.0.1:0", "--broker", "embedded:./file"], 64, &["./file"]);
}

#[test]
fn only_a_log_that_is_there_can_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    refuses(folder, &["check"], 64, &["cannot check embedded:./headwater-data"]);
    refuses(folder, &["check", "--broker", "memory:"], 64, &["not memory:"]);
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

#[test]
fn an_address_that_is_taken_ends_with_64() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refuses(
        folder.path(),
        &["serve", "--broker", "memory:", "--listen", &address],
        64,
        &["listen", &address],
    );
}

#[test]
fn work_that_fails_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // A port that was free a moment ago and has no server.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    refuses(folder, &["tail", "wf-1", "--url", &url], 1, &["headwater: "]);
    refuses(folder, &["streams", "--url", &url], 1, &["headwater: "]);
    refuses(folder, &["schema", "no.such.type"], 1, &["no event type `no.such.type`"]);
    refuses(folder, &["publish", "missing"], 1, &["cannot read missing"]);
}

#[test]
fn a_foreign_cursor_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]);
    let published = crate::support::run_with(
        folder,
        &["publish", "--json", "--url", &server.url],
        &crate::support::events("wf-1", 1, true),
    );
    let result: serde_json::Value = serde_json::from_str(stdout(&published).lines().next().unwrap()).unwrap();
    let cursor = result["cursor"].as_str().unwrap();
    refuses(
        folder,
        &["tail", "wf-2", "--url", &server.url, "--after", cursor],
        1,
        &["another stream or tenant"],
    );
    refuses(folder, &["tail", "wf-2", "--url", &server.url, "--after", "nonsense"], 2, &["not a cursor"]);
}

/// A door that is open to everybody is not where others come by.
#[test]
fn without_keys_only_loopback_addresses_are_listened_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let everywhere = ["serve", "--broker", "memory:", "--listen", "0.0.0.0:0"];
    refuses(folder, &everywhere, 64, &["0.0.0.0:0", "`keys`", "--insecure"]);
    let with =
        |more: &[&str]| -> Vec<String> { everywhere.iter().chain(more).map(|&arg| arg.to_owned()).collect() };
    for (more, words) in [
        (vec!["--keys", "missing.json"], vec!["key file", "missing.json"]),
        (vec!["--jwt-issuer", "x"], vec!["jwt-keys"]),
        (vec!["--jwt-jwks", "http://id.example/keys"], vec!["jwks_url", "https://"]),
    ] {
        let args = with(&more);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        refuses(folder, &args, 64, &words);
    }
    refuses(folder, &["keys", "list"], 2, &["--keys FILE"]);
    refuses(folder, &["keys", "revoke", "nobody", "--keys", "k.json"], 1, &["no key `nobody`"]);
    refuses(
        folder,
        &["keys", "create", "x", "--keys", "k.json", "--streams", "a/b"],
        2,
        &["`a/b` is no pattern"],
    );
}
