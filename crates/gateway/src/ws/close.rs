//! Why a socket is closed, as numbers that tell whether to come back.

use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};

use crate::problem::Problem;

/// What a socket is closed with. Codes of 4000 and more are ours: 4 and the status of the problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// The server stops, or the socket has lasted long enough: come back at once with your cursors.
    GoingAway(&'static str),
    /// What was sent is not a message, or is too large: mend it before you come back.
    BadMessage,
    /// The credential is over: come back with a new one.
    Unauthenticated,
}

impl Close {
    pub(super) fn frame(self) -> CloseFrame {
        let (code, reason) = match self {
            Self::GoingAway(why) => (CloseCode::Away, why),
            Self::BadMessage => (CloseCode::Library(4400), "not a message: see the error before"),
            Self::Unauthenticated => (CloseCode::Library(4401), "the credential is over"),
        };
        CloseFrame { code, reason: reason.into() }
    }

    /// How a socket ends with a problem.
    pub(super) fn of(problem: &Problem) -> Self {
        if problem.status() == 401 { Self::Unauthenticated } else { Self::BadMessage }
    }
}
