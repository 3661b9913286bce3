//! A subscription over server-sent events that reconnects by itself.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_trait::async_trait;
use headwater_broker::{Error, Item, Source, Start, Subscription};
use headwater_events::{Cursor, Filter, Scope};
use headwater_store::{Backoff, Error as StoreError, StatusKind};
use tokio::time::{Instant, sleep_until};

use crate::{
    connection::{Connection, Opened, Refused},
    frames::{self, Meaning},
    http::{Call, Http},
    page, query,
};

/// Where a subscription stands: everything that must outlive a connection.
///
/// The cursor moves only with a whole frame, and a new connection starts directly behind it: so each event comes
/// once, in order, however often the connection is lost.
#[derive(Debug)]
pub(crate) struct HttpSource {
    http: Arc<Http>,
    call: Call,
    filter: Filter,
    /// Whether the scope is one stream.
    single: bool,
    cursor: Cursor,
    connection: Option<Box<Connection>>,
    backoff: Backoff,
    /// When the next connection may be tried.
    retry_at: Instant,
    caught_up: bool,
    /// The end was handed over and nothing came after it.
    ended: bool,
    over: bool,
    /// What comes next is this error.
    failed: Option<Error>,
    /// Items that came before the first cursor did, or that stand for a 204.
    pending: VecDeque<Item>,
}

/// Subscribes: the subscription is live when this returns.
pub(crate) async fn subscribe(http: &Arc<Http>, wanted: Subscription) -> Result<HttpSource, Error> {
    let mut call = query::events(http, &wanted.scope, &wanted.filter)?;
    query::add(&mut call.url, "overflow", &wanted.overflow.to_string());
    let mut backoff = Backoff::new(http.options.backoff_min, http.options.backoff_max);
    let mut left = http.options.attempts.max(1);
    loop {
        left -= 1;
        let error = match HttpSource::begin(http, &call, &wanted.scope, &wanted.filter, &wanted.start).await {
            Ok(source) => return Ok(source),
            Err(Refused::ForGood(error)) => return Err(error),
            Err(Refused::ForNow(error)) => error,
        };
        if left == 0 {
            return Err(error);
        }
        tokio::time::sleep(backoff.next()).await;
    }
}

impl HttpSource {
    /// Opens the first connection and waits for its first block, which says where the subscription begins.
    async fn begin(
        http: &Arc<Http>,
        call: &Call,
        scope: &Scope,
        filter: &Filter,
        start: &Start,
    ) -> Result<Self, Refused> {
        let mut pending = VecDeque::new();
        let single = matches!(scope, Scope::Stream(..));
        let (connection, cursor) = match Connection::open(http, call, start).await? {
            Opened::Over => {
                let cursor = match start {
                    Start::After(cursor) => cursor.clone(),
                    Start::Earliest | Start::Live => {
                        page::end(http, scope).await.map_err(Refused::ForGood)?
                    }
                };
                pending.extend([Item::CaughtUp(cursor.clone()), Item::End(cursor.clone())]);
                (None, cursor)
            }
            Opened::Open(mut connection) => {
                let first = first_cursor(&mut connection, &mut pending, single);
                let cursor =
                    tokio::time::timeout(http.options.request_timeout, first).await.unwrap_or_else(|_| {
                        Err(Refused::ForNow(
                            StoreError::unavailable("the server did not say where it begins").into(),
                        ))
                    })?;
                (Some(connection), cursor)
            }
        };
        Ok(Self {
            http: Arc::clone(http),
            call: call.clone(),
            filter: filter.clone(),
            single,
            cursor,
            over: connection.is_none(),
            connection,
            backoff: Backoff::new(http.options.backoff_min, http.options.backoff_max),
            retry_at: Instant::now(),
            caught_up: false,
            ended: false,
            failed: None,
            pending,
        })
    }

    /// Takes what has come in, at most `max` items.
    fn take(&mut self, out: &mut VecDeque<Item>, max: usize) -> Result<(), Error> {
        while out.len() < max {
            if let Some(item) = self.pending.pop_front() {
                self.hand_over(item, out);
                continue;
            }
            let Some(connection) = &mut self.connection else {
                return Ok(());
            };
            let Some(frame) = connection.frame()? else {
                return Ok(());
            };
            if let Some(retry) = frame.retry {
                self.backoff.set_min(retry);
            }
            match frames::read(frame, self.single)? {
                Meaning::Item(item) => self.hand_over(item, out),
                Meaning::Moved(cursor) => self.cursor = cursor,
                Meaning::Nothing => {}
                Meaning::Failed(error) => {
                    if !passes(&error) {
                        return Err(error);
                    }
                    tracing::debug!(%error, "subscription reconnects");
                    self.lose();
                }
            }
        }
        Ok(())
    }

