//! PostgreSQL.

use std::{
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
    time::Duration,
};

use crate::{
    Error, Server, find, probe,
    server::{Recipe, folder, on_free_port, write},
};

/// The role that may do everything, and its password.
const ADMIN: (&str, &str) = ("postgres", "open-sesame");
/// How often a start after a crash is tried: the children of the one that was killed hold its memory for a moment.
const RESTARTS: u32 = 50;

/// How a PostgreSQL is started. The default syncs nothing to the disk: SIGKILL loses nothing without it, only a power
/// cut does.
#[derive(Debug, Clone, Default)]
pub struct PostgresOptions {
    durable: bool,
    settings: Vec<(String, String)>,
}

impl PostgresOptions {
    /// Syncs each commit to the disk, as PostgreSQL does by itself: for measurements.
    #[must_use]
    pub const fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Any other line of `postgresql.conf`.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    fn args(&self, address: SocketAddr) -> Vec<OsString> {
        let mut settings = vec![
            format!("listen_addresses={}", address.ip()),
            format!("port={}", address.port()),
            "unix_socket_directories=".to_owned(),
            format!("fsync={}", if self.durable { "on" } else { "off" }),
        ];
        settings.extend(self.settings.iter().map(|(name, value)| format!("{name}={value}")));
        let settings = settings.into_iter().flat_map(|setting| ["-c".into(), setting.into()]);
        ["-D".into(), "data/cluster".into()].into_iter().chain(settings).collect()
    }
}

/// A PostgreSQL server.
#[derive(Debug, Clone)]
pub struct Postgres {
    server: Server,
}

impl Postgres {
    /// Starts one on a free port with an empty cluster: about two seconds. It does not run as root, so a root takes the
    /// user `postgres`, else `nobody`, for it.
    ///
    /// # Errors
    /// `postgres` is missing, or does not start.
    pub fn start(options: &PostgresOptions) -> Result<Self, Error> {
        let programs = programs()?;
        let server = on_free_port(|address| {
            let folder = folder("postgres")?;
            let (program, mut args) = unprivileged(&programs.join("postgres"));
            args.extend(options.args(address));
            let initdb = programs.join("initdb");
            let recipe = Recipe {
                name: "postgres",
                program,
                args,
                prepare: Box::new(move |folder| prepare(&initdb, folder)),
                answers,
                // SIGTERM would wait for its clients to go.
                stop: "INT",
            };
            Server::start_new(recipe, address, folder)
        })?;
        Ok(Self { server })
    }

    /// The one of this test program, with default options: started by the first who asks, ended with the process. Its
    /// tests share it, so each takes a database of its own.
    ///
    /// # Errors
    /// Those of [`start`](Self::start), each time again.
    pub fn shared() -> Result<&'static Self, Error> {
        static SHARED: OnceLock<Result<Postgres, Error>> = OnceLock::new();
        crate::server::shared(SHARED.get_or_init(|| Self::start(&PostgresOptions::default())))
    }

    /// The process: stop, start, kill, pause. Use [`crash`](Self::crash) instead of its own.
    #[must_use]
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// Kills it without a word and starts it again: it recovers from its log.
    ///
    /// # Errors
    /// It does not run, or does not come back.
    pub fn crash(&self) -> Result<(), Error> {
        self.server.kill()?;
        let mut attempts = RESTARTS;
        loop {
            let started = self.server.start();
            attempts -= 1;
            if started.is_ok() || attempts == 0 {
                return started;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// `postgres://…` of the role that may do everything, and the database that is there from the beginning.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(ADMIN.0, ADMIN.1, "postgres")
    }

    /// `postgres://…` of any role and database.
    #[must_use]
    pub fn url_of(&self, role: &str, password: &str, database: &str) -> String {
        self.url_at(self.address(), role, password, database)
    }

    /// The same at another address: that of a proxy in front of it.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr, role: &str, password: &str, database: &str) -> String {
        format!("postgres://{role}:{password}@{address}/{database}?sslmode=disable")
    }

    /// Makes a database and gives its URL for the role that may do everything.
    ///
    /// # Errors
    /// There is one of that name, or the server is away.
    pub fn database(&self, name: &str) -> Result<String, Error> {
        self.sql("postgres", &format!("CREATE DATABASE \"{name}\""))?;
        Ok(self.url_of(ADMIN.0, ADMIN.1, name))
    }

    /// Runs SQL as the role that may do everything, by `psql`, and gives what it prints, bare.
    ///
    /// # Errors
    /// It fails; the text is what it said.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String, Error> {
        let psql = find::program("psql").or_else(|_| programs().map(|programs| programs.join("psql")))?;
        let out = Command::new(psql)
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .arg(self.url_of(ADMIN.0, ADMIN.1, database))
            .stdin(Stdio::null())
            .output()
            .map_err(Error::io("psql does not start"))?;
        if out.status.success() {
            return Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned());
        }
        Err(Error::failed(String::from_utf8_lossy(&out.stderr)))
    }
}

