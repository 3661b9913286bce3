//! A subscription that comes back after a break.

use std::{sync::Arc, time::Duration};

use headwater::{Cursor, EventBroker, EventStream, Item, Start, Subscription};

/// How many items are taken at once.
const BATCH: usize = 256;
/// The pause before the first attempt to come back, and the longest one.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

/// Reads a subscription; when the connection breaks or the server restarts it subscribes again behind the last item.
pub(crate) struct Follow {
    broker: Arc<dyn EventBroker>,
    wanted: Subscription,
    stream: Option<EventStream>,
    pause: Duration,
}

/// What came.
pub(crate) enum Step {
    /// Items, in order; at least one.
    Items(Vec<Item>),
    /// The stream is over: the run has ended.
    Ended,
}

impl Follow {
    /// Subscribes. The first attempt fails at once, so that a wrong address is told.
    pub(crate) async fn open(
        broker: Arc<dyn EventBroker>,
        wanted: Subscription,
    ) -> Result<Self, headwater::Error> {
        let stream = broker.subscribe(wanted.clone()).await?;
        Ok(Self { broker, wanted, stream: Some(stream), pause: BACKOFF.0 })
    }

    /// Waits for what comes next. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Step, headwater::Error> {
        loop {
            let stream = match &mut self.stream {
                Some(stream) => stream,
                None => match self.broker.subscribe(self.wanted.clone()).await {
                    Ok(stream) => self.stream.insert(stream),
                    Err(error) if error.is_retryable() => {
                        self.wait(&error).await;
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            match stream.next_batch(BATCH).await {
                Some(Ok(items)) => {
                    self.pause = BACKOFF.0;
                    self.wanted.start = Start::After(stream.cursor());
                    return Ok(Step::Items(items));
                }
                Some(Err(error)) if error.is_retryable() => {
                    self.leave();
                    self.wait(&error).await;
                }
                Some(Err(error)) => return Err(error),
                None => {
                    self.leave();
                    return Ok(Step::Ended);
                }
            }
        }
    }

    /// Where to resume, once there is such a place.
    pub(crate) fn cursor(&self) -> Option<Cursor> {
        match (&self.stream, self.wanted.start.clone()) {
            (Some(stream), _) => Some(stream.cursor()),
            (None, Start::After(cursor)) => Some(cursor),
            (None, _) => None,
        }
    }

    /// Breaks the connection; the next read resumes behind the last item.
    pub(crate) fn leave(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.wanted.start = Start::After(stream.cursor());
        }
    }

    /// Waits before an ended run is asked for again.
    pub(crate) async fn again_after(&mut self, pause: Duration) {
        self.leave();
        tokio::time::sleep(pause).await;
    }

    async fn wait(&mut self, error: &headwater::Error) {
        tracing::info!(%error, "reader lost its connection: coming back");
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(BACKOFF.1);
    }
}
