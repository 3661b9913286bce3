//! A server that can be stopped, killed, paused and started again on its port and its data.

use std::{
    ffi::OsString,
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{Error, guard::Guard};

/// How long a server may take to answer, and to end when asked.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of its log is shown.
const TAIL_LINES: usize = 30;

/// A server on a fixed port with a folder of its own. Clones are the same server; it ends with the last of them.
///
/// Every call blocks the thread: from async code use [`aside`](crate::aside).
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    recipe: Recipe,
    address: SocketAddr,
    // Before the folder: the server ends first.
    guard: Mutex<Option<Guard>>,
    folder: tempfile::TempDir,
}

/// Makes what a server needs in its empty folder `data`; the folder beside it is for settings.
type Prepare = Box<dyn Fn(&Path) -> Result<(), Error> + Send + Sync>;

/// What is run, and when it is ready.
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) prepare: Prepare,
    pub(crate) answers: fn(SocketAddr) -> bool,
    /// The signal that ends it in order.
    pub(crate) stop: &'static str,
}

impl Server {
    /// A server that runs. `folder` is removed with it.
    pub(crate) fn start_new(
        recipe: Recipe,
        address: SocketAddr,
        folder: tempfile::TempDir,
    ) -> Result<Self, Error> {
        let server = Self { inner: Arc::new(Inner { recipe, address, guard: Mutex::new(None), folder }) };
        server.start()?;
        Ok(server)
    }

    /// Where it listens: the same over all its starts.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// The folder of its settings, its log and, below `data`, its data.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.inner.folder.path()
    }

    /// Starts it and waits until it answers. Does nothing to one that runs.
    ///
    /// # Errors
    /// It ends, or does not answer within a minute; the end of its log is shown.
    pub fn start(&self) -> Result<(), Error> {
        let mut slot = self.inner.guard.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_mut().is_some_and(|guard| guard.ended().is_none()) {
            return Ok(());
        }
        let recipe = &self.inner.recipe;
        let data = self.folder().join("data");
        if !data.exists() {
            fs::create_dir(&data).map_err(Error::io(data.display()))?;
            (recipe.prepare)(self.folder())?;
        }
        let guard =
            slot.insert(Guard::spawn(self.folder(), &self.log_file(), &recipe.program, &recipe.args)?);
        let begin = Instant::now();
        while !(recipe.answers)(self.address()) {
            if let Some(status) = guard.ended() {
                let log = self.log_tail();
                return Err(Error::failed(format!("{} ended while starting: {status}\n{log}", recipe.name)));
            }
            if begin.elapsed() > PATIENCE {
                let log = self.log_tail();
                return Err(Error::failed(format!(
                    "{} does not answer after {PATIENCE:?}\n{log}",
                    recipe.name
                )));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Ends it in order (SIGTERM, or what its kind of server takes for that) and waits for that. Its data stays.
    ///
    /// # Errors
    /// It does not run, or does not end within a minute: then it is killed.
    pub fn stop(&self) -> Result<(), Error> {
        let mut guard = self.take()?;
        // A paused one would hear it only later.
        let _ = guard.signal("CONT");
        guard.end(self.inner.recipe.stop, PATIENCE).map(drop)
    }

    /// Kills it without a word (SIGKILL). Its data stays as it is.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill(&self) -> Result<(), Error> {
        self.take()?.end("KILL", PATIENCE).map(drop)
    }

    /// [`stop`](Self::stop), then [`start`](Self::start).
    ///
    /// # Errors
    /// Those of the two.
    pub fn restart(&self) -> Result<(), Error> {
        self.stop()?;
        self.start()
    }

    /// [`kill`](Self::kill), then [`start`](Self::start).
    ///
    /// # Errors
    /// Those of the two.
    pub fn crash(&self) -> Result<(), Error> {
        self.kill()?;
        self.start()
    }

    /// Kills it, removes its data and starts it again.
    ///
    /// # Errors
    /// Those of [`kill`](Self::kill) and [`start`](Self::start), or the data cannot be removed.
    pub fn wipe(&self) -> Result<(), Error> {
        self.kill()?;
        let data = self.folder().join("data");
        fs::remove_dir_all(&data).map_err(Error::io(data.display()))?;
        self.start()
    }

    /// Halts it (SIGSTOP): connections stay open and nothing answers.
    ///
    /// # Errors
    /// It does not run.
    pub fn pause(&self) -> Result<(), Error> {
        self.signal("STOP")
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    /// It does not run.
    pub fn resume(&self) -> Result<(), Error> {
        self.signal("CONT")
    }

    /// Whether it runs, paused or not.
    #[must_use]
    pub fn runs(&self) -> bool {
        let mut slot = self.inner.guard.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_mut().is_some_and(|guard| guard.ended().is_none())
    }

    /// The last lines of what it has said, over all its starts.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = fs::read(self.log_file()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    fn log_file(&self) -> PathBuf {
        self.folder().join("server.log")
    }

    fn signal(&self, name: &str) -> Result<(), Error> {
        let mut slot = self.inner.guard.lock().unwrap_or_else(PoisonError::into_inner);
        let guard = slot.as_mut().ok_or_else(|| self.idle())?;
        guard.signal(name)
    }

    fn take(&self) -> Result<Guard, Error> {
        let mut slot = self.inner.guard.lock().unwrap_or_else(PoisonError::into_inner);
        slot.take().ok_or_else(|| self.idle())
    }

    fn idle(&self) -> Error {
        Error::failed(format!("{} does not run", self.inner.recipe.name))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { recipe, address, .. } = &*self.inner;
        f.debug_struct("Server").field("name", &recipe.name).field("address", address).finish_non_exhaustive()
    }
}

/// A new folder for a server of that name.
pub(crate) fn folder(name: &str) -> Result<tempfile::TempDir, Error> {
    let prefix = format!("headwater-test-{name}-");
    tempfile::Builder::new().prefix(&prefix).tempdir().map_err(Error::io("no temporary folder"))
}

/// Tries `start` on one free port after the other while somebody else takes the port in between.
pub(crate) fn on_free_port<T>(mut start: impl FnMut(SocketAddr) -> Result<T, Error>) -> Result<T, Error> {
    let mut attempts = 5;
    loop {
        let started = start(crate::port::free()?);
        attempts -= 1;
        match started {
            Err(Error::Failed(why))
                if attempts > 0 && why.to_ascii_lowercase().contains("address already in use") => {}
            started => return started,
        }
    }
}

/// Writes a file of settings into the folder of a server.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> Result<(), Error> {
    let file = folder.join(name);
    fs::write(&file, text).map_err(Error::io(file.display()))
}

/// What everybody who asks for a shared server gets, its failure too.
pub(crate) fn shared<T>(server: &'static Result<T, Error>) -> Result<&'static T, Error> {
    match server {
        Ok(server) => Ok(server),
        Err(Error::Missing(why)) => Err(Error::Missing(why.clone())),
        Err(Error::Failed(why)) => Err(Error::Failed(why.clone())),
    }
}
