//! Who decides whom a credential stands for.

mod config;
mod fresh;
mod sources;

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use headwater_events::Tenant;
use headwater_store::Clock;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use tokio::sync::watch;

pub use config::{AuthConfig, FetchKeys};
use sources::Sources;

use super::{
    caller::{By, Caller},
    credential::Credential,
    grant::{Grant, Right, Rights},
    jwt::{Refused, Tokens},
    keys::{self, Table},
    refused,
    ticket::{self, Signer, Ticket},
};
use crate::{problem::Problem, tenant};

/// Checks credentials: API keys of a file, tokens of an identity provider, and the tickets it has signed itself.
///
/// Files are read again when they change, keys of a provider in an interval and when a token names one that is not
/// known. What cannot be read then leaves what was there in force, and is logged.
pub struct Authority {
    config: AuthConfig,
    clock: Arc<dyn Clock>,
    /// Whether nobody is asked: everybody has all rights then.
    open: Option<Arc<Rights>>,
    tokens: Option<Tokens>,
    fetch: Option<FetchKeys>,
    now: RwLock<Now>,
    sources: tokio::sync::Mutex<Sources>,
    /// Grows with each change of the keys: callers who stay are looked at again then.
    changes: watch::Sender<u64>,
}

/// What the files said last.
struct Now {
    table: Arc<Table>,
    signer: Arc<Signer>,
}

impl Authority {
    /// Asks nobody: the tenant is the one a request names, and it may do everything.
    pub(crate) fn open_to_all(clock: Arc<dyn Clock>) -> Self {
        let config = AuthConfig::default();
        let signer = Signer::new(&keys::random::<32>().unwrap_or_default());
        Self {
            open: Some(Arc::new(Rights::all())),
            tokens: None,
            fetch: None,
            now: RwLock::new(Now { table: Arc::default(), signer: Arc::new(signer) }),
            sources: tokio::sync::Mutex::default(),
            changes: watch::Sender::new(0),
            config,
            clock,
        }
    }

    /// Reads the keys that are configured. A provider that cannot be reached is no error: it is asked again.
    ///
    /// `fetch` gets a provider's keys from the network.
    ///
    /// # Errors
    /// Says which file or key of the configuration cannot be used, and why.
    pub async fn open(
        config: AuthConfig,
        clock: Arc<dyn Clock>,
        fetch: Option<FetchKeys>,
    ) -> Result<Arc<Self>, String> {
        config.check()?;
        if config.jwks_url.is_some() && fetch.is_none() {
            return Err("jwks_url: this program cannot fetch keys from the network".into());
        }
        let tokens =
            config.wants_tokens().then(|| Tokens::new(config.issuer.clone(), config.audience.clone()));
        // Where no file has a secret for tickets, they are good as long as the process.
        let secret = config.ticket_secret.clone().or_else(keys::random::<32>);
        let signer = Signer::new(&secret.ok_or("the system gives no random numbers")?);
        let authority = Arc::new(Self {
            open: None,
            tokens,
            fetch,
            now: RwLock::new(Now { table: Arc::default(), signer: Arc::new(signer) }),
            sources: tokio::sync::Mutex::default(),
            changes: watch::Sender::new(0),
            config,
            clock,
        });
        authority.read_files().await?;
        if authority.config.jwks_url.is_some() {
            authority.ask_provider().await;
        }
        Ok(authority)
    }

    /// Whether everybody may do everything.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Who sends a request.
    pub(crate) async fn admit(&self, headers: &HeaderMap, uri: &Uri) -> Result<Caller, Problem> {
        match (Credential::of(headers, uri), &self.open) {
            (Credential::Ticket(text), _) => self.ticket(&text, headers),
            // Nobody is asked: what is shown all the same means nothing.
            (_, Some(rights)) => {
                let tenant = tenant::named(headers)?.unwrap_or_default();
                Ok(Caller { tenant, rights: Arc::clone(rights), until: None, by: By::Nothing })
            }
            (Credential::None, None) => Err(refused::nobody()),
            (Credential::Unreadable, None) => Err(refused::unknown()),
            (Credential::Bearer(text), None) if text.starts_with(ticket::PREFIX) => {
                self.ticket(&text, headers)
            }
            (Credential::Bearer(text), None) => match keys::parse(&text) {
                Some((id, secret)) => self.key(id, secret, headers),
                None => self.token(&text, headers).await,
            },
        }
    }

