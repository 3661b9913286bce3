//! The demo with a model that answers over HTTP, as `--model` has it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use crate::support::{headwater, stderr, stdout};

const KEY: &str = "key-that-nobody-may-see";

/// A server with an OpenAI-compatible interface that plays all five agents, or takes no key.
struct Model {
    url: String,
    keys: Arc<Mutex<Vec<String>>>,
}

impl Model {
    fn start(open: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let keys = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&keys);
        // It ends with the test program.
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let noted = Arc::clone(&noted);
                std::thread::spawn(move || answer(connection.unwrap(), open, &noted));
            }
        });
        Self { url, keys }
    }

    fn demo(&self) -> std::process::Output {
        let folder = tempfile::tempdir().unwrap();
        let mut demo = headwater(folder.path());
        demo.args(["demo", "--plain", "--speed", "200", "--model", "model-1"]);
        demo.env("OPENAI_BASE_URL", &self.url).env("OPENAI_API_KEY", KEY).output().unwrap()
    }
}

fn answer(connection: TcpStream, open: bool, keys: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(connection);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).unwrap_or(0) > 2 {
        let (name, value) = line.trim_end().split_once(": ").unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => keys.lock().unwrap().push(value.to_owned()),
            _ => {}
        }
        line.clear();
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() || length == 0 {
        return;
    }
    let (head, said) = if open {
        let chunk = |delta: Value| json!({ "choices": [{ "delta": delta }] });
        let end = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
        let chunks = [
            chunk(json!({ "content": "Well. " })),
            chunk(says(&serde_json::from_slice(&body).unwrap())),
            end,
        ];
        let said: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
        ("200 OK\r\ncontent-type: text/event-stream", format!("{said}data: [DONE]\n\n"))
    } else {
        let refused = json!({ "error": { "message": "this key has expired" } });
        ("401 Unauthorized\r\ncontent-type: application/json", refused.to_string())
    };
    let length = said.len();
    let whole = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{said}");
    reader.get_mut().write_all(whole.as_bytes()).unwrap();
}

/// Calls the tools it has one after the other, and then has nothing to add.
fn says(request: &Value) -> Value {
    let list = |name: &str| request[name].as_array().cloned().unwrap_or_default();
    let done = list("messages").iter().filter(|message| message["role"] == "tool").count();
    let Some(tool) =
        list("tools").get(done).and_then(|tool| tool["function"]["name"].as_str().map(str::to_owned))
    else {
        return json!({ "content": "That is all." });
    };
    let arguments = match tool.as_str() {
        "write_policy" => json!({ "name": "public-api", "per": "client", "rate": 50, "burst": 120 }),
        "simulate" => json!({ "per_second": 40, "seconds": 60 }),
        _ => json!({}),
    };
    let call = json!({ "name": tool, "arguments": arguments.to_string() });
    json!({ "tool_calls": [{ "index": 0, "id": format!("call-{done}"), "function": call }] })
}

#[test]
fn a_model_over_http_plays_the_agents() {
    let model = Model::start(true);
    let demo = model.demo();
    let said = stdout(&demo) + &stderr(&demo);
    assert_eq!(demo.status.code(), Some(0), "{said}");
    assert!(said.contains("accepts the run") && said.contains("missed 0, repeated 0"), "{said}");
    let keys = model.keys.lock().unwrap();
    assert!(keys.len() >= 9 && keys.iter().all(|key| *key == format!("Bearer {KEY}")), "{keys:?}");
    assert!(!said.contains(KEY), "{said}");
}

#[test]
fn a_key_that_has_expired_ends_the_demo_and_is_not_shown() {
    let model = Model::start(false);
    let demo = model.demo();
    let said = stdout(&demo) + &stderr(&demo);
    assert_eq!(demo.status.code(), Some(1), "{said}");
    assert!(said.contains("this key has expired"), "{said}");
    assert_eq!(model.keys.lock().unwrap().len(), 1, "it is not tried again");
    assert!(!said.contains(KEY), "{said}");
}
