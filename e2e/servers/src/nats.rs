//! NATS.

use std::{fmt::Write, net::SocketAddr, path::Path, sync::OnceLock};

use crate::{
    Authority, Error, Server, find, probe,
    server::{Recipe, folder, on_free_port, write},
};

/// How a NATS server is started. The default has JetStream on file.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    jetstream: bool,
    sync_always: bool,
    user: Option<(String, String)>,
    extra: String,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self { jetstream: true, sync_always: false, user: None, extra: String::new() }
    }
}

impl NatsOptions {
    /// Whether it has JetStream.
    #[must_use]
    pub const fn jetstream(mut self, on: bool) -> Self {
        self.jetstream = on;
        self
    }

    /// Syncs the file before each answer. SIGKILL loses nothing without it: only a power cut does.
    #[must_use]
    pub const fn sync_always(mut self) -> Self {
        self.sync_always = true;
        self
    }

    /// The only user there is.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.user = Some((name.to_owned(), password.to_owned()));
        self
    }

    /// Speaks TLS, and nothing else.
    #[must_use]
    pub fn tls(self, authority: &Authority) -> Self {
        let (certificate, key) = (authority.certificate(), authority.key());
        self.config(&format!(
            "tls {{ cert_file: \"{}\", key_file: \"{}\" }}",
            certificate.display(),
            key.display()
        ))
    }

    /// Any other text for its configuration file.
    #[must_use]
    pub fn config(mut self, text: &str) -> Self {
        self.extra.push_str(text);
        self.extra.push('\n');
        self
    }

    fn text(&self, address: SocketAddr, folder: &Path) -> String {
        let mut text = format!("listen: \"{address}\"\n");
        if self.jetstream {
            let sync = if self.sync_always { "sync_interval: always" } else { "" };
            let _ =
                writeln!(text, "jetstream {{ store_dir: \"{}\"\n{sync} }}", folder.join("data").display());
        }
        if let Some((name, password)) = &self.user {
            let _ = writeln!(text, "authorization {{ user: \"{name}\", password: \"{password}\" }}");
        }
        text + &self.extra
    }
}

/// A NATS server.
#[derive(Debug, Clone)]
pub struct Nats {
    server: Server,
    user: Option<(String, String)>,
}

impl Nats {
    /// Starts one on a free port with empty data.
    ///
    /// # Errors
    /// `nats-server` is missing, or does not start.
    pub fn start(options: NatsOptions) -> Result<Self, Error> {
        let program = find::program("nats-server")?;
        let server = on_free_port(|address| {
            let folder = folder("nats")?;
            let text = options.text(address, folder.path());
            let recipe = Recipe {
                name: "nats-server",
                program: program.clone(),
                args: vec!["-c".into(), "nats.conf".into()],
                prepare: Box::new(move |folder| write(folder, "nats.conf", &text)),
                answers,
                stop: "TERM",
            };
            Server::start_new(recipe, address, folder)
        })?;
        Ok(Self { server, user: options.user })
    }

    /// The one of this test program, with default options: started by the first who asks, ended with the process.
    ///
    /// # Errors
    /// Those of [`start`](Self::start), each time again.
    pub fn shared() -> Result<&'static Self, Error> {
        static SHARED: OnceLock<Result<Nats, Error>> = OnceLock::new();
        crate::server::shared(SHARED.get_or_init(|| Self::start(NatsOptions::default())))
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

    /// `nats://…`, with user and password if there are any.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.address())
    }

    /// The same at another address: that of a proxy in front of it.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        match &self.user {
            Some((name, password)) => format!("nats://{name}:{password}@{address}"),
            None => format!("nats://{address}"),
        }
    }
}

/// It greets whoever connects, and opens its port after JetStream has recovered.
fn answers(address: SocketAddr) -> bool {
    probe::ask(address, b"", 6).is_some_and(|greeting| greeting.starts_with(b"INFO {"))
}
