//! The little of DER that a public key in a PEM file needs: its algorithm and its bits.

/// The object identifier of the algorithm, and the key's bits, of a `SubjectPublicKeyInfo`.
pub(super) fn parse(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (info, _) = element(der, SEQUENCE)?;
    let (algorithm, rest) = element(info, SEQUENCE)?;
    let (oid, _) = element(algorithm, OBJECT_IDENTIFIER)?;
    let (bits, _) = element(rest, BIT_STRING)?;
    // The first byte says how many bits of the last one are not meant: none in a key.
    bits.split_first().filter(|(unused, _)| **unused == 0).map(|(_, bits)| (oid, bits))
}

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BIT_STRING: u8 = 0x03;

/// The content of the first element, where it has this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => rest.split_first().map(|(&byte, rest)| (usize::from(byte), rest))?,
        0x82 => {
            rest.split_first_chunk().map(|(bytes, rest)| (usize::from(u16::from_be_bytes(*bytes)), rest))?
        }
        _ => return None,
    };
    (found == tag && length <= rest.len()).then(|| rest.split_at(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_is_none() {
        let der = [0x30, 0x0b, 0x30, 0x03, 0x06, 0x01, 0x2a, 0x03, 0x04, 0x00, 1, 2, 3];
        assert_eq!(parse(&der), Some((&[0x2a][..], &[1, 2, 3][..])));
        for end in 0..der.len() {
            assert_eq!(parse(&der[..end]), None, "{end}");
        }
    }
}
