//! One document from the network: the keys of an identity provider.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use crate::{http::chain, tls};

/// Gets what is at a URL, at most `most` bytes. Redirects are not followed: what is trusted stands at the address that
/// was given. Dropping the future ends the request.
///
/// # Errors
/// Why there is no such document.
pub async fn fetch(url: &str, most: usize) -> Result<Bytes, String> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("headwater/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none());
    let scheme = if url.starts_with("https:") { "https" } else { "http" };
    let client = tls::configure(builder, scheme).map_err(|error| error.to_string())?;
    let client = client.build().map_err(|error| chain(&error))?;
    let answer = client.get(url).send().await.map_err(|error| chain(&error))?;
    if !answer.status().is_success() {
        return Err(format!("answered {}", answer.status()));
    }
    let mut pieces = answer.bytes_stream();
    let mut body = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        body.extend_from_slice(&piece.map_err(|error| chain(&error))?);
        if body.len() > most {
            return Err(format!("more than {most} bytes"));
        }
    }
    Ok(body.freeze())
}
