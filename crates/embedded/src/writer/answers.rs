//! Answers on their way to the callers.
//!
//! Each caller that is woken from outside its runtime may cost a switch to one of the runtime's threads and back. The
//! answers of a group therefore go over together, and the callers are woken from inside.

use headwater_store::{Appended, Error, Version};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::request::Reply;

/// An answer that waits for the commit.
pub(super) enum Answer {
    Append(Reply<Vec<Appended>>, Vec<Appended>),
    Put(Reply<Version>, Result<Version, Error>),
    Delete(Reply<()>, Result<(), Error>),
}

impl Answer {
    /// Sends the answer, or the error in its place. A caller that has gone away is no error.
    fn send(self, error: Option<&dyn Fn() -> Error>) {
        match self {
            Self::Append(reply, appended) => drop(reply.send(error.map_or(Ok(appended), |e| Err(e())))),
            Self::Put(reply, result) => drop(reply.send(error.map_or(result, |e| Err(e())))),
            Self::Delete(reply, result) => drop(reply.send(error.map_or(result, |e| Err(e())))),
        }
    }
}

/// Sends everyone one error.
pub(super) fn fail(answers: Vec<Answer>, error: impl Fn() -> Error) {
    answers.into_iter().for_each(|answer| answer.send(Some(&error)));
}

/// Where answers are sent from.
pub(super) struct Desk(Option<Handle>);

impl Desk {
    /// In the present runtime, if it has threads of its own: one without may stand still while others wait.
    pub(super) fn here() -> Self {
        let runtime = Handle::try_current().ok();
        Self(runtime.filter(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread))
    }

    /// Sends the answers.
    pub(super) fn send(&self, answers: Vec<Answer>) {
        let answers = Unsent(answers);
        if let (Some(runtime), 2..) = (&self.0, answers.0.len()) {
            runtime.spawn(async move { drop(answers) });
        }
    }
}

/// Sends the answers when it is dropped, so that a runtime that ends without running it sends them too.
struct Unsent(Vec<Answer>);

impl Drop for Unsent {
    fn drop(&mut self) {
        self.0.drain(..).for_each(|answer| answer.send(None));
    }
}
