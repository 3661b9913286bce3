//! Asking a server whether it is there.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

const PATIENCE: Duration = Duration::from_millis(500);

/// Says something and gives the beginning of the answer: at least `least` bytes.
pub(crate) fn ask(address: SocketAddr, question: &[u8], least: usize) -> Option<Vec<u8>> {
    let mut socket = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    socket.write_all(question).ok()?;
    let mut answer = Vec::new();
    let mut part = [0; 1024];
    while answer.len() < least {
        let count = socket.read(&mut part).ok()?;
        if count == 0 {
            return None;
        }
        answer.extend_from_slice(&part[..count]);
    }
    Some(answer)
}
