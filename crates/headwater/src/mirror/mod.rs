//! Copying streams from one broker to another.
//!
//! ```
//! use headwater::mirror::{self, End, MirrorOptions};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let (from, to) = (End::open("memory:").await?, End::open("memory:").await?);
//! let report = headwater::mirror(from, to, MirrorOptions::default()).await?;
//! assert!(report.is_complete());
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
//! ```
//!
//! # What is copied
//! The streams of one tenant, each in its own order, durable and transient events alike, with their ids, times and
//! every other attribute. Streams are copied side by side: the order *between* streams is that of the copying.
//! Positions, cursors and `stored_at` are the target's own.
//!
//! # Once
//! Behind every batch a [mark](MirrorOptions::name) is kept, written only after the target has stored the batch. A mirror
//! that starts again goes on behind its marks and first looks at what the target has behind them, so that a batch whose
//! mark was lost with the process is not sent again, whether or not the target recognizes ids by itself. Where there
//! is no mark at all, what the target has of the stream is read first and left out.
//!
//! A source that was reset (its cursors have a new epoch) and a target that was wiped are noticed: the stream is compared
//! from its beginning.
//!
//! # Cancelling
//! Dropping the future stops the mirror; the next one goes on where it stopped.

mod copier;
mod dirty;
mod end;
mod error;
mod follow;
mod held;
mod mark;
mod mark_file;
mod marks;
mod options;
mod parts;
mod pass;
mod patience;
mod reader;
mod report;
#[cfg(feature = "redis")]
mod seed;
mod sink;
mod sweep;
mod watch;

use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use end::{End, Target};
pub use error::MirrorError;
pub use options::MirrorOptions;
pub use report::{Happening, MirrorGap, MirrorReport, StreamReport};

use copier::Copier;
use report::Observer;

/// Copies streams from one broker to another: see the [module](self).
///
/// Without [`follow`](MirrorOptions::follow) it ends where the source ended when it began.
///
/// # Errors
/// One of the two stayed away for longer than [`retry_for`](MirrorOptions::retry_for), or refuses everything alike.
pub async fn mirror(
    from: End,
    to: impl Into<Target>,
    options: MirrorOptions,
) -> Result<MirrorReport, MirrorError> {
    mirror_with(from, to, options, |_| {}).await
}

/// As [`mirror`], and tells what happens on the way. The observer is called from several tasks and must not block.
///
/// # Errors
/// As [`mirror`].
pub async fn mirror_with(
    from: End,
    to: impl Into<Target>,
    options: MirrorOptions,
    observer: impl Fn(Happening<'_>) + Send + Sync + 'static,
) -> Result<MirrorReport, MirrorError> {
    run(from, to.into(), options, Box::new(observer)).await
}

/// Boxed here, so that the mirror is compiled with this crate and not again in each that calls it.
fn run(
    from: End,
    to: Target,
    options: MirrorOptions,
    observer: Box<Observer>,
) -> BoxFuture<'static, Result<MirrorReport, MirrorError>> {
    Box::pin(async move {
        let follow = options.follow;
        let copier = Arc::new(Copier::new(from, to, options, observer).await?);
        if follow {
            follow::follow(&copier).await.map(|never| match never {})
        } else {
            sweep::sweep(&copier).await
        }
    })
}