    fn key(&self, id: &str, secret: &str, headers: &HeaderMap) -> Result<Caller, Problem> {
        let accepted = self.table().accept(id, secret, self.now()).ok_or_else(refused::unknown)?;
        let tenant = chosen(&accepted.rights, headers)?;
        let by = By::Key { id: accepted.id, hash: accepted.hash };
        Ok(Caller { tenant, rights: accepted.rights, until: accepted.until, by })
    }

    async fn token(&self, text: &str, headers: &HeaderMap) -> Result<Caller, Problem> {
        let tokens = self.tokens.as_ref().ok_or_else(refused::unknown)?;
        let mut accepted = tokens.accept(text, self.now());
        if matches!(accepted, Err(Refused::UnknownKey)) && self.config.jwks_url.is_some() {
            self.ask_provider().await;
            accepted = tokens.accept(text, self.now());
        }
        let (rights, until) = accepted.map_err(|_| refused::unknown())?;
        let by = By::Token { text: text.into() };
        Ok(Caller { tenant: chosen(&rights, headers)?, rights, until: Some(until), by })
    }

    fn ticket(&self, text: &str, headers: &HeaderMap) -> Result<Caller, Problem> {
        let ticket = self.read_now(|now| Arc::clone(&now.signer)).open(text).ok_or_else(refused::unknown)?;
        let grant = Grant {
            tenants: vec![ticket.t],
            scopes: vec![Right::Subscribe],
            streams: ticket.s,
            read_types: ticket.r,
            ..Grant::default()
        };
        let rights = Rights::new(&grant).map_err(|_| refused::unknown())?;
        let until = Timestamp::from_second(ticket.x).map_err(|_| refused::unknown())?;
        let tenant = chosen(&rights, headers)?;
        let by = By::Ticket { key: ticket.k.map(Arc::from) };
        let caller = Caller { tenant, rights: Arc::new(rights), until: Some(until), by };
        if self.still(&caller, true) { Ok(caller) } else { Err(refused::unknown()) }
    }

    /// A ticket for what a caller may read, or a part of it.
    pub(super) fn sign(&self, caller: &Caller, streams: Vec<String>, until: Timestamp) -> String {
        let key = match &caller.by {
            By::Key { id, .. } => Some(id.to_string()),
            By::Nothing | By::Token { .. } | By::Ticket { .. } => None,
        };
        let ticket = Ticket {
            t: caller.tenant.to_string(),
            s: streams,
            r: caller.rights.read_types().to_vec(),
            x: until.as_second(),
            k: key,
        };
        self.read_now(|now| Arc::clone(&now.signer)).sign(&ticket)
    }

    /// Whether a caller would be accepted again. A token is looked at closely only where keys have `changed`: until then
    /// its end is all there is to know.
    pub(super) fn still(&self, caller: &Caller, changed: bool) -> bool {
        let now = self.now();
        caller.until.is_none_or(|until| now < until)
            && match &caller.by {
                By::Nothing | By::Ticket { key: None } => true,
                By::Token { text } => {
                    !changed || self.tokens.as_ref().is_some_and(|tokens| tokens.accept(text, now).is_ok())
                }
                By::Key { id, hash } => self.table().still(id, hash, &caller.rights, now),
                By::Ticket { key: Some(id) } => {
                    self.table().rights(id, now).is_some_and(|rights| rights.cover(&caller.rights))
                }
            }
    }

    /// When callers of this kind are to be looked at again: `None` where no key has given them their rights.
    pub(super) fn changes(&self, caller: &Caller) -> Option<watch::Receiver<u64>> {
        let of_a_key = !matches!(&caller.by, By::Nothing | By::Ticket { key: None });
        of_a_key.then(|| self.changes.subscribe())
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn table(&self) -> Arc<Table> {
        self.read_now(|now| Arc::clone(&now.table))
    }

    fn read_now<T>(&self, read: impl FnOnce(&Now) -> T) -> T {
        read(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The tenant a request is for: the one it names, if that is covered; else the only one there is; else `default`.
fn chosen(rights: &Rights, headers: &HeaderMap) -> Result<Tenant, Problem> {
    let tenants = rights.tenants();
    match tenant::named(headers)? {
        Some(tenant) if tenants.cover(tenant.as_str()) => Ok(tenant),
        Some(tenant) => Err(refused::forbidden(format!("the credential is not for the tenant `{tenant}`"))),
        None => match tenants.only() {
            Some(name) => Ok(Tenant::new(name.to_owned())?),
            None if tenants.cover(Tenant::default().as_str()) => Ok(Tenant::default()),
            None => Err(Problem::new(
                "invalid-tenant",
                "the credential is for several: name one with Headwater-Tenant",
            )),
        },
    }
}
