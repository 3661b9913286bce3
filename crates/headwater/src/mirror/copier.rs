//! What every stream's copying needs.

use headwater_broker::Error;
use headwater_events::{Cursor, Place, Position, Scope, StreamName, lane_of};

use super::{
    End, Happening, MirrorError, MirrorOptions, Target,
    marks::Marks,
    patience::Patience,
    reader::Reader,
    report::Observer,
    sink::{BrokerSink, Sink},
};

/// The longest name of a mirror, in bytes.
const MAX_NAME: usize = 64;

/// Both ends, the options, and who is told.
pub(crate) struct Copier {
    pub(crate) source: Reader,
    pub(crate) sink: Box<dyn Sink>,
    pub(crate) options: MirrorOptions,
    observer: Box<Observer>,
}

impl Copier {
    pub(crate) async fn new(
        from: End,
        to: Target,
        options: MirrorOptions,
        observer: Box<Observer>,
    ) -> Result<Self, MirrorError> {
        let name = &options.name;
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(|c| c.is_control() || c == '/') {
            let what = format!("a mirror's name has 1 to {MAX_NAME} bytes, no `/` and no control characters");
            return Err(MirrorError::Options(what));
        }
        let (tenant, internal) = (options.tenant.clone(), options.internal);
        let sink: Box<dyn Sink> = match to {
            Target::Broker(end) => {
                let marks = Marks::open(&from, &end, &options).await?;
                Box::new(BrokerSink { reader: Reader::new(end, tenant.clone(), internal)?, marks })
            }
            #[cfg(feature = "redis")]
            Target::Plain(streams) => Box::new(super::seed::SeedSink::new(streams, &options)?),
        };
        let source = Reader::new(from, tenant, internal)?;
        Ok(Self { source, sink, options, observer })
    }

    /// Tells the observer.
    pub(crate) fn tell(&self, happening: Happening<'_>) {
        (self.observer)(happening);
    }

    pub(crate) const fn patience(&self) -> Patience {
        Patience::new(self.options.retry_for)
    }

    /// Waits before something is tried again.
    ///
    /// # Errors
    /// The same error: it is no use, or it has been long enough.
    pub(crate) async fn wait(&self, patience: &mut Patience, error: MirrorError) -> Result<(), MirrorError> {
        let (error, wrap): (Error, fn(Error) -> MirrorError) = match error {
            MirrorError::Source(error) => (error, MirrorError::Source),
            MirrorError::Target(error) => (error, MirrorError::Target),
            MirrorError::Marks(error) => (error.into(), MirrorError::Target),
            other => return Err(other),
        };
        patience.wait(error, &*self.observer).await.map_err(wrap)
    }

    /// Where the source ends now.
    pub(crate) async fn tail(&self) -> Result<Cursor, MirrorError> {
        let scope = Scope::Tenant(self.source.tenant.clone());
        let mut patience = self.patience();
        loop {
            match self.source.end.broker.cursor(&scope).await {
                Ok(cursor) => return Ok(cursor),
                Err(error) => self.wait(&mut patience, MirrorError::Source(error)).await?,
            }
        }
    }

    /// Where a stream ends when the source ends at `tail`.
    pub(crate) fn end_of(&self, stream: &StreamName, tail: &Cursor) -> Position {
        let lanes = match tail.place() {
            Place::One(_) => 1,
            Place::Lanes(lanes) => u16::try_from(lanes.len()).unwrap_or(u16::MAX),
        };
        tail.place().of(lane_of(self.source.tenant.as_str(), stream.as_str(), lanes))
    }
}
