//! A client of a socket that hides nothing.

use serde_json::Value;
use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use futures_util::{SinkExt as _, StreamExt as _};

use crate::support::{Answer, SOON, Server, http::read_head};

#[derive(Debug)]
pub(crate) struct Socket(WebSocketStream<BufReader<TcpStream>>);

impl Socket {
    pub(crate) async fn open(server: &Server, path: &str) -> Self {
        match Self::ask(server, path, &[]).await {
            Ok(socket) => socket,
            Err(answer) => panic!("no socket: {answer:?}"),
        }
    }

    /// Asks for a socket, with these headers instead of the usual ones or besides; else what the server says.
    pub(crate) async fn ask(server: &Server, path: &str, headers: &[(&str, &str)]) -> Result<Self, Answer> {
        let mut all = vec![
            ("host", "test"),
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        all.retain(|(name, _)| !headers.iter().any(|(other, _)| other == name));
        all.extend(headers);
        let mut head = format!("GET {path} HTTP/1.1\r\n");
        for (name, value) in all {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut reader = BufReader::new(stream);
        let asked = async {
            // The head stays in the buffer for `Answer`, where it is not the beginning of a socket.
            use tokio::io::AsyncBufReadExt as _;
            let is_socket = reader.fill_buf().await.unwrap().starts_with(b"HTTP/1.1 101");
            if !is_socket {
                return Err(Answer::read(&mut reader, false).await);
            }
            let (_, headers) = read_head(&mut reader).await.expect("a head");
            assert_eq!(headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
            Ok(())
        };
        timeout(SOON, asked).await.expect("an answer in time")?;
        Ok(Self(WebSocketStream::from_raw_socket(reader, Role::Client, None).await))
    }

    pub(crate) async fn say(&mut self, message: Value) {
        self.write(&message.to_string()).await;
    }

    pub(crate) async fn write(&mut self, text: &str) {
        // A server that refuses may close before it has read everything.
        let _ = self.0.send(Message::text(text)).await;
    }

    pub(crate) async fn write_binary(&mut self, bytes: &[u8]) {
        self.0.send(Message::binary(bytes.to_vec())).await.unwrap();
    }

    /// The next message of any kind; `None` at the end.
    pub(crate) async fn read(&mut self) -> Option<Message> {
        timeout(SOON, self.0.next()).await.expect("something in time")?.ok()
    }

    /// The next message with text.
    pub(crate) async fn hear(&mut self) -> Value {
        loop {
            match self.read().await {
                Some(Message::Text(text)) => return serde_json::from_str(&text).unwrap(),
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("no message: {other:?}"),
            }
        }
    }

    /// Everything until so many subscriptions have caught up.
    pub(crate) async fn until_caught_up(&mut self, mut subscriptions: usize) -> Vec<Value> {
        let mut said = Vec::new();
        while subscriptions > 0 {
            let message = self.hear().await;
            subscriptions -= usize::from(message["type"] == "caught-up");
            said.push(message);
        }
        said
    }

    /// The code it is closed with.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            match self.read().await? {
                Message::Close(frame) => return frame.map(|frame| frame.code.into()),
                Message::Text(_) | Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
