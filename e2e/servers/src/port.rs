//! Free ports.

use std::{
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use crate::Error;

/// A port that nobody has, below the range from which the kernel takes ports for clients: a client that looks for a
/// stopped server there could otherwise be given that very port and talk to itself.
pub(crate) fn free() -> Result<SocketAddr, Error> {
    let seed = RandomState::new();
    for attempt in 0..500_u32 {
        let port = 20_000 + u16::try_from(seed.hash_one(attempt) % 12_000).unwrap_or_default();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    Err(Error::failed("no free port between 20000 and 32000"))
}
