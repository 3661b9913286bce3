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
    BODIES = "scripts/bodies.lua";
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
        let command = |verb, source: &str| {
            let mut command = Cmd::new();
            command.arg(verb).arg(source).arg(0);
            for arg in args {
                command.arg(*arg);
            }
            command
        };
        let answer = connection.send_packed_command(&command("EVALSHA", &self.hash)).await;
        let answer = answer.and_then(refused);
        match answer {
            Err(error) if error.kind() == redis::ErrorKind::Server(redis::ServerErrorKind::NoScript) => {
                let answer = connection.send_packed_command(&command("EVAL", self.text)).await;
                answer.and_then(refused)
            }
            answer => answer,
        }
    }
}

/// A script's own error as an error. What it gives has none deeper inside.
fn refused(answer: Value) -> redis::RedisResult<Value> {
    match answer {
        Value::ServerError(error) => Err(error.into()),
        answer => Ok(answer),
    }
}
