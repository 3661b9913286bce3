//! A Redis primary with a replica, watched by a Sentinel.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use crate::{
    Error, Redis, RedisOptions, Server, find, probe,
    redis::answers,
    server::{Recipe, folder, on_free_port, write},
};

/// How long the replica may take to follow, and the Sentinel to learn of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A primary, a replica and one Sentinel that replaces the primary two seconds after it was last seen.
#[derive(Debug, Clone)]
pub struct Sentinel {
    sentinel: Server,
    primary: Redis,
    replica: Redis,
}

impl Sentinel {
    /// What the Sentinel calls the pair.
    pub const NAME: &str = "headwater";

    /// Starts the three and waits until the replica follows and the Sentinel knows both.
    ///
    /// # Errors
    /// `redis-server` is missing, or one of them does not start.
    pub fn start() -> Result<Self, Error> {
        let primary = Redis::start(RedisOptions::default())?;
        let of = primary.address().port().to_string();
        // A replica copies the primary over a socket at once, not after the five seconds it would wait for others.
        let options = RedisOptions::default()
            .setting("replicaof", &format!("127.0.0.1 {of}"))
            .setting("repl-diskless-sync-delay", "0");
        let replica = Redis::start(options)?;
        let program = find::program("redis-server")?;
        let sentinel = on_free_port(|address| {
            let folder = folder("sentinel")?;
            let (name, port) = (Self::NAME, address.port());
            let config = format!(
                "port {port}\nbind 127.0.0.1\ndir data\nsentinel monitor {name} 127.0.0.1 {of} 1\n\
                 sentinel down-after-milliseconds {name} 2000\nsentinel failover-timeout {name} 10000\n"
            );
            let recipe = Recipe {
                name: "redis-server --sentinel",
                program: program.clone(),
                args: vec!["sentinel.conf".into(), "--sentinel".into()],
                prepare: Box::new(move |folder| write(folder, "sentinel.conf", &config)),
                answers,
                stop: "TERM",
            };
            Server::start_new(recipe, address, folder)
        })?;
        let pair = Self { sentinel, primary, replica };
        pair.settle()?;
        Ok(pair)
    }

    /// The Sentinel itself.
    #[must_use]
    pub const fn sentinel(&self) -> &Server {
        &self.sentinel
    }

    /// The one that began as primary.
    #[must_use]
    pub const fn primary(&self) -> &Redis {
        &self.primary
    }

    /// The one that began as replica.
    #[must_use]
    pub const fn replica(&self) -> &Redis {
        &self.replica
    }

    /// Who the Sentinel says is the primary now.
    #[must_use]
    pub fn elected(&self) -> Option<SocketAddr> {
        let question = format!("SENTINEL get-master-addr-by-name {}\r\n", Self::NAME);
        let answer = probe::ask(self.sentinel.address(), question.as_bytes(), 16)?;
        let answer = String::from_utf8(answer).ok()?;
        let mut words = answer.lines().filter(|line| !line.starts_with(['*', '$']));
        format!("{}:{}", words.next()?, words.next()?).parse().ok()
    }

    fn settle(&self) -> Result<(), Error> {
        let begin = Instant::now();
        while !self.settled() {
            if begin.elapsed() > PATIENCE {
                let log = self.replica.server().log_tail();
                return Err(Error::failed(format!("the replica does not follow within {PATIENCE:?}\n{log}")));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn settled(&self) -> bool {
        let says = |address, question: &[u8], what: &str| {
            let answer = probe::ask(address, question, 64).unwrap_or_default();
            String::from_utf8_lossy(&answer).contains(what)
        };
        says(self.replica.address(), b"INFO replication\r\n", "master_link_status:up")
            && says(self.sentinel.address(), b"INFO sentinel\r\n", "slaves=1")
    }
}
