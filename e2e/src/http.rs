//! The smallest HTTP client: one request, one answer, no library that could hide a fault.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Gets `path` and gives status and body.
///
/// # Errors
/// The server does not answer, or not in HTTP.
pub fn get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    call(address, &format!("GET {path} HTTP/1.1\r\n"), "")
}

/// Publishes one CloudEvent in structured mode and gives status and body.
///
/// # Errors
/// The server does not answer, or not in HTTP.
pub fn publish(address: SocketAddr, event: &str) -> Result<(u16, String)> {
    send(address, "POST", "/v1/events", "application/cloudevents+json", event)
}

/// Puts JSON to `path` and gives status and body.
///
/// # Errors
/// The server does not answer, or not in HTTP.
pub fn put(address: SocketAddr, path: &str, json: &str) -> Result<(u16, String)> {
    send(address, "PUT", path, "application/json", json)
}

fn send(address: SocketAddr, method: &str, path: &str, kind: &str, body: &str) -> Result<(u16, String)> {
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n");
    call(address, &head, body)
}

fn call(address: SocketAddr, head: &str, body: &str) -> Result<(u16, String)> {
    let mut socket = TcpStream::connect_timeout(&address, TIMEOUT)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    write!(socket, "{head}Host: {address}\r\nAccept: application/json\r\nConnection: close\r\n\r\n{body}")?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    let answer = String::from_utf8(answer).context("answer is not UTF-8")?;
    let (head, body) = answer.split_once("\r\n\r\n").context("answer has no head")?;
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).context("answer has no status")?;
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    Ok((status, if chunked { unchunk(body)? } else { body.to_owned() }))
}

fn unchunk(mut body: &str) -> Result<String> {
    let mut whole = String::new();
    loop {
        let (size, rest) = body.split_once("\r\n").context("chunk has no size")?;
        let size = usize::from_str_radix(size.split(';').next().unwrap_or("").trim(), 16)?;
        if size == 0 {
            return Ok(whole);
        }
        whole.push_str(rest.get(..size).context("chunk is cut short")?);
        body = rest.get(size + 2..).context("chunk is cut short")?;
    }
}

#[cfg(test)]
mod tests {
    use super::unchunk;

    #[test]
    fn joins_chunks_and_refuses_a_cut_one() {
        assert_eq!(unchunk("3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n").unwrap(), "abcde");
        assert!(unchunk("5\r\nabc\r\n").is_err());
    }
}
