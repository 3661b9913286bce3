//! The screen's own reader: an SSE client like any other.

use std::sync::Arc;

use headwater::{Cursor, Start, Subscription};

use super::{client, setting::Setting};
use crate::follow::{Follow, Step};

/// A subscription to the run that can be cut off.
pub(crate) struct Reader {
    setting: Setting,
    follow: Option<Follow>,
    cursor: Option<Cursor>,
}

impl Reader {
    /// Subscribes from the beginning of the run.
    pub(crate) async fn open(setting: &Setting) -> anyhow::Result<Self> {
        let mut reader = Self { setting: setting.clone(), follow: None, cursor: None };
        reader.resume().await?;
        Ok(reader)
    }

    /// Waits for what comes next; for ever while it is cut off.
    pub(crate) async fn next(&mut self) -> Result<Step, headwater::Error> {
        match &mut self.follow {
            Some(follow) => follow.next().await,
            None => std::future::pending().await,
        }
    }

    /// Drops the connection in the middle of whatever comes over it.
    pub(crate) fn cut(&mut self) {
        if let Some(follow) = self.follow.take() {
            self.cursor = follow.cursor();
        }
    }

    /// Connects anew, with nothing but the cursor.
    pub(crate) async fn resume(&mut self) -> anyhow::Result<()> {
        let start = self.cursor.clone().map_or(Start::Earliest, Start::After);
        let wanted = Subscription::new(self.setting.scope()).start(start);
        let broker = Arc::new(client(&self.setting.url)?);
        self.follow = Some(Follow::open(broker, wanted).await?);
        Ok(())
    }
}
