//! A reader of server-sent events that keeps every line.

use std::{collections::HashMap, net::SocketAddr};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::{SOON, http};

pub struct Sse {
    pub status: u16,
    pub headers: HashMap<String, String>,
    reader: BufReader<TcpStream>,
    buffer: Vec<u8>,
    over: bool,
}

/// One block, up to its blank line.
#[derive(Debug, Clone, Default)]
pub struct Block {
    pub raw: String,
}

impl Sse {
    pub async fn open(request: super::Request, addr: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(&request.bytes()).await.unwrap();
        let mut reader = BufReader::new(stream);
        let (status, headers) =
            timeout(SOON, http::read_head(&mut reader)).await.expect("a head in time").expect("a head");
        let over = status == 204;
        Self { status, headers, reader, buffer: Vec::new(), over }
    }

    /// The next block; `None` at the orderly end of the response.
    pub async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|w| w == b"\n\n") {
                let raw = String::from_utf8(self.buffer.drain(..end + 2).collect()).unwrap();
                return Some(Block { raw });
            }
            if self.over {
                assert!(self.buffer.is_empty(), "the last block has no end: {:?}", self.buffer);
                return None;
            }
            match timeout(SOON, self.piece()).await {
                Ok(Some(chunk)) => self.buffer.extend(chunk),
                Ok(None) => self.over = true,
                Err(_) => panic!("nothing came; so far {:?}", String::from_utf8_lossy(&self.buffer)),
            }
        }
    }

    /// The next piece of the body: a chunk, or all of it where its length is declared.
    async fn piece(&mut self) -> Option<Vec<u8>> {
        match self.headers.remove("content-length") {
            Some(length) => {
                let mut body = vec![0; length.parse().unwrap()];
                self.reader.read_exact(&mut body).await.unwrap();
                Some(body)
            }
            None if self.headers.contains_key("transfer-encoding") => {
                http::read_chunk(&mut self.reader).await
            }
            None => None,
        }
    }

    /// The next block with data.
    pub async fn frame(&mut self) -> Option<Block> {
        loop {
            let block = self.block().await?;
            if block.data().is_some() {
                return Some(block);
            }
        }
    }

    /// The next frames with data, as many as asked for.
    pub async fn frames(&mut self, n: usize) -> Vec<Block> {
        let mut frames = Vec::with_capacity(n);
        while frames.len() < n {
            frames.push(self.frame().await.expect("a frame"));
        }
        frames
    }

    /// Everything up to the orderly end.
    pub async fn rest(&mut self) -> Vec<Block> {
        let mut blocks = Vec::new();
        while let Some(block) = self.block().await {
            blocks.push(block);
        }
        blocks
    }
}

impl Block {
    fn field(&self, name: &str) -> Option<&str> {
        let mut found = self.raw.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let first = found.next();
        assert!(found.next().is_none(), "`{name}` stands twice in {:?}", self.raw);
        first
    }

    pub fn id(&self) -> Option<&str> {
        self.field("id")
    }

    pub fn event(&self) -> Option<&str> {
        self.field("event")
    }

    pub fn data(&self) -> Option<&str> {
        self.field("data")
    }

    pub fn retry(&self) -> Option<u64> {
        self.field("retry").map(|ms| ms.parse().unwrap())
    }

    pub fn has_comment(&self) -> bool {
        self.raw.lines().any(|line| line.starts_with(':'))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(self.data().expect("data")).unwrap()
    }

    /// The number inside an event of `support::event`.
    pub fn n(&self) -> Option<u64> {
        self.json()["data"]["n"].as_u64()
    }
}
