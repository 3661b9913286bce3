//! A server with an OpenAI-compatible interface that does what it is told: paces, cuts, stalls, sends garbage.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, Response, StatusCode, header},
    routing::post,
};
use futures_util::stream;
use serde_json::{Value, json};

/// What a reply is made of.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Bytes of the body, as they are.
    Send(Vec<u8>),
    /// A pause.
    Wait(u64),
    /// The connection breaks.
    Cut,
    /// Nothing comes any more.
    Stall,
}

/// One reply.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    kind: &'static str,
    headers: Vec<(&'static str, String)>,
    acts: Vec<Act>,
}

impl Reply {
    /// A stream of chunks.
    pub(crate) fn stream(acts: Vec<Act>) -> Self {
        Self { status: 200, kind: "text/event-stream", headers: Vec::new(), acts }
    }

    /// A body of another kind.
    pub(crate) fn body(status: u16, kind: &'static str, body: &str) -> Self {
        Self { status, kind, headers: Vec::new(), acts: vec![Act::Send(body.as_bytes().to_vec())] }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// A chunk on the wire.
pub(crate) fn chunk(chunk: &Value) -> Act {
    Act::Send(format!("data: {chunk}\n\n").into_bytes())
}

pub(crate) fn text(text: &str) -> Act {
    chunk(&json!({ "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }] }))
}

pub(crate) fn call(index: usize, id: Option<&str>, name: Option<&str>, arguments: &str) -> Act {
    let call = json!({ "index": index, "id": id, "function": { "name": name, "arguments": arguments } });
    chunk(&json!({ "choices": [{ "delta": { "tool_calls": [call] } }] }))
}

pub(crate) fn finish(why: &str) -> Act {
    chunk(&json!({ "choices": [{ "delta": {}, "finish_reason": why }] }))
}

pub(crate) fn done() -> Act {
    Act::Send(b"data: [DONE]\n\n".to_vec())
}

/// A whole answer of one text.
pub(crate) fn says(said: &str) -> Reply {
    Reply::stream(vec![text(said), finish("stop"), done()])
}

#[derive(Clone, Default)]
pub(crate) struct ModelServer {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    requests: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    /// Bodies whose reader is gone before their end.
    pub(crate) broken_off: Arc<AtomicUsize>,
    url: String,
}

impl ModelServer {
    /// A server with these replies, one for each request.
    pub(crate) async fn start(replies: Vec<Reply>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let server = Self { replies: Arc::new(Mutex::new(replies.into())), url, ..Self::default() };
        let router = Router::new().route("/v1/chat/completions", post(answer)).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The bodies of the requests so far.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.requests.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }

    pub(crate) fn keys(&self) -> Vec<Option<String>> {
        let requests = self.requests.lock().unwrap();
        let key =
            |headers: &HeaderMap| headers.get("authorization").map(|key| key.to_str().unwrap().to_owned());
        requests.iter().map(|(headers, _)| key(headers)).collect()
    }
}

/// Counts a body that was not read to its end.
struct Reader {
    acts: VecDeque<Act>,
    broken_off: Arc<AtomicUsize>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        if !self.acts.is_empty() {
            self.broken_off.fetch_add(1, Ordering::SeqCst);
        }
    }
}

async fn answer(State(server): State<ModelServer>, headers: HeaderMap, body: String) -> Response<Body> {
    let body: Value = serde_json::from_str(&body).unwrap();
    server.requests.lock().unwrap().push((headers, body));
    let Some(reply) = server.replies.lock().unwrap().pop_front() else {
        return Response::builder().status(StatusCode::IM_A_TEAPOT).body(Body::empty()).unwrap();
    };
    let reader = Reader { acts: reply.acts.into(), broken_off: Arc::clone(&server.broken_off) };
    let body = stream::unfold(reader, |mut reader| async move {
        loop {
            match reader.acts.front().cloned()? {
                Act::Send(bytes) => {
                    reader.acts.pop_front();
                    return Some((Ok::<_, std::io::Error>(bytes), reader));
                }
                Act::Wait(ms) => {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    reader.acts.pop_front();
                }
                Act::Cut => {
                    reader.acts.clear();
                    return Some((Err(std::io::Error::other("cut")), reader));
                }
                Act::Stall => std::future::pending().await,
            }
        }
    });
    let mut response = Response::builder().status(reply.status).header(header::CONTENT_TYPE, reply.kind);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from_stream(body)).unwrap()
}
