//! The gateway inside an embedding program.

use std::{io, net::SocketAddr, sync::Arc};

use headwater_broker::EventBroker;
use headwater_gateway::{AuthConfig, Authority, FetchKeys, Gateway, GatewayConfig};
use headwater_store::SystemClock;
use tokio::{
    net::{TcpListener, ToSocketAddrs},
    sync::oneshot,
    task::JoinHandle,
};

/// Why the door did not open, or shut by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen: {0}")]
    Listen(#[source] io::Error),
    /// The gateway failed.
    #[error(transparent)]
    Gateway(#[from] headwater_gateway::Error),
    /// The gateway's task panicked or was cancelled with its runtime.
    #[error("the server's task ended early")]
    Lost,
}

/// A gateway that serves in a task of its own. Dropping it stops serving in the same order as
/// [`Server::shutdown`], without waiting.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), headwater_gateway::Error>>,
}

/// Opens the HTTP door of a broker at `addr`; port 0 takes a free one. It serves when the call returns.
///
/// # Errors
/// [`ServeError::Listen`] where the address cannot be had.
pub async fn serve(broker: Arc<dyn EventBroker>, addr: impl ToSocketAddrs) -> Result<Server, ServeError> {
    serve_with(broker, addr, GatewayConfig::default()).await
}

/// As [`serve`], with other limits and intervals.
///
/// # Errors
/// As [`serve`]; a configuration that cannot work ends the server at once, which [`Server::wait`] tells.
pub async fn serve_with(
    broker: Arc<dyn EventBroker>,
    addr: impl ToSocketAddrs,
    config: GatewayConfig,
) -> Result<Server, ServeError> {
    serve_guarded(broker, addr, config, None).await
}

/// Where keys come from, read and ready: see [`serve_guarded`].
///
/// # Errors
/// Says what cannot be used, and why.
pub async fn authority(config: AuthConfig) -> Result<Arc<Authority>, String> {
    let fetch: FetchKeys =
        Arc::new(|url| Box::pin(async move { headwater_client::fetch(&url, MAX_KEYS).await }));
    Authority::open(config, Arc::new(SystemClock), Some(fetch)).await
}

/// The most that an identity provider may answer, in bytes.
const MAX_KEYS: usize = 1024 * 1024;

/// As [`serve_with`], for those whom `authority` knows. Without one nobody is asked, which is for loopback addresses
/// only, unless [`GatewayConfig::insecure`] says otherwise.
///
/// # Errors
/// As [`serve_with`].
pub async fn serve_guarded(
    broker: Arc<dyn EventBroker>,
    addr: impl ToSocketAddrs,
    config: GatewayConfig,
    authority: Option<Arc<Authority>>,
) -> Result<Server, ServeError> {
    let listener = TcpListener::bind(addr).await.map_err(ServeError::Listen)?;
    let addr = listener.local_addr().map_err(ServeError::Listen)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let gateway = match authority {
        Some(authority) => Gateway::guarded(broker, config, authority),
        None => Gateway::new(broker, config),
    };
    let task = tokio::spawn(async move {
        // A dropped sender means the same as a sent one.
        gateway.serve(listener, async { drop(stopped.await) }).await
    });
    Ok(Server { addr, stop: Some(stop), task })
}

impl Server {
    /// Where it listens, with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its address as clients take it; a server that listens everywhere is reached on this machine.
    #[must_use]
    pub fn url(&self) -> String {
        let mut addr = self.addr;
        match addr {
            SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
                addr.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
            }
            SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
                addr.set_ip(std::net::Ipv6Addr::LOCALHOST.into());
            }
            _ => {}
        }
        format!("http://{addr}")
    }

    /// Waits until it stops by itself, which it does only when it fails.
    ///
    /// # Errors
    /// Why it failed.
    pub async fn wait(&mut self) -> Result<(), ServeError> {
        (&mut self.task).await.map_err(|_| ServeError::Lost)?.map_err(ServeError::from)
    }

    /// Stops in order: no new connection, streams end with a place to come back to, requests in flight are answered.
    /// The broker stays open.
    ///
    /// # Errors
    /// It had failed before.
    pub async fn shutdown(mut self) -> Result<(), ServeError> {
        self.stop.take();
        self.wait().await
    }
}
