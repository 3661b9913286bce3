//! Apache Kafka: one node that is broker and controller (KRaft).

use std::{
    env,
    ffi::OsString,
    fmt::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use crate::{
    Error, Proxy, Server, find, port, probe,
    server::{Recipe, folder, on_free_port, write},
};

/// How a Kafka is started. By default topics are not created by writing to them.
#[derive(Debug, Clone, Default)]
pub struct KafkaOptions {
    user: Option<(String, String)>,
    others: Vec<(String, String)>,
    proxy: Option<Proxy>,
    properties: Vec<(String, String)>,
}

impl KafkaOptions {
    /// Clients must say who they are by SASL/PLAIN, without TLS.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.user = Some((name.to_owned(), password.to_owned()));
        self
    }

    /// One more that may log in beside [`user`](Self::user): what it may do is up to an authorizer.
    #[must_use]
    pub fn second_user(mut self, name: &str, password: &str) -> Self {
        self.others.push((name.to_owned(), password.to_owned()));
        self
    }

    /// Whoever connects by this proxy stays behind it: a client goes to the address that the server advertises, so the
    /// server must know. The proxy's target is set by [`Kafka::start`].
    #[must_use]
    pub fn behind(mut self, proxy: &Proxy) -> Self {
        self.proxy = Some(proxy.clone());
        self
    }

    /// Any other line of `server.properties`.
    #[must_use]
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.push((name.to_owned(), value.to_owned()));
        self
    }

    fn text(&self, address: SocketAddr, controller: SocketAddr, inner: SocketAddr, data: &Path) -> String {
        let protocol = if self.user.is_some() { "SASL_PLAINTEXT" } else { "PLAINTEXT" };
        let outside = self.proxy.as_ref().map_or(inner, Proxy::address);
        let data = data.display();
        let mut text = format!(
            "process.roles=broker,controller\nnode.id=1\n\
             controller.quorum.voters=1@{controller}\n\
             controller.listener.names=CONTROLLER\n\
             inter.broker.listener.name=CLIENT\n\
             listeners=CLIENT://{address},PROXIED://{inner},CONTROLLER://{controller}\n\
             advertised.listeners=CLIENT://{address},PROXIED://{outside}\n\
             listener.security.protocol.map=CLIENT:{protocol},PROXIED:{protocol},CONTROLLER:PLAINTEXT\n\
             log.dirs={data}\n\
             auto.create.topics.enable=false\n\
             offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             transaction.state.log.num.partitions=1\n\
             group.initial.rebalance.delay.ms=0\n\
             log.cleaner.dedupe.buffer.size=8388608\nlog.cleaner.threads=1\n\
             broker.heartbeat.interval.ms=500\nbroker.session.timeout.ms=3000\n"
        );
        if let Some((name, password)) = &self.user {
            let login = "org.apache.kafka.common.security.plain.PlainLoginModule required";
            let _ =
                write!(text, "sasl.enabled.mechanisms=PLAIN\nsasl.mechanism.inter.broker.protocol=PLAIN\n");
            let mut users = format!("user_{name}=\"{password}\"");
            for (name, password) in &self.others {
                let _ = write!(users, " user_{name}=\"{password}\"");
            }
            for listener in ["client", "proxied"] {
                let _ = writeln!(
                    text,
                    "listener.name.{listener}.plain.sasl.jaas.config={login} username=\"{name}\" \
                     password=\"{password}\" {users};"
                );
            }
        }
        for (name, value) in &self.properties {
            let _ = writeln!(text, "{name}={value}");
        }
        text
    }
}

/// A Kafka server.
#[derive(Debug, Clone)]
pub struct Kafka {
    server: Server,
    user: Option<(String, String)>,
}

