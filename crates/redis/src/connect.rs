//! Making connections.

use std::time::Duration;

use headwater_store::Error;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError,
    ServerErrorKind, TlsCertificates, Value, aio::MultiplexedConnection,
};
use rustls::{
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::{
    RedisOptions,
    checks::{self, Server, Unfit},
    reply,
    target::{Sentinels, Target},
};

/// Makes connections to one server, wherever it is at the time.
#[derive(Clone)]
pub(crate) struct Connector {
    target: Target,
    connect_timeout: Duration,
    response_timeout: Duration,
}

impl Connector {
    /// # Errors
    /// The authority's file cannot be read.
    pub(crate) async fn new(mut target: Target, options: &RedisOptions) -> Result<Self, Error> {
        let tls = matches!(target.server.addr(), ConnectionAddr::TcpTls { .. });
        if tls && CryptoProvider::get_default().is_none() {
            // Another thread may have been first: then its provider is as good.
            let _ = ring::default_provider().install_default();
        }
        if let Some(path) = target.tls_ca.as_ref().or(options.tls_ca.as_ref()).filter(|_| tls) {
            let wrong = |why: &dyn std::fmt::Display| {
                Error::config(format_args!("{} holds no certificates of an authority: {why}", path.display()))
            };
            let root_cert = tokio::fs::read(path).await.map_err(|error| wrong(&error))?;
            if CertificateDer::pem_slice_iter(&root_cert).next().is_none() {
                return Err(wrong(&"there is none in it"));
            }
            let trust = TlsCertificates { client_tls: None, root_cert: Some(root_cert) };
            let sentinels = target.sentinel.iter_mut().flat_map(|sentinel| &mut sentinel.nodes);
            for node in sentinels.chain([&mut target.server]) {
                let client = Client::build_with_tls(node.clone(), trust.clone());
                *node = client.map_err(|error| wrong(&error))?.get_connection_info().clone();
            }
        }
        let (connect_timeout, response_timeout) = (options.connect_timeout, options.response_timeout);
        Ok(Self { target, connect_timeout, response_timeout })
    }

    /// The URL without credentials.
    pub(crate) fn shown(&self) -> String {
        self.target.to_string()
    }

    /// Where the server is now.
    pub(crate) async fn find(&self) -> Result<ConnectionInfo, Error> {
        match &self.target.sentinel {
            None => Ok(self.target.server.clone()),
            Some(sentinels) => self.ask(sentinels).await,
        }
    }

    /// A connection, and what its server says of itself, checked.
    pub(crate) async fn open(
        &self,
        at: &ConnectionInfo,
        response_timeout: Option<Duration>,
    ) -> Result<(MultiplexedConnection, Server), Error> {
        let address = at.addr().to_string();
        let mut connection =
            self.plain(at, response_timeout).await.map_err(|error| self.failed(&error, &address))?;
        let ask = async |connection: &mut MultiplexedConnection, words: &[&str]| {
            let mut command = Cmd::new();
            words.iter().for_each(|word| {
                command.arg(*word);
            });
            connection.send_packed_command(&command).await.and_then(Value::extract_error)
        };
        let info = ask(&mut connection, &["INFO"]).await.map_err(|error| self.failed(&error, &address))?;
        // Where that is not allowed, the careful assumption is made.
        let mut settings = Vec::new();
        for name in ["appendfsync", "no-appendfsync-on-rewrite"] {
            if let Ok(Value::Array(found)) = ask(&mut connection, &["CONFIG", "GET", name]).await
                && let Ok([key, value]) = <[Value; 2]>::try_from(found)
            {
                settings.push((reply::text(key)?, reply::text(value)?));
            }
        }
        let by_sentinel = self.target.sentinel.is_some();
        let server = checks::check(&reply::text(info)?, &address, &settings, by_sentinel);
        server.map(|server| (connection, server)).map_err(Unfit::into_error)
    }

    /// A connection that nothing is known of.
    async fn plain(
        &self,
        at: &ConnectionInfo,
        response_timeout: Option<Duration>,
    ) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(response_timeout.or(Some(self.response_timeout)));
        Client::open(at.clone())?.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Asks the Sentinels, one after the other, where the server is.
    async fn ask(&self, sentinels: &Sentinels) -> Result<ConnectionInfo, Error> {
        let mut last = Error::unavailable(format_args!("no Sentinel of {} answers", self.target));
        for node in &sentinels.nodes {
            let address = node.addr().to_string();
            let answer = async {
                let mut connection = self.plain(node, None).await?;
                let mut command = Cmd::new();
                command.arg("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&sentinels.master);
                connection.send_packed_command(&command).await.and_then(Value::extract_error)
            };
            match answer.await {
                Ok(Value::Array(parts)) => {
                    let [host, port] = <[Value; 2]>::try_from(parts).map_err(|_| reply::strange())?;
                    let port = u16::try_from(reply::number(&port)?).map_err(|_| reply::strange())?;
                    return Ok(self.target.server.clone().set_addr(self.at(reply::text(host)?, port)));
                }
                Ok(_) => {
                    let name = &sentinels.master;
                    last =
                        Error::config(format_args!("the Sentinel at {address} knows no master named {name}"));
                }
                Err(error) => last = self.failed(&error, &address),
            }
        }
        Err(last)
    }

    fn at(&self, host: String, port: u16) -> ConnectionAddr {
        match self.target.server.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
            }
            _ => ConnectionAddr::Tcp(host, port),
        }
    }

    /// Why there is no connection, and whether there may be one later.
    fn failed(&self, error: &RedisError, address: &str) -> Error {
        let code = error.code().unwrap_or_default();
        match error.kind() {
            ErrorKind::AuthenticationFailed => {
                Error::config(format_args!("Redis at {address} refuses the user or the password of the URL"))
            }
            _ if matches!(code, "NOAUTH" | "WRONGPASS") => Error::config(format_args!(
                "Redis at {address} wants a user and a password that it accepts: redis://user:password@host"
            )),
            ErrorKind::Server(ServerErrorKind::NoPerm) => Error::config(format_args!(
                "the user of the URL may not do what Headwater needs on Redis at {address}: {}",
                error.detail().unwrap_or("a command is not allowed")
            )),
            ErrorKind::InvalidClientConfig => {
                Error::config(format_args!("Redis at {address} cannot be connected to: {error}"))
            }
            _ if error.to_string().contains("certificate") => Error::config(format_args!(
                "the certificate of Redis at {address} is not trusted: `?tls_ca=FILE` names the authority that signed it \
                 ({error})"
            )),
            // A server without TLS waits for the rest of a command that it takes the handshake for.
            _ if matches!(self.target.server.addr(), ConnectionAddr::TcpTls { .. }) => {
                Error::unavailable(format_args!(
                    "Redis at {address} cannot be reached with TLS (rediss://), if it has it: {error}"
                ))
            }
            _ => Error::unavailable(format_args!("Redis at {address} cannot be reached: {error}")),
        }
    }
}
