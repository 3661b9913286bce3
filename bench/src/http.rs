//! A lean HTTP client on a raw socket, the same for every server that is measured.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The bytes of a request.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if method != "GET" {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A connection with one request in flight.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and waits for the whole answer.
    pub(crate) async fn call(&mut self, request: &[u8]) -> Result<Answer> {
        self.socket.write_all(request).await?;
        self.buffer.clear();
        let head = self.head().await?;
        let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
        let status = status(&text)?;
        if let Some(length) = field(&text, "content-length") {
            let whole = head + length.parse::<usize>()?;
            while self.buffer.len() < whole {
                self.more().await?;
            }
            return Ok(Answer { status, body: self.buffer[head..whole].to_vec() });
        }
        if field(&text, "transfer-encoding").is_some() {
            while !self.buffer.ends_with(b"\r\n0\r\n\r\n") {
                self.more().await?;
            }
        }
        Ok(Answer { status, body: self.buffer[head..].to_vec() })
    }

    /// Sends a request and fails unless the answer is one of success.
    pub(crate) async fn succeed(&mut self, request: &[u8]) -> Result<Answer> {
        let answer = self.call(request).await?;
        ensure!(
            (200..300).contains(&answer.status),
            "{}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        Ok(answer)
    }

    /// Opens a stream of server-sent events; what follows is read with [`Connection::next`].
    pub(crate) async fn listen(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<()> {
        let headers = [&[("accept", "text/event-stream")], headers].concat();
        self.socket.write_all(&request("GET", path, &headers, b"")).await?;
        self.buffer.clear();
        let head = self.head().await?;
        let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
        ensure!(status(&text)? == 200, "{path}: {text}");
        self.buffer.drain(..head);
        Ok(())
    }

    /// The next bytes of the stream; never empty.
    pub(crate) async fn next(&mut self) -> Result<&[u8]> {
        if self.buffer.is_empty() || self.buffer.capacity() == 0 {
            self.more().await?;
        }
        Ok(&self.buffer)
    }

    /// Forgets what [`Connection::next`] gave.
    pub(crate) fn done(&mut self) {
        self.buffer.clear();
    }

    /// Reads until the head is whole and gives its length.
    async fn head(&mut self) -> Result<usize> {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                return Ok(at + 4);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<()> {
        self.buffer.reserve(16 * 1024);
        if self.socket.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

fn status(head: &str) -> Result<u16> {
    head.split(' ').nth(1).and_then(|s| s.parse().ok()).context("no status")
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}
