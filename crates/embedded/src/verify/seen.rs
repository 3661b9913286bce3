//! Which positions were met.

use headwater_events::Position;

/// A bit for each position behind a first one.
pub(super) struct Seen {
    base: u64,
    bits: Vec<u64>,
}

impl Seen {
    /// Room for `(after, last]`.
    pub(super) fn new(after: Position, last: Position) -> Self {
        let words = last.0.saturating_sub(after.0) / 64 + 1;
        Self { base: after.0, bits: vec![0; usize::try_from(words).unwrap_or(0)] }
    }

    /// Marks a position; gives whether it is the first time and there is room for it.
    pub(super) fn insert(&mut self, position: Position) -> bool {
        let Some((word, bit)) = self.place(position) else {
            return false;
        };
        let Some(word) = self.bits.get_mut(word) else {
            return false;
        };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    pub(super) fn contains(&self, position: Position) -> bool {
        self.place(position).and_then(|(word, bit)| Some(self.bits.get(word)? & bit != 0)).unwrap_or(false)
    }

    /// The positions that are marked here and not in one of the others, which have room for the same ones.
    pub(super) fn without<'a>(&'a self, others: [&'a Self; 2]) -> impl Iterator<Item = Position> + 'a {
        let word = |of: &Self, at: usize| of.bits.get(at).copied().unwrap_or(0);
        self.bits.iter().enumerate().flat_map(move |(at, bits)| {
            let left = bits & !others.iter().fold(u64::MAX, |all, other| all & word(other, at));
            let base = self.base + 1 + at as u64 * 64;
            (0..64).filter(move |bit| left & (1 << bit) != 0).map(move |bit| Position(base + bit))
        })
    }

    fn place(&self, position: Position) -> Option<(usize, u64)> {
        let offset = position.0.checked_sub(self.base + 1)?;
        Some((usize::try_from(offset / 64).ok()?, 1 << (offset % 64)))
    }
}
