//! A proxy that breaks connections as networks do.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    thread,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use crate::Error;

/// A TCP proxy on a free port of 127.0.0.1, in a thread of its own. Clones are the same proxy; it ends with the last.
#[derive(Debug, Clone)]
pub struct Proxy {
    control: Arc<Control>,
    address: SocketAddr,
    /// The thread ends when the last sender is gone.
    _alive: watch::Sender<()>,
}

#[derive(Debug)]
struct Control {
    target: watch::Sender<Option<SocketAddr>>,
    refuse: AtomicBool,
    stall: watch::Sender<bool>,
    /// Counts up with every cut: connections of an older count end.
    cuts: watch::Sender<u64>,
    /// How many bytes of reply may still pass before everything is cut; negative: no such order.
    fuse: AtomicI64,
    attempts: AtomicU64,
    open: AtomicU64,
}

impl Proxy {
    /// A proxy in front of `target`.
    ///
    /// # Errors
    /// No port or no thread.
    pub fn to(target: SocketAddr) -> Result<Self, Error> {
        let proxy = Self::unaimed()?;
        proxy.forward_to(target);
        Ok(proxy)
    }

    /// A proxy whose target comes later: until then connections are refused.
    ///
    /// # Errors
    /// No port or no thread.
    pub fn unaimed() -> Result<Self, Error> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("no port"))?;
        listener.set_nonblocking(true).map_err(Error::io("no port"))?;
        let address = listener.local_addr().map_err(Error::io("no port"))?;
        let control = Arc::new(Control {
            target: watch::Sender::new(None),
            refuse: AtomicBool::new(false),
            stall: watch::Sender::new(false),
            cuts: watch::Sender::new(0),
            fuse: AtomicI64::new(-1),
            attempts: AtomicU64::new(0),
            open: AtomicU64::new(0),
        });
        let (alive, mut over) = watch::channel(());
        // A runtime of its own: it forwards whatever the runtime of the test does, paused clock included.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Error::io("no runtime"))?;
        let mine = Arc::clone(&control);
        let run = async move {
            tokio::select! {
                () = accept(listener, mine) => {}
                _ = async { while over.changed().await.is_ok() {} } => {}
            }
        };
        thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(move || runtime.block_on(run))
            .map_err(Error::io("no thread"))?;
        Ok(Self { control, address, _alive: alive })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where new connections go from now on.
    pub fn forward_to(&self, target: SocketAddr) {
        self.control.target.send_replace(Some(target));
    }

    /// Cuts every open connection.
    pub fn cut_now(&self) {
        self.control.cut();
    }

    /// Cuts every open connection once `bytes` more bytes of reply have passed: in the middle of one.
    pub fn cut_after(&self, bytes: u32) {
        self.control.fuse.store(i64::from(bytes), Ordering::SeqCst);
    }

    /// Whether new connections are closed at once. Open ones stay.
    pub fn refuse(&self, on: bool) {
        self.control.refuse.store(on, Ordering::SeqCst);
    }

    /// Whether nothing passes, in either direction, while everything stays open: a network that swallows packets.
    pub fn stall(&self, on: bool) {
        self.control.stall.send_replace(on);
    }

    /// How many connections there were, refused ones included.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.control.attempts.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.control.open.load(Ordering::SeqCst)
    }
}

impl Control {
    fn cut(&self) {
        self.cuts.send_modify(|count| *count += 1);
    }

    /// How many of `len` bytes of reply may pass, and whether the cut follows.
    fn burn(&self, len: usize) -> (usize, bool) {
        let len = i64::try_from(len).unwrap_or(i64::MAX);
        let before = self.fuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| match left {
            ..0 => None,
            left if left <= len => Some(-1),
            left => Some(left - len),
        });
        match before {
            Ok(left) if left <= len => (usize::try_from(left).unwrap_or(0), true),
            _ => (usize::try_from(len).unwrap_or(0), false),
        }
    }
}

async fn accept(listener: std::net::TcpListener, control: Arc<Control>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    // Ends with the runtime, and so do the connections.
    while let Ok((client, _)) = listener.accept().await {
        control.attempts.fetch_add(1, Ordering::SeqCst);
        let target = *control.target.borrow();
        let Some(target) = target.filter(|_| !control.refuse.load(Ordering::SeqCst)) else {
            continue;
        };
        tokio::spawn(connection(client, target, Arc::clone(&control)));
    }
}

async fn connection(client: TcpStream, target: SocketAddr, control: Arc<Control>) {
    let mut cuts = control.cuts.subscribe();
    let _open = Open::new(&control);
    let forward = async {
        let server = TcpStream::connect(target).await?;
        let _ = client.set_nodelay(true);
        let _ = server.set_nodelay(true);
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::try_join!(
            pump(from_client, to_server, &control, false),
            pump(from_server, to_client, &control, true)
        )
    };
    tokio::select! {
        _ = forward => {}
        _ = cuts.changed() => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    control: &Control,
    replies: bool,
) -> std::io::Result<()> {
    let mut stall = control.stall.subscribe();
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let len = from.read(&mut buffer).await?;
        // The sender lives in `control`.
        let _ = stall.wait_for(|stalled| !*stalled).await;
        if len == 0 {
            return to.shutdown().await;
        }
        let (pass, cut) = if replies { control.burn(len) } else { (len, false) };
        to.write_all(&buffer[..pass]).await?;
        if cut {
            control.cut();
            // What was written is on its way: the connection is dropped by the cut.
            std::future::pending::<()>().await;
        }
    }
}

/// Counts a connection for as long as it is open.
struct Open<'a>(&'a Control);

impl<'a> Open<'a> {
    fn new(control: &'a Control) -> Self {
        control.open.fetch_add(1, Ordering::SeqCst);
        Self(control)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}
