//! Cursors: opaque places that readers come back to.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Epoch, Position, StreamName, Tenant, lane::scope_hash};

/// What a reader reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One stream: durable and transient events, in order.
    Stream(Tenant, StreamName),
    /// Several streams of a tenant on one cursor: durable and transient events, in log order.
    Streams(Tenant, Vec<StreamName>),
    /// The whole tenant: durable events.
    Tenant(Tenant),
    /// The tenant's feed: every class, as far back as `follow` reaches. For programs in process and administrators.
    Feed(Tenant),
}

impl Scope {
    /// The tenant the scope lies in.
    #[must_use]
    pub const fn tenant(&self) -> &Tenant {
        match self {
            Self::Stream(t, _) | Self::Streams(t, _) | Self::Tenant(t) | Self::Feed(t) => t,
        }
    }

    /// The fingerprint that cursors of this scope carry. Cursors of the tenant, of its feed and of several of
    /// its streams are interchangeable; a cursor of one stream is not.
    #[must_use]
    pub fn print(&self) -> ScopePrint {
        match self {
            Self::Stream(t, s) => ScopePrint(scope_hash(t.as_str(), Some(s.as_str()))),
            Self::Streams(t, _) | Self::Tenant(t) | Self::Feed(t) => ScopePrint(scope_hash(t.as_str(), None)),
        }
    }
}

/// The fingerprint of a scope: tenant, and stream if it is one. Never the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScopePrint(u64);

/// An opaque, URL-safe token of at most 128 bytes: which scope, which numbering, which place.
///
/// It names a place and grants nothing. Its text form is base64url of a version byte, the scope's fingerprint,
/// the epoch, the position and a check byte pair that tells a cursor from other text.
///
/// ```
/// use headwater_events::{Cursor, Epoch, Position, Scope, Tenant};
/// let scope = Scope::Tenant(Tenant::default());
/// let cursor = Cursor::new(scope.print(), Epoch(7), Position(42));
/// let token = cursor.to_string();
/// assert_eq!(token.parse::<Cursor>().unwrap(), cursor);
/// assert!("42".parse::<Cursor>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    print: ScopePrint,
    epoch: Epoch,
    position: Position,
}

/// The text is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor: pass back one exactly as it was given, or `earliest` or `live`")]
pub struct CursorError;

const VERSION: u8 = 1;
const BODY: usize = 1 + 8 + 4 + 8;

impl Cursor {
    /// The cursor at `position` of a scope.
    #[must_use]
    pub const fn new(print: ScopePrint, epoch: Epoch, position: Position) -> Self {
        Self { print, epoch, position }
    }

    /// Which scope the cursor belongs to.
    #[must_use]
    pub const fn scope(&self) -> ScopePrint {
        self.print
    }

    /// Which numbering the position belongs to.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The place: everything up to and including it has been seen.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The same scope and epoch at another position.
    #[must_use]
    pub const fn at(mut self, position: Position) -> Self {
        self.position = position;
        self
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut raw = [0u8; BODY + 2];
        raw[0] = VERSION;
        raw[1..9].copy_from_slice(&self.print.0.to_be_bytes());
        raw[9..13].copy_from_slice(&self.epoch.0.to_be_bytes());
        raw[13..21].copy_from_slice(&self.position.0.to_be_bytes());
        let check = check(&raw[..BODY]);
        raw[BODY..].copy_from_slice(&check);
        let mut text = [0u8; (BODY + 2).div_ceil(3) * 4];
        let len = URL_SAFE_NO_PAD.encode_slice(raw, &mut text).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&text[..len]).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.len() > 128 {
            return Err(CursorError);
        }
        let raw = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let raw: [u8; BODY + 2] = raw.try_into().map_err(|_| CursorError)?;
        if raw[0] != VERSION || raw[BODY..] != check(&raw[..BODY]) {
            return Err(CursorError);
        }
        let word = |at: usize| -> [u8; 8] { std::array::from_fn(|i| raw[at + i]) };
        Ok(Self {
            print: ScopePrint(u64::from_be_bytes(word(1))),
            epoch: Epoch(u32::from_be_bytes(std::array::from_fn(|i| raw[9 + i]))),
            position: Position(u64::from_be_bytes(word(13))),
        })
    }
}

fn check(body: &[u8]) -> [u8; 2] {
    let hash = xxh3_64(body).to_be_bytes();
    [hash[0], hash[1]]
}
