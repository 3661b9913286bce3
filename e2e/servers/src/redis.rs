//! Redis.

use std::{ffi::OsString, net::SocketAddr, sync::OnceLock};

use crate::{
    Authority, Error, Server, find, port, probe,
    server::{Recipe, folder, on_free_port},
};

/// How a Redis is started. The default keeps an append-only file and syncs it before each answer, so that SIGKILL loses
/// nothing that was answered.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    program: String,
    tls_port: Option<u16>,
    appendonly: bool,
    appendfsync: String,
    password: Option<String>,
    maxmemory_policy: String,
    extra: Vec<String>,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            program: Redis::PROGRAM.to_owned(),
            tls_port: None,
            appendonly: true,
            appendfsync: "always".to_owned(),
            password: None,
            maxmemory_policy: "noeviction".to_owned(),
            extra: Vec::new(),
        }
    }
}

impl RedisOptions {
    /// Another version of it, or Valkey, by what its program is called.
    #[must_use]
    pub fn program(mut self, name: &str) -> Self {
        name.clone_into(&mut self.program);
        self
    }

    /// Speaks TLS as well, on a port of its own.
    ///
    /// # Errors
    /// There is no port.
    pub fn tls(mut self, authority: &Authority) -> Result<Self, Error> {
        let port = port::free()?.port();
        self.tls_port = Some(port);
        let files = [("tls-cert-file", authority.certificate()), ("tls-key-file", authority.key())];
        for (name, file) in files {
            self = self.setting(name, &file.display().to_string());
        }
        Ok(self.setting("tls-port", &port.to_string()).setting("tls-auth-clients", "no"))
    }

    /// Whether it keeps an append-only file. Without one a restart begins empty.
    #[must_use]
    pub fn appendonly(mut self, on: bool) -> Self {
        self.appendonly = on;
        self
    }

    /// `always`, `everysec` or `no`.
    #[must_use]
    pub fn appendfsync(mut self, when: &str) -> Self {
        when.clone_into(&mut self.appendfsync);
        self
    }

    /// The password of the default user.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// `noeviction`, `allkeys-lru`, …
    #[must_use]
    pub fn maxmemory_policy(mut self, policy: &str) -> Self {
        policy.clone_into(&mut self.maxmemory_policy);
        self
    }

    /// One node of a cluster.
    #[must_use]
    pub fn cluster(self) -> Self {
        self.setting("cluster-enabled", "yes")
    }

    /// Any other setting of `redis.conf`.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.extra.extend([format!("--{name}"), value.to_owned()]);
        self
    }

    fn args(&self, address: SocketAddr, data: OsString) -> Vec<OsString> {
        let yes = if self.appendonly { "yes" } else { "no" };
        let port = address.port().to_string();
        let mut args: Vec<OsString> = vec!["--dir".into(), data];
        let fixed = ["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", yes];
        args.extend(fixed.map(OsString::from));
        args.extend(["--appendfsync", &self.appendfsync].map(OsString::from));
        args.extend(["--maxmemory-policy", &self.maxmemory_policy].map(OsString::from));
        if let Some(password) = &self.password {
            args.extend(["--requirepass", password, "--masterauth", password].map(OsString::from));
        }
        args.extend(self.extra.iter().map(OsString::from));
        args
    }
}

/// A Redis server.
#[derive(Debug, Clone)]
pub struct Redis {
    server: Server,
    password: Option<String>,
    tls_port: Option<u16>,
}

impl Redis {
    /// What the usual one is called.
    pub const PROGRAM: &str = "redis-server";

    /// Whether a version of it is installed, by what its program is called.
    ///
    /// # Errors
    /// It is not: the text says how to change that.
    pub fn find(program: &str) -> Result<(), Error> {
        find::program(program).map(drop)
    }

    /// Starts one on a free port with empty data.
    ///
    /// # Errors
    /// Its program is missing, or does not start.
    pub fn start(options: RedisOptions) -> Result<Self, Error> {
        let program = find::program(&options.program)?;
        let server = on_free_port(|address| {
            let folder = folder("redis")?;
            let recipe = Recipe {
                name: "redis-server",
                program: program.clone(),
                args: options.args(address, folder.path().join("data").into()),
                prepare: Box::new(|_| Ok(())),
                answers,
                stop: "TERM",
            };
            Server::start_new(recipe, address, folder)
        })?;
        Ok(Self { server, password: options.password, tls_port: options.tls_port })
    }

    /// The one of this test program, with default options: started by the first who asks, ended with the process.
    ///
    /// # Errors
    /// Those of [`start`](Self::start), each time again.
    pub fn shared() -> Result<&'static Self, Error> {
        static SHARED: OnceLock<Result<Redis, Error>> = OnceLock::new();
        crate::server::shared(SHARED.get_or_init(|| Self::start(RedisOptions::default())))
    }

    /// The process: stop, start, kill, pause.
    #[must_use]
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// `redis://…`, with the password if there is one.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.address())
    }

    /// `rediss://…`, where it [speaks TLS](RedisOptions::tls).
    #[must_use]
    pub fn tls_url(&self) -> Option<String> {
        let address = SocketAddr::new(self.address().ip(), self.tls_port?);
        Some(self.url_at(address).replace("redis://", "rediss://"))
    }

    /// The same at another address: that of a proxy in front of it.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        match &self.password {
            Some(password) => format!("redis://:{password}@{address}"),
            None => format!("redis://{address}"),
        }
    }
}

/// Any answer but "loading": without the password a PING is refused, and that is an answer too.
pub(crate) fn answers(address: SocketAddr) -> bool {
    let answer = probe::ask(address, b"PING\r\n", 5).unwrap_or_default();
    answer.starts_with(b"+PONG") || answer.starts_with(b"-NOAUTH")
}
