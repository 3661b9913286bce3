//! One socket: what comes in, what goes out, and how it ends.

use std::{collections::HashMap, pin::Pin, sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use headwater_broker::Item;
use headwater_events::Scope;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{
    io::AsyncReadExt as _,
    select,
    sync::Semaphore,
    time::{Instant, Sleep, sleep_until, timeout, timeout_at},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Bytes, Error, Message},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{
    close::Close,
    incoming::{Incoming, Wanted, bad},
    outgoing,
    subscription::{Active, History, News},
};
use crate::{
    app::{App, Seat},
    identity::Vigil,
    problem::Problem,
};

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// How long a peer may take to answer a close.
const FAREWELL: Duration = Duration::from_secs(2);
/// After how many heartbeats without a word of the peer a socket is taken for dead.
const SILENT: u32 = 3;
/// How many subscriptions of a socket read history at once.
const TURNS: usize = 8;

/// A socket and its subscriptions.
pub(super) struct Session {
    socket: Socket,
    /// Subscriptions that wait for news.
    waiting: FuturesUnordered<BoxFuture<'static, (Active, News)>>,
    /// All there are, by what the client calls them.
    active: HashMap<String, CancellationToken>,
    /// The turns of those that read history.
    turns: Arc<Semaphore>,
    vigil: Vigil,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    beat: Pin<Box<Sleep>>,
    /// When the peer was heard last.
    heard: Instant,
    /// When the socket ends whatever happens.
    last: Option<Instant>,
    seat: Seat,
}

/// Why a session goes no further.
enum Ended {
    /// With a word to the peer.
    Close(Close),
    /// The connection is gone.
    Lost,
}

impl From<Error> for Ended {
    fn from(_: Error) -> Self {
        Self::Lost
    }
}

impl Session {
    pub(super) fn new(seat: Seat, vigil: Vigil, socket: Socket) -> Self {
        let now = Instant::now();
        let app = seat.app();
        Self {
            draining: Box::pin(app.draining.clone().cancelled_owned()),
            beat: Box::pin(sleep_until(now + app.config.heartbeat())),
            last: app.last_moment(now),
            waiting: FuturesUnordered::new(),
            active: HashMap::new(),
            turns: Arc::new(Semaphore::new(TURNS)),
            heard: now,
            socket,
            vigil,
            seat,
        }
    }

    /// Serves the socket until it ends.
    pub(super) async fn run(mut self) {
        let ended = loop {
            // A write to a peer that takes little must not outlast the socket: who is cut off there comes back.
            let last = self.last.map(|last| last + FAREWELL);
            let turn = self.turn();
            let turned = match last {
                Some(last) => timeout_at(last, turn).await.unwrap_or(Err(Ended::Lost)),
                None => turn.await,
            };
            if let Err(ended) = turned {
                break ended;
            }
        };
        if let Ended::Close(close) = ended {
            // A peer that does not answer is left alone soon: it knows where it was.
            let _ = timeout(FAREWELL, self.part(close)).await;
        }
    }

    async fn part(&mut self, close: Close) {
        let _ = self.socket.close(Some(close.frame())).await;
        while let Some(Ok(_)) = self.socket.next().await {}
        if close == Close::BadMessage {
            // Taken, not read: a peer that is cut off while it writes would not see why.
            let mut rest = [0; 4096];
            while let Ok(1..) = self.socket.get_mut().read(&mut rest).await {}
        }
    }

    /// Waits for one thing to happen, and does what it asks for.
    async fn turn(&mut self) -> Result<(), Ended> {
        select! {
            biased;
            () = self.draining.as_mut() => Err(Ended::Close(Close::GoingAway("the server is stopping"))),
            problem = self.vigil.ended() => self.fail(&problem).await,
            () = self.beat.as_mut() => self.heartbeat().await,
            message = self.socket.next() => match message {
                Some(Ok(message)) => self.hear(message).await,
                Some(Err(Error::Capacity(_))) => self.fail(&bad("the message is too long")).await,
                Some(Err(_)) | None => Err(Ended::Lost),
            },
            Some((active, news)) = self.waiting.next(), if !self.waiting.is_empty() => {
                self.tell(active, news).await
            }
        }
    }

    /// Tells a problem of the whole socket and ends it.
    async fn fail(&mut self, problem: &Problem) -> Result<(), Ended> {
        let told = timeout(FAREWELL, self.socket.send(outgoing::error(None, problem, None))).await;
        told.map_err(|_| Ended::Lost)??;
        Err(Ended::Close(Close::of(problem)))
    }

    async fn heartbeat(&mut self) -> Result<(), Ended> {
        let (now, every) = (Instant::now(), self.app().config.heartbeat());
        if self.last.is_some_and(|last| now >= last) {
            return Err(Ended::Close(Close::GoingAway("this socket has lasted long enough")));
        }
        if now.duration_since(self.heard) > every * SILENT {
            return Err(Ended::Lost);
        }
        let next = self.last.map_or(now + every, |last| last.min(now + every));
        self.beat.as_mut().reset(next);
        self.socket.feed(Message::Ping(Bytes::new())).await?;
        if self.active.is_empty() {
            self.socket.feed(outgoing::heartbeat()).await?;
        }
        Ok(self.socket.flush().await?)
    }

    async fn hear(&mut self, message: Message) -> Result<(), Ended> {
        self.heard = Instant::now();
        let text = match &message {
            Message::Text(text) => text.as_str(),
            // The library answers pings and closes itself.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => return Ok(()),
            Message::Binary(_) => return self.fail(&bad("messages are text")).await,
        };
        match Incoming::parse(text) {
            Ok(Incoming::Subscribe(wanted)) => {
                for wanted in wanted {
                    self.subscribe(&wanted).await?;
                }
                Ok(self.socket.flush().await?)
            }
            Ok(Incoming::Unsubscribe(id)) => {
                // What is on its way comes first; then the answer. Of one that is over there is none to give.
                if let Some(gone) = self.active.get(&id) {
                    gone.cancel();
                }
                Ok(())
            }
            Ok(Incoming::Ping(carried)) => Ok(self.socket.send(outgoing::pong(carried)).await?),
            Err(problem) => self.fail(&problem).await,
        }
    }

    /// Begins a subscription, or says why not: that ends only this one.
    async fn subscribe(&mut self, wanted: &Wanted) -> Result<(), Ended> {
        let message = match self.open(wanted).await {
            Ok(active) => {
                let message = outgoing::place("subscribed", &active.id, &active.stream.cursor());
                self.active.insert(active.id.clone(), active.gone.clone());
                self.wait(active);
                message
            }
            Err(problem) => outgoing::error(Some(&wanted.id), &problem, None),
        };
        Ok(self.socket.feed(message).await?)
    }

    async fn open(&mut self, wanted: &Wanted) -> Result<Active, Problem> {
        wanted.check_id()?;
        if self.active.contains_key(&wanted.id) {
            return Err(bad(format!("there is a subscription `{}` already", wanted.id)));
        }
        let most = self.app().config.max_subscriptions;
        if self.active.len() >= most {
            let detail = format!("one socket has at most {most} subscriptions: name several streams in one");
            return Err(Problem::new("too-many-subscriptions", detail));
        }
        let caller = self.vigil.caller();
        let subscription = wanted.subscription(caller.tenant().clone())?;
        caller.may_read(&subscription.scope)?;
        let scope = subscription.scope.clone();
        let stream = self.app().broker.subscribe(subscription).await?;
        Ok(Active {
            id: wanted.id.clone(),
            scope,
            stream,
            gone: CancellationToken::new(),
            beat: self.next_beat(),
            history: Some(History::Queued(Arc::clone(&self.turns))),
        })
    }

    fn next_beat(&self) -> Instant {
        Instant::now() + self.app().config.heartbeat()
    }

    fn wait(&mut self, active: Active) {
        self.waiting.push(Box::pin(active.next()));
    }

    /// Tells the news of a subscription. While the peer takes nothing this waits, and the broker keeps what comes.
    async fn tell(&mut self, mut active: Active, news: News) -> Result<(), Ended> {
        let cursor = active.stream.cursor();
        let last = match news {
            News::Items(items) => {
                let visible: Vec<&Item> =
                    items.iter().filter(|item| self.vigil.caller().sees_item(item)).collect();
                let is_over = self.write(&active.id, &active.scope, &visible).await?;
                active.told(&items, !visible.is_empty(), self.next_beat());
                if is_over {
                    self.active.remove(&active.id);
                } else {
                    self.wait(active);
                }
                return self.put(None).await;
            }
            News::Quiet => {
                active.beat = self.next_beat();
                let message = outgoing::place("heartbeat", &active.id, &cursor);
                self.wait(active);
                self.put(Some(message)).await?;
                return self.put(None).await;
            }
            News::Failed(error) => outgoing::error(Some(&active.id), &Problem::from(error), Some(&cursor)),
            News::Over | News::Unsubscribed => outgoing::place("unsubscribed", &active.id, &cursor),
        };
        self.active.remove(&active.id);
        Ok(self.socket.send(last).await?)
    }

    /// Writes items, and says whether the last one ends the subscription.
    async fn write(&mut self, id: &str, scope: &Scope, items: &[&Item]) -> Result<bool, Ended> {
        let mut is_over = false;
        for item in items {
            match item {
                Item::Gap(gap) => self.app().meters.gap(gap.reason.as_str()),
                Item::End(_) => is_over = true,
                _ => {}
            }
            let message = outgoing::item(id, scope, item);
            self.app().meters.socket_bytes.increment(message.len() as u64);
            self.put(Some(message)).await?;
            self.app().meters.socket_messages.increment(1);
        }
        Ok(is_over)
    }

    /// Feeds a message, or with `None` sends what was fed. A peer that takes little makes this long: it ends with the
    /// credential all the same.
    async fn put(&mut self, message: Option<Message>) -> Result<(), Ended> {
        let (socket, vigil) = (&mut self.socket, &mut self.vigil);
        let write = async {
            match message {
                Some(message) => socket.feed(message).await,
                None => socket.flush().await,
            }
        };
        let problem = select! {
            biased;
            problem = vigil.ended() => problem,
            written = write => return Ok(written?),
        };
        self.fail(&problem).await
    }

    fn app(&self) -> &App {
        self.seat.app()
    }
}