/// The folder of the server's programs: that of `postgres` in `PATH`, or the newest that Debian has.
fn programs() -> Result<PathBuf, Error> {
    let found = find::program("postgres").or_else(|missing| {
        let versions = fs::read_dir("/usr/lib/postgresql").map_err(|_| missing)?.flatten();
        let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
        let newest = versions.map(|entry| entry.path()).max_by_key(|path| number(path));
        let program = newest.map(|version| version.join("bin/postgres")).filter(|file| file.is_file());
        program.ok_or_else(|| {
            Error::Missing("postgres is not installed: run `cargo xtask setup`, which says how".to_owned())
        })
    })?;
    // `initdb` stands beside the program itself, wherever a link to it stands.
    let real = fs::canonicalize(&found).map_err(Error::io(found.display()))?;
    Ok(real.parent().map(Path::to_owned).unwrap_or_default())
}

/// A call of a program that never runs as root.
fn unprivileged(program: &Path) -> (PathBuf, Vec<OsString>) {
    let Some((uid, gid)) = user() else { return (program.to_owned(), Vec::new()) };
    let (uid, gid) = (uid.to_string(), gid.to_string());
    let args = ["--reuid", &uid, "--regid", &gid, "--clear-groups"].map(OsString::from);
    ("setpriv".into(), args.into_iter().chain([program.into()]).collect())
}

/// Makes the cluster, as the user the server runs as.
fn prepare(initdb: &Path, folder: &Path) -> Result<(), Error> {
    write(folder, "password", ADMIN.1)?;
    hand_over(folder)?;
    let (program, args) = unprivileged(initdb);
    let out = Command::new(program)
        .args(args)
        .args(["-D", "data/cluster", "-U", ADMIN.0, "--pwfile", "password", "-A", "scram-sha-256"])
        .args(["-E", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(Error::io("initdb does not start"))?;
    if out.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    Err(Error::failed(format!("initdb: {}\n{said}", out.status)))
}

/// Lets the server's user into a folder that is ours, where that is another one.
#[cfg(unix)]
fn hand_over(folder: &Path) -> Result<(), Error> {
    use std::os::unix::fs::chown;

    let Some((uid, gid)) = user() else { return Ok(()) };
    for part in [folder.to_owned(), folder.join("data"), folder.join("password")] {
        chown(&part, Some(uid), Some(gid)).map_err(Error::io(part.display()))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn hand_over(_folder: &Path) -> Result<(), Error> {
    Ok(())
}

/// Where we are root: the numbers of the user that the server runs as, and of its group.
fn user() -> Option<(u32, u32)> {
    if !is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    of("postgres").or_else(|| of("nobody"))
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// A login is asked for a password, or refused for one: while it recovers it answers with another error.
fn answers(address: SocketAddr) -> bool {
    let mut login = vec![0, 3, 0, 0];
    login.extend(b"user\0postgres\0database\0postgres\0\0");
    let length = u32::try_from(login.len() + 4).unwrap_or_default();
    let question = [&length.to_be_bytes()[..], &login].concat();
    probe::ask(address, &question, 1).is_some_and(|answer| answer[0] == b'R')
}
