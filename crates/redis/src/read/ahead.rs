//! Pages that are made before they are asked for.
//!
//! Whoever reads on from page to page is read ahead for: the server makes the next page while this one is taken apart and
//! used. Such a page is given only if it was full, since something may have been stored behind it meanwhile, and only if
//! nothing was deleted since it was made, by whichever process: that is asked while the page is taken apart.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use headwater_store::Error;
use redis::Value;
use tokio::{sync::oneshot, time::Instant};

use crate::{link::Link, reply, script};

/// What the script that reads references is asked: all but namespace and epoch.
pub(super) type Question = [String; 7];

/// So many pages are kept at once.
const KEPT: usize = 16;
/// So long.
const FRESH: Duration = Duration::from_secs(1);
/// Where an answer has its stamp, and whether the page is full.
const STAMP: usize = 3;
const MORE: usize = 5;

/// The pages behind those that were given last.
#[derive(Debug, Default)]
pub(crate) struct Ahead(Mutex<Vec<Kept>>);

#[derive(Debug)]
struct Kept {
    question: Question,
    since: Instant,
    /// The page, where somebody has read on before.
    made: Option<oneshot::Receiver<Result<Value, Error>>>,
}

/// An answer.
pub(super) struct Asked {
    pub(super) answer: Vec<Value>,
    /// It is asked by someone who was given the page before.
    pub(super) reads_on: bool,
    /// Of an answer that was there already: whether it still is what it would be.
    pub(super) unchanged: Option<BoxFuture<'static, Result<bool, Error>>>,
}

/// The answer to a question, made ahead or now.
pub(super) async fn ask(link: &Arc<Link>, question: Question) -> Result<Asked, Error> {
    let kept = link.ahead.take(&question);
    let reads_on = kept.is_some();
    if let Some(made) = kept.and_then(|kept| kept.made)
        && let Ok(Ok(answer)) = made.await
        && let answer = reply::array(answer)?
        && let Some(stamp) = answer.get(STAMP).cloned()
        && answer.get(MORE).map(reply::number).transpose()? > Some(0)
    {
        let unchanged = Some(look(link, reply::text(stamp)?));
        return Ok(Asked { answer, reads_on, unchanged });
    }
    let answer = reply::array(read(link, &question).await?)?;
    Ok(Asked { answer, reads_on, unchanged: None })
}

/// Notes what somebody who reads on will ask, and begins to answer it if they have read on before.
pub(super) fn prepare(link: &Arc<Link>, question: Question, reads_on: bool) {
    let made = reads_on.then(|| {
        let (sender, made) = oneshot::channel();
        let (link, question) = (Arc::clone(link), question.clone());
        tokio::spawn(async move {
            if sender.send(read(&link, &question).await).is_ok() {
                tokio::select! {
                    () = tokio::time::sleep(FRESH) => {}
                    () = link.closing.cancelled() => {}
                }
                link.ahead.lock().retain(Kept::is_fresh);
            }
        });
        made
    });
    let mut kept = link.ahead.lock();
    kept.retain(Kept::is_fresh);
    if kept.len() >= KEPT {
        kept.remove(0);
    }
    kept.push(Kept { question, since: Instant::now(), made });
}

impl Ahead {
    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, question: &Question) -> Option<Kept> {
        let mut kept = self.lock();
        let found = kept.iter().position(|kept| kept.question == *question && kept.is_fresh())?;
        Some(kept.swap_remove(found))
    }

    /// Forgets everything: retention has taken something.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }
}

impl Kept {
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < FRESH
    }
}

async fn read(link: &Link, question: &Question) -> Result<Value, Error> {
    link.read(&script::REFS, &question.each_ref().map(String::as_bytes)).await
}

/// Asks whether the stamp is still the same. The question is on its way when this returns.
fn look(link: &Arc<Link>, stamp: String) -> BoxFuture<'static, Result<bool, Error>> {
    let link = Arc::clone(link);
    let mut answer = async move { Ok(reply::text(link.read(&script::STAMP, &[]).await?)? == stamp) }.boxed();
    match (&mut answer).now_or_never() {
        Some(done) => std::future::ready(done).boxed(),
        None => answer,
    }
}
