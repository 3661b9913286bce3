//! A server that does exactly what it is told, byte for byte: one connection after the other.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What happens on one connection once the request has been read.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    /// Written piece by piece, each on its own.
    pieces: Vec<Vec<u8>>,
    /// Whether the connection then stays open without a word, instead of being closed.
    silent: bool,
}

impl Answer {
    /// A stream of events, ended by closing the connection.
    pub(crate) fn stream(blocks: &str) -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        Self { pieces: vec![head.into(), blocks.into()], silent: false }
    }

    /// A whole answer.
    pub(crate) fn whole(status: u16, kind: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        Self { pieces: vec![head.into(), body.into()], silent: false }
    }

    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::whole(status, "application/json", body)
    }

    pub(crate) fn problem(status: u16, body: &str) -> Self {
        Self::whole(status, "application/problem+json", body)
    }

    /// Nothing: the connection is closed without an answer.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    /// Stays open and says nothing more.
    pub(crate) fn then_silence(mut self) -> Self {
        self.silent = true;
        self
    }

    /// One byte at a time.
    pub(crate) fn drop_by_drop(mut self) -> Self {
        self.pieces = self.pieces.concat().chunks(1).map(<[u8]>::to_vec).collect();
        self
    }
}

/// What came in on one connection.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub head: String,
    pub body: Vec<u8>,
}

pub(crate) struct Fake {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    /// Answers the first connections so, and the last answer again from then on.
    pub(crate) async fn new(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            for n in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let answer = answers[n.min(answers.len() - 1)].clone();
                tokio::spawn(serve(stream, answer, Arc::clone(&log)));
            }
        });
        Self { url, seen }
    }

    /// What came in so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, answer: Answer, log: Arc<Mutex<Vec<Seen>>>) {
    stream.set_nodelay(true).unwrap();
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap().to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse::<usize>().unwrap());
    while bytes.len() < head_end + length {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
    log.lock().unwrap().push(Seen { head, body: bytes[head_end..].to_vec() });
    for piece in &answer.pieces {
        if stream.write_all(piece).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    if answer.silent {
        // Until the other side has had enough.
        let _ = stream.read_to_end(&mut bytes).await;
    }
}
