//! One request on one connection, byte for byte.

use std::{collections::HashMap, net::SocketAddr};

use serde_json::Value;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::SOON;

pub struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, path: &str) -> Self {
        Self { head: format!("{method} {path} HTTP/1.1\r\nhost: test\r\n"), body: Vec::new() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let length = format!("content-length: {}\r\n", self.body.len());
        let length = if self.body.is_empty() { "" } else { &length };
        [self.head.as_bytes(), length.as_bytes(), b"\r\n", &self.body].concat()
    }

    pub async fn send(self, addr: SocketAddr) -> Answer {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let head = self.head.starts_with("HEAD");
        // A server that refuses may close before it has read everything.
        let _ = stream.write_all(&self.bytes()).await;
        let mut reader = BufReader::new(stream);
        timeout(SOON, Answer::read(&mut reader, head)).await.expect("an answer in time")
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads one answer whose length is declared, or that ends with the connection.
    pub async fn read(reader: &mut (impl AsyncBufRead + Unpin), head: bool) -> Self {
        let (status, headers) = read_head(reader).await.expect("a head");
        let mut body = Vec::new();
        if head || status == 204 {
        } else if let Some(length) = headers.get("content-length") {
            body = vec![0; length.parse().unwrap()];
            reader.read_exact(&mut body).await.unwrap();
        } else if headers.contains_key("transfer-encoding") {
            while let Some(chunk) = read_chunk(reader).await {
                body.extend(chunk);
            }
        } else {
            reader.read_to_end(&mut body).await.unwrap();
        }
        Self { status, headers, body }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {:?}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Checks that it is a problem with this status and code, and gives it.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:headwater:error:{code}"));
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        problem
    }
}

pub async fn read_head(reader: &mut (impl AsyncBufRead + Unpin)) -> Option<(u16, HashMap<String, String>)> {
    let mut line = String::new();
    if reader.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    Some((status, headers))
}

/// The next chunk of a chunked body; `None` at its orderly end. Panics where it is cut off.
pub async fn read_chunk(reader: &mut (impl AsyncBufRead + Unpin)) -> Option<Vec<u8>> {
    let mut size = String::new();
    assert_ne!(reader.read_line(&mut size).await.expect("a chunk"), 0, "the body is cut off");
    let size = usize::from_str_radix(size.trim(), 16).expect("a chunk size");
    let mut chunk = vec![0; size + 2];
    reader.read_exact(&mut chunk).await.expect("a whole chunk");
    chunk.truncate(size);
    (size > 0).then_some(chunk)
}
