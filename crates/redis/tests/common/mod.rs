//! What the tests of the store over Redis share.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use headwater_redis::{RedisOptions, RedisStore};
use headwater_store::{
    Store, StreamName, Tenant,
    suite::{Faults, Fixture, Setup},
};
use headwater_test_servers::{Proxy, Redis, RedisOptions as ServerOptions, aside, need};

/// A namespace that nobody else has on the shared server.
pub fn namespace() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The suite's place for one store: a namespace of the shared server, or a server of its own once harm is asked for.
pub struct Place {
    /// The server's program.
    program: &'static str,
    namespace: String,
    own: OnceLock<Own>,
    /// What was opened last.
    store: Mutex<Weak<RedisStore>>,
}

/// A server that may be harmed, behind a proxy.
struct Own {
    redis: Redis,
    proxy: Proxy,
    namespace: String,
}

impl Default for Place {
    fn default() -> Self {
        Self::on(Redis::PROGRAM)
    }
}

impl Place {
    /// On a version of the server.
    pub fn on(program: &'static str) -> Self {
        Self { program, namespace: namespace(), own: OnceLock::new(), store: Mutex::default() }
    }

    /// The server of this version that all tests of a program share.
    fn shared(&self) -> Redis {
        static SHARED: Mutex<BTreeMap<&str, Redis>> = Mutex::new(BTreeMap::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.entry(self.program).or_insert_with(|| Redis::start(self.server()).unwrap()).clone()
    }

    fn server(&self) -> ServerOptions {
        ServerOptions::default().program(self.program)
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub fn url(&self) -> String {
        match self.own.get() {
            Some(own) => own.redis.url_at(own.proxy.address()),
            None => self.shared().url(),
        }
    }

    pub fn options(&self, setup: &Setup) -> RedisOptions {
        RedisOptions {
            namespace: self.namespace.clone(),
            retention: setup.retention,
            lanes: setup.lanes,
            dedup_window: setup.dedup_window,
            clock: Some(Arc::clone(&setup.clock)),
            ..RedisOptions::default()
        }
    }
}

#[async_trait]
impl Fixture for Place {
    async fn open(&self, setup: &Setup) -> Arc<dyn Store> {
        let store = Arc::new(RedisStore::connect(&self.url(), self.options(setup)).await.unwrap());
        *self.store.lock().unwrap() = Arc::downgrade(&store);
        store
    }

    fn name(&self) -> Option<&'static str> {
        (self.program != Redis::PROGRAM).then_some(self.program)
    }

    fn is_there(&self) -> bool {
        self.program == Redis::PROGRAM || need(Redis::find(self.program)).is_some()
    }

    async fn crash(&self, _store: &Arc<dyn Store>) -> bool {
        let store = self.store.lock().unwrap().upgrade();
        store.is_some_and(|store| {
            store.abandon();
            true
        })
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(self.own.get_or_init(|| {
            let redis = Redis::start(self.server()).unwrap();
            let proxy = Proxy::to(redis.address()).unwrap();
            Own { redis, proxy, namespace: self.namespace.clone() }
        }))
    }
}

impl Own {
    async fn on(&self, what: impl FnOnce(&Redis) + Send + 'static) -> bool {
        let redis = self.redis.clone();
        aside(move || what(&redis)).await;
        true
    }
}

#[async_trait]
impl Faults for Own {
    fn settings(&self) -> String {
        "appendonly yes, appendfsync always".to_owned()
    }

    async fn restart(&self) -> bool {
        self.on(|redis| redis.server().restart().unwrap()).await
    }

    async fn kill(&self) -> bool {
        self.on(|redis| redis.server().crash().unwrap()).await
    }

    async fn pause(&self) -> bool {
        self.on(|redis| redis.server().pause().unwrap()).await
    }

    async fn resume(&self) -> bool {
        self.on(|redis| redis.server().resume().unwrap()).await
    }

    async fn cut(&self) -> bool {
        self.proxy.cut_now();
        true
    }

    async fn wipe(&self) -> bool {
        command(&self.redis.url(), &["FLUSHALL"]).await;
        true
    }

    async fn spoil(&self, tenant: &Tenant, stream: &StreamName) -> bool {
        let key = format!("{}:s:{tenant}:{stream}:d", self.namespace);
        command(&self.redis.url(), &["XADD", &key, "*", "data", "none of ours"]).await;
        true
    }

    async fn delete_under(&self, tenant: &Tenant, stream: &StreamName) -> bool {
        for class in ["d", "t", "i"] {
            let key = format!("{}:s:{tenant}:{stream}:{class}", self.namespace);
            command(&self.redis.url(), &["DEL", &key]).await;
        }
        true
    }

    fn attempts(&self) -> Option<u64> {
        Some(self.proxy.attempts())
    }
}

/// Runs one command, as an operator would.
pub async fn command(url: &str, words: &[&str]) -> redis::Value {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut command = redis::Cmd::new();
    words.iter().for_each(|word| {
        command.arg(*word);
    });
    connection.send_packed_command(&command).await.unwrap().extract_error().unwrap()
}

/// The event number `n` of a stream of the tenant `default`.
pub fn event(name: &str, n: usize) -> headwater_store::Append {
    of("default", name, n, headwater_store::Class::Durable)
}

pub fn of(tenant: &str, name: &str, n: usize, class: headwater_store::Class) -> headwater_store::Append {
    let (tenant, stream): (Tenant, StreamName) = (tenant.parse().unwrap(), name.parse().unwrap());
    let event = headwater_store::Event::builder("/test", format!("test.{class}.v1"))
        .id(format!("{name}/{n}"))
        .tenant(&tenant)
        .stream(&stream)
        .data(&n)
        .build()
        .unwrap();
    headwater_store::Append { event, tenant, stream, class, mark: headwater_store::Mark::None }
}

pub fn scope(name: &str) -> headwater_store::ReadScope {
    let stream = name.parse().unwrap();
    headwater_store::ReadScope::Stream(Tenant::default(), stream, headwater_store::ClassesKey::Visible)
}

pub fn ids(records: &[headwater_store::Record]) -> Vec<&str> {
    records.iter().map(|record| record.event().id()).collect()
}

/// Appends until it works: the server may be coming back.
pub async fn until_stored(store: &RedisStore, one: headwater_store::Append) -> headwater_store::Appended {
    use headwater_store::EventLog;
    for _ in 0..600 {
        match store.append(vec![one.clone()]).await {
            Ok(answer) => return answer[0],
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the store does not come back");
}
