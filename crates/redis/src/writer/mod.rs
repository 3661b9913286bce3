//! Storing: callers that wait together are stored by one script, one script after the other.
//!
//! There is never a second script under way: what follows one that failed has not been sent, so that order survives a
//! lost connection.

mod group;

use std::{sync::Arc, time::Instant};

use headwater_store::{Append, Appended, Error};
use tokio::sync::{mpsc, oneshot};

use self::group::Group;
use crate::{
    failure::{self, Failure},
    link::Link,
    metric_definitions as names, script,
};

/// One call of `append`.
pub(crate) struct Request {
    pub(crate) batch: Vec<Append>,
    pub(crate) answer: oneshot::Sender<Result<Vec<Appended>, Error>>,
}

/// Starts the task that stores. It ends when every sender is gone, after what was sent is stored.
pub(crate) fn start(link: Arc<Link>) -> (mpsc::Sender<Request>, tokio::task::JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(link.options.queue_calls.max(1));
    (sender, tokio::spawn(run(link, receiver)))
}

async fn run(link: Arc<Link>, mut requests: mpsc::Receiver<Request>) {
    let mut next = None;
    loop {
        let first = match next.take() {
            Some(request) => request,
            None => match requests.recv().await {
                Some(request) => request,
                None => return,
            },
        };
        let group;
        (group, next) = gather(&link, first, &mut requests);
        store(&link, group).await;
    }
}

/// Takes what waits, as far as it fits into one group; what does not comes first in the next one.
fn gather(
    link: &Link,
    first: Request,
    requests: &mut mpsc::Receiver<Request>,
) -> (Vec<Request>, Option<Request>) {
    let weigh = |request: &Request| {
        (request.batch.len(), request.batch.iter().map(|append| append.event.json().len()).sum::<usize>())
    };
    let (mut events, mut bytes) = weigh(&first);
    let mut group = vec![first];
    while let Ok(request) = requests.try_recv() {
        // A caller that went away meanwhile wants nothing stored.
        if request.answer.is_closed() {
            continue;
        }
        let (more, larger) = weigh(&request);
        if events + more > link.options.group_events || bytes + larger > link.options.group_bytes {
            return (group, Some(request));
        }
        (events, bytes) = (events + more, bytes + larger);
        group.push(request);
    }
    (group, None)
}

/// Stores a group and answers its callers.
async fn store(link: &Link, requests: Vec<Request>) {
    let batches: Vec<&[Append]> = requests.iter().map(|request| request.batch.as_slice()).collect();
    let stored = script(link, &batches).await;
    match stored {
        Ok(answers) => {
            for (request, answer) in requests.into_iter().zip(answers) {
                // A caller that went away does not hear of it.
                drop(request.answer.send(Ok(answer)));
            }
        }
        // One of them meets a key that is not ours; the others need not suffer for it. Nothing was stored.
        Err(Error::Corrupt { .. }) if requests.len() > 1 => {
            for request in requests {
                let stored = script(link, &[&request.batch]).await;
                let answer = stored.map(|mut answers| answers.pop().unwrap_or_default());
                drop(request.answer.send(answer));
            }
        }
        Err(error) => {
            for request in requests {
                drop(request.answer.send(Err(again(&error))));
            }
        }
    }
}

/// The same error for another caller.
fn again(error: &Error) -> Error {
    match error {
        Error::Unknown { reason } => Error::Unknown { reason: reason.clone() },
        Error::Full { reason } => Error::Full { reason: reason.clone() },
        Error::Config { reason } => Error::config(reason),
        Error::Corrupt { position, reason } => Error::corrupt(*position, reason),
        Error::Closed => Error::Closed,
        other => Error::unavailable(other),
    }
}

/// Runs the script over a batch and leaves its answer unread.
#[cfg(feature = "bench")]
pub(crate) async fn bare(link: &Link, batch: &[Append]) -> Result<(), Error> {
    let mut live = link.live().await?;
    let group = Group::new(link, &live.server.run_id, &[batch]);
    let answer = script::APPEND.run(&mut live.storing, &group.args(&link.namespace)).await;
    answer.map(drop).map_err(Error::unavailable)
}

/// Runs the script over a group.
async fn script(link: &Link, batches: &[&[Append]]) -> Result<Vec<Vec<Appended>>, Error> {
    for _ in 0..3 {
        let mut live = link.live().await?;
        let group = Group::new(link, &live.server.run_id, batches);
        let begin = Instant::now();
        let answer = script::APPEND.run(&mut live.storing, &group.args(&link.namespace)).await;
        match answer {
            Ok(answer) => {
                metrics::histogram!(names::GROUP_SECONDS).record(begin.elapsed().as_secs_f64());
                return group.answers(link, answer, batches);
            }
            Err(error) => match failure::sort(&error) {
                // Nothing was stored.
                Failure::Replaced => link.greet(&mut live).await?,
                failure @ Failure::Restarted => {
                    link.failed(failure, live.generation, &|reason| Error::Unavailable { reason });
                }
                failure => {
                    let unknown = |reason| Error::Unknown { reason };
                    return Err(link.failed(failure, live.generation, &unknown));
                }
            },
        }
    }
    Err(Error::unavailable("the server is replaced again and again"))
}
