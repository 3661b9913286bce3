//! MessagePack, as far as the scripts speak it.

use headwater_store::Error;

/// Writes a plan for a script.
#[derive(Debug, Default)]
pub(crate) struct Packer(Vec<u8>);

impl Packer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// An array of `len` values follows.
    pub(crate) fn array(&mut self, len: usize) -> &mut Self {
        self.0.push(0xdd);
        self.0.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
        self
    }

    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn number(&mut self, n: u64) -> &mut Self {
        match n {
            0..=0x7f => self.0.push(n as u8),
            0x80..=0xffff => {
                self.0.push(0xcd);
                self.0.extend_from_slice(&(n as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                self.0.push(0xce);
                self.0.extend_from_slice(&(n as u32).to_be_bytes());
            }
            _ => {
                self.0.push(0xcf);
                self.0.extend_from_slice(&n.to_be_bytes());
            }
        }
        self
    }

    pub(crate) fn text(&mut self, text: &[u8]) -> &mut Self {
        self.0.push(0xdb);
        self.0.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend_from_slice(text);
        self
    }
}

/// An array of numbers, as the scripts pack records. None of them has a fraction or is negative.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn numbers(mut bytes: &[u8]) -> Result<Vec<u64>, Error> {
    let damaged = || Error::corrupt(None, "a record of a run is not readable");
    let take = |bytes: &mut &[u8], len: usize| -> Result<u64, Error> {
        let (front, rest) = bytes.split_at_checked(len).ok_or_else(damaged)?;
        *bytes = rest;
        Ok(front.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
    };
    let count = match take(&mut bytes, 1)? {
        n @ 0x90..=0x9f => n & 0xf,
        0xdc => take(&mut bytes, 2)?,
        0xdd => take(&mut bytes, 4)?,
        _ => return Err(damaged()),
    };
    let number = |bytes: &mut &[u8]| match take(bytes, 1)? {
        n @ 0..=0x7f => Ok(n),
        0xcc | 0xd0 => take(bytes, 1),
        0xcd | 0xd1 => take(bytes, 2),
        0xce | 0xd2 => take(bytes, 4),
        0xcf | 0xd3 => take(bytes, 8),
        0xca => Ok(f32::from_bits(take(bytes, 4)? as u32) as u64),
        0xcb => Ok(f64::from_bits(take(bytes, 8)?) as u64),
        _ => Err(damaged()),
    };
    (0..count).map(|_| number(&mut bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let wanted = [0, 127, 128, 65_535, 65_536, 1 << 32, (1 << 53) - 1];
        let mut packer = Packer::default();
        packer.array(wanted.len());
        wanted.iter().for_each(|n| {
            packer.number(*n);
        });
        let bytes = packer.into_bytes();
        assert_eq!(numbers(&bytes).unwrap(), wanted);
        assert!(numbers(&bytes[..bytes.len() - 1]).is_err());
        assert!(numbers(b"").is_err() && numbers(b"\xa1x").is_err());
    }
}
