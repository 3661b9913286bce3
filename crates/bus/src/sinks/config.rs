//! Which sink, as configuration says it.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc};

use headwater_broker::{EventPublisher, Item};
use headwater_events::Filter;
use tokio::sync::mpsc;

use super::{
    BrokerSink, ChannelSink, EventSink, JsonLinesSink, MemorySink, RotateOptions, RotatingFileSink,
    SinkError, StdoutSink,
};

/// Which sink, what it is called, and which events it gets.
#[derive(Clone)]
pub struct SinkConfig {
    /// What it is called in health, metrics and diagnostics. A bus has one sink of a name.
    pub name: String,
    /// Which events it gets. Gaps it gets always.
    pub filter: Filter,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Stdout,
    Memory(MemorySink),
    Channel(mpsc::Sender<Item>),
    JsonLines(PathBuf),
    RotatingFile(RotateOptions),
    Publisher(Arc<dyn EventPublisher>),
    Custom(Arc<Make>),
}

type Make = dyn Fn() -> Result<Box<dyn EventSink>, SinkError> + Send + Sync;

impl SinkConfig {
    fn new(name: &str, kind: Kind) -> Self {
        Self { name: name.to_owned(), filter: Filter::all(), kind }
    }

    /// Lines for people on standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new("stdout", Kind::Stdout)
    }

    /// The last events, in memory.
    #[must_use]
    pub fn memory(sink: MemorySink) -> Self {
        Self::new("memory", Kind::Memory(sink))
    }

    /// A channel of the program. When it is full the sink waits, and nobody else does.
    #[must_use]
    pub fn channel(sender: mpsc::Sender<Item>) -> Self {
        Self::new("channel", Kind::Channel(sender))
    }

    /// A file with one event a line.
    #[must_use]
    pub fn json_lines(path: impl Into<PathBuf>) -> Self {
        Self::new("json-lines", Kind::JsonLines(path.into()))
    }

    /// As [`SinkConfig::json_lines`], with a new file when one is full.
    #[must_use]
    pub fn rotating_file(options: RotateOptions) -> Self {
        Self::new("rotating-file", Kind::RotatingFile(options))
    }

    /// Another broker, or anything that publishes. Not the broker that the bus reads: its events would go round.
    #[must_use]
    pub fn broker(publisher: Arc<dyn EventPublisher>) -> Self {
        Self::new("broker", Kind::Publisher(publisher))
    }

    /// A sink of your own. It is made anew each time the bus is started.
    #[must_use]
    pub fn custom(
        name: &str,
        make: impl Fn() -> Result<Box<dyn EventSink>, SinkError> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, Kind::Custom(Arc::new(make)))
    }

    /// Calls it otherwise.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Only what passes the filter.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    pub(crate) async fn open(&self) -> Result<Box<dyn EventSink>, SinkError> {
        Ok(match &self.kind {
            Kind::Stdout => Box::new(StdoutSink::new()),
            Kind::Memory(sink) => Box::new(sink.clone()),
            Kind::Channel(sender) => Box::new(ChannelSink::new(sender.clone())),
            Kind::JsonLines(path) => Box::new(JsonLinesSink::open(path).await?),
            Kind::RotatingFile(options) => Box::new(RotatingFileSink::open(options.clone()).await?),
            Kind::Publisher(publisher) => Box::new(BrokerSink::new(Arc::clone(publisher))),
            Kind::Custom(make) => make()?,
        })
    }
}

/// `stdout`, `json-lines:PATH`, `rotating-file:PATH`: the sinks that a text can name.
impl FromStr for SinkConfig {
    type Err = SinkError;

    fn from_str(text: &str) -> Result<Self, SinkError> {
        match text.split_once(':') {
            None if text == "stdout" => Ok(Self::stdout()),
            Some(("json-lines", path)) if !path.is_empty() => Ok(Self::json_lines(path)),
            Some(("rotating-file", path)) if !path.is_empty() => {
                Ok(Self::rotating_file(RotateOptions::new(path)))
            }
            _ => Err(SinkError::Refused(format!(
                "`{text}` is no sink: write stdout, json-lines:PATH or rotating-file:PATH"
            ))),
        }
    }
}

impl fmt::Debug for SinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkConfig").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_a_sink_or_is_told_what_it_could_say() {
        assert_eq!("stdout".parse::<SinkConfig>().unwrap().name, "stdout");
        assert_eq!("json-lines:/tmp/a:b".parse::<SinkConfig>().unwrap().name, "json-lines");
        for wrong in ["", "json-lines:", "redis:x", "stdout:"] {
            let error = wrong.parse::<SinkConfig>().unwrap_err().to_string();
            assert!(error.contains("is no sink: write stdout"), "{error}");
        }
    }
}
