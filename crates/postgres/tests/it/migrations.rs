//! The schema and its versions.

use headwater_postgres::{Error, Migrated, RelayOptions, Schema, migrate, migrations};
use headwater_test_servers::aside;

use crate::support::{bare, broker, event, quick};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_processes_may_migrate_at_once() {
    let Some(base) = bare().await else { return };
    let schema = Schema::default();
    let all = (0..8).map(|_| {
        let (pool, schema) = (base.pool.clone(), schema.clone());
        tokio::spawn(async move { migrate(&pool, &schema).await.unwrap() })
    });
    let mut did = Vec::new();
    for one in all.collect::<Vec<_>>() {
        did.push(one.await.unwrap());
    }
    let to = did[0].to;
    assert_eq!(did.iter().filter(|done| **done == Migrated { from: 0, to }).count(), 1, "{did:?}");
    assert_eq!(did.iter().filter(|done| **done == Migrated { from: to, to }).count(), 7, "{did:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_stand_side_by_side() {
    let Some(base) = bare().await else { return };
    for name in ["one", "two"] {
        migrate(&base.pool, &name.parse().unwrap()).await.unwrap();
    }
    let outbox = headwater_postgres::Outbox::new("two".parse().unwrap());
    let mut tx = base.pool.begin().await.unwrap();
    outbox.enqueue(&mut tx, &event("run", 0)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(base.number("SELECT count(*) FROM one.outbox").await, 0);
    assert_eq!(base.number("SELECT count(*) FROM two.outbox").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_a_newer_version_is_refused_and_left_alone() {
    let Some(base) = bare().await else { return };
    let schema = Schema::default();
    migrate(&base.pool, &schema).await.unwrap();
    base.run("INSERT INTO headwater.migrations (version, name) VALUES (99, 'of tomorrow')").await;
    let error = migrate(&base.pool, &schema).await.unwrap_err();
    assert!(matches!(error, Error::SchemaTooNew { found: 99, .. }), "{error}");
    assert_eq!(error.code(), "schema-too-new");
    let error = base.relay(broker().await, quick()).ended().await.unwrap_err();
    assert_eq!(error.code(), "schema-too-new");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_schema_everything_says_so() {
    let Some(base) = bare().await else { return };
    let error = base.relay(broker().await, RelayOptions::default()).ended().await.unwrap_err();
    assert_eq!(error.code(), "schema-missing");
    let mut tx = base.pool.begin().await.unwrap();
    let error = base.outbox().enqueue(&mut tx, &event("run", 0)).await.unwrap_err();
    assert_eq!(error.code(), "schema-missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rights_the_sql_is_told_and_works_for_somebody_who_has_them() {
    let Some(base) = bare().await else { return };
    let role = format!("clerk_{}", base.name);
    let (server, database, name) = (base.server, base.name.clone(), role.clone());
    aside(move || server.sql(&database, &format!("CREATE ROLE \"{name}\" LOGIN PASSWORD 'pass-word'")))
        .await
        .unwrap();
    let clerk = headwater_postgres::connect(&server.url_of(&role, "pass-word", &base.name)).unwrap();
    let schema = Schema::default();
    let error = migrate(&clerk, &schema).await.unwrap_err();
    assert_eq!(error.code(), "schema-rights");
    let Error::SchemaRights { sql, role: told, .. } = &error else { panic!("{error}") };
    assert_eq!(told, &role);
    assert!(sql.starts_with(&migrations(&schema, 0)), "{sql}");
    assert!(!format!("{error} {error:?}").contains("pass-word"));

    let (database, sql) = (base.name.clone(), sql.clone());
    aside(move || server.sql(&database, &sql)).await.unwrap();
    let done = migrate(&clerk, &schema).await.unwrap();
    assert_eq!(done.from, done.to, "there is nothing left to do");
    let mut tx = clerk.begin().await.unwrap();
    base.outbox().enqueue(&mut tx, &event("run", 0)).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_encoding_is_refused() {
    let Some(base) = bare().await else { return };
    let (server, name) = (base.server, format!("{}_latin", base.name));
    let made = name.clone();
    aside(move || {
        server.sql(
            "postgres",
            &format!("CREATE DATABASE \"{made}\" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"),
        )
    })
    .await
    .unwrap();
    let pool = headwater_postgres::connect(&server.url_of("postgres", "open-sesame", &name)).unwrap();
    let error = migrate(&pool, &Schema::default()).await.unwrap_err();
    assert_eq!(error.code(), "bad-configuration");
    assert!(error.to_string().contains("LATIN1"), "{error}");
}