impl Kafka {
    /// Starts one on a free port with empty data: about four seconds.
    ///
    /// # Errors
    /// Java or the libraries are missing, or it does not start.
    pub fn start(options: KafkaOptions) -> Result<Self, Error> {
        let libs = find::folder("kafka/libs")?;
        let java = java()?;
        let server = on_free_port(|address| {
            let folder = folder("kafka")?;
            let (controller, inner) = (port::free()?, port::free()?);
            let text = options.text(address, controller, inner, &folder.path().join("data"));
            let (program, class_path) = (java.clone(), libs.join("*"));
            let recipe = Recipe {
                name: "kafka",
                program: java.clone(),
                args: args(&class_path, "kafka.Kafka", &["server.properties"]),
                prepare: Box::new(move |folder| {
                    write(folder, "server.properties", &text)?;
                    format(&program, &class_path, folder)
                }),
                answers,
                stop: "TERM",
            };
            let server = Server::start_new(recipe, address, folder)?;
            if let Some(proxy) = &options.proxy {
                proxy.forward_to(inner);
            }
            Ok(server)
        })?;
        Ok(Self { server, user: options.user })
    }

    /// The one of this test program, with default options: started by the first who asks, ended with the process.
    ///
    /// # Errors
    /// Those of [`start`](Self::start), each time again.
    pub fn shared() -> Result<&'static Self, Error> {
        static SHARED: OnceLock<Result<Kafka, Error>> = OnceLock::new();
        crate::server::shared(SHARED.get_or_init(|| Self::start(KafkaOptions::default())))
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

    /// `kafka://…`, with user and password if there are any.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.address())
    }

    /// The same at another address: that of a proxy it was started behind.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        match &self.user {
            Some((name, password)) => format!("kafka://{name}:{password}@{address}"),
            None => format!("kafka://{address}"),
        }
    }

    /// Runs one of Kafka's own command-line classes against this server and gives its stdout: for what only an
    /// administrator does, as `org.apache.kafka.tools.TopicCommand --delete --topic t`. No server with users.
    ///
    /// # Errors
    /// It fails; the text is what it said.
    pub fn tool(&self, class: &str, more: &[&str]) -> Result<String, Error> {
        let bootstrap = self.address().to_string();
        self.run(class, &[&["--bootstrap-server", &bootstrap], more].concat())
    }

    /// Runs one of Kafka's own command-line classes with just these arguments and gives its stdout.
    ///
    /// # Errors
    /// It fails; the text is what it said.
    pub fn run(&self, class: &str, all: &[&str]) -> Result<String, Error> {
        let class_path = find::folder("kafka/libs")?.join("*");
        run(&java()?, &args(&class_path, class, all), self.server.folder())
    }
}

fn java() -> Result<PathBuf, Error> {
    let home = env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    match home.filter(|java| java.is_file()) {
        Some(java) => Ok(java),
        None => find::program("java"),
    }
}

/// A small heap, and the compiler that starts fast: a test server lives for seconds.
fn args(class_path: &Path, class: &str, args: &[&str]) -> Vec<OsString> {
    let jvm = ["-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];
    let mut all: Vec<OsString> = jvm.map(OsString::from).to_vec();
    all.push("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn".into());
    all.extend(["-cp".into(), class_path.into(), class.into()]);
    all.extend(args.iter().map(OsString::from));
    all
}

/// A new cluster needs its storage formatted. Its id may be the same each time: nobody joins it.
fn format(java: &Path, class_path: &Path, folder: &Path) -> Result<(), Error> {
    let options = ["format", "--cluster-id", "aGVhZHdhdGVyLXRlc3RzLg", "--config", "server.properties"];
    run(java, &args(class_path, "kafka.tools.StorageTool", &options), folder).map(drop)
}

fn run(java: &Path, args: &[OsString], folder: &Path) -> Result<String, Error> {
    let out = Command::new(java)
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(Error::io("java does not start"))?;
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    if out.status.success() {
        return Ok(said);
    }
    Err(Error::failed(format!("{}\n{said}{}", out.status, String::from_utf8_lossy(&out.stderr))))
}

/// It tells which requests it understands: asked in the oldest form, which needs no login.
fn answers(address: SocketAddr) -> bool {
    const CORRELATION: [u8; 4] = *b"here";
    let mut question = vec![0, 0, 0, 10, 0, 18, 0, 0];
    question.extend(CORRELATION);
    question.extend([0xff, 0xff]);
    probe::ask(address, &question, 10)
        .is_some_and(|answer| answer[4..8] == CORRELATION && answer[8..10] == [0, 0])
}