    fn hand_over(&mut self, item: Item, out: &mut VecDeque<Item>) {
        self.cursor = item.cursor();
        self.backoff.reset();
        let repeated = match &item {
            // A server may know fewer kinds of patterns than this client.
            Item::Event(delivery) if !self.filter.matches(delivery.event()) => return,
            Item::Event(_) | Item::Gap(_) => {
                self.ended = false;
                false
            }
            // Every connection says so: the subscription says it once.
            Item::CaughtUp(_) => std::mem::replace(&mut self.caught_up, true),
            Item::End(_) => std::mem::replace(&mut self.ended, true),
        };
        if !repeated {
            out.push_back(item);
        }
    }

    /// The connection is of no more use: another one is opened after a while.
    fn lose(&mut self) {
        self.connection = None;
        self.retry_at = Instant::now() + self.backoff.next();
    }

    async fn reconnect(&mut self) -> Result<(), Error> {
        sleep_until(self.retry_at).await;
        match Connection::open(&self.http, &self.call, &Start::After(self.cursor.clone())).await {
            Ok(Opened::Open(connection)) => self.connection = Some(connection),
            Ok(Opened::Over) => {
                self.over = true;
                for item in [Item::CaughtUp(self.cursor.clone()), Item::End(self.cursor.clone())] {
                    self.pending.push_back(item);
                }
            }
            Err(Refused::ForNow(error)) => {
                tracing::debug!(%error, "subscription cannot reconnect yet");
                self.retry_at = Instant::now() + self.backoff.next();
            }
            Err(Refused::ForGood(error)) => return Err(error),
        }
        Ok(())
    }

    fn idle(&self) -> Duration {
        self.http.options.idle_timeout
    }
}

#[async_trait]
impl Source for HttpSource {
    async fn fill(&mut self, out: &mut VecDeque<Item>, max: usize) -> Result<bool, Error> {
        let closed = self.http.closed.clone();
        loop {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            let taken = self.take(out, max);
            if !out.is_empty() {
                // What came before an error is delivered before it.
                self.failed = taken.err();
                return Ok(true);
            }
            taken?;
            if self.over || closed.is_cancelled() {
                return Ok(false);
            }
            let idle = self.idle();
            let Some(connection) = &mut self.connection else {
                tokio::select! {
                    biased;
                    () = closed.cancelled() => {}
                    done = self.reconnect() => done?,
                }
                continue;
            };
            let more = tokio::select! {
                biased;
                () = closed.cancelled() => continue,
                more = connection.more(idle) => more,
            };
            if !more {
                // Behind the end the server hangs up.
                self.over = self.ended;
                if !self.over {
                    self.http.set_status(StatusKind::Away, "a subscription lost its connection");
                }
                self.lose();
            }
        }
    }

    fn cursor(&self) -> Cursor {
        self.cursor.clone()
    }
}

/// Reads up to the first block with a cursor.
async fn first_cursor(
    connection: &mut Connection,
    pending: &mut VecDeque<Item>,
    single: bool,
) -> Result<Cursor, Refused> {
    loop {
        while let Some(frame) = connection.frame().map_err(Refused::ForGood)? {
            match frames::read(frame, single).map_err(Refused::ForGood)? {
                Meaning::Nothing => {}
                Meaning::Moved(cursor) => return Ok(cursor),
                Meaning::Failed(error) if passes(&error) => return Err(Refused::ForNow(error)),
                Meaning::Failed(error) => return Err(Refused::ForGood(error)),
                Meaning::Item(item) => {
                    let cursor = item.cursor();
                    pending.push_back(item);
                    return Ok(cursor.at(cursor.position().prev()));
                }
            }
        }
        if !connection.more(Duration::from_secs(3600)).await {
            let error = StoreError::unavailable("the server closed the subscription before it began");
            return Err(Refused::ForNow(error.into()));
        }
    }
}

/// Whether reconnecting may help: the server is away or going. What the reader has to know comes through.
fn passes(error: &Error) -> bool {
    error.is_retryable() && !matches!(error, Error::SlowConsumer { .. })
}
