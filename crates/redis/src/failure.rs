//! What an error of the client means.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What went wrong, sorted by what is to be done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command was sent, and whether it was done is not known.
    NoAnswer(String),
    /// The server does not do anything now.
    NotThere(String),
    /// The data is another log's.
    Replaced,
    /// The server was started anew and has not been greeted since.
    Restarted,
    /// There is no room.
    Full(String),
    /// The server's settings forbid it.
    Refused(String),
    /// A key holds what is not ours.
    Damaged(String),
}

pub(crate) fn sort(error: &RedisError) -> Failure {
    let detail = || format!("{} {}", error.code().unwrap_or_default(), error.detail().unwrap_or_default());
    // Also inside of the error of a script that met it.
    if detail().contains("OOM command not allowed") {
        return Failure::Full("the server has reached its maxmemory".to_owned());
    }
    match error.code() {
        Some("HWEPOCH") => return Failure::Replaced,
        Some("HWRUN") => return Failure::Restarted,
        Some("HWKEY") => {
            return Failure::Damaged(error.detail().unwrap_or("a key of the log is not ours").to_owned());
        }
        Some("MISCONF") => return Failure::Full(detail()),
        Some("WRONGTYPE") => return Failure::Damaged(detail()),
        Some("NOAUTH" | "WRONGPASS" | "NOREPLICAS" | "BUSY" | "UNKILLABLE") => {
            return Failure::NotThere(detail());
        }
        _ => {}
    }
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::ResponseError | ServerErrorKind::ExecAbort)
        | ErrorKind::Extension => Failure::Damaged(detail()),
        ErrorKind::Server(ServerErrorKind::NoPerm) => Failure::Refused(format!(
            "the user of the URL may not do what Headwater needs: {}",
            error.detail().unwrap_or("a command is not allowed")
        )),
        ErrorKind::Server(_) => Failure::NotThere(detail()),
        _ => Failure::NoAnswer(error.to_string()),
    }
}
