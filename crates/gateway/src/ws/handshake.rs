//! From a request to a socket.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use ring::digest;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::protocol::{Role, WebSocketConfig},
};

use super::session::Session;
use crate::{app::App, identity::Right, identity::Vigil, problem::Problem};

/// What the key of a handshake is joined with (RFC 6455).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The longest message that a client may send, in bytes.
const MAX_MESSAGE: usize = 64 * 1024;
/// How much one socket buffers each way, in bytes.
const BUFFER: usize = 16 * 1024;

/// The route.
pub(crate) async fn upgrade(State(app): State<Arc<App>>, mut request: Request) -> Response {
    match accept(&app, &mut request).await {
        Ok(response) => response,
        Err(problem) => {
            let mut response = problem.into_response();
            if response.status() == StatusCode::UPGRADE_REQUIRED {
                let headers = response.headers_mut();
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            response
        }
    }
}

async fn accept(app: &Arc<App>, request: &mut Request) -> Result<Response, Problem> {
    let answer = key(request.headers())?;
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let upgrade = upgrade.ok_or_else(|| required("a socket begins on a connection of HTTP/1.1"))?;
    // Browsers let a page of any origin open a socket, and send its cookies along: what keeps other requests apart does
    // not hold here, so it is looked at before anything else.
    app.admit_origin(request.headers())?;
    let caller = app.admit(request.headers(), request.uri()).await?;
    caller.may(Right::Subscribe)?;
    if app.draining.is_cancelled() {
        return Err(Problem::new("closed", "the server is stopping: come back"));
    }
    let Some(seat) = app.seat() else {
        return Err(Problem::new(
            "too-many-readers",
            "there are as many readers as there may be: come back later",
        ));
    };
    let vigil = Vigil::new(&app.authority, caller);
    // Beside the connection, which ends with the handshake: shutting down waits for sockets too.
    let cut = app.cut.clone();
    app.sockets.spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let socket =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        tokio::select! {
            () = Session::new(seat, vigil, socket).run() => {}
            () = cut.cancelled() => {}
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, answer);
    Ok(response)
}

/// The answer to the key, where the request asks for a socket.
fn key(headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    let asks =
        has_word(headers, &header::UPGRADE, "websocket") && has_word(headers, &header::CONNECTION, "upgrade");
    if !asks {
        return Err(required("there is only a WebSocket here: ask with `Upgrade: websocket`"));
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(required("only version 13 of the WebSocket protocol is spoken"));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    let key = key.filter(|key| STANDARD.decode(key).is_ok_and(|key| key.len() == 16));
    let key = key.ok_or_else(|| required("Sec-WebSocket-Key must be 16 bytes in base64"))?;
    // The protocol asks for SHA-1. Nothing secret hangs on it.
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key);
    hash.update(GUID);
    HeaderValue::try_from(STANDARD.encode(hash.finish()))
        .map_err(|_| required("Sec-WebSocket-Key cannot be answered"))
}

fn has_word(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|have| have.trim().eq_ignore_ascii_case(word))
}

fn required(why: &str) -> Problem {
    Problem::new("upgrade-required", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_answered_as_the_standard_shows() {
        let mut headers = HeaderMap::new();
        headers.insert(header::UPGRADE, "WebSocket".parse().unwrap());
        headers.insert(header::CONNECTION, "keep-alive, Upgrade".parse().unwrap());
        headers.insert(header::SEC_WEBSOCKET_VERSION, "13".parse().unwrap());
        headers.insert(header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==".parse().unwrap());
        assert_eq!(key(&headers).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for (name, value) in [
            (header::SEC_WEBSOCKET_KEY, "short"),
            (header::SEC_WEBSOCKET_VERSION, "8"),
            (header::UPGRADE, "h2c"),
            (header::CONNECTION, "close"),
        ] {
            let mut headers = headers.clone();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(key(&headers).unwrap_err().code(), "upgrade-required");
        }
    }
}
