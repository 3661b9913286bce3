//! Cursors: opaque places that readers come back to.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Epoch, Place, Position, StreamName, Tenant, lane::scope_hash};

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
            Self::Stream(t, s) => ScopePrint::of_stream(t, s),
            Self::Streams(t, _) | Self::Tenant(t) | Self::Feed(t) => ScopePrint(scope_hash(t.as_str(), None)),
        }
    }
}

/// The fingerprint of a scope: tenant, and stream if it is one. Never the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScopePrint(u64);

impl ScopePrint {
    /// The fingerprint of [`Scope::Stream`].
    #[must_use]
    pub fn of_stream(tenant: &Tenant, stream: &StreamName) -> Self {
        Self(scope_hash(tenant.as_str(), Some(stream.as_str())))
    }
}

/// An opaque, URL-safe token of at most 128 bytes (512 where the place has one number a lane): which scope, which
/// numbering, which place.
///
/// It names a place and grants nothing. Its text form is base64url of a version byte, the scope's fingerprint,
/// the epoch, the place and a check byte pair that tells a cursor from other text.
///
/// ```
/// use headwater_events::{Cursor, Epoch, Position, Scope, Tenant};
/// let scope = Scope::Tenant(Tenant::default());
/// let cursor = Cursor::new(scope.print(), Epoch(7), Position(42));
/// let token = cursor.to_string();
/// assert_eq!(token.parse::<Cursor>().unwrap(), cursor);
/// assert!("42".parse::<Cursor>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor {
    print: ScopePrint,
    epoch: Epoch,
    place: Place,
}

/// The text is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor: pass back one exactly as it was given, or `earliest` or `live`")]
pub struct CursorError;

/// One number.
const VERSION_ONE: u8 = 1;
/// One number a lane.
const VERSION_LANES: u8 = 2;
/// Version, scope, epoch.
const HEAD: usize = 1 + 8 + 4;
const CHECK: usize = 2;
const MAX_TEXT: usize = 512;

impl Cursor {
    /// The cursor at a place of a scope.
    #[must_use]
    pub fn new(print: ScopePrint, epoch: Epoch, place: impl Into<Place>) -> Self {
        Self { print, epoch, place: place.into() }
    }

    /// Which scope the cursor belongs to.
    #[must_use]
    pub const fn scope(&self) -> ScopePrint {
        self.print
    }

    /// Which numbering the place belongs to.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The place: everything up to and including it has been seen.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// The place as one number; of a place with one number a lane the highest, which orders nothing.
    #[must_use]
    pub fn position(&self) -> Position {
        match &self.place {
            Place::One(position) => *position,
            Place::Lanes(lanes) => lanes.iter().copied().max().unwrap_or_default(),
        }
    }

    /// The same scope and epoch at another place.
    #[must_use]
    pub fn at(&self, place: impl Into<Place>) -> Self {
        Self { print: self.print, epoch: self.epoch, place: place.into() }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::One(position) => {
                let mut raw = [0u8; HEAD + 8 + CHECK];
                raw[..HEAD].copy_from_slice(&self.head(VERSION_ONE));
                raw[HEAD..HEAD + 8].copy_from_slice(&position.0.to_be_bytes());
                let check = check(&raw[..HEAD + 8]);
                raw[HEAD + 8..].copy_from_slice(&check);
                let mut text = [0u8; (HEAD + 8 + CHECK).div_ceil(3) * 4];
                let len = URL_SAFE_NO_PAD.encode_slice(raw, &mut text).map_err(|_| fmt::Error)?;
                f.write_str(std::str::from_utf8(&text[..len]).map_err(|_| fmt::Error)?)
            }
            Place::Lanes(lanes) => {
                let mut raw = self.head(VERSION_LANES).to_vec();
                lanes.iter().for_each(|position| put_varint(&mut raw, position.0));
                let check = check(&raw);
                raw.extend(check);
                f.write_str(&URL_SAFE_NO_PAD.encode(raw))
            }
        }
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.len() > MAX_TEXT {
            return Err(CursorError);
        }
        let raw = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let (body, tail) = raw.split_last_chunk::<CHECK>().ok_or(CursorError)?;
        if *tail != check(body) {
            return Err(CursorError);
        }
        let (head, place) = body.split_first_chunk::<HEAD>().ok_or(CursorError)?;
        let place = match head[0] {
            VERSION_ONE => {
                Place::One(Position(u64::from_be_bytes(place.try_into().map_err(|_| CursorError)?)))
            }
            VERSION_LANES => Place::Lanes(varints(place).ok_or(CursorError)?.into()),
            _ => return Err(CursorError),
        };
        Ok(Self {
            print: ScopePrint(u64::from_be_bytes(std::array::from_fn(|i| head[1 + i]))),
            epoch: Epoch(u32::from_be_bytes(std::array::from_fn(|i| head[9 + i]))),
            place,
        })
    }
}

impl Cursor {
    fn head(&self, version: u8) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[0] = version;
        head[1..9].copy_from_slice(&self.print.0.to_be_bytes());
        head[9..].copy_from_slice(&self.epoch.0.to_be_bytes());
        head
    }
}

fn check(body: &[u8]) -> [u8; CHECK] {
    let hash = xxh3_64(body).to_be_bytes();
    [hash[0], hash[1]]
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Every number of the bytes; `None` where one is cut off or too large.
fn varints(bytes: &[u8]) -> Option<Vec<Position>> {
    let (mut all, mut number, mut shift) = (Vec::new(), 0u64, 0);
    for byte in bytes {
        let part = u64::from(byte & 0x7f);
        number |= part.checked_shl(shift).filter(|moved| moved >> shift == part)?;
        shift += 7;
        if byte & 0x80 == 0 {
            all.push(Position(number));
            (number, shift) = (0, 0);
        }
    }
    (shift == 0).then_some(all)
}
