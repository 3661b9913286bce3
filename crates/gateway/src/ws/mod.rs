//! `GET /v1/ws`: many subscriptions on one socket.
//!
//! Messages are JSON objects with a `type`; `docs/websocket.md` has them all. Each subscription is read as a stream of
//! server-sent events is: it pulls from the broker when the socket has room, so that a slow peer costs its own place in
//! the log and nothing else.

mod close;
mod handshake;
mod incoming;
mod outgoing;
mod session;
mod subscription;

pub(crate) use handshake::upgrade;
