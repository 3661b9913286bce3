//! What `publish` says of events that were not stored, and of servers that are not there.

use serde_json::Value;

use crate::support::{Server, events, run, run_with, stderr, stdout};

/// A workflow's first event, of a tenant.
fn event(id: &str, tenant: Option<&str>) -> String {
    let mut event = serde_json::json!({
        "specversion": "1.0", "id": id, "source": "/test", "type": "my.note", "subject": format!("wf-{id}"),
    });
    if let Some(tenant) = tenant {
        event["tenant"] = tenant.into();
    }
    format!("{event}\n")
}

#[test]
fn a_server_that_is_away_refuses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    for batch in ["1", "3", "100"] {
        let publish = ["publish", "--json", "--url", &url, "--retry-for", "0s", "--batch", batch];
        let output = run_with(folder.path(), &publish, &events("wf-1", 4, true));
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("gave up at line 1, ") && said.contains("cannot be reached"), "{said}");
        assert!(!said.contains("refused,") && !said.contains(" refused\n"), "{said}");
        // Only the first batch was tried, and all of it is accounted for.
        let tried: usize = batch.parse::<usize>().unwrap().min(5);
        assert!(said.contains(&format!("0 events stored, {tried} not known to be stored")), "{said}");
        let lines: Vec<Value> =
            stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), tried);
        assert!(lines.iter().all(|line| line["code"] == "unavailable"), "{lines:?}");
    }
}

#[test]
fn a_file_may_hold_several_tenants() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]);
    let mixed: String =
        (0..9).map(|n| event(&n.to_string(), [None, Some("acme"), Some("beta")][n % 3])).collect();
    let output = run_with(folder, &["publish", "--url", &server.url], &mixed);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("9 events stored\n"), "{}", stderr(&output));
    for tenant in ["default", "acme", "beta"] {
        let listed = run(folder, &["streams", "--json", "--tenant", tenant, "--url", &server.url]);
        assert_eq!(stdout(&listed).lines().count(), 3, "{tenant}");
    }
}

#[test]
fn a_named_tenant_is_the_only_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mixed = event("0", None) + &event("1", Some("beta")) + &event("2", Some("acme"));
    let server = Server::start(folder, &[]);
    for url in [server.url.as_str(), "embedded:./other"] {
        let output = run_with(folder, &["publish", "--tenant", "acme", "--url", url], &mixed);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("line 2: foreign-tenant: ") && said.contains("2 events stored, 1 refused"),
            "{said}"
        );
        let listed = run(folder, &["streams", "--json", "--tenant", "acme", "--url", url]);
        assert_eq!(stdout(&listed).lines().count(), 2, "{}", stderr(&listed));
    }
    // `default` is a tenant like another once it is named.
    let output = run_with(folder, &["publish", "--tenant", "default", "--url", &server.url], &mixed);
    assert!(stderr(&output).contains("1 event stored, 2 refused"), "{}", stderr(&output));
}
