//! The scripts.

use std::sync::LazyLock;

use redis::{Cmd, Script, Value, aio::MultiplexedConnection};

macro_rules! scripts {
    ($($(#[$doc:meta])* $NAME:ident = $($file:literal),+;)+) => {$(
        $(#[$doc])*
        pub(crate) static $NAME: LazyLock<Source> =
            LazyLock::new(|| Source::new(concat!(include_str!("scripts/common.lua"), $(include_str!($file)),+)));
    )+};
}

scripts! {
    HELLO = "scripts/hello.lua";
    APPEND = "scripts/append.lua";
    STREAM = "scripts/stream.lua";
    REFS = "scripts/refs.lua";
    BODIES = "scripts/body.lua", "scripts/bodies.lua";
    NEWS = "scripts/body.lua", "scripts/news.lua";
    STAMP = "scripts/stamp.lua";
    TAIL = "scripts/tail.lua";
    RUN = "scripts/run.lua";
    RUNS = "scripts/runs.lua";
    REMOVE = "scripts/retain.lua", "scripts/remove.lua";
    TRIM = "scripts/retain.lua", "scripts/trim.lua";
    STATE_PUT = "scripts/state_put.lua";
    STATE_LIST = "scripts/state_list.lua";
    DIALECT = "scripts/dialect.lua";
}

/// A script's text, and the name the server knows it by.
pub(crate) struct Source {
    text: &'static str,
    hash: String,
}

impl Source {
    fn new(text: &'static str) -> Self {
        Self { text, hash: Script::new(text).get_hash().to_owned() }
    }

    /// Runs the script on a connection. A server that does not know it yet is told.
    pub(crate) async fn run(
        &self,
        connection: &mut MultiplexedConnection,
        args: &[&[u8]],
    ) -> redis::RedisResult<Value> {
        let answer = connection.send_packed_command(&self.command(args)).await;
        let answer = answer.and_then(refused);
        match answer {
            Err(error) if is_unknown(&error) => {
                let answer = connection.send_packed_command(&command("EVAL", self.text, args)).await;
                answer.and_then(refused)
            }
            answer => answer,
        }
    }

    /// Runs the script on a server that knows it.
    pub(crate) fn command(&self, args: &[&[u8]]) -> Cmd {
        command("EVALSHA", &self.hash, args)
    }
}

/// Whether a server does not know a script.
pub(crate) fn is_unknown(error: &redis::RedisError) -> bool {
    error.kind() == redis::ErrorKind::Server(redis::ServerErrorKind::NoScript)
}

fn command(verb: &str, source: &str, args: &[&[u8]]) -> Cmd {
    let mut command = Cmd::new();
    command.arg(verb).arg(source).arg(0);
    for arg in args {
        command.arg(*arg);
    }
    command
}

/// A script's own error as an error. What it gives has none deeper inside.
fn refused(answer: Value) -> redis::RedisResult<Value> {
    match answer {
        Value::ServerError(error) => Err(error.into()),
        answer => Ok(answer),
    }
}
